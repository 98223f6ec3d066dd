//! Calls that go from one place to another.

use crate::{
    Stage,
    scene::{NOBODY, Outcome, Party},
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
    /// REFER with Replaces, on the coach's leg.
    Coach,
    /// The same, on the second line.
    Line,
    /// Verto, which leaves no more than a name in one of the two.
    Verto,
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
    // Where an incoming call that takes its place is sent: into the conference, as it came itself.
    scene.api(&format!("uuid_setvar {} inline_destination conference:{room}@narrow", coach.near()))?;
    coach.murmurs(&["agent"])?;
    let refers = |from: &Party, to: &Party| {
        let replaces = to.dialog()?.replace(';', "%3B").replace('=', "%3D").replace('@', "%40");
        let port = scene.switch.sip_port;
        scene.api(&format!("uuid_deflect {} sip:heir@127.0.0.1:{port}?Replaces={replaces}", from.far()))
    };
    match asks {
        Asks::Coach => drop(refers(&coach, &line)?),
        Asks::Line => drop(refers(&line, &coach)?),
        Asks::Verto => {
            scene.api(&format!("uuid_setvar {} refer_uuid {}", line.near(), coach.near()))?;
            heir.is_sent_to(&format!("conference:{room}@narrow"))?;
            scene.api(&format!("uuid_kill {}", coach.near()))?;
            scene.api(&format!("uuid_kill {}", line.near()))?;
        }
    }
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
