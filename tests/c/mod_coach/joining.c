/* Calls that join a conference, in whatever way, and those that Coach cannot serve there. */
#include "call.h"

static void joins_by_variable_and_by_application(void **state)
{
    (void)state;
    a_whispered_call();
    whispers();
    check(!bugs(customer, 0), "a member with neither tag nor mode has a hook");
    check(bugs(agent, SMBF_WRITE_REPLACE) == 1 && bugs(agent, 0) == 1, "the agent has other hooks than one for what it hears");
    check(bugs(coach, SMBF_READ_REPLACE | SMBF_NO_PAUSE) == 1, "the coach has no hook that cannot be paused");
}

static void joins_with_no_gap(void **state)
{
    (void)state;
    joins(customer, "r");
    set_variable(coach, "speakOnlyTo", "agent");
    set_variable(coach, "media_bug_answer_req", "true");
    conference_begins(coach, "r");
    coach->channel.answered = false;
    coach->channel.bugs_paused = true;
    play_read(coach); /* the conference has it, and Coach has not seated it */
    check(said(coach) == 0, "the first frame after it joined holds %d", said(coach));
    conference_takes(coach);
    play(SETTLED);
    expect_heard(customer, 0);
}

/* A loopback that runs an application does not pass on what the core tells it of applications. */
static void joins_from_behind_an_endpoint_that_keeps_messages(void **state)
{
    (void)state;
    an_open_call("r");
    events_wait(LATER);
    coach->secretive = true;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    play_read(coach);
    check(said(coach) == 0, "the first frame after it joined holds %d", said(coach));
    whispers();
    events_told();
    whispers();
}

/* The endpoint says of no state that it is done with it, as that of SCCP phones does. */
static void joins_from_an_endpoint_that_is_never_done(void **state)
{
    (void)state;
    an_open_call("r");
    reticent = true;
    switch_core_session_t *phone = call_new("phone", OTHER);
    set_variable(phone, "speakOnlyTo", "agent");
    joins(phone, "r");
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + OTHER);
    expect_reply("uuid_coach", "phone uncoach", "+OK");
    unloads_after_guards();
    check(left_behind() == 0, "%u things are left behind", left_behind());
    check(load(), "the module does not load");
    call_ends(phone);
}

/* A name is what a caller has made of it: in a list of members it is no text, perhaps. */
static void joins_where_a_caller_has_a_name_that_is_no_text(void **state)
{
    (void)state;
    an_open_call("r");
    customer->caller = "Jos\xe9";
    coach->secretive = true;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    whispers();
}

/* Whatever mod_conference takes for a name: before the module is loaded, and afterwards. */
static void names_conferences_as_the_switch_does(void **state)
{
    (void)state;
    char lengthy[400] = "";
    while (strlen(lengthy) < 390) strcat(lengthy, "lengthy-");
    const char *const all[][3] = {
        {"5f0c@acme.example@default", "5f0c@acme.example", "5f0c@acme.example"}, {"a@b@c+1234+flags{mute}", "a@b", "a@b"},
        {" o'brien@default", "o'brien", "o'brien"}, {"sales team@default", "sales team", "sales%20team"},
        {"tab\there", "tab\there", "tab%09here"}, {"100% sure", "100% sure", "100%25%20sure"}, {"\xff\xfe@default", "\xff\xfe", "%FF%FE"},
        {"say \"hi\" \\@default", "say \"hi\" \\", "say%20\"hi\"%20\\"}, {lengthy, lengthy, NULL},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (int late = 0; late < 2; late++) {
            set_variable(agent, "memberTag", "agent");
            set_variable(coach, "speakOnlyTo", "agent");
            if (late) check(unload(false), "%s: the module is in use", all[i][0]);
            forget_events();
            joins(customer, all[i][0]), joins(agent, all[i][0]), joins(coach, all[i][0]);
            check(!late || load(), "the module does not load");
            whispers();
            check(told("join", "coach", "Conference-Name", all[i][1]), "%s: the event has another name", all[i][0]);
            char words[64];
            snprintf(words, sizeof words, "show %s", all[i][2] ? all[i][2] : "");
            if (all[i][2]) expect_reply("coach", words, "3 members");
            expect_reply("uuid_coach", "coach untag", "+OK");
            whispers();
            /* Moved to a conference of another name, it leaves that one. */
            if (late) set_variable(coach, "conference_name", "another");
            leaves(coach);
            for (int tries = 0; tries < 300 && said(coach) != COACH; tries++) usleep(10000), play_read(coach);
            check(said(coach) == COACH, "%s: out of the conference the coach says %d", all[i][0], said(coach));
            leaves(customer), leaves(agent);
        }
    }
}

