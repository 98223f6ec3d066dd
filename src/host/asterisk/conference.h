/*
 * res_coach: which leg is in which ConfBridge.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_CONFERENCE_H
#define COACH_ASTERISK_CONFERENCE_H

#include "leg.h"

/* Joins and leaves happen between these two: `membership_lock`. */
void conference_lock(void);
void conference_unlock(void);
/* The leg enters the conference of a bridge, if the engine takes it. `membership_lock` is held. */
void conference_join(struct leg *leg, struct ast_bridge *bridge);
/* The bridge of its conference, or NULL. `membership_lock` is held. */
struct ast_bridge *conference_bridge_of(const struct leg *leg);
void conferences_stop(void);
/* It is in no conference. `membership_lock` is held. */
void conference_leave(struct leg *leg);
/* The leg, if it is in a conference, has another member of the engine's: that one joins, with a number of its own. `membership_lock` is held. */
void conference_admit(struct leg *leg);
/* A conference's name as the engine takes it, and as everything of ours tells it, into COACH_MAX_NAME_BYTES + 1 bytes: white space is
 * written %20 and % itself %25, so that no two conferences share a name. Nonzero: too long. */
int conference_name(const char *name, char *room);
/* The same of a name that somebody gives: as we tell it; white space may also be written as it is. */
int conference_given(const char *name, char *room);

#endif /* COACH_ASTERISK_CONFERENCE_H */
