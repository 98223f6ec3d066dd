/*
 * Coach: coach mode for the conferences of a SIP switch.
 *
 * A member that carries `speakOnlyTo` is heard only by the members whose `memberTag` has one of its tags. The host
 * calls Coach for each frame that it reads from a member and for each frame that it writes to one; Coach takes
 * private speech out of the first and puts it into the second, where it belongs.
 *
 * Planes. Each function says where it may be called:
 *   [control]  any thread, also inside the event callback; may lock, allocate and start a thread. Never from a
 *              thread that has to be on time.
 *   [audio]    any thread, also one that has to be on time: no lock, no allocation, no system call.
 *   [any]      both.
 *
 * Handles are numbers, never pointers. One that is stale, forged, null or of another kind is refused with
 * COACH_ERR_HANDLE; one that was given back is never given out again.
 *
 * Structs start with their own size: set it to sizeof, or begin from the struct's _INIT macro.
 *
 * Text is UTF-8 and ends in NUL. What goes in stays the caller's and is copied during the call. What comes out as
 * `char *` is the caller's: give it back with coach_string_free. What comes out as `const char *` says how long it lasts.
 *
 * Outputs are written only when the call returns COACH_OK. A call that fails changes nothing.
 *
 * Processes, threads and stacks:
 *   - fork(): Coach goes on in the parent. In a child of a process that has an engine every [control] call returns COACH_ERR_FORKED and
 *     changes nothing, coach_engine_destroy too (the memory is the child's until it ends or calls exec), and every handle is stale: hooks
 *     return COACH_ERR_HANDLE and leave silence. To have engines in a child, fork it while there is no engine and no call of Coach's is
 *     running. Coach does not notice _Fork() and a bare clone(): after those, call exec and no function of Coach's.
 *   - The event callback returns, and in no other way: a C++ exception that leaves it, pthread_exit and a cancellation that acts inside it
 *     end the process; longjmp out of it is undefined. Catch every exception there.
 *   - pthread_cancel: [control] calls may have cancellation points. A thread that can be cancelled disables that
 *     (pthread_setcancelstate) before it makes one; the callback runs with what its thread has set. Hooks have none. Asynchronous
 *     cancellation is never allowed inside Coach.
 *   - A hook needs up to 36 KiB of stack, and 64 KiB is a promise. The memory that a hook uses is touched when its member attaches: on
 *     a new thread it takes page faults only for that thread's own stack (up to 9 of 4 KiB) and, the first time in a process, for
 *     Coach's code. A host that wants none of them touches 64 KiB of the thread's stack first, or calls mlockall.
 */
#ifndef COACH_H
#define COACH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this file, 2.0. A library serves a host whose major (upper 16 bits) is its own and whose minor (lower 16)
 * is its own or less. Hosts of ABI 1, the one before the first release, are refused: their header names things otherwise. */
#define COACH_ABI_VERSION 0x00020000u

/* ------------------------------------------------------------------------------------------------- status ---- */

/* What a call returns: 0 or above is success. Numbers are never used again for something else. */
typedef int32_t coach_status_t;
enum {
    COACH_OK = 0,      /* done; a hook left the frame as it was */
    COACH_CHANGED = 1, /* hooks: the frame was changed: pass on what it holds now */
    COACH_SILENCED = 2, /* read hook: private speech was taken out, the frame holds what everyone may hear (silence) */

