/*
 * res_coach: every frame from and to a member.
 *
 * A framehook, because it comes first: Asterisk's audiohooks get frames after decoding, and where a frame cannot be decoded, or
 * what a hook made of it cannot be encoded again, they let the original pass. Here private speech is gone before anything
 * else of Asterisk has seen it, and what stands in for it is made from nothing of it.
 *
 * This program is free software, distributed under the terms of the GNU General Public License Version 2.
 */
#include "shim.h"

#include "asterisk/bridge.h"
#include "asterisk/format_cache.h"

/* 60 ms at 48 kHz: the most that the engine takes at once. Asterisk's linear frames have one channel. */
#define ENGINE_SAMPLES (48 * COACH_MAX_FRAME_MS)
/* 60 ms at 192 kHz, the highest rate that Asterisk reads at: a longer silence is cut, which nobody can hear. */
#define QUIET_SAMPLES (192 * COACH_MAX_FRAME_MS)
/* 80 ms at 48 kHz: ConfBridge's longest mixing interval. */
#define MIX_SAMPLES (48 * 80)
/* The source of the frames that stand in for private speech. */
#define QUIET "coach silence"

/* Guarded by the channel's lock, with which Asterisk calls us. */
struct hook {
	int id;                    /* the framehook's */
	coach_member_t member;
	struct ast_bridge *bridge; /* the bridge of the room that the member is in; a reference */
	unsigned int listens:1;    /* the member speaks privately, or did: open speech of one that never did is not even decoded */
	unsigned int left:1;       /* it has been in a conference: outside, its speech is an ordinary call's */
	unsigned int muted:1;
	unsigned int held:1;
	struct linear said;
	struct linear hears;
	struct ast_frame quiet;    /* stands in for what was said privately */
	struct ast_frame mixed;    /* what the member hears, private speech included */
	union {
		int16_t said[ENGINE_SAMPLES];
		int16_t quiet[QUIET_SAMPLES];
	} in;
	int16_t out[MIX_SAMPLES];
};

static unsigned int samples_of(const struct ast_frame *linear)
{
	return linear->datalen / sizeof(int16_t);
}

/* As much of it as the engine takes at once. */
static unsigned int chunk(unsigned int rate, unsigned int left)
{
	return MIN(left, rate * COACH_MAX_FRAME_MS / 1000);
}

/* Gives the engine what a frame says, or as much silence. Nonzero: it was private, or in doubt, and must not pass. */
static int capture(struct hook *hook, unsigned int rate, const int16_t *pcm, unsigned int samples)
{
	int taken = 0;

	while (samples) {
		unsigned int n = chunk(rate, samples);
		size_t bytes = n * sizeof(*pcm);

		if (pcm) {
			memcpy(hook->in.said, pcm, bytes);
			pcm += n;
		} else {
			memset(hook->in.said, 0, bytes);
		}
		taken |= coach_read(hook->member, hook->in.said, rate, 1, n) != COACH_OK;
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
	if (ast_format_cache_is_slinear(format)) {
		uint64_t wanted = ast_format_get_sample_rate(format);
		uint64_t samples = frame->samples * wanted / MAX(1, ast_format_get_sample_rate(frame->subclass.format));

		quiet->frametype = AST_FRAME_VOICE;
		quiet->subclass.format = format;
		quiet->samples = MIN(samples, QUIET_SAMPLES);
		quiet->datalen = quiet->samples * sizeof(int16_t);
		quiet->data.ptr = memset(hook->in.quiet, 0, quiet->datalen);
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

/* A jitter buffer that comes after us hands what it holds to every hook once more, us included: our own silence may pass. Not on
 * its name alone: copies keep that, whatever is done to them. */
static int is_quiet(const struct ast_frame *frame)
{
	const int16_t *pcm = frame->data.ptr;
	unsigned int samples = samples_of(frame);

	if (!frame->src || strcmp(frame->src, QUIET) || !ast_format_cache_is_slinear(frame->subclass.format)) {
		return 0;
	}
	while (samples && !*pcm) {
		pcm++;
		samples--;
	}
	return !samples;
}

static struct ast_frame *from_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_bridge *bridge = ast_channel_internal_bridge(chan);

	if (!hook->listens || (hook->left && !is_confbridge(bridge)) || is_quiet(frame)) {
		return frame;
	}
	return is_private(hook, frame, bridge && bridge == hook->bridge && !hook->muted && !hook->held)
		? silence(chan, hook, frame) : frame;
}

/* Adds private speech to linear frames, in `out`. The number of samples there; 0: there was nothing to add. */
static unsigned int mix(struct hook *hook, struct ast_frame *linear)
{
	unsigned int total = 0, changed = 0;
	unsigned int rate = linear_rate(linear->subclass.format);

	for (struct ast_frame *f = linear; f; f = AST_LIST_NEXT(f, frame_list)) {
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

static struct ast_frame *to_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *linear, *heard = frame;
	unsigned int samples;

	/* While a generator plays (music on hold, say), Asterisk drops what the bridge writes: then the generator's frames, for
	 * which it hides itself, are what the member hears. */
	if (!hook->bridge || hook->bridge != ast_channel_internal_bridge(chan) || ast_channel_generatordata(chan)
		|| !(linear = linear_frames(&hook->hears, frame))) {
		return frame;
	}
	samples = mix(hook, linear);
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

static struct ast_frame *on_frame(struct ast_channel *chan, struct ast_frame *frame, enum ast_framehook_event event,
	void *data)
{
	struct hook *hook = ((struct leg *) data)->hook;

	if (!frame || (event != AST_FRAMEHOOK_EVENT_READ && event != AST_FRAMEHOOK_EVENT_WRITE)) {
		return frame;
	}
	if (frame->frametype == AST_FRAME_CONTROL && event == AST_FRAMEHOOK_EVENT_READ) {
		if (frame->subclass.integer == AST_CONTROL_HOLD || frame->subclass.integer == AST_CONTROL_UNHOLD) {
			notice(chan, hook, frame->subclass.integer == AST_CONTROL_HOLD);
		}
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

static void on_fixup(void *data, int id, struct ast_channel *old, struct ast_channel *chan)
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
		.chan_fixup_cb = on_fixup,
		.data = leg,
	};
	struct hook *hook;

	if (leg->hook) {
		return 0;
	}
	if (ast_test_flag(ast_channel_flags(chan), AST_FLAG_ZOMBIE) || !(hook = ast_calloc(1, sizeof(*hook)))) {
		return -1;
	}
	hook->member = leg->member;
	leg->hook = hook;
	hook->id = ast_framehook_attach(chan, &interface);
	if (hook->id < 0) {
		leg->hook = NULL;
		ast_free(hook);
		return -1;
	}
	ao2_ref(leg, +1);
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
