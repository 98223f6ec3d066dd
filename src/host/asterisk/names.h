/*
 * res_coach: what Asterisk calls the engine's members and rooms.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_NAMES_H
#define COACH_ASTERISK_NAMES_H

#include "res_coach.h"

/* Of a member or a room of the engine's, which gives it back in every event: `user_data`. The engine frees it, when it has told the last. */
struct name {
	coach_member_t last; /* a room's: it ends when this member leaves it */
	char uniqueid[];     /* a member's that of its call, a room's that of its conference's bridge */
};

/* For a configuration's `user_data`, with `name_free` as its `release`; nobody's until the engine has taken it. NULL: no memory, and events
 * come without. */
struct name *name_make(const char *uniqueid);
void name_free(void *name);
/* The unique id; "" of NULL. */
const char *name_uniqueid(const struct name *name);
/* The room ends when this member leaves it. */
void name_set_last(struct name *room, coach_member_t member);
int name_is_last(const struct name *room, coach_member_t member);

#endif /* COACH_ASTERISK_NAMES_H */
