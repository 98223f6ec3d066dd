/* A host whose threads do everything at once: hooks at full speed while members leave, rooms close and engines end. */
#include <pthread.h>

#include "host.h"

/* ------------------------------------------------------------------------------------------------- a storm ---- */

/* Handles change under the hooks, as they do in a host that hands them round. */
static coach_member_t legs[3]; /* customer, agent, manager */
static coach_room_t room;
static int stop;
static long leaks, strange, hooks;

static coach_member_t get(uint64_t *handle) { return __atomic_load_n(handle, __ATOMIC_SEQ_CST); }
static void set(uint64_t *handle, uint64_t value) { __atomic_store_n(handle, value, __ATOMIC_SEQ_CST); }

static void expected(coach_status_t status, const char *what)
{
    if (status >= 0 || status == COACH_ERR_HANDLE) return;
    if (__atomic_fetch_add(&strange, 1, __ATOMIC_RELAXED) < 3) print_error("%s: %s\n", what, coach.status_str(status));
}

static void leaked(const char *what, int16_t most)
{
    if (__atomic_fetch_add(&leaks, 1, __ATOMIC_RELAXED) < 3) print_error("%s: up to %d; right: silence\n", what, most);
}

static void *manager_speaks(void *none)
{
    int16_t frame[SAMPLES];
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        fill(frame, SAMPLES, LEVEL);
        expected(coach.read(get(&legs[2]), frame, RATE, 1, SAMPLES), "coach_read of the manager");
        if (!is_silence(frame, SAMPLES)) leaked("private speech is left in its own frame", loudest(frame, SAMPLES));
        __atomic_fetch_add(&hooks, 1, __ATOMIC_RELAXED);
    }
    return none;
}

static void *others_speak(void *none)
{
    int16_t frame[SAMPLES];
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        for (int who = 0; who < 2; who++) {
            fill(frame, SAMPLES, 0);
            expected(coach.read(get(&legs[who]), frame, RATE, 1, SAMPLES), "coach_read");
        }
    return none;
}

static void *customer_listens(void *none)
{
    int16_t frame[SAMPLES];
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        fill(frame, SAMPLES, 0);
        expected(coach.write(get(&legs[0]), frame, RATE, 1, SAMPLES), "coach_write to the customer");
        if (!is_silence(frame, SAMPLES)) leaked("the customer hears the manager", loudest(frame, SAMPLES));
    }
    return none;
}

static void *agent_listens(void *none)
{
    int16_t frame[SAMPLES];
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        fill(frame, SAMPLES, 0);
        expected(coach.write(get(&legs[1]), frame, RATE, 1, SAMPLES), "coach_write to the agent");
        if (loudest(frame, SAMPLES) > LEVEL) leaked("the agent hears more than was said", loudest(frame, SAMPLES));
        if (call.mixer == COACH_MIXER_ENGINE) expected(coach.room_tick(get(&room)), "coach_room_tick");
    }
    return none;
}

static void *(*const storm[])(void *) = {manager_speaks, others_speak, customer_listens, agent_listens};
enum { STORM = sizeof storm / sizeof *storm };
static pthread_t storming[STORM];

static void storm_begins(void)
{
    stop = 0, leaks = 0, strange = 0, hooks = 0;
    set(&legs[0], call.customer), set(&legs[1], call.agent), set(&legs[2], call.manager), set(&room, call.room);
    for (int i = 0; i < STORM; i++) pthread_create(&storming[i], NULL, storm[i], NULL);
    while (!__atomic_load_n(&hooks, __ATOMIC_RELAXED)) usleep(100);
}

static void storm_ends(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < STORM; i++) pthread_join(storming[i], NULL);
    check(!leaks, "%ld frames held private speech that was not theirs to hear", leaks);
    check(!strange, "%ld hook calls returned neither success nor COACH_ERR_HANDLE", strange);
}

