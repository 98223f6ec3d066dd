/*
 * res_coach: the hook that sees every frame from and to a member.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_FRAMEHOOK_H
#define COACH_ASTERISK_FRAMEHOOK_H

#include "res_coach.h"

struct hook;
struct hook_ops;

/* A hook that serves `member`, on no channel yet. `owner`: an ao2 object, told of what happens by `ops`. NULL: no memory. */
struct hook *hook_make(void *owner, const struct hook_ops *ops, coach_member_t member);
/* Puts the hook on a channel, unless it is there and whole. The channel is locked. Nonzero: no memory, or the channel is gone. */
int hook_attach(struct ast_channel *chan, struct hook *hook);
/* Takes it off, before this returns. The channel is locked. */
void hook_detach(struct ast_channel *chan, struct hook *hook);
/* How much of all hooks Asterisk still has. */
int hooks_in_use(void);
/* A masquerade is about to put it behind the hooks of this channel. Both channels are locked. */
void hook_moves(struct hook *hook, struct ast_channel *chan);
/* Another call has taken the channel: it hears no private speech before `hook_serve`. The channel is locked. */
void hook_replaced(struct hook *hook);
/* From now on the hook serves this member of the engine's. The channel is locked. */
void hook_serve(struct hook *hook, coach_member_t member);
/* Why a channel with this phone cannot speak privately, or NULL. It is locked. */
const char *hook_obstacle(struct ast_channel *phone, const struct hook *hook);
/* Ends the call of a member that speaks privately and can no longer. The channel is locked. */
void hook_check(struct ast_channel *chan, struct hook *hook);
/* From now on, what the member says is decoded, because it may be private. The channel is locked. */
void hook_listen(struct hook *hook);
/* Whether the member has ever spoken privately. */
int hook_listens(const struct hook *hook);
/* What the member says privately reaches its room, and it hears the room's private speech, while it is in this bridge and no
 * other. The engine does not let everything pass any more. NULL: it is in none; whether it has been in one, so that the engine is to let
 * everything pass, after the guard. The channel is locked. */
int hook_place(struct hook *hook, struct ast_bridge *bridge);
/* Private speech waits for the next conference, as before the first, and the engine does not let it pass. The channel is locked. */
void hook_await(struct hook *hook);
/* What the channel's media thread has seen of mute and hold. The channel is locked. */
void hook_seen(const struct hook *hook, int *muted, int *held);
void hook_free(struct hook *hook);

#endif /* COACH_ASTERISK_FRAMEHOOK_H */
