/*
 * What every program of this harness starts with: the library, loaded with dlopen as a switch loads it; one coached call;
 * and the checks that follow every misbehaviour: the right status, a message, nothing changed, privacy kept.
 *
 * A program is run as `program <libcoach.so>`. Each is one group of cmocka tests, each test named for what the host does.
 */
#ifndef HOST_H
#define HOST_H

#include <dlfcn.h>
#include <signal.h>

#include "check.h"
#include "coach.h"

/* ------------------------------------------------------------------------------------------- the library ---- */

#define FUNCTIONS(X)                                                                                                   \
    X(status_str) X(last_error) X(version) X(abi_version)                                                              \
    X(engine_create) X(engine_destroy) X(engine_service) X(engine_clock) X(engine_stats)                               \
    X(room_open) X(room_find) X(room_close) X(room_tick)                                                               \
    X(member_attach) X(member_join) X(member_leave) X(member_detach) X(member_bypass)                                  \
    X(member_mute) X(member_deaf) X(member_hold) X(member_transferred) X(member_info) X(members)                       \
    X(tag) X(untag) X(coach) X(uncoach)                                                                                \
    X(read) X(read_at) X(write)                                                                                        \
    X(command) X(member_command) X(grammar) X(state_json) X(string_free)

/* `coach.tag(...)` is the library's coach_tag. */
#define FUNCTION(name) __typeof__(coach_##name) *name;
static struct coach {
    FUNCTIONS(FUNCTION)
    void *library;
    const char *path;
} coach;

static inline void host_is_stuck(int signal)
{
    static const char text[] = "a call did not come back; right: every call of this program ends\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1)) _exit(3);
    _exit(3);
}

/* Loads it, for the first time or again. */
static inline void host_open(void)
{
    coach.library = dlopen(coach.path, RTLD_NOW | RTLD_LOCAL);
    if (!coach.library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#define LOAD(name)                                                                                                     \
    {                                                                                                                  \
        void *address = dlsym(coach.library, "coach_" #name);                                                          \
        if (!address) {                                                                                                \
            fprintf(stderr, "%s does not export coach_" #name "\n", coach.path);                                       \
            exit(2);                                                                                                   \
        }                                                                                                              \
        memcpy(&coach.name, &address, sizeof address);                                                                 \
    }
    FUNCTIONS(LOAD)
}

static inline void host_load(int argc, char **argv)
{
    signal(SIGALRM, host_is_stuck);
    alarm(540); /* far above what any of them needs */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fprintf(stderr, "usage: %s <libcoach.so>\n", argv[0]);
        exit(2);
    }
    coach.path = argv[1];
    host_open();
}

/* ----------------------------------------------------------------------------------------------- one call ---- */

enum {
    RATE = 8000,
    SAMPLES = 160, /* a frame: 20 ms, mono */
    LEVEL = 1000,  /* what the manager says: every sample of it */
    RESIDUE = 32   /* samples in the 4 ms that a voice takes to fade */
};

/* The call that each test disturbs: the manager speaks only to the agent, the customer must hear nothing of it. */
static struct call {
    coach_engine_t engine;
    coach_room_t room;
    uint32_t mixer;
    coach_member_t customer; /* 1 */
    coach_member_t agent;    /* 2 */
    coach_member_t manager;  /* 3 */
} call;

static inline coach_status_t host_expect(coach_status_t got, coach_status_t right, const char *what, const char *file,
                                         int line)
{
    if (got != right) {
        print_error("%s returned %d: %s\n  right: %d: %s\n  message: %s\n", what, (int)got, coach.status_str(got),
                    (int)right, coach.status_str(right), coach.last_error());
        _fail(file, line);
    }
    return got;
}

/* Fails unless the call returns exactly this status. */
#define expect(right, what) host_expect((what), (right), #what, __FILE__, __LINE__)

static inline coach_engine_t an_engine(coach_event_fn on_event, void *user)
{
    coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
    config.flags = COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK; /* nothing moves but what the test moves */
    config.on_event = on_event;
    config.user = user;
    coach_engine_t engine = 0;
    expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &config, &engine));
    return engine;
}

