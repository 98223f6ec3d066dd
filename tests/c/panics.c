/*
 * A fault inside Coach: it stays inside, the call says so, the frame in question is silence, everything works afterwards.
 * The library has to be built with `--features faults`, which makes the next hook, tick, command or change panic.
 */
#include <dirent.h>
#include <pthread.h>

#include "host.h"

enum where { NOWHERE, IN_READ, IN_WRITE, IN_TICK, IN_COMMAND, IN_CONTROL, IN_DESTROY };
static int (*fault_arm)(unsigned where);

static int events;
static void count_events(void *user, const coach_event_t *event)
{
    (void)user;
    (void)event;
    events++;
}

static int host_mixed_counting(void **state)
{
    (void)state;
    open_call(COACH_MIXER_HOST, count_events, NULL);
    return 0;
}

static int disarm_and_hang_up(void **state)
{
    fault_arm(NOWHERE);
    return hang_up(state);
}

static void panicking_frame(enum where where, coach_member_t member, const char *what)
{
    int16_t frame[SAMPLES];
    for (int time = 0; time < 20; time++) {
        fill(frame, SAMPLES, LEVEL);
        fault_arm(where);
        coach_status_t status = where == IN_READ ? coach.read(member, frame, RATE, 1, SAMPLES)
                                                 : coach.write(member, frame, RATE, 1, SAMPLES);
        check(status == COACH_ERR_PANIC, "%s: %s; right: %s", what, coach.status_str(status),
              coach.status_str(COACH_ERR_PANIC));
        check(is_silence(frame, SAMPLES), "%s: up to %d is left in its frame; right: silence", what,
              loudest(frame, SAMPLES));
    }
    survived();
}

static void panics_in_a_read_hook(void **state)
{
    (void)state;
    panicking_frame(IN_READ, call.manager, "a panic in coach_read of a private member");
    panicking_frame(IN_READ, call.customer, "a panic in coach_read of an open member");
}

static void panics_in_a_write_hook(void **state)
{
    (void)state;
    panicking_frame(IN_WRITE, call.agent, "a panic in coach_write to who hears the manager");
    panicking_frame(IN_WRITE, call.customer, "a panic in coach_write to who does not");
}

static void panics_in_a_tick(void **state)
{
    (void)state;
    for (int time = 0; time < 20; time++) {
        int16_t manager[SAMPLES], customer[SAMPLES];
        fill(manager, SAMPLES, LEVEL);
        expect(COACH_SILENCED, coach.read(call.manager, manager, RATE, 1, SAMPLES));
        fault_arm(IN_TICK);
        expect(COACH_ERR_PANIC, coach.room_tick(call.room));
        fill(customer, SAMPLES, LEVEL);
        check(coach.write(call.customer, customer, RATE, 1, SAMPLES) >= 0, "coach_write failed after a tick that panicked");
        check(is_silence(customer, SAMPLES), "after a tick that panicked the customer hears up to %d; right: silence",
              loudest(customer, SAMPLES));
    }
    survived();
}

static void panics_in_a_command(void **state)
{
    (void)state;
    static const char *const commands[] = {"tag support 1 agent", "untag support 2", "uncoach support 3",
                                           "coach support 3 nobody", "show support as json"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char *reply = (char *)&events;
        events = 0;
        fault_arm(IN_COMMAND);
        refused(COACH_ERR_PANIC, coach.command(call.engine, commands[i], &reply));
        check(reply == (char *)&events, "coach_command failed, yet wrote *reply");
        check(!events, "\"%s\" panicked, yet raised %d events", commands[i], events);
        survived();
    }
    char *reply = NULL;
    expect(COACH_OK, coach.command(call.engine, "tag support 1 guest", &reply));
    check(strncmp(reply, "+OK", 3) == 0, "after panics, a command is answered \"%s\"; right: +OK", reply);
    coach.string_free(reply);
    survived();
}

/* Each call that changes tags or mode: it changes nothing, and the same call works afterwards. */
#define CONTROL(what)                                                                                                  \
    do {                                                                                                               \
        events = 0;                                                                                                    \
        fault_arm(IN_CONTROL);                                                                                         \
        refused(COACH_ERR_PANIC, what);                                                                                \
        check(!events, "%s panicked, yet raised %d events", #what, events);                                            \
        survived();                                                                                                    \
        fault_arm(NOWHERE);                                                                                            \
        expect(COACH_OK, what);                                                                                        \
    } while (0)

static void panics_in_a_control_call(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "other", COACH_MIXER_HOST);
    coach_member_t leg = a_member(room, 1, "leg", NULL, "agent");
    CONTROL(coach.tag(leg, "agent"));
    CONTROL(coach.untag(leg));
    CONTROL(coach.coach(leg, "night"));
    CONTROL(coach.member_mute(leg, 1));
    CONTROL(coach.member_deaf(leg, 1));
    CONTROL(coach.member_hold(leg, 1));
    CONTROL(coach.uncoach(leg));
    CONTROL(coach.member_bypass(leg, 1));
    expect(COACH_OK, coach.member_detach(leg));
    expect(COACH_OK, coach.room_close(room));
    survived();
}

