/* Frames and the hooks on them: formats, packets of any length, late speech, and hooks that are taken away. */
#include "call.h"

/* The core runs nothing but taps where they came first, unless it is told to. */
static void is_tapped_before_it_is_hooked(void **state)
{
    (void)state;
    joins(customer, "r"), joins(agent, "r"), joins(coach, "r");
    tap(agent), tap(coach);
    expect_reply("coach", "tag r agent agent", "+OK");
    expect_reply("coach", "coach r coach agent", "+OK");
    whispers();
    check(is_up(coach), "the coach was hung up");
}

static void hangs_up_and_reads_on(void **state)
{
    (void)state;
    a_whispered_call();
    play(SETTLED);
    for (int i = 0; i < 4; i++)
        if (states[i] && states[i]->on_hangup) states[i]->on_hangup(coach);
    play_read(coach); /* a frame that was on its way */
    check(said(coach) == 0, "after the hang-up the coach says %d", said(coach));
    expect_reply("coach", "show r", "2 members");
}

static void takes_hooks_away(void **state)
{
    (void)state;
    a_whispered_call();
    remove_bugs(coach);
    remove_bugs(agent);
    whispers();
    lose_bugs(coach);
    check(!is_up(coach), "the coach goes on without a hook");
    check(logged("took Coach's hooks off"), "the log does not say so");
    lose_bugs(agent);
    check(is_up(agent), "the agent is hung up, who says nothing privately");
    expect_reply("uuid_coach", "agent coach boss", "-ERR something took Coach's hooks off");
}

static void mixes_rates_and_channels(void **state)
{
    (void)state;
    agent->write_codec.actual_samples_per_second = 48000;
    agent->write_codec.number_of_channels = 2;
    coach->read_codec.actual_samples_per_second = 16000;
    coach->read_codec.samples_per_second = 8000; /* G.722's clock */
    a_whispered_call();
    for (int i = 0; i < 10; i++) {
        play(5);
        usleep(30000); /* the conversion is prepared */
    }
    expect_heard(customer, AGENT);
    check(abs(heard(agent) - CUSTOMER - COACH) <= 4, "the agent hears %d; right: about %d", heard(agent), CUSTOMER + COACH);
}

static void has_long_packets(void **state)
{
    (void)state;
    a_whispered_call();
    for (unsigned ms = 80; ms <= 120; ms += 20) {
        switch_codec_implementation_t *const sides[] = {&agent->write_codec, &coach->read_codec};
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
            sides[i]->microseconds_per_packet = (int)ms * 1000;
            play(60);
            for (int j = 0; j < 12; j++) {
                play(1);
                expect_heard(customer, AGENT);
                expect_heard(agent, CUSTOMER + COACH);
            }
            sides[i]->microseconds_per_packet = 0;
        }
    }
    expect_reply("coach", "stats r as json", "\"refused\":0");
    /* A packet of no format that there is. */
    coach->read_codec.actual_samples_per_second = 6000;
    play(2);
    usleep(30000);
    expect_reply("coach", "explain r coach", "does not hear it: Coach does not handle the format of the speaker's frames");
    for (int i = 0; i < 6000 && !logged("6000 Hz"); i++) usleep(10000); /* the engine's service says it */
    check(logged("[4] coach") && logged("6000 Hz"), "the log does not say so");
    expect_heard(customer, AGENT);
}

/* Speech that was said before the command comes long after it, in one burst, behind what the switch made of the silence meanwhile. */
static void says_something_late(void **state)
{
    (void)state;
    coach->stamp = 8000;
    a_whispered_call();
    for (int i = 0; i < 25; i++) play(1), usleep(20000);
    uint32_t before = coach->stamp;
    coach->lost = true, coach->stamp = 0;
    expect_reply("uuid_coach", "coach uncoach", "+OK");
    for (int i = 0; i < 30; i++) play(1), usleep(20000);
    coach->lost = false, coach->stamp = before;
    for (int i = 0; i < 30; i++) {
        play_read(coach);
        check(said(coach) == 0, "frame %d of the burst is heard by everyone", i);
    }
    guard_passes();
    expect_heard(customer, AGENT + COACH);
}

static pthread_t leaving;

static void *the_agent_leaves(void *none)
{
    leaves(agent);
    return none;
}

static void the_agent_leaves_meanwhile(void)
{
    pthread_create(&leaving, NULL, the_agent_leaves, NULL);
    usleep(100000);
}

/* It was to hear the coach, and is an ordinary call again before it has a hook for that. */
static void leaves_while_it_is_hooked(void **state)
{
    (void)state;
    int16_t mix[RATE / 50];
    for (int i = 0; i < RATE / 50; i++) mix[i] = OTHER;
    joins(customer, "r");
    agent->secretive = true;
    set_variable(agent, "memberTag", "agent");
    joins(agent, "r");
    meanwhile.locate = the_agent_leaves_meanwhile;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    pthread_join(leaving, NULL);
    play_write(agent, mix);
    expect_heard(agent, OTHER);
    joins(agent, "r");
    whispers();
}

static pthread_t others;

static bool have_gone_on;

static void *go_on(void *none)
{
    run(customer, "set", "x=speakOnlyTo=y");
    api("uuid_coach", "late show"); /* the one that is hooked: whoever holds a lock of the core's may ask */
    conference_event(coach, "start-talking");
    events_done();
    __atomic_store_n(&have_gone_on, true, __ATOMIC_SEQ_CST);
    return none;
}

static void others_go_on(void)
{
    pthread_create(&others, NULL, go_on, NULL);
    for (int i = 0; i < 200 && !__atomic_load_n(&have_gone_on, __ATOMIC_SEQ_CST); i++) usleep(10000);
}

/* The core waits, as it puts on a hook, for locks that others may hold who come to Coach, and for events to be told. */
static void goes_on_while_another_is_hooked(void **state)
{
    (void)state;
    a_whispered_call();
    leaves(agent);
    switch_core_session_t *late = call_new("late", OTHER);
    joins(late, "r");
    meanwhile.bug = others_go_on;
    expect_reply("uuid_coach", "late tag agent", "+OK");
    check(__atomic_load_n(&have_gone_on, __ATOMIC_SEQ_CST), "others wait for a hook, or nothing was hooked");
    pthread_join(others, NULL);
}

int media(void)
{
    const struct CMUnitTest tests[] = {
        CALL(is_tapped_before_it_is_hooked),
        CALL(hangs_up_and_reads_on),
        CALL(takes_hooks_away),
        CALL(mixes_rates_and_channels),
        CALL(has_long_packets),
        CALL(says_something_late),
        CALL(leaves_while_it_is_hooked),
        CALL(goes_on_while_another_is_hooked),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
