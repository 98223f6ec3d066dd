/* A host that forks: in the child there is nothing of Coach's but refusals and silence, and in the parent all goes on. */
#include <pthread.h>
#include <sys/wait.h>

#include "host.h"

/* In a child nothing may jump out: it says what is wrong and ends. */
#define must(condition, ...)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "in the child: " __VA_ARGS__);                                                             \
            fprintf(stderr, "\n");                                                                                     \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void in_child(void (*act)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    check(child >= 0, "this process cannot fork");
    if (child == 0) {
        alarm(20); /* what waits for a thread that is not there waits for ever */
        act();
        _exit(0);
    }
    check(waitpid(child, &status, 0) == child, "the child is lost");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d (signal %d); right: 0", WEXITSTATUS(status),
          WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* ------------------------------------------------------------------------------------- all that a host calls ---- */

static coach_engine_config_t engine_config = COACH_ENGINE_CONFIG_INIT;
static coach_member_config_t leg_config = COACH_MEMBER_CONFIG_INIT;
static coach_stats_t stats = COACH_STATS_INIT;
static coach_engine_t made;
static coach_room_t room;
static coach_member_t leg;
static char *text;

#define IS_REFUSED(what)                                                                                               \
    do {                                                                                                               \
        coach_status_t status_ = (what);                                                                               \
        must(status_ == COACH_ERR_FORKED, "%s: %s; right: %s", #what, coach.status_str(status_),                      \
             coach.status_str(COACH_ERR_FORKED));                                                                     \
        must(strstr(coach.last_error(), "fork"), "%s left the message \"%s\"; right: one about the fork", #what, coach.last_error()); \
    } while (0)

static void is_refused_every_control_call(void)
{
    leg_config.call_id = "leg";
    IS_REFUSED(coach.engine_service(call.engine));
    IS_REFUSED(coach.engine_clock(call.engine, UINT64_C(1) << 62));
    IS_REFUSED(coach.engine_stats(call.engine, &stats));
    IS_REFUSED(coach.room_open(call.engine, "other", NULL, &room));
    IS_REFUSED(coach.room_find(call.engine, "support", &room));
    IS_REFUSED(coach.member_attach(call.engine, &leg_config, &leg));
    IS_REFUSED(coach.member_leave(call.agent));
    IS_REFUSED(coach.member_join(call.agent, call.room, 4));
    IS_REFUSED(coach.member_bypass(call.agent, 1));
    IS_REFUSED(coach.member_mute(call.agent, 1));
    IS_REFUSED(coach.member_deaf(call.agent, 1));
    IS_REFUSED(coach.member_hold(call.agent, 1));
    IS_REFUSED(coach.tag(call.customer, "agent"));
    IS_REFUSED(coach.untag(call.agent));
    IS_REFUSED(coach.coach(call.manager, "-"));
    IS_REFUSED(coach.uncoach(call.manager));
    IS_REFUSED(coach.member_info(call.manager, &(coach_member_info_t)COACH_MEMBER_INFO_INIT));
    IS_REFUSED(coach.member_command(call.manager, "uncoach", &text));
    IS_REFUSED(coach.command(call.engine, "rooms", &text));
    IS_REFUSED(coach.state_json(call.engine, NULL, &text));
    IS_REFUSED(coach.member_detach(call.agent));
    IS_REFUSED(coach.room_close(call.room));
    IS_REFUSED(coach.engine_create(COACH_ABI_VERSION, &engine_config, &made));
    IS_REFUSED(coach.engine_destroy(call.engine));
    must(!room && !leg && !text && !made, "a call that was refused wrote its output");
}

static void is_silent(void)
{
    int16_t frame[SAMPLES];
    coach_member_t all[] = {call.customer, call.agent, call.manager};
    for (int turn = 0; turn < 5; turn++)
        for (size_t i = 0; i < COUNT(all); i++) {
            fill(frame, SAMPLES, LEVEL);
            coach_status_t status = coach.read(all[i], frame, RATE, 1, SAMPLES);
            must(status == COACH_ERR_HANDLE && is_silence(frame, SAMPLES), "coach_read of member %zu: %s, up to %d; right: silence", i,
                 coach.status_str(status), loudest(frame, SAMPLES));
            fill(frame, SAMPLES, LEVEL);
            status = coach.write(all[i], frame, RATE, 1, SAMPLES);
            must(status == COACH_ERR_HANDLE && is_silence(frame, SAMPLES), "coach_write to member %zu: %s, up to %d; right: silence", i,
                 coach.status_str(status), loudest(frame, SAMPLES));
        }
    must(coach.room_tick(call.room) == COACH_ERR_HANDLE, "a room ticks");
}

static void finds_nothing(void)
{
    is_silent();
    is_refused_every_control_call();
    is_silent();
}

/* ------------------------------------------------------------------------------------------------------ tests ---- */

static void forks_with_a_call(void **state)
{
    (void)state;
    survived(); /* private speech is on its way */
    in_child(finds_nothing);
    survived();
}

static void and_again(void)
{
    finds_nothing();
    pid_t child = fork();
    if (child == 0) finds_nothing(), _exit(0);
    int status;
    must(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a child of the child ended with %d", status);
}

static void forks_in_a_child(void **state)
{
    (void)state;
    in_child(and_again);
    survived();
}

/* An engine with threads of its own: for conversions, and for the clock of a room. */
static int with_threads(void **state)
{
    (void)state;
    coach_room_config_t config = COACH_ROOM_CONFIG_INIT;
    int16_t frame[6 * SAMPLES];
    coach_engine_config_t none = COACH_ENGINE_CONFIG_INIT;
    expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &none, &call.engine));
    config.mixer = COACH_MIXER_ENGINE;
    config.rate = RATE, config.channels = 1, config.tick_ms = 10, config.clock = COACH_CLOCK_ENGINE;
    expect(COACH_OK, coach.room_open(call.engine, "support", &config, &call.room));
    call.customer = a_member(call.room, 1, "customer", NULL, NULL);
    call.agent = a_member(call.room, 2, "agent", "agent", NULL);
    call.manager = a_member(call.room, 3, "manager", NULL, "agent");
    fill(frame, 6 * SAMPLES, LEVEL);
    check(coach.read(call.manager, frame, 6 * RATE, 1, 6 * SAMPLES) >= 0, "a frame at 48,000 Hz is refused");
    return 0;
}

static void forks_with_threads_of_coachs(void **state)
{
    (void)state;
    in_child(finds_nothing);
    expect(COACH_OK, coach.tag(call.agent, "agent,night"));
    expect(COACH_OK, coach.engine_destroy(call.engine));
}

/* Threads that make [control] calls all the time: one of them holds a lock in most moments. */
static int stop;
static void *acts(void *none)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        coach.tag(call.agent, "agent,night");
        coach.tag(call.agent, "agent");
        char *json = NULL;
        if (coach.state_json(call.engine, NULL, &json) == COACH_OK) coach.string_free(json);
        coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
        coach_member_t guest;
        config.call_id = "guest";
        if (coach.member_attach(call.engine, &config, &guest) == COACH_OK) coach.member_detach(guest);
    }
    return none;
}

