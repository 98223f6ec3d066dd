/*
 * res_coach: what Asterisk calls the engine's members and rooms, for the events.
 *
 * Each has one unique id for all its life: a member that of its call, a room that of its conference's bridge. The engine may tell the
 * last of them when they have gone, so they are known for a while longer. Events come from any thread: nobody who holds this lock
 * takes another.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "names.h"

#include "asterisk/linkedlists.h"
#include "asterisk/utils.h"

/* The engine tells an event some milliseconds after it happened. */
#define KEPT_S 60

struct known {
	AST_LIST_ENTRY(known) entry;
	enum name_of of;
	uint64_t handle;
	coach_member_t last;     /* a room's: with that member it ends */
	struct timeval ended;    /* zero while it lives */
	char uniqueid[];
};

#define BUCKETS 1024

static AST_LIST_HEAD_NOLOCK(bucket, known) buckets[BUCKETS];
AST_MUTEX_DEFINE_STATIC(lock);
/* Where those that have ended are looked for next: a few buckets each time that one begins. */
static size_t sweep;

static struct bucket *bucket_of(uint64_t handle)
{
	/* Handles differ in their low half first, and where a place is used again, in the high one. */
	return &buckets[(handle ^ (handle >> 32)) % BUCKETS];
}

static struct known *find(enum name_of of, uint64_t handle)
{
	struct known *known;

	AST_LIST_TRAVERSE(bucket_of(handle), known, entry) {
		if (known->of == of && known->handle == handle) {
			break;
		}
	}
	return known;
}

static void free_old(struct bucket *bucket, int64_t older_than_ms)
{
	struct timeval now = ast_tvnow();
	struct known *known;

	AST_LIST_TRAVERSE_SAFE_BEGIN(bucket, known, entry) {
		if (older_than_ms < 0 || (!ast_tvzero(known->ended) && ast_tvdiff_ms(now, known->ended) > older_than_ms)) {
			AST_LIST_REMOVE_CURRENT(entry);
			ast_free(known);
		}
	}
	AST_LIST_TRAVERSE_SAFE_END;
}

void name_begins(enum name_of of, uint64_t handle, const char *uniqueid)
{
	struct known *known = ast_calloc(1, sizeof(*known) + strlen(uniqueid) + 1);

	if (!known) {
		return; /* its events come without */
	}
	known->of = of;
	known->handle = handle;
	strcpy(known->uniqueid, uniqueid); /* there is room for it */
	ast_mutex_lock(&lock);
	for (int i = 0; i < 8; i++) {
		free_old(&buckets[sweep++ % BUCKETS], KEPT_S * 1000);
	}
	AST_LIST_INSERT_HEAD(bucket_of(handle), known, entry);
	ast_mutex_unlock(&lock);
}

void name_ends(enum name_of of, uint64_t handle)
{
	struct known *known;

	ast_mutex_lock(&lock);
	known = find(of, handle);
	if (known) {
		known->ended = ast_tvnow();
	}
	ast_mutex_unlock(&lock);
}

void name_of(enum name_of of, uint64_t handle, char *uniqueid, size_t size)
{
	struct known *known;

	ast_mutex_lock(&lock);
	known = find(of, handle);
	ast_copy_string(uniqueid, known ? known->uniqueid : "", size);
	ast_mutex_unlock(&lock);
}

void name_set_last(coach_room_t room, coach_member_t member)
{
	struct known *known;

	ast_mutex_lock(&lock);
	known = find(NAME_OF_ROOM, room);
	if (known) {
		known->last = member;
	}
	ast_mutex_unlock(&lock);
}

int name_is_last(coach_room_t room, coach_member_t member)
{
	struct known *known;
	int is;

	ast_mutex_lock(&lock);
	known = find(NAME_OF_ROOM, room);
	is = known && known->last == member;
	ast_mutex_unlock(&lock);
	return is;
}

void names_stop(void)
{
	ast_mutex_lock(&lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		free_old(&buckets[i], -1);
	}
	ast_mutex_unlock(&lock);
}
