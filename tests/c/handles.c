/* A host that gives null, stale, forged, doubled handles, and handles of another kind: to every function that takes one. */
#include "host.h"

enum kind { ENGINE, ROOM, MEMBER };

/* Set by a wrapper below that finds its output written, or a hook's frame with sound left in it. */
static const char *spoilt;

static coach_status_t engine_destroy(uint64_t handle) { return coach.engine_destroy(handle); }
static coach_status_t engine_service(uint64_t handle) { return coach.engine_service(handle); }
static coach_status_t engine_clock(uint64_t handle) { return coach.engine_clock(handle, 0); }
static coach_status_t engine_stats(uint64_t handle)
{
    coach_stats_t stats = COACH_STATS_INIT;
    stats.members = 77;
    coach_status_t status = coach.engine_stats(handle, &stats);
    if (stats.members != 77) spoilt = "*stats was written";
    return status;
}
static coach_status_t room_open(uint64_t handle)
{
    coach_room_t room = 77;
    coach_status_t status = coach.room_open(handle, "another", NULL, &room);
    if (room != 77) spoilt = "*room was written";
    return status;
}
static coach_status_t room_find(uint64_t handle)
{
    coach_room_t room = 77;
    coach_status_t status = coach.room_find(handle, "support", &room);
    if (room != 77) spoilt = "*room was written";
    return status;
}
static coach_status_t member_attach(uint64_t handle)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "another";
    coach_member_t member = 77;
    coach_status_t status = coach.member_attach(handle, &config, &member);
    if (member != 77) spoilt = "*member was written";
    return status;
}
static coach_status_t command(uint64_t handle)
{
    char *reply = (char *)&spoilt;
    coach_status_t status = coach.command(handle, "untag support 2", &reply);
    if (reply != (char *)&spoilt) spoilt = "*reply was written";
    return status;
}
static void never(void *user, const coach_member_info_t *info, const coach_member_texts_t *texts)
{
    (void)user, (void)info, (void)texts;
    spoilt = "somebody was listed";
}
static coach_status_t members(uint64_t handle) { return coach.members(handle, NULL, never, NULL); }
static coach_status_t member_info(uint64_t handle)
{
    coach_member_info_t info = COACH_MEMBER_INFO_INIT;
    info.number = 77;
    coach_status_t status = coach.member_info(handle, &info);
    if (info.number != 77) spoilt = "*info was written";
    return status;
}
static coach_status_t member_command(uint64_t handle)
{
    char *reply = (char *)&spoilt;
    coach_status_t status = coach.member_command(handle, "untag", &reply);
    if (reply != (char *)&spoilt) spoilt = "*reply was written";
    return status;
}
static coach_status_t state_json(uint64_t handle)
{
    char *json = (char *)&spoilt;
    coach_status_t status = coach.state_json(handle, NULL, &json);
    if (json != (char *)&spoilt) spoilt = "*json was written";
    return status;
}
static coach_status_t room_close(uint64_t handle) { return coach.room_close(handle); }
static coach_status_t room_tick(uint64_t handle) { return coach.room_tick(handle); }
static coach_status_t join_room(uint64_t handle)
{
    coach_member_t member = a_leg(call.engine, "outside", NULL, NULL);
    coach_status_t status = coach.member_join(member, handle, 9);
    if (status < 0 && !coach.last_error()[0]) spoilt = "left no message";
    expect(COACH_OK, coach.member_detach(member));
    return status;
}
static coach_status_t member_join(uint64_t handle) { return coach.member_join(handle, call.room, 9); }
static coach_status_t member_leave(uint64_t handle) { return coach.member_leave(handle); }
static coach_status_t member_detach(uint64_t handle) { return coach.member_detach(handle); }
static coach_status_t member_bypass(uint64_t handle) { return coach.member_bypass(handle, 1); }
static coach_status_t member_mute(uint64_t handle) { return coach.member_mute(handle, 1); }
static coach_status_t member_deaf(uint64_t handle) { return coach.member_deaf(handle, 1); }
static coach_status_t member_hold(uint64_t handle) { return coach.member_hold(handle, 1); }
static coach_status_t member_transferred(uint64_t handle) { return coach.member_transferred(handle); }
static coach_status_t tag(uint64_t handle) { return coach.tag(handle, "agent"); }
static coach_status_t untag(uint64_t handle) { return coach.untag(handle); }
static coach_status_t coach_to(uint64_t handle) { return coach.coach(handle, "agent"); }
static coach_status_t uncoach(uint64_t handle) { return coach.uncoach(handle); }
static coach_status_t read_frame(uint64_t handle)
{
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, LEVEL);
    coach_status_t status = coach.read(handle, frame, RATE, 1, SAMPLES);
    if (!is_silence(frame, SAMPLES)) spoilt = "the frame is not silence";
    return status;
}
static coach_status_t read_frame_at(uint64_t handle)
{
    int16_t frame[SAMPLES];
    coach_media_time_t time = COACH_MEDIA_TIME_INIT;
    time.stamp = 1;
    time.clock_rate = RATE;
    fill(frame, SAMPLES, LEVEL);
    coach_status_t status = coach.read_at(handle, frame, RATE, 1, SAMPLES, &time);
    if (!is_silence(frame, SAMPLES)) spoilt = "the frame is not silence";
    return status;
}
static coach_status_t write_frame(uint64_t handle)
{
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, LEVEL);
    coach_status_t status = coach.write(handle, frame, RATE, 1, SAMPLES);
    if (!is_silence(frame, SAMPLES)) spoilt = "the frame is not silence";
    return status;
}

