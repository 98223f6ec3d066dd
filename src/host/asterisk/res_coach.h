/*
 * res_coach: coach mode for Asterisk's ConfBridge. What its files share.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 * Asterisk takes no module under another licence; so these files are, and what is linked with them, unlike the rest of Coach.
 *
 * The map:
 *   module.c      load, unload, the engine
 *   settings.c    coach.conf
 *   leg.c         the channels that Coach knows, by unique id
 *   framehook.c        the hook that sees every frame                   runs with the channel locked, in its media thread
 *   read_path.c        frames from a member: private speech is taken    the same
 *   write_path.c       frames to a member: private speech is added      the same
 *   slin.c      frames as signed linear samples                  the same
 *   conference.c  which channel is in which ConfBridge
 *   transfer.c        a leg whose place another call has taken
 *   rescan.c      Asterisk's word of who moves, and a look at who is where
 *   lookup.c      members by the names that people give them
 *   privacy.c        tag, untag, coach, uncoach: what every interface does
 *   misspelt.c    what was meant for Coach and does not reach it
 *   hold.c        hold by command: CoachHold, CoachUnhold
 *   known.c    what Asterisk calls the engine's members and rooms
 *   event.c       the engine's events, to the manager interface and the log
 *   dialplan.c, cli.c, manager.c                                   the interfaces
 *
 * Locks, in the order in which they are taken: `unload_lock` (privacy.c), `membership_lock` (conference.c), `command_lock` (privacy.c), `registry_lock` (leg.c) or a
 * channel's, the registry's (leg.c), a leg's.
 * With that of `rescans` (rescan.c) or of known.c held, no other of these is taken.
 * The engine is never called for more than a frame with a channel locked, because its events may be delivered inside any call.
 */
#ifndef COACH_ASTERISK_RES_COACH_H
#define COACH_ASTERISK_RES_COACH_H

#include "asterisk.h"

#include "asterisk/channel.h"
#include "asterisk/framehook.h"
#include "asterisk/translate.h"

#include "coach.h"

extern coach_engine_t engine;

/* What coach.conf says. Set once, before anything else. */
struct settings {
	int tags_pass;   /* who takes over a place in a conference inherits its tags too */
	int mode_sounds; /* a member hears how it is heard from now on, when that changes */
};
extern struct settings settings;

/* The engine's opening guard. */
#define GUARD_MS 200

/* ----------------------------------------------------------------------------------------------- settings.c ---- */

/* Reads coach.conf; without it, and where it is wrong, which is logged, what is usual holds. */
void settings_read(void);

/* ------------------------------------------------------------------------------------------------- slin.c ---- */

/* A decoder from whatever arrives to signed linear. All zeros is a new one. */
struct slin {
	struct ast_format *from;      /* what `path` was built for; a reference */
	struct ast_trans_pvt *path;   /* NULL: there is no way from that format */
};

/* The frame at a rate that the engine takes: the frame itself, or a list that is the caller's to free, or NULL where there
 * is no way, or where the codec wants more before it answers. */
struct ast_frame *slin_frames(struct slin *slin, struct ast_frame *frame);
/* The rate that `slin_frames` gives for frames of `format`. */
unsigned int slin_rate(const struct ast_format *format);
void slin_done(struct slin *slin);

/* --------------------------------------------------------------------------------------------------- framehook.c ---- */

struct leg;
struct hook;

/* Puts the hook on a channel, unless it is there and whole. The channel is locked. Nonzero: no memory, or the channel is gone. */
int hook_attach(struct ast_channel *chan, struct leg *leg);
/* Takes it off, before this returns. The channel is locked. */
void hook_detach(struct ast_channel *chan, struct leg *leg);
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
/* Ends the call of a leg that speaks privately and can no longer. The channel is locked. */
void hook_check(struct ast_channel *chan, struct leg *leg);
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
/* A command holds it in the conference that it is in, or no longer does. The channel is locked. */
void hook_hold(struct hook *hook, int on);
void hook_free(struct hook *hook);

