/* mod_coach in a stand-in for FreeSWITCH, one call after the other: each test is named for what the switch or its people do. */
#include "freeswitch/switch.h"

/* Who says what: sums tell who is heard. */
enum { CUSTOMER = 1, AGENT = 20, COACH = 400, OTHER = 8000, SETTLED = 3, GUARD = 12 };

static switch_core_session_t *customer, *agent, *coach;

static int opens(void **state)
{
    (void)state;
    events_start();
    check(load(), "the module does not load");
    customer = call_new("customer", CUSTOMER);
    agent = call_new("agent", AGENT);
    coach = call_new("coach", COACH);
    return 0;
}

static int closes(void **state)
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

/* By its own frames and by the clock. */
static void guard_passes_for(switch_core_session_t *speaker)
{
    play_read(speaker);
    usleep(230000);
    for (int i = 0; i < GUARD; i++) play_read(speaker);
}

/* Once its opening guards have ended, the module can be unloaded. */
static void unloads_after_guards(void)
{
    for (int tries = 0; tries < 300; tries++) {
        play(1);
        usleep(20000);
        if (tries > 12 && unload(false)) return;
    }
    check(false, "nobody is private, and the module is in use");
}

static void guard_passes(void)
{
    play(1);
    usleep(230000);
    play(GUARD);
}

#define expect_heard(who, sum)                                                                                         \
    check(heard(who) == (sum), "%s hears %d; right: %d", (who)->uuid, heard(who), (sum))

static void an_open_call(const char *room)
{
    joins(customer, room);
    run(agent, "coach", "memberTag=agent");
    joins(agent, room);
}

static void a_whispered_call(void)
{
    an_open_call("r");
    run(coach, "set", "speakOnlyTo=agent");
    joins(coach, "r");
}

static void expect_reply(const char *command, const char *arguments, const char *right)
{
    const char *reply = api(command, arguments);
    check(strstr(reply, right), "%s %s: %s  right: %s", command, arguments, reply, right);
}

static void whispers(void)
{
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + COACH);
    expect_heard(coach, CUSTOMER + AGENT);
}

/* What they say is followed within 200 ms. */
static void events_followed(void)
{
    events_done();
    usleep(200000);
}

static void events_told(void)
{
    events_wait(AT_ONCE);
    usleep(200000);
}

/* ------------------------------------------------------------------------------------------------ joining ---- */

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

static void joins_as_an_older_switch_tells_it(void **state)
{
    (void)state;
    calls_end();
    check(unload(false), "the module is still in use");
    version_micro = "6";
    check(load(), "the module does not load");
    customer = call_new("customer", CUSTOMER), agent = call_new("agent", AGENT), coach = call_new("coach", COACH);
    a_whispered_call();
    whispers();
    leaves(coach);
    play_read(coach);
    version_micro = "12-release";
    guard_passes_for(coach);
    check(said(coach) == COACH, "outside the conference the coach is not heard");
}

/* -------------------------------------------------------------------------------------------- in the call ---- */

static void makes_it_private_to_nobody(void) { expect_reply("uuid_coach", "coach coach -", "+OK"); }

/* Commands hold that come between what `conference` begins with and the conference itself. */
static void is_commanded_while_it_joins(void **state)
{
    (void)state;
    a_whispered_call();
    leaves(coach);
    coach->channel.has_media = false;
    meanwhile.media = makes_it_private_to_nobody;
    joins(coach, "r");
    guard_passes();
    expect_heard(agent, CUSTOMER);
    expect_heard(customer, AGENT);
}

static void is_commanded_while_it_hangs_up(void **state)
{
    (void)state;
    a_whispered_call();
    hang_up(customer);
    expect_reply("coach", "coach r customer boss", "-ERR customer is just coming to r or leaving it");
    expect_reply("coach", "explain r customer", "speaks openly");
}

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

