/* Applications of the stand-in: what the core tells a session around each, and what `set` and `conference` do. */
#include "switch.h"

static unsigned number(unsigned message)
{
    /* 1.10.7 put a message in front of these. */
    return strcmp(version_micro, "6") == 0 ? message - 1 : message;
}

static void begins(switch_core_session_t *session, const char *application, const char *data)
{
    switch_core_session_message_t *message = &session->runs[session->depth++];
    *message = (switch_core_session_message_t){.string_array_arg = {application, strcpy(session_memory(session, strlen(data) + 1), data)}};
    set_variable(session, "current_application", application);
    if (!session->secretive) tell_session(session, message, number(SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC));
}

static void ends(switch_core_session_t *session)
{
    switch_core_session_message_t *message = &session->runs[--session->depth];
    if (!session->secretive) tell_session(session, message, number(SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC_COMPLETE));
}

void passes_on(switch_core_session_t *session, const char *conference, bool begins)
{
    static switch_core_session_message_t message;
    message = (switch_core_session_message_t){.string_array_arg = {"conference", conference}};
    tell_session(session, &message,
                 number(begins ? SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC : SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC_COMPLETE));
}

void run(switch_core_session_t *session, const char *application, const char *data)
{
    begins(session, application, data);
    if (strcmp(application, "set") == 0 || strcmp(application, "export") == 0) {
        char name[64];
        const char *value = strchr(data, '=');
        if (!value && *application == 's') value = strchr(data, ',');
        snprintf(name, sizeof name, "%.*s", value ? (int)(value - data) : (int)strlen(data), data);
        set_variable(session, name, value ? value + 1 : NULL);
    } else if (strcmp(application, "unset") == 0) {
        set_variable(session, data, NULL);
    } else {
        switch_application_interface_t *of = module_table() ? module_table()->application_interface : NULL;
        while (of && strcmp(of->interface_name, application) != 0) of = of->next;
        check(of, "there is no application %s", application);
        of->application_function(session, data);
    }
    ends(session);
}

void conference_begins(switch_core_session_t *session, const char *name)
{
    begins(session, "conference", name);
    switch_channel_perform_pre_answer(&session->channel, "", "", 0);
    session->channel.answered = true;
    char named[512];
    snprintf(named, sizeof named, "%s", name + strspn(name, " "));
    named[strcspn(named, "+")] = 0;
    char *profile = strrchr(named, '@');
    if (profile) *profile = 0;
    set_variable(session, "conference_name", named);
}

void conference_adds(switch_core_session_t *session)
{
    char text[560];
    const char *name = variable(session, "conference_name");
    snprintf(text, sizeof text, "id-of-%.60s", name);
    set_variable(session, "conference_uuid", text);
    snprintf(text, sizeof text, "%u", session->number);
    set_variable(session, "conference_member_id", text);
    snprintf(session->conference, sizeof session->conference, "%s", name);
    if (!session->unannounced) conference_event(session, "add-member");
}

void bridges(switch_core_session_t *session, bool on)
{
    static switch_core_session_message_t message = {.string_arg = "the other's UUID"};
    tell_session(session, &message, on ? SWITCH_MESSAGE_INDICATE_BRIDGE : SWITCH_MESSAGE_INDICATE_UNBRIDGE);
}

void bridges_with(switch_core_session_t *session, const char *other)
{
    switch_core_session_message_t message = {.string_arg = other};
    tell_session(session, &message, SWITCH_MESSAGE_INDICATE_BRIDGE);
}

void eavesdrops(switch_core_session_t *session, bool on)
{
    static switch_core_session_message_t message;
    tell_session(session, &message, on ? SWITCH_MESSAGE_INDICATE_BRIDGE : SWITCH_MESSAGE_INDICATE_UNBRIDGE);
}

void conference_bridges(switch_core_session_t *session)
{
    tell_session(session, &session->takes[session->taken++], SWITCH_MESSAGE_INDICATE_BRIDGE);
}

void conference_takes(switch_core_session_t *session)
{
    conference_adds(session);
    conference_bridges(session);
}

void conference_lets_go(switch_core_session_t *session)
{
    tell_session(session, &session->takes[--session->taken], SWITCH_MESSAGE_INDICATE_UNBRIDGE);
    conference_event(session, "del-member");
    *session->conference = 0;
}

void conference_ends(switch_core_session_t *session)
{
    ends(session);
}

void joins(switch_core_session_t *session, const char *name)
{
    conference_begins(session, name);
    if (is_up(session)) conference_takes(session);
}

void leaves(switch_core_session_t *session)
{
    conference_lets_go(session);
    conference_ends(session);
}

void conference_event(switch_core_session_t *session, const char *action)
{
    char id[560], member[16];
    switch_event_t *event;
    switch_event_create_subclass_detailed("", "", 0, &event, SWITCH_EVENT_CUSTOM, "conference::maintenance");
    snprintf(id, sizeof id, "id-of-%.60s", session->conference);
    snprintf(member, sizeof member, "%u", session->number);
    const char *headers[][2] = {
        {"Action", action}, {"Conference-Name", session->conference}, {"Conference-Unique-ID", id},
        {"Member-ID", member}, {"Unique-ID", session->uuid}, {"Speak", session->muted ? "false" : "true"},
        {"Hear", session->deaf ? "false" : "true"}, {"Hold", session->held ? "true" : "false"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, headers[i][0], headers[i][1]);
    switch_event_fire_detailed("", "", 0, &event, NULL);
}

void phone_holds(switch_core_session_t *session, bool on)
{
    switch_event_t *event;
    switch_event_create_subclass_detailed("", "", 0, &event, on ? SWITCH_EVENT_CHANNEL_HOLD : SWITCH_EVENT_CHANNEL_UNHOLD, NULL);
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Unique-ID", session->uuid);
    switch_event_fire_detailed("", "", 0, &event, NULL);
}