/* A [control] call that fails while the storm blows; looked at when it is over, because a failed check jumps out. */
static long refusals;
static void must(coach_status_t status, const char *what)
{
    if (status == COACH_OK) return;
    if (refusals++ < 3) print_error("%s: %s: %s\n", what, coach.status_str(status), coach.last_error());
}
#define MUST(what) must((what), #what)

/* The steady parts again: the agent hears the manager once 200 ms of its speech, the opening guard, have passed. */
static void settle(void)
{
    int16_t frame[SAMPLES];
    check(!refusals, "%ld [control] calls failed beside the hooks", refusals);
    for (int i = 0; i < 12; i++) {
        fill(frame, SAMPLES, LEVEL);
        check(coach.read(call.manager, frame, RATE, 1, SAMPLES) == COACH_SILENCED, "coach_read of the manager failed");
    }
}

enum { ROUNDS = 400 };

static void leaves_joins_and_commands_while_hooks_run(void **state)
{
    (void)state;
    refusals = 0;
    storm_begins();
    for (int i = 0; i < ROUNDS; i++) {
        MUST(coach.untag(call.agent));
        MUST(coach.tag(call.agent, "agent"));
        MUST(coach.member_leave(call.agent));
        MUST(coach.member_join(call.agent, call.room, 2));
        MUST(coach.member_leave(call.customer));
        MUST(coach.coach(call.manager, "-"));
        MUST(coach.member_join(call.customer, call.room, 1));
        MUST(coach.member_leave(call.manager));
        MUST(coach.coach(call.manager, "agent,night"));
        MUST(coach.member_join(call.manager, call.room, 3));
        MUST(coach.member_mute(call.manager, 1));
        MUST(coach.member_hold(call.agent, 1));
        MUST(coach.member_deaf(call.customer, 1));
        MUST(serve(call.engine));
        MUST(coach.member_mute(call.manager, 0));
        MUST(coach.member_hold(call.agent, 0));
        MUST(coach.member_deaf(call.customer, 0));
    }
    storm_ends();
    settle();
    survived();
}

static coach_member_t attached(const char *call_id, const char *tags, const char *speak_only_to)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = call_id;
    config.tags = tags;
    config.speak_only_to = speak_only_to;
    coach_member_t member = 0;
    MUST(coach.member_attach(call.engine, &config, &member));
    return member;
}

static void detaches_and_attaches_while_hooks_run(void **state)
{
    (void)state;
    refusals = 0;
    storm_begins();
    static const char *const names[] = {"customer", "agent", "manager"};
    for (int i = 0; i < ROUNDS; i++) {
        int who = i % 3;
        MUST(coach.member_detach(legs[who]));
        coach_member_t member = attached(names[who], who == 1 ? "agent" : NULL, who == 2 ? "agent" : NULL);
        set(&legs[who], member); /* its hooks are called from now on, before it is in the room */
        MUST(coach.member_join(member, call.room, (uint32_t)who + 1));
        MUST(serve(call.engine));
    }
    storm_ends();
    call.customer = legs[0], call.agent = legs[1], call.manager = legs[2];
    settle();
    survived();
}

static void closes_the_room_while_hooks_run(void **state)
{
    (void)state;
    refusals = 0;
    storm_begins();
    for (int i = 0; i < ROUNDS / 4; i++) {
        coach_room_t brief = 0;
        coach_room_config_t config = COACH_ROOM_CONFIG_INIT;
        config.mixer = call.mixer;
        if (call.mixer == COACH_MIXER_ENGINE) config.rate = 48000, config.channels = 2, config.tick_ms = 10;
        MUST(coach.room_open(call.engine, "brief", &config, &brief));
        coach_member_t listener = attached("listener", "agent", NULL);
        coach_member_t private = attached("private", NULL, "agent");
        set(&room, brief), set(&legs[1], listener), set(&legs[2], private); /* the storm turns to this room */
        MUST(coach.member_join(listener, brief, 1));
        MUST(coach.member_join(private, brief, 2));
        MUST(serve(call.engine));
        MUST(coach.room_close(brief));
        MUST(serve(call.engine));
        MUST(coach.member_detach(private));
        MUST(coach.member_detach(listener));
    }
    storm_ends();
    settle();
    survived();
}

