/*
 * res_coach: follows Asterisk's messages about channels that move between bridges, and checks who is where.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "rescan.h"

#include "conference.h"
#include "sync.h"
#include "sync_queue.h"

#include "asterisk/astobj2.h"
#include "asterisk/linkedlists.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_bridges.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/strings.h"
#include "asterisk/vector.h"

static struct stasis_subscription *subscription;

/* A channel in a conference. */
struct seen {
	char *uniqueid;
	int known;
	int muted;
};

/* In the order in which they came. */
AST_VECTOR(channels, struct seen);

static void add_channels(struct channels *there, struct ast_bridge *bridge)
{
	struct ast_bridge_channel *in;

	ast_bridge_lock(bridge);
	AST_LIST_TRAVERSE(&bridge->channels, in, entry) {
		char now[AST_MAX_UNIQUEID];
		struct seen seen = { .muted = in->features && in->features->mute };

		if (ast_channel_tech(in->chan)->properties & AST_CHAN_TP_INTERNAL) {
			continue; /* an announcer, or a recorder: never a member */
		}
		/* A masquerade may be changing it: at worst it is nobody's, and the channel is found at the next look. */
		ast_copy_string(now, ast_channel_uniqueid(in->chan), sizeof(now));
		seen.uniqueid = ast_strdup(now);
		if (seen.uniqueid && AST_VECTOR_APPEND(there, seen)) {
			ast_free(seen.uniqueid);
		}
	}
	ast_bridge_unlock(bridge);
}

/* A conference that ends and the next one of its name have a bridge each. */
static int is_of(const struct ast_bridge *bridge, const char *room)
{
	char own[COACH_MAX_NAME_BYTES + 1];

	return is_confbridge(bridge) && (!*room || (!conference_name(bridge->name, own) && !strcmp(own, room)));
}

static void add_bridges(struct channels *there, const char *room)
{
	struct ao2_container *bridges = ast_bridges();
	struct ao2_iterator all = ao2_iterator_init(bridges, 0);
	struct ast_bridge *bridge;

	while ((bridge = ao2_iterator_next(&all))) {
		if (is_of(bridge, room)) {
			add_channels(there, bridge);
		}
		ao2_ref(bridge, -1);
	}
	ao2_iterator_destroy(&all);
	ao2_cleanup(bridges);
}

static void add_legs(struct ao2_container *known, const char *room)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		char own[COACH_MAX_NAME_BYTES + 1], uniqueid[AST_MAX_UNIQUEID];

		/* One that is replaced is brought in sync even where its channel is known. */
		if (leg_room(leg, own) && (!*room || !strcmp(own, room)) && !leg_is_replaced(leg)) {
			leg_uniqueid(leg, uniqueid);
			ast_str_container_add(known, uniqueid);
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

static void sync_those(struct ao2_container *uniqueids)
{
	struct ao2_iterator all = ao2_iterator_init(uniqueids, 0);
	char *uniqueid;

	while ((uniqueid = ao2_iterator_next(&all))) {
		sync_channel(uniqueid);
		ao2_ref(uniqueid, -1);
	}
	ao2_iterator_destroy(&all);
}

void rescan(const char *room)
{
	struct ao2_container *known = ast_str_container_alloc(127);
	struct channels there;

	if (!known) {
		return;
	}
	add_legs(known, room);
	AST_VECTOR_INIT(&there, 8);
	add_bridges(&there, room);
	for (size_t i = 0; i < AST_VECTOR_SIZE(&there); i++) {
		struct seen *seen = AST_VECTOR_GET_ADDR(&there, i);
		char *member = ao2_find(known, seen->uniqueid, OBJ_SEARCH_KEY | OBJ_UNLINK);

		if (member) {
			seen->known = 1; /* nothing else has changed for this one */
			ao2_ref(member, -1);
		}
	}
	/* Who has gone comes first: with the last of them a conference ends, and the next one of its name can begin. */
	sync_those(known);
	for (size_t i = 0; i < AST_VECTOR_SIZE(&there); i++) {
		struct seen *seen = AST_VECTOR_GET_ADDR(&there, i);

		if (!seen->known) {
			sync_channel(seen->uniqueid);
		}
		sync_mute(seen->uniqueid, seen->muted);
		ast_free(seen->uniqueid);
	}
	AST_VECTOR_FREE(&there);
	ao2_ref(known, -1);
}

/* A conference that is to be looked at. */
struct scan {
	AST_LIST_ENTRY(scan) entry;
	char room[COACH_MAX_NAME_BYTES + 1];
};

/* Those that the sync queue has not begun with. */
static AST_LIST_HEAD_STATIC(scans, scan);

static int rescan_task(void *data)
{
	struct scan *scan = data;

	/* First: who moves from now on is looked for again. */
	AST_LIST_LOCK(&scans);
	AST_LIST_REMOVE(&scans, scan, entry);
	AST_LIST_UNLOCK(&scans);
	rescan(scan->room);
	ast_free(scan);
	return 0;
}

/* `rescan`, soon, in the sync queue's thread: it takes as long as the conference is large, and when that ends, every member leaves
 * at once. One look is enough for all that have moved before it begins. */
static void rescan_soon(const char *room)
{
	struct scan *scan;

	AST_LIST_LOCK(&scans);
	AST_LIST_TRAVERSE(&scans, scan, entry) {
		if (!strcmp(scan->room, room)) {
			break;
		}
	}
	if (!scan && (scan = ast_calloc(1, sizeof(*scan)))) {
		strcpy(scan->room, room);
		AST_LIST_INSERT_TAIL(&scans, scan, entry);
		if (sync_queue_push(rescan_task, scan)) {
			AST_LIST_REMOVE(&scans, scan, entry);
			ast_free(scan);
		}
	}
	AST_LIST_UNLOCK(&scans);
}

static void on_move(void *data, struct stasis_subscription *sub, struct stasis_message *message)
{
	const struct ast_bridge_blob *moved = stasis_message_data(message);
	char room[COACH_MAX_NAME_BYTES + 1];

	if ((stasis_message_type(message) == ast_channel_entered_bridge_type()
			|| stasis_message_type(message) == ast_channel_left_bridge_type())
		&& !strcmp(moved->bridge->creator, "ConfBridge")) {
		sync_channel(moved->channel->base->uniqueid);
		if (!conference_name(moved->bridge->name, room)) {
			rescan_soon(room);
		}
	}
}

int rescan_start(void)
{
	subscription = stasis_subscribe(ast_bridge_topic_all(), on_move, NULL);
	if (!subscription) {
		return -1;
	}
	stasis_subscription_accept_message_type(subscription, ast_channel_entered_bridge_type());
	stasis_subscription_accept_message_type(subscription, ast_channel_left_bridge_type());
	stasis_subscription_set_filter(subscription, STASIS_SUBSCRIPTION_FILTER_SELECTIVE);
	/* Those that were there before this module. */
	rescan("");
	return 0;
}

void rescan_stop(void)
{
	subscription = stasis_unsubscribe_and_join(subscription);
}
