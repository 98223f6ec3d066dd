/* Calls that go from one conference to another, out of it, and between it and bridges. */
#include "call.h"

static void moves_between_conferences_and_out(void **state)
{
    (void)state;
    a_whispered_call();
    switch_core_session_t *second = call_new("second", OTHER);
    set_variable(second, "memberTag", "agent");
    joins(second, "s");
    leaves(coach);
    joins(coach, "s");
    play_read(coach);
    check(said(coach) == 0, "between two conferences the coach says %d", said(coach));
    guard_passes(); /* what it said in the first may still be on its way */
    expect_heard(second, COACH);
    expect_heard(agent, CUSTOMER);
    leaves(coach);
    play_read(coach);
    check(said(coach) == 0, "what it said privately may still be on its way, and is heard in an ordinary call");
    guard_passes_for(coach);
    check(said(coach) == COACH, "in an ordinary call the coach says %d", said(coach));
    joins(coach, "r");
    guard_passes(); /* before, it spoke to others than here */
    whispers();
}

/* A conference that is ending is not listed any more, and the next one has its name. */
static void meets_a_conference_of_the_same_name(void **state)
{
    (void)state;
    a_whispered_call();
    switch_core_session_t *late = call_new("late", OTHER);
    set_variable(late, "memberTag", "agent");
    conference_begins(late, "r");
    conference_adds(late);
    set_variable(late, "conference_uuid", "another");
    customer->unlisted = agent->unlisted = coach->unlisted = true;
    conference_bridges(late);
    guard_passes();
    check(heard(late) < COACH, "a member of the next conference hears %d", heard(late));
    expect_heard(customer, AGENT + OTHER);
    leaves(coach);
    coach->unlisted = false;
    conference_begins(coach, "r");
    conference_adds(coach);
    set_variable(coach, "conference_uuid", "another");
    conference_bridges(coach);
    guard_passes();
    check(heard(late) >= COACH, "a member of the next conference hears %d", heard(late));
    /* Somebody has found the old one, and comes to it late: the living one stays as it is. */
    switch_core_session_t *lost = call_new("lost", 1);
    lost->unlisted = true;
    set_variable(lost, "memberTag", "agent");
    joins(lost, "r");
    guard_passes();
    expect_heard(lost, CUSTOMER + AGENT + OTHER);
    check(heard(late) >= COACH, "a member of the next conference hears %d", heard(late));
    check(logged("has not ended"), "the log does not say so");
}

/* Whoever was in a conference once still has its name, and that of the one that there was then. */
static void eavesdrops_outside_the_conference(void **state)
{
    (void)state;
    switch_core_session_t *other = call_new("other", OTHER);
    joins(other, "r");
    leaves(other);
    set_variable(other, "conference_uuid", "an earlier one");
    a_whispered_call();
    eavesdrops(other, true);
    whispers();
    eavesdrops(other, false);
    whispers();
    eavesdrops(coach, true); /* inside */
    eavesdrops(coach, false);
    whispers();
}

static void takes_one_conference_inside_another(void **state)
{
    (void)state;
    a_whispered_call();
    conference_begins(coach, "inner");
    conference_ends(coach);
    play_read(coach);
    check(said(coach) == 0, "back in the outer conference the coach says %d", said(coach));
}

/* A bridge inside the conference, as an application of its keys makes one. */
static void bridges_inside_the_conference(void **state)
{
    (void)state;
    a_whispered_call();
    bridges(coach, true), bridges(agent, true);
    whispers();
    bridges(coach, false), bridges(agent, false);
    whispers();
    conference_lets_go(coach);
    expect_reply("coach", "show r", "2 members");
    conference_ends(coach);
    joins(coach, "r");
    guard_passes();
    whispers();
}

/* A bridge that fails ends without having begun. */
static void fails_to_bridge_inside_the_conference(void **state)
{
    (void)state;
    an_open_call("r");
    coach->secretive = true;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    bridges(coach, false), bridges(agent, false);
    guard_passes_for(coach);
    whispers();
}

/* The other leg of a call that it has made from inside the conference is in a conference too, and its endpoint passes on what the
   core tells it. */
static void hears_of_a_conference_that_is_not_its_own(void **state)
{
    (void)state;
    a_whispered_call();
    set_variable(coach, "current_application", "bridge");
    passes_on(coach, "s@default", true), passes_on(coach, "s@default", false);
    guard_passes_for(coach);
    whispers();
    passes_on(coach, "s@default", false);
    whispers();
    switch_core_session_t *friend = call_new("friend", OTHER);
    set_variable(friend, "speakOnlyTo", "agent");
    set_variable(friend, "current_application", "bridge");
    friend->channel.has_media = true;
    passes_on(friend, "s@default", true);
    play_read(friend);
    check(said(friend) == OTHER, "in an ordinary call it says %d", said(friend));
    /* The module is loaded under such a call. */
    api("uuid_coach", "coach uncoach");
    unloads_after_guards();
    set_variable(coach, "speakOnlyTo", "agent");
    check(load(), "the module does not load");
    passes_on(coach, "s@default", false);
    guard_passes_for(coach);
    whispers();
    leaves(coach);
    guard_passes_for(coach);
    check(said(coach) == COACH, "in an ordinary call the coach says %d", said(coach));
}

/* Nothing but the bridge tells it that the conference is over. */
static void leaves_from_behind_an_endpoint_that_keeps_messages(void **state)
{
    (void)state;
    an_open_call("r");
    coach->secretive = true;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    whispers();
    leaves(coach);
    bridges(coach, true);
    play_read(coach);
    check(said(coach) == 0, "what it said privately may still be on its way, and is heard in an ordinary call");
    guard_passes_for(coach);
    check(said(coach) == COACH, "in an ordinary call the coach says %d", said(coach));
    bridges(coach, false);
    joins(coach, "r");
    whispers();
}

int moving(void)
{
    const struct CMUnitTest tests[] = {
        CALL(moves_between_conferences_and_out),
        CALL(meets_a_conference_of_the_same_name),
        CALL(eavesdrops_outside_the_conference),
        CALL(takes_one_conference_inside_another),
        CALL(bridges_inside_the_conference),
        CALL(fails_to_bridge_inside_the_conference),
        CALL(hears_of_a_conference_that_is_not_its_own),
        CALL(leaves_from_behind_an_endpoint_that_keeps_messages),
    };
    return cmocka_run_group_tests_name("moving", tests, NULL, NULL);
}