    COACH_ERR_VERSION = -1,     /* the ABI version is not served */
    COACH_ERR_SIZE = -2,        /* a struct's size field is not its size */
    COACH_ERR_NULL = -3,        /* a pointer that must point somewhere is null */
    COACH_ERR_HANDLE = -4,      /* stale, forged, null, or of another kind */
    COACH_ERR_VALUE = -5,       /* a number or flag outside its range */
    COACH_ERR_TEXT = -6,        /* not UTF-8 */
    COACH_ERR_TAG = -7,         /* a tag that breaks the rules (see below), or an empty list */
    COACH_ERR_TOO_MANY = -8,    /* more than COACH_MAX_TAGS tags, or no handle left */
    COACH_ERR_ROOM_NAME = -9,   /* a room name that breaks the rules */
    COACH_ERR_ROOM_EXISTS = -10, /* the name is in use */
    COACH_ERR_NO_ROOM = -11,    /* no room of that name */
    COACH_ERR_CALL_ID = -12,    /* a call id that breaks the rules */
    COACH_ERR_CALL_IN_USE = -13, /* the engine has a member with that call id */
    COACH_ERR_NUMBER_IN_USE = -14, /* the room has a member with that number */
    COACH_ERR_STATE = -15,      /* joining while in a room, leaving while in none */
    COACH_ERR_FORMAT = -16,     /* hooks: a rate, channel count or frame size that Coach does not handle */
    COACH_ERR_OVERLAP = -17,    /* hooks: the same hook of this member (or tick of this room) is running already */
    COACH_ERR_MIXER = -18,      /* a tick for a room that the host mixes, or that the engine ticks itself */
    COACH_ERR_MEMORY = -19,     /* no memory; nothing was changed, except where the function says */
    COACH_ERR_BUSY = -20,       /* destroying an engine inside its own event callback */
    COACH_ERR_CLOCK = -22,      /* coach_engine_clock for an engine without COACH_ENGINE_HOST_CLOCK */
    COACH_ERR_FORKED = -23,     /* this process was forked from one that had an engine: Coach works in that one alone (see "Processes,
                                   threads and stacks") */
    COACH_ERR_PANIC = -21       /* a fault inside Coach, contained: the frame in question is silence, a change of tags or mode is
                                   undone; whether a join, leave, detach or close was done, the state tells */
};

/* [any] What `status` means, in a sentence that says what would be right. Static; never null. */
const char *coach_status_str(coach_status_t status);

/* [control] What was wrong with the last [control] call that failed on this thread, in a sentence that says what would
 * be right. Lasts until the next [control] call on this thread; never null, empty if none failed. */
const char *coach_last_error(void);

/* [any] The library's version, such as "0.1.0". Static. */
const char *coach_version(void);

/* [any] The library's own COACH_ABI_VERSION. */
uint32_t coach_abi_version(void);

/* ------------------------------------------------------------------------------------------------- limits ---- */

#define COACH_MAX_TAGS 16       /* on one member, and in one speakOnlyTo */
#define COACH_MAX_TAG_BYTES 64
#define COACH_MAX_NAME_BYTES 255 /* room names and call ids */
#define COACH_MAX_FRAME_MS 60   /* frames of up to 60 ms */
#define COACH_MAX_GUARD_MS 1000

/* A tag: 1 to COACH_MAX_TAG_BYTES bytes of UTF-8 with no comma, no white space and no control character; not "-" (nobody); and
 * nothing that begins like an action, such as "speakOnlyTo=agent" or "COACH(memberTag)=lead" in any case, with or without underscores:
 * whoever wrote that meant the action. Tags are compared byte for byte: "Agent" is not "agent". */

/* Rates in Hz that the hooks take: 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000; channels: 1 to
 * 8, interleaved; over 48000 Hz speech is reduced to 48000 or 44100, and of more than two channels Coach takes the mean and gives all the same;
 * any number of samples a channel from 1 up to COACH_MAX_FRAME_MS. They may differ between members and from call to
 * call. */

/* ------------------------------------------------------------------------------------------------- engine ---- */

typedef uint64_t coach_engine_t;
typedef uint64_t coach_room_t;
typedef uint64_t coach_member_t;

/* What is the host's own about a member or a room: `user_data` of its configuration, which every event about it gives back, so that the
 * host finds its call without a table. Coach never looks at it. Events may still come when the call that detached the member or closed
 * the room has returned, so memory that `user_data` points to is freed by `release` and by nobody else: Coach calls it once, when no event
 * can give that `user_data` back any more, at the latest before coach_engine_destroy returns; never where attaching or opening failed.
 * It is called by any thread that makes a [control] call or serves the engine, and with locks of Coach's held: it makes no call of Coach's
 * and does not wait for others that may. Null where there is nothing to free.
 * What the host may free earlier, such as its call, is not for `user_data`; what an event needs of it is: a name, an id. */
typedef void (*coach_release_fn)(void *user_data);

