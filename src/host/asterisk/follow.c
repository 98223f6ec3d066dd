/*
 * res_coach: Asterisk's word of who moves, and a look at who is where.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "shim.h"

#include "asterisk/astobj2.h"
#include "asterisk/bridge.h"
#include "asterisk/linkedlists.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_bridges.h"
#include "asterisk/stasis_channels.h"
#include "asterisk/strings.h"
#include "asterisk/taskprocessor.h"
#include "asterisk/vector.h"

static struct stasis_subscription *subscription;
static struct ast_taskprocessor *settler;

static int settle_task(void *data)
{
	settle(data);
	ast_free(data);
	return 0;
}

void settle_soon(const char *uniqueid)
{
	char *copy = settler ? ast_strdup(uniqueid) : NULL;

	if (copy && ast_taskprocessor_push(settler, settle_task, copy)) {
		ast_free(copy);
	}
}

static int close_task(void *data)
{
	struct ast_channel *chan = ast_channel_get_by_name(data);

	if (chan) {
		mode_set_speak_only_to(chan, "-");
		ast_channel_unref(chan);
	}
	ast_free(data);
	return 0;
}

void close_soon(const char *uniqueid)
{
	char *copy = settler ? ast_strdup(uniqueid) : NULL;

	if (copy && ast_taskprocessor_push(settler, close_task, copy)) {
		ast_free(copy);
	}
}

/* Of channels, in the order in which they came. */
AST_VECTOR(uniqueids, char *);

static void add_channels(struct uniqueids *there, struct ast_bridge *bridge)
{
	struct ast_bridge_channel *in;

	ast_bridge_lock(bridge);
	AST_LIST_TRAVERSE(&bridge->channels, in, entry) {
		char now[AST_MAX_UNIQUEID], *uniqueid;

		if (ast_channel_tech(in->chan)->properties & AST_CHAN_TP_INTERNAL) {
			continue; /* an announcer, or a recorder: never a member */
		}
		/* A masquerade may be changing it: at worst it is nobody's, and the channel is found at the next look. */
		ast_copy_string(now, ast_channel_uniqueid(in->chan), sizeof(now));
		uniqueid = ast_strdup(now);
		if (uniqueid && AST_VECTOR_APPEND(there, uniqueid)) {
			ast_free(uniqueid);
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

static void add_bridges(struct uniqueids *there, const char *room)
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

		/* One that is displaced is settled even where its channel is known. */
		if (room_of(leg, own) && (!*room || !strcmp(own, room)) && !leg_is_displaced(leg)) {
			leg_uniqueid(leg, uniqueid);
			ast_str_container_add(known, uniqueid);
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

static void settle_those(struct ao2_container *uniqueids)
{
	struct ao2_iterator all = ao2_iterator_init(uniqueids, 0);
	char *uniqueid;

	while ((uniqueid = ao2_iterator_next(&all))) {
		settle(uniqueid);
		ao2_ref(uniqueid, -1);
	}
	ao2_iterator_destroy(&all);
}

void settle_room(const char *room)
{
	struct ao2_container *known = ast_str_container_alloc(127);
	struct uniqueids there;

	if (!known) {
		return;
	}
	add_legs(known, room);
	AST_VECTOR_INIT(&there, 8);
	add_bridges(&there, room);
	for (size_t i = 0; i < AST_VECTOR_SIZE(&there); i++) {
		char *uniqueid = AST_VECTOR_GET(&there, i), *member = ao2_find(known, uniqueid, OBJ_SEARCH_KEY | OBJ_UNLINK);

		if (member) {
			*uniqueid = '\0'; /* nothing has changed for this one */
			ao2_ref(member, -1);
		}
	}
	/* Who has gone comes first: with the last of them a conference ends, and the next one of its name can begin. */
	settle_those(known);
	for (size_t i = 0; i < AST_VECTOR_SIZE(&there); i++) {
		if (*AST_VECTOR_GET(&there, i)) {
			settle(AST_VECTOR_GET(&there, i));
		}
	}
	AST_VECTOR_CALLBACK_VOID(&there, ast_free);
	AST_VECTOR_FREE(&there);
	ao2_ref(known, -1);
}

/* A conference that is to be looked at. */
struct look {
	AST_LIST_ENTRY(look) entry;
	char room[COACH_MAX_NAME_BYTES + 1];
};

/* Those that the settler has not begun with. */
static AST_LIST_HEAD_STATIC(looks, look);

static int look_task(void *data)
{
	struct look *look = data;

	/* First: who moves from now on is looked for again. */
	AST_LIST_LOCK(&looks);
	AST_LIST_REMOVE(&looks, look, entry);
	AST_LIST_UNLOCK(&looks);
	settle_room(look->room);
	ast_free(look);
	return 0;
}

/* `settle_room`, soon, in the settler's thread: it takes as long as the conference is large, and when that ends, every member leaves
 * at once. One look is enough for all that have moved before it begins. */
static void look_soon(const char *room)
{
	struct look *look;

	AST_LIST_LOCK(&looks);
	AST_LIST_TRAVERSE(&looks, look, entry) {
		if (!strcmp(look->room, room)) {
			break;
		}
	}
	if (!look && (look = ast_calloc(1, sizeof(*look)))) {
		strcpy(look->room, room);
		AST_LIST_INSERT_TAIL(&looks, look, entry);
		if (ast_taskprocessor_push(settler, look_task, look)) {
			AST_LIST_REMOVE(&looks, look, entry);
			ast_free(look);
		}
	}
	AST_LIST_UNLOCK(&looks);
}

static void on_move(void *data, struct stasis_subscription *sub, struct stasis_message *message)
{
	const struct ast_bridge_blob *moved = stasis_message_data(message);
	char room[COACH_MAX_NAME_BYTES + 1];

	if ((stasis_message_type(message) == ast_channel_entered_bridge_type()
			|| stasis_message_type(message) == ast_channel_left_bridge_type())
		&& !strcmp(moved->bridge->creator, "ConfBridge")) {
		settle(moved->channel->base->uniqueid);
		if (!conference_name(moved->bridge->name, room)) {
			look_soon(room);
		}
	}
}

int settler_start(void)
{
	settler = ast_taskprocessor_get("coach", TPS_REF_DEFAULT);
	return settler ? 0 : -1;
}

void settler_stop(void)
{
	settler = ast_taskprocessor_unreference(settler);
}

int follow_start(void)
{
	subscription = stasis_subscribe(ast_bridge_topic_all(), on_move, NULL);
	if (!subscription) {
		return -1;
	}
	stasis_subscription_accept_message_type(subscription, ast_channel_entered_bridge_type());
	stasis_subscription_accept_message_type(subscription, ast_channel_left_bridge_type());
	stasis_subscription_set_filter(subscription, STASIS_SUBSCRIPTION_FILTER_SELECTIVE);
	/* Those that were there before this module. */
	settle_room("");
	return 0;
}

void follow_stop(void)
{
	subscription = stasis_unsubscribe_and_join(subscription);
}
