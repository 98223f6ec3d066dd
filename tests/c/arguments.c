/* A host that gives a wrong version, wrong struct sizes, numbers out of range, texts that break the rules, names in use, null. */
#include "host.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* What an output holds before a call that must not write it. */
#define UNWRITTEN UINT64_C(0x5a5a5a5a5a5a5a5a)
static uint64_t output;

/* Like `refused`, for a row of a table; `output` must stay as it was. */
#define refused_row(right, what, ...)                                                                                  \
    do {                                                                                                               \
        char row_[192];                                                                                                \
        snprintf(row_, sizeof row_, __VA_ARGS__);                                                                      \
        struct before before_ = host_before();                                                                         \
        output = UNWRITTEN;                                                                                            \
        coach_status_t got_ = (what);                                                                                  \
        host_refused(&before_, (right), got_, row_, __FILE__, __LINE__);                                               \
        check(output == UNWRITTEN, "%s failed, yet wrote its output", row_);                                           \
    } while (0)

static void asks_for_a_version_that_is_not_served(void **state)
{
    (void)state;
    static const uint32_t versions[] = {
        0, 1, 0x0000ffff, COACH_ABI_VERSION + 1, COACH_ABI_VERSION - 1, COACH_ABI_VERSION + 0x10000, 0x7fffffff, 0xffffffff,
    };
    for (size_t i = 0; i < COUNT(versions); i++)
        refused_row(COACH_ERR_VERSION, coach.engine_create(versions[i], NULL, &output), "coach_engine_create(%#x)",
                    versions[i]);
    expect(COACH_OK, coach.engine_create(coach.abi_version(), NULL, &output));
    expect(COACH_OK, coach.engine_destroy(output));
    survived();
}

static void sets_a_wrong_struct_size(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
#define WRONG(type) ((const uint32_t[]){0, 1, sizeof(type) - 1, sizeof(type) + 1, sizeof(type) + 8, UINT32_MAX})[i]
        coach_engine_config_t engine = COACH_ENGINE_CONFIG_INIT;
        engine.size = WRONG(coach_engine_config_t);
        refused_row(COACH_ERR_SIZE, coach.engine_create(COACH_ABI_VERSION, &engine, &output),
                    "coach_engine_create with size %u", engine.size);
        coach_room_config_t room = COACH_ROOM_CONFIG_INIT;
        room.size = WRONG(coach_room_config_t);
        refused_row(COACH_ERR_SIZE, coach.room_open(call.engine, "new", &room, &output), "coach_room_open with size %u",
                    room.size);
        coach_member_config_t member = COACH_MEMBER_CONFIG_INIT;
        member.call_id = "new";
        member.size = WRONG(coach_member_config_t);
        refused_row(COACH_ERR_SIZE, coach.member_attach(call.engine, &member, &output),
                    "coach_member_attach with size %u", member.size);
        coach_stats_t stats = COACH_STATS_INIT, before;
        stats.size = WRONG(coach_stats_t);
        before = stats;
        refused_row(COACH_ERR_SIZE, coach.engine_stats(call.engine, &stats), "coach_engine_stats with size %u",
                    stats.size);
        check(memcmp(&stats, &before, sizeof stats) == 0, "coach_engine_stats failed, yet wrote *stats");
    }
    survived();
}

static void configures_an_engine_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t flags, guard_ms, reserved;
    } rows[] = {
        {"an unknown flag", 0x4, 200, 0},
        {"every flag", 0xffffffff, 200, 0},
        {"a guard of 1,001 ms", 0, COACH_MAX_GUARD_MS + 1, 0},
        {"a guard of 2^32 - 1 ms", 0, 0xffffffff, 0},
        {"a reserved field in use", 0, 200, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
        config.flags = rows[i].flags;
        config.guard_ms = rows[i].guard_ms;
        config.reserved = rows[i].reserved;
        refused_row(COACH_ERR_VALUE, coach.engine_create(COACH_ABI_VERSION, &config, &output), "an engine with %s",
                    rows[i].what);
    }
    survived();
}