static void forks_in_the_middle_of_calls(void **state)
{
    (void)state;
    pthread_t threads[3];
    stop = 0;
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, acts, NULL);
    for (int i = 0; i < 100; i++) in_child(finds_nothing);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    survived();
}

static void forks_inside(void *user, const coach_event_t *event)
{
    int *forked = user;
    if (event->kind == COACH_EVENT_TAG && !*forked) *forked = 1, in_child(finds_nothing);
}

static void forks_inside_the_event_callback(void **state)
{
    (void)state;
    int forked = 0;
    open_call(COACH_MIXER_HOST, forks_inside, &forked);
    expect(COACH_OK, coach.tag(call.customer, "guest"));
    check(forked, "the callback never forked");
    survived();
}

static void makes_a_call(void)
{
    open_call(COACH_MIXER_HOST, NULL, NULL);
    survived();
    must(coach.engine_destroy(call.engine) == COACH_OK, "destroy: %s", coach.last_error());
}

/* A daemon loads the library, has perhaps had an engine, forks, and then begins: that is the way to fork. */
static void forks_with_no_engine(void **state)
{
    (void)state;
    in_child(makes_a_call);
    makes_a_call();
    in_child(makes_a_call);
    memset(&call, 0, sizeof call);
}

static void nothing(void) {}

static void forks_when_the_library_is_unloaded(void **state)
{
    (void)state;
    makes_a_call();
    memset(&call, 0, sizeof call);
    dlclose(coach.library);
    in_child(nothing);
    host_open();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forks_with_no_engine),
        cmocka_unit_test(forks_when_the_library_is_unloaded),
        ON(host_mixed, forks_with_a_call),
        ON(engine_mixed, forks_with_a_call),
        ON(host_mixed, forks_in_a_child),
        ON(with_threads, forks_with_threads_of_coachs),
        ON(host_mixed, forks_in_the_middle_of_calls),
        cmocka_unit_test_teardown(forks_inside_the_event_callback, hang_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
