/* A host that gives frames in formats that are none: what may be private becomes silence, nothing else is touched. */
#include "host.h"

/* What must become of a frame that is refused. */
enum fate { LEFT, SILENCED };

static const struct format {
    const char *what;
    uint32_t rate, channels, samples;
    int frame; /* it can be a frame at all: at most 8 channels, at most 65,536 samples a channel */
} formats[] = {
    {"no rate", 0, 1, SAMPLES, 1},
    {"1 Hz", 1, 1, SAMPLES, 1},
    {"7,999 Hz", 7999, 1, SAMPLES, 1},
    {"11,000 Hz", 11000, 1, SAMPLES, 1},
    {"384,000 Hz", 384000, 1, SAMPLES, 1},
    {"2^32 - 1 Hz", UINT32_MAX, 1, SAMPLES, 1},
    {"three channels at 7,999 Hz", 7999, 3, SAMPLES, 1},
    {"61 ms in eight channels", RATE, 8, 481, 1},
    {"61 ms at 8 kHz", RATE, 1, 481, 1},
    {"61 ms of stereo at 48 kHz", 48000, 2, 2881, 1},
    {"65,536 samples", RATE, 1, 65536, 1},
    {"65,536 samples in eight channels", 48000, 8, 65536, 1},
    {"no sample", RATE, 1, 0, 0},
    {"no channel", RATE, 0, SAMPLES, 0},
    {"nothing at all", 0, 0, 0, 0},
    {"nine channels", RATE, 9, SAMPLES, 0},
    {"65,535 channels", RATE, 0xffff, SAMPLES, 0},
    {"2^32 - 1 channels", RATE, UINT32_MAX, SAMPLES, 0},
    {"65,537 samples", RATE, 1, 65537, 0},
    {"2^32 - 1 samples", RATE, 1, UINT32_MAX, 0},
    {"2^31 samples in two channels", RATE, 2, 0x80000000, 0},
    {"2^31 channels of two samples", RATE, 0x80000000, 2, 0},
    {"2^32 - 1 of everything", UINT32_MAX, UINT32_MAX, UINT32_MAX, 0},
};

typedef coach_status_t (*hook)(coach_member_t member, int16_t *frame, uint32_t rate, uint32_t channels,
                               uint32_t samples);

static void give(hook hook, coach_member_t member, const struct format *format, coach_status_t right, enum fate fate,
                 const char *who)
{
    /* Exactly as long as the host says, where it can be; else one frame, of which nothing may be touched. */
    size_t count = format->frame ? (size_t)format->channels * format->samples : SAMPLES;
    int16_t *frame = malloc(count * sizeof *frame);
    fill(frame, count, LEVEL);
    coach_status_t status = hook(member, frame, format->rate, format->channels, format->samples);
    check(status == right, "%s, a frame with %s: %s; right: %s", who, format->what, coach.status_str(status),
          coach.status_str(right));
    if (format->frame && fate == SILENCED)
        check(is_silence(frame, count), "%s, a frame with %s: sound was left; right: silence", who, format->what);
    else
        check(is_all(frame, count, LEVEL), "%s, a frame with %s: it was changed; right: as it was", who, format->what);
    free(frame);
}

static void reads_a_private_member_in_a_format_that_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        give(coach.read, call.manager, &formats[i], COACH_ERR_FORMAT, SILENCED, "coach_read of a private member");
        survived();
    }
}

static void reads_an_open_member_in_a_format_that_is_none(void **state)
{
    (void)state;
    enum fate fate = call.mixer == COACH_MIXER_HOST ? LEFT : SILENCED;
    for (size_t i = 0; i < COUNT(formats); i++)
        give(coach.read, call.customer, &formats[i], COACH_ERR_FORMAT, fate, "coach_read of an open member");
    survived();
}

static void writes_in_a_format_that_is_none(void **state)
{
    (void)state;
    enum fate fate = call.mixer == COACH_MIXER_HOST ? LEFT : SILENCED;
    for (size_t i = 0; i < COUNT(formats); i++) {
        give(coach.write, call.agent, &formats[i], COACH_ERR_FORMAT, fate, "coach_write of who hears the manager");
        give(coach.write, call.customer, &formats[i], COACH_ERR_FORMAT, fate, "coach_write of who does not");
        survived();
    }
}

static void reads_and_writes_outside_rooms_in_a_format_that_is_none(void **state)
{
    (void)state;
    coach_member_t open = a_leg(call.engine, "open", NULL, NULL);
    coach_member_t private = a_leg(call.engine, "private", NULL, "agent");
    for (size_t i = 0; i < COUNT(formats); i++) {
        give(coach.read, open, &formats[i], COACH_ERR_FORMAT, LEFT, "coach_read of an open member outside rooms");
        give(coach.read, private, &formats[i], COACH_ERR_FORMAT, SILENCED, "coach_read of a private one outside rooms");
        give(coach.write, open, &formats[i], COACH_ERR_FORMAT, LEFT, "coach_write outside rooms");
    }
    survived();
}

