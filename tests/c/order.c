/* A host that calls in the wrong order: leaves from outside, writes before it reads, goes on after the end. */
#include "host.h"

/* Audible on the room's open side: what coach_read leaves of a frame that the member said. */
static coach_status_t say(coach_member_t member, int16_t *frame)
{
    fill(frame, SAMPLES, LEVEL);
    return coach.read(member, frame, RATE, 1, SAMPLES);
}

static void leaves_from_outside_and_joins_from_inside(void **state)
{
    (void)state;
    coach_room_t other = a_room(call.engine, "other", COACH_MIXER_HOST);
    coach_member_t leg = a_leg(call.engine, "leg", NULL, NULL);
    refused(COACH_ERR_STATE, coach.member_leave(leg));
    expect(COACH_OK, coach.member_join(leg, call.room, 9));
    refused(COACH_ERR_STATE, coach.member_join(leg, call.room, 9));
    refused(COACH_ERR_STATE, coach.member_join(leg, call.room, 10));
    refused(COACH_ERR_STATE, coach.member_join(leg, other, 9));
    expect(COACH_OK, coach.member_leave(leg));
    refused(COACH_ERR_STATE, coach.member_leave(leg));
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

/* Not a mistake at all: a host may say the same thing again. */
static void repeats_every_action(void **state)
{
    (void)state;
    coach_member_t leg = a_member(call.room, 9, "leg", NULL, NULL);
    for (int time = 0; time < 2; time++) {
        expect(COACH_OK, coach.untag(leg));
        expect(COACH_OK, coach.uncoach(leg));
        expect(COACH_OK, coach.member_mute(leg, 0));
        expect(COACH_OK, coach.member_bypass(leg, 0));
    }
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.tag(leg, "night"));
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.coach(leg, "agent"));
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.member_mute(leg, 1));
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.member_deaf(leg, 1));
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.member_hold(leg, 1));
    for (int time = 0; time < 2; time++) expect(COACH_OK, coach.member_bypass(leg, 1));
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

static void ticks_a_room_that_is_not_its_own_to_tick(void **state)
{
    (void)state;
    expect(COACH_ERR_MIXER, coach.room_tick(call.room));
    coach_room_config_t config = {sizeof config, COACH_MIXER_ENGINE, RATE, 1, 20, COACH_CLOCK_ENGINE, NULL, NULL};
    coach_room_t clocked = 0;
    expect(COACH_OK, coach.room_open(call.engine, "clocked", &config, &clocked));
    for (int i = 0; i < 100; i++) expect(COACH_ERR_MIXER, coach.room_tick(clocked));
    expect(COACH_OK, coach.room_close(clocked));
    survived();
}