/* What an event tells. */
enum {
    COACH_EVENT_JOIN = 1,     /* the member joined the room */
    COACH_EVENT_LEAVE = 2,    /* left it */
    COACH_EVENT_TAG = 3,      /* its tags were set */
    COACH_EVENT_UNTAG = 4,    /* its tags were removed */
    COACH_EVENT_COACH = 5,    /* speaks privately now */
    COACH_EVENT_UNCOACH = 6,  /* speaks openly, once opens_in_ms have passed */
    COACH_EVENT_MUTE = 7,
    COACH_EVENT_UNMUTE = 8,
    COACH_EVENT_DEAF = 9,
    COACH_EVENT_UNDEAF = 10,
    COACH_EVENT_HOLD = 11,
    COACH_EVENT_UNHOLD = 12,
    COACH_EVENT_AUDIENCE = 13, /* who hears this private speaker has changed, also by its turning private or joining: heard_by */
    COACH_EVENT_BYPASS = 14,  /* its hooks pass everything through */
    COACH_EVENT_UNBYPASS = 15,
    COACH_EVENT_START = 16,   /* the room: a member that starts it has come */
    COACH_EVENT_END = 17,     /* the room ended for this member: it is outside now; if Coach mixed the room, in silence until it
                                 joins another or passes. Never for a room without members: see "Which events come" */
    COACH_EVENT_WARNING = 18, /* something to log: text says what */
    COACH_EVENT_LOST = 19     /* as many events as `lost` says are missing here, because the callback was too slow and the queue was full;
                                 the rooms' sequence numbers skip them. It is about no room and no member. coach_state_json and `show`
                                 give the present state */
};

/* Which events come. From the engine: COACH_EVENT_END where a member with COACH_MEMBER_ENDS leaves, or where a room is closed, once for
 * each member that is still inside; it does not come where the last member of a room leaves, or an empty room is closed, which the host knows
 * anyway. All others come from each host that makes the calls they are about. From the modules in this package:
 *
 *                     mod_coach, FreeSWITCH              res_coach, Asterisk
 *   DEAF, UNDEAF      mod_conference's deaf              never: ConfBridge makes nobody deaf
 *   MUTE, UNMUTE      mod_conference's mute              ConfBridge's mute of a member that Coach has a hook on
 *   HOLD, UNHOLD      the phone's hold, by SIP           the phone's hold, and the action CoachHold
 *   START             the conference's first member      CoachStart, the same
 *   END               never: mod_conference tells        CoachEnd, which res_coach makes itself when the last member has
 *                     conference-destroy                 left; the engine's never comes
 *   TAG, UNTAG        each its own                       CoachTag for both
 *   COACH, UNCOACH    each its own                       CoachMode for both
 *   LOST              `lost`, and a warning in the log   CoachLost, and a warning in the log
 *   WARNING           the log alone                      the log alone */

/* One change. Everything in it lasts until the callback returns. */
typedef struct coach_event {
    uint32_t size;             /* bytes of this struct */
    uint32_t kind;             /* COACH_EVENT_... */
    uint64_t sequence;         /* 1, 2, 3 ... within the room; 0 for a member outside rooms */
    uint64_t time_ns;          /* nanoseconds since 1970-01-01 UTC */
    coach_room_t room;         /* 0 outside rooms */
    coach_member_t member;     /* 0 where the event is the room's */
    uint32_t number;           /* the member's number in the room */
    uint32_t opens_in_ms;      /* ms that pass, at least, before a wider audience hears it: see "The opening guard"; else 0 */
    const char *room_name;     /* "" outside rooms */
    const char *call_id;       /* "" where the event is the room's */
    const char *tags;          /* "agent,night-shift"; "" without */
    const char *speak_only_to; /* tags, "-" for nobody; null where the member speaks openly */
    const char *heard_by;      /* member numbers that hear it when it speaks, comma separated; "" for nobody */
    const char *text;          /* one line for a log */
    uint64_t lost;             /* COACH_EVENT_LOST: how many events were not told; else 0 */
    void *room_user_data;      /* user_data of the room's configuration; null outside rooms */
    void *member_user_data;    /* user_data of the member's configuration; null where the event is the room's. Of both: see coach_release_fn */
} coach_event_t;

