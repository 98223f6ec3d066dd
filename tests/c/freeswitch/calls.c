/* Sessions, channels, messages and states of the stand-in. */
#include "switch.h"

struct meanwhile meanwhile;
switch_core_session_t *sessions;
pthread_mutex_t sessions_lock = PTHREAD_MUTEX_INITIALIZER;
const switch_state_handler_table_t *states[4];
bool reticent;

/* ----------------------------------------------------------------------------------------- for the module ---- */

void *session_memory(switch_core_session_t *session, size_t size)
{
    pthread_mutex_lock(&session->memory_lock);
    session->memory = realloc(session->memory, (session->pieces + 1) * sizeof *session->memory);
    void *piece = session->memory[session->pieces++] = calloc(1, size);
    pthread_mutex_unlock(&session->memory_lock);
    return piece;
}

static switch_core_session_t *find(const char *uuid, bool hung_up_too)
{
    pthread_mutex_lock(&sessions_lock);
    switch_core_session_t *found = sessions;
    while (found && strcmp(found->uuid, uuid) != 0) found = found->next;
    if (found && ((!hung_up_too && !is_up(found)) || pthread_rwlock_tryrdlock(&found->lock) != 0)) found = NULL;
    pthread_mutex_unlock(&sessions_lock);
    return found;
}

switch_core_session_t *switch_core_session_perform_locate(const char *uuid, const char *file, const char *function, int line)
{
    (void)file, (void)function, (void)line;
    happen(&meanwhile.locate);
    return find(uuid, false);
}

switch_core_session_t *switch_core_session_perform_force_locate(const char *uuid, const char *file, const char *function,
                                                                int line)
{
    (void)file, (void)function, (void)line;
    return find(uuid, true);
}

void switch_core_session_rwunlock(switch_core_session_t *session) { pthread_rwlock_unlock(&session->lock); }

switch_console_callback_match_t *switch_core_session_findall(void)
{
    switch_console_callback_match_t *matches = NULL;
    pthread_mutex_lock(&sessions_lock);
    for (switch_core_session_t *s = sessions; s; s = s->next)
        if (is_up(s)) switch_console_push_match(&matches, s->uuid);
    pthread_mutex_unlock(&sessions_lock);
    return matches;
}

char *switch_core_session_get_uuid(switch_core_session_t *session) { return session->uuid; }
switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session) { return &session->channel; }

int switch_core_add_state_handler(const switch_state_handler_table_t *table)
{
    for (int i = 0; i < 4; i++)
        if (!states[i]) return states[i] = table, i;
    return -1;
}

void switch_core_remove_state_handler(const switch_state_handler_table_t *table)
{
    for (int i = 0; i < 4; i++)
        if (states[i] == table) states[i] = NULL;
}

switch_status_t switch_core_event_hook_add_receive_message(switch_core_session_t *session, switch_receive_message_hook_t hook)
{
    for (int i = 0; i < 4; i++)
        if (session->hooks[i] == hook) return SWITCH_STATUS_FALSE;
    for (int i = 0; i < 4; i++)
        if (!session->hooks[i]) return session->hooks[i] = hook, SWITCH_STATUS_SUCCESS;
    return SWITCH_STATUS_FALSE;
}

switch_status_t switch_core_event_hook_remove_receive_message(switch_core_session_t *session,
                                                              switch_receive_message_hook_t hook)
{
    for (int i = 0; i < 4; i++)
        if (session->hooks[i] == hook) session->hooks[i] = NULL;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_event_hook_add_read_frame(switch_core_session_t *session, switch_read_frame_hook_t hook)
{
    for (int i = 0; i < 4; i++)
        if (session->reads[i] == hook) return SWITCH_STATUS_FALSE;
    for (int i = 0; i < 4; i++)
        if (!session->reads[i]) return session->reads[i] = hook, SWITCH_STATUS_SUCCESS;
    return SWITCH_STATUS_FALSE;
}

switch_status_t switch_core_event_hook_remove_read_frame(switch_core_session_t *session, switch_read_frame_hook_t hook)
{
    for (int i = 0; i < 4; i++)
        if (session->reads[i] == hook) session->reads[i] = NULL;
    return SWITCH_STATUS_SUCCESS;
}

const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *name, switch_bool_t dup, int index)
{
    check(dup == SWITCH_TRUE && index == -1, "a variable that is not duplicated changes under its reader");
    if (strcmp(name, "sip_call_id") == 0) happen(&meanwhile.variable);
    const char *found = NULL;
    pthread_mutex_lock(&channel->lock);
    for (switch_event_header_t *v = channel->variables; v; v = v->next)
        if (strcasecmp(v->name, name) == 0) found = strcpy(session_memory(channel->session, strlen(v->value) + 1), v->value);
    pthread_mutex_unlock(&channel->lock);
    return found;
}

switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel, const char *name, const char *value,
                                                      switch_bool_t checked)
{
    (void)checked;
    pthread_mutex_lock(&channel->lock);
    switch_event_header_t **at = &channel->variables;
    while (*at && strcasecmp((*at)->name, name) != 0) at = &(*at)->next;
    switch_event_header_t *old = *at;
    if (old) {
        *at = old->next;
        free(old->name), free(old->value), free(old);
    }
    if (value && *value) { /* an empty value removes */
        switch_event_header_t *new = malloc(sizeof *new);
        *new = (switch_event_header_t){.name = strdup(name), .value = strdup(value), .next = channel->variables};
        channel->variables = new;
    }
    pthread_mutex_unlock(&channel->lock);
    return SWITCH_STATUS_SUCCESS;
}

