/*
 * res_coach: brings a leg in line with where its channel is.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_SYNC_H
#define COACH_ASTERISK_SYNC_H

#include "leg.h"

/* Brings a channel's leg in line with where the channel is; "": the legs that were displaced. No lock is held. */
void sync_channel(const char *uniqueid);
/* What ConfBridge says of a member's mute; where there is a hook, that has seen it itself. No lock is held. */
void sync_mute(const char *uniqueid, int muted);
/* `leg_find`, for who acts on the leg or tells of it: if another call has taken its channel, the engine knows by then. */
struct leg *leg_synced(const char *uniqueid);
/* A channel's leg with the hook on it, or one that a transfer has just taken away from there: a reference, or NULL, logged. */
struct leg *leg_hooked(struct ast_channel *chan);

#endif /* COACH_ASTERISK_SYNC_H */
