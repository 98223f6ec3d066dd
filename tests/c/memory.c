/* A host with no memory left, or whose allocator stops a control call in the middle. No hook ever needs it. */
#include <pthread.h>

#include "host.h"

#include "allocator.h"

static coach_status_t say(coach_member_t member, int16_t value, int16_t *frame)
{
    fill(frame, SAMPLES, value);
    return coach.read(member, frame, RATE, 1, SAMPLES);
}

static void memory_is_gone(void) { memory.refuse = ALL; }
static void memory_is_back(void) { memory.refuse = 0; }

static int warnings;
static void count_warnings(void *user, const coach_event_t *event)
{
    (void)user;
    if (event->kind == COACH_EVENT_WARNING) warnings++;
}

/* The open members are silent, so whatever anybody hears is the leg's. */
static void heard_by_nobody(coach_member_t leg, const char *what)
{
    int16_t frame[SAMPLES];
    for (int tick = 0; tick < 30; tick++) { /* three times the opening guard */
        expect(COACH_TAKEN, say(leg, LEVEL, frame));
        check(is_silence(frame, SAMPLES), "%s: its own frame still holds up to %d; right: silence", what,
              loudest(frame, SAMPLES));
        if (call.carrier == COACH_CARRIER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        coach_member_t others[] = {call.customer, call.agent, call.manager};
        for (int i = 0; i < 3; i++) {
            fill(frame, SAMPLES, 0);
            check(coach.write(others[i], frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
            check(is_silence(frame, SAMPLES), "%s: member %d hears up to %d of it; right: silence", what, i + 1,
                  loudest(frame, SAMPLES));
        }
    }
    char *json = NULL;
    expect(COACH_OK, coach.state_json(call.engine, "support", &json));
    check(strstr(json, "\"speak_only_to\":[]"), "%s: it is not private to nobody, but\n  %s", what, json);
    coach.text_free(json);
}

/* With memory, the same member is heard by the agent once 200 ms, the opening guard, have passed; by the customer never. */
static void heard_by_the_agent(coach_member_t leg)
{
    int16_t frame[SAMPLES];
    expect(COACH_OK, coach.coach(leg, "agent"));
    int heard = 0;
    for (int tick = 0; tick < 20; tick++) {
        expect(COACH_TAKEN, say(leg, LEVEL, frame));
        if (call.carrier == COACH_CARRIER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        fill(frame, SAMPLES, 0);
        check(coach.write(call.customer, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        check(is_silence(frame, SAMPLES), "the customer hears a member that coaches the agent");
        fill(frame, SAMPLES, 0);
        check(coach.write(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        heard = is_all(frame, SAMPLES, LEVEL);
    }
    check(heard, "with memory back, coach_coach succeeded, yet the agent does not hear the member");
    expect(COACH_OK, coach.member_detach(leg));
    for (int tick = 0; tick < 2; tick++) { /* its fade is over after 4 ms */
        fill(frame, SAMPLES, 0);
        coach.write(call.agent, frame, RATE, 1, SAMPLES);
    }
}

/* ------------------------------------------------------------------------------------ no memory for a voice ---- */

/* Without this, every test below would pass for nothing. */
static void has_an_allocator_that_the_library_uses(void **state)
{
    (void)state;
    here.calls = 0, memory.large = 0;
    coach_member_t leg = a_leg(call.engine, "leg", NULL, "agent");
    check(here.calls > 0, "the library does not use this program's malloc; link with -rdynamic");
    check(memory.large > 0, "a member that speaks privately took no block over %zu bytes: these tests refuse nothing", LARGE);
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

static void coaches_without_memory(void **state)
{
    (void)state;
    coach_member_t leg = a_member(call.room, 9, "leg", NULL, NULL);
    for (int time = 0; time < 2; time++) {
        memory_is_gone();
        coach_status_t status = coach.coach(leg, "agent");
        char message[256];
        snprintf(message, sizeof message, "%s", coach.message());
        memory_is_back();
        check(status == COACH_ERR_MEMORY, "coach_coach without memory: %s; right: %s", coach.status_text(status),
              coach.status_text(COACH_ERR_MEMORY));
        check(message[0], "COACH_ERR_MEMORY left no message; right: a sentence");
        heard_by_nobody(leg, "coach_coach without memory");
    }
    heard_by_the_agent(leg);
    survived();
}

static void commands_coach_without_memory(void **state)
{
    (void)state;
    coach_member_t leg = a_member(call.room, 9, "leg", NULL, NULL);
    char *reply = NULL;
    memory_is_gone();
    coach_status_t status = coach.command(call.engine, "coach support 9 agent", &reply);
    memory_is_back();
    check(status == COACH_OK, "coach_command without memory for a voice: %s; right: a reply", coach.status_text(status));
    check(strstr(reply, "memory") && strstr(reply, "nobody"),
          "it is answered \"%s\"; right: that there is no memory, and that the member is private to nobody", reply);
    coach.text_free(reply);
    heard_by_nobody(leg, "the command `coach` without memory");
    heard_by_the_agent(leg);
    survived();
}

static void attaches_without_memory(void **state)
{
    (void)state;
    open_call(COACH_CARRIER_HOST, count_warnings, NULL);
    warnings = 0;
    memory_is_gone();
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "leg";
    config.speak_only_to = "agent";
    coach_member_t leg = 0;
    coach_status_t status = coach.member_attach(call.engine, &config, &leg);
    memory_is_back();
    check(status == COACH_OK, "coach_member_attach without memory for a voice: %s; right: done", coach.status_text(status));
    check(warnings > 0, "coach_member_attach without memory for a voice raised no COACH_EVENT_WARNING");
    expect(COACH_OK, coach.member_join(leg, call.room, 9));
    heard_by_nobody(leg, "coach_member_attach without memory");
    heard_by_the_agent(leg);
    survived();
}

/* --------------------------------------------------------------------------------- the n-th allocation fails ---- */

/* A call in which voices are made, at two rates, by every way there is. The large allocation that `memory.refuse` names fails. */
static void play_a_call(uint32_t carrier, long nth)
{
    static int16_t frame[960];
    open_call(carrier, NULL, NULL);
    coach_member_t legs[3];
    coach.coach(call.agent, "agent");
    coach.uncoach(call.agent);
    legs[0] = a_member(call.room, 10, "private", NULL, "agent");
    legs[1] = a_member(call.room, 11, "open", NULL, NULL);
    legs[2] = a_member(call.room, 12, "commanded", NULL, NULL);
    coach.coach(legs[1], "agent");
    char *reply = NULL;
    expect(COACH_OK, coach.command(call.engine, "coach support 12 agent", &reply));
    coach.text_free(reply);
    for (int tick = 0; tick < 30; tick++) {
        coach.engine_service(call.engine);
        for (int i = 0; i < 3; i++) {
            coach_status_t status = say(legs[i], LEVEL, frame);
            check(status == COACH_TAKEN && is_silence(frame, SAMPLES), "allocation %ld failed, then leg %d: %s, up to %d left; right: taken, silence",
                  nth, i, coach.status_text(status), loudest(frame, SAMPLES));
        }
        if (carrier == COACH_CARRIER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        fill(frame, 960, 0);
        coach.write(call.agent, frame, 48000, 1, 960);
        fill(frame, 960, 0);
        check(coach.write(call.customer, frame, tick < 15 ? 48000 : 16000, 1, tick < 15 ? 960 : 320) >= 0,
              "allocation %ld failed, then coach_write failed", nth);
        check(is_silence(frame, 960), "allocation %ld failed: the customer hears up to %d; right: silence", nth,
              loudest(frame, 960));
    }
    expect(COACH_OK, coach.engine_destroy(call.engine));
}

static void runs_out_of_memory_at_the_nth_allocation(void **state)
{
    (void)state;
    for (uint32_t carrier = COACH_CARRIER_HOST; carrier <= COACH_CARRIER_ENGINE; carrier++) {
        play_a_call(carrier, 0); /* what the library keeps for good is there now */
        long most = 1;
        for (long nth = 1; nth <= most; nth++) {
            long live = memory.live;
            memory.large = 0;
            memory.refuse = (int)nth;
            play_a_call(carrier, nth);
            memory.refuse = 0;
            if (memory.large > most) most = memory.large;
            check(memory.live == live, "allocation %ld failed: %ld blocks were not given back", nth, memory.live - live);
        }
        check(most >= 5, "the call made %ld large allocations; right: one a voice, five at least", most);
    }
}

/* -------------------------------------------------------------------------------------- a stopped control call ---- */

static struct {
    coach_room_t room;
    coach_member_t leg;
    char *text;
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
static void commands(void) { if (coach.command(call.engine, "tag support 1 guest", &side.text) == COACH_OK) coach.text_free(side.text); }
static void uncommands(void) { coach.untag(call.customer); }
static void explains(void) { if (coach.command(call.engine, "explain support 3 as json", &side.text) == COACH_OK) coach.text_free(side.text); }
static void reads_state(void) { if (coach.state_json(call.engine, NULL, &side.text) == COACH_OK) coach.text_free(side.text); }
static void counts(void) { coach_stats_t stats = COACH_STATS_INIT; coach.engine_stats(call.engine, &stats); }
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

static int memory_back_and_hang_up(void **state)
{
    memory.refuse = 0;
    sem_post(&memory.go); /* for a test that failed beside a stopped call: nothing else could end the engine */
    return hang_up(state);
}

static void all_hooks(int rounds, const char *what)
{
    int16_t frame[SAMPLES];
    coach_member_t members[] = {call.customer, call.agent, call.manager};
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 3; i++) {
            coach_status_t status = say(members[i], i == 2 ? LEVEL : 0, frame);
            check(status >= 0 && is_silence(frame, SAMPLES), "beside a stopped %s, coach_read of member %d: %s, up to %d left",
                  what, i + 1, coach.status_text(status), loudest(frame, SAMPLES));
        }
        if (call.carrier == COACH_CARRIER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        for (int i = 0; i < 3; i++) {
            fill(frame, SAMPLES, 0);
            coach_status_t status = coach.write(members[i], frame, RATE, 1, SAMPLES);
            check(status >= 0, "beside a stopped %s, coach_write of member %d: %s", what, i + 1, coach.status_text(status));
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
                check(at > 1 || !calls[row].stops, "%s never called the allocator: it cannot be stopped here", calls[row].what);
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
    for (int round = 0; round < rounds; round++)
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

static int done;
static void *changes_everything(void *none)
{
    while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
        coach.tag(call.agent, "agent,night");
        coach.tag(call.agent, "agent");
        coach.member_leave(call.agent);
        coach.engine_service(call.engine);
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

/* ------------------------------------------------------------------------------------------ nothing is lost ---- */

static void opens_and_ends_calls_over_and_over(void **state)
{
    (void)state;
    long live = 0;
    for (int i = 0; i < 60; i++) {
        if (i == 10) live = memory.live; /* what is made once is made by now */
        for (uint32_t carrier = COACH_CARRIER_HOST; carrier <= COACH_CARRIER_ENGINE; carrier++) {
            open_call(carrier, NULL, NULL);
            hooks_in_all_formats(10);
            survived();
            coach_member_t leg = a_member(call.room, 9, "leg", "night", "agent");
            coach.command(call.engine, "uncoach support 9", &side.text);
            coach.text_free(side.text);
            coach.command(call.engine, "dance", &side.text);
            coach.text_free(side.text);
            if (i % 2) coach.member_detach(leg);
            if (i % 3) coach.room_close(call.room);
            expect(COACH_OK, coach.engine_destroy(call.engine));
        }
    }
    check(memory.live == live, "50 calls left %ld blocks behind; right: none", memory.live - live);
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
#define WITH(carrier, test) cmocka_unit_test_setup_teardown(test, carrier, memory_back_and_hang_up)
    const struct CMUnitTest tests[] = {
        WITH(host_mixed, has_an_allocator_that_the_library_uses),
        WITH(host_mixed, coaches_without_memory),
        WITH(engine_mixed, coaches_without_memory),
        WITH(host_mixed, commands_coach_without_memory),
        WITH(engine_mixed, commands_coach_without_memory),
        cmocka_unit_test_teardown(attaches_without_memory, memory_back_and_hang_up),
        cmocka_unit_test_teardown(runs_out_of_memory_at_the_nth_allocation, memory_back_and_hang_up),
        WITH(host_mixed, stops_in_the_middle_of_a_control_call),
        WITH(engine_mixed, stops_in_the_middle_of_a_control_call),
        WITH(host_mixed, calls_hooks_that_must_not_allocate),
        WITH(engine_mixed, calls_hooks_that_must_not_allocate),
        WITH(host_mixed, calls_its_first_hook_on_a_new_thread),
        WITH(engine_mixed, calls_its_first_hook_on_a_new_thread),
        cmocka_unit_test_teardown(opens_and_ends_calls_over_and_over, memory_back_and_hang_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
