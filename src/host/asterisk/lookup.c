/*
 * res_coach: finds members by what people name them: number, channel, unique id.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "lookup.h"

#include "sync.h"

#include "asterisk/astobj2.h"
#include "asterisk/strings.h"

static int is_in(struct leg *leg, const char *room)
{
	char own[COACH_MAX_NAME_BYTES + 1];

	return leg_room(leg, own) && !strcmp(own, room);
}

struct leg *leg_called(const char *channel)
{
	struct ast_channel *chan = ast_strlen_zero(channel) ? NULL : ast_channel_get_by_name(channel);
	struct leg *leg = chan ? leg_synced(ast_channel_uniqueid(chan)) : NULL;

	if (chan && !leg) {
		/* It may be in a conference, and nobody has told of it: see rescan. */
		sync_channel(ast_channel_uniqueid(chan));
		leg = leg_find(ast_channel_uniqueid(chan));
	}
	ast_channel_cleanup(chan);
	return leg;
}

static int is_called(struct leg *leg, const char *member)
{
	char call_id[AST_CHANNEL_NAME];

	leg_call_id(leg, call_id);
	return !strcmp(call_id, member);
}

struct leg *member_find(const char *room, const char *member)
{
	int is_number = !member[strspn(member, "0123456789")];
	struct leg *called = is_number ? NULL : leg_called(member), *leg;
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);

	while ((leg = ao2_iterator_next(&all))) {
		if (is_in(leg, room)
			&& (is_number ? leg->number == strtoul(member, NULL, 10) : leg == called || is_called(leg, member))) {
			break;
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	ao2_cleanup(called);
	return leg;
}

/* -------------------------------------------------------------------------------------------- tab completion ---- */

static void each(void (*of)(struct leg *, const char *, offer_fn *), const char *room, const char *typed, offer_fn *offer)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		if (!room || is_in(leg, room)) {
			of(leg, typed, offer);
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

static void of_room(struct leg *leg, const char *typed, offer_fn *offer)
{
	char room[COACH_MAX_NAME_BYTES + 1];

	if (leg_room(leg, room)) {
		offer(room, typed);
	}
}

static void of_call_id(struct leg *leg, const char *typed, offer_fn *offer)
{
	char call_id[AST_CHANNEL_NAME];

	leg_call_id(leg, call_id);
	offer(call_id, typed);
}

static void of_tags(struct leg *leg, const char *typed, offer_fn *offer)
{
	char *tags, *tag;

	ao2_lock(leg);
	tags = ast_strdupa(S_OR(leg->tags, ""));
	ao2_unlock(leg);
	while ((tag = strsep(&tags, ","))) {
		offer(tag, typed);
	}
}

void each_room(const char *typed, offer_fn *offer)
{
	each(of_room, NULL, typed, offer);
}

void each_member(const char *room, const char *typed, offer_fn *offer)
{
	each(of_call_id, room, typed, offer);
}

void each_tag(const char *room, const char *typed, offer_fn *offer)
{
	each(of_tags, room, typed, offer);
}
