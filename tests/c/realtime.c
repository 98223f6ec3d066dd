/* A host that is stopped in the middle of a control call: no hook waits for it. And no hook ever calls the allocator. */
#include <pthread.h>

#include "host.h"

#include "allocator.h"

/* -------------------------------------------------------------------------------------- a stopped control call ---- */

static struct {
    coach_room_t room;
    coach_member_t leg;
} side;

static coach_member_t attach_leg(void)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "leg";
    config.speak_only_to = "agent";
    coach_member_t leg = 0;
    coach.member_attach(call.engine, &config, &leg);
    return leg;
}

static void nothing(void) {}
static void tags(void) { coach.tag(call.agent, "agent,night,day"); }
static void untags(void) { coach.tag(call.agent, "agent"); }
static void coaches(void) { coach.coach(call.manager, "agent,night"); }
static void coaches_back(void) { coach.coach(call.manager, "agent"); }
static void uncoaches(void) { coach.uncoach(side.leg); }
static void coaches_leg(void) { coach.coach(side.leg, "agent"); }
static void mutes(void) { coach.member_mute(side.leg, 1); }
static void unmutes(void) { coach.member_mute(side.leg, 0); }
static void joins(void) { coach.member_join(side.leg, call.room, 9); }
static void leaves(void) { coach.member_leave(side.leg); }
static void attaches(void) { side.leg = attach_leg(); }
static void detaches(void) { coach.member_detach(side.leg); }
static void opens(void) { coach.room_open(call.engine, "side", NULL, &side.room); }
static void closes(void) { coach.room_close(side.room); }
static void opens_with_leg_inside(void)
{
    opens();
    coach.member_join(side.leg, side.room, 1);
}
static void command(const char *text)
{
    char *reply = NULL;
    if (coach.command(call.engine, text, &reply) == COACH_OK) coach.string_free(reply);
}
static void commands(void) { command("tag support 1 guest"); }
static void uncommands(void) { coach.untag(call.customer); }
static void explains(void) { command("explain support 3 as json"); }
static void reads_state(void)
{
    char *json = NULL;
    if (coach.state_json(call.engine, NULL, &json) == COACH_OK) coach.string_free(json);
}
static void counts(void)
{
    coach_stats_t stats = COACH_STATS_INIT;
    coach.engine_stats(call.engine, &stats);
}
static void serves(void) { coach.engine_service(call.engine); }
static void leaves_work_for_the_service(void)
{
    coach.tag(call.agent, "agent,night");
    coach.tag(call.agent, "agent");
    coach.member_detach(attach_leg());
}

/* Each is stopped at every one of its calls of the allocator, so also at those that it makes while it holds its locks. */
static const struct {
    const char *what;
    void (*prepare)(void), (*act)(void), (*undo)(void);
    int in_room; /* the leg is in the room when it begins */
    int stops;   /* it has to call the allocator at all */
} calls[] = {
    {"coach_tag", nothing, tags, untags, 1, 1},
    {"coach_coach", nothing, coaches, coaches_back, 1, 1},
    {"coach_uncoach", nothing, uncoaches, coaches_leg, 1, 1},
    {"coach_member_mute", nothing, mutes, unmutes, 1, 1},
    {"coach_member_leave", nothing, leaves, joins, 1, 1},
    {"coach_member_join", nothing, joins, leaves, 0, 1},
    {"coach_member_attach", detaches, attaches, nothing, 0, 1},
    {"coach_member_detach", nothing, detaches, attaches, 0, 1},
    {"coach_room_open", nothing, opens, closes, 0, 1},
    {"coach_room_close", opens_with_leg_inside, closes, nothing, 0, 1},
    {"coach_command tag", nothing, commands, uncommands, 1, 1},
    {"coach_command explain", nothing, explains, nothing, 1, 1},
    {"coach_state_json", nothing, reads_state, nothing, 1, 1},
    {"coach_engine_stats", nothing, counts, nothing, 1, 0},
    {"coach_engine_service", leaves_work_for_the_service, serves, nothing, 1, 0},
};

static struct {
    void (*act)(void);
    long stop_at;
    int finished;
} controller;

static void *controls(void *none)
{
    here.stop_at = controller.stop_at;
    controller.act();
    here.stop_at = 0;
    __atomic_store_n(&controller.finished, 1, __ATOMIC_SEQ_CST);
    sem_post(&memory.stopped);
    return none;
}

/* For a test that failed beside a stopped call: nothing else could end the engine. */
static int let_go_and_hang_up(void **state)
{
    sem_post(&memory.go);
    return hang_up(state);
}

