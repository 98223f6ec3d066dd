/*
 * res_coach: the framehook, which gets every frame from and to a member.
 *
 * It is a framehook since those come first: Asterisk's audiohooks get frames after decoding, and where a frame cannot be decoded, or
 * what a hook made of it cannot be encoded again, they let the original pass. Here private speech is gone before anything
 * else of Asterisk has seen it, and what stands in for it is made from nothing of it.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "framehook.h"

#include "hold.h"
#include "hook_state.h"
#include "read_path.h"
#include "sync_queue.h"
#include "write_path.h"

#include "asterisk/astobj2.h"
#include "asterisk/datastore.h"
#include "asterisk/framehook.h"
#include "asterisk/stream.h"

/* Mute as the bridge has it: it is obeyed from the next frame on. The engine is told too, for `show` and `explain`. */
static void notice(struct ast_channel *chan, struct hook *hook, int held)
{
	struct ast_bridge_channel *in = ast_channel_internal_bridge_channel(chan);
	unsigned int muted = in && in->features && in->features->mute;

	if (muted != hook->muted || (unsigned int) held != hook->held) {
		hook->muted = muted;
		hook->held = held;
		sync_soon(ast_channel_uniqueid(chan));
	}
}

/* Whether it sees all that is said: of several audio streams Asterisk shows it the first. */
static int hook_sees_all(struct ast_channel *chan)
{
	const struct ast_stream_topology *topology = ast_channel_get_stream_topology(chan);
	int audio = 0;

	for (int i = 0; topology && i < ast_stream_topology_get_count(topology); i++) {
		const struct ast_stream *stream = ast_stream_topology_get_stream(topology, i);

		audio += ast_stream_get_type(stream) == AST_MEDIA_TYPE_AUDIO
			&& ast_stream_get_state(stream) != AST_STREAM_STATE_REMOVED;
	}
	return audio <= 1;
}

/* Asterisk calls hooks in the order in which they came, and JITTERBUFFER() is one: it marks its channel with this. */
static int has_jitter_buffer(struct ast_channel *chan)
{
	struct ast_datastore *datastore;

	AST_LIST_TRAVERSE(ast_channel_datastores(chan), datastore, entry) {
		if (!strcmp(datastore->info->type, "jitterbuffer")) {
			return 1;
		}
	}
	return 0;
}

const char *hook_obstacle(struct ast_channel *phone, const struct hook *hook)
{
	return hook->lost ? "another module of Asterisk has taken its hook away"
		: !hook_sees_all(phone) ? "it has a second audio stream, which everyone would hear"
		: hook->buffered ? "a jitter buffer comes before Coach, and would hand out to everyone, after `uncoach`, what was said"
			" before; run Coach before JITTERBUFFER is set, and before a ConfBridge whose profile has one"
		: NULL;
}

/* `phone` has the streams of the one that is at the channel, or is about to be. */
static void check(struct ast_channel *chan, struct hook *hook, struct ast_channel *phone)
{
	const char *obstacle = hook->ops->is_private(hook->owner) ? hook_obstacle(phone, hook) : NULL;

	if (obstacle && !(ast_channel_softhangup_internal_flag(chan) & AST_SOFTHANGUP_EXPLICIT)) {
		ast_log(LOG_ERROR, "%s speaks privately and can no longer, for %s: its call ends\n", ast_channel_name(chan), obstacle);
		ast_softhangup_nolock(chan, AST_SOFTHANGUP_EXPLICIT);
	}
}

void hook_check(struct ast_channel *chan, struct hook *hook)
{
	check(chan, hook, chan);
}

/* What the caller's side tells of itself. */
static void on_control(struct ast_channel *chan, struct hook *hook, int what)
{
	switch (what) {
	case AST_CONTROL_HOLD:
	case AST_CONTROL_UNHOLD:
		notice(chan, hook, what == AST_CONTROL_HOLD);
		break;
	case AST_CONTROL_STREAM_TOPOLOGY_CHANGED:
		hook_check(chan, hook);
		break;
	}
}