static void destroys_the_engine_while_hooks_run(void **state)
{
    (void)state;
    uint32_t mixer = call.mixer;
    for (int i = 0; i < 40; i++) {
        refusals = 0;
        storm_begins();
        MUST(coach.engine_destroy(call.engine));
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        coach_status_t status = coach.read(call.manager, frame, RATE, 1, SAMPLES);
        storm_ends();
        check(status == COACH_ERR_HANDLE, "a hook after coach_engine_destroy: %s; right: %s", coach.status_str(status),
              coach.status_str(COACH_ERR_HANDLE));
        check(!refusals, "coach_engine_destroy beside the hooks failed");
        open_call(mixer, NULL, NULL);
    }
    survived();
}

/* ------------------------------------------------------------------------------- control from many threads ---- */

static void *controls(void *number)
{
    char call_id[32];
    uint32_t own = (uint32_t)(uintptr_t)number;
    for (int i = 0; i < ROUNDS / 4; i++) {
        /* Everybody wants the same call id, number and room name: one gets it, the others a status. */
        coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
        snprintf(call_id, sizeof call_id, "leg-%u", i % 2 ? 0 : own);
        config.call_id = call_id;
        config.speak_only_to = "agent";
        coach_member_t member = 0;
        coach_room_t shared = 0;
        coach.room_open(call.engine, "shared", NULL, &shared);
        if (coach.room_find(call.engine, "shared", &shared) != COACH_OK) shared = call.room;
        if (coach.member_attach(call.engine, &config, &member) == COACH_OK) {
            coach.member_join(member, shared, 100);
            coach.tag(member, "night");
            coach.uncoach(member);
            char *text = NULL;
            if (coach.command(call.engine, "show shared as json", &text) == COACH_OK) coach.string_free(text);
            coach.member_leave(member);
            if (coach.member_detach(member) != COACH_OK) __atomic_fetch_add(&strange, 1, __ATOMIC_RELAXED);
        }
        if (i % 8 == 0) coach.room_close(shared != call.room ? shared : 0);
    }
    return NULL;
}

static void controls_from_four_threads_at_once(void **state)
{
    (void)state;
    strange = 0;
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, controls, (void *)(i + 1));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    check(!strange, "%ld members could not be detached by the thread that attached them", strange);
    coach_stats_t stats = COACH_STATS_INIT;
    expect(COACH_OK, coach.engine_stats(call.engine, &stats));
    check(stats.members == 3, "%u members are attached in the end; right: 3", stats.members);
    survived();
}

static char elsewhere[256];
static void *fails_elsewhere(void *none)
{
    coach.tag(call.agent, "two words");
    snprintf(elsewhere, sizeof elsewhere, "%s", coach.last_error());
    return none;
}
static void asks_for_a_message_on_another_thread(void **state)
{
    (void)state;
    expect(COACH_ERR_NO_ROOM, coach.room_find(call.engine, "sales", &(coach_room_t){0}));
    char here[256];
    snprintf(here, sizeof here, "%s", coach.last_error());
    pthread_t thread;
    pthread_create(&thread, NULL, fails_elsewhere, NULL);
    pthread_join(thread, NULL);
    check(strcmp(here, coach.last_error()) == 0, "another thread's failure changed this thread's message to \"%s\"",
          coach.last_error());
    check(elsewhere[0] && strcmp(here, elsewhere) != 0, "the other thread's message is \"%s\"; right: one of its own",
          elsewhere);
    survived();
}

#define BOTH(test) ON(host_mixed, test), ON(engine_mixed, test)

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        BOTH(leaves_joins_and_commands_while_hooks_run),
        BOTH(detaches_and_attaches_while_hooks_run),
        BOTH(closes_the_room_while_hooks_run),
        BOTH(destroys_the_engine_while_hooks_run),
        ON(host_mixed, controls_from_four_threads_at_once),
        ON(host_mixed, asks_for_a_message_on_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
