/*
 * res_coach: the manager interface.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_MANAGER_H
#define COACH_ASTERISK_MANAGER_H

#include "leg.h"

struct mansession;
struct message;
/* The leg of an action's channel, a reference, and its conference, into COACH_MAX_NAME_BYTES + 1 bytes; or NULL, and the action has been
 * answered with what is wrong. */
struct leg *manager_leg(struct mansession *session, const struct message *message, char *room);
int manager_start(void);
void manager_stop(void);

#endif /* COACH_ASTERISK_MANAGER_H */