static void gives_a_stale_member_frames_in_a_format_that_is_none(void **state)
{
    (void)state;
    coach_member_t gone = a_leg(call.engine, "gone", NULL, "agent");
    expect(COACH_OK, coach.member_detach(gone));
    for (size_t i = 0; i < COUNT(formats); i++) {
        give(coach.read, gone, &formats[i], COACH_ERR_HANDLE, SILENCED, "coach_read of a detached member");
        give(coach.write, gone, &formats[i], COACH_ERR_HANDLE, SILENCED, "coach_write of a detached member");
    }
    survived();
}

static void gives_no_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];
        check(coach.read(call.manager, NULL, f->rate, f->channels, f->samples) < 0, "coach_read took null with %s", f->what);
        check(coach.write(call.agent, NULL, f->rate, f->channels, f->samples) < 0, "coach_write took null with %s", f->what);
        check(coach.read(0, NULL, f->rate, f->channels, f->samples) < 0, "coach_read took nothing with %s", f->what);
    }
    survived();
}

/* An odd address is none of an int16_t: still nothing private is left there. */
static void gives_a_frame_at_an_odd_address(void **state)
{
    (void)state;
    char *odd = malloc(SAMPLES * sizeof(int16_t) + 1);
    void *frame = odd + 1;
    memset(odd, 7, SAMPLES * sizeof(int16_t) + 1);
    expect(COACH_ERR_VALUE, coach.read(call.manager, frame, RATE, 1, SAMPLES));
    for (size_t i = 1; i <= SAMPLES * sizeof(int16_t); i++) check(odd[i] == 0, "byte %zu of it was left; right: silence", i);
    check(odd[0] == 7, "the byte before the frame was written");
    expect(COACH_ERR_VALUE, coach.write(call.agent, frame, RATE, 1, SAMPLES));
    free(odd);
    survived();
}

/* Allowed, and hard on an implementation: another format at every call, down to one sample. */
static void changes_the_format_with_every_frame(void **state)
{
    (void)state;
    /* Of the others, a filter takes long to compute under Valgrind. */
    static const uint32_t rates[] = {8000, 12000, 16000, 24000, 32000, 44100, 48000};
    uint32_t seed = 1;
    for (int round = 0; round < 4000; round++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t rate = rates[(seed >> 8) % COUNT(rates)];
        uint32_t channels = seed >> 31 ? 1 + (seed >> 16) % 2 : 1 + (seed >> 16) % 8;
        uint32_t most = rate * COACH_MAX_FRAME_MS / 1000;
        uint32_t samples = round % 4 == 0 ? 1 : round % 4 == 1 ? most : 1 + (seed >> 20) % most;
        size_t count = (size_t)channels * samples;
        int16_t *frame = malloc(count * sizeof *frame);
        serve(call.engine);
        fill(frame, count, LEVEL);
        coach_status_t status = coach.read(call.manager, frame, rate, channels, samples);
        check(status == COACH_SILENCED, "coach_read of %u x %u at %u Hz: %s; right: taken", channels, samples, rate,
              coach.status_str(status));
        check(is_silence(frame, count), "a private frame of %u x %u at %u Hz was left audible", channels, samples, rate);
        if (call.mixer == COACH_MIXER_ENGINE) coach.room_tick(call.room);
        fill(frame, count, 0);
        coach.write(call.agent, frame, rate, channels, samples);
        fill(frame, count, 0);
        status = coach.write(call.customer, frame, rate, channels, samples);
        check(status >= 0, "coach_write of %u x %u at %u Hz: %s", channels, samples, rate, coach.status_str(status));
        check(is_silence(frame, count), "the customer hears the manager in a frame of %u x %u at %u Hz", channels, samples,
              rate);
        free(frame);
    }
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed, reads_a_private_member_in_a_format_that_is_none),
        ON(engine_mixed, reads_a_private_member_in_a_format_that_is_none),
        ON(host_mixed, reads_an_open_member_in_a_format_that_is_none),
        ON(engine_mixed, reads_an_open_member_in_a_format_that_is_none),
        ON(host_mixed, writes_in_a_format_that_is_none),
        ON(engine_mixed, writes_in_a_format_that_is_none),
        ON(host_mixed, reads_and_writes_outside_rooms_in_a_format_that_is_none),
        ON(host_mixed, gives_a_stale_member_frames_in_a_format_that_is_none),
        ON(host_mixed, gives_no_frame),
        ON(engine_mixed, gives_no_frame),
        ON(host_mixed, gives_a_frame_at_an_odd_address),
        ON(engine_mixed, gives_a_frame_at_an_odd_address),
        ON(host_mixed, changes_the_format_with_every_frame),
        ON(engine_mixed, changes_the_format_with_every_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