/* Called with no lock held, one event at a time for an engine, in order. It may make [control] calls, except destroying the engine.
 *
 * A [control] call delivers its own events before it returns, and no other call's. Where earlier events are not delivered yet (another
 * thread is in the callback, or this call is made inside it), its events wait behind those and are delivered later: with
 * COACH_ENGINE_HOST_SERVICE by coach_engine_service, without it by a thread of Coach's. Up to 16 MiB of events can wait, some 40,000;
 * further ones are lost, and COACH_EVENT_LOST says in their place how many.
 *
 * A slow callback delays the call that delivers the event, coach_engine_service, and the events after it; it delays no other call. */
typedef void (*coach_event_fn)(void *user, const coach_event_t *event);

/* engine flags */
#define COACH_ENGINE_HOST_SERVICE 0x1u /* Coach starts no thread of its own for this: the host calls coach_engine_service. A host that
                                          unloads the library needs it: a thread of the host's, in a call of which the
                                          service was started, holds the library in memory until that thread ends */
#define COACH_ENGINE_TIME_HOOKS 0x2u   /* measure 1 hook call in 1,024 for coach_engine_stats */
#define COACH_ENGINE_MODE_SOUNDS 0x4u  /* members hear a short sound of their mode: see "Mode sounds" */
#define COACH_ENGINE_HOST_CLOCK 0x8u   /* the opening guard goes by the host's clock, which it gives with coach_engine_clock: for a
                                          host that plays faster or slower than real time */

/* The opening guard. A command that widens an audience (coach_uncoach; coach_tag and coach_coach, where somebody hears the member who did
 * not before; coach_member_bypass; coach_member_join, as it says there) takes effect while what was said before it may still be on its
 * way: in the network, in a jitter buffer. So what is captured after it goes for a while only to those who could hear the member before
 * and still can. The guard ends once all of these are true:
 *   - guard_ms of the member's own frames have been captured;
 *   - guard_ms have passed on the engine's clock, since the command and since the first frame after it. Hooks make no system call: they
 *     read what the service last wrote (coach_engine_service, or Coach's own thread; with COACH_ENGINE_HOST_CLOCK coach_engine_clock).
 *     If nobody writes it, no guard ends;
 *   - where the host says when frames were said (coach_read_at), guard_ms have passed on the sender's clock. A frame that was said earlier is
 *     guarded whenever it comes, up to 10 s after it was said. Stamps that are missing, zero, or off by more than 10 s count as unknown.
 *
 * Mode sounds. With COACH_ENGINE_MODE_SOUNDS the write hook of a member adds a sound that only this member hears: two rising notes
 * (880 and 1,320 Hz): everyone hears it; one note (587 Hz): it speaks privately, and somebody hears it; two falling notes (587 and
 * 370 Hz): it speaks privately, and nobody hears it. They last 180 to 300 ms, 20 dB below full scale, and are played in a room whenever
 * coach_coach or coach_uncoach is called, whenever the audience of a private speaker becomes nobody or somebody, and when a private
 * speaker enters; not to a member that is deaf, on hold or bypassed, which hears its mode afterwards. */

typedef struct coach_engine_config {
    uint32_t size;
    uint32_t flags;           /* COACH_ENGINE_... */
    uint32_t guard_ms;        /* opening guard, 0 to COACH_MAX_GUARD_MS; 200 is right for most networks */
    uint32_t reserved;        /* 0 */
    coach_event_fn on_event;  /* may be null */
    void *user;               /* handed to on_event; must stay valid until coach_engine_destroy has returned */
} coach_engine_config_t;
#define COACH_ENGINE_CONFIG_INIT { sizeof(coach_engine_config_t), 0u, 200u, 0u, NULL, NULL }

/* [control] Makes an engine. `abi_version` is COACH_ABI_VERSION; `config` may be null for the defaults above. */
coach_status_t coach_engine_create(uint32_t abi_version, const coach_engine_config_t *config, coach_engine_t *engine);

/* [control] Ends an engine with all its rooms and members. When it returns, no hook, tick, event callback or thread of
 * this engine is running, and every handle of it is stale. Events that were not delivered by then are dropped.
 * COACH_ERR_BUSY inside this engine's event callback. */
