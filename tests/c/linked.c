/* coach.h by itself, before any other header, as C11 and as C++17: no warning, the sizes that hosts were built with, and
 * names that a host can link to at build time. */
#include "coach.h"

#ifndef __cplusplus
#define static_assert _Static_assert
#endif

/* A host built today must fit a library of tomorrow: these change only together with COACH_ABI_VERSION. */
static_assert(sizeof(coach_status_t) == 4, "coach_status_t");
static_assert(sizeof(coach_engine_t) == 8 && sizeof(coach_room_t) == 8 && sizeof(coach_member_t) == 8, "handles");
#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(coach_engine_config_t) == 32, "coach_engine_config_t");
static_assert(sizeof(coach_member_config_t) == 48, "coach_member_config_t");
static_assert(sizeof(coach_event_t) == 120, "coach_event_t");
static_assert(offsetof(coach_event_t, room_name) == 48, "coach_event_t.room_name");
static_assert(sizeof(coach_room_config_t) == 40, "coach_room_config_t");
static_assert(sizeof(coach_member_texts_t) == 64, "coach_member_texts_t");
#endif
static_assert(sizeof(coach_member_info_t) == 24, "coach_member_info_t");
static_assert(sizeof(coach_stats_t) == 96, "coach_stats_t");
static_assert(offsetof(coach_engine_config_t, size) == 0 && offsetof(coach_room_config_t, size) == 0 &&
                  offsetof(coach_member_config_t, size) == 0 && offsetof(coach_stats_t, size) == 0 &&
                  offsetof(coach_event_t, size) == 0 && offsetof(coach_member_info_t, size) == 0 &&
                  offsetof(coach_member_texts_t, size) == 0,
              "every struct starts with its size");

static void on_event(void *user, const coach_event_t *event)
{
    if (event->kind == COACH_EVENT_TAG) *(int *)user += 1;
}

int main(void)
{
    int tags = 0;
    coach_engine_config_t engine_config = COACH_ENGINE_CONFIG_INIT;
    coach_room_config_t room_config = COACH_ROOM_CONFIG_INIT;
    coach_member_config_t member_config = COACH_MEMBER_CONFIG_INIT;
    coach_stats_t stats = COACH_STATS_INIT;
    coach_engine_t engine = 0;
    coach_room_t room = 0;
    coach_member_t member = 0;
    engine_config.on_event = on_event;
    engine_config.user = &tags;
    member_config.call_id = "call";
    if (coach_abi_version() != COACH_ABI_VERSION) return 1;
    if (coach_engine_create(COACH_ABI_VERSION, &engine_config, &engine) != COACH_OK) return 2;
    if (coach_room_open(engine, "room", &room_config, &room) != COACH_OK) return 3;
    if (coach_member_attach(engine, &member_config, &member) != COACH_OK) return 4;
    if (coach_member_join(member, room, 1) != COACH_OK) return 5;
    if (coach_tag(member, "agent") != COACH_OK || tags != 1) return 6;
    if (coach_engine_stats(engine, &stats) != COACH_OK || stats.members != 1) return 7;
    if (coach_engine_destroy(engine) != COACH_OK) return 8;
    return 0;
}
