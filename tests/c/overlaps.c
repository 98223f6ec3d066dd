/* A host that calls a hook while the same hook of that member is running, or ends things around a hook that is running. */
#include "stall.h"

static coach_status_t say(coach_member_t member, int16_t value, int16_t *frame)
{
    fill(frame, SAMPLES, value);
    return coach.read(member, frame, RATE, 1, SAMPLES);
}

/* One 20 ms: the manager says `value`; the room is ticked; nobody writes yet. */
static void whisper(int16_t value)
{
    int16_t frame[SAMPLES];
    expect(COACH_SILENCED, say(call.manager, value, frame));
    if (call.mixer == COACH_MIXER_ENGINE) {
        check(say(call.agent, 0, frame) >= 0, "coach_read of the agent failed");
        check(say(call.customer, 0, frame) >= 0, "coach_read of the customer failed");
        expect(COACH_OK, coach.room_tick(call.room));
    }
}

/* The agent's write hook has something to deliver from the next call on. */
static void whisper_until_it_is_heard(void)
{
    int16_t frame[SAMPLES];
    for (int i = 0; i < 4; i++) {
        whisper(LEVEL);
        fill(frame, SAMPLES, 0);
        expect(COACH_CHANGED, coach.write(call.agent, frame, RATE, 1, SAMPLES));
    }
    whisper(LEVEL);
}

static void second(hook hook, coach_member_t member, const char *what)
{
    int16_t frame[SAMPLES];
    for (int i = 0; i < 100; i++) {
        fill(frame, SAMPLES, LEVEL);
        coach_status_t status = hook(member, frame, RATE, 1, SAMPLES);
        check(status == COACH_ERR_OVERLAP, "the second %s of a member: %s; right: %s", what, coach.status_str(status),
              coach.status_str(COACH_ERR_OVERLAP));
        check(is_silence(frame, SAMPLES), "the second %s of a member left sound; right: silence", what);
    }
}

static void reads_twice_at_once(void **state)
{
    (void)state;
    stall_begin(coach.read, call.manager, LEVEL);
    second(coach.read, call.manager, "coach_read");
    expect(COACH_SILENCED, stall_finish());
    check(is_silence(stall.frame, SAMPLES), "the first coach_read left private speech; right: silence");
    stall_end();
    survived();
}

static void writes_twice_at_once(void **state)
{
    (void)state;
    whisper_until_it_is_heard();
    stall_begin(coach.write, call.agent, 0);
    second(coach.write, call.agent, "coach_write");
    expect(COACH_CHANGED, stall_finish());
    check(is_all(stall.frame, SAMPLES, LEVEL), "the first coach_write lost speech to the second; right: %d, all of it",
          LEVEL);
    stall_end();
    survived();
}