coach_status_t coach_engine_destroy(coach_engine_t engine);

/* [control] With COACH_ENGINE_HOST_SERVICE: writes the clock that opening guards go by, prepares the rate conversions that hooks have
 * asked for (in 2 ms or so each), frees what no hook uses any more and what closed rooms left, and delivers waiting events. Call it every
 * 20 ms or so: without it no opening guard ends, speech that needs a conversion is silent, waiting events stay, and so does that memory.
 * Without the flag, threads of Coach's do this every 10 ms, and every 120 ms while no hook runs and nothing is under way; they are
 * started when first needed. */
coach_status_t coach_engine_service(coach_engine_t engine);

/* [control] With COACH_ENGINE_HOST_CLOCK: what time it is by the host's clock, in nanoseconds since a moment of its choice, below 2^63.
 * The clock never goes back: an earlier time counts as the latest one given. COACH_ERR_CLOCK without the flag. */
coach_status_t coach_engine_clock(coach_engine_t engine, uint64_t now_ns);

/* -------------------------------------------------------------------------------------------------- rooms ---- */

/* Who mixes open speech. */
enum {
    COACH_MIXER_HOST = 1,  /* the host's own conference mixer; Coach touches only private speech */
    COACH_MIXER_ENGINE = 2 /* Coach mixes everything */
};

/* Who calls the tick of an engine-mixed room. */
enum {
    COACH_CLOCK_HOST = 0,  /* the host: coach_room_tick every tick_ms */
    COACH_CLOCK_ENGINE = 1 /* threads of Coach's, from the first such room to the end of the engine; for unloading the library the
                              same holds as without COACH_ENGINE_HOST_SERVICE */
};

typedef struct coach_room_config {
    uint32_t size;
    uint32_t mixer;    /* COACH_MIXER_... */
    uint32_t rate;     /* engine-mixed: the mix's rate in Hz, one of those above up to 48000. Host-mixed: 0 */
    uint32_t channels; /* engine-mixed: 1 or 2. Host-mixed: those of the host's mix, 1 or 2, where it adds up channels of which it
                          makes fewer (as FreeSWITCH does): private speech is then as loud as open speech. 0: Coach keeps up to
                          two, and takes their mean for a listener of one */
    uint32_t tick_ms;  /* engine-mixed: 10, 20, 30, 40, 50 or 60. Host-mixed: 0 */
    uint32_t clock;    /* COACH_CLOCK_... */
    void *user_data;   /* the host's, given back in every event about the room */
    coach_release_fn release; /* frees user_data when no event can give it back any more; may be null: see coach_release_fn */
} coach_room_config_t;
#define COACH_ROOM_CONFIG_INIT { sizeof(coach_room_config_t), COACH_MIXER_HOST, 0u, 0u, 0u, COACH_CLOCK_HOST, NULL, NULL }

/* [control] Opens a room. `name`: 1 to COACH_MAX_NAME_BYTES bytes, no white space, no control character, not in use.
 * `config` may be null for a host-mixed room. */
coach_status_t coach_room_open(coach_engine_t engine, const char *name, const coach_room_config_t *config,
                               coach_room_t *room);

/* [control] The open room of that name. */
coach_status_t coach_room_find(coach_engine_t engine, const char *name, coach_room_t *room);

/* [control] Closes a room; it ends (COACH_EVENT_END) for the members that are still in it. */
coach_status_t coach_room_close(coach_room_t room);

/* [audio] Engine-mixed rooms on COACH_CLOCK_HOST: sums the room once. Call it every tick_ms, after the read hooks and
 * before the write hooks where one thread does it all. Its time grows with the number of members. */
coach_status_t coach_room_tick(coach_room_t room);

/* ------------------------------------------------------------------------------------------------ members ---- */

/* member flags */
#define COACH_MEMBER_STARTS 0x1u /* starts the conference on entering (startConferenceOnEnter; the usual) */
#define COACH_MEMBER_ENDS 0x2u   /* ends the conference on leaving (endConferenceOnExit) */
#define COACH_MEMBER_MUTED 0x4u
#define COACH_MEMBER_DEAF 0x8u

