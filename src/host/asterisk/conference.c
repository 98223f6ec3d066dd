/*
 * res_coach: which channel is in which ConfBridge.
 *
 * Asterisk tells of it late, from a thread of its own. Privacy does not wait for that: a hook works only in the bridge that it
 * was placed in (said.c, heard.c), and until then private speech is heard by nobody.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "shim.h"

#include "asterisk/astobj2.h"
#include "asterisk/bridge.h"
#include "asterisk/linkedlists.h"

/* One ConfBridge while somebody is in it. `settling`. */
struct conference {
	char name[COACH_MAX_NAME_BYTES + 1]; /* as the engine takes it */
	struct ast_bridge *bridge;           /* a reference */
	coach_room_t room;
	unsigned int members;
	unsigned int outlasts:1;             /* the next one of its name waits for its end, which has been logged */
	unsigned int last_number;            /* ConfBridge numbers nobody: we count */
	AST_LIST_ENTRY(conference) entry;
};

AST_MUTEX_DEFINE_STATIC(settling);
static AST_LIST_HEAD_NOLOCK_STATIC(conferences, conference);

int is_confbridge(const struct ast_bridge *bridge)
{
	return bridge && !strcmp(bridge->creator, "ConfBridge");
}

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
	identity_ends(IDENTITY_OF_ROOM, conference->room);
	ao2_ref(conference->bridge, -1);
	ast_free(conference);
}

/* The conference of a bridge, opened where it is new. */
static struct conference *conference_obtain(struct ast_bridge *bridge)
{
	struct conference *conference;

	AST_LIST_TRAVERSE(&conferences, conference, entry) {
		if (conference->bridge == bridge) {
			return conference;
		}
		if (!strcmp(conference->bridge->name, bridge->name)) {
			/* The one before of that name has not ended. With the last of its members it does, and `settle_room` is there for both. */
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
	if (conference_name(bridge->name, conference->name)
		|| coach_room_open(engine, conference->name, NULL, &conference->room)) {
		ast_log(LOG_ERROR, "Coach cannot serve the conference '%s': %s\n", bridge->name, coach_last_error());
		ast_free(conference);
		return NULL;
	}
	identity_begins(IDENTITY_OF_ROOM, conference->room, bridge->uniqueid);
	conference->bridge = ao2_bump(bridge);
	AST_LIST_INSERT_TAIL(&conferences, conference, entry);
	return conference;
}

void conference_bridge(struct leg *leg, char *uniqueid)
{
	ast_mutex_lock(&settling);
	ast_copy_string(uniqueid, leg->conference ? leg->conference->bridge->uniqueid : "", BRIDGE_ID);
	ast_mutex_unlock(&settling);
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
		identity_last(conference->room, leg->member);
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

static void join(struct leg *leg, struct ast_bridge *bridge)
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

/* The ConfBridge that a channel is in now, a reference, or NULL. Announcers and recorders are ConfBridge's own and no members. */
static struct ast_bridge *bridge_of(struct ast_channel *chan)
{
	struct ast_bridge *bridge;
	struct ast_bridge_channel *in;

	ast_channel_lock(chan);
	bridge = ast_channel_internal_bridge(chan);
	in = ast_channel_internal_bridge_channel(chan);
	bridge = is_confbridge(bridge) && in && in->in_bridge
			&& !(ast_channel_tech(chan)->properties & AST_CHAN_TP_INTERNAL)
		? ao2_bump(bridge) : NULL;
	ast_channel_unlock(chan);
	return bridge;
}

/* What the hook has to know of the leg's place, and the engine of what the hook has seen. */
static void tell(struct leg *leg, struct ast_channel *chan)
{
	int muted, held, passes;

	mode_change_begins();
	if (leg->conference) {
		/* Before the hook hands what it says to the engine. */
		mode_pass(leg, 0);
	}
	ast_channel_lock(chan);
	passes = hook_place(leg->hook, leg->conference ? leg->conference->bridge : NULL);
	hook_seen(leg->hook, &muted, &held);
	hook_check(chan, leg);
	if (!leg->gone && !leg->speak_only_to) {
		/* Somebody may have taken it off. */
		hook_attach(chan, leg);
	}
	ast_channel_unlock(chan);
	mode_pass(leg, passes);
	mode_change_ends();
	coach_member_mute(leg->member, muted);
	coach_member_hold(leg->member, held);
}

static void settle_leg(struct leg *leg, struct ast_channel *chan, struct ast_bridge *bridge)
{
	if (chan && leg_is_displaced(leg)) {
		seat_hand_over(leg, chan);
	}
	if (leg->conference && leg->conference->bridge != bridge) {
		conference_leave(leg);
	}
	if (bridge && !leg->conference) {
		join(leg, bridge);
		if (leg->conference) {
			misspelt_variables(leg, chan);
		}
	}
	if (chan && leg->hook) {
		tell(leg, chan);
	}
	if (leg->gone || (!leg->conference && !leg->hook)) {
		leg_drop(leg);
	}
}

/* Legs whose channel another leg has, by a transfer, are in no conference. */
static void settle_astray(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		if (leg->astray) {
			ast_mutex_lock(&settling);
			settle_leg(leg, NULL, NULL);
			ast_mutex_unlock(&settling);
			if (leg->hook && !leg->gone) {
				seat_give_way(leg);
			}
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

void settle(const char *uniqueid)
{
	struct ast_channel *chan;
	struct ast_bridge *bridge;
	struct leg *leg;

	if (ast_strlen_zero(uniqueid)) {
		settle_astray();
		return;
	}
	leg = leg_find(uniqueid);
	chan = leg && leg->hook ? leg_channel(leg) : ast_channel_get_by_name(uniqueid);
	ao2_cleanup(leg);
	ast_mutex_lock(&settling);
	bridge = chan ? bridge_of(chan) : NULL;
	leg = bridge ? leg_obtain(chan) : leg_find(uniqueid);
	if (leg) {
		settle_leg(leg, chan, bridge);
		ao2_ref(leg, -1);
	}
	ast_mutex_unlock(&settling);
	ao2_cleanup(bridge);
	ast_channel_cleanup(chan);
}

struct leg *leg_settled(const char *uniqueid)
{
	struct leg *leg = leg_find(uniqueid);

	if (leg && leg_is_displaced(leg)) {
		settle(uniqueid);
	}
	return leg;
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
