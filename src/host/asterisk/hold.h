/*
 * res_coach: hold by command.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_HOLD_H
#define COACH_ASTERISK_HOLD_H

#include "hook_state.h"

/* A command holds it in the conference that it is in, or no longer does. The channel is locked. */
void hook_hold(struct hook *hook, int on);
/* Whether a command holds it in the conference that it is in. */
int is_held(struct ast_channel *chan, const struct hook *hook);
/* What it hears while it is held, in place of a frame. */
struct ast_frame *hold_hears(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame);
/* A frame is written to a channel that a file is streamed to: ends the stream if the hold that it was for is over. */
void hold_streams(struct ast_channel *chan, struct hook *hook);

#endif /* COACH_ASTERISK_HOLD_H */
