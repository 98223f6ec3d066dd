/* A host that makes [control] calls from inside the event callback, up to destroying the engine that calls it. */
#include <pthread.h>
#include <semaphore.h>

#include "host.h"

/* The callback acts once: at the first event of this kind about this call id. */
static struct {
    uint32_t kind;
    const char *call_id;
    void (*act)(const coach_event_t *event);
    int acted;
    coach_status_t status;
    char message[256];
} plan;

/* What every event is checked for, whatever the callback does meanwhile. */
static struct {
    int depth;
    int count;
    uint64_t last[64]; /* the newest sequence of each room seen */
    coach_room_t rooms[64];
    int known;
    char wrong[256];
} seen;

static void judge(const coach_event_t *event)
{
    if (event->size != sizeof *event) snprintf(seen.wrong, sizeof seen.wrong, "size is %u", event->size);
    if (event->kind < COACH_EVENT_JOIN || event->kind > COACH_EVENT_LOST)
        snprintf(seen.wrong, sizeof seen.wrong, "kind is %u", event->kind);
    if (!event->room_name || !event->call_id || !event->tags || !event->heard_by || !event->text)
        snprintf(seen.wrong, sizeof seen.wrong, "kind %u has a null text", event->kind);
    if (!event->time_ns) snprintf(seen.wrong, sizeof seen.wrong, "kind %u has no time", event->kind);
    if (!event->room) {
        if (event->sequence) snprintf(seen.wrong, sizeof seen.wrong, "an event outside rooms is numbered");
        return;
    }
    int i = 0;
    while (i < seen.known && seen.rooms[i] != event->room) i++;
    if (i == seen.known && i < 64) {
        seen.rooms[seen.known++] = event->room;
        seen.last[i] = event->sequence - 1;
        if (event->sequence != 1)
            snprintf(seen.wrong, sizeof seen.wrong, "the first event of a room is number %llu",
                     (unsigned long long)event->sequence);
    }
    if (i < 64 && event->sequence != seen.last[i] + 1)
        snprintf(seen.wrong, sizeof seen.wrong, "number %llu follows number %llu", (unsigned long long)event->sequence,
                 (unsigned long long)seen.last[i]);
    if (i < 64) seen.last[i] = event->sequence;
}

static void on_event(void *user, const coach_event_t *event)
{
    (void)user;
    if (seen.depth++) snprintf(seen.wrong, sizeof seen.wrong, "a callback began inside a callback");
    seen.count++;
    judge(event);
    if (plan.act && !plan.acted && event->kind == plan.kind &&
        (!plan.call_id || strcmp(event->call_id, plan.call_id) == 0)) {
        plan.acted = 1;
        plan.act(event);
    }
    seen.depth--;
}

static int with_callback(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    memset(&plan, 0, sizeof plan);
    open_call(COACH_MIXER_HOST, on_event, &seen);
    return 0;
}

static void act_at(uint32_t kind, const char *call_id, void (*act)(const coach_event_t *event))
{
    plan.kind = kind;
    plan.call_id = call_id;
    plan.act = act;
    plan.acted = 0;
}

/* In a callback nothing may jump out: it remembers, and the test looks afterwards. */
static void note(coach_status_t status)
{
    plan.status = status;
    snprintf(plan.message, sizeof plan.message, "%s", coach.last_error());
}

static void looked_after(void)
{
    check(plan.acted, "the event that this test waits for never came");
    check(!seen.wrong[0], "an event is wrong: %s", seen.wrong);
}

/* -------------------------------------------------------------------------------------------------- tests ---- */

static void destroys_its_engine(const coach_event_t *event)
{
    (void)event;
    note(coach.engine_destroy(call.engine));
}
static void destroys_the_engine_that_calls_it(void **state)
{
    (void)state;
    act_at(COACH_EVENT_TAG, "customer", destroys_its_engine);
    expect(COACH_OK, coach.tag(call.customer, "guest"));
    looked_after();
    check(plan.status == COACH_ERR_BUSY, "coach_engine_destroy inside the callback: %s; right: %s",
          coach.status_str(plan.status), coach.status_str(COACH_ERR_BUSY));
    check(plan.message[0], "COACH_ERR_BUSY left no message; right: a sentence");
    survived();
}

static void destroys_by_way_of_another(const coach_event_t *event)
{
    (void)event;
    coach_engine_t other = an_engine(NULL, NULL);
    a_room(other, "support", COACH_MIXER_HOST);
    note(coach.engine_destroy(other));
}
static void destroys_another_engine(void **state)
{
    (void)state;
    act_at(COACH_EVENT_TAG, "customer", destroys_by_way_of_another);
    expect(COACH_OK, coach.tag(call.customer, "guest"));
    looked_after();
    check(plan.status == COACH_OK, "destroying another engine inside the callback: %s", coach.status_str(plan.status));
    survived();
}

