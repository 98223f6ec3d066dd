/*
 * res_coach: the channels that Coach knows.
 *
 * A leg without a hook lives while its channel is in a ConfBridge; one with a hook until its channel hangs up.
 * Where Asterisk moves a call to another channel of its own, hook and datastore move along, and the leg follows. Where another call
 * takes the leg's channel, see transfer.c.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "leg.h"

#include "framehook.h"
#include "hook_state.h"
#include "names.h"
#include "sync_queue.h"

#include "asterisk/astobj2.h"
#include "asterisk/datastore.h"

static struct ao2_container *registry;

char leg_private_to_nobody[] = "-";

static void leg_free(void *data)
{
	struct leg *leg = data;

	ast_free(leg->tags);
	if (leg->speak_only_to != leg_private_to_nobody) {
		ast_free(leg->speak_only_to);
	}
	if (leg->hook) {
		hook_free(leg->hook);
	}
	ao2_cleanup(leg->before);
}

void leg_uniqueid(struct leg *leg, char *uniqueid)
{
	ao2_lock(leg);
	ast_copy_string(uniqueid, leg->uniqueid, AST_MAX_UNIQUEID);
	ao2_unlock(leg);
}

int leg_room(struct leg *leg, char *room)
{
	ao2_lock(leg);
	strcpy(room, leg->room);
	ao2_unlock(leg);
	return *room != '\0';
}

int leg_is_at(struct leg *leg, const char *uniqueid)
{
	int is;

	ao2_lock(leg);
	is = !leg->displaced && !strcmp(leg->uniqueid, uniqueid);
	ao2_unlock(leg);
	return is;
}

coach_member_t leg_member(struct leg *leg)
{
	coach_member_t member;

	ao2_lock(leg);
	member = leg->member;
	ao2_unlock(leg);
	return member;
}

void leg_call_id(struct leg *leg, char *call_id)
{
	ao2_lock(leg);
	ast_copy_string(call_id, leg->call_id, AST_CHANNEL_NAME);
	ao2_unlock(leg);
}

/* One of its flags. */
static int is_set(struct leg *leg, const int *flag)
{
	int is;

	ao2_lock(leg);
	is = *flag;
	ao2_unlock(leg);
	return is;
}

int leg_is_replaced(struct leg *leg)
{
	return is_set(leg, &leg->replaced);
}

int leg_is_displaced(struct leg *leg)
{
	return is_set(leg, &leg->displaced);
}

static int is_at(void *leg, void *uniqueid, int flags)
{
	return leg_is_at(leg, uniqueid) ? CMP_MATCH | CMP_STOP : 0;
}

struct leg *leg_find(const char *uniqueid)
{
	return ao2_callback(registry, 0, is_at, (void *) uniqueid);
}

struct ao2_container *legs(void)
{
	return registry;
}

/* The engine's name for a channel is the channel's; its unique id where that is taken or cannot be one. */
coach_member_t leg_attach(const char *name, const char *uniqueid, const char *tags, const char *speak_only_to, char *call_id)
{
	coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
	coach_member_t member;

	config.call_id = call_id;
	config.tags = tags;
	config.speak_only_to = speak_only_to;
	config.user_data = name_make(uniqueid);
	config.release = name_free;
	ast_copy_string(call_id, name, AST_CHANNEL_NAME);
	if (coach_member_attach(engine, &config, &member)) {
		ast_copy_string(call_id, uniqueid, AST_CHANNEL_NAME);
		if (coach_member_attach(engine, &config, &member)) {
			ast_log(LOG_ERROR, "Coach cannot take in %s: %s\n", name, coach_last_error());
			name_free(config.user_data);
			return 0;
		}
	}
	return member;
}

static struct leg *leg_make(const char *name, const char *uniqueid)
{
	struct leg *leg = ao2_alloc(sizeof(*leg), leg_free);

	if (!leg) {
		return NULL;
	}
	ast_copy_string(leg->uniqueid, uniqueid, sizeof(leg->uniqueid));
	leg->member = leg_attach(name, uniqueid, NULL, NULL, leg->call_id);
	if (!leg->member) {
		ao2_ref(leg, -1);
		return NULL;
	}
	ao2_link(registry, leg);
	return leg;
}

/* Two interfaces may ask for the same channel at once. Nobody who holds this waits for a channel. */
AST_MUTEX_DEFINE_STATIC(registry_lock);

