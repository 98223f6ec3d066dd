/*
 * res_coach: the channels that Coach knows.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_LEG_H
#define COACH_ASTERISK_LEG_H

#include "res_coach.h"

struct hook;
struct conference;

/* A channel that Coach knows: one in a ConfBridge, or one that met Coach() or COACH(). ao2, with a lock. */
struct leg {
	coach_member_t member;          /* changes with `membership_lock`, `command_lock` and the leg's lock held; one of them is enough to read it */
	char call_id[AST_CHANNEL_NAME]; /* the engine's name for it: the channel's, when the member was made. The same locks */
	char uniqueid[AST_MAX_UNIQUEID]; /* of the channel that it is on. The leg's lock */
	int bypassed;                   /* the engine lets everything pass that it says. `command_lock` */
	int replaced;                  /* another call has taken its channel, and the engine does not know. The leg's lock */
	int displaced;                     /* a transfer brought it to a channel that has a leg already. The leg's lock */
	char *tags;                     /* as set last, for COACH() to read; NULL for none. The leg's lock */
	char *speak_only_to;            /* NULL: speaks openly. The leg's lock */
	int gone;                       /* its channel has ended. The leg's lock */
	int over;                       /* it has been dropped. The leg's lock */
	char room[COACH_MAX_NAME_BYTES + 1]; /* the conference that it is in, as the engine names it; "" for none. The leg's lock */
	unsigned int number;            /* in that one. The leg's lock */
	struct conference *conference;  /* `membership_lock` */
	struct hook *hook;              /* NULL until tags or modes are asked for. Set once, with the channel locked */
	struct leg *before;             /* that gave way to this one; a reference. The sync queue's */
	int kept;                       /* it is another one's `before`. The sync queue's */
};

int legs_start(void);
/* The channel of a leg with a hook: a reference, or NULL when it has ended. Waits a little for it. No lock is held. */
struct ast_channel *leg_channel(struct leg *leg);
/* The unique id of the call that is at a channel now, into AST_MAX_UNIQUEID bytes. The channel is not locked. */
void call_at(struct ast_channel *chan, char *uniqueid);
/* The channel that a call is at, by its unique id; the same as `leg_channel`. */
struct ast_channel *call_channel(const char *uniqueid);
/* One leg gives way to another: it is freed no earlier than that one. The thread that reads from their channel may still have a frame
 * of its hook: Asterisk unlocks the channel before the reader is done with it. In the sync queue's thread. */
void leg_keep(struct leg *leg, struct leg *before);
/* Takes its hook off this channel. */
void leg_unhook(struct leg *leg, struct ast_channel *chan);
/* Its channel hangs up, or it is no longer this leg's. The channel is locked. */
void leg_ends(struct leg *leg, struct ast_channel *chan);
/* Takes every hook off, so that no frame comes any more. Nonzero: Asterisk still has one, on a channel that nobody finds. */
int legs_unhook(void);
void legs_stop(void);
/* The leg of a channel: a reference, or NULL. */
struct leg *leg_find(const char *uniqueid);
/* The same; made where there is none. Takes no channel lock but for a moment. */
struct leg *leg_obtain(struct ast_channel *chan);
/* A member of the engine's for a channel, with tags and a mode as they are on record, and the engine's name for it, into
 * AST_CHANNEL_NAME bytes. 0: logged. */
coach_member_t leg_attach(const char *name, const char *uniqueid, const char *tags, const char *speak_only_to, char *call_id);
/* Ends a leg that has no hook, or no channel any more. */
void leg_drop(struct leg *leg);
/* All legs, for ao2_iterator. */
struct ao2_container *legs(void);
/* Its unique id now, into AST_MAX_UNIQUEID bytes. */
void leg_uniqueid(struct leg *leg, char *uniqueid);
int leg_is_at(struct leg *leg, const char *uniqueid);
/* The engine's member that is its now. */
coach_member_t leg_member(struct leg *leg);
/* The engine's name for it, into AST_CHANNEL_NAME bytes. */
void leg_call_id(struct leg *leg, char *call_id);
/* Whether another call has taken its channel, and the engine does not know yet. */
int leg_is_replaced(struct leg *leg);
/* Whether its channel has another leg since a transfer, which takes its member over. */
int leg_is_displaced(struct leg *leg);
/* The leg that a masquerade brought to the channel of this one: a reference, or NULL. */
struct leg *leg_displaced_at(struct leg *leg);
/* Hooks it, unless it is over. The channel and the leg are locked. Nonzero: it cannot be. */
int leg_hook(struct leg *leg, struct ast_channel *chan);
/* The conference that a leg is in, into COACH_MAX_NAME_BYTES + 1 bytes; 0: it is in none. */
int leg_room(struct leg *leg, char *room);
/* On record where memory is short: who speaks privately must not be taken for one who does not. Never freed. */
extern char leg_private_to_nobody[];

#endif /* COACH_ASTERISK_LEG_H */
