/*
 * res_coach: what a member says.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "hook.h"

#include "asterisk/format_cache.h"

/* The source of the frames that stand in for private speech. */
#define QUIET "coach silence"

/* Gives the engine what a frame says, or as much silence. Nonzero: it was private, or in doubt, and must not pass. */
static int capture(struct hook *hook, unsigned int rate, const int16_t *pcm, unsigned int samples)
{
	int taken = 0;

	while (samples) {
		unsigned int n = chunk(rate, samples);
		size_t bytes = n * sizeof(*pcm);

		if (pcm) {
			memcpy(hook->in, pcm, bytes);
			pcm += n;
		} else {
			memset(hook->in, 0, bytes);
		}
		taken |= coach_read(hook->member, hook->in, rate, 1, n) != COACH_OK;
		samples -= n;
	}
	return taken;
}

/* Whether a frame is private. `audible`: those who may hear it do; else they hear a pause. */
static int is_private(struct hook *hook, struct ast_frame *frame, int audible)
{
	struct ast_frame *linear = audible ? linear_frames(&hook->said, frame) : NULL;
	int taken = 0, said = 0;

	for (struct ast_frame *f = linear; f; f = f == frame ? NULL : AST_LIST_NEXT(f, frame_list)) {
		taken |= capture(hook, linear_rate(f->subclass.format), f->data.ptr, samples_of(f));
		said |= samples_of(f) > 0;
	}
	if (!said) {
		/* Whether it is private has to be asked all the same: what cannot be decoded must not pass either. */
		unsigned int rate = linear_rate(frame->subclass.format);
		unsigned int own = ast_format_get_sample_rate(frame->subclass.format);

		taken = capture(hook, rate, NULL, MAX(1, (uint64_t) frame->samples * rate / MAX(1, own)));
	}
	if (linear && linear != frame) {
		ast_frfree(linear);
	}
	return taken;
}

/* What stands in for a private frame, which is freed: silence as the reader wants it, so that nothing has to be translated;
 * where the reader wants no linear frames, no sound at all. */
static struct ast_frame *silence(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_format *format = ast_channel_readformat(chan);
	struct ast_frame *quiet = &hook->quiet;

	*quiet = (struct ast_frame) { .frametype = AST_FRAME_NULL, .src = QUIET };
	if (ast_format_cache_is_slinear(format) && frame->samples > 0) {
		uint64_t wanted = ast_format_get_sample_rate(format);
		uint64_t samples = frame->samples * wanted / MAX(1, ast_format_get_sample_rate(frame->subclass.format));

		quiet->frametype = AST_FRAME_VOICE;
		quiet->subclass.format = format;
		quiet->samples = MIN(samples, QUIET_SAMPLES);
		quiet->datalen = quiet->samples * sizeof(int16_t);
		quiet->data.ptr = memset(hook->none, 0, quiet->datalen);
		quiet->stream_num = frame->stream_num;
		/* A jitter buffer that comes after us keeps its order by these. */
		quiet->flags = frame->flags & AST_FRFLAG_HAS_TIMING_INFO;
		quiet->ts = frame->ts;
		quiet->len = frame->len;
		quiet->seqno = frame->seqno;
		quiet->delivery = frame->delivery;
	}
	/* A driver may return several frames at once; the others get here one by one. */
	AST_LIST_NEXT(quiet, frame_list) = AST_LIST_NEXT(frame, frame_list);
	AST_LIST_NEXT(frame, frame_list) = NULL;
	ast_frfree(frame);
	return quiet;
}

/* A jitter buffer that comes after us hands what it holds to every hook once more, us included: our own silence may pass. Not on
 * its name alone: copies keep that, whatever is done to them. A frame with nothing in it marks a gap. */
static int is_quiet(const struct ast_frame *frame)
{
	const int16_t *pcm = frame->data.ptr;
	unsigned int samples = samples_of(frame);

	if (!frame->datalen) {
		return 1;
	}
	if (!frame->src || strcmp(frame->src, QUIET) || !ast_format_cache_is_slinear(frame->subclass.format)) {
		return 0;
	}
	while (samples && !*pcm) {
		pcm++;
		samples--;
	}
	return !samples;
}

/* Whether a frame from a member that has left its conference is still to be silent. */
static int is_guarded(struct hook *hook, const struct ast_frame *frame)
{
	uint64_t us = (uint64_t) frame->samples * 1000000 / MAX(1, ast_format_get_sample_rate(frame->subclass.format));
	int guarded = hook->guard_us > 0;

	/* One that does not say how long it is counts for a millisecond: the guard has to end. */
	hook->guard_us -= MIN(hook->guard_us, MAX(1000, us));
	return guarded;
}

struct ast_frame *from_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_bridge *bridge = ast_channel_internal_bridge(chan);
	int inside, taken;

	if (!hook->listens || is_quiet(frame)) {
		return frame;
	}
	inside = is_confbridge(bridge);
	if (hook->inside && !inside && !hook->left) {
		/* Of a conference that Coach could not serve, or that was left before Coach was told, nobody says so. */
		hook_leaves(hook);
	}
	hook->inside = inside;
	if (hook->left && !inside) {
		taken = is_guarded(hook, frame);
	} else {
		taken = is_private(hook, frame, bridge && bridge == hook->bridge && !hook->muted && !hook->held
			&& !hook->held_by_command);
		/* Also after an `uncoach`: what was said before it may still be on its way when the member leaves. */
		hook->guard_us = taken ? GUARD_MS * 1000 : 0;
	}
	return taken ? silence(chan, hook, frame) : frame;
}

struct ast_frame *silent(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	return is_quiet(frame) ? frame : silence(chan, hook, frame);
}
