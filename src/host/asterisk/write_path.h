/*
 * res_coach: what a member hears.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_WRITE_PATH_H
#define COACH_ASTERISK_WRITE_PATH_H

#include "hook_state.h"

/* The frame that goes on in place of one that is to be written to the member. */
struct ast_frame *to_member(struct ast_channel *chan, struct hook *hook, struct ast_frame *frame);

#endif /* COACH_ASTERISK_WRITE_PATH_H */
