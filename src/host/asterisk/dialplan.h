/*
 * res_coach: application Coach and function COACH.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_DIALPLAN_H
#define COACH_ASTERISK_DIALPLAN_H

#include "res_coach.h"

int dialplan_start(void);
void dialplan_stop(void);

#endif /* COACH_ASTERISK_DIALPLAN_H */
