/* Loading and unloading as the core does it, commands, configuration, the log and the console of the stand-in. */
#include <dlfcn.h>

#include "switch.h"

const char *module_path, *version_micro = "12-release";
const char *configuration[3][2], *database;

static struct {
    void *file;
    switch_loadable_module_function_table_t *table;
    switch_loadable_module_interface_t *interface;
    void *memory[64];
    int pieces;
    pthread_t runtime;
    int ends;
} module;

static void *module_memory(size_t size) { return module.memory[module.pieces++] = calloc(1, size); }

/* ----------------------------------------------------------------------------------------- for the module ---- */

const char *switch_version_minor(void) { return "10"; }
const char *switch_version_micro(void) { return version_micro; }

switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(switch_memory_pool_t *pool, const char *name)
{
    (void)pool;
    switch_loadable_module_interface_t *new = module_memory(sizeof *new);
    new->module_name = name;
    new->rwlock = module_memory(sizeof *new->rwlock);
    pthread_rwlock_init(&new->rwlock->lock, NULL);
    return new;
}

void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *of, switch_module_interface_name_t kind)
{
    if (kind == SWITCH_API_INTERFACE) {
        switch_api_interface_t *new = module_memory(sizeof *new);
        new->next = of->api_interface;
        return of->api_interface = new;
    }
    check(kind == SWITCH_APPLICATION_INTERFACE, "an interface of kind %d", kind);
    switch_application_interface_t *new = module_memory(sizeof *new);
    new->next = of->application_interface;
    return of->application_interface = new;
}

