/* A host that has pointers of its own given back in events, and asks how members are. */
#include "host.h"

/* What a host keeps of a call or a conference. */
struct own {
    const char *name;
    int released;     /* how often */
    int told_after;   /* an event gave it back when it had been released already */
    int told;
};

static void release(void *user_data)
{
    ((struct own *)user_data)->released++;
}

static uint32_t kind;               /* of the last event */
static struct own *of_room, *of_member; /* as that gave them back */

static void told(struct own *own)
{
    if (!own) return;
    own->told++;
    own->told_after += own->released;
}

static coach_member_t detached_inside; /* by the callback, at its next JOIN */

static void on_event(void *user, const coach_event_t *event)
{
    (void)user;
    kind = event->kind;
    told(of_room = event->room_user_data);
    told(of_member = event->member_user_data);
    if (event->kind == COACH_EVENT_JOIN && detached_inside) {
        coach_member_t member = detached_inside;
        detached_inside = 0;
        expect(COACH_OK, coach.member_detach(member));
    }
}

static coach_room_t room_of(struct own *own)
{
    coach_room_config_t config = COACH_ROOM_CONFIG_INIT;
    coach_room_t room = 0;
    config.user_data = own;
    config.release = release;
    expect(COACH_OK, coach.room_open(call.engine, own->name, &config, &room));
    return room;
}

static coach_member_t leg_of(struct own *own, const char *tags, const char *speak_only_to)
{
    coach_member_config_t config = COACH_MEMBER_CONFIG_INIT;
    coach_member_t member = 0;
    config.call_id = own->name;
    config.tags = tags;
    config.speak_only_to = speak_only_to;
    config.user_data = own;
    config.release = release;
    expect(COACH_OK, coach.member_attach(call.engine, &config, &member));
    return member;
}

static int host_mixed_and_told(void **state)
{
    (void)state;
    detached_inside = 0;
    open_call(COACH_MIXER_HOST, on_event, NULL);
    return 0;
}

static void expects(uint32_t right, struct own *room, struct own *member, const char *what)
{
    check(kind == right && of_room == room && of_member == member, "%s: kind %u, %s, %s; right: kind %u, %s, %s", what, kind,
          of_room ? of_room->name : "no room", of_member ? of_member->name : "no member", right, room ? room->name : "no room",
          member ? member->name : "no member");
}

static void has_it_in_every_event(void **state)
{
    (void)state;
    struct own sales = {"sales", 0, 0, 0}, boss = {"boss", 0, 0, 0};
    coach_room_t room = room_of(&sales);
    coach_member_t leg = leg_of(&boss, NULL, NULL);
    expect(COACH_OK, coach.tag(leg, "lead"));
    expects(COACH_EVENT_TAG, NULL, &boss, "tagged outside rooms");
    expect(COACH_OK, coach.member_join(leg, room, 1));
    expects(COACH_EVENT_JOIN, &sales, &boss, "joined");
    check(sales.told == 2 && boss.told == 2, "the room's START gives the room alone: it was told %d times, the member %d; right: 2 and 2",
          sales.told, boss.told);
    expect(COACH_OK, coach.coach(leg, "agent"));
    expects(COACH_EVENT_AUDIENCE, &sales, &boss, "turned private");
    expect(COACH_OK, coach.room_close(room));
    expects(COACH_EVENT_END, &sales, &boss, "closed");
    check(sales.released == 1 && !boss.released, "a closed room's data were released %d times, its member's %d; right: 1 and 0",
          sales.released, boss.released);
    expect(COACH_OK, coach.member_detach(leg));
    check(boss.released == 1, "a detached member's data were released %d times; right: once", boss.released);
    survived();
}