/* Housekeeping, a second after the last: opening guards end by the speaker's own audio alone. */
static inline coach_status_t serve(coach_engine_t engine)
{
    static _Atomic uint64_t now;
    coach_status_t status = coach.engine_clock(engine, now += 1000000000u);
    return status == COACH_OK ? coach.engine_service(engine) : status;
}

static inline coach_room_t a_room(coach_engine_t engine, const char *name, uint32_t mixer)
{
    coach_room_config_t config = COACH_ROOM_CONFIG_INIT;
    config.mixer = mixer;
    if (mixer == COACH_MIXER_ENGINE) {
        config.rate = RATE;
        config.channels = 1;
        config.tick_ms = 20;
    }
    coach_room_t room = 0;
    expect(COACH_OK, coach.room_open(engine, name, &config, &room));
    return room;
}

/* Attached; in no room yet. */
static inline coach_member_t a_leg(coach_engine_t engine, const char *call_id, const char *tags,
                                   const char *speak_only_to)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = call_id;
    config.tags = tags;
    config.speak_only_to = speak_only_to;
    coach_member_t member = 0;
    expect(COACH_OK, coach.member_attach(engine, &config, &member));
    return member;
}

static inline coach_member_t a_member(coach_room_t room, uint32_t number, const char *call_id, const char *tags,
                                      const char *speak_only_to)
{
    coach_member_t member = a_leg(call.engine, call_id, tags, speak_only_to);
    expect(COACH_OK, coach.member_join(member, room, number));
    return member;
}

static inline void open_call(uint32_t mixer, coach_event_fn on_event, void *user)
{
    call.mixer = mixer;
    call.engine = an_engine(on_event, user);
    call.room = a_room(call.engine, "support", mixer);
    call.customer = a_member(call.room, 1, "customer", NULL, NULL);
    call.agent = a_member(call.room, 2, "agent", "agent", NULL);
    call.manager = a_member(call.room, 3, "manager", NULL, "agent");
}

static inline int host_mixed(void **state)
{
    (void)state;
    open_call(COACH_MIXER_HOST, NULL, NULL);
    return 0;
}

static inline int engine_mixed(void **state)
{
    (void)state;
    open_call(COACH_MIXER_ENGINE, NULL, NULL);
    return 0;
}

/* Also after a test that destroyed the engine itself, or failed half way. */
static inline int hang_up(void **state)
{
    (void)state;
    coach.engine_destroy(call.engine);
    memset(&call, 0, sizeof call);
    return 0;
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

#define ON(mixer, test) cmocka_unit_test_setup_teardown(test, mixer, hang_up)

/* ------------------------------------------------------------------------------------------------- frames ---- */

static inline void fill(int16_t *frame, size_t count, int16_t value)
{
    for (size_t i = 0; i < count; i++) frame[i] = value;
}

static inline int16_t loudest(const int16_t *frame, size_t count)
{
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        int size = frame[i] < 0 ? -frame[i] : frame[i];
        if (size > most) most = size;
    }
    return (int16_t)(most > INT16_MAX ? INT16_MAX : most);
}

static inline int is_silence(const int16_t *frame, size_t count)
{
    return loudest(frame, count) == 0;
}

static inline int is_all(const int16_t *frame, size_t count, int16_t value)
{
    for (size_t i = 0; i < count; i++)
        if (frame[i] != value) return 0;
    return 1;
}

/* ----------------------------------------------------------------------------------------------- survival ---- */