static void all_hooks(int rounds, const char *what)
{
    /* The leg that the call is about is silent; it may be detached by now, or not attached yet. */
    coach_member_t members[] = {call.customer, call.agent, call.manager, side.leg};
    int16_t frame[SAMPLES];
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 4; i++) {
            fill(frame, SAMPLES, i == 2 ? LEVEL : 0);
            coach_status_t status = coach.read(members[i], frame, RATE, 1, SAMPLES);
            check(status >= 0 || (i == 3 && status == COACH_ERR_HANDLE), "beside a stopped %s, coach_read of member %d: %s",
                  what, i + 1, coach.status_str(status));
            check(is_silence(frame, SAMPLES), "beside a stopped %s, coach_read of member %d left up to %d; right: silence",
                  what, i + 1, loudest(frame, SAMPLES));
        }
        if (call.mixer == COACH_MIXER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        for (int i = 0; i < 4; i++) {
            fill(frame, SAMPLES, 0);
            coach_status_t status = coach.write(members[i], frame, RATE, 1, SAMPLES);
            check(status >= 0 || (i == 3 && status == COACH_ERR_HANDLE), "beside a stopped %s, coach_write of member %d: %s",
                  what, i + 1, coach.status_str(status));
            check(i == 1 || is_silence(frame, SAMPLES), "beside a stopped %s, member %d hears the manager", what, i + 1);
        }
    }
}

static void stops_in_the_middle_of_a_control_call(void **state)
{
    (void)state;
    enum { HOOKS = 10000 };
    long stops = 0;
    for (size_t row = 0; row < sizeof calls / sizeof *calls; row++) {
        side.leg = attach_leg();
        if (calls[row].in_room) expect(COACH_OK, coach.member_join(side.leg, call.room, 9));
        for (long at = 1;; at++) {
            calls[row].prepare();
            sem_init(&memory.stopped, 0, 0);
            sem_init(&memory.go, 0, 0);
            controller.act = calls[row].act;
            controller.stop_at = at;
            controller.finished = 0;
            pthread_t thread;
            pthread_create(&thread, NULL, controls, NULL);
            sem_wait(&memory.stopped);
            int stopped = !__atomic_load_n(&controller.finished, __ATOMIC_SEQ_CST);
            if (stopped) {
                stops++;
                all_hooks(HOOKS, calls[row].what); /* comes back, or the alarm ends this program */
                sem_post(&memory.go);
            }
            pthread_join(thread, NULL);
            calls[row].undo();
            if (!stopped) {
                check(at > 1 || !calls[row].stops, "%s never called the allocator: nothing stops it", calls[row].what);
                break;
            }
        }
        expect(COACH_OK, coach.member_detach(side.leg));
    }
    print_message("             %ld stops, %d rounds of hooks beside each\n", stops, HOOKS);
    survived();
}

/* ----------------------------------------------------------------------------------- no allocation in a hook ---- */

static void hooks_in_all_formats(int rounds)
{
    static const uint32_t rates[] = {8000, 12000, 16000, 24000, 32000, 44100, 48000};
    int16_t frame[2 * 2880];
    coach_member_t members[] = {call.customer, call.agent, call.manager};
    for (int round = 0; round < rounds; round++) {
        /* As a host does, every 10 ms of its audio: however long other threads have to wait for a processor. */
        serve(call.engine);
        for (int i = 0; i < 3; i++) {
            uint32_t rate = rates[(round / 50 + i) % 7], channels = 1 + (uint32_t)(round / 70) % 2;
            uint32_t samples = rate / 1000 * (10 + 10 * (uint32_t)(round / 30 % 6));
            memset(frame, i == 2 ? 3 : 0, (size_t)samples * channels * sizeof *frame);
            here.in_hook = 1;
            coach.read(members[i], frame, rate, channels, samples);
            coach.room_tick(call.room);
            coach.write(members[i], frame, rate, channels, samples);
            coach.read(members[i], frame, rate, channels, 0); /* refused: that costs no memory either */
            coach.write(0, frame, rate, channels, samples);
            here.in_hook = 0;
        }
    }
}

static int done;
static void *changes_everything(void *none)
{
    while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
        coach.tag(call.agent, "agent,night");
        coach.tag(call.agent, "agent");
        coach.member_leave(call.agent);
        serve(call.engine);
        coach.member_join(call.agent, call.room, 2);
        coach.member_detach(attach_leg());
    }
    return none;
}

static void calls_hooks_that_must_not_allocate(void **state)
{
    (void)state;
    here.from_hooks = 0;
    pthread_t thread;
    done = 0;
    pthread_create(&thread, NULL, changes_everything, NULL);
    hooks_in_all_formats(20000);
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    check(here.from_hooks == 0, "the hooks called the allocator %ld times; right: never", here.from_hooks);
    survived();
}

/* A thread's first hook is a hook like any other, also where the library keeps something for each thread. */
static void *first_hooks(void *from_hooks)
{
    hooks_in_all_formats(3);
    *(long *)from_hooks += here.from_hooks;
    return NULL;
}
static void calls_its_first_hook_on_a_new_thread(void **state)
{
    (void)state;
    long from_hooks = 0;
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, first_hooks, &from_hooks);
        pthread_join(thread, NULL);
    }
    check(from_hooks == 0, "hooks on new threads called the allocator %ld times; right: never", from_hooks);
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
#define WITH(mixer, test) cmocka_unit_test_setup_teardown(test, mixer, let_go_and_hang_up)
#define BOTH(test) WITH(host_mixed, test), WITH(engine_mixed, test)
    const struct CMUnitTest tests[] = {
        BOTH(stops_in_the_middle_of_a_control_call),
        BOTH(calls_hooks_that_must_not_allocate),
        BOTH(calls_its_first_hook_on_a_new_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
