//! The engine's events on the manager interface.

use crate::{
    conference::{AGENT, Conference, MANAGER},
    manager::Message,
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] =
    &[("every_change_is_an_event", every_change), ("events_of_a_call_that_has_gone_name_it", last_words)];

/// The headers that say whose event it is: conference, number, unique id.
fn whose(event: &Message) -> (&str, &str, &str) {
    (event.get("Conference"), event.get("Number"), event.get("Uniqueid"))
}

fn every_change(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "events");
    c.manager.watch();
    let agent = c.enter("agent", AGENT);
    let agents = c.channel(&agent).expect("it is there");
    let bridge = c.manager.asterisks_event_of("ConfbridgeStart", "events").get("BridgeUniqueid").to_owned();
    let start = c.manager.event_of("CoachStart", "events");
    assert_eq!((start.get("BridgeUniqueid"), whose(&start)), (bridge.as_str(), ("events", "", "")), "{start:?}");
    let coach = c.enter("coach", MANAGER);
    let coachs = c.channel(&coach).expect("it is there");

    // Each event of a member says whose it is, and in which conference of that name.
    let expect = |c: &mut Conference, name: &str, whose_it_is: (&str, &str, &str), others: &[(&str, &str)]| {
        let channel = if whose_it_is.2 == agent.id { &agents } else { &coachs };
        let event = c.manager.event(name, channel);
        assert_eq!(whose(&event), whose_it_is, "{event:?}");
        let inside = if whose_it_is.0.is_empty() { "" } else { bridge.as_str() };
        assert_eq!(event.get("BridgeUniqueid"), inside, "{event:?}");
        for (key, value) in others {
            assert_eq!(event.get(key), *value, "{key} of {event:?}");
        }
    };
    let (of_agent, of_coach) = (("events", "1", agent.id.as_str()), ("events", "2", coach.id.as_str()));
    expect(&mut c, "CoachJoin", of_agent, &[("MemberTag", "agent"), ("Mode", "open")]);
    expect(&mut c, "CoachJoin", of_coach, &[("Mode", "private"), ("SpeakOnlyTo", "agent")]);
    expect(&mut c, "CoachAudience", of_coach, &[("HeardBy", "1")]);
    c.manager.action("CoachList", &[("Conference", "events")]);
    expect(&mut c, "CoachListEntry", of_coach, &[("HeardBy", "1")]);
    c.coach("untag", &agent, "");
    expect(&mut c, "CoachTag", of_agent, &[("MemberTag", "")]);
    expect(&mut c, "CoachAudience", of_coach, &[("HeardBy", "")]);
    c.coach("tag", &agent, "boss,agent");
    expect(&mut c, "CoachTag", of_agent, &[("MemberTag", "boss,agent")]);
    c.confbridge("mute", &coach);
    // A media thread sees that at the next frame, and whoever is looked at next is told of.
    coach.speak();
    expect(&mut c, "CoachMute", of_coach, &[]);
    c.confbridge("unmute", &coach);
    expect(&mut c, "CoachUnmute", of_coach, &[]);
    c.act("CoachHold", &coach, &[]);
    expect(&mut c, "CoachHold", of_coach, &[]);
    c.act("CoachUnhold", &coach, &[]);
    expect(&mut c, "CoachUnhold", of_coach, &[]);
    c.coach("uncoach", &coach, "");
    expect(&mut c, "CoachMode", of_coach, &[("Mode", "open"), ("OpensInMs", "200")]);

    // Out of the conference, and into it again.
    c.act("Redirect", &agent, &[("Context", "members"), ("Exten", "after"), ("Priority", "1")]);
    expect(&mut c, "CoachLeave", of_agent, &[]);
    expect(&mut c, "CoachBypass", ("", "", &agent.id), &[]);
    c.act("Redirect", &agent, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
    expect(&mut c, "CoachJoin", ("events", "3", &agent.id), &[("MemberTag", "boss,agent")]);
    expect(&mut c, "CoachUnbypass", ("events", "3", &agent.id), &[]);
}

/// The engine tells of them when Asterisk has forgotten them.
fn last_words(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "last_words");
    c.manager.watch();
    let mut lives = Vec::new();
    for _ in 0..2 {
        let (agent, coach) = (c.enter("agent", AGENT), c.enter("coach", MANAGER));
        // Who comes when the other has gone has its number.
        c.wait_until("Coach has both", |c| c.knows(&agent) && c.knows(&coach));
        let (agents, coachs) = (agent.id.clone(), coach.id.clone());
        let channels = [&agent, &coach].map(|member| c.channel(member).expect("it is there"));
        let bridge = c.manager.event_of("CoachStart", "last_words").get("BridgeUniqueid").to_owned();
        c.hang_up(agent);
        let leave = c.manager.event("CoachLeave", &channels[0]);
        assert_eq!(whose(&leave), ("last_words", "1", agents.as_str()), "{leave:?}");
        c.hang_up(coach);
        let leave = c.manager.event("CoachLeave", &channels[1]);
        assert_eq!(whose(&leave), ("last_words", "2", coachs.as_str()), "{leave:?}");
        let end = c.manager.event_of("CoachEnd", "last_words");
        assert_eq!((end.get("BridgeUniqueid"), whose(&end)), (bridge.as_str(), ("last_words", "", "")), "{end:?}");
        let number = |event: &Message| event.get("Sequence").parse::<u64>().expect("it has its place in the order");
        assert_eq!(number(&end), number(&leave) + 1, "{end:?}");
        lives.push(bridge);
    }
    assert!(
        !lives[0].is_empty() && lives[0] != lives[1],
        "each life of the conference has an id of its own: {lives:?}"
    );
}