static void commands_a_call(void **state)
{
    (void)state;
    char text[64];
    a_whispered_call();
    snprintf(text, sizeof text, "uncoach r %u", coach->number);
    expect_reply("coach", text, "speaks openly after 200 ms");
    guard_passes();
    expect_heard(customer, AGENT + COACH);
    check(!variable(coach, "speakOnlyTo"), "the variable still says %s", variable(coach, "speakOnlyTo"));
    /* Attached at once, and private before it returns. */
    expect_reply("coach", "coach r customer boss", "+OK");
    play_read(customer);
    check(said(customer) == 0 || heard(agent) != CUSTOMER, "the customer is not private when the command has returned");
    play(SETTLED);
    expect_heard(agent, COACH);
    expect_reply("coach", "tag r coach boss,night", "has the tags boss,night");
    guard_passes();
    expect_heard(coach, CUSTOMER + AGENT);
    check(strcmp(variable(coach, "memberTag"), "boss,night") == 0, "the variable says %s", variable(coach, "memberTag"));
    expect_reply("uuid_coach", "coach untag", "has no tags");
    expect_reply("uuid_coach", "customer uncoach", "speaks openly");
    expect_reply("uuid_coach", "customer show", "speaks openly");
    expect_reply("coach", "show r as json", "\"call_id\":\"agent\"");
    expect_reply("coach", "state memberTag,nothing as json", "{\"uuid\":\"agent\",\"variables\":{\"memberTag\":\"agent\"}}");
    expect_reply("coach", "state as json", "\"rooms\":[{");
    expect_reply("coach", "state", "-ERR usage: state");
}

static void commands_what_is_wrong(void **state)
{
    (void)state;
    char text[32];
    expect_reply("coach", "", "-USAGE: coach rooms|");
    expect_reply("uuid_coach", "", "-USAGE: uuid_coach <uuid>");
    expect_reply("coach", "tag r 1 agent", "-ERR no room called r");
    expect_reply("uuid_coach", "nobody tag agent", "-ERR no call nobody");
    expect_reply("uuid_coach", "agent tag agent", "-ERR the call is in no conference; set memberTag");
    expect_reply("uuid_coach", "agent fly", "-ERR usage: uuid_coach");
    a_whispered_call();
    expect_reply("coach", "tag r 4711 agent", "-ERR no member 4711 in r");
    snprintf(text, sizeof text, "tag r +%u boss", agent->number);
    expect_reply("coach", text, "-ERR no member +");
    expect_reply("coach", "tag q agent agent", "-ERR no room called q");
    expect_reply("coach", "coach r agent a,,b", "-ERR");
    expect_reply("coach", "tag r agent", "-ERR usage: tag");
    check(!variable(agent, "speakOnlyTo"), "a command that failed changed a variable");
    whispers();
}

static void mutes_deafens_and_holds(void **state)
{
    (void)state;
    a_whispered_call();
    struct { bool *flag; const char *on, *off; switch_core_session_t *who; } all[] = {
        {&coach->muted, "mute-member", "unmute-member", coach}, {&agent->deaf, "deaf-member", "undeaf-member", agent},
        {&coach->held, "hold-member", "unhold-member", coach}, {&agent->held, "hold-member", "unhold-member", agent},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].flag = true;
        conference_event(all[i].who, all[i].on);
        events_followed();
        play(SETTLED);
        check(heard(agent) < COACH, "%s: the agent hears %d", all[i].on, heard(agent));
        *all[i].flag = false;
        conference_event(all[i].who, all[i].off);
        events_followed();
        whispers();
    }
    customer->muted = true;
    conference_event(customer, "mute-member");
    events_followed();
    expect_reply("uuid_coach", "customer show", "does not hear it: the speaker is muted");
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

