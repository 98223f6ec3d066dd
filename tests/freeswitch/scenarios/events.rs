//! What the module tells: events, and the answers of its commands.

use serde_json::Value;

use crate::{
    Stage,
    scene::{Outcome, Scene},
    socket::Socket,
};

/// The next event of this conference.
fn next(events: &mut Socket, room: &str) -> Outcome<Value> {
    events.event(2.0, |event| event["Conference-Name"] == room)
}

/// Waits for an action and checks the headers that go with it.
fn expect(events: &mut Socket, room: &str, action: &str, headers: &[(&str, &str)]) -> Outcome<Value> {
    let mut others = Vec::new();
    loop {
        let event = next(events, room).map_err(|e| format!("{action}: {e}; there were {others:?}"))?;
        let same = |(name, value): &(&str, &str)| event[*name].as_str().unwrap_or_default() == *value;
        if event["Action"] == action && headers.iter().all(same) {
            return Ok(event);
        }
        let told = ["Action", "Member-ID", "Tag", "Speak-Only-To", "Heard-By"].map(|name| event[name].to_string());
        others.push(told.join(" "));
    }
}

pub fn every_change_is_an_event(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let mut events = scene.events()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").joins()?;
    let agents = agent.number()?.to_string();
    let near = agent.near();
    expect(&mut events, room, "start", &[("Member-ID", "")])?;
    let event = expect(&mut events, room, "join", &[("Member-ID", &agents), ("Unique-ID", &near), ("Tag", "agent")])?;
    let conference = scene.api(&format!("conference {room} get uuid"))?;
    if event["Conference-Unique-ID"] != conference.trim() {
        return Err(format!("Conference-Unique-ID is not {conference}: {event}"));
    }
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    let coaches = coach.number()?.to_string();
    let id = ("Member-ID", coaches.as_str());
    expect(&mut events, room, "join", &[id, ("Speak-Only-To", "agent")])?;
    expect(&mut events, room, "audience", &[id, ("Heard-By", &agents)])?;
    agent.coach("untag")?;
    expect(&mut events, room, "untag", &[("Member-ID", &agents), ("Tag", "")])?;
    expect(&mut events, room, "audience", &[id, ("Heard-By", "")])?;
    coach.says(&[])?;
    agent.coach("tag boss,agent")?;
    expect(&mut events, room, "tag", &[("Member-ID", &agents), ("Tag", "boss,agent")])?;
    expect(&mut events, room, "audience", &[id, ("Heard-By", &agents)])?;
    coach.coach("coach -")?;
    expect(&mut events, room, "coach", &[id, ("Speak-Only-To", "-")])?;
    expect(&mut events, room, "audience", &[id, ("Heard-By", "")])?;
    coach.coach("uncoach")?;
    expect(&mut events, room, "uncoach", &[id])?;
    for (word, undone) in [("mute", "unmute"), ("deaf", "undeaf"), ("hold", "unhold")] {
        coach.conference(word)?;
        expect(&mut events, room, word, &[id])?;
        coach.conference(undone)?;
        expect(&mut events, room, undone, &[id])?;
    }
    coach.hushes()?;
    coach.hangs_up()?;
    expect(&mut events, room, "leave", &[id])?;
    scene.finish()?.judge()
}

