/*
 * res_coach: the manager actions CoachHold, CoachUnhold and CoachPlay.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_MANAGER_HOLD_H
#define COACH_ASTERISK_MANAGER_HOLD_H

#include "res_coach.h"

int manager_hold_start(void);
void manager_hold_stop(void);

#endif /* COACH_ASTERISK_MANAGER_HOLD_H */