/* ---------------------------------------------------------------------------------------------------- leg.c ---- */

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
/* The engine's member has no call any more. */
void leg_detach(coach_member_t member);
/* A masquerade gave the channel that it is on to another call, with its known. Both channels are locked. */
void leg_stays(struct leg *leg, struct ast_channel *chan);
/* Ends a leg that has no hook, or no channel any more. */
void leg_drop(struct leg *leg);
/* All legs, for ao2_iterator. */
struct ao2_container *legs(void);
/* Its unique id now, into AST_MAX_UNIQUEID bytes. */
void leg_uniqueid(struct leg *leg, char *uniqueid);
int leg_is_at(struct leg *leg, const char *uniqueid);
/* The engine's name for it, into AST_CHANNEL_NAME bytes. */
void leg_call_id(struct leg *leg, char *call_id);
/* Whether another call has taken its channel, and the engine does not know yet. */
int leg_is_replaced(struct leg *leg);
/* The leg that a masquerade brought to the channel of this one: a reference, or NULL. */
struct leg *leg_displaced_at(struct leg *leg);
/* A channel's leg with the hook on it: a reference, or NULL, logged. */
struct leg *leg_hooked(struct ast_channel *chan);

/* --------------------------------------------------------------------------------------------- conference.c ---- */

void conferences_stop(void);
/* Brings a channel's leg in line with where the channel is; "": the legs that were displaced. */
void sync_channel(const char *uniqueid);
/* It is in no conference. `membership_lock` is held. */
void conference_leave(struct leg *leg);
/* The leg, if it is in a conference, has another member of the engine's: that one joins, with a number of its own. `membership_lock` is held. */
void conference_admit(struct leg *leg);
/* A bridge's unique id, a UUID, with room to spare. */
#define BRIDGE_ID 64
/* That of the bridge of the conference that a leg is in, into BRIDGE_ID bytes; "" for none. No lock is held. */
void conference_bridge(struct leg *leg, char *uniqueid);
/* `leg_find`, for who acts on the leg or tells of it: if another call has taken its channel, the engine knows by then. */
struct leg *leg_synced(const char *uniqueid);
int is_confbridge(const struct ast_bridge *bridge);
/* A conference's name as the engine takes it, and as everything of ours tells it, into COACH_MAX_NAME_BYTES + 1 bytes: white space is
 * written %20 and % itself %25, so that no two conferences share a name. Nonzero: too long. */
int conference_name(const char *name, char *room);
/* The same of a name that somebody gives: as we tell it; white space may also be written as it is. */
int conference_given(const char *name, char *room);

/* --------------------------------------------------------------------------------------------------- transfer.c ---- */

/* Another call has taken the leg's channel: it inherits the mode, which keeps it private, and no tags, which would let it hear. For
 * the engine it is another member. `membership_lock` is held. */
void transfer_hand_over(struct leg *leg, struct ast_channel *chan);
/* A leg that were displaced ends: the one whose channel it was brought to has taken over from it what it needs. */
void transfer_give_way(struct leg *leg);

/* ------------------------------------------------------------------------------------------------- lookup.c ---- */

/* The leg of the channel with that name or unique id: a reference, or NULL. */
struct leg *leg_called(const char *channel);
/* The leg with that number, channel name or unique id in a conference: a reference, or NULL. */
struct leg *member_find(const char *room, const char *member);
/* The conference that a leg is in, into COACH_MAX_NAME_BYTES + 1 bytes; 0: it is in none. */
int room_of(struct leg *leg, char *room);
/* For tab completion: `offer` is called with the name of each conference, and in one, of each member, and with each tag. */
typedef void offer_fn(const char *word, const char *typed);
void each_room(const char *typed, offer_fn *offer);
void each_member(const char *room, const char *typed, offer_fn *offer);
void each_tag(const char *room, const char *typed, offer_fn *offer);

/* ------------------------------------------------------------------------------------------------- rescan.c ---- */

