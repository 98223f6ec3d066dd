/*
 * res_coach: brings a leg in line with where its channel is.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "sync.h"

#include "conference.h"
#include "framehook.h"
#include "misspelt.h"
#include "record.h"
#include "sync_queue.h"
#include "transfer.h"

#include "asterisk/astobj2.h"

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

	record_begins();
	if (leg->conference) {
		/* Before the hook hands what it says to the engine. */
		record_bypass(leg, 0);
	}
	ast_channel_lock(chan);
	if (leg->speak_only_to) {
		hook_listen(leg->hook);
	}
	passes = hook_place(leg->hook, conference_bridge_of(leg));
	hook_seen(leg->hook, &muted, &held);
	hook_check(chan, leg->hook);
	if (!leg->gone && !leg->speak_only_to) {
		/* Somebody may have taken it off. */
		hook_attach(chan, leg->hook);
	}
	ast_channel_unlock(chan);
	record_bypass(leg, passes);
	record_ends();
	coach_member_mute(leg->member, muted);
	coach_member_hold(leg->member, held);
}

static void sync_leg(struct leg *leg, struct ast_channel *chan, struct ast_bridge *bridge)
{
	if (chan && leg_is_replaced(leg)) {
		transfer_hand_over(leg, chan);
	}
	if (leg->conference && conference_bridge_of(leg) != bridge) {
		conference_leave(leg);
	}
	if (bridge && !leg->conference) {
		conference_join(leg, bridge);
		if (leg->conference && misspelt_variables(leg, chan)) {
			close_soon(ast_channel_uniqueid(chan));
		}
	}
	if (chan && leg->hook) {
		tell(leg, chan);
	}
	if (leg->gone || (!leg->conference && !leg->hook)) {
		leg_drop(leg);
	}
}

/* A leg that was displaced ends: the one whose channel it was brought to has taken over from it what it needs. */
static void give_way(struct leg *leg)
{
	struct ast_channel *chan = leg_channel(leg);
	struct leg *stays = chan ? leg_synced(ast_channel_uniqueid(chan)) : NULL;

	if (stays && stays->hook && !leg_is_replaced(stays)) {
		leg_keep(stays, leg);
		leg_unhook(leg, chan);
	}
	ao2_cleanup(stays);
	ast_channel_cleanup(chan);
}

/* Legs whose channel another leg has, by a transfer, are in no conference. */
static void sync_displaced(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		if (leg->displaced) {
			conference_lock();
			sync_leg(leg, NULL, NULL);
			conference_unlock();
			if (leg->hook && !leg->gone) {
				give_way(leg);
			}
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

void sync_channel(const char *uniqueid)
{
	struct ast_channel *chan;
	struct ast_bridge *bridge;
	struct leg *leg;

	if (ast_strlen_zero(uniqueid)) {
		sync_displaced();
		return;
	}
	leg = leg_find(uniqueid);
	chan = leg && leg->hook ? leg_channel(leg) : ast_channel_get_by_name(uniqueid);
	ao2_cleanup(leg);
	conference_lock();
	bridge = chan ? bridge_of(chan) : NULL;
	leg = bridge ? leg_obtain(chan) : leg_find(uniqueid);
	if (leg) {
		sync_leg(leg, chan, bridge);
		ao2_ref(leg, -1);
	}
	conference_unlock();
	ao2_cleanup(bridge);
	ast_channel_cleanup(chan);
}

void sync_mute(const char *uniqueid, int muted)
{
	coach_member_info_t info = COACH_MEMBER_INFO_INIT;
	struct leg *leg;

	conference_lock();
	leg = leg_find(uniqueid);
	/* Each mute is an event, also one that changes nothing: only what is new is passed on. */
	if (leg && leg->conference && !leg->hook && !leg->gone && coach_member_info(leg->member, &info) == COACH_OK
		&& !(info.flags & COACH_INFO_MUTED) != !muted) {
		coach_member_mute(leg->member, muted);
	}
	ao2_cleanup(leg);
	conference_unlock();
}

struct leg *leg_synced(const char *uniqueid)
{
	struct leg *leg = leg_find(uniqueid);

	if (leg && leg_is_replaced(leg)) {
		sync_channel(uniqueid);
	}
	return leg;
}

struct leg *leg_hooked(struct ast_channel *chan)
{
	char uniqueid[AST_MAX_UNIQUEID];
	struct leg *leg;
	int failed, over;

	do {
		leg = leg_obtain(chan);
		if (!leg) {
			return NULL;
		}
		ast_channel_lock(chan);
		ao2_lock(leg);
		/* A transfer may have brought another call to the channel meanwhile, which is not to get this one's hook. */
		failed = !leg->displaced && !strcmp(leg->uniqueid, ast_channel_uniqueid(chan)) && leg_hook(leg, chan);
		over = leg->over;
		ao2_unlock(leg);
		ast_channel_unlock(chan);
		if (failed) {
			ast_log(LOG_ERROR, "Coach cannot hook %s: no memory, or it has hung up\n", ast_channel_name(chan));
		}
		/* The leg's: a transfer may have given the channel another one. */
		leg_uniqueid(leg, uniqueid);
		if (failed || over) {
			ao2_ref(leg, -1);
			leg = NULL;
		}
		/* One that left its conference just now was about to be forgotten. */
	} while (over);
	sync_channel(uniqueid);
	return leg;
}
