/*
 * res_coach: coach mode for Asterisk's ConfBridge. What all its files share, and the map.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 * Asterisk takes no module under another licence; so these files are, and what is linked with them, unlike the rest of Coach.
 *
 * From the ground up; each source has a header of its own, and uses only files above it in this list:
 *   settings      coach.conf
 *   names         what Asterisk calls the engine's members and rooms
 *   slin          frames as signed linear samples
 *   sync_queue    the one task processor: what is done soon, in a thread that holds no lock
 *   hook_state.h  what a hook knows of its channel                 for the four below, in the channel's media thread, with it locked
 *   hold          hold by command: silence in both directions
 *   read_path     frames from a member: private speech is taken out
 *   write_path    frames to a member: private speech is added
 *   framehook     the two framehooks of a channel; what it finds goes up by a table of operations
 *   leg           the channels that Coach knows, by unique id
 *   record        what a leg is set to, for the engine and for COACH() to read
 *   conference    which leg is in which ConfBridge
 *   transfer      a leg whose place another call has taken
 *   misspelt      what was meant for Coach and does not reach it
 *   sync          brings a leg in line with where its channel is
 *   rescan        Asterisk's word of who moves, and a look at who is in which bridge
 *   lookup        members by the names that people give them
 *   privacy       tag, untag, coach, uncoach: what every interface does
 *   event         the engine's events, to the manager interface and the log
 *   dialplan, cli, manager, manager_hold                           the interfaces
 *   module        load, unload, the engine
 *
 * Locks, in the order in which they are taken: `unload_lock` (privacy.c), `membership_lock` (conference.c), `command_lock` (record.c),
 * `registry_lock` (leg.c) or a channel's, the registry's (leg.c), a leg's.
 * With that of `scans` (rescan.c) held, no other of these is taken.
 * The engine is never called for more than a frame with a channel locked, because its events may be delivered inside any call.
 */
#ifndef COACH_ASTERISK_RES_COACH_H
#define COACH_ASTERISK_RES_COACH_H

#include "asterisk.h"

#include "asterisk/bridge.h"
#include "asterisk/channel.h"

#include "coach.h"

extern coach_engine_t engine;

/* The engine's opening guard. */
#define GUARD_MS 200

static inline int is_confbridge(const struct ast_bridge *bridge)
{
	return bridge && !strcmp(bridge->creator, "ConfBridge");
}

#endif /* COACH_ASTERISK_RES_COACH_H */