static void tells_events_late_and_in_disorder(void **state)
{
    (void)state;
    events_wait(LATER);
    a_whispered_call();
    whispers(); /* joining needs no event */
    events_told();
    whispers();
    events_wait(LATER_LAST_FIRST);
    coach->muted = true;
    conference_event(coach, "mute-member");
    coach->muted = false;
    conference_event(coach, "unmute-member");
    events_told(); /* mute is told last, and is the older one */
    whispers();
    events_wait(LATER);
    agent->deaf = true;
    conference_event(agent, "deaf-member");
    leaves(agent);
    agent->deaf = false;
    joins(agent, "r2");
    leaves(coach);
    joins(coach, "r2");
    guard_passes();
    expect_heard(agent, COACH);
    conference_event(agent, "start-talking");
    events_told(); /* of the earlier conference: that the agent is deaf, and has left */
    expect_reply("coach", "show r2 as json", "\"agent\",\"tags");
    check(!told("leave", "agent", "Conference-Name", "r2"), "the agent was taken out of the conference that it is in");
    check(!strstr(api("coach", "show r as json"), "\"agent\",\"tags"), "the agent is in two conferences");
    play(SETTLED);
    expect_heard(agent, COACH);
    events_wait(LATER);
    leaves(agent);
    joins(agent, "r2");
    events_told(); /* that it has left the conference that it is back in */
    play(SETTLED);
    expect_heard(agent, COACH);
    events_wait(LATER);
    agent->deaf = true;
    conference_event(agent, "deaf-member");
    leaves(agent);
    agent->deaf = false, agent->unannounced = true;
    joins(agent, "r2");
    events_told(); /* that it is deaf, when it was there before */
    play(SETTLED);
    expect_heard(agent, COACH);
}

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

static void mutes_meanwhile(void)
{
    coach->muted = true;
    conference_event(coach, "mute-member");
    coach->muted = false; /* as the list has it that is being made */
    events_followed();
}

static void is_muted_while_it_is_seated(void **state)
{
    (void)state;
    an_open_call("r");
    run(coach, "coach", "speakOnlyTo=agent");
    meanwhile.flags = mutes_meanwhile;
    joins(coach, "r");
    usleep(200000);
    guard_passes();
    expect_heard(agent, CUSTOMER);
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

static void replaces_a_private_leg(void **state)
{
    (void)state;
    set_variable(coach, "sip_call_id", "abc@host");
    a_whispered_call();
    switch_core_session_t *heir = call_new("heir", OTHER), *referred = call_new("referred", OTHER);
    set_variable(heir, "sip_replaces_call_id", "abc@host");
    joins(heir, "r");
    call_ends(coach);
    set_variable(referred, "sip_refer_to", "<sip:r@host?replaces=abc%40host%3Bto-tag%3D1>");
    joins(referred, "r");
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + OTHER + OTHER);
}

/* Whose phone has handed it over, and that is not over yet. */
static void replaces_a_leg_that_is_being_hung_up(void **state)
{
    (void)state;
    a_whispered_call();
    set_variable(coach, "_sofia_replaces_", "def@host");
    hang_up(coach);
    switch_core_session_t *heir = call_new("heir", OTHER);
    set_variable(heir, "sip_refer_to", "<sip:r@host?Replaces=def%40host%3Bto-tag%3D1>");
    joins(heir, "r");
    call_ends(coach);
    play(SETTLED);
    expect_heard(customer, AGENT);
    expect_heard(agent, CUSTOMER + OTHER);
}

/* What Verto leaves of an attended transfer: the leg that asked for it names the other. The heir was bridged with one of the two. */
static void replaces_a_leg_with_verto(void **state)
{
    (void)state;
    a_whispered_call();
    enum { HEIR = 1000 };
    switch_core_session_t *line = call_new("line", HEIR), *heirs[4];
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"early", "late", "early-2", "late-2"};
        heirs[i] = call_new(names[i], HEIR);
        set_variable(heirs[i], "last_bridge_to", "line");
    }
    set_variable(coach, "refer_uuid", "line"); /* asked for on the leg in the conference */
    joins(heirs[0], "r");
    set_variable(coach, "refer_uuid", NULL);
    set_variable(line, "refer_uuid", "coach"); /* on the other */
    joins(heirs[2], "r");
    call_ends(line);
    joins(heirs[3], "r");
    set_variable(coach, "refer_uuid", "line");
    call_ends(coach);
    joins(heirs[1], "r");
    switch_core_session_t *friend = call_new("friend", OTHER);
    set_variable(friend, "last_bridge_to", "coach"); /* an ordinary call, once */
    joins(friend, "r");
    play(SETTLED);
    expect_heard(customer, AGENT + OTHER);
    expect_heard(agent, CUSTOMER + 4 * HEIR + OTHER);
}