static const struct taker {
    const char *name;
    enum kind kind;
    coach_status_t (*call)(uint64_t handle);
    int silent; /* no message of this call to look at */
} takers[] = {
    {"coach_engine_destroy", ENGINE, engine_destroy, 0},
    {"coach_engine_service", ENGINE, engine_service, 0},
    {"coach_engine_clock", ENGINE, engine_clock, 0},
    {"coach_engine_stats", ENGINE, engine_stats, 0},
    {"coach_room_open", ENGINE, room_open, 0},
    {"coach_room_find", ENGINE, room_find, 0},
    {"coach_member_attach", ENGINE, member_attach, 0},
    {"coach_command", ENGINE, command, 0},
    {"coach_state_json", ENGINE, state_json, 0},
    {"coach_members", ENGINE, members, 0},
    {"coach_room_close", ROOM, room_close, 0},
    {"coach_room_tick", ROOM, room_tick, 1},
    {"coach_member_join(, room)", ROOM, join_room, 1},
    {"coach_member_join(member, )", MEMBER, member_join, 0},
    {"coach_member_leave", MEMBER, member_leave, 0},
    {"coach_member_detach", MEMBER, member_detach, 0},
    {"coach_member_bypass", MEMBER, member_bypass, 0},
    {"coach_member_mute", MEMBER, member_mute, 0},
    {"coach_member_deaf", MEMBER, member_deaf, 0},
    {"coach_member_hold", MEMBER, member_hold, 0},
    {"coach_member_transferred", MEMBER, member_transferred, 0},
    {"coach_member_info", MEMBER, member_info, 0},
    {"coach_member_command", MEMBER, member_command, 0},
    {"coach_tag", MEMBER, tag, 0},
    {"coach_untag", MEMBER, untag, 0},
    {"coach_coach", MEMBER, coach_to, 0},
    {"coach_uncoach", MEMBER, uncoach, 0},
    {"coach_read", MEMBER, read_frame, 1},
    {"coach_read_at", MEMBER, read_frame_at, 1},
    {"coach_write", MEMBER, write_frame, 1},
};
enum { TAKERS = sizeof takers / sizeof *takers };

static void refuse(const struct taker *taker, uint64_t handle, const char *which)
{
    struct before before = host_before();
    spoilt = NULL;
    coach_status_t status = taker->call(handle);
    char what[128];
    snprintf(what, sizeof what, "%s with %s, %#018llx,", taker->name, which, (unsigned long long)handle);
    if (taker->silent) {
        char *state = host_state();
        check(strcmp(state, before.state) == 0, "%s changed the state to\n  %s", what, state);
        coach.string_free(state);
        coach.string_free(before.state);
        host_expect(status, COACH_ERR_HANDLE, what, __FILE__, __LINE__);
    } else {
        host_refused(&before, COACH_ERR_HANDLE, status, what, __FILE__, __LINE__);
    }
    check(!spoilt, "%s failed, but %s", what, spoilt);
}

static uint64_t live(enum kind kind)
{
    return kind == ENGINE ? call.engine : kind == ROOM ? call.room : call.manager;
}

static void gives_null(void **state)
{
    (void)state;
    for (int i = 0; i < TAKERS; i++) refuse(&takers[i], 0, "a null handle");
    survived();
}

static void gives_a_handle_of_another_kind(void **state)
{
    (void)state;
    for (int i = 0; i < TAKERS; i++)
        for (enum kind kind = ENGINE; kind <= MEMBER; kind++)
            if (kind != takers[i].kind) refuse(&takers[i], live(kind), "a handle of another kind");
    survived();
}