/* Coming and going may be done or not after a fault; the same call again tells which, and settles it. */
static void either(coach_status_t got, coach_status_t otherwise, const char *what)
{
    check(got == COACH_OK || got == otherwise, "%s after the same call panicked: %s; right: done, or %s", what,
          coach.status_str(got), coach.status_str(otherwise));
}

static void stays_private(coach_member_t leg, const char *after)
{
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, LEVEL);
    coach.read(leg, frame, RATE, 1, SAMPLES);
    check(is_silence(frame, SAMPLES), "after %s panicked, a private frame holds up to %d; right: silence", after,
          loudest(frame, SAMPLES));
    survived();
}

static void panics_while_a_member_comes_and_goes(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "other", call.mixer);
    coach_member_t leg = a_leg(call.engine, "leg", NULL, "agent");
    for (int time = 0; time < 20; time++) {
        fault_arm(IN_CONTROL);
        expect(COACH_ERR_PANIC, coach.member_join(leg, room, 1));
        check(coach.last_error()[0], "a join that panicked left no message; right: a sentence");
        stays_private(leg, "coach_member_join");
        either(coach.member_join(leg, room, 1), COACH_ERR_STATE, "coach_member_join");
        fault_arm(IN_CONTROL);
        expect(COACH_ERR_PANIC, coach.member_leave(leg));
        stays_private(leg, "coach_member_leave");
        either(coach.member_leave(leg), COACH_ERR_STATE, "coach_member_leave");
    }
    expect(COACH_OK, coach.member_join(leg, room, 1));
    fault_arm(IN_CONTROL);
    expect(COACH_ERR_PANIC, coach.member_detach(leg));
    stays_private(leg, "coach_member_detach");
    fault_arm(NOWHERE);
    either(coach.member_detach(leg), COACH_ERR_HANDLE, "coach_member_detach");
    leg = a_leg(call.engine, "leg", NULL, "agent"); /* neither its call id nor its number is lost */
    expect(COACH_OK, coach.member_join(leg, room, 1));
    fault_arm(IN_CONTROL);
    expect(COACH_ERR_PANIC, coach.room_close(room));
    stays_private(leg, "coach_room_close");
    fault_arm(NOWHERE);
    either(coach.room_close(room), COACH_ERR_HANDLE, "coach_room_close");
    stays_private(leg, "coach_room_close");
    expect(COACH_OK, coach.member_detach(leg));
    room = a_room(call.engine, "other", call.mixer); /* nor is the name */
    expect(COACH_OK, coach.room_close(room));
    survived();
}

/* A room with a clock of its own: the end of the engine still finds the clock, and waits for it. */
static void panics_while_a_room_with_a_clock_is_closed(void **state)
{
    (void)state;
    coach_room_config_t config = {sizeof config, COACH_MIXER_ENGINE, RATE, 1, 10, COACH_CLOCK_ENGINE, NULL, NULL};
    for (int time = 0; time < 5; time++) {
        struct call old = call;
        coach_room_t room = 0;
        expect(COACH_OK, coach.room_open(call.engine, "clocked", &config, &room));
        coach_member_t leg = a_member(room, 1, "leg", NULL, "agent");
        fault_arm(IN_CONTROL);
        expect(COACH_ERR_PANIC, coach.room_close(room));
        fault_arm(NOWHERE);
        stays_private(leg, "coach_room_close");
        if (time % 2) either(coach.room_close(room), COACH_ERR_HANDLE, "coach_room_close");
        expect(COACH_OK, coach.engine_destroy(old.engine));
        open_call(old.mixer, NULL, NULL);
    }
    survived();
}

