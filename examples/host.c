/*
 * A host of Coach in C: one room, three members, one thread, and a conference mixer of a few lines.
 *
 *     cargo build
 *     cc -std=c11 -I include examples/host.c -L target/debug -l coach -Wl,-rpath,target/debug -o target/host
 *     target/host
 *
 * Instead of speech, every sample of a member is a number of its own: 100 from the customer, 10 from the agent, 1 from the
 * manager. What somebody hears is their sum, and tells who is in it: 101 is customer and manager.
 */
#include "coach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMER, AGENT, MANAGER, MEMBERS };
enum { RATE = 8000, SAMPLES = RATE / 50 }; /* frames of 20 ms */

static const char *const name[MEMBERS] = {"customer", "agent", "manager"};
static const int16_t voice[MEMBERS] = {100, 10, 1};

static coach_engine_t engine;
static uint64_t played_ns; /* how much of the conference was played */
static coach_member_t member[MEMBERS];

/* Ends the program when a call has failed. */
static void check(coach_status_t status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s %s\n", what, coach_status_str(status), coach_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Every change of who hears whom, for the host's log. */
static void on_event(void *user, const coach_event_t *event)
{
    const char *whose = event->member_user_data; /* null where the event is the room's */
    (void)user;
    printf("    event %llu, %s: %s\n", (unsigned long long)event->sequence, whose ? whose : "the room", event->text);
}

static void attach(int who, coach_room_t room, const char *tags, const char *speak_only_to)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    config.call_id = name[who];
    config.tags = tags;
    config.speak_only_to = speak_only_to;
    config.user_data = (void *)(uintptr_t)name[who]; /* each of its events gives this back; never freed here, so without `release` */
    check(coach_member_attach(engine, &config, &member[who]), "attach");
    check(coach_member_join(member[who], room, (uint32_t)who + 1), "join");
}

/* 20 ms of the conference: read all, mix, write all. What each member hears goes to `heard`. */
static void tick(int16_t heard[MEMBERS][SAMPLES])
{
    int16_t said[MEMBERS][SAMPLES];

    for (int who = 0; who < MEMBERS; who++) {
        for (int n = 0; n < SAMPLES; n++)
            said[who][n] = voice[who]; /* a switch reads the frame from the network */
        check(coach_read(member[who], said[who], RATE, 1, SAMPLES), "read hook");
        /* Whatever the hook returned, the frame holds now what everyone may hear. */
    }
    for (int who = 0; who < MEMBERS; who++) {
        for (int n = 0; n < SAMPLES; n++) {
            int32_t sum = 0; /* the host's mixer: everyone else, limited once */
            for (int other = 0; other < MEMBERS; other++)
                sum += other == who ? 0 : said[other][n];
            heard[who][n] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
        }
        check(coach_write(member[who], heard[who], RATE, 1, SAMPLES), "write hook");
        /* a switch sends the frame to the network */
    }
    played_ns += 1000000000ull * SAMPLES / RATE;
    check(coach_engine_clock(engine, played_ns), "clock");
    check(coach_engine_service(engine), "service");
}

/* Half a second of conference; then who heard whom, by the last sample. */
static void talk(void)
{
    int16_t heard[MEMBERS][SAMPLES];

    for (int n = 0; n < 25; n++)
        tick(heard);
    for (int who = 0; who < MEMBERS; who++) {
        int sum = heard[who][SAMPLES - 1];
        printf("    %s hears:", name[who]);
        for (int other = 0; other < MEMBERS; other++)
            if (sum / voice[other] % 10 != 0)
                printf(" %s", name[other]);
        printf(" (%d)\n", sum);
    }
}

/* A command, as an operator types it. */
static void command(const char *text)
{
    char *reply;

    printf("coach %s\n", text);
    check(coach_command(engine, text, &reply), "command");
    printf("    %s\n", reply);
    coach_string_free(reply);
    talk();
}

int main(void)
{
    coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
    coach_room_t room;

    config.on_event = on_event;
    /* This thread does Coach's housekeeping, and says what time it is, since it plays faster than real time: see tick(). A host that
     * plays in real time leaves the clock to Coach. */
    config.flags = COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK;
    check(coach_engine_create(COACH_ABI_VERSION, &config, &engine), "create");
    check(coach_room_open(engine, "support", NULL, &room), "open"); /* NULL: the host mixes open speech */

    printf("customer and agent talk, the manager coaches the agent\n");
    attach(CUSTOMER, room, NULL, NULL);
    attach(AGENT, room, "agent", NULL);
    attach(MANAGER, room, NULL, "agent");
    talk();

    command("uncoach support manager");     /* barges in */
    command("coach support 3 agent");       /* a member is its number, or its call id */
    command("tag support customer agent");  /* by mistake */
    command("untag support customer");
    command("explain support manager");     /* who hears it, and why */

    check(coach_engine_destroy(engine), "destroy"); /* with its room and members */
    return EXIT_SUCCESS;
}