static void has_it_released_after_the_last_event(void **state)
{
    (void)state;
    struct own sales = {"sales", 0, 0, 0}, boss = {"boss", 0, 0, 0};
    coach_room_t room = room_of(&sales);
    coach_member_t leg = leg_of(&boss, NULL, NULL);
    expect(COACH_OK, coach.member_join(leg, room, 1));
    int before = boss.told;
    detached_inside = leg;
    coach_member_t late = a_leg(call.engine, "late", NULL, NULL);
    expect(COACH_OK, coach.member_join(late, room, 2)); /* tells of it; inside, the other one is detached, which waits to be told */
    check(!boss.released, "the data of a member were released while an event about it waited");
    expect(COACH_OK, coach.room_close(room));
    check(!sales.released, "the data of a room were released while events about it waited");
    expect(COACH_OK, serve(call.engine));
    check(boss.told == before + 1 && boss.released == 1 && !boss.told_after,
          "told %d times more, released %d times, told %d times after that; right: once, once, never", boss.told - before,
          boss.released, boss.told_after);
    check(sales.released == 1 && !sales.told_after, "the room's data were released %d times, told %d times after that; right: once, never",
          sales.released, sales.told_after);
    expect(COACH_OK, coach.member_detach(late));
    survived();
}

static void keeps_it_where_a_call_failed(void **state)
{
    (void)state;
    struct own own = {"support", 0, 0, 0};
    coach_room_config_t room = COACH_ROOM_CONFIG_INIT;
    coach_member_config_t member = COACH_MEMBER_CONFIG_INIT;
    room.user_data = member.user_data = &own;
    room.release = member.release = release;
    refused_row(COACH_ERR_ROOM_EXISTS, coach.room_open(call.engine, "support", &room, &output), "a room that there is");
    refused_row(COACH_ERR_ROOM_NAME, coach.room_open(call.engine, "a b", &room, &output), "a room whose name has a blank");
    member.call_id = "agent";
    refused_row(COACH_ERR_CALL_IN_USE, coach.member_attach(call.engine, &member, &output), "a call that there is");
    member.call_id = "new";
    member.tags = "a b";
    refused_row(COACH_ERR_TAG, coach.member_attach(call.engine, &member, &output), "a tag with a blank");
    refused(COACH_ERR_NULL, coach.member_attach(call.engine, &member, NULL));
    check(!own.released, "calls failed, and what they were given was released %d times; right: it is the host's still", own.released);
    survived();
}

static void has_it_released_before_the_engine_has_ended(void **state)
{
    (void)state;
    struct own sales = {"sales", 0, 0, 0}, boss = {"boss", 0, 0, 0}, gone = {"gone", 0, 0, 0};
    coach_room_t room = room_of(&sales);
    coach_member_t leg = leg_of(&boss, NULL, NULL), other = leg_of(&gone, NULL, NULL);
    expect(COACH_OK, coach.member_join(leg, room, 1));
    detached_inside = other; /* its event waits when the engine ends: it was in no room, and has been bypassed */
    expect(COACH_OK, coach.member_join(other, room, 2));
    expect(COACH_OK, coach.engine_destroy(call.engine));
    check(sales.released == 1 && boss.released == 1 && gone.released == 1 && !sales.told_after && !boss.told_after && !gone.told_after,
          "released %d, %d, %d times; right: each once, and nothing told after that", sales.released, boss.released, gone.released);
}

/* ------------------------------------------------------------------------------------------------ how members are ---- */

static coach_member_info_t info_of(coach_member_t member)
{
    coach_member_info_t info = COACH_MEMBER_INFO_INIT;
    expect(COACH_OK, coach.member_info(member, &info));
    return info;
}

/* What the manager says widens an audience no more. */
static void guard_ends(void)
{
    for (int tick = 0; tick < 20; tick++) {
        int16_t frame[SAMPLES];
        fill(frame, SAMPLES, LEVEL);
        coach.read(call.manager, frame, RATE, 1, SAMPLES);
        serve(call.engine);
    }
}

