//! Loading and unloading the module, and the end of the switch: each on a switch of its own.

use std::{fs, time::Duration};

use crate::{
    Stage,
    scene::{EVERYONE, NOBODY, Outcome, Party, Scene},
    switch::Switch,
};

/// A customer, an agent and a coach that whispers.
fn whisper<'s>(scene: &'s Scene<'s>) -> Outcome<(Party<'s>, Party<'s>)> {
    scene.call("customer").joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.0);
    Ok((agent, coach))
}

pub fn unloading_is_refused_while_anyone_is_private(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    let scene = Scene::new(&switch, room, "narrow")?;
    let (agent, coach) = whisper(&scene)?;
    for _ in 0..3 {
        let refusal = scene.refused("unload mod_coach")?;
        if !refusal.contains("in use") {
            return Err(format!("`unload` was answered with {refusal}"));
        }
    }
    coach.says(&["agent"])?;
    scene.wait(1.0);
    if !switch.log_of("unload").contains(room) && !switch.log_of("privately").contains(room) {
        return Err("the log does not say who keeps the module".into());
    }
    scene.api(&format!("coach show {room}"))?;
    coach.opens()?;
    scene.wait(1.0);
    scene.api("unload mod_coach")?;
    scene.refused("coach rooms")?;
    let hooks = scene.api(&format!("uuid_buglist {}", coach.near()))?;
    if hooks.contains("coach") {
        return Err(format!("a hook is left behind: {hooks}"));
    }
    coach.says(EVERYONE)?;
    scene.wait(1.0);
    // Loaded again it knows the members that are there.
    scene.api("load mod_coach")?;
    agent.coach("tag agent")?;
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

pub fn unloading_by_force_opens_nobody(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    let scene = Scene::new(&switch, room, "narrow")?;
    let (_, coach) = whisper(&scene)?;
    coach.murmurs(&["agent"])?;
    let _ = scene.api("unload -f mod_coach");
    // Either what it says is heard by nobody, or its call ends.
    scene.wait(0.2);
    if coach.number_in(room)?.is_some() {
        coach.says(NOBODY)?;
    } else {
        coach.is_gone();
    }
    scene.wait(1.5);
    scene.finish()?.judge()?;
    switch.stop().map(drop)
}

/// As promptly as it does without the module.
pub fn the_switch_ends_promptly_while_somebody_is_private(_: &Stage, room: &str) -> Outcome {
    let (stock, switch) = (Switch::start(false)?, Switch::start(true)?);
    let scene = Scene::new(&switch, room, "narrow")?;
    whisper(&scene)?;
    let (usual, took) = (stock.stop()?, switch.stop()?);
    let late = took.saturating_sub(usual);
    if late > Duration::from_secs(2) {
        Err(format!("it took {took:?}, and {usual:?} without the module"))
    } else {
        Ok(())
    }
}

/// What a process holds.
#[derive(Debug)]
struct Holdings {
    files: usize,
    mappings: usize,
    threads: usize,
    memory_kb: usize,
}

impl Holdings {
    fn of(switch: &Switch) -> Outcome<Self> {
        let folder = format!("/proc/{}", switch.process_id());
        let count =
            |what: &str| Ok::<_, String>(fs::read_dir(format!("{folder}/{what}")).map_err(|e| e.to_string())?.count());
        let text = |what: &str| fs::read_to_string(format!("{folder}/{what}")).map_err(|e| e.to_string());
        let status = text("status")?;
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse().ok());
        Ok(Self {
            files: count("fd")?,
            mappings: text("maps")?.lines().count(),
            threads: count("task")?,
            memory_kb: memory.ok_or("no VmRSS")?,
        })
    }
}

/// What the switch shows of the module while it is not loaded.
fn traces(scene: &Scene, parties: &[&Party]) -> Outcome<Vec<String>> {
    let legs = parties.iter().map(|party| format!("uuid_buglist {}", party.near()));
    let lists = ["show api", "show application", "show complete", "show modules"].map(String::from);
    let mut traces = Vec::new();
    for command in lists.into_iter().chain(legs) {
        // Of a leg with no hook at all there is nothing to say.
        let nothing = |why: String| if why.contains("no reply") { Ok(String::new()) } else { Err(why) };
        let shown = scene.api(&command).or_else(nothing)?;
        let ours = |line: &&str| {
            line.split([',', '/', '>', '<', ' ']).any(|word| word.trim_end_matches(".so").ends_with("coach"))
        };
        traces.extend(shown.lines().filter(ours).map(|line| format!("{command}: {line}")));
    }
    Ok(traces)
}

pub fn a_thousand_reloads_under_calls_leave_nothing_behind(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    let scene = Scene::new(&switch, room, "narrow")?;
    // A tone would end before the last of them.
    let customer = scene.call("customer").with("coach:memberTag=vip").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").silently().joins()?;
    let reload = || scene.api("unload mod_coach").and_then(|_| scene.api("load mod_coach")).map(drop);
    // What the switch keeps of the first ones it keeps once; its memory settles.
    (0..500).try_for_each(|_| reload())?;
    let before = Holdings::of(&switch)?;
    (0..1000).try_for_each(|_| reload())?;
    scene.wait(0.5);
    let after = Holdings::of(&switch)?;
    let parties = [&customer, &agent, &coach];
    if traces(&scene, &parties)?.len() < 10 {
        return Err("the switch shows less of the module than there is of it".into());
    }
    scene.api("unload mod_coach")?;
    // Its lists are those of a database, which comes after.
    let mut left = traces(&scene, &parties)?;
    for _ in 0..60 {
        if left.is_empty() {
            break;
        }
        scene.wait(1.0);
        left = traces(&scene, &parties)?;
    }
    if !left.is_empty() {
        return Err(format!("unloaded, there is left of it:\n{}", left.join("\n")));
    }
    scene.api("load mod_coach")?;
    let more = after.files > before.files + 2
        || after.mappings > before.mappings + 10
        || after.threads > before.threads + 2
        || after.memory_kb > before.memory_kb + 4096;
    if more {
        return Err(format!("before: {before:?}, after 1,000 reloads: {after:?}"));
    }
    agent.coach("tag agent")?;
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}
