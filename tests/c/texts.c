/* A host that gives names, tags and commands that break the rules, or mean nothing. */
#include "host.h"

/* `count` bytes of `byte`. */
static const char *many(size_t count, char byte)
{
    static char text[4][70000];
    static int turn;
    char *out = text[turn++ % 4];
    memset(out, byte, count);
    out[count] = 0;
    return out;
}

#define NOT_UTF8_1 "caf\xe9"         /* Latin-1 */
#define NOT_UTF8_2 "cut\xe2\x82"     /* a character cut short */
#define NOT_UTF8_3 "\xc0\xaf"        /* an overlong form */
#define NOT_UTF8_4 "\xed\xa0\x80"    /* half a surrogate pair */
#define NO_BREAK_SPACE "a\xc2\xa0""b"
#define NEXT_LINE "a\xc2\x85""b"     /* a control character of two bytes */

static void names_a_room_against_the_rules(void **state)
{
    (void)state;
    const struct {
        const char *name;
        coach_status_t right;
    } rows[] = {
        {"", COACH_ERR_ROOM_NAME},
        {many(COACH_MAX_NAME_BYTES + 1, 'r'), COACH_ERR_ROOM_NAME},
        {many(60000, 'r'), COACH_ERR_ROOM_NAME},
        {"two words", COACH_ERR_ROOM_NAME},
        {" ahead", COACH_ERR_ROOM_NAME},
        {"line\n", COACH_ERR_ROOM_NAME},
        {"tab\tbed", COACH_ERR_ROOM_NAME},
        {"bell\a", COACH_ERR_ROOM_NAME},
        {"delete\x7f", COACH_ERR_ROOM_NAME},
        {NO_BREAK_SPACE, COACH_ERR_ROOM_NAME},
        {NEXT_LINE, COACH_ERR_ROOM_NAME},
        {NOT_UTF8_1, COACH_ERR_TEXT},
        {NOT_UTF8_2, COACH_ERR_TEXT},
        {NOT_UTF8_3, COACH_ERR_TEXT},
        {NOT_UTF8_4, COACH_ERR_TEXT},
        {"support", COACH_ERR_ROOM_EXISTS},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        refused_row(rows[i].right, coach.room_open(call.engine, rows[i].name, NULL, &output), "a room called \"%.20s\"",
                    rows[i].name);
    expect(COACH_OK, coach.room_open(call.engine, many(COACH_MAX_NAME_BYTES, 'r'), NULL, &output));
    expect(COACH_OK, coach.room_close(output));
    survived();
}

static void identifies_a_call_against_the_rules(void **state)
{
    (void)state;
    const struct {
        const char *call_id;
        coach_status_t right;
    } rows[] = {
        {"", COACH_ERR_CALL_ID},
        {many(COACH_MAX_NAME_BYTES + 1, 'c'), COACH_ERR_CALL_ID},
        {"two words", COACH_ERR_CALL_ID},
        {"line\r\n", COACH_ERR_CALL_ID},
        {"escape\x1b[2J", COACH_ERR_CALL_ID},
        {NO_BREAK_SPACE, COACH_ERR_CALL_ID},
        {NEXT_LINE, COACH_ERR_CALL_ID},
        {NOT_UTF8_1, COACH_ERR_TEXT},
        {NOT_UTF8_2, COACH_ERR_TEXT},
        {"agent", COACH_ERR_CALL_IN_USE},
    };
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    for (size_t i = 0; i < COUNT(rows); i++) {
        config.call_id = rows[i].call_id;
        refused_row(rows[i].right, coach.member_attach(call.engine, &config, &output), "a call called \"%.20s\"",
                    rows[i].call_id);
    }
    config.call_id = many(COACH_MAX_NAME_BYTES, 'c');
    expect(COACH_OK, coach.member_attach(call.engine, &config, &output));
    expect(COACH_OK, coach.member_detach(output));
    survived();
}

#define SIXTEEN "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"

static const struct {
    const char *tags;
    coach_status_t right;
} bad_tags[] = {
    {",", COACH_ERR_TAG},
    {",agent", COACH_ERR_TAG},
    {"agent,", COACH_ERR_TAG},
    {"agent,,night", COACH_ERR_TAG},
    {"two words", COACH_ERR_TAG},
    {"agent\n", COACH_ERR_TAG},
    {"bell\a", COACH_ERR_TAG},
    {NO_BREAK_SPACE, COACH_ERR_TAG},
    {NEXT_LINE, COACH_ERR_TAG},
    {"12345678901234567890123456789012345678901234567890123456789012345", COACH_ERR_TAG}, /* 65 bytes */
    {SIXTEEN ",q", COACH_ERR_TOO_MANY},
    {NOT_UTF8_1, COACH_ERR_TEXT},
    {NOT_UTF8_2, COACH_ERR_TEXT},
    {NOT_UTF8_3, COACH_ERR_TEXT},
    {NOT_UTF8_4, COACH_ERR_TEXT},
};

static void tags_against_the_rules(void **state)
{
    (void)state;
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "new";
    for (size_t i = 0; i < COUNT(bad_tags); i++) {
        config.tags = bad_tags[i].tags;
        refused_row(bad_tags[i].right, coach.tag(call.agent, config.tags), "coach_tag(\"%s\")", config.tags);
        refused_row(bad_tags[i].right, coach.coach(call.manager, config.tags), "coach_coach(\"%s\")", config.tags);
        refused_row(bad_tags[i].right, coach.member_attach(call.engine, &config, &output),
                    "coach_member_attach with tags \"%s\"", config.tags);
    }
    refused(COACH_ERR_TAG, coach.tag(call.agent, ""));
    refused(COACH_ERR_TAG, coach.coach(call.manager, ""));
    expect(COACH_OK, coach.tag(call.customer, SIXTEEN));
    expect(COACH_OK, coach.tag(call.customer, many(COACH_MAX_TAG_BYTES, 't')));
    expect(COACH_OK, coach.tag(call.customer, "caf\xc3\xa9"));
    survived();
}

static int warnings;
static void count_warnings(void *user, const coach_event_t *event)
{
    (void)user;
    if (event->kind == COACH_EVENT_WARNING && event->text && event->text[0]) warnings++;
}

/* An unset variable of a dialplan must not open a coach to the customer. */
static void attaches_with_a_broken_speak_only_to(void **state)
{
    (void)state;
    open_call(COACH_MIXER_HOST, count_warnings, NULL);
    for (size_t i = 0; i <= COUNT(bad_tags); i++) {
        const char *tags = i < COUNT(bad_tags) ? bad_tags[i].tags : "";
        warnings = 0;
        coach_member_t member = a_member(call.room, 9, "new", NULL, tags);
        check(warnings > 0, "speak_only_to \"%s\" raised no COACH_EVENT_WARNING", tags);
        char *json = NULL;
        expect(COACH_OK, coach.state_json(call.engine, "support", &json));
        check(strstr(json, "\"speak_only_to\":[]"), "speak_only_to \"%s\" is not private to nobody, but\n  %s", tags, json);
        coach.string_free(json);
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        expect(COACH_SILENCED, coach.read(member, frame, RATE, 1, SAMPLES));
        check(is_silence(frame, SAMPLES), "speak_only_to \"%s\" left the member audible; right: silence", tags);
        expect(COACH_OK, coach.member_detach(member));
    }
    survived();
}

static void asks_for_what_is_not_there(void **state)
{
    (void)state;
    char *text = (char *)&output;
    refused_row(COACH_ERR_NO_ROOM, coach.room_find(call.engine, "sales", &output), "coach_room_find(\"sales\")");
    refused_row(COACH_ERR_TEXT, coach.room_find(call.engine, NOT_UTF8_1, &output), "coach_room_find(Latin-1)");
    refused(COACH_ERR_NO_ROOM, coach.state_json(call.engine, "sales", &text));
    refused(COACH_ERR_TEXT, coach.state_json(call.engine, NOT_UTF8_1, &text));
    refused(COACH_ERR_TEXT, coach.command(call.engine, "tag support 2 " NOT_UTF8_1, &text));
    check(text == (char *)&output, "a call failed, yet wrote its output");
    survived();
}

/* A refused command is an answer, "-ERR ...", and changes nothing. */
static void gives_commands_that_mean_nothing(void **state)
{
    (void)state;
    const char *commands[] = {
        "",
        " ",
        "\n",
        "dance",
        "tag",
        "tag support",
        "tag support 2",
        "tag sales 2 agent",
        "tag support 77 agent",
        "tag support nobody agent",
        "tag support 2 a,,b",
        "tag support 2 agent night",
        "tag support -1 agent",
        "tag support 4294967296 agent",
        "tag support 99999999999999999999999999 agent",
        "untag support",
        "coach support 3",
        "coach support 3 " SIXTEEN ",q",
        "uncoach support",
        "uncoach support 3 agent",
        "show",
        "show sales",
        "show support as",
        "show support as xml",
        "explain support 77",
        "gettag support",
        "gettag support agent matches",
        "stats sales",
        "tag support 1 %s%n%n%n",
        many(69000, 'x'),
    };
    for (size_t i = 0; i < COUNT(commands); i++) {
        char *before = host_state(), *reply = NULL;
        expect(COACH_OK, coach.command(call.engine, commands[i], &reply));
        int valid_tag = strstr(commands[i], "%s%n") != NULL; /* a strange tag, yet a tag */
        if (valid_tag) {
            check(strncmp(reply, "+OK", 3) == 0, "\"%s\" is answered \"%s\"; right: +OK", commands[i], reply);
        } else {
            check(strncmp(reply, "-ERR ", 5) == 0 && strlen(reply) > 15,
                  "\"%.40s\" is answered \"%.80s\"; right: -ERR and a sentence", commands[i], reply);
            char *after = host_state();
            check(strcmp(before, after) == 0, "\"%.40s\" was refused, yet the state went from\n  %s\nto\n  %s", commands[i],
                  before, after);
            coach.string_free(after);
        }
        coach.string_free(reply);
        coach.string_free(before);
    }
    expect(COACH_OK, coach.untag(call.customer));
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, names_a_room_against_the_rules),
        ON(host_mixed, identifies_a_call_against_the_rules),
        ON(host_mixed, tags_against_the_rules),
        cmocka_unit_test_teardown(attaches_with_a_broken_speak_only_to, hang_up),
        ON(host_mixed, asks_for_what_is_not_there),
        ON(host_mixed, gives_commands_that_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