static void expect_flags(coach_member_t member, uint32_t right, const char *who)
{
    coach_member_info_t info = info_of(member);
    check(info.flags == right, "%s: flags %#x; right: %#x", who, info.flags, right);
}

static void asks_how_members_are(void **state)
{
    (void)state;
    coach_member_info_t info = info_of(call.agent);
    check(info.size == sizeof info && info.room == call.room && info.number == 2 && !info.opens_in_ms, "the agent is %u in another room", info.number);
    uint32_t mixed = call.mixer == COACH_MIXER_ENGINE ? COACH_INFO_NEEDS_WRITE : 0;
    expect_flags(call.customer, mixed, "the customer");
    expect_flags(call.agent, COACH_INFO_ADDRESSED | COACH_INFO_NEEDS_WRITE, "the agent");
    expect_flags(call.manager, COACH_INFO_PRIVATE | mixed, "the manager");
    expect(COACH_OK, coach.member_mute(call.manager, 1));
    expect(COACH_OK, coach.member_deaf(call.agent, 1));
    expect(COACH_OK, coach.member_hold(call.agent, 1));
    expect_flags(call.agent, COACH_INFO_ADDRESSED | COACH_INFO_NEEDS_WRITE | COACH_INFO_DEAF | COACH_INFO_HELD, "the agent, deaf, on hold, of a mute speaker");
    expect_flags(call.manager, COACH_INFO_PRIVATE | COACH_INFO_MUTED | mixed, "the manager, mute");
    expect(COACH_OK, coach.tag(call.manager, "agent"));
    expect_flags(call.manager, COACH_INFO_PRIVATE | COACH_INFO_MUTED | mixed, "the manager, who speaks to its own tag");
    expect(COACH_OK, coach.untag(call.manager));
    expect(COACH_OK, coach.uncoach(call.manager));
    expect_flags(call.agent, COACH_INFO_DEAF | COACH_INFO_HELD | mixed, "the agent, to whom nobody speaks any more");
    check(info_of(call.manager).opens_in_ms > 0, "the manager's opening guard is not told");
    expect(COACH_OK, coach.member_leave(call.manager));
    expect(COACH_OK, coach.member_bypass(call.manager, 1));
    info = info_of(call.manager);
    check(!info.room && !info.number && info.opens_in_ms > 0 && info.flags == (COACH_INFO_MUTED | COACH_INFO_BYPASSED),
          "outside: room %d, number %u, opens in %u ms, flags %#x", info.room != 0, info.number, info.opens_in_ms, info.flags);
    /* As it was. */
    expect(COACH_OK, coach.member_bypass(call.manager, 0));
    expect(COACH_OK, coach.member_mute(call.manager, 0));
    expect(COACH_OK, coach.member_deaf(call.agent, 0));
    expect(COACH_OK, coach.member_hold(call.agent, 0));
    expect(COACH_OK, coach.coach(call.manager, "agent"));
    expect(COACH_OK, coach.member_join(call.manager, call.room, 3));
    guard_ends();
    survived();
}

static void has_mode_sounds(void **state)
{
    (void)state;
    coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;
    coach_engine_t engine = 0;
    config.flags = COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_MODE_SOUNDS;
    expect(COACH_OK, coach.engine_create(COACH_ABI_VERSION, &config, &engine));
    coach_room_t room = a_room(engine, "sounds", COACH_MIXER_HOST);
    coach_member_t leg = a_leg(engine, "manager", NULL, "agent");
    expect(COACH_OK, coach.member_join(leg, room, 1));
    expect_flags(leg, COACH_INFO_PRIVATE | COACH_INFO_NEEDS_WRITE, "a private speaker who hears the sound of its mode");
    expect(COACH_OK, coach.engine_destroy(engine));
    survived();
}

