/*
 * res_coach: the hook that sees every frame from and to a member.
 *
 * A framehook, because it comes first: Asterisk's audiohooks get frames after decoding, and where a frame cannot be decoded, or
 * what a hook made of it cannot be encoded again, they let the original pass. Here private speech is gone before anything
 * else of Asterisk has seen it, and what stands in for it is made from nothing of it.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "hook.h"

#include "asterisk/astobj2.h"
#include "asterisk/bridge.h"
#include "asterisk/datastore.h"
#include "asterisk/stream.h"

/* Mute as the bridge has it: it is obeyed from the next frame on. The engine is told too, for `show` and `explain`. */
static void notice(struct ast_channel *chan, struct hook *hook, int held)
{
	struct ast_bridge_channel *in = ast_channel_internal_bridge_channel(chan);
	unsigned int muted = in && in->features && in->features->mute;

	if (muted != hook->muted || (unsigned int) held != hook->held) {
		hook->muted = muted;
		hook->held = held;
		settle_soon(ast_channel_uniqueid(chan));
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

const char *hook_obstacle(struct ast_channel *chan, const struct hook *hook)
{
	return !hook_sees_all(chan) ? "it has a second audio stream, which everyone would hear"
		: hook->buffered ? "a jitter buffer comes before Coach, and would hand out to everyone, after `uncoach`, what was said"
			" before; run Coach before JITTERBUFFER is set, and before a ConfBridge whose profile has one"
		: NULL;
}

/* What the caller's side tells of itself. */
static void on_control(struct ast_channel *chan, struct leg *leg, int what)
{
	switch (what) {
	case AST_CONTROL_HOLD:
	case AST_CONTROL_UNHOLD:
		notice(chan, leg->hook, what == AST_CONTROL_HOLD);
		break;
	case AST_CONTROL_STREAM_TOPOLOGY_CHANGED:
		if (leg->speak_only_to && !hook_sees_all(chan)) {
			ast_log(LOG_ERROR, "%s speaks privately and has now a second audio stream, which everyone would hear: its"
				" call ends\n", ast_channel_name(chan));
			ast_softhangup_nolock(chan, AST_SOFTHANGUP_EXPLICIT);
		}
		break;
	}
}

static struct ast_frame *on_frame(struct ast_channel *chan, struct ast_frame *frame, enum ast_framehook_event event,
	void *data)
{
	struct leg *leg = data;
	struct hook *hook = leg->hook; /* not there yet while it is being attached: no frame comes then */

	if (!frame || (event != AST_FRAMEHOOK_EVENT_READ && event != AST_FRAMEHOOK_EVENT_WRITE)) {
		return frame;
	}
	if (frame->frametype == AST_FRAME_CONTROL && event == AST_FRAMEHOOK_EVENT_READ) {
		on_control(chan, leg, frame->subclass.integer);
		return frame;
	}
	if (frame->frametype != AST_FRAME_VOICE) {
		return frame;
	}
	notice(chan, hook, hook->held);
	return event == AST_FRAMEHOOK_EVENT_READ ? from_member(chan, hook, frame) : to_member(chan, hook, frame);
}

static void on_destroy(void *data)
{
	ao2_ref(data, -1);
}

static int consumes(void *data, enum ast_frame_type type)
{
	return type == AST_FRAME_VOICE || type == AST_FRAME_CONTROL;
}

/* A masquerade gave the channel that the hook is on another phone, which has not put anybody on hold. */
static void on_other_phone(void *data, int id, struct ast_channel *old, struct ast_channel *chan)
{
	struct leg *leg = data;

	leg->hook->held = 0;
	leg_stays(leg, chan);
}

/* A masquerade moved the hook to another channel. */
static void on_moved(void *data, int id, struct ast_channel *old, struct ast_channel *chan)
{
	((struct leg *) data)->hook->id = id;
}

int hook_attach(struct ast_channel *chan, struct leg *leg)
{
	struct ast_framehook_interface interface = {
		.version = AST_FRAMEHOOK_INTERFACE_VERSION,
		.event_cb = on_frame,
		.destroy_cb = on_destroy,
		.consume_cb = consumes,
		.chan_fixup_cb = on_moved,
		.chan_breakdown_cb = on_other_phone,
		.data = leg,
	};
	struct hook *hook;

	if (ast_test_flag(ast_channel_flags(chan), AST_FLAG_ZOMBIE) || !(hook = ast_calloc(1, sizeof(*hook)))) {
		return -1;
	}
	hook->member = leg->member;
	hook->buffered = has_jitter_buffer(chan);
	hook->id = ast_framehook_attach(chan, &interface);
	if (hook->id < 0) {
		ast_free(hook);
		return -1;
	}
	ao2_ref(leg, +1);
	leg->hook = hook;
	return 0;
}

void hook_detach(struct ast_channel *chan, struct leg *leg)
{
	if (leg->hook && !ast_framehook_detach(chan, leg->hook->id)) {
		/* It is only marked; the next frame takes it away, and that must not come when this module is gone. */
		ast_framehook_list_write_event(ast_channel_framehooks(chan), &ast_null_frame);
	}
}

void hook_listen(struct hook *hook)
{
	hook->listens = 1;
}

void hook_place(struct hook *hook, struct ast_bridge *bridge)
{
	hook->left |= hook->bridge && !bridge;
	ao2_replace(hook->bridge, bridge);
}

void hook_await(struct hook *hook)
{
	hook->left = 0;
}

void hook_seen(const struct hook *hook, int *muted, int *held)
{
	*muted = hook->muted;
	*held = hook->held;
}

void hook_free(struct hook *hook)
{
	linear_done(&hook->said);
	linear_done(&hook->hears);
	ao2_cleanup(hook->bridge);
	ast_free(hook);
}