typedef struct coach_member_config {
    uint32_t size;
    uint32_t flags;            /* COACH_MEMBER_... */
    const char *call_id;       /* 1 to COACH_MAX_NAME_BYTES bytes, no white space, no control character */
    const char *tags;          /* memberTag: "agent,night-shift"; null or "" for none */
    const char *speak_only_to; /* null: speaks openly. Else tags, or "-": to nobody. Present but empty or malformed:
                                  private to nobody too, and COACH_EVENT_WARNING says so */
    void *user_data;           /* the host's, given back in every event about the member */
    coach_release_fn release;  /* frees user_data when no event can give it back any more; may be null: see coach_release_fn */
} coach_member_config_t;
#define COACH_MEMBER_CONFIG_INIT { sizeof(coach_member_config_t), COACH_MEMBER_STARTS, NULL, NULL, NULL, NULL, NULL }

/* [control] Makes a member, outside any room. Its hooks may be called from now on: outside, its private speech is heard by
 * nobody, its open speech and what it hears are left as they are. Where there is no memory for its private speech it is
 * made all the same, private to nobody, and COACH_EVENT_WARNING says so.
 * A leg that takes over another's place (transfer, Replaces, pick-up) is given the other's speak_only_to, which keeps it private, and
 * never the other's tags, which would let it hear what was not meant for it. */
coach_status_t coach_member_attach(coach_engine_t engine, const coach_member_config_t *config, coach_member_t *member);

/* [control] Joins a room, as `number`: a number that no member in the room has. A member that joins is in the audiences that its tags
 * put it into from its first frame on, without an opening guard; so it is after mute, deaf and hold. One exception: a member that spoke
 * privately when it left its last room, and speaks privately now to somebody that it did not speak to there, is heard by
 * nobody for the opening guard (COACH_EVENT_JOIN says so in opens_in_ms). */
coach_status_t coach_member_join(coach_member_t member, coach_room_t room, uint32_t number);

/* [control] Leaves its room; it stays attached, with its tags and speakOnlyTo. */
coach_status_t coach_member_leave(coach_member_t member);

/* [control] Ends a member, leaving its room if it is in one. Hooks that begin afterwards get COACH_ERR_HANDLE; one that is
 * running may end after this returns. */
coach_status_t coach_member_detach(coach_member_t member);

/* [control] `on` = 1: the hooks leave every frame as it is, for a leg that has gone to an ordinary call. 0: back.
 * A member that spoke privately is silent for the opening guard first. */
coach_status_t coach_member_bypass(coach_member_t member, int32_t on);

/* [control] Sets the member's tags, all of them. */
coach_status_t coach_tag(coach_member_t member, const char *tags);

/* [control] Removes its tags. */
coach_status_t coach_untag(coach_member_t member);

/* [control] Somebody else is at the far end of the member's leg from now on, as after a transfer. Its tags are removed, for they were given to the
 * one before, and of what that one heard privately nothing is played on, not even the fade of 4 ms that ends it for a listener who stays.
 * speakOnlyTo stays. Event, if it had tags: COACH_EVENT_UNTAG. Where the host attaches a member of its own for who comes, this is not needed. */
coach_status_t coach_member_transferred(coach_member_t member);

/* [control] Private: from when this returns, it is heard only by members with one of these tags; "-": by nobody. Who hears it
 * that did not before hears what is captured after the opening guard; outside rooms that is whoever has a new tag.
 * COACH_ERR_MEMORY: there is no memory for its private speech, and it is private to nobody. */
coach_status_t coach_coach(coach_member_t member, const char *speak_only_to);

/* [control] Open again: frames captured after the opening guard are heard by everyone. */
coach_status_t coach_uncoach(coach_member_t member);

/* [control] Muted: not heard (host-mixed: its private speech; open speech is the host's to mute). `on`: 1 or 0. */
coach_status_t coach_member_mute(coach_member_t member, int32_t on);

/* [control] Deaf: does not hear (host-mixed: private speech). `on`: 1 or 0. */
coach_status_t coach_member_deaf(coach_member_t member, int32_t on);

/* [control] On hold: neither heard nor hearing (host-mixed: private speech). `on`: 1 or 0. */
coach_status_t coach_member_hold(coach_member_t member, int32_t on);

