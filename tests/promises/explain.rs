//! Promise 8: for any pair of members Coach says whether one hears the other, and that is what is heard. `audience_events` has the events.

use crate::support::{
    COACH_EVENT_AUDIENCE, COACH_EVENT_WARNING, Engine, Format, Member, Room,
    play::number,
    rule::{Leg, Rule},
    scene::{level, turn, value},
    schedule::{audience_words, words},
    settings,
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::Value;
use std::collections::HashMap;

const WIDE: Format = Format::mono(16000);

/// What `explain` says of this speaker, by the listener's number.
fn explained(engine: &Engine, room: &str, speaker: u32) -> HashMap<u64, (bool, String)> {
    let reply = engine.command(&format!("explain {room} {speaker} as json"));
    let value: Value =
        serde_json::from_str(&reply).unwrap_or_else(|_| panic!("explain should answer in JSON: {reply}"));
    let told = |listener: &Value| {
        let hears = listener["hears"].as_bool().expect("hears is true or false");
        let why = listener["why"].as_str().expect("why is a sentence").to_owned();
        (listener["number"].as_u64().expect("a number"), (hears, why))
    };
    value["listeners"].as_array().expect("a list of listeners").iter().map(told).collect()
}

/// A member of a random scene.
fn member() -> impl Strategy<Value = Leg> {
    let flag = || prop::bool::weighted(0.15);
    (0..8u8, option::weighted(0.6, 0..8u8), flag(), flag(), flag()).prop_map(
        |(tags, speak_only_to, muted, deaf, held)| Leg {
            room: Some(0),
            tags,
            speak_only_to,
            muted,
            deaf,
            held,
            ..Leg::default()
        },
    )
}

/// Sets a scene up, lets everyone speak, and compares what is said of each pair with what is heard.
fn explained_as_heard(legs: &[Leg], engine_mixed: bool) -> Result<(), String> {
    let engine = Engine::new();
    let room = if engine_mixed { engine.engine_room("room", WIDE, 20) } else { engine.host_room("room") };
    let mut members = Vec::new();
    for (index, leg) in legs.iter().enumerate() {
        let to = leg.speak_only_to.map(audience_words);
        let member = engine.attach(&format!("call-{index}"), &words(leg.tags), to.as_deref());
        member.mute(leg.muted).expect("is set");
        member.deaf(leg.deaf).expect("is set");
        member.hold(leg.held).expect("is set");
        member.join(&room, number(index)).expect("enters");
        members.push(member);
    }
    let rule = Rule { guard_ms: 200, now: None, legs: legs.to_vec(), engine_mixed: vec![engine_mixed] };
    // Each says its own power of ten: the digits of what is heard say who is.
    let sums: &[&Room] = if engine_mixed { &[&room] } else { &[] };
    let says: Vec<_> = members.iter().enumerate().map(|(i, m)| (m, level(WIDE, 20, 10i16.pow(i as u32)))).collect();
    let mut turns = Vec::new();
    (0..3).for_each(|_| turns = turn(&engine, sums, WIDE, &says));
    let state = engine.state(Some("room")).expect("the room is there");
    for speaker in 0..legs.len() {
        let explained = explained(&engine, "room", number(speaker));
        let text = engine.command(&format!("explain room {}", number(speaker)));
        let mut heard_by = Vec::new();
        for listener in (0..legs.len()).filter(|&listener| listener != speaker) {
            let heard = value(WIDE, &turns[listener].heard) / 10i16.pow(speaker as u32) % 10 == 1;
            let right = rule.hears(listener, speaker);
            let (said, why) = &explained[&u64::from(number(listener))];
            let by_host = !engine_mixed && legs[speaker].speak_only_to.is_none(); // it mutes what is open itself
            if *said != right || (heard != right && !by_host) {
                return Err(format!(
                    "{} should hear {}: {right}; it does: {heard}; explain says: {said}, {why}",
                    number(listener),
                    number(speaker)
                ));
            }
            if why.is_empty() || !text.contains(why.as_str()) {
                return Err(format!("the text of explain should give the reason {why:?} too: {text}"));
            }
            if *said {
                heard_by.push(Value::from(number(listener)));
            }
        }
        let shown = match &state["members"][speaker]["heard_by"] {
            Value::String(all) if all == "all" => {
                let hear_open = state["hear_open"].as_array().expect("a list").iter();
                hear_open.filter(|other| **other != number(speaker)).cloned().collect()
            }
            listed => listed.clone(),
        };
        if shown != Value::from(heard_by.clone()) {
            return Err(format!("show says {shown} hear {}, explain says {heard_by:?}", number(speaker)));
        }
    }
    Ok(())
}

#[test]
fn what_explain_says_of_every_pair_is_what_is_heard() {
    for engine_mixed in [false, true] {
        settings::run(settings::seed(), 400, &vec(member(), 2..=5), |legs| explained_as_heard(legs, engine_mixed))
            .unwrap_or_else(|wrong| panic!("engine-mixed {engine_mixed}: {wrong}"));
    }
}

#[test]
fn explain_gives_the_reason() {
    let engine = Engine::new();
    let room = engine.host_room("room");
    let coach = engine.attach("coach", "", Some("agent,night-shift"));
    let agent = engine.attach("agent", "sales,night-shift", None);
    let other = engine.attach("other", "sales", None);
    for (number, member) in [&coach, &agent, &other].into_iter().enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    let why = |listener: u64| explained(&engine, "room", 0)[&listener].clone();
    let (hears, reason) = why(1);
    assert!(hears && reason.contains("night-shift"), "the tag that lets it hear: {reason}");
    let (hears, reason) = why(2);
    assert!(!hears && reason.contains("agent,night-shift"), "the tags that it lacks: {reason}");
    for (switch, word) in [(Member::mute as fn(&_, _) -> _, "muted"), (Member::hold, "hold")] {
        switch(&coach, true).expect("is set");
        let (hears, reason) = why(1);
        assert!(!hears && reason.contains(word), "the speaker is {word}: {reason}");
        switch(&coach, false).expect("is set");
    }
    for (switch, word) in [(Member::deaf as fn(&_, _) -> _, "deaf"), (Member::hold, "hold")] {
        switch(&agent, true).expect("is set");
        let (hears, reason) = why(1);
        assert!(!hears && reason.contains(word), "the listener is {word}: {reason}");
        switch(&agent, false).expect("is set");
    }
    coach.coach("-").expect("is set");
    let (hears, reason) = why(1);
    assert!(!hears && reason.contains("nobody"), "it speaks to nobody: {reason}");
    coach.uncoach().expect("opens");
    let (_, reason) = why(2);
    assert!(reason.contains("200 ms"), "explain says when it opens: {reason}");
}

#[test]
fn explain_agrees_with_what_is_heard_in_an_opening_guard_too() {
    let engine = Engine::new();
    let room = engine.engine_room("room", WIDE, 20);
    let members = [
        engine.attach("coach", "", Some("agent")),
        engine.attach("agent", "agent", None),
        engine.attach("other", "", None),
    ];
    for (index, member) in members.iter().enumerate() {
        member.join(&room, number(index)).expect("enters");
    }
    let says: Vec<_> = members.iter().zip([100, 0, 0]).map(|(m, v)| (m, level(WIDE, 20, v))).collect();
    let check = |what: &str, turns: usize| {
        for index in 0..turns {
            let told = explained(&engine, "room", number(0));
            let turns = turn(&engine, &[&room], WIDE, &says);
            for listener in [1, 2] {
                let heard = value(WIDE, &turns[listener].heard) != 0;
                let (said, why) = &told[&u64::from(number(listener))];
                assert_eq!(heard, *said, "{what}, frame {index}: {} and explain says {why}", number(listener));
            }
        }
    };
    check("private", 3);
    members[2].tag("agent").expect("is set");
    check("a tag in its guard, and after it", 13);
    members[2].untag().expect("is set");
    check("untagged", 3);
    members[0].uncoach().expect("opens");
    check("opening, and open", 13);
}

/// A leg that Coach cannot serve is not said to be heard, or to hear: by `explain`, `show`, the audience event, and a warning for the log.
#[test]
fn who_cannot_be_served_is_not_said_to_be_heard() {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    let usual = Format::mono(8000);
    let odd = Format::mono(7350);
    let heard = |explained: bool| {
        engine.service();
        let shown = engine.state(Some("sales")).expect("the room")["members"][0]["heard_by"].clone();
        assert_eq!(shown, if explained { serde_json::json!([2]) } else { serde_json::json!([]) }, "show");
        engine.command("explain sales 1")
    };
    coach.read(usual, &mut usual.silence(20));
    agent.write(usual, &mut usual.silence(20));
    assert!(heard(true).contains("hears it"));
    engine.events();
    coach.read(odd, &mut odd.silence(20));
    let explained = heard(false);
    assert!(
        explained.contains("does not hear it: Coach does not handle the format of the speaker's frames"),
        "{explained}"
    );
    let told = engine.events();
    let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [COACH_EVENT_WARNING, COACH_EVENT_AUDIENCE], "{told:?}");
    let what = "comes as 147 samples at 7350 Hz, 1 channels, which Coach does not handle";
    assert!(told[0].text.contains(what) && told[0].text.contains("8000, 11025"), "{told:?}");
    assert!(told[1].heard_by().is_empty(), "{told:?}");
    coach.read(usual, &mut usual.silence(20));
    assert!(heard(true).contains("hears it"));
    assert_eq!(engine.events().iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
    agent.write(odd, &mut odd.silence(20));
    assert!(heard(false).contains("does not hear it: Coach does not handle the format of the listener's frames"));
    // Open speech is the host's to mix, in any format.
    coach.uncoach().expect("open");
    assert!(engine.command("explain sales 1").contains("hears it"), "{}", engine.command("explain sales 1"));
}

#[test]
fn show_says_who_does_not_hear_an_open_member() {
    let engine = Engine::new();
    let room = engine.host_room("crowd");
    let members: Vec<Member> = (1..=12).map(|number| engine.attach(&format!("call-{number}"), "", None)).collect();
    let heard_by = |number: usize| {
        let show = engine.command("show crowd");
        let line = show.lines().nth(number + 1).expect("a line for each member").to_owned();
        let cells = line.split_once("openly").expect("it speaks openly").1.trim();
        cells.split("  ").next().expect("who hears it").to_owned()
    };
    members[0].join(&room, 1).expect("enters");
    assert_eq!(heard_by(1), "-", "nobody else is there");
    for (number, member) in (1..).zip(&members).skip(1) {
        member.join(&room, number).expect("enters");
    }
    assert_eq!(heard_by(1), "all");
    members[2].deaf(true).expect("is set");
    members[4].hold(true).expect("is set");
    assert_eq!(heard_by(1), "all but 3,5");
    assert_eq!(heard_by(3), "all but 5", "nobody hears itself");
    assert_eq!(heard_by(5), "-", "it is on hold");
    members[1..10].iter().for_each(|member| member.deaf(true).expect("is set"));
    assert_eq!(heard_by(1), "all but 9");
    assert_eq!(heard_by(2), "all but 3,4,5,6,7,8,9,10");
    members[10..].iter().for_each(|member| member.deaf(true).expect("is set"));
    assert_eq!(heard_by(1), "-", "nobody else hears it");
}

/// Who is heard by 5,959 members with numbers of ten digits, or by 19,999, has a list of more than 65,535 characters.
#[test]
fn every_report_of_a_large_room_is_answered() {
    is_answered(&Engine::new(), 5_960, 4_000_000_000);
    is_answered(&Engine::without_events(), 20_000, 1);
}

/// In a room of so many members, whose numbers begin with `first`.
fn is_answered(engine: &Engine, count: usize, first: u32) {
    let room = engine.host_room("large");
    let number = |index: usize| first + index as u32;
    let members: Vec<Member> = (0..count)
        .map(|index| {
            let member = engine.attach(&format!("call-{index}"), "agent", None);
            member.join(&room, number(index)).expect("enters");
            member
        })
        .collect();
    let heard_by: Vec<String> = (1..members.len()).map(|index| number(index).to_string()).collect();
    let heard_by = heard_by.join(",");
    assert!(heard_by.len() > 65_535, "the list should be a long one: {} characters", heard_by.len());
    let show = engine.command("show large");
    assert!(show.len() < 64 * members.len(), "nobody hears an open member by a list: {} bytes", show.len());
    let reply = engine.command(&format!("coach large {first} agent"));
    assert!(reply.ends_with(&format!("heard by {heard_by}")), "`coach` should say who hears it now");
    let show = engine.command("show large");
    assert!(show.contains(&heard_by), "`show` should list all who hear the first member");
    assert_eq!(show.lines().count(), members.len() + 2, "a line each, under two of heads");
    let columns = show.lines().nth(1).expect("the heads of the columns");
    let (call_id, tags) = (columns.find("call id").expect("a column"), columns.find("memberTag").expect("a column"));
    for (index, line) in show.lines().skip(2).enumerate() {
        assert_eq!(line[call_id..tags].trim_end(), format!("call-{index}"), "each in its column");
    }
    for command in
        ["show large as json", "rooms", "stats", "stats large", "gettag large agent", "gettag large x nomatch"]
    {
        let reply = engine.command(command);
        assert!(reply.starts_with("+OK") || reply.starts_with('{'), "`{command}`: {}", &reply[..reply.len().min(200)]);
    }
    let explained = engine.command(&format!("explain large {first}"));
    assert_eq!(explained.lines().count(), members.len(), "a line for each listener, under one for the speaker");
    engine.state(None).expect("the state is told");
}
