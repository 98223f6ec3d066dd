//! Ways into a conference.

use crate::{
    Stage,
    scene::{EVERYONE, Outcome, Scene},
    switch::Switch,
};

/// The proof that a leak is found: the same call on a switch that knows nothing of Coach.
pub fn without_the_module_everyone_hears_the_coach(_: &Stage, room: &str) -> Outcome {
    let stock = Switch::start(false)?;
    let scene = Scene::new(&stock, room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("set:memberTag=agent").joins()?;
    scene.call("coach").with("set:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.5);
    match scene.finish()?.judge() {
        Err(found) if found.lines().count() == 1 && found.contains("customer of coach's") => Ok(()),
        Err(found) => Err(format!("more was found than there was: {found}")),
        Ok(()) => Err("the customer heard the coach, and the judge did not".into()),
    }
}

pub fn joined_by_application(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.coach("uncoach")?;
    coach.says(EVERYONE)?;
    scene.wait(1.0);
    scene.finish()?.judge()
}
