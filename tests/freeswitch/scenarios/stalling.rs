//! The network holds a phone's packets up and lets all of them go at once, around the command that opens an audience: what was said before
//! the command is heard by nobody who was not in the audience then, however late it comes. And a network that does so all the time.

use std::thread;

use crate::{
    Stage,
    judge::{Levels, Recording},
    line::{Line, WIDE},
    scene::{Outcome, Scene},
    switch::Switch,
    tones::LEVEL,
};

/// What is said before the command, and after it.
const BEFORE: u32 = 700;
const AFTER: u32 = 1900;

/// When the packets are held up: from so long before the command, until so long after it, in seconds.
#[derive(Clone, Copy, Debug)]
struct Stall {
    from: f64,
    until: f64,
}

/// A command that widens an audience by the customer.
#[derive(Clone, Copy, Debug)]
enum Widens {
    Opens,
    Coaches,
    Tags,
}

fn plays(switch: &Switch, room: &str, profile: &'static str, stall: Stall, widens: Widens) -> Outcome<String> {
    let scene = Scene::new(switch, room, profile)?;
    let customer = scene.call("customer").with("coach:memberTag=vip").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let line = Line::waits(BEFORE).map_err(|e| e.to_string())?;
    let coach = line.joins(&scene, "coach", profile, &[WIDE], "coach:speakOnlyTo=agent")?;
    // Long enough for the switch to have measured how far the phone's clock is from its own.
    scene.wait(2.0);
    line.is_held_up(true);
    scene.wait(stall.from);
    match widens {
        Widens::Opens => drop(scene.api(&format!("uuid_coach {coach} uncoach"))?),
        Widens::Coaches => drop(scene.api(&format!("uuid_coach {coach} coach agent,vip"))?),
        Widens::Tags => drop(customer.coach("tag agent")?),
    }
    line.says(AFTER);
    scene.wait(stall.until);
    line.is_held_up(false);
    scene.wait(stall.from + stall.until + 2.5);
    let recording = |name: &str| switch.folder.join(format!("{room}-{name}.wav"));
    let (customer, agent) = (recording("customer"), recording("agent"));
    scene.finish()?;
    let read = |path| Recording::read(path).map_err(|e| e.to_string());
    let (customer, agent) = (read(&customer)?, read(&agent)?);
    let levels = |heard: &Recording, tone, other| heard.tones(f64::from(tone), &[f64::from(other)]);
    levels(&customer, BEFORE, AFTER)
        .unheard(&[])
        .map_err(|what| format!("the customer hears what was said before: {what}"))?;
    let heard = |levels: Levels| levels.0.iter().filter(|level| **level > LEVEL - 3.0).count();
    let (opened, late) = (heard(levels(&customer, AFTER, BEFORE)), heard(levels(&agent, BEFORE, AFTER)));
    match opened {
        ..50 => Err(format!("the customer hears {opened}0 ms of what was said after")),
        _ => Ok(format!("customer: {opened}0 ms of what was said after; agent: {late}0 ms of what was said before")),
    }
}

/// Stalls of 100 ms to 5 s: before the command, across it, and at once after it.
pub fn bursts_around_a_command_stay_private(stage: &Stage, room: &str) -> Outcome {
    let switch = stage.switch()?;
    let stalls = [(0.1, 0.0), (0.05, 0.05), (0.0, 0.1), (0.3, 0.05), (0.5, 0.5), (0.95, 0.05), (2.0, 0.3), (4.7, 0.3)];
    let mut runs = Vec::new();
    // Where a packet has as many samples as the conference takes at once, and where it has not.
    for profile in ["wide", "full"] {
        for (from, until) in stalls {
            runs.push((profile, Stall { from, until }, Widens::Opens));
        }
        for widens in [Widens::Coaches, Widens::Tags] {
            runs.push((profile, Stall { from: 0.5, until: 0.3 }, widens));
        }
    }
    let mut wrong = Vec::new();
    for (part, runs) in runs.chunks(5).enumerate() {
        thread::scope(|scope| {
            let plays = runs.iter().enumerate().map(|(n, &(profile, stall, widens))| {
                let room = format!("{room}-{part}-{n}");
                (scope.spawn(move || plays(switch, &room, profile, stall, widens)), profile, stall, widens)
            });
            for (run, profile, stall, widens) in plays.collect::<Vec<_>>() {
                let outcome = run.join().unwrap_or_else(|_| Err("it panicked".into()));
                println!("{profile} {stall:?} {widens:?}: {outcome:?}");
                wrong.extend(outcome.err().map(|what| format!("{profile} {stall:?} {widens:?}: {what}")));
            }
        });
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Packets that come five at once every 100 ms, all the time: what the switch's own mix delivers of such a speaker, the whisper delivers too.
pub fn a_sender_in_bursts_is_whispered_as_it_is_mixed(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "wide")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let line = Line::waits(BEFORE).map_err(|e| e.to_string())?;
    line.sends_at_once(5);
    let coach = line.joins(&scene, "coach", "wide", &[WIDE], "coach:speakOnlyTo=agent")?;
    scene.wait(6.0);
    scene.api(&format!("uuid_coach {coach} coach -"))?;
    scene.wait(1.0);
    line.says(AFTER);
    scene.wait(1.0);
    scene.api(&format!("uuid_coach {coach} uncoach"))?;
    scene.wait(6.0);
    let recording = |name: &str| scene.switch.folder.join(format!("{room}-{name}.wav"));
    let (customer, agent) = (recording("customer"), recording("agent"));
    scene.finish()?;
    let read = |path| Recording::read(path).map_err(|e| e.to_string());
    let (customer, agent) = (read(&customer)?, read(&agent)?);
    let [before, after] = [BEFORE, AFTER].map(|tone| agent.levels(f64::from(tone)));
    customer.tones(f64::from(BEFORE), &[f64::from(AFTER)]).unheard(&[])?;
    let (whispered, mixed) = (before.share_at(LEVEL), after.share_at(LEVEL));
    if whispered < mixed - 0.02 {
        return Err(format!("of the whisper {whispered:.3} of the windows are at level, of open speech {mixed:.3}"));
    }
    // What is compared has to be there.
    if mixed < 0.9 { Err(format!("the switch mixes {mixed:.3} of the windows")) } else { Ok(()) }
}
