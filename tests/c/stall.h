/*
 * A hook that stays inside for as long as a test needs: its frame lies in a page that may not be touched yet. The hook
 * faults at its first touch; the handler waits for the test, opens the page, and the hook goes on as if it had been
 * preempted there. No luck, and no sleep.
 */
#ifndef STALL_H
#define STALL_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>

#include "host.h"

typedef coach_status_t (*hook)(coach_member_t member, int16_t *frame, uint32_t rate, uint32_t channels,
                               uint32_t samples);

static struct stall {
    int16_t *frame;
    size_t bytes;
    sem_t inside;   /* the hook has touched its frame, or has returned without doing so */
    sem_t go;
    int returned, finished;
    pthread_t thread;
    hook hook;
    coach_member_t member;
    coach_status_t status;
    struct sigaction old[2];
} stall;

static inline void stall_wait(sem_t *semaphore)
{
    while (sem_wait(semaphore) && errno == EINTR) {}
}

static inline void stall_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    char *page = (char *)stall.frame, *at = info->si_addr;
    if (!page || at < page || at >= page + stall.bytes) { /* a real one: die of it as usual */
        sigaction(signal, &stall.old[signal == SIGBUS], NULL);
        return;
    }
    sem_post(&stall.inside);
    stall_wait(&stall.go);
    mprotect(stall.frame, stall.bytes, PROT_READ | PROT_WRITE);
}

static inline void *stall_run(void *none)
{
    (void)none;
    stall.status = stall.hook(stall.member, stall.frame, RATE, 1, SAMPLES);
    stall.returned = 1;
    sem_post(&stall.inside);
    return NULL;
}

/* Begins a hook on another thread, with a frame full of `value`, and comes back when it is stuck inside. */
static inline void stall_begin(hook hook, coach_member_t member, int16_t value)
{
    memset(&stall, 0, sizeof stall);
    stall.hook = hook;
    stall.member = member;
    stall.bytes = (size_t)sysconf(_SC_PAGESIZE);
    stall.frame = mmap(NULL, stall.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(stall.frame != MAP_FAILED, "mmap failed");
    fill(stall.frame, SAMPLES, value);
    mprotect(stall.frame, stall.bytes, PROT_NONE);
    sem_init(&stall.inside, 0, 0);
    sem_init(&stall.go, 0, 0);
    struct sigaction action = {.sa_sigaction = stall_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, &stall.old[0]);
    sigaction(SIGBUS, &action, &stall.old[1]);
    pthread_create(&stall.thread, NULL, stall_run, NULL);
    stall_wait(&stall.inside);
    check(!stall.returned, "the hook returned (%s) without touching its frame; right: it is stuck inside",
          coach.status_str(stall.status));
}

/* Lets it go on, waits for its end, and hands its status over; stall.frame can be read until stall_end. */
static inline coach_status_t stall_finish(void)
{
    if (stall.finished) return stall.status;
    stall.finished = 1;
    sem_post(&stall.go);
    pthread_join(stall.thread, NULL);
    sigaction(SIGSEGV, &stall.old[0], NULL);
    sigaction(SIGBUS, &stall.old[1], NULL);
    return stall.status;
}

static inline void stall_end(void)
{
    munmap(stall.frame, stall.bytes);
    stall.frame = NULL;
}

/* For a test that failed while its hook was stuck: nothing else could end the engine. */
static inline int let_go_and_hang_up(void **state)
{
    if (stall.frame) {
        stall_finish();
        stall_end();
    }
    return hang_up(state);
}

#endif