struct leg *leg_obtain(struct ast_channel *chan)
{
	char name[AST_CHANNEL_NAME], uniqueid[AST_MAX_UNIQUEID];
	struct leg *leg;

	ast_channel_lock(chan);
	ast_copy_string(name, ast_channel_name(chan), sizeof(name));
	ast_copy_string(uniqueid, ast_channel_uniqueid(chan), sizeof(uniqueid));
	ast_channel_unlock(chan);
	ast_mutex_lock(&registry_lock);
	leg = leg_find(uniqueid);
	if (!leg) {
		leg = leg_make(name, uniqueid);
	}
	ast_mutex_unlock(&registry_lock);
	return leg;
}

static void leg_end(struct leg *leg)
{
	ao2_unlink(registry, leg);
	coach_member_detach(leg->member);
}

void leg_drop(struct leg *leg)
{
	int over;

	ao2_lock(leg);
	over = leg->over = leg->gone || !leg->hook;
	ao2_unlock(leg);
	if (over) {
		leg_end(leg);
	}
}

/* ------------------------------------------------------------------------------------------------ datastore ---- */

static void on_channel_end(void *data)
{
	struct leg *leg = data;
	char uniqueid[AST_MAX_UNIQUEID];

	ao2_lock(leg);
	leg->gone = 1;
	ast_copy_string(uniqueid, leg->displaced ? "" : leg->uniqueid, sizeof(uniqueid));
	ao2_unlock(leg);
	sync_soon(uniqueid);
	ao2_ref(leg, -1);
}

/* A masquerade, both channels locked, so that the engine has to wait. The channel that stays gets the other's phone and unique id,
 * and has the hooks of both. Its own leg stays where that is hooked, and is replaced; the other one is displaced: until it is in sync
 * its hook keeps its mode, private to nobody. The two are told of it in either order. */
static void displace(struct leg *leg)
{
	ao2_lock(leg);
	leg->displaced = 1;
	ao2_unlock(leg);
	sync_soon("");
}

static void move(struct leg *leg, struct ast_channel *chan)
{
	ao2_lock(leg);
	ast_copy_string(leg->uniqueid, ast_channel_uniqueid(chan), sizeof(leg->uniqueid));
	ao2_unlock(leg);
	sync_soon(ast_channel_uniqueid(chan));
}

static void on_moved(void *data, struct ast_channel *chan)
{
	struct leg *leg = data, *other = leg_find(ast_channel_uniqueid(chan));

	if (other != leg) {
		hook_replaced(leg->hook);
		ao2_lock(leg);
		leg->replaced = 1;
		ao2_unlock(leg);
	}
	/* In this order, so that there is always a leg for the call. */
	move(leg, chan);
	if (other && other != leg) {
		displace(other);
	}
	ao2_cleanup(other);
}

static int is_displaced_at(void *data, void *uniqueid, int flags)
{
	struct leg *leg = data;
	int is;

	ao2_lock(leg);
	is = leg->displaced && !leg->gone && !strcmp(leg->uniqueid, uniqueid);
	ao2_unlock(leg);
	return is ? CMP_MATCH | CMP_STOP : 0;
}

struct leg *leg_displaced_at(struct leg *leg)
{
	char uniqueid[AST_MAX_UNIQUEID];

	leg_uniqueid(leg, uniqueid);
	return ao2_callback(registry, 0, is_displaced_at, uniqueid);
}

static int is_another(void *data, void *leg, int flags)
{
	return data != leg && ((struct leg *) data)->hook && leg_is_at(data, ((struct leg *) leg)->uniqueid) ? CMP_MATCH | CMP_STOP : 0;
}

static void on_fixup(void *data, struct ast_channel *old, struct ast_channel *chan)
{
	struct leg *leg = data, *other;

	hook_moves(leg->hook, chan);
	move(leg, chan);
	sync_soon(ast_channel_uniqueid(old)); /* the other's, if it has no hook to tell */
	other = ao2_callback(registry, 0, is_another, leg);
	if (other) {
		displace(leg);
		ao2_ref(other, -1);
	}
}

static const struct ast_datastore_info datastore_info = {
	.type = "coach",
	.destroy = on_channel_end,
	.chan_fixup = on_fixup,
};

static int is_private(void *leg)
{
	return ((struct leg *) leg)->speak_only_to != NULL;
}

static void on_ended(void *leg, struct ast_channel *chan)
{
	leg_ends(leg, chan);
}

