/* Loading and unloading the module under calls, by force too. */
#include "call.h"

static void unloads_while_somebody_is_private(void **state)
{
    (void)state;
    a_whispered_call();
    check(!unload(false), "the module was unloaded");
    check(logged("coach mod_coach stays loaded while this call speaks privately"), "the log does not say because of whom");
    whispers();
    expect_reply("coach", "show r", "3 members");
    expect_reply("uuid_coach", "coach uncoach", "+OK");
    /* The network holds up what it said before. */
    usleep(600000);
    check(!unload(false), "the module was unloaded while an opening guard runs");
    unloads_after_guards();
    check(!is_mapped(), "the module is still there");
    check(!is_mapped(), "the module is still there");
    play(SETTLED);
    expect_heard(customer, AGENT + COACH);
    check(load(), "the module does not load");
    expect_reply("coach", "show r", "3 members");
}

static int after_force;

static int releasing;

static void is_slow(void)
{
    __atomic_store_n(&releasing, 1, __ATOMIC_SEQ_CST);
    usleep(200000);
}

/* The thread that watches the guards is letting the module go: who ends the call meanwhile finds the module free. */
static void a_call_ends_while_its_guard_does(void **state)
{
    (void)state;
    a_whispered_call();
    whispers();
    expect_reply("uuid_coach", "coach uncoach", "+OK");
    releasing = 0;
    meanwhile.unlock = is_slow;
    for (int tries = 0; tries < 500 && !__atomic_load_n(&releasing, __ATOMIC_SEQ_CST); tries++) {
        play(1);
        usleep(20000);
    }
    check(releasing, "the guard does not end");
    calls_end();
    check(unload(false), "the module is in use, and there is no call");
    check(load(), "the module does not load");
}

static void *hangs_up_soon(void *none)
{
    while (is_up(coach)) usleep(1000);
    for (int i = 0; i < 20; i++) {
        play_read(coach); /* what is on its way */
        if (said(coach) != 0) after_force = said(coach);
        usleep(1000);
    }
    call_ends(coach);
    return none;
}

static void unloads_by_force(void **state)
{
    (void)state;
    pthread_t thread;
    a_whispered_call();
    play(SETTLED);
    pthread_create(&thread, NULL, hangs_up_soon, NULL);
    check(unload(true), "the module was not unloaded");
    pthread_join(thread, NULL);
    check(!after_force, "an unload by force lets the coach say %d", after_force);
    check(logged("coach mod_coach is unloaded while this call speaks privately"), "the log does not say so");
    check(is_up(agent) && is_up(customer), "others were hung up");
    check(load(), "the module does not load");
}

static int inside, goes;

static void waits_inside(void)
{
    __atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&goes, __ATOMIC_SEQ_CST)) usleep(1000);
}

static void *joins_privately(void *none)
{
    run(coach, "coach", "speakOnlyTo=agent");
    joins(coach, "r");
    return none;
}

static void *unloads(void *none)
{
    check(unload(true), "the module was not unloaded");
    return none;
}

static void unloads_by_force_while_a_call_turns_private(void **state)
{
    (void)state;
    pthread_t threads[2];
    joins(customer, "r");
    inside = goes = 0;
    meanwhile.lock = waits_inside;
    pthread_create(&threads[0], NULL, joins_privately, NULL);
    while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST)) usleep(1000);
    pthread_create(&threads[1], NULL, unloads, NULL);
    usleep(100000);
    __atomic_store_n(&goes, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    check(!is_up(coach), "the coach goes on without a hook");
    check(load(), "the module does not load");
}

static void *is_answered_early(void *none)
{
    run(coach, "coach", "speakOnlyTo=agent");
    if (is_up(coach)) joins(coach, "r");
    return none;
}

/* What the dialplan has set for that moment may take long. */
static void unloads_by_force_while_a_call_is_answered_early(void **state)
{
    (void)state;
    pthread_t thread;
    time_t began = time(NULL);
    joins(customer, "r");
    inside = goes = 0;
    meanwhile.media = waits_inside;
    pthread_create(&thread, NULL, is_answered_early, NULL);
    while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST)) usleep(1000);
    check(unload(true), "the module was not unloaded");
    check(time(NULL) - began < 10, "unloading waited %ld s", (long)(time(NULL) - began));
    __atomic_store_n(&goes, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    check(!is_up(coach), "the coach goes on without Coach");
    check(load(), "the module does not load");
}