switch_status_t switch_thread_rwlock_tryrdlock(switch_thread_rwlock_t *lock)
{
    happen(&meanwhile.lock);
    return pthread_rwlock_tryrdlock(&lock->lock) ? SWITCH_STATUS_FALSE : SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_thread_rwlock_unlock(switch_thread_rwlock_t *lock)
{
    happen(&meanwhile.unlock);
    return pthread_rwlock_unlock(&lock->lock) ? SWITCH_STATUS_FALSE : SWITCH_STATUS_SUCCESS;
}

char *switch_core_get_variable_dup(const char *name)
{
    check(strcmp(name, "db_dir") == 0, "a global variable %s", name);
    return database ? strdup(database) : NULL;
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[1 << 16];
static size_t log_length;

void switch_log_printf(switch_text_channel_t channel, const char *file, const char *function, int line, const char *userdata,
                       switch_log_level_t level, const char *format, ...)
{
    (void)channel, (void)file, (void)function, (void)line;
    va_list arguments;
    va_start(arguments, format);
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&log_lock);
    size_t room = sizeof log_text - log_length;
    int length = snprintf(log_text + log_length, room, "[%d] %s %s", (int)level, userdata ? userdata : "-", text);
    if (length > 0 && (size_t)length < room) log_length += (size_t)length; /* a storm may fill it */
    log_text[log_length] = 0;
    pthread_mutex_unlock(&log_lock);
}

switch_status_t switch_console_stream_write(switch_stream_handle_t *handle, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    check(vasprintf(&text, format, arguments) >= 0, "no memory");
    va_end(arguments);
    handle->data_size = handle->data_len + strlen(text) + 1;
    handle->data = realloc(handle->data, handle->data_size);
    strcpy((char *)handle->data + handle->data_len, text);
    handle->data_len += strlen(text);
    free(text);
    return SWITCH_STATUS_SUCCESS;
}

/* Members of all conferences, or of one, as mod_conference lists them; a channel has what its caller has made of its name. */
static void list(switch_stream_handle_t *stream, const char *one, const char *delim)
{
    if (!*one) switch_console_stream_write(stream, "+OK Conference r (3 members rate: 8000 flags: running)\n");
    pthread_mutex_lock(&sessions_lock);
    for (switch_core_session_t *s = sessions; s; s = s->next) {
        if (!*s->conference || s->unlisted || (*one && strcmp(s->conference, one) != 0)) continue;
        const char *hears = s->deaf || s->held ? "" : "hear|", *speaks = s->muted || s->held ? "" : "speak|talking|";
        switch_console_stream_write(stream, "%u%ssofia/x/7;y@z%s%s%s%s%s7%s%s%s%sfloor%s0%s0%s300\n", s->number, delim, delim,
                                    s->uuid, delim, s->caller ? s->caller : "A. Caller; B", delim, delim, hears, speaks, s->held ? "hold|" : "", delim, delim, delim);
    }
    pthread_mutex_unlock(&sessions_lock);
    happen(*one ? &meanwhile.flags : &meanwhile.list);
}

/* Of `conference` the lists, and the module's own commands. */
switch_status_t switch_api_execute(const char *command, const char *arguments, switch_core_session_t *session,
                                   switch_stream_handle_t *stream)
{
    char one[512] = "", delim[8];
    check(!strstr(arguments, "json_list"), "two at once that ask for json_list crash the switch");
    if (strcmp(command, "conference") == 0 && (sscanf(arguments, "list delim %7s", delim) == 1 ||
                                               sscanf(arguments, "'%511[^']' list delim %7s", one, delim) == 2))
        return list(stream, one, delim), SWITCH_STATUS_SUCCESS;
    for (switch_api_interface_t *api = module.interface ? module.interface->api_interface : NULL; api; api = api->next)
        if (strcmp(api->interface_name, command) == 0) return api->function(arguments, session, stream);
    return switch_console_stream_write(stream, "-ERR %s Command not found!\n", command);
}

/* The configuration is one node, whose child `settings` is itself. */
static struct switch_xml { const char *value; } node;

switch_xml_t switch_xml_open_cfg(const char *name, switch_xml_t *found, switch_event_t *parameters)
{
    check(strcmp(name, "coach.conf") == 0 && !parameters, "the configuration of %s", name);
    return configuration[0][0] || configuration[2][0] ? *found = &node : NULL;
}

/* The whole configuration in memory has no conference's profile. */
switch_xml_t switch_xml_root(void) { return &node; }

switch_xml_t switch_xml_child(switch_xml_t xml, const char *name) { return strcmp(name, "settings") ? NULL : xml; }

switch_xml_t switch_xml_find_child(switch_xml_t xml, const char *child, const char *attribute, const char *value)
{
    if (strcmp(child, "section") == 0) return NULL;
    check(strcmp(child, "param") == 0 && strcmp(attribute, "name") == 0, "a <%s> by its %s", child, attribute);
    for (int i = 0; i < 3; i++)
        if (configuration[i][0] && strcmp(configuration[i][0], value) == 0) return xml->value = configuration[i][1], xml;
    return NULL;
}

const char *switch_xml_attr_soft(switch_xml_t xml, const char *attribute)
{
    return strcmp(attribute, "value") ? "" : xml->value;
}

void switch_xml_free(switch_xml_t xml) { (void)xml; }

static pthread_mutex_t console_lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char name[32]; switch_console_complete_callback_t callback; } functions[8];
static int patterns;