static const struct hook_ops hook_ops = { .is_private = is_private, .moved = on_moved, .ended = on_ended };

int leg_hook(struct leg *leg, struct ast_channel *chan)
{
	struct ast_datastore *datastore;
	struct hook *hook;

	if (leg->over) {
		return 0;
	}
	if (leg->hook) {
		return hook_attach(chan, leg->hook);
	}
	/* Made for no module, or Asterisk would not unload this one while there is a hooked channel. */
	datastore = __ast_datastore_alloc(&datastore_info, NULL, NULL, __FILE__, __LINE__, __func__);
	if (!datastore) {
		return -1;
	}
	hook = hook_make(leg, &hook_ops, leg->member);
	if (!hook || hook_attach(chan, hook)) {
		if (hook) {
			hook_free(hook);
		}
		ast_datastore_free(datastore);
		return -1;
	}
	leg->hook = hook;
	datastore->data = ao2_bump(leg);
	return ast_channel_datastore_add(chan, datastore);
}

/* --------------------------------------------------------------------------------------------- start and stop ---- */

int legs_start(void)
{
	registry = ao2_container_alloc_list(AO2_ALLOC_OPT_LOCK_MUTEX, 0, NULL, NULL);
	return registry ? 0 : -1;
}

/* In a masquerade no channel is found, and that takes less than this. One that is ending is not found any more. */
#define MASQUERADE_MS 300

void call_at(struct ast_channel *chan, char *uniqueid)
{
	ast_channel_lock(chan);
	ast_copy_string(uniqueid, ast_channel_uniqueid(chan), AST_MAX_UNIQUEID);
	ast_channel_unlock(chan);
}

static struct ast_channel *wait_for_channel(const char *uniqueid, const int *gone)
{
	struct ast_channel *chan;
	int ms = 0;

	while (!(chan = ast_channel_get_by_name(uniqueid)) && !*gone && ms++ < MASQUERADE_MS) {
		usleep(1000);
	}
	return chan;
}

struct ast_channel *leg_channel(struct leg *leg)
{
	char uniqueid[AST_MAX_UNIQUEID];

	leg_uniqueid(leg, uniqueid);
	return wait_for_channel(uniqueid, &leg->gone);
}

struct ast_channel *call_channel(const char *uniqueid)
{
	const int gone = 0;

	return wait_for_channel(uniqueid, &gone);
}

void leg_ends(struct leg *leg, struct ast_channel *chan)
{
	struct ast_datastore *datastore;

	/* After a masquerade the channel may have two of them. */
	AST_LIST_TRAVERSE(ast_channel_datastores(chan), datastore, entry) {
		if (datastore->info == &datastore_info && datastore->data == leg) {
			ast_channel_datastore_remove(chan, datastore);
			ast_datastore_free(datastore);
			return;
		}
	}
}

void leg_keep(struct leg *leg, struct leg *before)
{
	struct leg *last = before;

	if (before->kept) {
		return;
	}
	before->kept = 1;
	while (last->before) {
		last = last->before;
	}
	last->before = leg->before;
	leg->before = ao2_bump(before);
}

void leg_unhook(struct leg *leg, struct ast_channel *chan)
{
	ast_channel_lock(chan);
	hook_detach(chan, leg->hook);
	leg_ends(leg, chan);
	ast_channel_unlock(chan);
}

/* A channel that is hanging up takes its hook along in a moment. One that somebody let go of without that never does. */
#define HANGUP_MS 5000

int legs_unhook(void)
{
	/* As in `leg_keep`: none is freed while a reader may have a frame of its hook. */
	struct ao2_container *kept = ao2_container_clone(registry, 0);
	struct ao2_iterator all = ao2_iterator_init(registry, 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		struct ast_channel *chan = leg->hook ? leg_channel(leg) : NULL;

		if (chan) {
			leg_unhook(leg, chan);
			ast_channel_unref(chan);
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	for (int ms = 0; hooks_in_use() && ms < HANGUP_MS; ms++) {
		usleep(1000);
	}
	/* The last of those that hang up may still be on its way out of this module. */
	usleep(10000);
	ao2_cleanup(kept);
	return hooks_in_use();
}

void legs_stop(void)
{
	struct ao2_iterator all = ao2_iterator_init(registry, 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		leg_end(leg);
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	ao2_cleanup(registry);
	registry = NULL;
}
