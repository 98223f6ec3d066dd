//! Members whose tags and modes change while they speak.

use crate::{
    Stage,
    scene::{EVERYONE, NOBODY, Outcome},
};

/// Says something new that only these may hear, for long enough to be judged.
macro_rules! tells {
    ($scene:ident, $speaker:ident, $($heard_by:tt)+) => {
        $speaker.says($($heard_by)+)?;
        $scene.wait(1.2);
    };
}

pub fn every_change_of_mode(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").joins()?;
    let agent = scene.call("agent").joins()?;
    let coach = scene.call("coach").joins()?;
    scene.wait(0.8);
    // Members that join with nothing get their hooks now.
    coach.coach("coach agent")?;
    tells!(scene, coach, NOBODY);
    agent.coach("tag agent")?;
    tells!(scene, coach, &["agent"]);
    customer.coach("tag billing")?;
    tells!(scene, coach, &["agent"]);
    coach.coach("coach billing,agent")?;
    tells!(scene, coach, &["agent", "customer"]);
    coach.coach("coach billing")?;
    tells!(scene, coach, &["customer"]);
    customer.coach("untag")?;
    tells!(scene, coach, NOBODY);
    coach.coach("coach agent,night-shift")?;
    tells!(scene, coach, &["agent"]);
    agent.coach("tag night-shift")?;
    tells!(scene, coach, &["agent"]);
    coach.coach("coach -")?;
    tells!(scene, coach, NOBODY);
    coach.opens()?;
    scene.wait(1.2);
    // An action repeated is no error.
    coach.coach("uncoach")?;
    tells!(scene, coach, EVERYONE);
    scene.finish()?.judge()
}

pub fn every_change_by_uuid_coach(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    let agent = scene.call("agent").joins()?;
    let coach = scene.call("coach").joins()?;
    let uuid_coach = |uuid: String, does: &str| scene.api(&format!("uuid_coach {uuid} {does}"));
    uuid_coach(agent.near(), "tag agent")?;
    uuid_coach(coach.near(), "coach agent")?;
    tells!(scene, coach, &["agent"]);
    let shown = uuid_coach(coach.near(), "show")?;
    if !shown.contains("agent") {
        return Err(format!("`uuid_coach <uuid> show` tells nothing of the agent: {shown}"));
    }
    uuid_coach(agent.near(), "untag")?;
    tells!(scene, coach, NOBODY);
    uuid_coach(coach.near(), "uncoach")?;
    tells!(scene, coach, EVERYONE);
    scene.refused("uuid_coach 00000000-0000-0000-0000-000000000000 tag agent")?;
    scene.finish()?.judge()
}

pub fn a_late_joiner_is_in_the_audience_of_its_tags(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(NOBODY).joins()?;
    scene.wait(0.5);
    // From its first frame on it hears what is said: also what it was said to before.
    coach.says(&["agent"])?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    scene.wait(1.0);
    scene.call("neighbour").joins()?;
    tells!(scene, coach, &["agent"]);
    scene.finish()?.judge()
}

pub fn a_tag_by_mistake_is_taken_back(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    customer.coach("tag agent")?;
    tells!(scene, coach, &["agent", "customer"]);
    customer.coach("untag")?;
    tells!(scene, coach, &["agent"]);
    scene.finish()?.judge()
}

pub fn two_coaches_with_different_tags(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").with("coach:memberTag=vip").joins()?;
    scene.call("agent").with("coach:memberTag=agent,second").joins()?;
    let one = scene.call("one").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    let two = scene.call("two").with("coach:speakOnlyTo=second,boss").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    // Coaches hear each other only where they have the tags for it.
    one.coach("tag boss")?;
    two.says(&["agent", "one"])?;
    tells!(scene, one, &["agent"]);
    two.coach("coach vip")?;
    two.says(&["customer"])?;
    tells!(scene, one, &["agent"]);
    customer.coach("untag")?;
    two.says(NOBODY)?;
    tells!(scene, one, &["agent"]);
    two.opens()?;
    tells!(scene, one, &["agent"]);
    scene.finish()?.judge()
}

pub fn two_agents_hear_one_coach(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    let first = scene.call("first").with("coach:memberTag=agent").joins()?;
    scene.call("second").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["first", "second"]).joins()?;
    scene.wait(1.2);
    first.coach("untag")?;
    tells!(scene, coach, &["second"]);
    // An agent that answers its coach, unheard by the customer.
    coach.coach("tag boss")?;
    first.coach("coach boss")?;
    first.says(&["coach"])?;
    tells!(scene, coach, &["second"]);
    scene.finish()?.judge()
}
