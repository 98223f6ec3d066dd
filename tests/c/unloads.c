/* A host that unloads the library, while its threads go on that have called it. */
#include <pthread.h>
#include <semaphore.h>

#include "host.h"

/* More than the thread keys that a process has, should each load take one. */
enum { ROUNDS = 1100 };

static void count(void *events, const coach_event_t *event)
{
    (void)event;
    ++*(int *)events;
}

static void calls_it(void)
{
    int events = 0;
    open_call(COACH_MIXER_HOST, count, &events);
    expect(COACH_OK, coach.uncoach(call.manager));
    expect(COACH_OK, coach.engine_destroy(call.engine));
    check(events > 3, "%d events were told; right: one each for three joins, and more", events);
}

static int is_mapped(void)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    check(maps, "the maps of this process cannot be read");
    while (fgets(line, sizeof line, maps)) found |= strstr(line, "libcoach") != NULL;
    fclose(maps);
    return found;
}

enum { THREADS = 4 };

struct visitor {
    pthread_t thread;
    int number;
    pthread_barrier_t *turn;
};

/* Calls while the others do, so that they wait for each other inside; and lives on. */
static void *visits(void *context)
{
    struct visitor *self = context;
    for (int i = 0; i < 500; i++) {
        char name[32];
        coach_room_t room;
        snprintf(name, sizeof name, "room-%d-%d", self->number, i);
        expect(COACH_OK, coach.room_open(call.engine, name, NULL, &room));
        expect(COACH_OK, serve(call.engine));
        expect(COACH_OK, coach.room_close(room));
    }
    pthread_barrier_wait(self->turn); /* now it is unloaded */
    pthread_barrier_wait(self->turn); /* the thread ends after that */
    return NULL;
}

static void unloads_it_under_threads_that_have_called_it(void **state)
{
    (void)state;
    struct visitor visitors[THREADS];
    int events = 0;
    pthread_barrier_t turn;
    pthread_barrier_init(&turn, NULL, THREADS + 1);
    open_call(COACH_MIXER_HOST, count, &events);
    for (int i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.number = i, .turn = &turn};
        pthread_create(&visitors[i].thread, NULL, visits, &visitors[i]);
    }
    pthread_barrier_wait(&turn);
    expect(COACH_OK, coach.engine_destroy(call.engine));
    dlclose(coach.library);
    check(!is_mapped(), "the library is still there after dlclose");
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++) pthread_join(visitors[i].thread, NULL);
    pthread_barrier_destroy(&turn);
    host_open();
}

/* The first call's callback is slow: the events of the calls that follow wait meanwhile, for the host's service or a thread of Coach's. */
static struct {
    sem_t inside;
    int told;
} slow;

static void is_slow(void *user, const coach_event_t *event)
{
    (void)user;
    if (event->kind == COACH_EVENT_UNTAG) {
        sem_post(&slow.inside);
        usleep(200000);
    }
    slow.told++;
}

static void *untags(void *unused)
{
    (void)unused;
    expect(COACH_OK, coach.untag(call.agent));
    return NULL;
}

static void unloads_it_while_events_wait(void **state)
{
    (void)state;
    const uint32_t flags[] = {COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 0};
    for (size_t i = 0; i < COUNT(flags); i++) {
        coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
        pthread_t first;
        sem_init(&slow.inside, 0, 0);
        config.flags = flags[i];
        config.on_event = is_slow;
        expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &config, &call.engine));
        call.room = a_room(call.engine, "support", COACH_MIXER_HOST);
        call.agent = a_member(call.room, 1, "agent", "agent", NULL);
        call.manager = a_member(call.room, 2, "manager", NULL, "agent");
        pthread_create(&first, NULL, untags, NULL);
        sem_wait(&slow.inside);
        slow.told = 0;
        for (int turn = 0; turn < 50; turn++) {
            expect(COACH_OK, coach.uncoach(call.manager));
            expect(COACH_OK, coach.coach(call.manager, "agent"));
        }
        check(slow.told == 0, "%d events were told beside a callback", slow.told);
        expect(COACH_OK, coach.engine_destroy(call.engine));
        check(slow.told > 0, "the engine ended inside its callback");
        pthread_join(first, NULL);
        slow.told = 0;
        dlclose(coach.library);
        /* Without the host's service this thread, in whose calls the service was started, holds it until it ends. */
        check(is_mapped() == !flags[i], "flags %u: the library is %s after dlclose", flags[i], is_mapped() ? "still there" : "gone");
        usleep(100000);
        check(slow.told == 0, "flags %u: %d events were told after the end", flags[i], slow.told);
        sem_destroy(&slow.inside);
        host_open();
    }
}

static void loads_and_unloads_it_over_and_over(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        calls_it();
        dlclose(coach.library);
        host_open();
    }
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unloads_it_under_threads_that_have_called_it),
        cmocka_unit_test(unloads_it_while_events_wait),
        cmocka_unit_test(loads_and_unloads_it_over_and_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
