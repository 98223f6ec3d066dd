/*
 * res_coach: the engine's events, to the manager interface and the log.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_EVENT_H
#define COACH_ASTERISK_EVENT_H

#include "res_coach.h"

void on_event(void *user, const coach_event_t *event);

#endif /* COACH_ASTERISK_EVENT_H */