/* Allowed: the two hooks of a member on two threads, and every other member's. */
static void reads_and_writes_at_once(void **state)
{
    (void)state;
    int16_t frame[SAMPLES];
    stall_begin(coach.read, call.manager, LEVEL);
    for (int i = 0; i < 100; i++) {
        fill(frame, SAMPLES, 0);
        check(coach.write(call.manager, frame, RATE, 1, SAMPLES) >= 0, "a write beside a read of that member failed");
        check(say(call.agent, 0, frame) >= 0, "another member's coach_read failed beside a read that is stuck");
        check(coach.write(call.customer, frame, RATE, 1, SAMPLES) >= 0, "another member's coach_write failed beside it");
        if (call.mixer == COACH_MIXER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
    }
    expect(COACH_SILENCED, stall_finish());
    stall_end();
    survived();
}

/* A tick touches no memory of the host's, so it cannot be stalled: two threads try until they meet. */
static int stop;
static long met;
static void *ticks(void *room)
{
    for (long i = 0; i < 100000 && !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
        coach_status_t status = coach.room_tick(*(coach_room_t *)room);
        if (status == COACH_OK) continue;
        if (status == COACH_ERR_OVERLAP) __atomic_fetch_add(&met, 1, __ATOMIC_RELAXED);
        else print_error("coach_room_tick: %s; right: done, or overlap\n", coach.status_str(status));
        __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}
static void ticks_twice_at_once(void **state)
{
    (void)state;
    coach_room_config_t config = {sizeof config, COACH_MIXER_ENGINE, 48000, 2, 60, COACH_CLOCK_HOST, NULL, NULL};
    coach_room_t room = 0;
    expect(COACH_OK, coach.room_open(call.engine, "large", &config, &room));
    for (uint32_t i = 0; i < 100; i++) { /* so that a tick takes long */
        char call_id[16];
        snprintf(call_id, sizeof call_id, "leg-%u", i);
        a_member(room, i, call_id, NULL, NULL);
    }
    stop = 0, met = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, ticks, &room);
    ticks(&room);
    pthread_join(thread, NULL);
    check(met > 0, "two threads ticked one room and never got COACH_ERR_OVERLAP");
    expect(COACH_OK, coach.room_tick(room));
    expect(COACH_OK, coach.room_close(room));
    survived();
}

/* --------------------------------------------------------------------------------- around a hook inside ---- */

/* What a control plane does to a member in a long call; the engine also frees what no hook can use any more. */
static void churn(coach_member_t member)
{
    for (int i = 0; i < 20; i++) {
        coach.tag(member, i % 2 ? "agent" : "night");
        coach.coach(call.manager, i % 2 ? "agent" : "-");
        coach.member_mute(member, (i + 1) % 2);
        coach.member_deaf(member, (i + 1) % 2);
        coach.member_hold(member, (i + 1) % 2);
        expect(COACH_OK, coach.tag(call.customer, i % 2 ? "guest" : "visitor"));
        expect(COACH_OK, serve(call.engine));
    }
}

static void leaves_and_detaches_while_a_read_is_running(void **state)
{
    (void)state;
    stall_begin(coach.read, call.manager, LEVEL);
    churn(call.agent);
    expect(COACH_OK, coach.member_leave(call.manager));
    churn(call.agent);
    expect(COACH_OK, coach.member_detach(call.manager));
    coach_member_t again = a_member(call.room, 3, "manager", NULL, "agent"); /* may well get the old one's slot */
    churn(call.agent);
    coach_status_t status = stall_finish();
    check(status == COACH_SILENCED || status < 0, "a read around which its member was detached: %s; right: taken, or an error",
          coach.status_str(status));
    check(is_silence(stall.frame, SAMPLES), "that read left private speech; right: silence");
    stall_end();
    call.manager = again;
    expect(COACH_OK, coach.coach(again, "agent"));
    for (int i = 0; i < 12; i++) whisper(LEVEL); /* past the opening guard */
    survived();
}

static void leaves_and_detaches_while_a_write_is_running(void **state)
{
    (void)state;
    whisper_until_it_is_heard();
    stall_begin(coach.write, call.agent, 0);
    expect(COACH_OK, coach.member_leave(call.agent));
    churn(call.agent);
    expect(COACH_OK, coach.member_detach(call.agent));
    call.agent = a_member(call.room, 2, "agent", "agent", NULL);
    churn(call.agent);
    stall_finish();
    check(loudest(stall.frame, SAMPLES) <= LEVEL, "a write around which its member left has %d in it; right: up to %d",
          loudest(stall.frame, SAMPLES), LEVEL);
    stall_end();
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    for (int i = 0; i < 12; i++) whisper(LEVEL);
    survived();
}

/* The listener was preempted with an old decision in its hands: nothing that is captured after the command may follow it. */
static void untags_a_listener_while_its_write_is_running(void **state)
{
    (void)state;
    whisper_until_it_is_heard();
    stall_begin(coach.write, call.agent, 0);
    expect(COACH_OK, coach.untag(call.agent));
    for (int i = 0; i < 8; i++) whisper(7 * LEVEL);
    stall_finish();
    check(loudest(stall.frame, SAMPLES) <= LEVEL, "the untagged agent hears what was said after it, up to %d; right: %d",
          loudest(stall.frame, SAMPLES), LEVEL);
    stall_end();
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, 0);
    check(coach.write(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
    check(is_silence(frame + RESIDUE, SAMPLES - RESIDUE) && loudest(frame, RESIDUE) <= LEVEL,
          "the untagged agent still hears the manager; right: silence after 4 ms");
    expect(COACH_OK, coach.tag(call.agent, "agent"));
    for (int i = 0; i < 12; i++) whisper(LEVEL);
    survived();
}

static void uncoaches_and_passes_while_a_read_is_running(void **state)
{
    (void)state;
    stall_begin(coach.read, call.manager, LEVEL);
    expect(COACH_OK, coach.uncoach(call.manager));
    expect(COACH_OK, serve(call.engine));
    expect(COACH_OK, coach.member_bypass(call.manager, 1));
    expect(COACH_OK, serve(call.engine));
    stall_finish();
    check(is_silence(stall.frame, SAMPLES), "what was said before `uncoach` came out open; right: silence");
    stall_end();
    expect(COACH_OK, coach.member_bypass(call.manager, 0));
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    for (int i = 0; i < 12; i++) whisper(LEVEL);
    survived();
}

static void closes_the_room_while_a_read_is_running(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "brief", call.mixer);
    coach_member_t private = a_member(room, 1, "private", NULL, "agent");
    stall_begin(coach.read, private, LEVEL);
    expect(COACH_OK, coach.room_close(room));
    churn(call.agent);
    stall_finish();
    check(is_silence(stall.frame, SAMPLES), "a read around which its room was closed left private speech; right: silence");
    stall_end();
    expect(COACH_OK, coach.member_detach(private));
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    for (int i = 0; i < 12; i++) whisper(LEVEL);
    survived();
}

/* It waits for the hook, as the header says. */
static int order, released, destroyed;
static coach_status_t destroy_status;
static void *destroys(void *engine)
{
    destroy_status = coach.engine_destroy(*(coach_engine_t *)engine);
    destroyed = __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
static void destroys_the_engine_while_a_read_is_running(void **state)
{
    (void)state;
    struct call old = call;
    order = released = destroyed = 0;
    stall_begin(coach.read, call.manager, LEVEL);
    pthread_t thread;
    pthread_create(&thread, NULL, destroys, &old.engine);
    for (int i = 0; i < 50; i++) { /* time to come back too early; the handles die meanwhile */
        int16_t frame[SAMPLES];
        coach_status_t status = say(old.agent, LEVEL, frame);
        if (status < 0) check(is_silence(frame, SAMPLES), "a hook beside coach_engine_destroy failed and left sound");
        usleep(1000);
    }
    released = __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST);
    stall_finish();
    check(is_silence(stall.frame, SAMPLES), "a read beside coach_engine_destroy left private speech; right: silence");
    stall_end();
    pthread_join(thread, NULL);
    check(destroy_status == COACH_OK, "coach_engine_destroy while a hook is running: %s", coach.status_str(destroy_status));
    check(released < destroyed, "coach_engine_destroy returned while a hook was running; right: it waits for it");
    open_call(old.mixer, NULL, NULL);
    survived();
}

#define BOTH(test)                                                                                                     \
    cmocka_unit_test_setup_teardown(test, host_mixed, let_go_and_hang_up),                                             \
        cmocka_unit_test_setup_teardown(test, engine_mixed, let_go_and_hang_up)

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        BOTH(reads_twice_at_once),
        BOTH(writes_twice_at_once),
        BOTH(reads_and_writes_at_once),
        ON(engine_mixed, ticks_twice_at_once),
        BOTH(leaves_and_detaches_while_a_read_is_running),
        BOTH(leaves_and_detaches_while_a_write_is_running),
        BOTH(untags_a_listener_while_its_write_is_running),
        BOTH(uncoaches_and_passes_while_a_read_is_running),
        BOTH(closes_the_room_while_a_read_is_running),
        BOTH(destroys_the_engine_while_a_read_is_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