/* A UUID can be given to a call by whoever makes it. */
static void has_a_uuid_of_any_kind(void **state)
{
    (void)state;
    char longest[257] = "";
    while (strlen(longest) < 256) strcat(longest, "v");
    const char *const all[][2] = {{"cust one", "cust%20one"}, {"cust\tone", "cust%09one"}, {"cust%20one", "cust%2520one"}, {longest, NULL},
                                  {"\xff\xfe", NULL}, {"\xef\x9c\x80", NULL}};
    for (int late = 0; late < 2; late++) {
        an_open_call("r");
        forget_events();
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            if (late) check(unload(false), "the module is in use");
            switch_core_session_t *call = call_new(all[i][0], OTHER);
            joins(call, "r");
            check(!late || load(), "the module does not load");
            check(is_up(call), "an open call is hung up: %s", all[i][0]);
            if (late) guard_passes();
            play(SETTLED);
            expect_heard(customer, AGENT + OTHER);
            check(told("join", all[i][0], NULL, NULL), "%s: the event has another UUID", all[i][0]);
            if (all[i][1]) {
                char words[64];
                snprintf(words, sizeof words, "%s coach agent", all[i][1]);
                expect_reply("uuid_coach", words, "+OK");
                guard_passes();
                expect_heard(customer, AGENT);
                expect_heard(agent, CUSTOMER + OTHER);
                snprintf(words, sizeof words, "uncoach r %s", all[i][1]);
                expect_reply("coach", words, "+OK");
            }
            call_ends(call);
            usleep(230000);
            if (late) continue;
            call = call_new(all[i][0], OTHER);
            set_variable(call, "speakOnlyTo", "agent");
            joins(call, "r");
            guard_passes();
            expect_heard(customer, AGENT);
            expect_heard(agent, CUSTOMER + OTHER);
            call_ends(call);
        }
        leaves(customer), leaves(agent);
    }
}

/* The core runs it as the call is answered, while the endpoint holds its lock: a media bug would have it hang. */
static void joins_as_it_is_answered(void **state)
{
    (void)state;
    static const char *const all[][2] = {{"speakOnlyTo", "agent"}, {"memberTag", "agent"}, {"x", "y"}};
    an_open_call("r");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, OTHER);
        set_variable(call, all[i][0], all[i][1]);
        set_variable(call, "Execute_on_answer_2", "conference r");
        call->channel.inside = true;
        forget_log();
        joins(call, "r");
        check(!bugs(call, 0), "%s: a hook is put on", all[i][0]);
        if (i < 2) {
            check(!is_up(call) && logged("right is `&conference"), "%s: the call goes on", all[i][0]);
            call_ends(call);
            continue;
        }
        check(is_up(call), "an open call is hung up");
        play(SETTLED);
        expect_heard(customer, AGENT + OTHER);
        char words[32];
        snprintf(words, sizeof words, "%s coach agent", name);
        expect_reply("uuid_coach", words, "-ERR");
        snprintf(words, sizeof words, "%s tag agent", name);
        expect_reply("uuid_coach", words, "-ERR");
        snprintf(words, sizeof words, "r %u", call->number);
        check(!bugs(call, 0), "a hook is put on by a command");
        leaves(call);
        call->channel.inside = false;
        set_variable(call, "speakOnlyTo", "agent");
        joins(call, "r");
        guard_passes();
        expect_heard(customer, AGENT);
        expect_heard(agent, CUSTOMER + OTHER);
    }
}

static void joins_and_cannot_be_hooked(void **state)
{
    (void)state;
    coach->channel.no_media = true;
    set_variable(coach, "speakOnlyTo", "agent");
    joins(coach, "r");
    check(!is_up(coach), "the call joined without a hook");
    check(logged("The call ends"), "the log does not say so");
}