/* About a second of frames both ways. */
#define FRAMES_TO_WAIT 100

/* Who took the channel's place is not the member's yet. A masquerade may have taken longer than the sync queue waits for a channel: it is
 * asked again. */
static void wait_for_member(struct ast_channel *chan, struct hook *hook)
{
	if (hook->replaced && !(++hook->waits % FRAMES_TO_WAIT)) {
		sync_soon(ast_channel_uniqueid(chan));
		sync_soon("");
	}
}

static struct ast_frame *on_read(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *passes = frame;

	if (frame->frametype == AST_FRAME_CONTROL) {
		on_control(chan, hook, frame->subclass.integer);
	} else if (frame->frametype == AST_FRAME_VOICE) {
		notice(chan, hook, hook->held);
		wait_for_member(chan, hook);
		passes = from_member(chan, hook, frame);
		if (passes == frame && is_held(chan, hook)) {
			passes = silent(chan, hook, frame);
		}
	}
	hook->took = passes != frame;
	return passes;
}

/* In one reading, Asterisk shows no hook a frame once that hook has replaced one. What a jitter buffer then hands out in place of our
 * silence was said before, outside a conference, say: only a second hook sees it. The second one also stands in for a lost first. */
static struct ast_frame *on_guard(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	return frame->frametype == AST_FRAME_VOICE && (hook->took || (hook->lost && hook->ops->is_private(hook->owner)))
		? silent(chan, hook, frame) : frame;
}

static struct ast_frame *on_write(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	if (frame->frametype != AST_FRAME_VOICE) {
		return frame;
	}
	notice(chan, hook, hook->held);
	wait_for_member(chan, hook);
	hold_streams(chan, hook);
	if (is_held(chan, hook)) {
		return hold_hears(chan, hook, frame);
	}
	return to_member(chan, hook, frame);
}

/* Whoever takes hooks off by their number may mean another one: masquerades give them new numbers. */
static void on_detached(struct ast_channel *chan, struct hook *hook)
{
	if (ast_test_flag(ast_channel_flags(chan), AST_FLAG_ZOMBIE)) {
		hook->ops->ended(hook->owner, chan);
	} else if (!hook->going) {
		hook->lost = 1;
		hook_check(chan, hook);
		sync_soon(ast_channel_uniqueid(chan));
	}
}

static struct ast_frame *on_hook(struct ast_channel *chan, struct ast_frame *frame, enum ast_framehook_event event, void *data)
{
	struct slot *slot = data;
	struct hook *hook = slot->hook;
	int guards = slot == &hook->guards;

	switch (event) {
	case AST_FRAMEHOOK_EVENT_ATTACHED:
		slot->attached++;
		break;
	case AST_FRAMEHOOK_EVENT_DETACHED:
		if (!--slot->attached) {
			on_detached(chan, hook);
		}
		break;
	case AST_FRAMEHOOK_EVENT_READ:
		return !frame ? NULL : guards ? on_guard(chan, hook, frame) : on_read(chan, hook, frame);
	case AST_FRAMEHOOK_EVENT_WRITE:
		return !frame || guards ? frame : on_write(chan, hook, frame);
	}
	return frame;
}

/* Framehooks of ours that Asterisk has. */
static int in_use;

int hooks_in_use(void)
{
	return __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
}

static void on_destroy(void *data)
{
	ao2_ref(((struct slot *) data)->hook->owner, -1);
	__atomic_sub_fetch(&in_use, 1, __ATOMIC_RELEASE);
}

static int consumes(void *data, enum ast_frame_type type)
{
	return type == AST_FRAME_VOICE || type == AST_FRAME_CONTROL;
}

