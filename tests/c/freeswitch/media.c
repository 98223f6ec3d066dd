/* Media bugs and frames of the stand-in, and a conference that mixes. */
#include "switch.h"

enum { TAPS = 1 << 13 }; /* SMBF_TAP_NATIVE_READ */

static unsigned media; /* bugs that there are; atomic */

/* ----------------------------------------------------------------------------------------- for the module ---- */

switch_status_t switch_core_session_get_real_read_impl(switch_core_session_t *session, switch_codec_implementation_t *codec)
{
    *codec = session->read_codec;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_session_get_write_impl(switch_core_session_t *session, switch_codec_implementation_t *codec)
{
    *codec = session->write_codec;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_media_bug_add(switch_core_session_t *session, const char *function, const char *target,
                                          switch_media_bug_callback_t callback, void *user_data, time_t stop_time,
                                          switch_media_bug_flag_t flags, switch_media_bug_t **added)
{
    (void)function, (void)target, (void)stop_time;
    happen(&meanwhile.bug);
    if (session->channel.no_bugs) return SWITCH_STATUS_FALSE;
    if (!session->channel.has_media &&
        switch_channel_perform_pre_answer(&session->channel, "", "", 0) != SWITCH_STATUS_SUCCESS)
        return SWITCH_STATUS_FALSE;
    if (variable(session, "media_bug_answer_req")) flags |= SMBF_ANSWER_REQ;
    switch_media_bug_t *bug = calloc(1, sizeof *bug);
    *bug = (switch_media_bug_t){.session = session, .callback = callback, .user_data = user_data, .flags = flags};
    if (callback && callback(bug, user_data, SWITCH_ABC_TYPE_INIT) == SWITCH_FALSE) return free(bug), SWITCH_STATUS_FALSE;
    pthread_rwlock_wrlock(&session->bug_lock);
    bool tap_only = true; /* the new one counts if it is the first */
    switch_media_bug_t **at = &session->bugs;
    for (; *at; at = &(*at)->next) tap_only = tap_only && (*at)->flags & TAPS;
    if (at == &session->bugs) tap_only = flags & TAPS;
    *at = *added = bug;
    session->tap_only = tap_only;
    pthread_rwlock_unlock(&session->bug_lock);
    __atomic_add_fetch(&media, 1, __ATOMIC_SEQ_CST);
    tell_session(session, &(switch_core_session_message_t){0}, 48); /* that it is not mute at the hardware's end: whoever adds a bug is told things inside */
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_media_bug_remove(switch_core_session_t *session, switch_media_bug_t **bug)
{
    if ((*bug)->flags & SMBF_LOCK) return SWITCH_STATUS_FALSE;
    pthread_rwlock_wrlock(&session->bug_lock);
    switch_media_bug_t **at = &session->bugs;
    while (*at && *at != *bug) at = &(*at)->next;
    check(*at, "what is removed was never added");
    *at = (*bug)->next;
    session->tap_only = false;
    pthread_rwlock_unlock(&session->bug_lock);
    free(*bug);
    *bug = NULL;
    __atomic_sub_fetch(&media, 1, __ATOMIC_SEQ_CST);
    return SWITCH_STATUS_SUCCESS;
}

/* Takes bugs off: those with this callback, or all; the locked ones too if `force`. */
static void take_off(switch_core_session_t *session, switch_media_bug_callback_t callback, bool locked_too, bool tell_locked)
{
    pthread_rwlock_wrlock(&session->bug_lock);
    switch_media_bug_t *gone = NULL, **at = &session->bugs;
    while (*at) {
        switch_media_bug_t *bug = *at;
        bool locked = bug->flags & SMBF_LOCK;
        if ((callback && bug->callback != callback) || (locked && !locked_too)) {
            at = &bug->next;
            continue;
        }
        *at = bug->next;
        bug->next = gone;
        gone = bug;
        if (!locked || tell_locked) bug->callback(bug, bug->user_data, SWITCH_ABC_TYPE_CLOSE);
    }
    pthread_rwlock_unlock(&session->bug_lock);
    while (gone) {
        switch_media_bug_t *bug = gone;
        gone = bug->next;
        free(bug);
        __atomic_sub_fetch(&media, 1, __ATOMIC_SEQ_CST);
    }
}

switch_status_t switch_core_media_bug_remove_callback(switch_core_session_t *session, switch_media_bug_callback_t callback)
{
    take_off(session, callback, true, false);
    return SWITCH_STATUS_SUCCESS;
}

uint32_t switch_core_media_bug_clear_flag(switch_media_bug_t *bug, uint32_t flag) { return bug->flags &= ~flag; }
switch_core_session_t *switch_core_media_bug_get_session(switch_media_bug_t *bug) { return bug->session; }
switch_frame_t *switch_core_media_bug_get_read_replace_frame(switch_media_bug_t *bug) { return bug->frame; }
switch_frame_t *switch_core_media_bug_get_write_replace_frame(switch_media_bug_t *bug) { return bug->frame; }

/* ------------------------------------------------------------------------------------------- for the test ---- */

static switch_bool_t taps(switch_media_bug_t *bug, void *none, switch_abc_type_t what)
{
    (void)bug, (void)none, (void)what;
    return SWITCH_TRUE;
}

void tap(switch_core_session_t *session)
{
    switch_media_bug_t *bug;
    switch_core_media_bug_add(session, "tap", "", taps, NULL, 0, (switch_media_bug_flag_t)TAPS, &bug);
}

void remove_bugs(switch_core_session_t *session) { take_off(session, NULL, false, false); }
void lose_bugs(switch_core_session_t *session) { take_off(session, NULL, true, true); }

unsigned bugs(switch_core_session_t *session, uint32_t flag)
{
    unsigned count = 0;
    for (switch_media_bug_t *bug = session->bugs; bug; bug = bug->next) count += (bug->flags & flag) == flag;
    return count;
}

/* With the session its bugs end, the locked ones without a last call. */
void media_end(switch_core_session_t *session) { take_off(session, NULL, true, false); }

unsigned media_left(void)
{
    return __atomic_load_n(&media, __ATOMIC_SEQ_CST);
}

static unsigned packet_ms(const switch_codec_implementation_t *codec)
{
    return codec->microseconds_per_packet ? (unsigned)codec->microseconds_per_packet / 1000 : 20;
}

static unsigned samples(const switch_codec_implementation_t *codec)
{
    return codec->actual_samples_per_second / 1000 * packet_ms(codec) * codec->number_of_channels;
}

static void pass(switch_core_session_t *session, int16_t *data, const switch_codec_implementation_t *codec, bool read)
{
    /* What the core does not say right it does not say right here: the rate. */
    switch_frame_t frame = {.data = data, .channels = codec->number_of_channels, .rate = read ? 8000 : 0};
    frame.datalen = samples(codec) * sizeof *data;
    frame.buflen = sizeof session->said;
    switch_media_bug_t *bug;
    pthread_rwlock_rdlock(&session->bug_lock);
    for (bug = session->tap_only ? NULL : session->bugs; bug; bug = bug->next) {
        if (!(bug->flags & (read ? SMBF_READ_REPLACE : SMBF_WRITE_REPLACE))) continue;
        if (session->channel.bugs_paused && !(bug->flags & SMBF_NO_PAUSE)) continue;
        if (!session->channel.answered && bug->flags & SMBF_ANSWER_REQ) continue;
        bug->frame = &frame;
        bug->callback(bug, bug->user_data, read ? SWITCH_ABC_TYPE_READ_REPLACE : SWITCH_ABC_TYPE_WRITE_REPLACE);
    }
    pthread_rwlock_unlock(&session->bug_lock);
}

void play_read(switch_core_session_t *session)
{
    for (unsigned i = 0; i < samples(&session->read_codec); i++) session->said[i] = (int16_t)session->says;
    switch_frame_t packet = {.packet = session->stamp ? &packet : NULL, .timestamp = session->stamp, .rate = RATE,
                             .flags = session->lost ? SFF_CNG : 0}, *frame = &packet;
    if (session->stamp) session->stamp += samples(&session->read_codec);
    for (int i = 0; i < 4; i++)
        if (session->reads[i]) session->reads[i](session, &frame, 0, 0);
    pass(session, session->said, &session->read_codec, true);
}

void play_write(switch_core_session_t *session, const int16_t *mix)
{
    size_t bytes = samples(&session->write_codec) * sizeof *mix;
    if (mix) memcpy(session->heard, mix, bytes);
    else memset(session->heard, 0, bytes);
    pass(session, session->heard, &session->write_codec, false);
}

void play(int ticks)
{
    static unsigned now; /* in ms */
    while (ticks-- > 0) {
        now += 20;
        for (switch_core_session_t *s = sessions; s; s = s->next)
            if (*s->conference && now % packet_ms(&s->read_codec) == 0) play_read(s);
        for (switch_core_session_t *to = sessions; to; to = to->next) {
            int16_t mix[4096] = {0};
            unsigned count = samples(&to->write_codec);
            if (!*to->conference || now % packet_ms(&to->write_codec) != 0) continue;
            for (switch_core_session_t *from = sessions; from && !to->deaf && !to->held; from = from->next) {
                if (from == to || strcmp(from->conference, to->conference) != 0 || from->muted || from->held) continue;
                for (unsigned i = 0; i < count; i++) mix[i] += from->said[i * samples(&from->read_codec) / count];
            }
            play_write(to, mix);
        }
    }
}

int heard(switch_core_session_t *session) { return session->heard[samples(&session->write_codec) - 1]; }
int said(switch_core_session_t *session) { return session->said[samples(&session->read_codec) - 1]; }