static void has_media_that_cannot_be_hooked(void **state)
{
    (void)state;
    a_whispered_call();
    switch_core_session_t *late = call_new("late", OTHER), *sure = call_new("sure", OTHER);
    late->channel.no_bugs = sure->channel.no_bugs = customer->channel.no_bugs = true;
    set_variable(late, "speakOnlyTo", "agent");
    joins(late, "r");
    check(!is_up(late), "the call joined without a hook");
    run(sure, "coach", "speakOnlyTo=agent");
    check(!is_up(sure), "the call goes on without a hook");
    expect_reply("coach", "coach r customer agent", "-ERR its media cannot be hooked");
    expect_reply("uuid_coach", "customer show", "speaks openly");
    check(!variable(customer, "speakOnlyTo"), "the variable says %s", variable(customer, "speakOnlyTo"));
    play(SETTLED);
    expect_heard(agent, CUSTOMER + COACH);
}

static void joins_as_an_older_switch_tells_it(void **state)
{
    (void)state;
    calls_end();
    check(unload(false), "the module is still in use");
    version_micro = "6";
    check(load(), "the module does not load");
    parties_call();
    a_whispered_call();
    whispers();
    leaves(coach);
    play_read(coach);
    version_micro = "12-release";
    guard_passes_for(coach);
    check(said(coach) == COACH, "outside the conference the coach is not heard");
}

/* Whether it is told before the call itself hears that it is in, after that, or never. */
static void joins_muted_or_deaf(void **state)
{
    (void)state;
    struct { switch_core_session_t *who; bool *flag; const char *off; } all[] = {
        {coach, &coach->muted, "unmute-member"}, {agent, &agent->deaf, "undeaf-member"},
    };
    enum { BEFORE, AFTER, NEVER };
    a_whispered_call();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (int told = BEFORE; told <= NEVER; told++) {
            leaves(all[i].who);
            events_followed();
            *all[i].flag = true;
            all[i].who->unannounced = told == NEVER;
            if (told == AFTER) events_wait(LATER);
            conference_begins(all[i].who, "r");
            conference_adds(all[i].who);
            if (told == BEFORE) events_followed();
            conference_bridges(all[i].who);
            for (int tick = 0; tick < GUARD; tick++) {
                play(1);
                check(heard(agent) < COACH, "told %d: the agent hears %d", told, heard(agent));
            }
            events_told();
            guard_passes();
            check(heard(agent) < COACH, "told %d, and again: the agent hears %d", told, heard(agent));
            *all[i].flag = false;
            conference_event(all[i].who, all[i].off);
            events_followed();
            whispers();
        }
    }
}

/* Where mod_conference cannot be asked, silence is right. */
static void joins_and_is_not_listed(void **state)
{
    (void)state;
    agent->unlisted = coach->unlisted = true;
    an_open_call("r");
    events_wait(LATER);
    run(coach, "coach", "speakOnlyTo=agent");
    joins(coach, "r");
    guard_passes();
    expect_heard(agent, CUSTOMER);
    check(logged("does not list this member"), "the log says nothing of it");
    events_told();
    conference_event(agent, "start-talking");
    events_followed();
    whispers();
}

int joining(void)
{
    const struct CMUnitTest tests[] = {
        CALL(joins_by_variable_and_by_application),
        CALL(joins_with_no_gap),
        CALL(joins_from_behind_an_endpoint_that_keeps_messages),
        CALL(joins_from_an_endpoint_that_is_never_done),
        CALL(joins_where_a_caller_has_a_name_that_is_no_text),
        CALL(names_conferences_as_the_switch_does),
        CALL(has_a_uuid_of_any_kind),
        CALL(joins_as_it_is_answered),
        CALL(joins_and_cannot_be_hooked),
        CALL(has_media_that_cannot_be_hooked),
        CALL(joins_as_an_older_switch_tells_it),
        CALL(joins_muted_or_deaf),
        CALL(joins_and_is_not_listed),
    };
    return cmocka_run_group_tests_name("joining", tests, NULL, NULL);
}
