/*
 * res_coach: hold by command. ConfBridge has none: the member is not heard, and hears nobody, neither open nor private speech.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "hold.h"

#include "asterisk/bridge_channel.h"
#include "asterisk/channel.h"
#include "asterisk/format_cache.h"

void hook_hold(struct hook *hook, int on)
{
	hook->held_by_command = on && hook->bridge;
}

int is_held(struct ast_channel *chan, const struct hook *hook)
{
	return hook->held_by_command && hook->bridge == ast_channel_internal_bridge(chan);
}

static int is_played_to(struct ast_channel *chan)
{
	const struct ast_bridge_channel *bridge_channel = ast_channel_internal_bridge_channel(chan);

	return ast_channel_stream(chan) && bridge_channel && bridge_channel->suspended;
}

void hold_streams(struct ast_channel *chan, struct hook *hook)
{
	const struct ast_bridge_channel *bridge_channel;

	if (!hook->plays || !is_played_to(chan)) {
		return;
	}
	/* Until the file has ended, the channel's thread does not look whether it is still to be in the bridge. */
	bridge_channel = ast_channel_internal_bridge_channel(chan);
	if (!is_held(chan, hook) || bridge_channel->state != BRIDGE_CHANNEL_STATE_WAIT) {
		hook->plays = 0;
		ast_queue_control(chan, AST_CONTROL_STREAM_STOP);
	}
}

struct ast_frame *hold_hears(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *silence = &hook->mixed;

	/* Of a file that the channel's thread plays: it has left the bridge's mix meanwhile, and writes nothing of that. */
	if (is_played_to(chan)) {
		return frame;
	}

	/* A bridge writes linear frames. Of another kind there is no silence at hand: then the member gets nothing. */
	if (!ast_format_cache_is_slinear(frame->subclass.format) || samples_of(frame) > MIX_SAMPLES) {
		return &ast_null_frame;
	}
	*silence = (struct ast_frame) {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = frame->subclass.format,
		.samples = samples_of(frame),
		.datalen = frame->datalen,
		.data.ptr = memset(hook->out, 0, frame->datalen),
		.stream_num = frame->stream_num,
		.src = "coach hold",
	};
	return silence;
}