/// Out of a conference a call is bypassed, and on its way into one no longer: such events name the call alone. With the last member the
/// conference ends, which FreeSWITCH tells; nobody is in it whom Coach could tell of.
pub fn a_call_outside_conferences_is_bypassed_and_the_end_is_the_switchs_own(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let (mut events, mut ends) = (scene.events()?, scene.switch.socket()?);
    ends.request("event json CUSTOM conference::maintenance")?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&[]).joins()?;
    let near = coach.near();
    // Whatever Coach tells of the call but its audience, which is empty.
    let told = |events: &mut Socket, action: &str| {
        let event = events.event(2.0, |event| event["Unique-ID"] == near.as_str() && event["Action"] != "audience")?;
        if event["Action"] == action { Ok(event) } else { Err(format!("{action}, and not this: {event}")) }
    };
    events.event(2.0, |event| event["Action"] == "join" && event["Unique-ID"] == near.as_str())?;
    for _ in 0..2 {
        coach.is_sent_to("park")?;
        told(&mut events, "leave")?;
        let event = told(&mut events, "bypass")?;
        if !event["Conference-Name"].is_null() {
            return Err(format!("a call outside conferences is in one: {event}"));
        }
        ends.event(2.0, |event| event["Action"] == "conference-destroy" && event["Conference-Name"] == room)?;
        coach.is_sent_to(&format!("conference:{room}@narrow"))?;
        told(&mut events, "unbypass")?;
        told(&mut events, "join")?;
    }
    coach.hushes()?;
    coach.hangs_up()?;
    told(&mut events, "leave")?;
    let end = events.event(1.0, |event| event["Action"] == "end" && event["Conference-Name"] == room);
    if let Ok(end) = end { Err(format!("an end: {end}")) } else { Ok(()) }
}

pub fn commands_answer_alike_on_every_way_in(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let agent = scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    let (number, near) = (agent.number()?, coach.near());
    holds(&scene, "coach rooms", room)?;
    holds(&scene, &format!("coach show {room}"), &near)?;
    holds(&scene, &format!("coach explain {room} {near}"), &number.to_string())?;
    holds(&scene, &format!("coach gettag {room} agent"), &format!("+OK {number}"))?;
    holds(&scene, &format!("coach gettag {room} agent nomatch"), &format!("+OK {}", coach.number()?))?;
    let state: Value =
        serde_json::from_str(&scene.api("coach state memberTag as json")?).map_err(|error| error.to_string())?;
    let call = state["calls"].as_array().and_then(|calls| calls.iter().find(|call| call["uuid"] == agent.near()));
    let variables = call.map(|call| &call["variables"]).ok_or(format!("no call of the agent: {state}"))?;
    if variables["memberTag"] != "agent" || variables["created_time"].as_str().is_none_or(str::is_empty) {
        return Err(format!("the call's variable or its caller is not there: {variables}"));
    }
    holds(&scene, "coach version", "+OK")?;
    holds(&scene, &format!("coach stats {room}"), "private_delivered")?;
    let shown: Value =
        serde_json::from_str(&scene.api(&format!("coach show {room} as json"))?).map_err(|e| e.to_string())?;
    if shown["members"].as_array().map_or(0, Vec::len) != 2 {
        return Err(format!("`show as json` knows other members: {shown}"));
    }
    for wrong in ["coach", "coach nonsense", "coach show nowhere", "coach tag", "uuid_coach", "uuid_coach x tag y"] {
        let refusal = scene.api(wrong).err().ok_or(format!("`{wrong}` was not refused"))?;
        if refusal.len() < wrong.len() + 40 {
            return Err(format!("no help in this: {refusal}"));
        }
    }
    // In the background: the answer comes as an event.
    let mut jobs = scene.switch.socket()?;
    jobs.request("event json BACKGROUND_JOB")?;
    jobs.request(&format!("bgapi coach tag {room} {number} night-shift"))?;
    let done = jobs.event(2.0, |event| event["Job-Command"] == "coach")?;
    if !done["_body"].as_str().unwrap_or_default().starts_with("+OK") {
        return Err(format!("bgapi: {done}"));
    }
    // Tab completion, as the console asks for it.
    holds(&scene, "console_complete c=0;coach s", "show")?;
    holds(&scene, &format!("console_complete c=0;coach show {}", &room[..room.len() - 2]), room)?;
    coach.says(&[])?;
    scene.wait(0.3);
    scene.finish()?.judge()
}

fn holds(scene: &Scene, command: &str, what: &str) -> Outcome {
    let reply = scene.api(command)?;
    if reply.contains(what) { Ok(()) } else { Err(format!("`{command}` does not tell {what}: {reply}")) }
}
