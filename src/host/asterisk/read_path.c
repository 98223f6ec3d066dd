/*
 * res_coach: the path of frames that come from a member: private speech is taken out. A hook works only in the bridge that it
 * was placed in; until Asterisk has told of that, private speech is heard by nobody.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "read_path.h"

#include "sync_queue.h"

#include "asterisk/format_cache.h"

/* The source of the frames that stand in for private speech. */
#define QUIET "coach silence"

/* When a frame was said, in milliseconds of the sender's clock, where Asterisk knows that: of RTP, the time that its packets tell. */
static coach_media_time_t said_at(const struct ast_frame *frame)
{
	coach_media_time_t time = COACH_MEDIA_TIME_INIT;

	if (ast_test_flag(frame, AST_FRFLAG_HAS_TIMING_INFO) && frame->ts > 0) {
		time.stamp = frame->ts;
		time.clock_rate = 1000;
	}
	return time;
}

/* Gives the engine what a frame says, or as much silence, and moves `time` on by as much. Nonzero: it was private, or in doubt, and
 * must not pass. */
static int capture(struct hook *hook, unsigned int rate, const int16_t *pcm, unsigned int samples, coach_media_time_t *time)
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
		taken |= coach_read_at(hook->member, hook->in, rate, 1, n, time) != COACH_OK;
		samples -= n;
		time->stamp += time->stamp ? (uint64_t) n * time->clock_rate / rate : 0;
	}
	return taken;
}

/* Whether a frame is private. `audible`: those who may hear it do; else they hear a pause. */
static int is_private(struct hook *hook, struct ast_frame *frame, int audible)
{
	struct ast_frame *linear = audible ? slin_frames(&hook->read_slin, frame) : NULL;
	coach_media_time_t time = said_at(frame);
	int taken = 0, said = 0;

	for (struct ast_frame *f = linear; f; f = f == frame ? NULL : AST_LIST_NEXT(f, frame_list)) {
		taken |= capture(hook, slin_rate(f->subclass.format), f->data.ptr, samples_of(f), &time);
		said |= samples_of(f) > 0;
	}
	if (!said) {
		/* Whether it is private has to be asked all the same: what cannot be decoded must not pass either. */
		unsigned int rate = slin_rate(frame->subclass.format);
		unsigned int own = ast_format_get_sample_rate(frame->subclass.format);

		taken = capture(hook, rate, NULL, MAX(1, (uint64_t) frame->samples * rate / MAX(1, own)), &time);
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

struct ast_frame *from_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_bridge *bridge = ast_channel_internal_bridge(chan);
	int inside, taken;

	if (!hook->listens || is_quiet(frame)) {
		return frame;
	}
	inside = is_confbridge(bridge);
	if (hook->inside && !inside && !hook->left) {
		/* Of a conference that Coach could not serve, or that was left before Coach was told, nobody else says so. */
		hook->left = 1;
		sync_soon(ast_channel_uniqueid(chan));
	}
	hook->inside = inside;
	taken = is_private(hook, frame, bridge && bridge == hook->bridge && !hook->muted && !hook->held
		&& !hook->held_by_command);
	if (inside && hook->passes && hook->ops->is_private(hook->owner)) {
		/* It has come from an ordinary call, for which the engine lets everything pass, and Coach has not been told. */
		taken = 1;
	}
	return taken ? silence(chan, hook, frame) : frame;
}

struct ast_frame *silent(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	return is_quiet(frame) ? frame : silence(chan, hook, frame);
}
