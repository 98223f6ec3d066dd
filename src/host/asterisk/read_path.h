/*
 * res_coach: what a member says.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_READ_PATH_H
#define COACH_ASTERISK_READ_PATH_H

#include "hook_state.h"

/* The frame that goes on in place of one that was read from the member. */
struct ast_frame *from_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame);
/* The same for a frame that must be silence. */
struct ast_frame *silent(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame);

#endif /* COACH_ASTERISK_READ_PATH_H */