static void detaches_it(const coach_event_t *event) { note(coach.member_detach(event->member)); }
static void detaches_the_member_that_the_event_is_about(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {COACH_EVENT_JOIN, COACH_EVENT_TAG, COACH_EVENT_COACH, COACH_EVENT_LEAVE,
                                     COACH_EVENT_AUDIENCE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        coach_member_t leg = a_leg(call.engine, "leg", "agent", NULL);
        act_at(kinds[i], "leg", detaches_it);
        /* Once it is gone, the rest is refused: either is right, neither may harm. */
        coach.member_join(leg, call.room, 9);
        coach.tag(leg, "agent,night");
        coach.coach(leg, "agent");
        coach.tag(call.customer, i % 2 ? "agent" : "guest");
        coach.untag(call.customer);
        coach.member_leave(leg);
        expect(COACH_OK, serve(call.engine)); /* what waits behind the event of the callback's own call is told by the service */
        looked_after();
        check(plan.status == COACH_OK, "coach_member_detach inside event %u: %s", kinds[i], coach.status_str(plan.status));
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        expect(COACH_ERR_HANDLE, coach.read(leg, frame, RATE, 1, SAMPLES));
        check(is_silence(frame, SAMPLES), "a member detached in its own event left sound; right: silence");
        expect(COACH_ERR_HANDLE, coach.member_detach(leg));
    }
    survived();
}

static void closes_it(const coach_event_t *event) { note(coach.room_close(event->room)); }
static void closes_the_room_that_the_event_is_about(void **state)
{
    (void)state;
    coach_room_t room = a_room(call.engine, "brief", COACH_MIXER_HOST);
    coach_member_t private = a_leg(call.engine, "private", NULL, "agent");
    act_at(COACH_EVENT_JOIN, "private", closes_it);
    expect(COACH_OK, coach.member_join(private, room, 1));
    looked_after();
    check(plan.status == COACH_OK, "coach_room_close inside JOIN: %s", coach.status_str(plan.status));
    expect(COACH_ERR_HANDLE, coach.room_close(room));
    int16_t frame[SAMPLES];
    fill(frame, SAMPLES, LEVEL);
    check(coach.read(private, frame, RATE, 1, SAMPLES) >= 0, "coach_read failed after the room was closed");
    check(is_silence(frame, SAMPLES), "a private member is audible after its room was closed; right: silence");
    expect(COACH_OK, coach.member_detach(private));
    survived();
}

