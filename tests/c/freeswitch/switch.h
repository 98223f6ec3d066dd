/*
 * A stand-in for FreeSWITCH: the functions that mod_coach uses, done the way the real core does them as far as the module can tell, and
 * what a test needs to play calls: sessions, a conference that mixes, events that may come late.
 *
 * Locks are where the core has them: bugs run with a session's bug lock held for reading, the callbacks of removed bugs with it held for
 * writing, event callbacks with the bindings' lock held for reading, completion functions with the console's.
 */
#ifndef SWITCH_H
#define SWITCH_H

#include <pthread.h>
#include <stdbool.h>

#include "check.h"
#include "freeswitch_abi.h"

enum { RATE = 8000 };

struct fspr_thread_rwlock_t { pthread_rwlock_t lock; };

struct switch_media_bug {
    switch_core_session_t *session;
    switch_media_bug_callback_t callback;
    void *user_data;
    uint32_t flags;
    switch_frame_t *frame;
    switch_media_bug_t *next;
};

struct switch_channel {
    switch_core_session_t *session;
    pthread_mutex_t lock;
    switch_event_header_t *variables;
    bool has_media;  /* early, or answered */
    bool answered;
    bool no_media;   /* it cannot have any */
    bool no_bugs;    /* the same */
    bool bugs_paused;
    bool inside;     /* what runs on it runs inside its endpoint, and not in its dialplan */
    int down;        /* hung up; atomic */
};

struct switch_core_session {
    char uuid[257];
    struct switch_channel channel;
    pthread_rwlock_t lock;
    switch_receive_message_hook_t hooks[4];
    switch_read_frame_hook_t reads[4];
    uint32_t stamp; /* RTP's, of the next frame that it says; it goes on by itself. 0: it comes from no packet */
    bool lost;      /* what it says next is comfort noise */
    pthread_rwlock_t bug_lock;
    switch_media_bug_t *bugs;
    bool tap_only; /* bugs that replace frames are not run */
    switch_codec_implementation_t read_codec, write_codec;
    void **memory; /* its pool */
    size_t pieces;
    pthread_mutex_t memory_lock;

    /* what the test plays with it */
    char conference[512];
    unsigned number;
    int says;      /* every sample that it says; each party another */
    int16_t said[4096], heard[4096]; /* the last frames, after the hooks */
    bool muted, deaf, held;
    bool unannounced; /* no event tells that it joins */
    bool unlisted;    /* its conference has ended, and it is still in it */
    bool secretive;   /* its endpoint keeps it to itself that applications begin and end */
    const char *caller; /* its name; null for an ordinary one */
    unsigned stored; /* how often the core was asked to store it for its recovery */
    switch_core_session_message_t runs[8], takes[8]; /* applications and conferences, one inside the other */
    unsigned depth, taken;
    switch_core_session_t *next;
};

/* -------------------------------------------------------------------------------------------------- calls ---- */

switch_core_session_t *call_new(const char *uuid, int says);
/* A call that is recovered after a crash, with these variables: names and values, and null. */
switch_core_session_t *call_recovered(const char *uuid, int says, const char *const variables[][2]);
void call_routes(switch_core_session_t *session); /* it looks for an extension */
void call_ends(switch_core_session_t *session); /* hangs up, runs the states, destroys it */
void calls_end(void);
bool is_up(switch_core_session_t *session);
void hang_up(switch_core_session_t *session); /* it is down; its states have not been run */
const char *variable(switch_core_session_t *session, const char *name);
void set_variable(switch_core_session_t *session, const char *name, const char *value);

/* Runs an application of the dialplan: `set`, `export`, `unset`, or one that the module has. */
void run(switch_core_session_t *session, const char *application, const char *data);

