//! The sounds of a mode: the coach hears one at every change, and nobody else does.

use crate::{
    Stage,
    judge::Recording,
    scene::{Outcome, Scene},
    switch::{Setup, Switch},
};

/// The notes of each sound, in Hz, and how loud they are, in dB.
const HEARD_BY_ALL: &[f64] = &[880.0, 1320.0];
const HEARD_BY_SOME: &[f64] = &[587.0];
const HEARD_BY_NOBODY: &[f64] = &[587.0, 370.0];
const LEVEL: f64 = -20.0;

/// What is done, to whom, and what the coach hears then.
const STEPS: [(&str, &str, &[f64]); 8] = [
    ("coach", "coach agent", HEARD_BY_SOME),
    ("coach", "coach Agent", HEARD_BY_NOBODY),
    ("coach", "coach agent", HEARD_BY_SOME),
    ("coach", "uncoach", HEARD_BY_ALL),
    ("coach", "coach -", HEARD_BY_NOBODY),
    ("coach", "coach agent", HEARD_BY_SOME),
    ("agent", "untag", HEARD_BY_NOBODY),
    ("agent", "tag agent", HEARD_BY_SOME),
];

/// What each party heard, by name.
type Heard = Vec<(String, Recording)>;

/// What they heard, and when each step was taken, by the coach's recording.
fn plays(setup: Setup, room: &str) -> Outcome<(Vec<f64>, Heard)> {
    let switch = Switch::start_as(setup)?;
    let scene = Scene::new(&switch, room, "wide")?;
    let names = ["customer", "agent", "coach"];
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").silently().joins()?;
    scene.wait(0.5);
    let mut times = Vec::new();
    for (who, does, _) in STEPS {
        times.push(scene.now() - coach.recorded_from());
        if who == "coach" {
            coach.coach(does)?
        } else {
            agent.coach(does)?
        };
        scene.wait(1.0);
    }
    let recordings = names.map(|name| (name, switch.folder.join(format!("{room}-{name}.wav"))));
    scene.finish()?;
    let read = |(name, path)| Ok((String::from(name), Recording::read(path).map_err(|e| format!("{name}: {e}"))?));
    Ok((times, recordings.into_iter().map(read).collect::<Outcome<_>>()?))
}

/// Which notes there are in a part of a recording.
fn notes(heard: &Recording) -> Vec<f64> {
    let all = [880.0, 1320.0, 587.0, 370.0];
    let there = |note: &f64| heard.levels(*note).0.iter().any(|level| *level > LEVEL - 6.0);
    all.into_iter().filter(there).collect()
}

/// Also for a tag in the wrong case, which nobody has.
pub fn the_coach_alone_hears_a_sound_of_each_mode(_: &Stage, room: &str) -> Outcome {
    let (times, recordings) = plays(Setup { mode_sounds: true, ..Setup::default() }, room)?;
    let mut wrong = Vec::new();
    for (name, heard) in &recordings {
        for ((who, does, right), at) in STEPS.iter().zip(&times) {
            let notes = notes(&heard.between(at - 0.05, at + 0.85));
            let right: &[f64] = if name == "coach" { right } else { &[] };
            if notes != right {
                wrong.push(format!("after `{does}` of {who}, {name} hears {notes:?}, not {right:?}"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

pub fn a_setting_turns_the_sounds_off(_: &Stage, room: &str) -> Outcome {
    let (_, recordings) = plays(Setup::default(), room)?;
    let heard = recordings.iter().find(|(_, heard)| !notes(heard).is_empty());
    heard.map_or(Ok(()), |(name, heard)| Err(format!("{name} hears {:?}", notes(heard))))
}
