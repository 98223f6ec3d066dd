/* A host that gives a wrong version, wrong struct sizes, numbers out of range or in use, null. */
#include "host.h"

static void asks_for_a_version_that_is_not_served(void **state)
{
    (void)state;
    static const uint32_t versions[] = {
        0, 1, 0x0000ffff, COACH_ABI_VERSION + 1, COACH_ABI_VERSION - 0x10000, COACH_ABI_VERSION + 0x10000, 0x7fffffff, 0xffffffff,
    };
    for (size_t i = 0; i < COUNT(versions); i++)
        refused_row(COACH_ERR_VERSION, coach.engine_create(versions[i], NULL, &output), "coach_engine_create(%#x)",
                    versions[i]);
    static const uint32_t before_release[] = {0x00010000, 0x00010001}; /* hosts whose header has the old names */
    for (size_t i = 0; i < COUNT(before_release); i++) {
        refused_row(COACH_ERR_VERSION, coach.engine_create(before_release[i], NULL, &output), "a host of ABI %#x", before_release[i]);
        const char *why = coach.last_error();
        check(strstr(why, "2.0") && strstr(why, "build"), "a host of ABI %#x is told \"%s\"; right: the version and what to do",
              before_release[i], why);
    }
    for (uint32_t minor = 0; minor <= (COACH_ABI_VERSION & 0xffff); minor++) { /* hosts of an older header too */
        expect(COACH_OK, coach.engine_create((coach.abi_version() & 0xffff0000) + minor, NULL, &output));
        expect(COACH_OK, coach.engine_destroy(output));
    }
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

/* A frame whose media time cannot be one is silenced, and its member stays private. */
static void gives_a_media_time_that_is_none(void **state)
{
    (void)state;
    enum { TIME = sizeof(coach_media_time_t) };
    static const struct {
        const char *what;
        coach_media_time_t time;
        coach_status_t right;
    } rows[] = {
        {"size 0", {0, 0, 1, 8000, 0}, COACH_ERR_SIZE},
        {"a byte more", {TIME + 1, 0, 1, 8000, 0}, COACH_ERR_SIZE},
        {"size 2^32 - 1", {UINT32_MAX, 0, 1, 8000, 0}, COACH_ERR_SIZE},
        {"an unknown flag", {TIME, 2, 1, 8000, 0}, COACH_ERR_VALUE},
        {"a reserved field in use", {TIME, 0, 1, 8000, 1}, COACH_ERR_VALUE},
        {"a stamp of no rate", {TIME, 0, 1, 0, 0}, COACH_ERR_VALUE},
        {"no stamp and no rate", {TIME, 0, 0, 0, 0}, COACH_SILENCED},
        {"the last stamp there is", {TIME, 0, UINT64_MAX, 1, 0}, COACH_SILENCED},
        {"the rate of a nanosecond", {TIME, 0, UINT64_MAX, 1000000000, 0}, COACH_SILENCED},
        {"the highest rate", {TIME, 0, UINT64_MAX, UINT32_MAX, 0}, COACH_SILENCED},
        {"a filler with a stamp", {TIME, COACH_MEDIA_FILLER, UINT64_MAX, 0, 0}, COACH_SILENCED},
    };
    int16_t frame[SAMPLES];
    for (size_t i = 0; i < COUNT(rows); i++) {
        fill(frame, SAMPLES, LEVEL);
        coach_status_t status = coach.read_at(call.manager, frame, RATE, 1, SAMPLES, &rows[i].time);
        check(status == rows[i].right, "a media time with %s: %s; right: %s", rows[i].what, coach.status_str(status),
              coach.status_str(rows[i].right));
        check(is_silence(frame, SAMPLES), "a media time with %s: sound was left; right: silence", rows[i].what);
    }
    expect(COACH_ERR_NULL, coach.read_at(call.manager, NULL, RATE, 1, SAMPLES, &rows[0].time));
    fill(frame, SAMPLES, LEVEL);
    expect(COACH_SILENCED, coach.read_at(call.manager, frame, RATE, 1, SAMPLES, NULL));
    survived();
}

static void gives_a_clock_to_an_engine(void **state)
{
    (void)state;
    refused(COACH_ERR_VALUE, coach.engine_clock(call.engine, UINT64_C(1) << 63));
    refused(COACH_ERR_VALUE, coach.engine_clock(call.engine, UINT64_MAX));
    expect(COACH_OK, coach.engine_clock(call.engine, 0));
    coach_engine_t other = 0;
    expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, NULL, &other));
    refused(COACH_ERR_CLOCK, coach.engine_clock(other, 1));
    expect(COACH_OK, coach.engine_destroy(other));
    survived();
}

static void configures_an_engine_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t flags, guard_ms, reserved;
    } rows[] = {
        {"an unknown flag", 0x10, 200, 0},
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
    enum { HOST = COACH_MIXER_HOST, ENGINE = COACH_MIXER_ENGINE };
    static const struct {
        const char *what;
        uint32_t mixer, rate, channels, tick_ms, clock;
    } rows[] = {
        {"no mixer", 0, 0, 0, 0, 0},
        {"an unknown mixer", 3, 8000, 1, 20, 0},
        {"a host's mixer and a rate", HOST, 8000, 0, 0, 0},
        {"a host's mix of three channels", HOST, 0, 3, 0, 0},
        {"a host's mixer and a tick", HOST, 0, 0, 20, 0},
        {"a host's mixer and the engine's clock", HOST, 0, 0, 0, COACH_CLOCK_ENGINE},
        {"no rate", ENGINE, 0, 1, 20, 0},
        {"7,999 Hz", ENGINE, 7999, 1, 20, 0},
        {"11,000 Hz", ENGINE, 11000, 1, 20, 0},
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
            sizeof config, rows[i].mixer, rows[i].rate, rows[i].channels, rows[i].tick_ms, rows[i].clock, NULL, NULL,
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
        refused(COACH_ERR_VALUE, coach.member_bypass(call.manager, values[i]));
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
    coach.string_free(NULL);
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
        const char *text = coach.status_str(unknown[i]);
        check(text && text[0], "coach_status_str(%d) is empty; right: a sentence", (int)unknown[i]);
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
        ON(host_mixed, gives_a_media_time_that_is_none),
        ON(engine_mixed, gives_a_media_time_that_is_none),
        ON(host_mixed, gives_a_clock_to_an_engine),
        ON(host_mixed, configures_a_room_out_of_range),
        ON(host_mixed, sets_a_switch_to_neither_on_nor_off),
        ON(host_mixed, gives_null_where_something_must_be),
        ON(host_mixed, uses_a_number_or_call_id_twice),
        ON(host_mixed, asks_what_an_unknown_status_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
