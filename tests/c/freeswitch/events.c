/* Events of the stand-in: told by a thread of their own, later, in another order if a test wants that. */
#include "switch.h"

struct switch_event { switch_event_types_t kind; char *name[24], *value[24]; int headers; switch_event_t *next; };
struct switch_event_node { switch_event_types_t event; char *subclass; switch_event_callback_t callback; switch_event_node_t *next; };

static pthread_rwlock_t bindings = PTHREAD_RWLOCK_INITIALIZER;
static switch_event_node_t *bound;
static char *reserved[4];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static switch_event_t *queue, *history;
static bool telling, over, held_up;
static unsigned held_up_now;
static enum order order;
static pthread_t thread;
static unsigned long sequence;

/* ----------------------------------------------------------------------------------------- for the module ---- */

switch_status_t switch_event_reserve_subclass_detailed(const char *owner, const char *subclass)
{
    (void)owner;
    for (int i = 0; i < 4; i++)
        if (reserved[i] && strcmp(reserved[i], subclass) == 0) return SWITCH_STATUS_FALSE;
    for (int i = 0; i < 4; i++)
        if (!reserved[i]) return reserved[i] = strdup(subclass), SWITCH_STATUS_SUCCESS;
    return SWITCH_STATUS_FALSE;
}

switch_status_t switch_event_free_subclass_detailed(const char *owner, const char *subclass)
{
    (void)owner;
    for (int i = 0; i < 4; i++)
        if (reserved[i] && strcmp(reserved[i], subclass) == 0) free(reserved[i]), reserved[i] = NULL;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event, const char *subclass,
                                            switch_event_callback_t callback, void *user_data, switch_event_node_t **node)
{
    (void)id, (void)user_data;
    switch_event_node_t *new = calloc(1, sizeof *new);
    *new = (switch_event_node_t){event, subclass ? strdup(subclass) : NULL, callback, NULL};
    pthread_rwlock_wrlock(&bindings);
    new->next = bound;
    *node = bound = new;
    pthread_rwlock_unlock(&bindings);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_unbind(switch_event_node_t **node)
{
    pthread_rwlock_wrlock(&bindings);
    switch_event_node_t **at = &bound;
    while (*at && *at != *node) at = &(*at)->next;
    check(*at, "what is unbound was never bound");
    *at = (*node)->next;
    free((*node)->subclass), free(*node);
    *node = NULL;
    pthread_rwlock_unlock(&bindings);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_create_subclass_detailed(const char *file, const char *function, int line,
                                                      switch_event_t **event, switch_event_types_t kind, const char *subclass)
{
    (void)file, (void)function, (void)line;
    char number[24];
    *event = calloc(1, sizeof **event);
    (*event)->kind = kind;
    pthread_mutex_lock(&lock);
    snprintf(number, sizeof number, "%lu", ++sequence);
    pthread_mutex_unlock(&lock);
    switch_event_add_header_string(*event, SWITCH_STACK_BOTTOM, "Event-Sequence", number);
    if (subclass) switch_event_add_header_string(*event, SWITCH_STACK_BOTTOM, "Event-Subclass", subclass);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack, const char *name, const char *value)
{
    (void)stack;
    check(event->headers < 24, "an event has too many headers");
    event->name[event->headers] = strdup(name);
    event->value[event->headers++] = strdup(value);
    return SWITCH_STATUS_SUCCESS;
}

char *switch_event_get_header_idx(switch_event_t *event, const char *name, int index)
{
    check(index == -1, "a header is asked for by index");
    for (int i = 0; i < event->headers; i++)
        if (strcmp(event->name[i], name) == 0) return event->value[i];
    return NULL;
}

void switch_event_destroy(switch_event_t **event)
{
    for (int i = 0; i < (*event)->headers; i++) free((*event)->name[i]), free((*event)->value[i]);
    free(*event);
    *event = NULL;
}

switch_status_t switch_event_fire_detailed(const char *file, const char *function, int line, switch_event_t **event, void *user_data)
{
    (void)file, (void)function, (void)line, (void)user_data;
    pthread_mutex_lock(&lock);
    held_up_now++;
    pthread_cond_broadcast(&changed);
    while (held_up) pthread_cond_wait(&changed, &lock);
    held_up_now--;
    switch_event_t **at = &queue;
    while (order != LATER_LAST_FIRST && *at) at = &(*at)->next;
    (*event)->next = *at;
    *at = *event;
    *event = NULL;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return SWITCH_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------------------------------- for the test ---- */

static void *tells(void *none)
{
    (void)none;
    pthread_mutex_lock(&lock);
    while (!over || queue) {
        if (!queue || (order != AT_ONCE && !over)) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        switch_event_t *event = queue;
        queue = event->next;
        telling = true;
        pthread_mutex_unlock(&lock);
        pthread_rwlock_rdlock(&bindings);
        const char *subclass = switch_event_get_header_idx(event, "Event-Subclass", -1);
        for (switch_event_node_t *node = bound; node; node = node->next)
            if (node->event == event->kind &&
                (!node->subclass || (subclass && strcmp(node->subclass, subclass) == 0)))
                node->callback(event);
        pthread_rwlock_unlock(&bindings);
        pthread_mutex_lock(&lock);
        event->next = history;
        history = event;
        telling = false;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void events_start(void)
{
    over = false;
    pthread_create(&thread, NULL, tells, NULL);
}

void events_stop(void)
{
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    forget_events();
}

void events_wait(enum order now)
{
    pthread_mutex_lock(&lock);
    order = now;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (now == AT_ONCE) events_done();
}

void events_done(void)
{
    pthread_mutex_lock(&lock);
    while (queue || telling) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void events_hold_up(bool now)
{
    pthread_mutex_lock(&lock);
    held_up = now;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void events_held_up(void)
{
    pthread_mutex_lock(&lock);
    while (!held_up_now) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static bool is_about(switch_event_t *event, const char *action, const char *member)
{
    const char *subclass = switch_event_get_header_idx(event, "Event-Subclass", -1);
    const char *what = switch_event_get_header_idx(event, "Action", -1);
    const char *who = switch_event_get_header_idx(event, "Unique-ID", -1);
    return subclass && strcmp(subclass, "coach::maintenance") == 0 && strcmp(what, action) == 0 && strcmp(who ? who : "", member) == 0;
}

unsigned times_told(const char *action, const char *member)
{
    events_done();
    unsigned times = 0;
    pthread_mutex_lock(&lock);
    for (switch_event_t *event = history; event; event = event->next) times += is_about(event, action, member);
    pthread_mutex_unlock(&lock);
    return times;
}

bool told(const char *action, const char *member, const char *header, const char *value)
{
    events_done();
    bool found = false;
    pthread_mutex_lock(&lock);
    for (switch_event_t *event = history; event && !found; event = event->next) {
        if (!is_about(event, action, member)) continue;
        const char *has = header ? switch_event_get_header_idx(event, header, -1) : "";
        found = !header || (value ? has && strcmp(has, value) == 0 : !has);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void forget_events(void)
{
    events_done();
    pthread_mutex_lock(&lock);
    while (history) {
        switch_event_t *event = history;
        history = event->next;
        switch_event_destroy(&event);
    }
    pthread_mutex_unlock(&lock);
}

unsigned events_bound(void)
{
    unsigned count = 0;
    for (switch_event_node_t *node = bound; node; node = node->next) count++;
    for (int i = 0; i < 4; i++) count += reserved[i] != NULL;
    return count;
}