int sync_queue_start(void);
void sync_queue_stop(void);
/* `sync_channel`, soon, in a thread that holds no lock. */
void sync_soon(const char *uniqueid);
/* Private to nobody, soon, in that thread. */
void close_soon(const char *uniqueid);
/* Brings a conference in line with who is in its bridge; "": every one. Where a channel without a hook takes another's place, Asterisk
 * tells nobody: whoever is about to say something of a conference, or to act on it, rescans first. No lock is held. */
void rescan(const char *room);
int rescan_start(void);
void rescan_stop(void);

/* --------------------------------------------------------------------------------------------------- privacy.c ---- */

/* What the dialplan says of its own channel. Where a value is empty or malformed, doubt ends in silence: logged, and private to
 * nobody, or without tags. Nonzero: the channel could not be hooked, and must not go on. */
int privacy_set_tags(struct ast_channel *chan, const char *tags);
int privacy_set_speak_only_to(struct ast_channel *chan, const char *speak_only_to);
void privacy_untag(struct ast_channel *chan);
void privacy_uncoach(struct ast_channel *chan);
/* What is on record of it goes. */
void privacy_forget(struct leg *leg);
/* What the engine does and what is on record of it change together, one change at a time: between these two. */
void privacy_change_begins(void);
void privacy_change_ends(void);
/* Whether the engine lets everything pass that the leg says, for an ordinary call, where it is not private. Between those two. */
void privacy_bypass(struct leg *leg, int on);
/* Has the engine carry out tags and a mode that were on record before, for a member that is open: NULL for none, and for open. Between
 * those two. */
void privacy_apply(coach_member_t member, const char *tags, const char *speak_only_to);
/* Puts them on record. Between those two. */
void privacy_record(struct leg *leg, const char *tags, const char *speak_only_to);
/* A text command as `coach_command` takes it, its words parted by one space, with the channel hooked that it is about.
 * Nonzero: the answer is not `+OK`. */
int privacy_command(const char *command, struct ast_str **answer);
/* The same for a member that is found already, in a conference: a verb, and what comes after the member. */
int privacy_command_about(struct leg *leg, const char *verb, const char *room, const char *value, struct ast_str **answer);
/* Holds a member of a conference by command, or ends that. Why that cannot be, or NULL. */
const char *privacy_hold(struct leg *leg, int on);
/* From now on no channel is hooked. Nonzero: somebody speaks privately, which is logged, and nothing has changed. */
int privacy_end(void);
/* Writes the tags of all legs to their channels, for the module to take up when it is loaded again. */
void privacy_keep_tags(void);
void privacy_take_up_tags(void);
/* Waits until what was said privately before an `uncoach` is no longer on its way. Nonzero: it still is, which is logged, and channels
 * are hooked again as before `privacy_end`. */
int privacy_wait_for_guard(void);

/* ----------------------------------------------------------------------------------------------- misspelt.c ---- */

int misspelt_start(void);
void misspelt_stop(void);
/* Whether a text has `speakOnlyTo` in it, however that is spelt. */
int names_speak_only_to(const char *text);
/* Logs the variables of a channel that has just joined which were meant for Coach, with what would be right. */
void misspelt_variables(struct leg *leg, struct ast_channel *chan);

/* ---------------------------------------------------------------------------------------------- known.c ---- */

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

/* -------------------------------------------------------------------------------------- event.c, interfaces ---- */

void on_event(void *user, const coach_event_t *event);
int dialplan_start(void);
void dialplan_stop(void);
int cli_start(void);
void cli_stop(void);
struct mansession;
struct message;
/* The leg of an action's channel, a reference, and its conference, into COACH_MAX_NAME_BYTES + 1 bytes; or NULL, and the action has been
 * answered with what is wrong. */
struct leg *manager_leg(struct mansession *session, const struct message *message, char *room);
int hold_start(void);
void hold_stop(void);
int manager_start(void);
void manager_stop(void);

#endif /* COACH_ASTERISK_RES_COACH_H */