/* `conference` in its parts: begins, takes the member in, lets it go, ends. */
/* The name ends as mod_conference has it: at the first `+`, and then at the last `@`. */
void conference_begins(switch_core_session_t *session, const char *name);
void conference_takes(switch_core_session_t *session);
void conference_adds(switch_core_session_t *session);    /* its first half, with the event */
void conference_bridges(switch_core_session_t *session); /* its second, with the message */
void conference_lets_go(switch_core_session_t *session);
void conference_ends(switch_core_session_t *session);
void bridges(switch_core_session_t *session, bool on); /* a bridge with another call begins or ends */
void bridges_with(switch_core_session_t *session, const char *other); /* it begins, with that one */
void eavesdrops(switch_core_session_t *session, bool on); /* the same, and no other call is named */
/* What an endpoint passes on of another call's: that `conference` begins or ends there. */
void passes_on(switch_core_session_t *session, const char *conference, bool begins);
void joins(switch_core_session_t *session, const char *name);  /* the first two */
void leaves(switch_core_session_t *session);                   /* the last two */

/* Its phone puts it on hold, or takes it back. */
void phone_holds(switch_core_session_t *session, bool on);
/* A conference event about a member. */
void conference_event(switch_core_session_t *session, const char *action);

/* -------------------------------------------------------------------------------------------------- media ---- */

void play_read(switch_core_session_t *session);                      /* it says a frame */
void play_write(switch_core_session_t *session, const int16_t *mix); /* it is to hear one; null is silence */
void play(int ticks);                 /* every conference mixes 20 ms, so many times */
int heard(switch_core_session_t *session); /* the last sample that it heard */
int said(switch_core_session_t *session);  /* what the switch got of the last that it said */
unsigned bugs(switch_core_session_t *session, uint32_t flag); /* how many it has */
void tap(switch_core_session_t *session); /* somebody taps its coded frames */
void remove_bugs(switch_core_session_t *session);
void lose_bugs(switch_core_session_t *session); /* whatever locks they have */

/* ------------------------------------------------------------------------------------------------- module ---- */

bool load(void);
bool unload(bool force);
bool is_mapped(void);
const char *api(const char *command, const char *arguments); /* good until the next */
bool logged(const char *part);
void forget_log(void);
void complete(const char *function, const char *line, char *found, size_t size);
extern const char *module_path, *version_micro;
extern bool reticent; /* endpoints answer that they have not begun: who waits for them hears of no state */
extern const char *database; /* the folder of the core's database */
extern const char *configuration[3][2]; /* names and values of coach.conf; null for none */

/* What has to be gone after an unload. */
unsigned left_behind(void);

/* ------------------------------------------------------------------------------------------------- events ---- */

enum order { AT_ONCE, LATER, LATER_LAST_FIRST };
void events_wait(enum order order); /* LATER: until AT_ONCE */
void events_done(void);       /* returns when every event has been told */
bool told(const char *action, const char *member, const char *header, const char *value); /* of coach::maintenance */
unsigned times_told(const char *action, const char *member);
void events_hold_up(bool now); /* whoever fires one waits, until `false` */
void events_held_up(void);     /* returns when somebody waits so */
void forget_events(void);
unsigned events_bound(void);
void events_start(void);
void events_stop(void);

/* What happens, once, while the module waits for the core: for media, a list of everybody, its lock, a variable of SIP's, a hook, a
   session that is up, what a member may do. */
struct meanwhile { void (*media)(void), (*list)(void), (*lock)(void), (*unlock)(void), (*variable)(void), (*bug)(void), (*locate)(void), (*flags)(void); };
extern struct meanwhile meanwhile;
void happen(void (**what)(void));

/* for the stand-in's own parts */
extern switch_core_session_t *sessions;
extern pthread_mutex_t sessions_lock;
extern const switch_state_handler_table_t *states[4];
void *session_memory(switch_core_session_t *session, size_t size);
/* The core keeps one message for what begins and ends, and tells with it of both. */
void tell_session(switch_core_session_t *session, switch_core_session_message_t *message, unsigned what);
switch_loadable_module_interface_t *module_table(void);
unsigned media_left(void);
void media_end(switch_core_session_t *session);

#endif
