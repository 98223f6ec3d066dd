/* The events that tell of every change, and the events of the conference that the module follows. */
#include "call.h"

static void tells_events_late_and_in_disorder(void **state)
{
    (void)state;
    events_wait(LATER);
    a_whispered_call();
    whispers(); /* joining needs no event */
    events_told();
    whispers();
    events_wait(LATER_LAST_FIRST);
    coach->muted = true;
    conference_event(coach, "mute-member");
    coach->muted = false;
    conference_event(coach, "unmute-member");
    events_told(); /* mute is told last, and is the older one */
    whispers();
    events_wait(LATER);
    agent->deaf = true;
    conference_event(agent, "deaf-member");
    leaves(agent);
    agent->deaf = false;
    joins(agent, "r2");
    leaves(coach);
    joins(coach, "r2");
    guard_passes();
    expect_heard(agent, COACH);
    conference_event(agent, "start-talking");
    events_told(); /* of the earlier conference: that the agent is deaf, and has left */
    expect_reply("coach", "show r2 as json", "\"agent\",\"tags");
    check(!told("leave", "agent", "Conference-Name", "r2"), "the agent was taken out of the conference that it is in");
    check(!strstr(api("coach", "show r as json"), "\"agent\",\"tags"), "the agent is in two conferences");
    play(SETTLED);
    expect_heard(agent, COACH);
    events_wait(LATER);
    leaves(agent);
    joins(agent, "r2");
    events_told(); /* that it has left the conference that it is back in */
    play(SETTLED);
    expect_heard(agent, COACH);
    events_wait(LATER);
    agent->deaf = true;
    conference_event(agent, "deaf-member");
    leaves(agent);
    agent->deaf = false, agent->unannounced = true;
    joins(agent, "r2");
    events_told(); /* that it is deaf, when it was there before */
    play(SETTLED);
    expect_heard(agent, COACH);
}

static void listens_to_every_change(void **state)
{
    (void)state;
    char number[16], other[16];
    snprintf(number, sizeof number, "%u", agent->number);
    snprintf(other, sizeof other, "%u", coach->number);
    a_whispered_call();
    check(told("join", "agent", "Tag", "agent"), "no join of the agent, with its tag");
    check(told("join", "coach", "Speak-Only-To", "agent"), "no join of the coach, with its mode");
    check(told("join", "customer", "Speak-Only-To", NULL), "the customer joins with a mode");
    check(told("audience", "coach", "Heard-By", number), "no audience of the coach");
    check(told("audience", "coach", "Conference-Unique-ID", "id-of-r"), "the audience is in no conference");
    check(told("audience", "coach", "Conference-Name", "r"), "the audience is in no conference");
    check(told("audience", "coach", "Member-ID", other), "the audience is of no member");
    api("uuid_coach", "agent untag");
    check(told("untag", "agent", NULL, NULL), "no untag");
    check(told("audience", "coach", "Heard-By", ""), "nobody hears the coach, and no event says so");
    api("uuid_coach", "agent tag boss");
    check(told("tag", "agent", "Tag", "boss"), "no tag");
    api("uuid_coach", "coach uncoach");
    check(told("uncoach", "coach", "Opens-In-Ms", "200"), "no uncoach");
    api("uuid_coach", "coach coach -");
    check(told("coach", "coach", "Speak-Only-To", "-"), "no coach");
    leaves(coach);
    check(told("leave", "coach", NULL, NULL), "no leave");
    leaves(agent), leaves(customer); /* and the conference ends */
    check(told("leave", "customer", "Conference-Unique-ID", "id-of-r"), "the last leaves no conference");
}

static void *tags_the_agent(void *none)
{
    api("uuid_coach", "agent tag agent");
    return none;
}

/* FreeSWITCH takes no event for a while, and there are more than can wait. */
static void is_told_how_many_events_were_lost(void **state)
{
    (void)state;
    const unsigned tags = 9000;
    char command[2048] = "customer tag ", lost[16];
    pthread_t thread;
    for (int i = 0; i < 16; i++) sprintf(command + strlen(command), "%s%064d", i ? "," : "", i); /* the longest tags that there are */
    an_open_call("r");
    events_hold_up(true);
    pthread_create(&thread, NULL, tags_the_agent, NULL);
    events_held_up();
    for (unsigned i = 0; i < tags; i++) expect_reply("uuid_coach", command, "+OK");
    events_hold_up(false);
    pthread_join(thread, NULL);
    for (int i = 0; i < 6000 && !logged("events were not told"); i++) usleep(10000);
    check(logged("events were not told"), "the log does not say that events were lost");
    unsigned times = times_told("tag", "customer");
    snprintf(lost, sizeof lost, "%u", tags - times);
    check(times > 1000 && times < tags, "%u events were told", times);
    check(told("lost", "", "Lost", lost), "no event says that %s were lost", lost);
    check(told("lost", "", "Conference-Name", NULL) && told("lost", "", "Member-ID", NULL), "it is nobody's event");
    api("uuid_coach", "customer untag");
    check(times_told("untag", "customer") == 1, "what came then is not told");
}

static void listens_to_every_flag(void **state)
{
    (void)state;
    a_whispered_call();
    check(told("start", "", "Conference-Name", "r") && told("start", "", "Member-ID", NULL), "the conference does not start");
    struct { bool *flag; const char *on, *off; } all[] = {
        {&coach->muted, "mute", "unmute"}, {&coach->deaf, "deaf", "undeaf"}, {&coach->held, "hold", "unhold"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].flag = true;
        conference_event(coach, "some-member");
        events_followed();
        check(told(all[i].on, "coach", "Conference-Name", "r"), "no %s", all[i].on);
        *all[i].flag = false;
        conference_event(coach, "some-member");
        events_followed();
        check(told(all[i].off, "coach", NULL, NULL), "no %s", all[i].off);
    }
    leaves(coach);
    check(told("bypass", "coach", NULL, NULL), "no pass");
}

int events(void)
{
    const struct CMUnitTest tests[] = {
        CALL(tells_events_late_and_in_disorder),
        CALL(listens_to_every_change),
        CALL(is_told_how_many_events_were_lost),
        CALL(listens_to_every_flag),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
