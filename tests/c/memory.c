/* A host with no memory left, at once or at the n-th allocation; and what is taken in a call is given back after it. */
#include "host.h"

#include "allocator.h"

static coach_status_t say(coach_member_t member, int16_t value, int16_t *frame)
{
    fill(frame, SAMPLES, value);
    return coach.read(member, frame, RATE, 1, SAMPLES);
}

static int memory_back_and_hang_up(void **state)
{
    memory.refuse = 0;
    return hang_up(state);
}

static void memory_is_gone(void) { memory.refuse = ALL; }
static void memory_is_back(void) { memory.refuse = 0; }

static int warnings;
static void count_warnings(void *user, const coach_event_t *event)
{
    (void)user;
    if (event->kind == COACH_EVENT_WARNING) warnings++;
}

/* The open members are silent, so whatever anybody hears is the leg's. */
static void heard_by_nobody(coach_member_t leg, const char *what)
{
    int16_t frame[SAMPLES];
    for (int tick = 0; tick < 30; tick++) { /* three times the opening guard */
        expect(COACH_SILENCED, say(leg, LEVEL, frame));
        check(is_silence(frame, SAMPLES), "%s: its own frame still holds up to %d; right: silence", what,
              loudest(frame, SAMPLES));
        if (call.mixer == COACH_MIXER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        coach_member_t others[] = {call.customer, call.agent, call.manager};
        for (int i = 0; i < 3; i++) {
            fill(frame, SAMPLES, 0);
            check(coach.write(others[i], frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
            check(is_silence(frame, SAMPLES), "%s: member %d hears up to %d of it; right: silence", what, i + 1,
                  loudest(frame, SAMPLES));
        }
    }
    char *json = NULL;
    expect(COACH_OK, coach.state_json(call.engine, "support", &json));
    check(strstr(json, "\"speak_only_to\":[]"), "%s: it is not private to nobody, but\n  %s", what, json);
    coach.string_free(json);
}

/* With memory, the same member is heard by the agent once 200 ms, the opening guard, have passed; by the customer never. */
static void heard_by_the_agent(coach_member_t leg)
{
    int16_t frame[SAMPLES];
    expect(COACH_OK, coach.coach(leg, "agent"));
    int heard = 0;
    for (int tick = 0; tick < 20; tick++) {
        expect(COACH_OK, serve(call.engine));
        expect(COACH_SILENCED, say(leg, LEVEL, frame));
        if (call.mixer == COACH_MIXER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        fill(frame, SAMPLES, 0);
        check(coach.write(call.customer, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        check(is_silence(frame, SAMPLES), "the customer hears a member that coaches the agent");
        fill(frame, SAMPLES, 0);
        check(coach.write(call.agent, frame, RATE, 1, SAMPLES) >= 0, "coach_write failed");
        heard = is_all(frame, SAMPLES, LEVEL);
    }
    check(heard, "with memory back, coach_coach succeeded, yet the agent does not hear the member");
    expect(COACH_OK, coach.member_detach(leg));
    for (int tick = 0; tick < 2; tick++) { /* its fade is over after 4 ms */
        fill(frame, SAMPLES, 0);
        coach.write(call.agent, frame, RATE, 1, SAMPLES);
    }
}

/* ------------------------------------------------------------------------------------ no memory for a voice ---- */

/* Without this, every test below would pass for nothing. */
static void has_an_allocator_that_the_library_uses(void **state)
{
    (void)state;
    here.calls = 0, memory.large = 0;
    coach_member_t leg = a_leg(call.engine, "leg", NULL, "agent");
    check(here.calls > 0, "the library does not use this program's malloc; link with -rdynamic");
    check(memory.large > 0, "a private member took no block over %zu bytes: these tests refuse nothing", LARGE);
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

static void coaches_without_memory(void **state)
{
    (void)state;
    coach_member_t leg = a_member(call.room, 9, "leg", NULL, NULL);
    for (int time = 0; time < 2; time++) {
        memory_is_gone();
        coach_status_t status = coach.coach(leg, "agent");
        char message[256];
        snprintf(message, sizeof message, "%s", coach.last_error());
        memory_is_back();
        check(status == COACH_ERR_MEMORY, "coach_coach without memory: %s; right: %s", coach.status_str(status),
              coach.status_str(COACH_ERR_MEMORY));
        check(message[0], "COACH_ERR_MEMORY left no message; right: a sentence");
        heard_by_nobody(leg, "coach_coach without memory");
    }
    heard_by_the_agent(leg);
    survived();
}

static void commands_coach_without_memory(void **state)
{
    (void)state;
    coach_member_t leg = a_member(call.room, 9, "leg", NULL, NULL);
    char *reply = NULL;
    memory_is_gone();
    coach_status_t status = coach.command(call.engine, "coach support 9 agent", &reply);
    memory_is_back();
    check(status == COACH_OK, "coach_command without memory for a voice: %s; right: a reply", coach.status_str(status));
    check(strstr(reply, "memory") && strstr(reply, "nobody"),
          "it is answered \"%s\"; right: that memory is missing, and that the member is private to nobody", reply);
    coach.string_free(reply);
    heard_by_nobody(leg, "the command `coach` without memory");
    heard_by_the_agent(leg);
    survived();
}

static void attaches_without_memory(void **state)
{
    (void)state;
    open_call(COACH_MIXER_HOST, count_warnings, NULL);
    warnings = 0;
    memory_is_gone();
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = "leg";
    config.speak_only_to = "agent";
    coach_member_t leg = 0;
    coach_status_t status = coach.member_attach(call.engine, &config, &leg);
    memory_is_back();
    check(status == COACH_OK, "coach_member_attach without memory for a voice: %s; right: done", coach.status_str(status));
    check(warnings > 0, "coach_member_attach without memory for a voice raised no COACH_EVENT_WARNING");
    expect(COACH_OK, coach.member_join(leg, call.room, 9));
    heard_by_nobody(leg, "coach_member_attach without memory");
    heard_by_the_agent(leg);
    survived();
}

/* --------------------------------------------------------------------------------- the n-th allocation fails ---- */

/* A call in which voices are made in every way there is, and converted. One large allocation in it may fail. */
static void play_a_call(uint32_t mixer, long nth)
{
    static int16_t frame[960];
    open_call(mixer, NULL, NULL);
    coach_member_t legs[3];
    coach.coach(call.agent, "agent");
    coach.uncoach(call.agent);
    legs[0] = a_member(call.room, 10, "private", NULL, "agent");
    legs[1] = a_member(call.room, 11, "open", NULL, NULL);
    legs[2] = a_member(call.room, 12, "commanded", NULL, NULL);
    coach.coach(legs[1], "agent");
    char *reply = NULL;
    expect(COACH_OK, coach.command(call.engine, "coach support 12 agent", &reply));
    coach.string_free(reply);
    for (int tick = 0; tick < 30; tick++) {
        serve(call.engine);
        for (int i = 0; i < 3; i++) {
            coach_status_t status = say(legs[i], LEVEL, frame);
            check(status == COACH_SILENCED && is_silence(frame, SAMPLES),
                  "allocation %ld failed, then coach_read of leg %d: %s, up to %d left; right: taken, silence", nth, i,
                  coach.status_str(status), loudest(frame, SAMPLES));
        }
        if (mixer == COACH_MIXER_ENGINE) expect(COACH_OK, coach.room_tick(call.room));
        fill(frame, 960, 0);
        coach.write(call.agent, frame, 48000, 1, 960);
        fill(frame, 960, 0);
        check(coach.write(call.customer, frame, tick < 15 ? 48000 : 16000, 1, tick < 15 ? 960 : 320) >= 0,
              "allocation %ld failed, then coach_write failed", nth);
        check(is_silence(frame, 960), "allocation %ld failed: the customer hears up to %d; right: silence", nth,
              loudest(frame, 960));
    }
    expect(COACH_OK, coach.engine_destroy(call.engine));
}

static void runs_out_of_memory_at_the_nth_allocation(void **state)
{
    (void)state;
    for (uint32_t mixer = COACH_MIXER_HOST; mixer <= COACH_MIXER_ENGINE; mixer++) {
        play_a_call(mixer, 0); /* what the library keeps for good is there now */
        long most = 1;
        for (long nth = 1; nth <= most; nth++) {
            long live = memory.live;
            memory.large = 0;
            memory.refuse = (int)nth;
            play_a_call(mixer, nth);
            memory.refuse = 0;
            if (memory.large > most) most = memory.large;
            check(memory.live == live, "allocation %ld failed: %ld blocks were not given back", nth, memory.live - live);
        }
        check(most >= 5, "the call made %ld large allocations; right: one a voice, five at least", most);
    }
}

/* ------------------------------------------------------------------------------------------ nothing is lost ---- */

/* Conversions are prepared, used, and given up again. */
static void call_in_other_formats(void)
{
    static const uint32_t rates[] = {48000, 16000, 44100, 8000};
    int16_t frame[960 * 2];
    for (int tick = 0; tick < 40; tick++) {
        uint32_t rate = rates[tick / 10], samples = rate / 50;
        serve(call.engine);
        fill(frame, samples * 2, LEVEL);
        coach.read(call.manager, frame, rate, 2, samples);
        if (call.mixer == COACH_MIXER_ENGINE) coach.room_tick(call.room);
        coach.write(call.agent, frame, RATE, 1, SAMPLES);
    }
}

static void opens_and_ends_calls_over_and_over(void **state)
{
    (void)state;
    long live = 0;
    for (int i = 0; i < 60; i++) {
        if (i == 10) live = memory.live; /* what is made once is made by now */
        for (uint32_t mixer = COACH_MIXER_HOST; mixer <= COACH_MIXER_ENGINE; mixer++) {
            open_call(mixer, NULL, NULL);
            survived();
            coach_member_t leg = a_member(call.room, 9, "leg", "night", "agent");
            static const char *const commands[] = {"uncoach support 9", "show support as json", "dance"};
            for (int command = 0; command < 3; command++) {
                char *reply = NULL;
                expect(COACH_OK, coach.command(call.engine, commands[command], &reply));
                coach.string_free(reply);
            }
            call_in_other_formats();
            if (i % 2) coach.member_detach(leg);
            if (i % 3) coach.room_close(call.room);
            expect(COACH_OK, coach.engine_destroy(call.engine));
        }
    }
    check(memory.live == live, "50 calls left %ld blocks behind; right: none", memory.live - live);
}

/* Frames of 20 ms: more than the opening guard, and what is queued. */
static void talk_for_a_while(coach_member_t speaker)
{
    int16_t frame[SAMPLES];
    for (int tick = 0; tick < 15; tick++) {
        serve(call.engine);
        coach.read(speaker, (fill(frame, SAMPLES, LEVEL), frame), RATE, 1, SAMPLES);
        if (call.mixer == COACH_MIXER_ENGINE) coach.room_tick(call.room);
        coach_member_t all[] = {call.customer, call.agent, call.manager};
        for (int i = 0; i < 3; i++) coach.write(all[i], (fill(frame, SAMPLES, 0), frame), RATE, 1, SAMPLES);
    }
}

static void speak_privately_for_a_while(coach_member_t speaker)
{
    expect(COACH_OK, coach.coach(speaker, "agent"));
    talk_for_a_while(speaker);
    expect(COACH_OK, coach.uncoach(speaker));
    talk_for_a_while(speaker);
    /* Whatever changes next finds that the voice is not needed any more; and the next, that no hook uses it. */
    for (int time = 0; time < 3; time++) expect(COACH_OK, coach.untag(speaker));
}

static void gives_a_voice_back_that_is_not_needed_any_more(void **state)
{
    (void)state;
    for (int time = 0; time < 70; time++) serve(call.engine); /* what is kept for good is there */
    speak_privately_for_a_while(call.manager);
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    long live = memory.live;
    speak_privately_for_a_while(call.customer);
    check(memory.live == live, "a member that is open again keeps %ld blocks; right: none", memory.live - live);
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
#define WITH(mixer, test) cmocka_unit_test_setup_teardown(test, mixer, memory_back_and_hang_up)
    const struct CMUnitTest tests[] = {
        WITH(host_mixed, has_an_allocator_that_the_library_uses),
        WITH(host_mixed, coaches_without_memory),
        WITH(engine_mixed, coaches_without_memory),
        WITH(host_mixed, commands_coach_without_memory),
        WITH(engine_mixed, commands_coach_without_memory),
        cmocka_unit_test_teardown(attaches_without_memory, memory_back_and_hang_up),
        cmocka_unit_test_teardown(runs_out_of_memory_at_the_nth_allocation, memory_back_and_hang_up),
        cmocka_unit_test_teardown(opens_and_ends_calls_over_and_over, memory_back_and_hang_up),
        WITH(host_mixed, gives_a_voice_back_that_is_not_needed_any_more),
        WITH(engine_mixed, gives_a_voice_back_that_is_not_needed_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
