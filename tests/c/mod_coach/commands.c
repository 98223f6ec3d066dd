/* Commands in mid-call, and what changes a member otherwise: the conference's commands, the phone. */
#include "call.h"

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

int commands(void)
{
    const struct CMUnitTest tests[] = {
        CALL(is_commanded_while_it_joins),
        CALL(is_commanded_while_it_hangs_up),
        CALL(commands_a_call),
        CALL(commands_what_is_wrong),
        CALL(mutes_deafens_and_holds),
        CALL(is_muted_while_it_is_seated),
        CALL(is_held_by_its_phone),
        CALL(completes_with_tab),
        CALL(hears_a_sound_of_its_mode),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
