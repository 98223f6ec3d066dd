/*
 * res_coach: coach.conf.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_SETTINGS_H
#define COACH_ASTERISK_SETTINGS_H

#include "res_coach.h"

/* What coach.conf says. Set once, before anything else. */
struct settings {
	int tags_pass;   /* who takes over a place in a conference inherits its tags too */
	int mode_sounds; /* a member hears how it is heard from now on, when that changes */
};
extern struct settings settings;

/* Reads coach.conf; without it, and where it is wrong, which is logged, what is usual holds. */
void settings_read(void);

#endif /* COACH_ASTERISK_SETTINGS_H */