switch_event_header_t *switch_channel_variable_first(switch_channel_t *channel)
{
    pthread_mutex_lock(&channel->lock);
    if (!channel->variables) pthread_mutex_unlock(&channel->lock);
    return channel->variables;
}

void switch_channel_variable_last(switch_channel_t *channel) { pthread_mutex_unlock(&channel->lock); }

void switch_core_recovery_track(switch_core_session_t *session) { __atomic_add_fetch(&session->stored, 1, __ATOMIC_SEQ_CST); }

switch_channel_state_t switch_channel_get_state(switch_channel_t *channel) { return channel->inside ? CS_NEW : CS_EXECUTE; }

int switch_channel_test_ready(switch_channel_t *channel, switch_bool_t state, switch_bool_t media)
{
    return (!media || channel->has_media) && (!state || is_up(channel->session));
}

switch_status_t switch_channel_perform_pre_answer(switch_channel_t *channel, const char *file, const char *function, int line)
{
    (void)file, (void)function, (void)line;
    happen(&meanwhile.media);
    if (channel->no_media) return SWITCH_STATUS_FALSE;
    channel->has_media = true;
    return SWITCH_STATUS_SUCCESS;
}

switch_channel_state_t switch_channel_perform_hangup(switch_channel_t *channel, const char *file, const char *function,
                                                     int line, switch_call_cause_t cause)
{
    (void)file, (void)function, (void)line, (void)cause;
    __atomic_store_n(&channel->down, 1, __ATOMIC_SEQ_CST);
    return CS_HANGUP;
}

/* ------------------------------------------------------------------------------------------- for the test ---- */

void happen(void (**what)(void))
{
    void (*happens)(void) = *what;
    *what = NULL;
    if (happens) happens();
}

bool is_up(switch_core_session_t *session) { return !__atomic_load_n(&session->channel.down, __ATOMIC_SEQ_CST); }

const char *variable(switch_core_session_t *session, const char *name)
{
    return switch_channel_get_variable_dup(&session->channel, name, SWITCH_TRUE, -1);
}

void hang_up(switch_core_session_t *session)
{
    switch_channel_perform_hangup(&session->channel, "", "", 0, SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER);
}

void set_variable(switch_core_session_t *session, const char *name, const char *value)
{
    switch_channel_set_variable_var_check(&session->channel, name, value, SWITCH_TRUE);
}

/* The core asks those that come first, then the endpoint, and the others if that says yes. */
static bool runs(int i) { return states[i] && (!reticent || states[i]->flags & SSH_FLAG_PRE_EXEC); }

static switch_core_session_t *call_made(const char *uuid, int says)
{
    static unsigned last;
    switch_core_session_t *session = calloc(1, sizeof *session);
    snprintf(session->uuid, sizeof session->uuid, "%s", uuid);
    session->says = says;
    session->number = __atomic_add_fetch(&last, 1, __ATOMIC_SEQ_CST); /* FreeSWITCH gives a call one number for good */
    session->channel.session = session;
    session->read_codec.actual_samples_per_second = session->write_codec.actual_samples_per_second = RATE;
    session->read_codec.number_of_channels = session->write_codec.number_of_channels = 1;
    pthread_mutex_init(&session->channel.lock, NULL);
    pthread_mutex_init(&session->memory_lock, NULL);
    pthread_rwlock_init(&session->lock, NULL);
    pthread_rwlock_init(&session->bug_lock, NULL);
    pthread_mutex_lock(&sessions_lock);
    session->next = sessions;
    sessions = session;
    pthread_mutex_unlock(&sessions_lock);
    set_variable(session, "uuid", uuid);
    return session;
}

static void call_begins(switch_core_session_t *session)
{
    for (int i = 0; i < 4; i++)
        if (runs(i) && states[i]->on_init) states[i]->on_init(session);
}

switch_core_session_t *call_new(const char *uuid, int says)
{
    switch_core_session_t *session = call_made(uuid, says);
    call_begins(session);
    call_routes(session);
    return session;
}

/* It runs its extension again without looking for one. */
switch_core_session_t *call_recovered(const char *uuid, int says, const char *const variables[][2])
{
    switch_core_session_t *session = call_made(uuid, says);
    for (; (*variables)[0]; variables++) set_variable(session, (*variables)[0], (*variables)[1]);
    set_variable(session, "recovered", "true");
    call_begins(session);
    return session;
}

void call_routes(switch_core_session_t *session)
{
    for (int i = 0; i < 4; i++)
        if (runs(i) && states[i]->on_routing) states[i]->on_routing(session);
}

void call_ends(switch_core_session_t *session)
{
    hang_up(session);
    if (*session->conference) leaves(session);
    remove_bugs(session);
    for (int i = 0; i < 4; i++)
        if (runs(i) && states[i]->on_hangup) states[i]->on_hangup(session);
    pthread_mutex_lock(&sessions_lock);
    switch_core_session_t **at = &sessions;
    while (*at != session) at = &(*at)->next;
    *at = session->next;
    pthread_mutex_unlock(&sessions_lock);
    pthread_rwlock_wrlock(&session->lock); /* whoever holds it lets go */
    for (int i = 0; i < 4; i++)
        if (runs(i) && states[i]->on_destroy) states[i]->on_destroy(session);
    while (session->channel.variables) set_variable(session, session->channel.variables->name, NULL);
    media_end(session);
    for (size_t i = 0; i < session->pieces; i++) free(session->memory[i]);
    free(session->memory);
    free(session);
}

void calls_end(void)
{
    while (sessions) call_ends(sessions);
}

void tell_session(switch_core_session_t *session, switch_core_session_message_t *message, unsigned what)
{
    message->message_id = what;
    for (int i = 0; i < 4; i++)
        if (session->hooks[i]) session->hooks[i](session, message);
}