/* coach_member_info flags */
#define COACH_INFO_PRIVATE 0x1u     /* speaks privately */
#define COACH_INFO_ADDRESSED 0x2u   /* a private speaker in its room speaks to one of its tags, whoever is muted, deaf or on hold */
#define COACH_INFO_NEEDS_WRITE 0x4u /* its write hook has something to do, or would if nobody were muted, deaf or on hold: it is addressed,
                                       it hears sounds of its mode, or Coach mixes its room. A host whose write hooks cost something
                                       makes them from the first time that this is set: what was said before is heard late */
#define COACH_INFO_MUTED 0x8u
#define COACH_INFO_DEAF 0x10u
#define COACH_INFO_HELD 0x20u
#define COACH_INFO_BYPASSED 0x40u

/* How a member is now. It grows at its end. */
typedef struct coach_member_info {
    uint32_t size;
    uint32_t flags;        /* COACH_INFO_... */
    coach_room_t room;     /* 0 outside rooms */
    uint32_t number;       /* in its room; 0 outside */
    uint32_t opens_in_ms;  /* an opening guard of it runs: ms of its own audio until it ends, at least; else 0. Outside rooms too */
} coach_member_info_t;
#define COACH_MEMBER_INFO_INIT { sizeof(coach_member_info_t), 0u, 0u, 0u, 0u }

/* [control] How a member is. `info->size` must be set. */
coach_status_t coach_member_info(coach_member_t member, coach_member_info_t *info);

/* What else there is to say of a member in a list. Everything in it lasts until the callback returns. It grows at its end. */
typedef struct coach_member_texts {
    uint32_t size;             /* bytes of this struct */
    uint32_t reserved;         /* 0 */
    void *room_user_data;      /* user_data of the room's configuration */
    void *member_user_data;    /* user_data of the member's configuration */
    const char *room_name;
    const char *call_id;
    const char *tags;          /* "agent,night-shift"; "" without */
    const char *speak_only_to; /* tags, "-" for nobody; null where the member speaks openly */
    const char *heard_by;      /* numbers of the members that hear it when it speaks, comma separated; "" for nobody */
} coach_member_texts_t;

/* Called with no lock held. It may make [control] calls, except destroying the engine. */
typedef void (*coach_member_fn)(void *user, const coach_member_info_t *info, const coach_member_texts_t *texts);

/* [control] Calls `each` for every member of the room called `room`, or of every room where that is null: by room's name and member's
 * number, each room as it is at one moment. Whether the host goes by names or by handles, no text has to be parsed for it. Not while the
 * engine is being destroyed: what it lists keeps its user_data until this has returned. */
coach_status_t coach_members(coach_engine_t engine, const char *room, coach_member_fn each, void *user);

/* -------------------------------------------------------------------------------------------------- hooks ---- */

/*
 * [audio] One frame read from `member` (what it said), one frame about to be written to it (what it will hear), in place:
 * `samples` samples a channel, `channels` channels interleaved, at `rate` Hz.
 *
 *                host-mixed                                 engine-mixed
 *   coach_read   private: captured, and silence left        captured; silence left
 *                (COACH_SILENCED). Open: left as it is
 *   coach_write  adds the private speech that the member    replaces the frame: all that the member hears, open and
 *                hears (COACH_CHANGED), or leaves it        private, without what it says itself
 *
 * The two hooks of one member may run at once on two threads; two calls of the same hook may not: the second gets
 * COACH_ERR_OVERLAP. COACH_ERR_VALUE: `frame` is not aligned as an int16_t is. On failure the frame is silence, wherever `frame` is not
 * null and channels and samples can be a frame's at all (at most 8 channels, at most 65,536 samples a channel); what cannot be one is
 * not touched: never pass on a frame for which the read hook failed. One exception: COACH_ERR_FORMAT leaves the frame as it is where
 * the hook would have done so with any other: for a member that speaks openly in a host-mixed room or outside rooms, or that passes.
 */
coach_status_t coach_read(coach_member_t member, int16_t *frame, uint32_t rate, uint32_t channels, uint32_t samples);
coach_status_t coach_write(coach_member_t member, int16_t *frame, uint32_t rate, uint32_t channels, uint32_t samples);

