/* A host that unloads the library, while its threads go on that have called it. */
#include <pthread.h>

#include "host.h"

/* More than the thread keys that a process has, should each load take one. */
enum { ROUNDS = 1100 };

static void count(void *events, const coach_event_t *event)
{
    (void)event;
    ++*(int *)events;
}

static void *calls_it(void *none)
{
    (void)none;
    int events = 0;
    open_call(COACH_CARRIER_HOST, count, &events);
    expect(COACH_OK, coach.uncoach(call.manager));
    expect(COACH_OK, coach.engine_destroy(call.engine));
    check(events > 3, "%d events were told; right: one each for three joins, and more", events);
    return NULL;
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

static void *a_thread_that_stays(void *turn)
{
    pthread_barrier_t *barrier = turn;
    calls_it(NULL);
    pthread_barrier_wait(barrier); /* it is unloaded now */
    pthread_barrier_wait(barrier); /* the thread ends after that */
    return NULL;
}

static void unloads_it_under_a_thread_that_has_called_it(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, a_thread_that_stays, &barrier);
    pthread_barrier_wait(&barrier);
    dlclose(coach.library);
    check(!is_mapped(), "the library is still there after dlclose");
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
    host_open();
}

static void loads_and_unloads_it_over_and_over(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        calls_it(NULL);
        dlclose(coach.library);
        host_open();
    }
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unloads_it_under_a_thread_that_has_called_it),
        cmocka_unit_test(loads_and_unloads_it_over_and_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
