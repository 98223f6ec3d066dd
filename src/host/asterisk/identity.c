/*
 * res_coach: what Asterisk calls the engine's members and rooms, for the events.
 *
 * Each has one unique id for all its life: a member that of its call, a room that of its conference's bridge. The engine may tell the
 * last of them when they have gone, so they are known for a while longer. Events come from any thread: nobody who holds this lock
 * takes another.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "shim.h"

#include "asterisk/linkedlists.h"
#include "asterisk/utils.h"

/* The engine tells an event some milliseconds after it happened. */
#define KEPT_S 60

struct identity {
	AST_LIST_ENTRY(identity) entry;
	enum identity_of of;
	uint64_t handle;
	coach_member_t last;     /* a room's: with that member it ends */
	struct timeval ended;    /* zero while it lives */
	char uniqueid[];
};

#define BUCKETS 1024

static AST_LIST_HEAD_NOLOCK(bucket, identity) buckets[BUCKETS];
AST_MUTEX_DEFINE_STATIC(lock);
/* Where those that have ended are looked for next: a few buckets each time that one begins. */
static size_t sweep;

static struct bucket *bucket_of(uint64_t handle)
{
	/* Handles differ in their low half first, and where a place is used again, in the high one. */
	return &buckets[(handle ^ (handle >> 32)) % BUCKETS];
}

static struct identity *find(enum identity_of of, uint64_t handle)
{
	struct identity *identity;

	AST_LIST_TRAVERSE(bucket_of(handle), identity, entry) {
		if (identity->of == of && identity->handle == handle) {
			break;
		}
	}
	return identity;
}

static void free_old(struct bucket *bucket, int64_t older_than_ms)
{
	struct timeval now = ast_tvnow();
	struct identity *identity;

	AST_LIST_TRAVERSE_SAFE_BEGIN(bucket, identity, entry) {
		if (older_than_ms < 0 || (!ast_tvzero(identity->ended) && ast_tvdiff_ms(now, identity->ended) > older_than_ms)) {
			AST_LIST_REMOVE_CURRENT(entry);
			ast_free(identity);
		}
	}
	AST_LIST_TRAVERSE_SAFE_END;
}

void identity_begins(enum identity_of of, uint64_t handle, const char *uniqueid)
{
	struct identity *identity = ast_calloc(1, sizeof(*identity) + strlen(uniqueid) + 1);

	if (!identity) {
		return; /* its events come without */
	}
	identity->of = of;
	identity->handle = handle;
	strcpy(identity->uniqueid, uniqueid); /* there is room for it */
	ast_mutex_lock(&lock);
	for (int i = 0; i < 8; i++) {
		free_old(&buckets[sweep++ % BUCKETS], KEPT_S * 1000);
	}
	AST_LIST_INSERT_HEAD(bucket_of(handle), identity, entry);
	ast_mutex_unlock(&lock);
}

void identity_ends(enum identity_of of, uint64_t handle)
{
	struct identity *identity;

	ast_mutex_lock(&lock);
	identity = find(of, handle);
	if (identity) {
		identity->ended = ast_tvnow();
	}
	ast_mutex_unlock(&lock);
}

void identity_of(enum identity_of of, uint64_t handle, char *uniqueid, size_t size)
{
	struct identity *identity;

	ast_mutex_lock(&lock);
	identity = find(of, handle);
	ast_copy_string(uniqueid, identity ? identity->uniqueid : "", size);
	ast_mutex_unlock(&lock);
}

void identity_last(coach_room_t room, coach_member_t member)
{
	struct identity *identity;

	ast_mutex_lock(&lock);
	identity = find(IDENTITY_OF_ROOM, room);
	if (identity) {
		identity->last = member;
	}
	ast_mutex_unlock(&lock);
}

int identity_is_last(coach_room_t room, coach_member_t member)
{
	struct identity *identity;
	int is;

	ast_mutex_lock(&lock);
	identity = find(IDENTITY_OF_ROOM, room);
	is = identity && identity->last == member;
	ast_mutex_unlock(&lock);
	return is;
}

void identities_stop(void)
{
	ast_mutex_lock(&lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		free_old(&buckets[i], -1);
	}
	ast_mutex_unlock(&lock);
}