/* A masquerade gives the channel that the hook is on another phone, which has not put anybody on hold. */
static void on_other_phone(void *data, int id, struct ast_channel *phone, struct ast_channel *chan)
{
	struct hook *hook = ((struct slot *) data)->hook;

	hook->held = 0;
	check(chan, hook, phone);
	hook->ops->moved(hook->owner, chan);
}

/* A masquerade moved the hook to another channel. */
static void on_moved(void *data, int id, struct ast_channel *old, struct ast_channel *chan)
{
	((struct slot *) data)->id = id;
}

void hook_moves(struct hook *hook, struct ast_channel *chan)
{
	hook->buffered |= has_jitter_buffer(chan);
}

void hook_replaced(struct hook *hook)
{
	hook->replaced = 1;
	hook->waits = 0;
}

void hook_serve(struct hook *hook, coach_member_t member)
{
	hook->member = member;
	hook->replaced = 0;
}

static int attach(struct ast_channel *chan, struct slot *slot)
{
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_hook,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.chan_fixup_cb = on_moved,
		.chan_breakdown_cb = on_other_phone,
		.data = slot,
	};

	slot->id = ast_framehook_attach(chan, &interface);
	if (slot->id < 0) {
		return -1;
	}
	ao2_ref(slot->hook->owner, +1);
	__atomic_add_fetch(&in_use, 1, __ATOMIC_RELAXED);
	return 0;
}

struct hook *hook_make(void *owner, const struct hook_ops *ops, coach_member_t member)
{
	struct hook *hook = ast_calloc(1, sizeof(*hook));

	if (hook) {
		hook->owner = owner;
		hook->ops = ops;
		hook->takes.hook = hook->guards.hook = hook;
		hook->member = member;
		hook->lost = 1; /* until it is on a channel */
	}
	return hook;
}

int hook_attach(struct ast_channel *chan, struct hook *hook)
{
	int failed;

	if (!hook->lost) {
		return 0;
	}
	if (ast_test_flag(ast_channel_flags(chan), AST_FLAG_ZOMBIE)) {
		return -1;
	}
	/* What is left of it goes first, so that the one that guards comes second. */
	hook_detach(chan, hook);
	hook->buffered = has_jitter_buffer(chan);
	failed = attach(chan, &hook->takes) || attach(chan, &hook->guards);
	if (failed) {
		hook_detach(chan, hook);
	}
	hook->lost = failed;
	hook->going = 0;
	return failed ? -1 : 0;
}

void hook_detach(struct ast_channel *chan, struct hook *hook)
{
	struct slot *const slots[] = { &hook->takes, &hook->guards };

	hook->going = 1;
	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		if (slots[i]->attached) {
			ast_framehook_detach(chan, slots[i]->id);
		}
	}
	if (ast_channel_framehooks(chan)) {
		/* They are only marked; the next frame takes them away, and that must not come when this module is gone. */
		ast_framehook_list_write_event(ast_channel_framehooks(chan), &ast_null_frame);
	}
}

int hook_listens(const struct hook *hook)
{
	return hook && hook->listens;
}

void hook_listen(struct hook *hook)
{
	hook->listens = 1;
}

int hook_place(struct hook *hook, struct ast_bridge *bridge)
{
	if (hook->bridge && !bridge) {
		hook->left = 1;
	} else if (bridge) {
		hook->left = 0;
	}
	if (hook->bridge != bridge) {
		/* A command holds it in one conference. */
		hook->held_by_command = 0;
	}
	hook->passes = hook->left;
	ao2_replace(hook->bridge, bridge);
	return hook->passes;
}

void hook_await(struct hook *hook)
{
	hook->left = hook->inside = hook->passes = 0;
}

void hook_seen(const struct hook *hook, int *muted, int *held)
{
	*muted = hook->muted;
	*held = hook->held || hook->held_by_command;
}

void hook_free(struct hook *hook)
{
	slin_done(&hook->read_slin);
	slin_done(&hook->write_slin);
	ao2_cleanup(hook->bridge);
	ast_free(hook);
}