static void flips_one_bit_of_a_handle(void **state)
{
    (void)state;
    for (int i = 0; i < TAKERS; i++)
        for (int bit = 0; bit < 64; bit++)
            refuse(&takers[i], live(takers[i].kind) ^ UINT64_C(1) << bit, "a handle with one bit flipped");
    survived();
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void makes_handles_up(void **state)
{
    (void)state;
    uint64_t seed = 0x436f616368;
    struct before before = host_before();
    for (int i = 0; i < TAKERS; i++)
        for (int round = 0; round < 2000; round++) {
            /* Half of them small, as a host's own counters and a table's first slots are. */
            uint64_t handle = next_random(&seed) >> (round % 2 ? 0 : next_random(&seed) % 64);
            spoilt = NULL;
            coach_status_t status = takers[i].call(handle);
            check(status == COACH_ERR_HANDLE, "%s took the made-up handle %#018llx: %s", takers[i].name,
                  (unsigned long long)handle, coach.status_str(status));
            check(!spoilt, "%s refused a made-up handle, but %s", takers[i].name, spoilt);
        }
    char *after = host_state();
    check(strcmp(before.state, after) == 0, "made-up handles changed the state to\n  %s", after);
    coach.string_free(after);
    coach.string_free(before.state);
    survived();
}

static void goes_on_with_handles_of_a_destroyed_engine(void **state)
{
    (void)state;
    uint64_t stale[] = {call.engine, call.room, call.manager};
    expect(COACH_OK, coach.engine_destroy(call.engine));
    /* A new call, which may well sit in the old one's slots. */
    open_call(COACH_MIXER_HOST, NULL, NULL);
    for (int i = 0; i < TAKERS; i++) refuse(&takers[i], stale[takers[i].kind], "a stale handle");
    survived();
}

static void goes_on_with_handles_of_a_closed_room_and_a_detached_member(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "short", COACH_MIXER_HOST);
    coach_member_t member = a_member(room, 1, "short", NULL, "agent");
    expect(COACH_OK, coach.member_detach(member));
    expect(COACH_OK, coach.room_close(room));
    uint64_t stale[] = {0, room, member};
    for (int i = 0; i < TAKERS; i++)
        if (takers[i].kind != ENGINE) refuse(&takers[i], stale[takers[i].kind], "a stale handle");
    survived();
}

static void ends_everything_twice(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "twice", COACH_MIXER_HOST);
    coach_member_t member = a_member(room, 1, "twice", NULL, NULL);
    expect(COACH_OK, coach.member_detach(member));
    refused(COACH_ERR_HANDLE, coach.member_detach(member));
    expect(COACH_OK, coach.room_close(room));
    refused(COACH_ERR_HANDLE, coach.room_close(room));
    coach_engine_t other = an_engine(NULL, NULL);
    expect(COACH_OK, coach.engine_destroy(other));
    refused(COACH_ERR_HANDLE, coach.engine_destroy(other));
    survived();
}

/* Slots come back; handles never do. */
static void keeps_a_handle_while_its_slot_is_used_a_thousand_times(void **state)
{
    (void)state;
    enum { TIMES = 1000 };
    static coach_member_t old[TIMES];
    for (int i = 0; i < TIMES; i++) {
        old[i] = a_leg(call.engine, "again", NULL, "agent");
        for (int j = 0; j < i; j++) check(old[j] != old[i], "attach %d gave out the handle of attach %d again", i, j);
        expect(COACH_OK, coach.member_detach(old[i]));
    }
    coach_member_t now = a_leg(call.engine, "again", NULL, "agent");
    for (int i = 0; i < TIMES; i++) {
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        expect(COACH_ERR_HANDLE, coach.read(old[i], frame, RATE, 1, SAMPLES));
        check(is_silence(frame, SAMPLES), "a hook with a stale handle left sound; right: silence");
        expect(COACH_ERR_HANDLE, coach.tag(old[i], "agent"));
    }
    expect(COACH_OK, coach.member_detach(now));
    survived();
}

/* Two engines are two worlds: neither's members enter the other's rooms. */
static void joins_a_room_of_another_engine(void **state)
{
    (void)state;
    coach_engine_t other = an_engine(NULL, NULL);
    coach_room_t room = a_room(other, "support", COACH_MIXER_HOST);
    coach_member_t leg = a_leg(call.engine, "stray", NULL, "agent");
    refused(COACH_ERR_HANDLE, coach.member_join(leg, room, 9));
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, LEVEL);
    expect(COACH_SILENCED, coach.read(leg, frame, RATE, 1, SAMPLES));
    check(is_silence(frame, SAMPLES), "a private member outside rooms was left audible; right: silence");
    expect(COACH_OK, coach.engine_destroy(other));
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, gives_null),
        ON(host_mixed, gives_a_handle_of_another_kind),
        ON(host_mixed, flips_one_bit_of_a_handle),
        ON(host_mixed, makes_handles_up),
        ON(host_mixed, goes_on_with_handles_of_a_destroyed_engine),
        ON(host_mixed, goes_on_with_handles_of_a_closed_room_and_a_detached_member),
        ON(host_mixed, ends_everything_twice),
        ON(host_mixed, keeps_a_handle_while_its_slot_is_used_a_thousand_times),
        ON(host_mixed, joins_a_room_of_another_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