static void unloads_while_a_call_is_being_hung_up(void **state)
{
    (void)state;
    a_whispered_call();
    play(SETTLED);
    hang_up(agent);
    api("uuid_coach", "coach uncoach");
    unloads_after_guards();
    check(left_behind() == 0, "%u things are left behind", left_behind());
    check(load(), "the module does not load");
}

static void loads_under_calls(void **state)
{
    (void)state;
    check(unload(false), "the module is in use");
    joins(customer, "r");
    set_variable(agent, "memberTag", "agent");
    joins(agent, "r");
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    play(SETTLED);
    expect_heard(customer, AGENT + COACH); /* as a switch without Coach has it */
    check(load(), "the module does not load");
    whispers();
    leaves(agent);
    joins(agent, "r");
    whispers();
}

static void the_coach_leaves(void) { leaves(coach); }

static void loads_while_a_call_leaves(void **state)
{
    (void)state;
    check(unload(false), "the module is in use");
    joins(customer, "r");
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    meanwhile.list = the_coach_leaves; /* who was listed, but is not there any more */
    check(load(), "the module does not load");
    expect_reply("coach", "show r", "1 members");
    play_read(coach);
    check(said(coach) == COACH, "in an ordinary call the coach says %d", said(coach));
    joins(coach, "r");
    play_read(coach);
    check(said(coach) == 0, "back in the conference the coach says %d", said(coach));
}

static pthread_t coach_joins;

static void *the_coach_joins(void *none)
{
    conference_begins(coach, "s");
    return none;
}

static void the_coach_joins_meanwhile(void)
{
    pthread_create(&coach_joins, NULL, the_coach_joins, NULL);
    usleep(100000);
}

/* Who loads the module and the call's own thread meet it at the same time. */
static void loads_while_a_call_joins(void **state)
{
    (void)state;
    an_open_call("s");
    check(unload(false), "the module is in use");
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    meanwhile.variable = the_coach_joins_meanwhile;
    check(load(), "the module does not load");
    pthread_join(coach_joins, NULL);
    check(is_up(coach), "the coach was hung up");
}

static void loads_and_unloads_over_and_over(void **state)
{
    (void)state;
    joins(customer, "r");
    set_variable(agent, "memberTag", "agent");
    joins(agent, "r");
    for (int i = 0; i < 100; i++) {
        check(unload(false), "the module is in use");
        check(left_behind() == 0, "%u things are left behind", left_behind());
        check(!is_mapped(), "the module is still there");
        check(load(), "the module does not load");
    }
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    whispers();
}

static void configures_it(void **state)
{
    (void)state;
    check(unload(false), "the module is in use");
    configuration[0][0] = "guard-ms", configuration[0][1] = "2000";
    check(!load(), "a guard of 2 s is taken");
    check(logged("guard-ms is 0 to 1000"), "the log does not say what is right");
    configuration[0][1] = "0";
    configuration[1][0] = "time-hooks", configuration[1][1] = "true";
    check(load(), "the module does not load");
    a_whispered_call();
    expect_reply("uuid_coach", "coach uncoach", "speaks openly\n");
    memset(configuration, 0, 2 * sizeof *configuration);
}

int loading(void)
{
    const struct CMUnitTest tests[] = {
        CALL(a_call_ends_while_its_guard_does),
        CALL(unloads_while_somebody_is_private),
        CALL(unloads_by_force),
        CALL(unloads_by_force_while_a_call_turns_private),
        CALL(unloads_while_a_call_is_being_hung_up),
        CALL(loads_under_calls),
        CALL(loads_while_a_call_leaves),
        CALL(loads_while_a_call_joins),
        CALL(loads_and_unloads_over_and_over),
        CALL(configures_it),
        CALL(unloads_by_force_while_a_call_is_answered_early), /* last: its code stays in memory */
    };
    return cmocka_run_group_tests_name("loading", tests, NULL, NULL);
}
