/* What a dialplan sets before a call joins: variables, the application, and what is wrong with them. */
#include "call.h"

static void sets_what_was_never_set(void **state)
{
    (void)state;
    joins(customer, "r");
    run(coach, "set", "speakonlyto="); /* names of variables are told apart by their letters alone */
    check(logged("private to nobody"), "the log does not say so");
    run(coach, "unset", "speakOnlyTo");
    forget_log();
    run(coach, "set", "speakOnlyTo=");
    check(logged("[4] coach") && logged("private to nobody"), "the log does not say so");
    joins(coach, "r");
    run(agent, "coach", "speakOnlyTo=");
    joins(agent, "r");
    play(SETTLED);
    expect_heard(customer, 0);
    leaves(coach);
    run(coach, "unset", "speakOnlyTo");
    joins(coach, "r");
    guard_passes();
    expect_heard(customer, COACH);
}

/* The core takes white space, and a comma for a missing `=`, for parts of a name or its end. */
static void sets_with_white_space(void **state)
{
    (void)state;
    static const char *const all[][2] = {
        {"set", "speakOnlyTo = agent"}, {"set", "speakonlyto =agent"}, {"set", " speakOnlyTo=agent"}, {"set", "speakOnlyTo,agent"},
        {"export", "speakOnlyTo = agent"}, {"set", "speakOnlyTo ="}, {"set", "speakOnlyTo,"}, {"export", "speakOnlyTo = "},
    };
    an_open_call("r");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        bool to_nobody = i > 4;
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, OTHER);
        forget_log();
        run(call, all[i][0], all[i][1]);
        check(logged("white space in its name") || logged("private to nobody") || i == 3, "%s: the log does not say so", all[i][1]);
        joins(call, "r");
        play(SETTLED);
        expect_heard(customer, AGENT);
        expect_heard(agent, CUSTOMER + (to_nobody ? 0 : OTHER));
        call_ends(call);
    }
    /* However else such a variable came there. */
    set_variable(coach, "speakOnlyTo ", "agent");
    joins(coach, "r");
    whispers();
}

/* What another variable holds is no mode: only the name that is assigned counts. */
static void sets_another_variable(void **state)
{
    (void)state;
    static const char *const all[][2] = {
        {"set", "conference_auto_outcall_prefix={speakOnlyTo=agent}"}, {"set", "note=the coach has speakOnlyTo=agent"},
        {"export", "note=speakOnlyTo=agent"}, {"set", "note,speakOnlyTo"},
    };
    an_open_call("r");
    forget_log();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, OTHER);
        run(call, all[i][0], all[i][1]);
        joins(call, "r");
        play(SETTLED);
        expect_heard(customer, AGENT + OTHER);
        expect_heard(agent, CUSTOMER + OTHER);
        call_ends(call);
    }
    check(!logged("private to nobody"), "the log tells of a mode that nobody has set");
}

static void joins_with_a_misspelt_name(void **state)
{
    (void)state;
    static const char *const all[] = {"speak_only_to", "Speak-Only-To ", "speak Only To", "__speakOnlyTo", "speakOnlyTo:"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, 0);
        forget_log();
        set_variable(call, all[i], "agent");
        joins(call, "r");
        check(logged("[4] call") && logged(all[i]) && logged("right is speakOnlyTo"), "%s: the log does not say so", all[i]);
    }
    static const char *const others[] = {"speakOnly", "nolocal:speakOnlyTo", "sip_h_X-speakOnlyTo", "conference_member_tag"};
    forget_log();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) set_variable(coach, others[i], "agent");
    joins(coach, "r");
    check(!logged("right is"), "the log tells of a name that is another one");
    set_variable(agent, "member-tag", "agent");
    joins(agent, "r");
    check(logged("[4] agent") && logged("right is memberTag"), "the log does not say so");
}

static void joins_with_a_malformed_mode(void **state)
{
    (void)state;
    joins(customer, "r");
    set_variable(agent, "memberTag", "agent");
    joins(agent, "r");
    set_variable(coach, "speakOnlyTo", "agent boss");
    joins(coach, "r");
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER);
    check(logged("private to nobody"), "the log does not say so");
    check(logged("a tag with ' '"), "the log does not show the blank");
}

