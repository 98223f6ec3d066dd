/* How much stack the hooks take, and which pages they are the first to touch. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "host.h"

enum { STACK = 1 << 20, PAINT = 0xa5, PROMISED = 64 << 10, MOST = 8 * 192 * 60 };

static int16_t frame[MOST];

/* A hook is called with this. */
struct played {
    enum { READS, WRITES, TICKS } hook;
    coach_member_t member;
    uint32_t rate, channels, ms;
    int times;
    unsigned char *stack; /* its lowest address */
    long faults;
    size_t took; /* bytes of stack, from the caller's frame on */
};

static long faults_so_far(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

static coach_status_t plays(struct played *played)
{
    uint32_t samples = played->rate / 1000 * played->ms;
    if (played->hook == READS) return coach.read(played->member, frame, played->rate, played->channels, samples);
    if (played->hook == WRITES) return coach.write(played->member, frame, played->rate, played->channels, samples);
    return coach.room_tick(call.room);
}

static void *on_a_thread(void *context)
{
    struct played *played = context;
    unsigned char here, *lowest = played->stack;
    long before = faults_so_far();
    memset(played->stack, PAINT, (size_t)(&here - played->stack) - 1024); /* below this frame; all of it is touched */
    before = faults_so_far();
    do {
        plays(played);
    } while (--played->times > 0);
    played->faults = faults_so_far() - before;
    while (*lowest == PAINT) lowest++;
    played->took = (size_t)(&here - lowest);
    return NULL;
}

/* On a thread that has called nothing of Coach's, and whose stack is touched. */
static void runs(struct played *played)
{
    pthread_t thread;
    pthread_attr_t attributes;
    played->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(played->stack != MAP_FAILED, "no memory for a stack");
    memset(played->stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, played->stack, STACK);
    check(pthread_create(&thread, &attributes, on_a_thread, played) == 0, "no thread");
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    munmap(played->stack, STACK);
}

static void needs_no_more_stack_than_is_promised(void **state)
{
    (void)state;
    static const uint32_t rates[] = {8000, 44100, 48000, 192000};
    size_t most = 0;
    for (int hook = READS; hook <= TICKS; hook++)
        for (size_t i = 0; i < COUNT(rates); i++)
            for (uint32_t channels = 1; channels <= 8; channels += 7)
                for (uint32_t ms = 20; ms <= 60; ms += 40)
                    for (int time = 0; time < 8; time++) {
                        struct played feed = {.hook = READS, .member = call.manager, .rate = 16000, .channels = 1, .ms = 20};
                        struct played played = feed;
                        coach_member_t member = hook == READS ? call.manager : call.agent;
                        played.hook = hook, played.member = member;
                        played.rate = rates[i], played.channels = channels, played.ms = ms;
                        plays(&feed);
                        serve(call.engine);
                        runs(&played);
                        if (played.took > most) most = played.took;
                    }
    check(most < PROMISED, "a hook took %zu bytes of stack; right: less than %d", most, PROMISED);
    check(most > 8192, "the hooks took %zu bytes of stack in all: that cannot be", most);
    print_message("a hook took up to %zu bytes of stack\n", most);
}

/* Whatever a member's hooks use is there, and touched, when it attaches: the thread's own stack is all that is left. */
static void touches_no_new_page(void **state)
{
    (void)state;
    unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(page != MAP_FAILED, "no memory for a page");
    long before = faults_so_far();
    *(volatile unsigned char *)page = 1;
    check(faults_so_far() > before, "a page is touched for the first time, and no fault is counted");
    munmap(page, 4096);
    struct played code[] = {{.hook = READS, .member = call.manager, .rate = RATE, .channels = 1, .ms = 20, .times = 200},
                            {.hook = WRITES, .member = call.agent, .rate = RATE, .channels = 1, .ms = 20, .times = 200}};
    for (size_t i = 0; i < COUNT(code); i++) runs(&code[i]); /* the pages that hold the library's own code */
    for (uint32_t number = 10; number < 60; number++) {
        char name[16];
        snprintf(name, sizeof name, "leg-%u", number);
        coach_member_t leg = a_member(call.room, number, name, "agent", number % 2 ? "agent" : NULL);
        struct played feed = {.hook = READS, .member = call.manager, .rate = RATE, .channels = 1, .ms = 20};
        plays(&feed);
        for (int hook = READS; hook <= WRITES; hook++) {
            struct played first = {.hook = hook, .member = leg, .rate = RATE, .channels = 1, .ms = 20, .times = 200};
            runs(&first);
            check(first.faults == 0, "the first 200 %s hooks of member %u took %ld page faults; right: none", hook == READS ? "read" : "write",
                  number, first.faults);
        }
    }
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, touches_no_new_page),
        ON(engine_mixed, touches_no_new_page),
        ON(host_mixed, needs_no_more_stack_than_is_promised),
        ON(engine_mixed, needs_no_more_stack_than_is_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
