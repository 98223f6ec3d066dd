/*
 * res_coach: what was meant for Coach and does not reach it.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_MISSPELT_H
#define COACH_ASTERISK_MISSPELT_H

#include "leg.h"

int misspelt_start(void);
void misspelt_stop(void);
/* Whether a text has `speakOnlyTo` in it, however that is spelt. */
int names_speak_only_to(const char *text);
/* Logs the variables of a channel that has just joined which were meant for Coach, with what would be right. Nonzero: one of them says
 * beyond doubt that the call was to be private. */
int misspelt_variables(struct leg *leg, struct ast_channel *chan);

#endif /* COACH_ASTERISK_MISSPELT_H */