static void asks_with_a_wrong_size(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, sizeof(coach_member_info_t) - 1, sizeof(coach_member_info_t) + 1, UINT32_MAX};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        coach_member_info_t info = {sizes[i], 7, 7, 7, 7}, before = info;
        refused_row(COACH_ERR_SIZE, coach.member_info(call.agent, &info), "coach_member_info with size %u", sizes[i]);
        check(memcmp(&info, &before, sizeof info) == 0, "coach_member_info failed, yet wrote *info");
    }
    refused(COACH_ERR_NULL, coach.member_info(call.agent, NULL));
    survived();
}

static char listed[512];

static void list(void *user, const coach_member_info_t *info, const coach_member_texts_t *texts)
{
    size_t at = strlen(listed);
    struct own *own = texts->member_user_data;
    check(user == listed && info->size == sizeof *info && texts->size == sizeof *texts, "a list has another size, or another's pointer");
    snprintf(listed + at, sizeof listed - at, "%s %u %s [%s] %s [%s] %#x %s;", texts->room_name, info->number, texts->call_id, texts->tags,
             texts->speak_only_to ? texts->speak_only_to : "openly", texts->heard_by, info->flags, own ? own->name : "none");
}

static void lists_members(void **state)
{
    (void)state;
    struct own sales = {"sales", 0, 0, 0}, boss = {"boss", 0, 0, 0};
    coach_room_t room = room_of(&sales);
    coach_member_t leg = leg_of(&boss, "a,b", "-");
    expect(COACH_OK, coach.member_join(leg, room, 4000000000u));
    static const char in_sales[] = "sales 4000000000 boss [a,b] - [] 0x1 boss;";
    static const char in_support[] = "support 1 customer [] openly [2,3] 0 none;support 2 agent [agent] openly [1,3] 0x6 none;"
                                     "support 3 manager [] agent [2] 0x1 none;";
    listed[0] = '\0';
    expect(COACH_OK, coach.members(call.engine, "sales", list, listed));
    check(strcmp(listed, in_sales) == 0, "one room is listed as\n  %s\n  right:\n  %s", listed, in_sales);
    listed[0] = '\0';
    expect(COACH_OK, coach.members(call.engine, NULL, list, listed));
    size_t first = strlen(in_sales);
    check(strncmp(listed, in_sales, first) == 0 && strcmp(listed + first, in_support) == 0, "all rooms are listed as\n  %s\n  right:\n  %s%s", listed,
          in_sales, in_support);
    listed[0] = '\0';
    refused(COACH_ERR_NO_ROOM, coach.members(call.engine, "none", list, listed));
    refused(COACH_ERR_TEXT, coach.members(call.engine, "\xff", list, listed));
    refused(COACH_ERR_NULL, coach.members(call.engine, NULL, NULL, listed));
    check(!listed[0], "a list failed, yet called back");
    expect(COACH_OK, coach.room_close(room));
    expect(COACH_OK, coach.member_detach(leg));
    survived();
}

static void detaches_whom_it_is_told(void *user, const coach_member_info_t *info, const coach_member_texts_t *texts)
{
    coach_member_t *leg = user;
    (void)info;
    struct own *own = texts->member_user_data;
    if (!own || !*leg) return;
    expect(COACH_OK, coach.member_detach(*leg));
    *leg = 0;
    check(!own->released, "what a list gives was released while it was given");
}

static void acts_inside_a_list(void **state)
{
    (void)state;
    struct own boss = {"boss", 0, 0, 0};
    coach_member_t leg = leg_of(&boss, NULL, NULL);
    expect(COACH_OK, coach.member_join(leg, call.room, 9));
    expect(COACH_OK, coach.members(call.engine, NULL, detaches_whom_it_is_told, &leg));
    check(!leg && boss.released == 1, "a member that was detached inside a list: released %d times; right: once", boss.released);
    survived();
}

/* ------------------------------------------------------------------------------------------------------- commands ---- */