/* Tags let a leg hear what was never meant for it: they stay behind, even where the new leg runs the extension of the old one. */
static void replaces_a_leg_with_tags(void **state)
{
    (void)state;
    set_variable(agent, "sip_call_id", "abc@host");
    a_whispered_call();
    forget_events();
    switch_core_session_t *heir = call_new("heir", 0), *referred = call_new("referred", 0), *late = call_new("late", 0);
    set_variable(heir, "sip_replaces_call_id", "abc@host");
    joins(heir, "r");
    set_variable(referred, "sip_refer_to", "<sip:r@host?replaces=abc%40host%3Bto-tag%3D1>");
    run(referred, "coach", "memberTag=agent,second");
    joins(referred, "r");
    call_ends(agent);
    set_variable(late, "sip_replaces_call_id", "abc@host");
    run(late, "set", "memberTag=agent");
    joins(late, "r");
    play(SETTLED);
    expect_heard(heir, CUSTOMER);
    expect_heard(referred, CUSTOMER);
    expect_heard(late, CUSTOMER);
    check(logged("its tags do not pass"), "the log does not say so");
    check(!variable(late, "memberTag"), "the variable says %s", variable(late, "memberTag"));
    expect_reply("coach", "gettag r second", "+OK ");
    expect_reply("coach", "show r", "late");
    check(told("join", "heir", NULL, NULL) && told("leave", "agent", NULL, NULL), "the events do not tell who came and left");
    check(told("audience", "coach", "Heard-By", ""), "no event says that the coach is heard by nobody");
    /* Who wants them sets them again. */
    expect_reply("uuid_coach", "late tag agent", "+OK");
    guard_passes();
    expect_heard(late, CUSTOMER + COACH);
    leaves(late);
    joins(late, "r");
    play(SETTLED);
    expect_heard(late, CUSTOMER + COACH);
}

/* A leg that has been given all the variables of another. */
static void has_the_variables_of_another(void **state)
{
    (void)state;
    a_whispered_call();
    switch_core_session_t *heir = call_new("heir", 0), *real = call_new("real", 0);
    set_variable(heir, "uuid", "agent");
    set_variable(heir, "memberTag", "agent");
    joins(heir, "r");
    /* A loopback that it stood for has stepped out of the way. */
    set_variable(real, "uuid", "loopback");
    set_variable(real, "loopback_bowout_other_uuid", "real");
    set_variable(real, "memberTag", "agent");
    joins(real, "r");
    play(SETTLED);
    expect_heard(heir, CUSTOMER + AGENT);
    expect_heard(real, CUSTOMER + AGENT + COACH);
}

/* The agent is on the other leg of a loopback whose inner leg is in the conference, and somebody else is connected with it. */
static void takes_the_place_behind_a_loopback(void **state)
{
    (void)state;
    switch_core_session_t *outer = call_new("outer", 0);
    set_variable(outer, "other_loopback_leg_uuid", "agent");
    bridges_with(outer, "agents phone");
    a_whispered_call();
    bridges_with(outer, "agents phone");
    whispers();
    bridges_with(outer, "strangers phone");
    play(SETTLED);
    expect_heard(agent, CUSTOMER);
    check(logged("its tags do not pass"), "the log does not say so");
    expect_reply("uuid_coach", "agent tag agent", "+OK");
    guard_passes();
    whispers();
}

static void replaces_a_leg_where_tags_pass(void **state)
{
    (void)state;
    calls_end();
    check(unload(false), "the module is in use");
    configuration[0][0] = "tags-pass", configuration[0][1] = "yes";
    check(!load() && logged("tags-pass is true or false"), "the log does not say what is right");
    configuration[0][1] = "true";
    check(load(), "the module does not load");
    memset(configuration, 0, 2 * sizeof *configuration);
    customer = call_new("customer", CUSTOMER), agent = call_new("agent", AGENT), coach = call_new("coach", COACH);
    set_variable(agent, "sip_call_id", "abc@host");
    a_whispered_call();
    switch_core_session_t *heir = call_new("heir", 0);
    set_variable(heir, "sip_replaces_call_id", "abc@host");
    joins(heir, "r");
    play(SETTLED);
    expect_heard(heir, CUSTOMER + AGENT + COACH);
}