static void writes_before_it_reads(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    for (int i = 0; i < 100; i++) {
        fill(frame, SAMPLES, 0);
        check(coach.write(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write before any coach_read failed");
        check(is_silence(frame, SAMPLES), "coach_write made sound of nothing");
    }
    survived();
}

static void reads_and_never_writes(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    for (int i = 0; i < 1000; i++) {
        expect(COACH_SILENCED, say(call.manager, frame));
        check(is_silence(frame, SAMPLES), "private speech was left in frame %d; right: silence", i);
    }
    survived();
}

static void ticks_and_never_reads_or_reads_and_never_ticks(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    for (int i = 0; i < 100; i++) expect(COACH_OK, coach.room_tick(call.room));
    for (int i = 0; i < 100; i++) {
        fill(frame, SAMPLES, 0);
        check(coach.read(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_read without a tick failed");
        expect(COACH_SILENCED, say(call.manager, frame));
        fill(frame, SAMPLES, LEVEL);
        check(coach.write(call.customer, frame, RATE, 1, SAMPLES) >= 0, "coach_write without a tick failed");
        check(is_silence(frame, SAMPLES), "the customer hears something while nobody but the manager speaks");
    }
    survived();
}

static void calls_hooks_before_joining_and_after_leaving(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    coach_member_t open = a_leg(call.engine, "open", NULL, NULL);
    coach_member_t private = a_leg(call.engine, "private", NULL, "agent");
    for (int time = 0; time < 2; time++) { /* before, after */
        for (int i = 0; i < 20; i++) {
            expect(COACH_OK, say(open, frame));
            check(is_all(frame, SAMPLES, LEVEL), "an open member outside rooms was changed; right: left as it is");
            fill(frame, SAMPLES, LEVEL);
            expect(COACH_OK, coach.write(open, frame, RATE, 1, SAMPLES));
            check(is_all(frame, SAMPLES, LEVEL), "what a member outside rooms hears was changed; right: left as it is");
            expect(COACH_SILENCED, say(private, frame));
            check(is_silence(frame, SAMPLES), "a private member outside rooms is audible; right: silence");
        }
        if (time == 1) break;
        expect(COACH_OK, coach.member_join(open, call.room, 8));
        expect(COACH_OK, coach.member_join(private, call.room, 9));
        check(say(open, frame) >= 0 && say(private, frame) == COACH_SILENCED, "hooks inside the room failed");
        expect(COACH_OK, coach.member_leave(private));
        expect(COACH_OK, coach.member_leave(open));
    }
    expect(COACH_OK, coach.member_detach(open));
    expect(COACH_OK, coach.member_detach(private));
    for (int i = 0; i < 20; i++) { /* the call goes on without them, and nothing of theirs is in it */
        expect(COACH_SILENCED, say(call.manager, frame));
        fill(frame, SAMPLES, 0);
        coach.write(call.customer, frame, RATE, 1, SAMPLES);
    }
    survived();
}

/* What is queued when the speaker leaves or detaches is nobody's to hear later. */
static void detaches_while_its_speech_is_queued(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    for (int i = 0; i < 3; i++) expect(COACH_SILENCED, say(call.manager, frame));
    expect(COACH_OK, coach.member_detach(call.manager));
    expect(COACH_ERR_HANDLE, say(call.manager, frame));
    check(is_silence(frame, SAMPLES), "coach_read of a detached private member left sound; right: silence");
    fill(frame, SAMPLES, LEVEL);
    expect(COACH_ERR_HANDLE, coach.write(call.manager, frame, RATE, 1, SAMPLES));
    check(is_silence(frame, SAMPLES), "coach_write of a detached member left sound; right: silence");
    call.manager = a_member(call.room, 3, "manager", NULL, "nobody-has-this");
    for (int i = 0; i < 20; i++) { /* the same number and call id inherit nothing */
        fill(frame, SAMPLES, 0);
        check(coach.write(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        check(is_silence(frame, SAMPLES), "the agent hears what was queued when the manager detached");
    }
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    for (int i = 0; i < 12; i++) /* past the opening guard */
        expect(COACH_SILENCED, say(call.manager, frame));
    survived();
}

static void closes_a_room_with_members_inside(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    coach_room_t room = a_room(call.engine, "closing", call.mixer);
    coach_member_t open = a_member(room, 1, "open", "agent", NULL);
    coach_member_t private = a_member(room, 2, "private", NULL, "agent");
    for (int i = 0; i < 3; i++) check(say(private, frame) == COACH_SILENCED, "coach_read failed");
    expect(COACH_OK, coach.room_close(room));
    coach_room_t found = 77;
    refused(COACH_ERR_NO_ROOM, coach.room_find(call.engine, "closing", &found));
    for (int i = 0; i < 20; i++) {
        check(say(private, frame) >= 0, "coach_read failed after the room ended");
        check(is_silence(frame, SAMPLES), "a private member is audible after its room ended; right: silence");
        fill(frame, SAMPLES, 0);
        check(coach.write(open, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed after the room ended");
        check(is_silence(frame, SAMPLES), "a member hears something after its room ended; right: silence");
    }
    refused(COACH_ERR_STATE, coach.member_leave(private));
    expect(COACH_OK, coach.member_detach(open));
    expect(COACH_OK, coach.member_detach(private));
    survived();
}

static void destroys_an_engine_with_members_inside(void **state)
{
    (void)state;
    struct call old = call;
    int16_t frame[SAMPLES];
    for (int i = 0; i < 3; i++) expect(COACH_SILENCED, say(call.manager, frame));
    expect(COACH_OK, coach.engine_destroy(old.engine));
    expect(COACH_ERR_HANDLE, coach.engine_destroy(old.engine));
    expect(COACH_ERR_HANDLE, say(old.manager, frame));
    check(is_silence(frame, SAMPLES), "a hook of a destroyed engine left sound; right: silence");
    expect(COACH_ERR_HANDLE, coach.member_leave(old.manager));
    expect(COACH_ERR_HANDLE, coach.member_detach(old.manager));
    expect(COACH_ERR_HANDLE, coach.room_close(old.room));
    expect(COACH_ERR_HANDLE, coach.room_tick(old.room));
    open_call(old.mixer, NULL, NULL);
    survived();
}

/* Engines of both kinds of service, rooms of every kind, nothing given back one by one. */
static void destroys_many_engines_in_use(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
        config.flags = round % 2 ? COACH_ENGINE_TIME_HOOKS : COACH_ENGINE_HOST_SERVICE;
        coach_engine_t engine = 0;
        expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &config, &engine));
        coach_room_config_t clocked = {sizeof clocked, COACH_MIXER_ENGINE, 48000, 2, 10, COACH_CLOCK_ENGINE, NULL, NULL};
        coach_room_t room = 0;
        expect(COACH_OK, coach.room_open(engine, "clocked", &clocked, &room));
        coach_member_t agent = a_leg(engine, "agent", "agent", NULL), manager = a_leg(engine, "manager", NULL, "agent");
        expect(COACH_OK, coach.member_join(agent, room, 1));
        expect(COACH_OK, coach.member_join(manager, room, 2));
        int16_t frame[SAMPLES];
        for (int i = 0; i < 5; i++) { /* at another rate than the room's, so that conversions are under way */
            expect(COACH_SILENCED, say(manager, frame));
            check(coach.write(agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        }
        expect(COACH_OK, coach.engine_destroy(engine));
    }
    survived();
}

/* A process has so many handles; the call that finds none left says so, and what is given back can be taken again. */
static void takes_handles_until_none_is_left(void **state)
{
    (void)state;
    enum { FAR = 1 << 20 };
    char name[32];
    coach_room_t room = 0, last = 0;
    coach_status_t status = COACH_OK;
    int rooms = 0;
    coach_engine_t other = an_engine(NULL, NULL);
    for (; rooms < FAR; rooms++) {
        snprintf(name, sizeof name, "room-%d", rooms);
        status = coach.room_open(other, name, NULL, &room);
        if (status != COACH_OK) break;
        last = room;
    }
    check(status == COACH_ERR_TOO_MANY, "after %d rooms: %s; right: %s", rooms, coach.status_str(status),
          coach.status_str(COACH_ERR_TOO_MANY));
    check(coach.last_error()[0], "COACH_ERR_TOO_MANY left no message; right: a sentence");
    check(room == last, "a coach_room_open that failed wrote *room");
    expect(COACH_OK, coach.room_close(last));
    expect(COACH_OK, coach.room_open(other, "again", NULL, &room));
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = name;
    coach_member_t member = 0, newest = 0;
    int members = 0;
    for (; members < FAR; members++) {
        snprintf(name, sizeof name, "call-%d", members);
        status = coach.member_attach(other, &config, &member);
        if (status != COACH_OK) break;
        newest = member;
    }
    check(status == COACH_ERR_TOO_MANY, "after %d members: %s; right: %s", members, coach.status_str(status),
          coach.status_str(COACH_ERR_TOO_MANY));
    check(member == newest, "a coach_member_attach that failed wrote *member");
    expect(COACH_OK, coach.member_detach(newest));
    expect(COACH_OK, coach.member_attach(other, &config, &member));
    survived();
    expect(COACH_OK, coach.engine_destroy(other));
    survived();
}

/* The library's code may still be on a thread of its own, or in a hook: it has to stay where it is. */
static void unloads_the_library_while_an_engine_lives(void **state)
{
    (void)state;
    check(dlclose(coach.library) == 0, "dlclose failed");
    void *still = dlopen(coach.path, RTLD_NOW | RTLD_NOLOAD);
    check(still != NULL, "dlclose unmapped the library; right: it stays (link it with -z nodelete)");
    coach.library = still;
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, leaves_from_outside_and_joins_from_inside),
        ON(engine_mixed, leaves_from_outside_and_joins_from_inside),
        ON(host_mixed, repeats_every_action),
        ON(engine_mixed, repeats_every_action),
        ON(host_mixed, ticks_a_room_that_is_not_its_own_to_tick),
        ON(host_mixed, writes_before_it_reads),
        ON(engine_mixed, writes_before_it_reads),
        ON(host_mixed, reads_and_never_writes),
        ON(engine_mixed, reads_and_never_writes),
        ON(engine_mixed, ticks_and_never_reads_or_reads_and_never_ticks),
        ON(host_mixed, calls_hooks_before_joining_and_after_leaving),
        ON(engine_mixed, calls_hooks_before_joining_and_after_leaving),
        ON(host_mixed, detaches_while_its_speech_is_queued),
        ON(engine_mixed, detaches_while_its_speech_is_queued),
        ON(host_mixed, closes_a_room_with_members_inside),
        ON(engine_mixed, closes_a_room_with_members_inside),
        ON(host_mixed, destroys_an_engine_with_members_inside),
        ON(engine_mixed, destroys_an_engine_with_members_inside),
        ON(host_mixed, destroys_many_engines_in_use),
        ON(host_mixed, takes_handles_until_none_is_left),
        ON(host_mixed, unloads_the_library_while_an_engine_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
