/* Calls that take the place of another: transfers, loopbacks, and what a crash leaves to recover. */
#include "call.h"

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
    parties_call();
    set_variable(agent, "sip_call_id", "abc@host");
    a_whispered_call();
    switch_core_session_t *heir = call_new("heir", 0);
    set_variable(heir, "sip_replaces_call_id", "abc@host");
    joins(heir, "r");
    play(SETTLED);
    expect_heard(heir, CUSTOMER + AGENT + COACH);
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
    parties_call();
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

int replacing(void)
{
    const struct CMUnitTest tests[] = {
        CALL(replaces_a_private_leg),
        CALL(replaces_a_leg_that_is_being_hung_up),
        CALL(replaces_a_leg_with_verto),
        CALL(replaces_a_leg_with_tags),
        CALL(has_the_variables_of_another),
        CALL(takes_the_place_behind_a_loopback),
        CALL(replaces_a_leg_where_tags_pass),
        CALL(replaces_a_private_leg_and_is_uncoached),
        CALL(crashes_and_recovers),
    };
    return cmocka_run_group_tests_name("replacing", tests, NULL, NULL);
}