/* The engine still works, and privacy still holds: the agent hears the manager whole, the customer not one sample. */
static inline void host_survived(const char *file, int line)
{
    int16_t agent[SAMPLES], customer[SAMPLES], manager[SAMPLES];
    int heard = 0;
    for (int tick = 0; tick < 8; tick++) {
        coach_status_t status;
        int whispered = 0;
        serve(call.engine);
        if (call.mixer == COACH_MIXER_ENGINE) {
            fill(agent, SAMPLES, 0);
            fill(customer, SAMPLES, 0);
            status = coach.read(call.agent, agent, RATE, 1, SAMPLES);
            if (status < 0) print_error("afterwards, coach_read of the agent: %s\n", coach.status_str(status));
            status = coach.read(call.customer, customer, RATE, 1, SAMPLES);
            if (status < 0) print_error("afterwards, coach_read of the customer: %s\n", coach.status_str(status));
        }
        fill(manager, SAMPLES, LEVEL);
        status = coach.read(call.manager, manager, RATE, 1, SAMPLES);
        whispered = status == COACH_SILENCED && is_silence(manager, SAMPLES);
        if (call.mixer == COACH_MIXER_ENGINE) {
            status = coach.room_tick(call.room);
            if (status < 0) print_error("afterwards, coach_room_tick: %s\n", coach.status_str(status));
        }
        fill(agent, SAMPLES, 0);
        fill(customer, SAMPLES, 0);
        coach.write(call.agent, agent, RATE, 1, SAMPLES);
        coach.write(call.customer, customer, RATE, 1, SAMPLES);
        if (!is_silence(customer, SAMPLES)) {
            print_error("afterwards the customer hears the manager (up to %d in tick %d); right: silence\n",
                        loudest(customer, SAMPLES), tick);
            _fail(file, line);
        }
        if (!whispered) {
            print_error("afterwards the manager's frame is not taken out (%s, up to %d left); right: COACH_SILENCED, silence\n",
                        coach.status_str(status), loudest(manager, SAMPLES));
            _fail(file, line);
        }
        heard = is_all(agent, SAMPLES, LEVEL);
    }
    if (!heard) {
        print_error("afterwards the agent does not hear the manager whole (up to %d in its last frame); right: %d\n",
                    loudest(agent, SAMPLES), LEVEL);
        _fail(file, line);
    }
}
#define survived() host_survived(__FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------ refusals ---- */

static inline char *host_state(void)
{
    char *json = NULL;
    expect(COACH_OK, coach.state_json(call.engine, NULL, &json));
    return json;
}

/* What a refusal is measured against. */
struct before {
    char *state;
    char message[256];
};

static inline struct before host_before(void)
{
    struct before before = {host_state(), ""};
    /* Another mistake first, so that a message left over from earlier cannot pass for the new one. */
    coach_engine_t none = 0;
    coach.engine_create(0, NULL, &none);
    snprintf(before.message, sizeof before.message, "%s", coach.last_error());
    return before;
}

static inline void host_refused(struct before *before, coach_status_t right, coach_status_t got, const char *what,
                                const char *file, int line)
{
    char message[256];
    snprintf(message, sizeof message, "%s", coach.last_error());
    char *state = host_state();
    int same = strcmp(before->state, state) == 0;
    if (!same) print_error("%s failed, yet the state went from\n  %s\nto\n  %s\n", what, before->state, state);
    coach.string_free(before->state);
    coach.string_free(state);
    host_expect(got, right, what, file, line);
    if (!same) _fail(file, line);
    if (!message[0] || (right != COACH_ERR_VERSION && strcmp(message, before->message) == 0)) {
        print_error("%s failed and left no message of its own (\"%s\"); right: a sentence\n", what, message);
        _fail(file, line);
    }
}

/* A [control] call that must fail with exactly this status, leave a message of its own, and change nothing. */
#define refused(right, what)                                                                                           \
    do {                                                                                                               \
        struct before before_ = host_before();                                                                         \
        coach_status_t got_ = (what);                                                                                  \
        host_refused(&before_, (right), got_, #what, __FILE__, __LINE__);                                              \
    } while (0)

/* What an output holds before a call that must not write it. */
#define UNWRITTEN UINT64_C(0x5a5a5a5a5a5a5a5a)
static uint64_t output __attribute__((unused));

/* Like `refused`, for a row of a table; `output` must stay as it was. */
#define refused_row(right, what, ...)                                                                                  \
    do {                                                                                                               \
        char row_[192];                                                                                                \
        snprintf(row_, sizeof row_, __VA_ARGS__);                                                                      \
        struct before before_ = host_before();                                                                         \
        output = UNWRITTEN;                                                                                            \
        coach_status_t got_ = (what);                                                                                  \
        host_refused(&before_, (right), got_, row_, __FILE__, __LINE__);                                               \
        check(output == UNWRITTEN, "%s failed, yet wrote its output", row_);                                           \
    } while (0)

#endif