/* coach_media_time flags */
#define COACH_MEDIA_FILLER 0x1u /* the host made this frame itself for one that did not arrive (comfort noise, concealment): the member
                                   did not say it, and it does not count for opening guards */

/* What a host knows of when a frame was said. */
typedef struct coach_media_time {
    uint32_t size;
    uint32_t flags;      /* COACH_MEDIA_... */
    uint64_t stamp;      /* when its first sample was said, by the sender's clock, since a moment of that clock's choice; 0: unknown */
    uint32_t clock_rate; /* units of `stamp` in a second: 8,000 for the RTP of PCMU, 1,000 for milliseconds */
    uint32_t reserved;   /* 0 */
} coach_media_time_t;
#define COACH_MEDIA_TIME_INIT { sizeof(coach_media_time_t), 0u, 0u, 0u, 0u }

/* [audio] coach_read, for a host that knows when the frame was said: see "The opening guard". `time` may be null: unknown, as coach_read
 * has it. COACH_ERR_SIZE: the struct has another size. COACH_ERR_VALUE: it has unknown flags, or a stamp and no clock_rate. */
coach_status_t coach_read_at(coach_member_t member, int16_t *frame, uint32_t rate, uint32_t channels, uint32_t samples,
                             const coach_media_time_t *time);

/* ---------------------------------------------------------------------------------------- text and reading ---- */

/* [control] Runs one command, without the word `coach` in front: "tag sales 3 agent", "show sales as json", "help".
 * COACH_OK: `*reply` is the answer, "+OK ..." or "-ERR what is wrong and what would be right"; "... as json" answers in
 * JSON alone. Give it back with coach_string_free. */
coach_status_t coach_command(coach_engine_t engine, const char *command, char **reply);

/* [control] The same about one member, by its handle: the commands that name a member, without their room and member: "tag agent", "untag",
 * "coach agent", "uncoach", "explain", "explain as json". Returns what coach_tag and the others return; on COACH_OK `*reply` is
 * the answer, "+OK ..." or JSON. COACH_ERR_STATE: "explain" outside rooms. COACH_ERR_VALUE: no such command. */
coach_status_t coach_member_command(coach_member_t member, const char *command, char **reply);

/* One command of the grammar. Static. */
typedef struct coach_grammar {
    const char *name;      /* "tag" */
    const char *arguments; /* "<room> <member> <tag>[,<tag>...]" */
    const char *does;      /* "set the member's tags (replaces)" */
} coach_grammar_t;

/* [any] The commands of coach_command, of which a host makes its completion and its usage texts: the one at `index`, from 0; null after
 * the last. */
const coach_grammar_t *coach_grammar(uint32_t index);

/* [control] The state as JSON: of the room called `room`, or of every room, by name, where it is null. coach_string_free. */
coach_status_t coach_state_json(coach_engine_t engine, const char *room, char **json);

/* [control] Frees a text that Coach gave out. Null is fine. */
void coach_string_free(char *text);

typedef struct coach_stats {
    uint32_t size;
    uint32_t members;            /* attached now */
    uint64_t frames_read;        /* read hook calls carried out */
    uint64_t frames_written;     /* write hook calls carried out */
    uint64_t private_captured;   /* frames captured from private speakers */
    uint64_t private_delivered;  /* frames to which private speech was added */
    uint64_t underruns;          /* how often speech that was being played was late */
    uint64_t skips;              /* how often a listener skipped to newer audio */
    uint64_t skipped_ms;         /* audio lost by that, ms */
    uint64_t conversions_waited; /* frames in which a speaker was left out because its conversion was not ready, or more than eight began at once */
    uint64_t refused;            /* hook calls whose format was refused */
    uint64_t hook_ns_mean;       /* COACH_ENGINE_TIME_HOOKS: mean ns of the hook calls that were timed; else 0 */
    uint64_t hook_ns_max;
} coach_stats_t;
#define COACH_STATS_INIT { sizeof(coach_stats_t), 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u }

/* [control] Counters since the engine was created. `stats->size` must be set. */
coach_status_t coach_engine_stats(coach_engine_t engine, coach_stats_t *stats);

#ifdef __cplusplus
}
#endif

#endif /* COACH_H */