static void configures_a_room_out_of_range(void **state)
{
    (void)state;
    enum { HOST = COACH_CARRIER_HOST, ENGINE = COACH_CARRIER_ENGINE };
    static const struct {
        const char *what;
        uint32_t carrier, rate, channels, tick_ms, clock;
    } rows[] = {
        {"no carrier", 0, 0, 0, 0, 0},
        {"an unknown carrier", 3, 8000, 1, 20, 0},
        {"a host's mixer and a rate", HOST, 8000, 0, 0, 0},
        {"a host's mixer and channels", HOST, 0, 1, 0, 0},
        {"a host's mixer and a tick", HOST, 0, 0, 20, 0},
        {"a host's mixer and the engine's clock", HOST, 0, 0, 0, COACH_CLOCK_ENGINE},
        {"no rate", ENGINE, 0, 1, 20, 0},
        {"7,999 Hz", ENGINE, 7999, 1, 20, 0},
        {"11,025 Hz", ENGINE, 11025, 1, 20, 0},
        {"96,000 Hz", ENGINE, 96000, 1, 20, 0},
        {"2^32 - 1 Hz", ENGINE, 0xffffffff, 1, 20, 0},
        {"no channel", ENGINE, 8000, 0, 20, 0},
        {"three channels", ENGINE, 8000, 3, 20, 0},
        {"65,535 channels", ENGINE, 8000, 0xffff, 20, 0},
        {"no tick", ENGINE, 8000, 1, 0, 0},
        {"a tick of 5 ms", ENGINE, 8000, 1, 5, 0},
        {"a tick of 15 ms", ENGINE, 8000, 1, 15, 0},
        {"a tick of 70 ms", ENGINE, 8000, 1, 70, 0},
        {"a tick of 2^32 - 1 ms", ENGINE, 8000, 1, 0xffffffff, 0},
        {"an unknown clock", ENGINE, 8000, 1, 20, 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        coach_room_config_t config = {
            sizeof config, rows[i].carrier, rows[i].rate, rows[i].channels, rows[i].tick_ms, rows[i].clock,
        };
        refused_row(COACH_ERR_VALUE, coach.room_open(call.engine, "new", &config, &output), "a room with %s",
                    rows[i].what);
    }
    survived();
}

static void sets_a_switch_to_neither_on_nor_off(void **state)
{
    (void)state;
    static const int32_t values[] = {2, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(values); i++) {
        refused(COACH_ERR_VALUE, coach.member_mute(call.manager, values[i]));
        refused(COACH_ERR_VALUE, coach.member_deaf(call.manager, values[i]));
        refused(COACH_ERR_VALUE, coach.member_hold(call.manager, values[i]));
        refused(COACH_ERR_VALUE, coach.member_pass(call.manager, values[i]));
    }
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "new";
    for (int bit = 4; bit < 32; bit++) {
        config.flags = 1u << bit;
        refused_row(COACH_ERR_VALUE, coach.member_attach(call.engine, &config, &output), "an unknown member flag, 1 << %d",
                    bit);
    }
    survived();
}

/* ------------------------------------------------------------------------------------------------- texts ---- */

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
    open_call(COACH_CARRIER_HOST, count_warnings, NULL);
    for (size_t i = 0; i <= COUNT(bad_tags); i++) {
        const char *tags = i < COUNT(bad_tags) ? bad_tags[i].tags : "";
        warnings = 0;
        coach_member_t member = a_member(call.room, 9, "new", NULL, tags);
        check(warnings > 0, "speak_only_to \"%s\" raised no COACH_EVENT_WARNING", tags);
        char *json = NULL;
        expect(COACH_OK, coach.state_json(call.engine, "support", &json));
        check(strstr(json, "\"speak_only_to\":[]"), "speak_only_to \"%s\" is not private to nobody, but\n  %s", tags, json);
        coach.text_free(json);
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        expect(COACH_TAKEN, coach.read(member, frame, RATE, 1, SAMPLES));
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
            check(strncmp(reply, "-ERR ", 5) == 0 && strlen(reply) > 15, "\"%.40s\" is answered \"%.80s\"; right: -ERR and a sentence",
                  commands[i], reply);
            char *after = host_state();
            check(strcmp(before, after) == 0, "\"%.40s\" was refused, yet the state went from\n  %s\nto\n  %s", commands[i],
                  before, after);
            coach.text_free(after);
        }
        coach.text_free(reply);
        coach.text_free(before);
    }
    expect(COACH_OK, coach.untag(call.customer));
    survived();
}

