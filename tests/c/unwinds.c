/* Stacks that are unwound through Coach. A callback that does not return ends the process, at once and by SIGABRT, and not one frame is
 * heard by anybody after that. A cancellation that is pending acts in no hook, and in no call of a thread that has disabled it. */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "host.h"

/* What `throw 1` is in C++, by the names that its compilers use (Itanium C++ ABI, "Exception Handling"). */
extern void *__cxa_allocate_exception(size_t size);
extern void __cxa_throw(void *exception, void *type, void (*destroy)(void *)) __attribute__((noreturn));
extern char _ZTIi;

static void throws(void)
{
    int *exception = __cxa_allocate_exception(sizeof *exception);
    *exception = 1;
    __cxa_throw(exception, &_ZTIi, NULL);
}

static void exits(void)
{
    pthread_exit(NULL);
}

static void is_cancelled(void)
{
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

static void returns(void) {}

static void (*leaves)(void);

static void on_event(void *user, const coach_event_t *event)
{
    (void)user;
    (void)event;
    leaves();
}

static void *calls(void *done)
{
    open_call(COACH_MIXER_HOST, on_event, NULL);
    *(int *)done = 1;
    return NULL;
}

/* How a process ends of which a thread, not the first, makes calls whose callback leaves so. 0: it goes on. */
static int ends_by(void (*way)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork(); /* there is no engine */
    check(child >= 0, "this process cannot fork");
    if (child == 0) {
        pthread_t thread;
        int done = 0;
        const struct rlimit none = {0, 0};
        alarm(20);
        setrlimit(RLIMIT_CORE, &none);
        freopen("/dev/null", "w", stderr); /* both runtimes say what they think of it */
        leaves = way;
        if (pthread_create(&thread, NULL, calls, &done) || pthread_join(thread, NULL)) _exit(2);
        _exit(done ? 0 : 3);
    }
    check(waitpid(child, &status, 0) == child, "the child is lost");
    check(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "the child ended with %d; right: 0, or by a signal", WEXITSTATUS(status));
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_callback_that_does_not_return_ends_the_process(void **state)
{
    (void)state;
    check(ends_by(returns) == 0, "a callback that returns ends nothing");
    check(ends_by(throws) == SIGABRT, "an exception should end it by SIGABRT");
    check(ends_by(exits) == SIGABRT, "pthread_exit should end it by SIGABRT");
    check(ends_by(is_cancelled) == SIGABRT, "a cancellation should end it by SIGABRT");
}

static coach_status_t worst;
static int all_returned;

static void note(coach_status_t status)
{
    if (status < worst) worst = status;
}

static void *calls_hooks(void *unused)
{
    (void)unused;
    int16_t frame[SAMPLES];
    pthread_cancel(pthread_self());
    for (int turn = 0; turn < 100; turn++) {
        fill(frame, SAMPLES, LEVEL);
        note(coach.read(call.manager, frame, RATE, 1, SAMPLES));
        if (!is_silence(frame, SAMPLES)) worst = -1;
        note(coach.write(call.agent, frame, RATE, 1, SAMPLES));
        if (call.mixer == COACH_MIXER_ENGINE) note(coach.room_tick(call.room));
    }
    all_returned = 1;
    pthread_testcancel();
    return "a cancellation was pending, and it does not act where it may";
}

static void *makes_calls(void *unused)
{
    int before;
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_cancel(pthread_self());
    note(coach.member_mute(call.customer, 1));
    note(coach.member_leave(call.customer));
    note(coach.member_join(call.customer, call.room, 1));
    note(coach.engine_service(call.engine));
    note(coach.member_mute(call.customer, 0));
    all_returned = 1;
    pthread_setcancelstate(before, NULL);
    pthread_testcancel();
    return "a cancellation was pending, and it does not act where it may";
}

static void a_cancellation_that_is_pending_acts_outside(void **state)
{
    (void)state;
    void *(*const threads[])(void *) = {calls_hooks, makes_calls};
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_t thread;
        void *result = NULL;
        worst = COACH_OK;
        all_returned = 0;
        check(pthread_create(&thread, NULL, threads[i], NULL) == 0, "no thread");
        check(pthread_join(thread, &result) == 0, "the thread is lost");
        check(result == PTHREAD_CANCELED, "thread %zu ended so: %s", i, result ? (char *)result : "");
        check(all_returned, "thread %zu was cancelled inside Coach", i);
        check(worst >= COACH_OK, "thread %zu: %s", i, coach.status_str(worst));
        survived();
    }
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_that_does_not_return_ends_the_process),
        ON(host_mixed, a_cancellation_that_is_pending_acts_outside),
        ON(engine_mixed, a_cancellation_that_is_pending_acts_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
