//! Whoever else listens or plays: recordings, files, applications that take hooks away.

use crate::{
    Stage,
    judge::Recording,
    scene::{EVERYONE, Outcome, Party, Scene},
    tones::{self, LEVEL},
};

/// Starts a `record_session`, as `uuid_record` does, on a member's leg in the conference.
fn records(scene: &Scene, name: &str, party: &Party) -> Outcome {
    let near = party.near();
    scene.records(name, &format!("uuid_record {near} start {{}}"), &format!("uuid_record {near} stop {{}}"))
}

pub fn the_conference_recording_has_no_private_speech(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let record = |name: &str, doing: &str| {
        scene.records(name, &format!("conference {room} {doing} {{}}"), &format!("conference {room} norecord {{}}"))
    };
    record("early", "record")?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    record("late", "record")?;
    coach.says(&["agent"])?;
    scene.wait(1.0);
    coach.opens_between_words()?;
    scene.wait(1.8);
    scene.finish()?.judge()
}

/// Both directions of the coach's leg, from before and from after its hooks: of private speech there is silence.
pub fn a_recording_of_the_coach_has_no_private_speech(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").joins()?;
    records(&scene, "before", &coach)?;
    scene.wait(1.0);
    coach.coach("coach agent")?;
    records(&scene, "after", &coach)?;
    coach.says(&["agent"])?;
    scene.wait(1.0);
    coach.opens()?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

pub fn a_recording_of_the_customer_has_no_private_speech(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").silently().joins()?;
    records(&scene, "before", &customer)?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    // With a tag of its own the customer has hooks too.
    customer.coach("tag customer")?;
    records(&scene, "after", &customer)?;
    scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// What Coach cannot keep: a tap on the listener's own leg that runs after the hook hears what the listener hears.
pub fn a_recording_of_the_agent_has_what_the_agent_hears(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent", "tap"]).joins()?;
    records(&scene, "tap", &agent)?;
    coach.says(&["agent", "tap"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// A tap that was there before the agent had anybody to hear runs before the hook.
pub fn a_recording_of_the_agent_from_before_has_no_private_speech(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    records(&scene, "before", &agent)?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.2);
    coach.opens_between_words()?;
    scene.wait(1.8);
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

pub fn a_file_played_into_the_conference_is_heard_by_all(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(0.5);
    scene.announces()?;
    scene.wait(1.0);
    coach.coach("coach -")?;
    coach.says(&[])?;
    scene.wait(1.0);
    scene.falls_quiet()?;
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// An application of the dialplan that records a name hears the caller before `coach`, and silence after it.
pub fn a_name_is_recorded_before_coach_alone(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let file = |name: &str| scene.switch.folder.join(format!("{room}-name-{name}.wav"));
    let record = |name: &str| format!("record:{} 1", file(name).display());
    let coach = scene.call("coach").saying(&["agent"]).answers("park")?;
    let (before, after) = (record("before"), record("after"));
    coach.is_sent_to(&format!("{before}^coach:speakOnlyTo=agent^{after}^conference:{room}@narrow"))?;
    coach.comes_to(room)?;
    let (before, after) = (Recording::read(file("before")), Recording::read(file("after")));
    let (before, after) = (before.map_err(|e| e.to_string())?, after.map_err(|e| e.to_string())?);
    let tone = f64::from(scene.tone_of(coach.name).ok_or("the coach says nothing")?);
    before.levels(tone).heard_at(LEVEL).map_err(|what| format!("before `coach`: {what}"))?;
    after.tones(tone, &[]).unheard(&[]).map_err(|what| format!("after `coach`: {what}"))?;
    scene.finish().map(drop)
}

/// `uuid_displace` with the flag `f` comes before Coach, and is as private as the coach is; without it comes behind.
pub fn a_file_displaced_on_the_coach_s_leg(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").silently().joins()?;
    for (flags, heard_by) in [("rf", &["agent"][..]), ("r", EVERYONE)] {
        let tone = scene.free_tone().ok_or("no tone is free")?;
        let file = tones::file(tone, None)?;
        scene.api(&format!("uuid_displace {} start {file} 0 {flags}", coach.near()))?;
        scene.says_by_itself("coach", tone, heard_by);
        scene.wait(1.5);
        scene.api(&format!("uuid_displace {} stop {file}", coach.near()))?;
        scene.falls_silent("coach");
        scene.wait(0.5);
    }
    scene.finish()?.judge()
}

/// What Coach cannot keep: who eavesdrops on the coach's leg and speaks to it does so behind Coach.
pub fn who_eavesdrops_on_the_coach_and_speaks_is_heard_by_all(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").silently().joins()?;
    let eavesdrops = format!("eavesdrop:{}", coach.near());
    let spy = scene.call("spy").silently().answers(&eavesdrops)?;
    scene.wait(0.5);
    // With the key 1 it is heard as the coach is, who does not hear itself.
    for (key, heard_by) in [("0", &[][..]), ("1", &["customer", "agent"]), ("0", &[]), ("3", EVERYONE)] {
        scene.api(&format!("uuid_recv_dtmf {} {key}", spy.near()))?;
        scene.wait(0.3);
        spy.says(heard_by)?;
        scene.wait(1.2);
        spy.hushes()?;
        scene.wait(0.3);
    }
    let whispers = scene.call("whispers").with("set:eavesdrop_whisper_aleg=true").silently().answers(&eavesdrops)?;
    scene.wait(0.5);
    whispers.says(&["customer", "agent", "spy"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// `remove_bugs` on the coach's leg: its hook is put back in the same breath, or its call ends.
pub fn hooks_taken_away_are_put_back(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(0.5);
    for _ in 0..10 {
        coach.murmurs(&["agent"])?;
        scene.execute(&coach.near(), "remove_bugs", "")?;
        scene.wait(0.1);
    }
    if coach.number_in(room)?.is_some() {
        coach.says(&["agent"])?;
        scene.wait(1.2);
    } else {
        let log = scene.switch.log_of(&coach.near());
        if !log.contains("[ERR]") {
            return Err("the coach was hung up, and the log does not say why".into());
        }
        coach.is_gone();
    }
    scene.finish()?.judge()
}
