/*
 * res_coach: what a leg is set to, for the engine and for COACH() to read.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_RECORD_H
#define COACH_ASTERISK_RECORD_H

#include "leg.h"

/* What the engine does and what is on record of it change together, one change at a time: between these two. No media thread calls them. */
void record_begins(void);
void record_ends(void);
/* Whether the engine bypasses the leg's hooks, as for an ordinary call, where it is not private. Between those two. */
void record_bypass(struct leg *leg, int on);
/* Has the engine carry out tags and a mode that were on record before, for a member that is open: NULL for none, and for open. Between
 * those two. */
void record_apply(coach_member_t member, const char *tags, const char *speak_only_to);
/* Puts them on record, NULL for none. Between those two. */
void record_both(struct leg *leg, const char *tags, const char *speak_only_to);
void record_tags(struct leg *leg, const char *tags);
void record_mode(struct leg *leg, const char *speak_only_to);
/* How long ago somebody began to speak openly. */
int64_t record_opened_ms_ago(void);

#endif /* COACH_ASTERISK_RECORD_H */
