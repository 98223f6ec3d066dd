/* mod_coach in a stand-in for FreeSWITCH, one call after the other: the call that most tests play, and what they expect of it. */
#ifndef CALL_H
#define CALL_H

#include "freeswitch/switch.h"

/* Who says what: sums tell who is heard. */
enum { CUSTOMER = 1, AGENT = 20, COACH = 400, OTHER = 8000, SETTLED = 3, GUARD = 12 };

extern switch_core_session_t *customer, *agent, *coach;

void parties_call(void); /* the three of them are there anew */
int opens(void **state);
int closes(void **state);
/* By its own frames and by the clock. */
void guard_passes_for(switch_core_session_t *speaker);
/* Once its opening guards have ended, the module can be unloaded. */
void unloads_after_guards(void);
void guard_passes(void);
void an_open_call(const char *room);
void a_whispered_call(void);
void expect_reply(const char *command, const char *arguments, const char *right);
void whispers(void);
/* What they say is followed within 200 ms. */
void events_followed(void);
void events_told(void);

#define expect_heard(who, sum)                                                                                         \
    check(heard(who) == (sum), "%s hears %d; right: %d", (who)->uuid, heard(who), (sum))

/* A test with the module loaded and the three parties there; afterwards nothing of them may be left. */
#define CALL(test) cmocka_unit_test_setup_teardown(test, opens, closes)

/* The tests by topic, each of which says how many failed. */
int joining(void), settings(void), commands(void), moving(void), replacing(void), media(void), events(void), loading(void);

#endif
