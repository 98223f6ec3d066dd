/*
 * res_coach: frames as signed linear samples.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_SLIN_H
#define COACH_ASTERISK_SLIN_H

#include "res_coach.h"

#include "asterisk/translate.h"

/* A decoder from whatever arrives to signed linear. All zeros is a new one. */
struct slin {
	struct ast_format *from;      /* what `path` was built for; a reference */
	struct ast_trans_pvt *path;   /* NULL: there is no way from that format */
};

/* The frame at a rate that the engine takes: the frame itself, or a list that is the caller's to free, or NULL where there
 * is no way, or where the codec wants more before it answers. */
struct ast_frame *slin_frames(struct slin *slin, struct ast_frame *frame);
/* The rate that `slin_frames` gives for frames of `format`. */
unsigned int slin_rate(const struct ast_format *format);
void slin_done(struct slin *slin);

#endif /* COACH_ASTERISK_SLIN_H */