static void gives_the_application_both_settings(void **state)
{
    (void)state;
    an_open_call("r");
    run(coach, "coach", "memberTag=boss,night  speakOnlyTo=agent");
    joins(coach, "r");
    whispers();
    expect_reply("coach", "gettag r boss", "+OK ");
    check(strcmp(variable(coach, "memberTag"), "boss,night") == 0, "the variable says %s", variable(coach, "memberTag"));
    /* One of them there, the other in a variable. */
    switch_core_session_t *mixed = call_new("mixed", OTHER), *other = call_new("other", OTHER);
    set_variable(mixed, "speakOnlyTo", "agent");
    run(mixed, "coach", "memberTag=boss");
    joins(mixed, "r");
    set_variable(other, "memberTag", "boss");
    run(other, "coach", "speakOnlyTo=-");
    joins(other, "r");
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + COACH + OTHER);
    check(variable(other, "memberTag"), "the application has removed a tag");
}

static void gives_the_application_nonsense(void **state)
{
    (void)state;
    static const char *const all[] = {
        "speakonlyto=agent", "memberTag=agent,speakOnlyTo=boss", "memberTag=agent;speakonlyto=boss", "speakOnlyTo=agent boss",
        "memberTag=agent boss", "memberTag=agent memberTag=boss", "speakOnlyTo=agent,memberTag=boss speakOnlyTo=boss",
        "tag agent,speakOnlyTo=boss", "tag agent speakOnlyTo=boss", "coach", "agent", "\xff=agent", "",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, OTHER);
        forget_log();
        run(call, "coach", all[i]);
        check(!is_up(call), "%s: the call goes on, and would join openly", all[i]);
        check(logged("right is [memberTag="), "%s: the log does not say what would be right", all[i]);
    }
}

/* Both settings in one variable, and what is no text at all: in this conference and in the next. */
static void joins_with_variables_that_cannot_be_meant(void **state)
{
    (void)state;
    static const char *const all[][2] = {
        {"memberTag", "agent,speakOnlyTo=boss"}, {"memberTag", "agent speakonlyto=boss"}, {"speakOnlyTo", "\xff\xfe"},
        {"speakOnlyTo", "agent\xff"},
    };
    an_open_call("r");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[16];
        snprintf(name, sizeof name, "call-%zu", i);
        switch_core_session_t *call = call_new(name, OTHER);
        forget_log();
        set_variable(call, all[i][0], all[i][1]);
        joins(call, "q"), leaves(call);
        joins(call, "r");
        guard_passes();
        expect_heard(customer, AGENT);
        expect_heard(agent, CUSTOMER);
        check(logged("private to nobody"), "%s: the log does not say so", all[i][1]);
    }
    expect_reply("uuid_coach", "agent tag agent,speakOnlyTo=boss", "-ERR speakOnlyTo in");
    expect_reply("uuid_coach", "agent show", "speaks openly");
}

/* 17, of which 16 are one too few. */
#define TAGS "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,agent"

static void has_too_many_tags(void **state)
{
    (void)state;
    joins(customer, "r");
    set_variable(agent, "memberTag", TAGS);
    joins(agent, "r");
    check(logged("has no tags"), "the log does not say so");
    check(!variable(agent, "memberTag"), "the variable says %s", variable(agent, "memberTag"));
    set_variable(coach, "speakOnlyTo", TAGS);
    joins(coach, "r");
    check(logged("private to nobody"), "the log does not say so");
    expect_reply("uuid_coach", "agent tag " TAGS, "-ERR");
    expect_reply("uuid_coach", "agent tag agent", "+OK");
    expect_reply("uuid_coach", "coach coach " TAGS, "-ERR");
    guard_passes();
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER);
}

int settings(void)
{
    const struct CMUnitTest tests[] = {
        CALL(sets_what_was_never_set),
        CALL(sets_with_white_space),
        CALL(sets_another_variable),
        CALL(joins_with_a_misspelt_name),
        CALL(joins_with_a_malformed_mode),
        CALL(gives_the_application_both_settings),
        CALL(gives_the_application_nonsense),
        CALL(joins_with_variables_that_cannot_be_meant),
        CALL(has_too_many_tags),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
