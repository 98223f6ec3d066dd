/*
 * res_coach: which channel is in which ConfBridge.
 *
 * Asterisk tells of it late, from a thread of its own. Privacy does not wait for that: see read_path.c.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "conference.h"

#include "names.h"

#include "asterisk/astobj2.h"
#include "asterisk/linkedlists.h"

/* One ConfBridge while somebody is in it. `membership_lock`. */
struct conference {
	char name[COACH_MAX_NAME_BYTES + 1]; /* as the engine takes it */
	struct ast_bridge *bridge;           /* a reference */
	coach_room_t room;
	struct name *room_name;              /* the room's, which is open: the engine holds it */
	unsigned int members;
	unsigned int outlasts:1;             /* the next one of its name waits for its end, which has been logged */
	unsigned int last_number;            /* ConfBridge numbers nobody: we count */
	AST_LIST_ENTRY(conference) entry;
};

AST_MUTEX_DEFINE_STATIC(membership_lock);
static AST_LIST_HEAD_NOLOCK_STATIC(conferences, conference);

/* Besides white space and control characters, those in `others` are written %xx. */
static int escape(const char *name, const char *others, char *room)
{
	size_t at = 0;

	for (; *name; name++) {
		unsigned char c = *name;
		int plain = c > ' ' && c != 0x7f && !strchr(others, c);

		if (at + (plain ? 1 : 3) > COACH_MAX_NAME_BYTES) {
			return -1;
		}
		at += sprintf(room + at, plain ? "%c" : "%%%02x", c);
	}
	room[at] = '\0';
	return 0;
}

int conference_name(const char *name, char *room)
{
	return escape(name, "%", room);
}

int conference_given(const char *name, char *room)
{
	return escape(name, "", room);
}

static void conference_close(struct conference *conference)
{
	AST_LIST_REMOVE(&conferences, conference, entry);
	coach_room_close(conference->room);
	ao2_ref(conference->bridge, -1);
	ast_free(conference);
}

/* The conference of a bridge, opened where it is new. */
static struct conference *conference_obtain(struct ast_bridge *bridge)
{
	coach_room_config_t config = COACH_ROOM_CONFIG_INIT;
	struct conference *conference;

	AST_LIST_TRAVERSE(&conferences, conference, entry) {
		if (conference->bridge == bridge) {
			return conference;
		}
		if (!strcmp(conference->bridge->name, bridge->name)) {
			/* The one before of that name has not ended. With the last of its members it does, and `rescan` is there for both. */
			if (!conference->outlasts) {
				conference->outlasts = 1;
				ast_log(LOG_NOTICE, "Coach waits for the end of an earlier conference '%s': until then nobody hears who speaks"
					" privately in this one\n", bridge->name);
			}
			return NULL;
		}
	}
	conference = ast_calloc(1, sizeof(*conference));
	if (!conference) {
		return NULL;
	}
	config.user_data = conference->room_name = name_make(bridge->uniqueid);
	config.release = name_free;
	if (conference_name(bridge->name, conference->name)
		|| coach_room_open(engine, conference->name, &config, &conference->room)) {
		ast_log(LOG_ERROR, "Coach cannot serve the conference '%s': %s\n", bridge->name, coach_last_error());
		name_free(conference->room_name);
		ast_free(conference);
		return NULL;
	}
	conference->bridge = ao2_bump(bridge);
	AST_LIST_INSERT_TAIL(&conferences, conference, entry);
	return conference;
}

/* Where commands find it. */
static void place(struct leg *leg, const char *room, unsigned int number)
{
	ao2_lock(leg);
	strcpy(leg->room, room);
	leg->number = number;
	ao2_unlock(leg);
}

void conference_leave(struct leg *leg)
{
	struct conference *conference = leg->conference;

	if (!conference) {
		return;
	}
	if (conference->members == 1) {
		/* Before the engine tells that it has left. */
		name_set_last(conference->room_name, leg->member);
	}
	coach_member_leave(leg->member);
	leg->conference = NULL;
	place(leg, "", 0);
	if (!--conference->members) {
		conference_close(conference);
	}
}

/* Nonzero: the engine does not take it. */
static int admit(struct leg *leg, struct conference *conference)
{
	unsigned int number = conference->last_number + 1;

	/* Before the engine tells of it, and somebody acts on that. */
	place(leg, conference->name, number);
	if (coach_member_join(leg->member, conference->room, number)) {
		ast_log(LOG_ERROR, "Coach cannot take %s into %s: %s\n", leg->call_id, conference->name, coach_last_error());
		place(leg, "", 0);
		return -1;
	}
	conference->last_number = number;
	return 0;
}

void conference_join(struct leg *leg, struct ast_bridge *bridge)
{
	struct conference *conference = conference_obtain(bridge);

	if (!conference) {
		return;
	}
	if (admit(leg, conference)) {
		if (!conference->members) {
			conference_close(conference);
		}
		return;
	}
	leg->conference = conference;
	conference->members++;
}

void conference_admit(struct leg *leg)
{
	if (leg->conference && admit(leg, leg->conference)) {
		conference_leave(leg);
	}
}

void conferences_stop(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		conference_leave(leg);
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

void conference_lock(void)
{
	ast_mutex_lock(&membership_lock);
}

void conference_unlock(void)
{
	ast_mutex_unlock(&membership_lock);
}

struct ast_bridge *conference_bridge_of(const struct leg *leg)
{
	return leg->conference ? leg->conference->bridge : NULL;
}