switch_status_t switch_console_set_complete(const char *text)
{
    if (strncmp(text, "add ", 4) == 0) patterns++;
    else patterns = 0; /* `del` of each command */
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_console_add_complete_func(const char *name, switch_console_complete_callback_t callback)
{
    int i = 0;
    while (functions[i].callback) i++;
    snprintf(functions[i].name, sizeof functions[i].name, "%s", name);
    functions[i].callback = callback;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_console_del_complete_func(const char *name)
{
    pthread_mutex_lock(&console_lock);
    for (int i = 0; i < 8; i++)
        if (strcmp(functions[i].name, name) == 0) memset(&functions[i], 0, sizeof functions[i]);
    pthread_mutex_unlock(&console_lock);
    return SWITCH_STATUS_SUCCESS;
}

void switch_console_push_match(switch_console_callback_match_t **matches, const char *value)
{
    if (!*matches) *matches = calloc(1, sizeof **matches);
    switch_console_callback_match_node_t *new = calloc(1, sizeof *new);
    new->val = strdup(value);
    new->next = (*matches)->head;
    (*matches)->head = new;
    (*matches)->count++;
}

void switch_console_free_matches(switch_console_callback_match_t **matches)
{
    while ((*matches)->head) {
        switch_console_callback_match_node_t *first = (*matches)->head;
        (*matches)->head = first->next;
        free(first->val), free(first);
    }
    free(*matches);
    *matches = NULL;
}

/* ------------------------------------------------------------------------------------------- for the test ---- */

static void *runs(void *none)
{
    (void)none;
    while (!__atomic_load_n(&module.ends, __ATOMIC_SEQ_CST)) module.table->runtime();
    return NULL;
}

bool load(void)
{
    module.file = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);
    check(module.file, "%s", dlerror());
    module.table = dlsym(module.file, "mod_coach_module_interface");
    check(module.table, "%s", dlerror());
    check(module.table->switch_api_version == SWITCH_API_VERSION && !module.table->flags, "the module's table is odd");
    bool loaded = module.table->load(&module.interface, NULL) == SWITCH_STATUS_SUCCESS;
    if (loaded) {
        module.ends = 0;
        pthread_create(&module.runtime, NULL, runs, NULL);
        return true;
    }
    while (module.pieces) free(module.memory[--module.pieces]);
    dlclose(module.file);
    return false;
}

bool unload(bool force)
{
    switch_event_t *event;
    bool busy = !force && pthread_rwlock_trywrlock(&module.interface->rwlock->lock) != 0;
    if (!busy) {
        __atomic_store_n(&module.ends, 1, __ATOMIC_SEQ_CST);
        bool stays = module.table->shutdown() == SWITCH_STATUS_NOUNLOAD;
        pthread_join(module.runtime, NULL);
        module.interface = NULL;
        if (!stays) dlclose(module.file);
        while (!stays && module.pieces) free(module.memory[--module.pieces]);
    }
    switch_event_create_subclass_detailed("", "", 0, &event, SWITCH_EVENT_API, NULL);
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "API-Command", "unload");
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "API-Command-Argument", "mod_coach");
    switch_event_fire_detailed("", "", 0, &event, NULL);
    events_done();
    return !busy;
}

bool is_mapped(void)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    check(maps, "the maps of this process cannot be read");
    while (fgets(line, sizeof line, maps)) found = found || strstr(line, "mod_coach.so");
    fclose(maps);
    return found;
}

const char *api(const char *command, const char *arguments)
{
    static _Thread_local char answer[8192];
    switch_stream_handle_t stream = {.write_function = switch_console_stream_write};
    switch_api_execute(command, arguments, NULL, &stream);
    snprintf(answer, sizeof answer, "%s", (char *)stream.data);
    free(stream.data);
    return answer;
}

bool logged(const char *part)
{
    pthread_mutex_lock(&log_lock);
    bool found = strstr(log_text, part);
    pthread_mutex_unlock(&log_lock);
    return found;
}

void forget_log(void)
{
    pthread_mutex_lock(&log_lock);
    log_length = 0, *log_text = 0;
    pthread_mutex_unlock(&log_lock);
}

void complete(const char *function, const char *line, char *found, size_t size)
{
    switch_console_callback_match_t *matches = NULL;
    *found = 0;
    pthread_mutex_lock(&console_lock);
    for (int i = 0; i < 8; i++)
        if (functions[i].callback && strcmp(functions[i].name, function) == 0) functions[i].callback(line, "", &matches);
    pthread_mutex_unlock(&console_lock);
    for (switch_console_callback_match_node_t *at = matches ? matches->head : NULL; at; at = at->next)
        snprintf(found + strlen(found), size - strlen(found), "%s ", at->val);
    if (matches) switch_console_free_matches(&matches);
}

unsigned left_behind(void)
{
    unsigned left = events_bound() + media_left() + (unsigned)patterns;
    for (int i = 0; i < 8; i++) left += functions[i].callback != NULL;
    for (int i = 0; i < 4; i++) left += states[i] != NULL;
    for (switch_core_session_t *s = sessions; s; s = s->next)
        for (int i = 0; i < 4; i++) left += (s->hooks[i] != NULL) + (s->reads[i] != NULL);
    return left;
}

switch_loadable_module_interface_t *module_table(void) { return module.interface; }
