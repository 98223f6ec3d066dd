/*
 * res_coach: the path of frames that go to a member: what it may hear is added.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "write_path.h"

/* Adds private speech to the linear frames that `frame` became, in `out`. The number of samples there; 0: nothing was to be
 * added. */
static unsigned int mix(struct hook *hook, struct ast_frame *linear, const struct ast_frame *frame)
{
	unsigned int total = 0, changed = 0;
	unsigned int rate = slin_rate(linear->subclass.format);

	for (struct ast_frame *f = linear; f; f = f == frame ? NULL : AST_LIST_NEXT(f, frame_list)) {
		unsigned int samples = samples_of(f);
		const int16_t *pcm = f->data.ptr;

		if (total + samples > MIX_SAMPLES) {
			return 0;
		}
		while (samples) {
			unsigned int n = chunk(rate, samples);

			memcpy(hook->out + total, pcm, n * sizeof(*pcm));
			changed |= coach_write(hook->member, hook->out + total, rate, 1, n) == COACH_CHANGED;
			pcm += n;
			total += n;
			samples -= n;
		}
	}
	return changed ? total : 0;
}

struct ast_frame *to_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *linear, *heard = frame;
	unsigned int samples;

	/* Who has taken an agent's place must not hear what was said to the agent. */
	if (hook->replaced) {
		return frame;
	}
	/* While a generator plays (music on hold, say), Asterisk drops what the bridge writes: then the generator's frames, for
	 * which it hides itself, are what the member hears. */
	if (!hook->bridge || hook->bridge != ast_channel_internal_bridge(chan) || ast_channel_generatordata(chan)
		|| !(linear = slin_frames(&hook->write_slin, frame))) {
		return frame;
	}
	samples = mix(hook, linear, frame);
	if (samples) {
		/* The frame that was to be written stays its writer's to free. */
		heard = &hook->mixed;
		*heard = (struct ast_frame) {
			.frametype = AST_FRAME_VOICE,
			.subclass.format = linear->subclass.format,
			.samples = samples,
			.datalen = samples * sizeof(int16_t),
			.data.ptr = hook->out,
			.stream_num = frame->stream_num,
			.src = "coach",
		};
	}
	if (linear != frame) {
		ast_frfree(linear);
	}
	return heard;
}