/* Every kind of [control] call, once, on the engine whose event this is. */
static void does_everything(const coach_event_t *event)
{
    (void)event;
    coach_status_t worst = COACH_OK;
#define DO(what)                                                                                                       \
    do {                                                                                                               \
        coach_status_t status_ = (what);                                                                               \
        if (status_ < 0 && worst >= 0) {                                                                               \
            worst = status_;                                                                                           \
            note(status_);                                                                                             \
            print_error("inside the callback, %s: %s\n", #what, coach.status_str(status_));                           \
        }                                                                                                              \
    } while (0)
    coach_room_t room = 0, found = 0;
    coach_member_t leg = 0;
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "inner";
    coach_stats_t stats = COACH_STATS_INIT;
    char *text = NULL;
    DO(coach.room_open(call.engine, "inner", NULL, &room));
    DO(coach.room_find(call.engine, "inner", &found));
    DO(coach.member_attach(call.engine, &config, &leg));
    DO(coach.member_join(leg, room, 1));
    DO(coach.tag(leg, "agent"));
    DO(coach.untag(leg));
    DO(coach.coach(leg, "agent"));
    DO(coach.uncoach(leg));
    DO(coach.member_mute(leg, 1));
    DO(coach.member_deaf(leg, 1));
    DO(coach.member_hold(leg, 1));
    DO(coach.member_bypass(leg, 1));
    DO(coach.command(call.engine, "tag support 1 guest", &text));
    coach.string_free(text);
    DO(coach.state_json(call.engine, NULL, &text));
    coach.string_free(text);
    DO(coach.engine_stats(call.engine, &stats));
    DO(serve(call.engine));
    DO(coach.member_leave(leg));
    DO(coach.member_detach(leg));
    DO(coach.room_close(room));
    if (worst >= 0) note(COACH_OK);
}
static void makes_every_control_call(void **state)
{
    (void)state;
    act_at(COACH_EVENT_HOLD, "customer", does_everything);
    int before = seen.count;
    expect(COACH_OK, coach.member_hold(call.customer, 1));
    expect(COACH_OK, serve(call.engine)); /* what happened inside the callback is told by the service */
    looked_after();
    check(plan.status == COACH_OK, "a [control] call inside the callback failed: %s; right: all of them may be made there",
          coach.status_str(plan.status));
    check(seen.count > before + 10, "only %d events came of a dozen actions inside the callback", seen.count - before);
    expect(COACH_OK, coach.member_hold(call.customer, 0));
    survived();
}

/* Every event's action makes the next event, a bounded number of times: no recursion, no end of order. */
static int turns;
static void turn(const coach_event_t *event)
{
    plan.acted = ++turns >= 1000;
    note(event->kind == COACH_EVENT_MUTE ? coach.member_mute(event->member, 0) : coach.member_mute(event->member, 1));
    plan.kind = plan.kind == COACH_EVENT_MUTE ? COACH_EVENT_UNMUTE : COACH_EVENT_MUTE;
}
static void answers_each_event_with_an_action_that_makes_another(void **state)
{
    (void)state;
    turns = 0;
    act_at(COACH_EVENT_MUTE, "customer", turn);
    expect(COACH_OK, coach.member_mute(call.customer, 1));
    for (int i = 1; i < 1000; i++) {
        check(turns == i, "%d events were told by %d calls; right: one each", turns, i);
        expect(COACH_OK, serve(call.engine));
    }
    looked_after();
    check(turns == 1000, "%d of 1,000 events came back from inside the callback", turns);
    check(plan.status == COACH_OK, "an action inside the callback: %s", coach.status_str(plan.status));
    survived();
}

/* The event's own texts last until the callback returns, whatever it does to who the event is about. */
static char kept[256];
static void uses_the_texts_last(const coach_event_t *event)
{
    note(coach.member_detach(event->member));
    char *json = NULL;
    if (coach.state_json(call.engine, NULL, &json) == COACH_OK) coach.string_free(json);
    snprintf(kept, sizeof kept, "%s|%s|%s|%s|%s", event->room_name, event->call_id, event->tags,
             event->speak_only_to ? event->speak_only_to : "(open)", event->heard_by);
}
static void reads_an_event_after_detaching_who_it_is_about(void **state)
{
    (void)state;
    coach_member_t leg = a_leg(call.engine, "leg", "night", NULL);
    expect(COACH_OK, coach.member_join(leg, call.room, 9));
    act_at(COACH_EVENT_COACH, "leg", uses_the_texts_last);
    expect(COACH_OK, coach.coach(leg, "agent"));
    looked_after();
    const char *right = "support|leg|night|agent|2";
    check(strcmp(kept, right) == 0, "the event said \"%s\"; right: \"%s\"", kept, right);
    survived();
}

/* --------------------------------------------------------------------------------------------- two threads ---- */

/* coach_engine_destroy on one thread while another is in the callback: it waits, and no callback runs when it returns. */
static sem_t in_callback;
static struct {
    coach_engine_t engine;
    coach_member_t member;
    int clock; /* one count of both threads' steps */
    int left_callback, destroyed;
    coach_status_t status;
} race;

static void lingers(void *user, const coach_event_t *event)
{
    (void)user;
    if (event->kind != COACH_EVENT_TAG) return;
    sem_post(&in_callback);
    for (int i = 0; i < 2000; i++) { /* time for the other thread to come back too early; more would find no more */
        coach_stats_t stats = COACH_STATS_INIT;
        coach.engine_stats(race.engine, &stats); /* OK, or refused once it is being destroyed */
        if (i % 100 == 0) usleep(1000);
    }
    race.left_callback = __atomic_add_fetch(&race.clock, 1, __ATOMIC_SEQ_CST);
}

static void *tags(void *none)
{
    (void)none;
    coach.tag(race.member, "guest");
    return NULL;
}

static void destroys_while_another_thread_is_in_the_callback(void **state)
{
    (void)state;
    sem_init(&in_callback, 0, 0);
    memset(&race, 0, sizeof race);
    race.engine = an_engine(lingers, NULL);
    coach_room_t room = a_room(race.engine, "race", COACH_MIXER_HOST);
    race.member = a_leg(race.engine, "race", NULL, NULL);
    expect(COACH_OK, coach.member_join(race.member, room, 1));
    pthread_t thread;
    pthread_create(&thread, NULL, tags, NULL);
    sem_wait(&in_callback);
    race.status = coach.engine_destroy(race.engine);
    race.destroyed = __atomic_add_fetch(&race.clock, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    check(race.status == COACH_OK, "coach_engine_destroy while another thread is in the callback: %s",
          coach.status_str(race.status));
    check(race.left_callback < race.destroyed, "coach_engine_destroy returned inside a callback; right: it waits for it");
    expect(COACH_ERR_HANDLE, coach.tag(race.member, "agent"));
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(with_callback, destroys_the_engine_that_calls_it),
        ON(with_callback, destroys_another_engine),
        ON(with_callback, detaches_the_member_that_the_event_is_about),
        ON(with_callback, closes_the_room_that_the_event_is_about),
        ON(with_callback, makes_every_control_call),
        ON(with_callback, answers_each_event_with_an_action_that_makes_another),
        ON(with_callback, reads_an_event_after_detaching_who_it_is_about),
        ON(with_callback, destroys_while_another_thread_is_in_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
