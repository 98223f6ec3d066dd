/*
 * mod_coach in a stand-in for FreeSWITCH, everything at once: two threads a call as the real one has, commands, events, hang-ups, loads and
 * unloads beside them. Whatever happens, nothing of what the coach says in a conference reaches the conference, and the customer hears none.
 */
#include "freeswitch/switch.h"

enum { CUSTOMER = 1, AGENT = 20, COACH = 400, ROUNDS = 60 };

static switch_core_session_t *customer, *agent;
static int stop;
static long leaks, frames;

static bool goes_on(void) { return !__atomic_load_n(&stop, __ATOMIC_SEQ_CST); }

static void leaked(const char *what, int sample)
{
    if (__atomic_add_fetch(&leaks, 1, __ATOMIC_SEQ_CST) < 4) print_error("%s: %d\n", what, sample);
}

/* The conference's input and output thread of a member. */
static void *reads(void *call)
{
    switch_core_session_t *session = call;
    while (goes_on() && is_up(session)) {
        play_read(session);
        if (session->says == COACH && said(session) != 0) leaked("the conference got what the coach said", said(session));
        __atomic_add_fetch(&frames, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void *writes(void *call)
{
    switch_core_session_t *session = call;
    while (goes_on() && is_up(session)) {
        play_write(session, NULL); /* nobody else says a word: what is heard is private */
        if (session->says == CUSTOMER && heard(session) != 0) leaked("the customer hears the coach", heard(session));
    }
    return NULL;
}

static void *commands(void *none)
{
    static const char *const all[] = {"untag r agent", "tag r agent agent", "show r", "explain r agent as json", "gettag r agent",
                                      "tag r customer vip", "stats", "coach r agent boss", "uncoach r agent", "rooms"};
    for (unsigned i = 0; goes_on(); i++) api("coach", all[i % (sizeof all / sizeof *all)]);
    return none;
}

static void *events(void *none)
{
    while (goes_on()) {
        agent->deaf = !agent->deaf;
        conference_event(agent, agent->deaf ? "deaf-member" : "undeaf-member");
        usleep(200);
        events_done();
    }
    return none;
}

/* A coach's session thread: it joins, and ends once somebody has hung up, in the middle of a word. */
static void *lives(void *call)
{
    switch_core_session_t *coach = call;
    pthread_t media[2];
    pthread_create(&media[0], NULL, reads, coach);
    pthread_create(&media[1], NULL, writes, coach);
    while (is_up(coach)) {
        usleep(500);
        conference_begins(coach, "inner"), conference_ends(coach);
    }
    for (int i = 0; i < 2; i++) pthread_join(media[i], NULL);
    call_ends(coach);
    return NULL;
}

static pthread_t a_coach(switch_core_session_t **coach)
{
    static int number;
    char uuid[32];
    pthread_t thread;
    snprintf(uuid, sizeof uuid, "coach-%d", number++);
    *coach = call_new(uuid, COACH);
    set_variable(*coach, "speakOnlyTo", "agent");
    joins(*coach, "r");
    pthread_create(&thread, NULL, lives, *coach);
    return thread;
}

static void *coaches(void *none)
{
    while (goes_on()) {
        switch_core_session_t *coach;
        pthread_t thread = a_coach(&coach);
        usleep(3000);
        remove_bugs(coach);
        hang_up(coach);
        pthread_join(thread, NULL);
    }
    return none;
}

static pthread_t threads[16];
static int running;

static void begins(void *(*what)(void *), void *with) { pthread_create(&threads[running++], NULL, what, with); }

static void ends(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    while (running) pthread_join(threads[--running], NULL);
    check(!leaks, "%ld frames held what was not theirs", leaks);
    check(frames > 100, "%ld frames were played; right: many", frames);
}

static int opens(void **state)
{
    (void)state;
    stop = 0, leaks = 0, frames = 0;
    events_start();
    check(load(), "the module does not load");
    customer = call_new("customer", CUSTOMER), agent = call_new("agent", AGENT);
    joins(customer, "r");
    set_variable(agent, "memberTag", "agent");
    joins(agent, "r");
    switch_core_session_t *both[] = {customer, agent};
    for (int i = 0; i < 2; i++) begins(reads, both[i]), begins(writes, both[i]);
    return 0;
}

static int closes(void **state)
{
    (void)state;
    ends(); /* if a check has not let the test do so */
    calls_end();
    check(unload(false), "the module is still in use");
    events_stop();
    check(left_behind() == 0, "%u things are left behind", left_behind());
    return 0;
}

static void everything_at_once(void **state)
{
    (void)state;
    begins(commands, NULL);
    begins(events, NULL);
    begins(coaches, NULL);
    for (int i = 0; i < ROUNDS; i++) usleep(20000);
    ends();
}

/* Unloads are done while nobody is private, refused while somebody is, and forced. */
static void unloads_and_loads_under_load(void **state)
{
    (void)state;
    int unloaded = 0;
    for (int i = 0; i < ROUNDS; i++) {
        bool gone = unload(false);
        unloaded += gone;
        if (gone) check(load(), "the module does not load");
        switch_core_session_t *coach;
        pthread_t thread = a_coach(&coach);
        usleep(2000);
        check(!unload(false), "unloaded while somebody is private");
        if (i % 2) {
            check(unload(true), "not unloaded by force"); /* which hangs the coach up */
            check(load(), "the module does not load");
        } else {
            hang_up(coach);
        }
        pthread_join(thread, NULL);
    }
    check(unloaded == ROUNDS, "%d of %d unloads were done with nobody private", unloaded, ROUNDS);
    ends();
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: %s <mod_coach.so>\n", argv[0]), 2;
    module_path = argv[1];
    alarm(240);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_at_once, opens, closes),
        cmocka_unit_test_setup_teardown(unloads_and_loads_under_load, opens, closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