static void commands(coach_member_t member, const char *command, const char *right)
{
    char *reply = NULL;
    expect(COACH_OK, coach.member_command(member, command, &reply));
    check(strncmp(reply, right, strlen(right)) == 0, "`%s` answers\n  %s\n  right:\n  %s", command, reply, right);
    coach.string_free(reply);
}

static void commands_a_member_by_its_handle(void **state)
{
    (void)state;
    commands(call.agent, "tag agent,lead", "+OK 2 in support has the tags agent,lead");
    commands(call.agent, "untag", "+OK 2 in support has no tags");
    commands(call.manager, "coach lead", "+OK 3 in support speaks only to lead; nobody hears it now");
    commands(call.manager, " uncoach ", "+OK 3 in support speaks openly after 200 ms of its audio");
    commands(call.agent, "tag agent", "+OK 2 in support has the tags agent");
    commands(call.manager, "coach -", "+OK 3 in support speaks to nobody");
    commands(call.manager, "explain", "+OK 3 (manager) in support speaks privately, to nobody");
    commands(call.manager, "explain as json", "{\"room\":\"support\",\"number\":3,");
    commands(call.manager, "coach agent", "+OK 3 in support speaks only to agent; heard by 2");
    coach_member_t leg = a_leg(call.engine, "outside", NULL, NULL);
    commands(leg, "tag agent", "+OK outside has the tags agent");
    commands(leg, "coach agent", "+OK outside speaks only to agent; nobody hears it now");
    char *reply = NULL;
    refused(COACH_ERR_STATE, coach.member_command(leg, "explain", &reply));
    expect(COACH_OK, coach.member_detach(leg));
    refused(COACH_ERR_HANDLE, coach.member_command(leg, "untag", &reply));
    refused(COACH_ERR_TAG, coach.member_command(call.agent, "tag speakOnlyTo=agent", &reply));
    refused(COACH_ERR_TAG, coach.member_command(call.agent, "coach a b", &reply));
    refused(COACH_ERR_TEXT, coach.member_command(call.agent, "tag \xff", &reply));
    refused(COACH_ERR_NULL, coach.member_command(call.agent, NULL, &reply));
    refused(COACH_ERR_NULL, coach.member_command(call.agent, "untag", NULL));
    static const char *const none[] = {"", "tag", "coach ", "untag a", "uncoach a", "rooms", "show support", "explain support 2", "explain json", "help"};
    for (size_t i = 0; i < COUNT(none); i++)
        refused_row(COACH_ERR_VALUE, coach.member_command(call.agent, none[i], &reply), "`%s` about a member", none[i]);
    check(!reply, "a call failed, yet wrote its output");
    guard_ends();
    survived();
}

static void asks_for_the_grammar(void **state)
{
    (void)state;
    char *help = NULL;
    uint32_t commands = 0;
    expect(COACH_OK, coach.command(call.engine, "help", &help));
    for (const coach_grammar_t *command; (command = coach.grammar(commands)); commands++)
        check(strstr(help, command->name) && strstr(help, command->arguments) && strstr(help, command->does), "`help` does not know %s %s",
              command->name, command->arguments);
    check(commands == 11 && !coach.grammar(11) && !coach.grammar(UINT32_MAX), "%u commands; right: the 11 of `help`, and none after", commands);
    coach.string_free(help);
    survived();
}

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(host_mixed_and_told, has_it_in_every_event),
        ON(host_mixed_and_told, has_it_released_after_the_last_event),
        ON(host_mixed_and_told, keeps_it_where_a_call_failed),
        ON(host_mixed_and_told, has_it_released_before_the_engine_has_ended),
        ON(host_mixed, asks_how_members_are),
        ON(engine_mixed, asks_how_members_are),
        ON(host_mixed, has_mode_sounds),
        ON(host_mixed, asks_with_a_wrong_size),
        ON(host_mixed, lists_members),
        ON(host_mixed, acts_inside_a_list),
        ON(host_mixed, commands_a_member_by_its_handle),
        ON(host_mixed, asks_for_the_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
