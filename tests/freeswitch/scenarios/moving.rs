//! Calls that go from one place to another.

use serde_json::Value;

use crate::{
    Stage,
    scene::{NOBODY, Outcome, Party, Scene},
    socket::Socket,
    switch::{Setup, Switch},
};

/// Linear samples over RTP.
const LINEAR: &str = "L16@16000h@20i";

/// The settings go with the call to another conference.
pub fn transferred_to_another_conference(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let other = format!("{room}-2");
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    scene.call("stranger").to(&other).silently().joins()?;
    scene.call("colleague").to(&other).with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    // It does not stop speaking on its way.
    coach.murmurs(&["agent", "colleague"])?;
    coach.is_sent_to(&format!("conference:{other}@narrow"))?;
    coach.comes_to(&other)?;
    coach.has_left();
    coach.says(&["colleague"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// A coach that goes to an ordinary call is heard there as anyone is, and is private again when it comes back.
pub fn transferred_out_to_a_bridge_and_back(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let stay = "set:loopback_bowout=false";
    let friend = scene.call("friend").with(stay).silently().answers("park")?;
    let coach = scene.call("coach").with(stay).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.murmurs(&["agent", "friend"])?;
    scene.api(&format!("uuid_bridge {} {}", coach.near(), friend.near()))?;
    scene.wait(0.5);
    coach.says(&["friend"])?;
    scene.wait(1.2);
    coach.murmurs(&["friend", "agent"])?;
    coach.is_sent_to(&format!("conference:{room}@narrow"))?;
    friend.is_gone();
    coach.comes_to(room)?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    coach.coach("uncoach")?;
    coach.says(&["agent", "customer"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// INVITE with Replaces: the new leg runs into the conference without the old one's variables.
pub fn a_leg_that_replaces_the_coach_is_never_open(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").over(LINEAR).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    let replaces = format!("!sip_h_Replaces={}", coach.dialog()?);
    let heir = scene.call("heir").over(LINEAR).variables(&replaces).saying(&["agent"]).answers("park")?;
    coach.is_gone();
    heir.comes_to(room)?;
    let explained = scene.api(&format!("coach show {room}"))?;
    // It may inherit, or speak to nobody.
    let inherits = explained.lines().any(|line| line.contains(&heir.near()) && line.contains("agent"));
    heir.says(if inherits { &["agent"] } else { NOBODY })?;
    scene.wait(1.5);
    scene.finish()?.judge()
}

/// Who asks for an attended transfer, and how.
enum Asks {
    /// REFER with Replaces, on the leg that is in the conference.
    Coach,
    /// The same, on the second line.
    Line,
    /// Verto, which leaves no more than a name in one of the two.
    Verto,
}

impl Asks {
    /// The heir, who is connected with the line, takes the place of a party in the conference: it runs this plan.
    fn for_transfer(&self, scene: &Scene, party: &Party, line: &Party, heir: &Party, plan: &str) -> Outcome {
        // Where an incoming call that takes its place is sent.
        scene.api(&format!("uuid_setvar {} inline_destination {plan}", party.near()))?;
        let refers = |from: &Party, to: &Party| {
            let replaces = to.dialog()?.replace(';', "%3B").replace('=', "%3D").replace('@', "%40");
            let port = scene.switch.sip_port;
            scene.api(&format!("uuid_deflect {} sip:heir@127.0.0.1:{port}?Replaces={replaces}", from.far()))
        };
        match self {
            Self::Coach => drop(refers(party, line)?),
            Self::Line => drop(refers(line, party)?),
            Self::Verto => {
                scene.api(&format!("uuid_setvar {} refer_uuid {}", line.near(), party.near()))?;
                scene.api(&format!("uuid_transfer {} {plan} inline", heir.near()))?;
                scene.api(&format!("uuid_kill {}", party.near()))?;
                scene.api(&format!("uuid_kill {}", line.near()))?;
            }
        }
        Ok(())
    }
}

/// The coach hands its place in the conference over to somebody that it has on a second line.
fn hands_over(stage: &Stage, room: &str, asks: &Asks) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").over(LINEAR).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    // The second line is connected with the heir.
    let line = scene.call("line").over(LINEAR).silently().answers("park")?;
    let heir = scene.call("heir").over(LINEAR).silently().answers("park")?;
    scene.api(&format!("uuid_bridge {} {}", line.near(), heir.near()))?;
    scene.wait(0.8);
    coach.murmurs(&["agent"])?;
    asks.for_transfer(&scene, &coach, &line, &heir, &format!("m:^:conference:{room}@narrow"))?;
    heir.murmurs(&["agent", "line"])?;
    heir.comes_to(room)?;
    coach.is_gone();
    line.is_gone();
    let shown = scene.api(&format!("coach show {room}"))?;
    let inherits = shown.lines().any(|line| line.contains(&heir.near()) && line.contains("agent"));
    heir.says(if inherits { &["agent"] } else { NOBODY })?;
    scene.wait(1.5);
    scene.finish()?.judge()
}

pub fn the_coach_is_transferred_with_consultation(stage: &Stage, room: &str) -> Outcome {
    hands_over(stage, room, &Asks::Coach)
}

pub fn the_coach_is_transferred_by_its_second_line(stage: &Stage, room: &str) -> Outcome {
    hands_over(stage, room, &Asks::Line)
}

pub fn the_coach_is_transferred_as_verto_does_it(stage: &Stage, room: &str) -> Outcome {
    hands_over(stage, room, &Asks::Verto)
}

/// Somebody has taken the agent's place, and has no tags: it does not hear the coach, and everything that tells of the call tells of it.
fn has_no_tags(scene: &Scene, room: &str, coach: &Party, heir: &Party, events: &mut Socket) -> Outcome {
    let near = heir.near();
    let joined = events.event(2.0, |event| event["Action"] == "join" && event["Unique-ID"] == near.as_str())?;
    if !joined["Tag"].as_str().unwrap_or_default().is_empty() {
        return Err(format!("who has taken the place joins with tags: {joined}"));
    }
    let shown = scene.api(&format!("coach show {room} as json"))?;
    let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("{e}: {shown}"))?;
    let member = shown["members"].as_array().into_iter().flatten().find(|member| member["call_id"] == near.as_str());
    if !member.is_some_and(|member| member["tags"].as_array().is_some_and(Vec::is_empty)) {
        return Err(format!("`coach show` does not tell of {near}, with no tags: {shown}"));
    }
    coach.says(NOBODY)?;
    scene.wait(1.2);
    // Who wants the tags to pass sets them again.
    coach.murmurs(&["heir"])?;
    scene.api(&format!("uuid_coach {near} tag agent"))?;
    scene.wait(0.3);
    coach.says(&["heir"])?;
    scene.wait(1.2);
    Ok(())
}

/// INVITE with Replaces, of the agent's call.
pub fn a_leg_that_replaces_the_agent_has_no_tags(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let mut events = scene.events()?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").over(LINEAR).with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.murmurs(&["agent"])?;
    let replaces = format!("!sip_h_Replaces={}", agent.dialog()?);
    let heir = scene.call("heir").over(LINEAR).variables(&replaces).silently().answers("park")?;
    agent.is_gone();
    heir.comes_to(room)?;
    has_no_tags(&scene, room, &coach, &heir, &mut events)?;
    scene.finish()?.judge()
}

/// The agent hands its place over to somebody that it has on a second line: as the agent's extension does, that one runs `coach
/// memberTag=agent` before `conference`.
fn the_agent_hands_over(scene: Scene, room: &str, asks: &Asks) -> Outcome {
    let mut events = scene.events()?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").over(LINEAR).with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    let line = scene.call("line").over(LINEAR).silently().answers("park")?;
    let heir = scene.call("heir").over(LINEAR).silently().answers("park")?;
    scene.api(&format!("uuid_bridge {} {}", line.near(), heir.near()))?;
    scene.wait(0.8);
    coach.murmurs(&["agent"])?;
    let plan = format!("m:^:coach:memberTag=agent^conference:{room}@narrow");
    asks.for_transfer(&scene, &agent, &line, &heir, &plan)?;
    heir.comes_to(room)?;
    agent.is_gone();
    line.is_gone();
    has_no_tags(&scene, room, &coach, &heir, &mut events)?;
    scene.finish()?.judge()
}

pub fn the_agent_is_transferred_with_consultation(stage: &Stage, room: &str) -> Outcome {
    the_agent_hands_over(stage.scene(room, "narrow")?, room, &Asks::Coach)
}

pub fn the_agent_is_transferred_by_its_second_line(stage: &Stage, room: &str) -> Outcome {
    the_agent_hands_over(stage.scene(room, "narrow")?, room, &Asks::Line)
}

pub fn the_agent_is_transferred_as_verto_does_it(stage: &Stage, room: &str) -> Outcome {
    the_agent_hands_over(stage.scene(room, "narrow")?, room, &Asks::Verto)
}

/// The agent's phone is connected with the outer leg of a loopback, whose inner leg is in the conference; a supervisor connects somebody
/// else with that one.
pub fn the_agents_phone_is_replaced_behind_a_loopback(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let stay = "set:loopback_bowout=false";
    let agent = scene.call("agent").with(stay).silently().answers("park")?;
    let heir = scene.call("heir").with(stay).silently().answers("park")?;
    let (outer, plan) = (format!("{room}-outer"), format!("m:^:answer^coach:memberTag=agent^conference:{room}@narrow"));
    scene.api(&format!(
        "originate {{origination_uuid={outer},loopback_bowout=false}}loopback/{plan}/callers/inline &park()"
    ))?;
    let inner: String = scene.api(&format!("uuid_getvar {outer} other_loopback_leg_uuid"))?.trim().into();
    scene.api(&format!("uuid_bridge {outer} {}", agent.near()))?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.2);
    coach.murmurs(&["agent"])?;
    scene.api(&format!("uuid_bridge {outer} {}", heir.near()))?;
    agent.is_gone();
    let untagged = || Ok(scene.api(&format!("uuid_getvar {inner} memberTag"))?.trim() == "_undef_");
    scene.until("without tags", untagged)?;
    scene.wait(0.1);
    coach.says(NOBODY)?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

pub fn tags_pass_where_a_setting_says_so(_: &Stage, room: &str) -> Outcome {
    let coach = r#"<param name="tags-pass" value="true"/>"#;
    let switch = Switch::start_as(Setup { coach, ..Setup::default() })?;
    let scene = Scene::new(&switch, room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").over(LINEAR).with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.murmurs(&["agent", "heir"])?;
    let replaces = format!("!sip_h_Replaces={}", agent.dialog()?);
    let heir = scene.call("heir").over(LINEAR).variables(&replaces).silently().answers("park")?;
    agent.is_gone();
    heir.comes_to(room)?;
    coach.says(&["heir"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// An agent that comes back: late tags, old number.
pub fn an_agent_leaves_and_comes_back(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    agent.hushes()?;
    coach.murmurs(&["agent"])?;
    agent.is_sent_to("park")?;
    scene.until("gone", || Ok(agent.number_in(room)?.is_none()))?;
    scene.wait(0.1);
    coach.says(NOBODY)?;
    scene.wait(1.2);
    coach.murmurs(&["agent"])?;
    agent.is_sent_to(&format!("conference:{room}@narrow"))?;
    agent.comes_to(room)?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}