/* The switch crashes: its calls are gone, and nobody has told the module of their end. */
static void crashes_and_recovers(void **state)
{
    (void)state;
    char folder[] = "/tmp/mod_coach.XXXXXX", command[256];
    check(mkdtemp(folder), "no folder");
    calls_end();
    check(unload(false), "the module is in use");
    database = folder;
    check(load(), "the module does not load");
    customer = call_new("customer", CUSTOMER), agent = call_new("agent", AGENT), coach = call_new("coach", COACH);
    switch_core_session_t *other = call_new("other", OTHER);
    run(coach, "unset", "speakOnlyTo");
    an_open_call("r");
    joins(coach, "r");
    run(other, "coach", "speakOnlyTo=agent");
    joins(other, "r");
    unsigned stored = coach->stored;
    expect_reply("uuid_coach", "coach coach night", "+OK");
    expect_reply("uuid_coach", "coach tag boss", "+OK");
    check(coach->stored > stored, "the core was not asked to store the call");
    char *early = strdup(variable(coach, "coach_commanded"));
    expect_reply("uuid_coach", "other uncoach", "+OK");
    char *opened = strdup(variable(other, "coach_commanded"));
    run(agent, "coach", "untag"); /* by a key */
    char *untagged = strdup(variable(agent, "coach_commanded"));
    /* Of this one only the file knows. */
    expect_reply("uuid_coach", "coach coach agent", "+OK");
    snprintf(command, sizeof command, "cp -r %s/coach %s/kept", folder, folder);
    check(system(command) == 0, "the files cannot be copied");
    calls_end();
    snprintf(command, sizeof command, "ls %s/coach | grep -q .", folder);
    check(system(command) != 0, "a file is left of a call that has ended");
    check(unload(false), "the module is in use");
    /* The crash came while the coach's file was being replaced: its draft is complete. */
    snprintf(command, sizeof command, "cd %s && rm -r coach && mv kept coach && mv coach/coach coach/coach.part", folder);
    check(system(command) == 0, "the files cannot be put back");
    check(load(), "the module does not load");
    /* The recovered extensions say the opposite of the commands. */
    customer = call_new("customer", CUSTOMER);
    const char *const of_agent[][2] = {{"coach_commanded", untagged}, {0}};
    agent = call_recovered("agent", AGENT, of_agent);
    an_open_call("r");
    const char *const of_coach[][2] = {{"coach_commanded", early}, {"speakOnlyTo", "night"}, {"memberTag", "boss"}, {0}};
    coach = call_recovered("coach", COACH, of_coach);
    run(coach, "unset", "speakOnlyTo"), run(coach, "coach", "untag");
    joins(coach, "r");
    const char *const of_other[][2] = {{"coach_commanded", opened}, {0}};
    other = call_recovered("other", OTHER, of_other);
    run(other, "coach", "speakOnlyTo=agent");
    joins(other, "r");
    guard_passes();
    expect_heard(customer, AGENT + OTHER);
    expect_heard(agent, CUSTOMER + OTHER);
    check(!variable(agent, "memberTag"), "the variable says %s", variable(agent, "memberTag"));
    check(strcmp(variable(coach, "speakOnlyTo"), "agent") == 0, "the variable says %s", variable(coach, "speakOnlyTo"));
    check(strcmp(variable(coach, "memberTag"), "boss") == 0, "the variable says %s", variable(coach, "memberTag"));
    /* Another extension, and what that one says is later than any command. */
    leaves(other);
    call_routes(other);
    check(!variable(other, "coach_commanded"), "the variable says %s", variable(other, "coach_commanded"));
    run(other, "coach", "speakOnlyTo=agent");
    joins(other, "r");
    play(SETTLED);
    expect_heard(customer, AGENT);
    calls_end();
    check(unload(false), "the module is in use");
    snprintf(command, sizeof command, "rm -r %s", folder);
    check(system(command) == 0, "the folder cannot be removed");
    database = NULL;
    check(load(), "the module does not load");
    free(early), free(opened), free(untagged);
}

