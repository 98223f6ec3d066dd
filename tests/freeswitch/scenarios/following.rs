//! What mod_conference does to a member reaches private speech within 200 ms.

use crate::{
    Stage,
    scene::{NOBODY, Outcome, Party, Scene},
};

/// By when it has to be so.
const SOON: f64 = 0.2;

/// mod_conference does something to a member, and undoes it: meanwhile nobody hears the coach.
fn interrupts(stage: &Stage, room: &str, who: &str, does: &str, undoes: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.murmurs(&["agent"])?;
    let whom = if who == "coach" { coach } else { agent };
    whom.conference(does)?;
    scene.wait(SOON);
    tells(&scene, &coach, NOBODY)?;
    // What is on its way when it is undone may be heard.
    coach.murmurs(&["agent"])?;
    scene.wait(0.3);
    whom.conference(undoes)?;
    scene.wait(SOON);
    tells(&scene, &coach, &["agent"])?;
    scene.finish()?.judge()
}

fn tells(scene: &Scene, coach: &Party, heard_by: &[&str]) -> Outcome {
    coach.says(heard_by)?;
    scene.wait(1.2);
    Ok(())
}

pub fn a_muted_coach_is_not_heard(stage: &Stage, room: &str) -> Outcome {
    interrupts(stage, room, "coach", "mute", "unmute")
}

pub fn a_deaf_agent_hears_no_coach(stage: &Stage, room: &str) -> Outcome {
    interrupts(stage, room, "agent", "deaf", "undeaf")
}

pub fn a_coach_on_hold_is_not_heard(stage: &Stage, room: &str) -> Outcome {
    interrupts(stage, room, "coach", "hold", "unhold")
}

pub fn an_agent_on_hold_hears_no_coach(stage: &Stage, room: &str) -> Outcome {
    interrupts(stage, room, "agent", "hold", "unhold")
}

/// A phone holds its call with a re-INVITE; mod_conference takes no notice.
pub fn who_is_held_by_its_phone_is_shown_held(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").over("PCMU@8000h@20i").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").over("PCMU@8000h@20i").with("coach:speakOnlyTo=agent").silently().joins()?;
    let mut events = scene.events()?;
    for party in [agent, coach] {
        for (command, action, held) in [("uuid_hold", "hold", true), ("uuid_hold off", "unhold", false)] {
            scene.api(&format!("{command} {}", party.far()))?;
            events.event(5.0, |event| event["Action"] == action && event["Unique-ID"] == party.near())?;
            let shown = scene.api(&format!("coach show {room}"))?;
            let line = shown.lines().find(|line| line.contains(&party.near())).unwrap_or_default();
            let explained = scene.api(&format!("coach explain {room} {}", coach.number()?))?;
            if line.trim_end().ends_with(" held") != held || explained.contains("is on hold") != held {
                return Err(format!("after {action} of {}: {shown}\n{explained}", party.name));
            }
        }
    }
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// From the first moment on: who is muted joins in the middle of a word, who is deaf in the middle of another's.
fn joins_muted_or_deaf(stage: &Stage, room: &str, told: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let (mute, deaf) = ("set:conference_member_flags=mute", "set:conference_member_flags=deaf");
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with(told).with(mute).with("coach:speakOnlyTo=agent").saying(NOBODY).joins()?;
    scene.wait(1.2);
    coach.murmurs(&["agent"])?;
    scene.wait(0.3);
    coach.conference("unmute")?;
    scene.wait(SOON);
    coach.says(&["agent"])?;
    let deaf = scene.call("deaf").with(told).with(deaf).with("coach:memberTag=agent").silently().joins()?;
    scene.wait(1.2);
    coach.murmurs(&["agent", "deaf"])?;
    scene.wait(0.3);
    deaf.conference("undeaf")?;
    scene.wait(SOON);
    tells(&scene, &coach, &["agent", "deaf"])?;
    scene.finish()?.judge()
}

pub fn who_joins_muted_or_deaf_is_so(stage: &Stage, room: &str) -> Outcome {
    joins_muted_or_deaf(stage, room, "set:conference_silent_entry=false")
}

/// mod_conference tells nobody that they have joined.
pub fn who_joins_muted_or_deaf_unannounced_is_so(stage: &Stage, room: &str) -> Outcome {
    joins_muted_or_deaf(stage, room, "set:conference_silent_entry=true")
}

pub fn a_coach_is_kicked(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    let other = scene.call("other").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.conference("kick")?;
    coach.is_gone();
    scene.wait(0.5);
    tells(&scene, &other, &["agent"])?;
    scene.finish()?.judge()
}

pub fn hanging_up_in_the_middle_of_a_word(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    coach.hangs_up()?;
    let again = scene.call("again").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    agent.hangs_up()?;
    tells(&scene, &again, NOBODY)?;
    again.murmurs(&["next"])?;
    scene.call("next").with("coach:memberTag=agent").joins()?;
    tells(&scene, &again, &["next"])?;
    scene.finish()?.judge()
}

/// The conference ends for everyone at once, with the coach in the middle of a word; the next one of that name is new.
pub fn the_conference_ends(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    for (name, does) in
        [("customer", "set:x=y"), ("agent", "coach:memberTag=agent"), ("coach", "coach:speakOnlyTo=agent")]
    {
        let heard_by: &[&str] = if name == "coach" { &["agent"] } else { &["*"] };
        scene.call(name).with(does).saying(heard_by).joins()?;
    }
    scene.wait(1.0);
    scene.api(&format!("conference {room} kick all"))?;
    scene.until("over for Coach", || Ok(!scene.api("coach rooms")?.contains(room)))?;
    let played = scene.finish()?;
    let next = stage.scene(room, "narrow")?;
    next.call("caller").joins()?;
    next.call("late").joins()?;
    next.wait(1.2);
    let shown = next.api(&format!("coach show {room}"))?;
    if shown.contains("agent") {
        return Err(format!("a new conference knows the old one's tags: {shown}"));
    }
    next.finish()?.judge()?;
    played.judge()
}
