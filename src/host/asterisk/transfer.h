/*
 * res_coach: a leg whose place another call has taken.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_TRANSFER_H
#define COACH_ASTERISK_TRANSFER_H

#include "leg.h"

/* Another call has taken the leg's channel: it inherits the mode, which keeps it private, and no tags, which would let it hear. For
 * the engine it is another member. `membership_lock` is held. */
void transfer_hand_over(struct leg *leg, struct ast_channel *chan);

#endif /* COACH_ASTERISK_TRANSFER_H */
