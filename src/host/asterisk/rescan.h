/*
 * res_coach: Asterisk's word of who moves, and a look at who is where.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_RESCAN_H
#define COACH_ASTERISK_RESCAN_H

#include "res_coach.h"

/* Brings a conference in line with who is in its bridge; "": every one. Where a channel without a hook takes another's place, Asterisk
 * tells nobody: whoever is about to say something of a conference, or to act on it, rescans first. No lock is held. */
void rescan(const char *room);
int rescan_start(void);
void rescan_stop(void);

#endif /* COACH_ASTERISK_RESCAN_H */