static void gives_null_where_something_must_be(void **state)
{
    (void)state;
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    char *text = NULL;
    int16_t *no_frame = NULL;
    refused(COACH_ERR_NULL, coach.engine_create(COACH_ABI_VERSION, NULL, NULL));
    refused(COACH_ERR_NULL, coach.engine_stats(call.engine, NULL));
    refused(COACH_ERR_NULL, coach.room_open(call.engine, "new", NULL, NULL));
    refused_row(COACH_ERR_NULL, coach.room_open(call.engine, NULL, NULL, &output), "a room with no name");
    refused(COACH_ERR_NULL, coach.room_find(call.engine, "support", NULL));
    refused_row(COACH_ERR_NULL, coach.room_find(call.engine, NULL, &output), "finding a room with no name");
    refused_row(COACH_ERR_NULL, coach.member_attach(call.engine, NULL, &output), "a member with no configuration");
    refused_row(COACH_ERR_NULL, coach.member_attach(call.engine, &config, &output), "a member with no call id");
    config.call_id = "new";
    refused(COACH_ERR_NULL, coach.member_attach(call.engine, &config, NULL));
    refused(COACH_ERR_NULL, coach.tag(call.agent, NULL));
    refused(COACH_ERR_NULL, coach.coach(call.agent, NULL));
    refused(COACH_ERR_NULL, coach.command(call.engine, NULL, &text));
    refused(COACH_ERR_NULL, coach.command(call.engine, "version", NULL));
    refused(COACH_ERR_NULL, coach.state_json(call.engine, NULL, NULL));
    check(!text, "a call failed, yet wrote its output");
    expect(COACH_ERR_NULL, coach.read(call.manager, no_frame, RATE, 1, SAMPLES));
    expect(COACH_ERR_NULL, coach.write(call.agent, no_frame, RATE, 1, SAMPLES));
    coach.text_free(NULL);
    survived();
}

static void uses_a_number_or_call_id_twice(void **state)
{
    (void)state;
    coach_member_t leg = a_leg(call.engine, "late", NULL, NULL);
    refused(COACH_ERR_NUMBER_IN_USE, coach.member_join(leg, call.room, 2));
    expect(COACH_OK, coach.member_join(leg, call.room, UINT32_MAX));
    expect(COACH_OK, coach.member_leave(leg));
    expect(COACH_OK, coach.member_join(leg, call.room, 0));
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

static void asks_what_an_unknown_status_means(void **state)
{
    (void)state;
    static const coach_status_t unknown[] = {3, 1000, -22, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        const char *text = coach.status_text(unknown[i]);
        check(text && text[0], "coach_status_text(%d) is empty; right: a sentence", (int)unknown[i]);
    }
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, asks_for_a_version_that_is_not_served),
        ON(host_mixed, sets_a_wrong_struct_size),
        ON(host_mixed, configures_an_engine_out_of_range),
        ON(host_mixed, configures_a_room_out_of_range),
        ON(host_mixed, sets_a_switch_to_neither_on_nor_off),
        ON(host_mixed, names_a_room_against_the_rules),
        ON(host_mixed, identifies_a_call_against_the_rules),
        ON(host_mixed, tags_against_the_rules),
        cmocka_unit_test_teardown(attaches_with_a_broken_speak_only_to, hang_up),
        ON(host_mixed, asks_for_what_is_not_there),
        ON(host_mixed, gives_commands_that_mean_nothing),
        ON(host_mixed, gives_null_where_something_must_be),
        ON(host_mixed, uses_a_number_or_call_id_twice),
        ON(host_mixed, asks_what_an_unknown_status_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
