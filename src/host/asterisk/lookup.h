/*
 * res_coach: members by the names that people give them.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_LOOKUP_H
#define COACH_ASTERISK_LOOKUP_H

#include "leg.h"

/* The leg of the channel with that name or unique id: a reference, or NULL. */
struct leg *leg_called(const char *channel);
/* The leg with that number, channel name or unique id in a conference: a reference, or NULL. */
struct leg *member_find(const char *room, const char *member);
/* For tab completion: `offer` is called with the name of each conference, and in one, of each member, and with each tag. */
typedef void offer_fn(const char *word, const char *typed);
void each_room(const char *typed, offer_fn *offer);
void each_member(const char *room, const char *typed, offer_fn *offer);
void each_tag(const char *room, const char *typed, offer_fn *offer);

#endif /* COACH_ASTERISK_LOOKUP_H */