/* Threads of this process that Coach started. */
static int threads_of_coachs(void)
{
    char path[300], name[32];
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    check(tasks, "the threads of this process cannot be listed");
    for (struct dirent *task; (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        count += file && fgets(name, sizeof name, file) && strncmp(name, "coach-", 6) == 0;
        if (file) fclose(file);
    }
    closedir(tasks);
    return count;
}

/* While a thread is stopped: the rest is done all the same. */
static void panics_while_an_engine_is_destroyed(void **state)
{
    (void)state;
    coach_room_config_t config = {sizeof config, COACH_MIXER_ENGINE, RATE, 1, 10, COACH_CLOCK_ENGINE, NULL, NULL};
    coach_engine_config_t own = COACH_ENGINE_CONFIG_INIT;
    struct call old = call;
    int16_t frame[SAMPLES];
    for (int time = 0; time < 5; time++) {
        expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &own, &call.engine));
        expect(COACH_OK, coach.room_open(call.engine, "clocked", &config, &call.room));
        coach_member_t leg = a_member(call.room, 1, "leg", NULL, "agent");
        for (int i = 0; i < 100 && !threads_of_coachs(); i++) usleep(10000);
        check(threads_of_coachs(), "Coach has no thread; right: a room's clock");
        fault_arm(IN_DESTROY);
        expect(COACH_ERR_PANIC, coach.engine_destroy(call.engine));
        fault_arm(NOWHERE);
        expect(COACH_ERR_HANDLE, coach.engine_destroy(call.engine));
        expect(COACH_ERR_HANDLE, coach.tag(leg, "agent"));
        fill(frame, SAMPLES, LEVEL);
        expect(COACH_ERR_HANDLE, coach.read(leg, frame, RATE, 1, SAMPLES));
        check(is_silence(frame, SAMPLES), "a private member is audible after its engine's end; right: silence");
        for (int i = 0; i < 1000 && threads_of_coachs(); i++) usleep(10000);
        check(!threads_of_coachs(), "%d threads of Coach's go on", threads_of_coachs());
    }
    call = old;
    survived();
}

/* Half of a change must not be there either: the manager stays private, the customer untagged. */
static void panics_in_the_call_that_would_open_a_private_member(void **state)
{
    (void)state;
    for (int time = 0; time < 20; time++) {
        fault_arm(IN_CONTROL);
        expect(COACH_ERR_PANIC, coach.uncoach(call.manager));
        fault_arm(IN_CONTROL);
        expect(COACH_ERR_PANIC, coach.tag(call.customer, "agent"));
    }
    for (int time = 0; time < 4; time++) survived(); /* longer than the opening guard */
}

/* Others do not wait for a change that panics to be undone: whatever they do at once must not act on its half. */
static int stop;

static void *tags_meanwhile(void *none)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) coach.tag(call.customer, "guest");
    return none;
}

static void others_act_while_a_change_panics(void **state)
{
    (void)state;
    pthread_t others[2];
    stop = 0;
    for (int n = 0; n < 2; n++) assert_int_equal(0, pthread_create(&others[n], NULL, tags_meanwhile, NULL));
    int panicked = 0, opened = 0;
    for (int time = 0; time < 2000 && panicked < 500 && !opened; time++) {
        fault_arm(IN_CONTROL);
        if (coach.uncoach(call.manager) == COACH_ERR_PANIC) {
            panicked++;
            char *state_now = host_state();
            opened = strstr(state_now, "\"speak_only_to\":[\"agent\"]") == NULL;
            coach.string_free(state_now);
        } else {
            coach.coach(call.manager, "agent"); /* it was another's turn to panic */
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int n = 0; n < 2; n++) pthread_join(others[n], NULL);
    fault_arm(NOWHERE);
    check(panicked, "coach_uncoach never panicked; right: now and then");
    check(!opened, "coach_uncoach panicked, and another's change at that moment opened the manager all the same");
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    void *address = dlsym(coach.library, "coach_fault_arm");
    if (!address) {
        fprintf(stderr, "%s does not export coach_fault_arm: build it with --features faults\n", coach.path);
        return 2;
    }
    memcpy(&fault_arm, &address, sizeof address);
#define PANIC(setup, test) cmocka_unit_test_setup_teardown(test, setup, disarm_and_hang_up)
    const struct CMUnitTest tests[] = {
        PANIC(host_mixed, panics_in_a_read_hook),
        PANIC(engine_mixed, panics_in_a_read_hook),
        PANIC(host_mixed, panics_in_a_write_hook),
        PANIC(engine_mixed, panics_in_a_write_hook),
        PANIC(engine_mixed, panics_in_a_tick),
        PANIC(host_mixed_counting, panics_in_a_command),
        PANIC(host_mixed_counting, panics_in_a_control_call),
        PANIC(host_mixed, panics_while_a_member_comes_and_goes),
        PANIC(engine_mixed, panics_while_a_member_comes_and_goes),
        PANIC(host_mixed, panics_while_a_room_with_a_clock_is_closed),
        PANIC(host_mixed, panics_while_an_engine_is_destroyed),
        PANIC(host_mixed, panics_in_the_call_that_would_open_a_private_member),
        PANIC(engine_mixed, panics_in_the_call_that_would_open_a_private_member),
        PANIC(host_mixed, others_act_while_a_change_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
