/* The call that most tests play, and what they expect of it. */
#include "call.h"

switch_core_session_t *customer, *agent, *coach;

void parties_call(void)
{
    customer = call_new("customer", CUSTOMER);
    agent = call_new("agent", AGENT);
    coach = call_new("coach", COACH);
}

int opens(void **state)
{
    (void)state;
    events_start();
    check(load(), "the module does not load");
    parties_call();
    return 0;
}

int closes(void **state)
{
    (void)state;
    events_wait(AT_ONCE); /* where a test has failed while they wait */
    calls_end();
    reticent = false;
    check(unload(false), "the module is still in use");
    events_stop();
    check(left_behind() == 0, "%u things are left behind", left_behind());
    forget_log();
    return 0;
}

void guard_passes_for(switch_core_session_t *speaker)
{
    play_read(speaker);
    usleep(230000);
    for (int i = 0; i < GUARD; i++) play_read(speaker);
    /* As in `guard_passes`; but of a call outside conferences only what it says shows whether its guard is over. */
    for (int tries = 0; tries < 100 && said(speaker) == 0; tries++) {
        usleep(20000);
        play_read(speaker);
    }
}

void unloads_after_guards(void)
{
    for (int tries = 0; tries < 300; tries++) {
        play(1);
        usleep(20000);
        if (tries > 12 && unload(false)) return;
    }
    check(false, "nobody is private, and the module is in use");
}

/* Whether the module says that somebody's opening guard is on. */
static bool is_guarded(void)
{
    static const char word[] = "\"opens_in_ms\":";
    const char *state = api("coach", "state as json");
    while ((state = strstr(state, word))) {
        state += sizeof word - 1;
        if (*state != '0') return true;
    }
    return false;
}

void guard_passes(void)
{
    play(1);
    usleep(230000);
    play(GUARD);
    /* On a busy machine the clock that guards go by, which the service writes, is late. */
    for (int tries = 0; tries < 100 && is_guarded(); tries++) {
        usleep(20000);
        play(1);
    }
}

void an_open_call(const char *room)
{
    joins(customer, room);
    run(agent, "coach", "memberTag=agent");
    joins(agent, room);
}

void a_whispered_call(void)
{
    an_open_call("r");
    run(coach, "set", "speakOnlyTo=agent");
    joins(coach, "r");
}

void expect_reply(const char *command, const char *arguments, const char *right)
{
    const char *reply = api(command, arguments);
    check(strstr(reply, right), "%s %s: %s  right: %s", command, arguments, reply, right);
}

void whispers(void)
{
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + COACH);
    expect_heard(coach, CUSTOMER + AGENT);
}

void events_followed(void)
{
    events_done();
    usleep(200000);
}

void events_told(void)
{
    events_wait(AT_ONCE);
    usleep(200000);
}
