/*
 * res_coach: what the hook knows of its channel, for the files that handle frames.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_HOOK_STATE_H
#define COACH_ASTERISK_HOOK_STATE_H

#include "slin.h"

/* 60 ms at 48 kHz: the most that the engine takes at once. Asterisk's linear frames have one channel. */
#define ENGINE_SAMPLES (48 * COACH_MAX_FRAME_MS)
/* 60 ms at 192 kHz, the highest rate that Asterisk reads at: a longer silence is cut, which nobody can hear. */
#define QUIET_SAMPLES (192 * COACH_MAX_FRAME_MS)
/* 80 ms at 48 kHz: ConfBridge's longest mixing interval. */
#define MIX_SAMPLES (48 * 80)

struct hook;

/* What a hook asks of, and tells, whoever it belongs to. The channel is locked. */
struct hook_ops {
	/* Whether the member speaks privately. */
	int (*is_private)(void *owner);
	/* A masquerade gave the channel that the hook is on to another call, with its identity. Both channels are locked. */
	void (*moved)(void *owner, struct ast_channel *chan);
	/* The channel hangs up, or it is no longer this hook's. */
	void (*ended)(void *owner, struct ast_channel *chan);
};

/* One of the two framehooks that a hook is. */
struct slot {
	struct hook *hook;
	int id;
	int attached; /* a masquerade attaches it to the one channel before it detaches it from the other */
};

/* Guarded by the channel's lock, with which Asterisk calls us. */
struct hook {
	void *owner;               /* ao2: each framehook that Asterisk has holds a reference */
	const struct hook_ops *ops;
	struct slot takes;         /* sees every frame first, and takes private speech out */
	struct slot guards;        /* right after it: silences what comes in its place, and everything if it is lost */
	coach_member_t member;
	struct ast_bridge *bridge; /* the bridge of the room that the member is in; a reference */
	unsigned int going:1;      /* we take it off ourselves */
	unsigned int lost:1;       /* somebody else has taken a part of it off */
	unsigned int took:1;       /* the frame that was read last was private */
	unsigned int buffered:1;   /* a jitter buffer was there before: frames come out of it, later than they were said */
	unsigned int listens:1;    /* the member speaks privately, or did: open speech of one that never did is not even decoded */
	unsigned int inside:1;     /* what was read last was said in a ConfBridge */
	unsigned int left:1;       /* it has been in a conference: outside, its speech is an ordinary call's, after the guard */
	unsigned int passes:1;     /* for that, the engine lets everything pass, or may: in a conference it has to be told first */
	unsigned int muted:1;
	unsigned int held:1;
	unsigned int replaced:1;   /* another call has the channel now, and the member is still the one before */
	unsigned int held_by_command:1; /* hold.c: while it is in `bridge`, nobody hears it and it hears nobody */
	unsigned int plays:1;      /* hold.c: a file may be streamed to it while it is held */
	unsigned int waits;        /* frames since then, from and to the member */
	struct slin read_slin;
	struct slin write_slin;
	struct ast_frame quiet;    /* stands in for what was said privately */
	struct ast_frame mixed;    /* what the member hears, private speech included */
	int16_t in[ENGINE_SAMPLES];
	int16_t none[QUIET_SAMPLES]; /* of `quiet`, and of nothing else: whoever reads from the channel may still have that frame */
	int16_t out[MIX_SAMPLES];
};

static inline unsigned int samples_of(const struct ast_frame *linear)
{
	return linear->datalen / sizeof(int16_t);
}

/* As many of them as the engine takes at once. */
static inline unsigned int chunk(unsigned int rate, unsigned int samples)
{
	return MIN(samples, rate * COACH_MAX_FRAME_MS / 1000);
}

#endif /* COACH_ASTERISK_HOOK_STATE_H */
