/*
 * res_coach: Asterisk's word of who moves.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "shim.h"

#include "asterisk/bridge.h"
#include "asterisk/stasis.h"
#include "asterisk/stasis_bridges.h"
#include "asterisk/stasis_channels.h"
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

static void on_move(void *data, struct stasis_subscription *sub, struct stasis_message *message)
{
	const struct ast_bridge_blob *moved = stasis_message_data(message);

	if ((stasis_message_type(message) == ast_channel_entered_bridge_type()
			|| stasis_message_type(message) == ast_channel_left_bridge_type())
		&& !strcmp(moved->bridge->creator, "ConfBridge")) {
		settle(moved->channel->base->uniqueid);
	}
}

/* Those that were there before this module, in the order in which they came. */
static void settle_bridge(struct ast_bridge *bridge)
{
	AST_VECTOR(, char *) uniqueids;
	struct ast_bridge_channel *in;

	AST_VECTOR_INIT(&uniqueids, 8);
	ast_bridge_lock(bridge);
	AST_LIST_TRAVERSE(&bridge->channels, in, entry) {
		char *uniqueid = ast_strdup(ast_channel_uniqueid(in->chan));

		if (uniqueid && AST_VECTOR_APPEND(&uniqueids, uniqueid)) {
			ast_free(uniqueid);
		}
	}
	ast_bridge_unlock(bridge);
	AST_VECTOR_CALLBACK_VOID(&uniqueids, settle);
	AST_VECTOR_CALLBACK_VOID(&uniqueids, ast_free);
	AST_VECTOR_FREE(&uniqueids);
}

static void settle_all(void)
{
	struct ao2_container *bridges = ast_bridges();
	struct ao2_iterator all = ao2_iterator_init(bridges, 0);
	struct ast_bridge *bridge;

	while ((bridge = ao2_iterator_next(&all))) {
		if (is_confbridge(bridge)) {
			settle_bridge(bridge);
		}
		ao2_ref(bridge, -1);
	}
	ao2_iterator_destroy(&all);
	ao2_cleanup(bridges);
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
	settle_all();
	return 0;
}

void follow_stop(void)
{
	subscription = stasis_unsubscribe_and_join(subscription);
}
