/*
 * res_coach: hold by command. ConfBridge has none: the member is not heard, and hears nobody, neither open nor private speech.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "hold.h"

#include "asterisk/format_cache.h"

void hook_hold(struct hook *hook, int on)
{
	hook->held_by_command = on && hook->bridge;
}

int is_held(struct ast_channel *chan, const struct hook *hook)
{
	return hook->held_by_command && hook->bridge == ast_channel_internal_bridge(chan);
}

struct ast_frame *hold_silence(struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *silence = &hook->mixed;

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