/* What it has inherited it can be freed of. */
static void replaces_a_private_leg_and_is_uncoached(void **state)
{
    (void)state;
    set_variable(coach, "sip_call_id", "abc@host");
    a_whispered_call();
    switch_core_session_t *heir = call_new("heir", OTHER);
    set_variable(heir, "sip_replaces_call_id", "abc@host");
    joins(heir, "r");
    expect_reply("uuid_coach", "heir uncoach", "+OK");
    leaves(heir);
    joins(heir, "r");
    guard_passes();
    expect_heard(customer, AGENT + OTHER);
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

static void listens_to_every_change(void **state)
{
    (void)state;
    char number[16], other[16];
    snprintf(number, sizeof number, "%u", agent->number);
    snprintf(other, sizeof other, "%u", coach->number);
    a_whispered_call();
    check(told("join", "agent", "Tag", "agent"), "no join of the agent, with its tag");
    check(told("join", "coach", "Speak-Only-To", "agent"), "no join of the coach, with its mode");
    check(told("join", "customer", "Speak-Only-To", NULL), "the customer joins with a mode");
    check(told("audience", "coach", "Heard-By", number), "no audience of the coach");
    check(told("audience", "coach", "Conference-Unique-ID", "id-of-r"), "the audience is in no conference");
    check(told("audience", "coach", "Conference-Name", "r"), "the audience is in no conference");
    check(told("audience", "coach", "Member-ID", other), "the audience is of no member");
    api("uuid_coach", "agent untag");
    check(told("untag", "agent", NULL, NULL), "no untag");
    check(told("audience", "coach", "Heard-By", ""), "nobody hears the coach, and no event says so");
    api("uuid_coach", "agent tag boss");
    check(told("tag", "agent", "Tag", "boss"), "no tag");
    api("uuid_coach", "coach uncoach");
    check(told("uncoach", "coach", "Opens-In-Ms", "200"), "no uncoach");
    api("uuid_coach", "coach coach -");
    check(told("coach", "coach", "Speak-Only-To", "-"), "no coach");
    leaves(coach);
    check(told("leave", "coach", NULL, NULL), "no leave");
    leaves(agent), leaves(customer); /* and the conference ends */
    check(told("leave", "customer", "Conference-Unique-ID", "id-of-r"), "the last leaves no conference");
}

static void *tags_the_agent(void *none)
{
    api("uuid_coach", "agent tag agent");
    return none;
}

/* FreeSWITCH takes no event for a while, and there are more than can wait. */
static void is_told_how_many_events_were_lost(void **state)
{
    (void)state;
    const unsigned tags = 9000;
    char command[2048] = "customer tag ", lost[16];
    pthread_t thread;
    for (int i = 0; i < 16; i++) sprintf(command + strlen(command), "%s%064d", i ? "," : "", i); /* the longest tags that there are */
    an_open_call("r");
    events_hold_up(true);
    pthread_create(&thread, NULL, tags_the_agent, NULL);
    events_held_up();
    for (unsigned i = 0; i < tags; i++) expect_reply("uuid_coach", command, "+OK");
    events_hold_up(false);
    pthread_join(thread, NULL);
    for (int i = 0; i < 6000 && !logged("events were not told"); i++) usleep(10000);
    check(logged("events were not told"), "the log does not say that events were lost");
    unsigned times = times_told("tag", "customer");
    snprintf(lost, sizeof lost, "%u", tags - times);
    check(times > 1000 && times < tags, "%u events were told", times);
    check(told("lost", "", "Lost", lost), "no event says that %s were lost", lost);
    check(told("lost", "", "Conference-Name", NULL) && told("lost", "", "Member-ID", NULL), "it is nobody's event");
    api("uuid_coach", "customer untag");
    check(times_told("untag", "customer") == 1, "what came then is not told");
}

static void listens_to_every_flag(void **state)
{
    (void)state;
    a_whispered_call();
    check(told("start", "", "Conference-Name", "r") && told("start", "", "Member-ID", NULL), "the conference does not start");
    struct { bool *flag; const char *on, *off; } all[] = {
        {&coach->muted, "mute", "unmute"}, {&coach->deaf, "deaf", "undeaf"}, {&coach->held, "hold", "unhold"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].flag = true;
        conference_event(coach, "some-member");
        events_followed();
        check(told(all[i].on, "coach", "Conference-Name", "r"), "no %s", all[i].on);
        *all[i].flag = false;
        conference_event(coach, "some-member");
        events_followed();
        check(told(all[i].off, "coach", NULL, NULL), "no %s", all[i].off);
    }
    leaves(coach);
    check(told("bypass", "coach", NULL, NULL), "no pass");
}

/* A phone holds its call by SIP; mod_conference knows nothing of it. */
static void is_held_by_its_phone(void **state)
{
    (void)state;
    phone_holds(agent, true);
    events_followed();
    a_whispered_call(); /* who joins on hold is so */
    expect_reply("coach", "show r", "held");
    play(SETTLED);
    expect_heard(agent, CUSTOMER);
    phone_holds(agent, false);
    events_followed();
    whispers();
    phone_holds(coach, true);
    events_followed();
    expect_reply("coach", "explain r coach", "on hold");
    play(SETTLED);
    expect_heard(agent, CUSTOMER);
    /* Held and taken back in the conference, it is still on hold. */
    coach->held = true, conference_event(coach, "hold-member");
    events_followed();
    coach->held = false, conference_event(coach, "unhold-member");
    events_followed();
    expect_reply("coach", "show r", "held");
    phone_holds(coach, false);
    events_followed();
    whispers();
}

static void completes_with_tab(void **state)
{
    (void)state;
    char found[256], right[64];
    a_whispered_call();
    complete("::coach::room", "coach show ", found, sizeof found);
    check(strcmp(found, "r ") == 0, "conferences: %s", found);
    complete("::coach::member", "coach explain r ", found, sizeof found);
    snprintf(right, sizeof right, "%u ", coach->number);
    check(strstr(found, right), "members: %s; right: %s among them", found, right);
    complete("::coach::member", "coach explain q ", found, sizeof found);
    check(!*found, "members of no conference: %s", found);
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
    check(logged("[4] coach") && logged("6000 Hz"), "the log does not say so");
    expect_heard(customer, AGENT);
}

/* ---------------------------------------------------------------------------------------- loads and unloads ---- */

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

static pthread_t joining;

static void *the_coach_joins(void *none)
{
    conference_begins(coach, "s");
    return none;
}

static void the_coach_joins_meanwhile(void)
{
    pthread_create(&joining, NULL, the_coach_joins, NULL);
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
    pthread_join(joining, NULL);
    check(is_up(coach), "the coach was hung up");
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
    pthread_create(&joining, NULL, go_on, NULL);
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
    pthread_join(joining, NULL);
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
    for (int i = 0; i < 25; i++) play(1), usleep(20000);
    expect_heard(customer, AGENT + COACH);
}

/* What it hears of its mode nobody else hears. */
static void hears_a_sound_of_its_mode(void **state)
{
    (void)state;
    calls_end();
    check(unload(false), "the module is in use");
    configuration[2][1] = "true";
    check(load(), "the module does not load");
    configuration[2][1] = "false";
    customer = call_new("customer", 0), agent = call_new("agent", 0), coach = call_new("coach", 0);
    joins(customer, "r");
    joins(coach, "r");
    check(!bugs(customer, 0) && !bugs(coach, 0), "who has neither tag nor mode has a hook");
    static const char *const all[][2] = {
        {"coach", "coach agent"}, {"coach", "coach Agent"}, {"coach", "uncoach"}, {"coach", "coach -"}, {"coach", "coach agent"},
        {"agent", "tag agent"}, {"agent", "untag"},
    };
    joins(agent, "r");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char command[64];
        bool sounds = false;
        play(30);
        snprintf(command, sizeof command, "%s %s", all[i][0], all[i][1]);
        expect_reply("uuid_coach", command, "+OK");
        for (int frame = 0; frame < 30; frame++) {
            play(1);
            sounds = sounds || heard(coach) != 0;
            check(heard(customer) == 0 && heard(agent) == 0 && said(coach) == 0, "%s: somebody else hears the sound", command);
        }
        check(sounds, "%s: the coach hears no sound", command);
        check(heard(coach) == 0, "%s: the sound does not end", command);
    }
    check(!bugs(customer, 0), "a member with neither tag nor mode has a hook");
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

#define CALL(test) cmocka_unit_test_setup_teardown(test, opens, closes)

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: %s <mod_coach.so> [<pattern of names>]\n", argv[0]), 2;
    module_path = argv[1];
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    configuration[2][0] = "mode-sounds", configuration[2][1] = "false"; /* sums tell who is heard */
    alarm(480);
    const struct CMUnitTest tests[] = {
        CALL(joins_by_variable_and_by_application), CALL(joins_with_no_gap), CALL(sets_what_was_never_set),
        CALL(joins_from_behind_an_endpoint_that_keeps_messages), CALL(joins_from_an_endpoint_that_is_never_done),
        CALL(joins_where_a_caller_has_a_name_that_is_no_text), CALL(has_media_that_cannot_be_hooked), CALL(has_too_many_tags),
        CALL(sets_with_white_space), CALL(sets_another_variable), CALL(joins_with_a_misspelt_name), CALL(joins_as_it_is_answered), CALL(names_conferences_as_the_switch_does), CALL(has_a_uuid_of_any_kind),
        CALL(joins_with_a_malformed_mode), CALL(joins_with_variables_that_cannot_be_meant),
        CALL(gives_the_application_both_settings), CALL(gives_the_application_nonsense), CALL(joins_and_cannot_be_hooked),
        CALL(is_commanded_while_it_joins), CALL(is_commanded_while_it_hangs_up), CALL(is_tapped_before_it_is_hooked),
        CALL(joins_as_an_older_switch_tells_it), CALL(commands_a_call), CALL(commands_what_is_wrong),
        CALL(mutes_deafens_and_holds), CALL(joins_muted_or_deaf), CALL(joins_and_is_not_listed),
        CALL(tells_events_late_and_in_disorder), CALL(moves_between_conferences_and_out),
        CALL(meets_a_conference_of_the_same_name), CALL(eavesdrops_outside_the_conference),
        CALL(is_muted_while_it_is_seated), CALL(takes_one_conference_inside_another), CALL(bridges_inside_the_conference),
        CALL(fails_to_bridge_inside_the_conference), CALL(hears_of_a_conference_that_is_not_its_own),
        CALL(leaves_from_behind_an_endpoint_that_keeps_messages), CALL(replaces_a_private_leg),
        CALL(replaces_a_leg_that_is_being_hung_up), CALL(replaces_a_leg_with_verto),
        CALL(replaces_a_leg_with_tags), CALL(has_the_variables_of_another), CALL(takes_the_place_behind_a_loopback),
        CALL(replaces_a_leg_where_tags_pass), CALL(crashes_and_recovers),
        CALL(replaces_a_private_leg_and_is_uncoached), CALL(hangs_up_and_reads_on), CALL(takes_hooks_away),
        CALL(listens_to_every_change), CALL(is_told_how_many_events_were_lost), CALL(listens_to_every_flag), CALL(is_held_by_its_phone), CALL(completes_with_tab), CALL(mixes_rates_and_channels), CALL(has_long_packets),
        CALL(unloads_while_somebody_is_private), CALL(unloads_by_force), CALL(unloads_while_a_call_is_being_hung_up),
        CALL(unloads_by_force_while_a_call_turns_private), CALL(loads_under_calls), CALL(loads_while_a_call_leaves),
        CALL(loads_while_a_call_joins), CALL(goes_on_while_another_is_hooked), CALL(leaves_while_it_is_hooked), CALL(loads_and_unloads_over_and_over),
        CALL(configures_it), CALL(says_something_late), CALL(hears_a_sound_of_its_mode),
        CALL(unloads_by_force_while_a_call_is_answered_early), /* last: its code stays in memory */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
