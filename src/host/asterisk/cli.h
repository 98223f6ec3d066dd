/*
 * res_coach: the console.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_CLI_H
#define COACH_ASTERISK_CLI_H

#include "res_coach.h"

int cli_start(void);
void cli_stop(void);

#endif /* COACH_ASTERISK_CLI_H */
