/*
 * res_coach: what Asterisk calls the engine's members and rooms.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_NAMES_H
#define COACH_ASTERISK_NAMES_H

#include "res_coach.h"

enum name_of { NAME_OF_MEMBER, NAME_OF_ROOM };

/* The engine's member or room with that handle has this unique id, until some time after it has ended. */
void name_begins(enum name_of of, uint64_t handle, const char *uniqueid);
void name_ends(enum name_of of, uint64_t handle);
/* Its unique id; "" where there was no memory for that. */
void name_of(enum name_of of, uint64_t handle, char *uniqueid, size_t size);
/* The room ends when this member leaves it. */
void name_set_last(coach_room_t room, coach_member_t member);
int name_is_last(coach_room_t room, coach_member_t member);
void names_stop(void);

#endif /* COACH_ASTERISK_NAMES_H */
