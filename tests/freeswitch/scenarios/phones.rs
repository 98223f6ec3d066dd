//! Real SIP phones: a jitter buffer on the coach's leg, and the examples as they are.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    Stage,
    phone::{Call, Phone},
    scene::{EVERYONE, NOBODY, Outcome, Scene},
    switch::Switch,
    tones,
    verdict::Listener,
};

pub const WIDE: &str = "L16/16000/1";

/// A phone that has called a number, and says one tone.
pub struct Caller {
    pub name: &'static str,
    pub phone: Phone,
    folder: PathBuf,
    since: f64,
}

/// The file of a tone, at the rate of a phone that does not convert rates.
fn tone(folder: &Path, codec: &str, tone: u32) -> Outcome<PathBuf> {
    let rate = codec.split('/').nth(1).and_then(|rate| rate.parse().ok()).ok_or("a codec with a rate")?;
    let file = folder.with_extension(format!("{tone}.wav"));
    tones::said(tone, rate, None).write(&file).map_err(|e| e.to_string())?;
    Ok(file)
}

impl Caller {
    /// Calls a number of the switch's.
    pub fn calls(
        scene: &Scene,
        name: &'static str,
        number: &str,
        codec: &str,
        hertz: u32,
        to: &[&str],
    ) -> Outcome<Self> {
        Self::calls_by(Phone::call, scene, name, number, codec, hertz, to)
    }

    /// The same, by a phone of another kind.
    pub fn calls_by(
        phone: fn(&Path, Call) -> io::Result<Phone>,
        scene: &Scene,
        name: &'static str,
        number: &str,
        codec: &str,
        hertz: u32,
        to: &[&str],
    ) -> Outcome<Self> {
        let uri = format!("sip:{number}@127.0.0.1:{}", scene.switch.sip_port);
        let folder = scene.switch.folder.join(format!("{}-{name}", scene.room));
        let call = Call { uri: &uri, says: &tone(&folder, codec, hertz)?, codec, packet_ms: 20 };
        let phone = phone(&folder, call).map_err(|e| format!("{name}'s phone: {e}"))?;
        scene.says_by_itself(name, hertz, to);
        Ok(Self { name, phone, folder, since: scene.now() })
    }

    /// Says something new, on a wide leg.
    pub fn says(&mut self, scene: &Scene, hertz: u32, heard_by: &[&str]) -> Outcome {
        scene.falls_silent(self.name);
        self.phone.say(&tone(&self.folder, WIDE, hertz)?).map_err(|e| e.to_string())?;
        scene.says_by_itself(self.name, hertz, heard_by);
        Ok(())
    }

    fn hangs_up(self, until: f64) -> Outcome<Listener> {
        let heard = self.phone.hang_up().map_err(|e| format!("{}'s phone: {e}", self.name))?;
        Ok(Listener::new(self.name.into(), heard, self.since, self.since..until))
    }
}

/// They hang up; the judgement.
fn judge<const N: usize>(scene: Scene, callers: [Caller; N]) -> Outcome {
    let until = scene.now();
    callers.iter().for_each(|caller| scene.falls_silent(caller.name));
    let listeners = callers.into_iter().map(|caller| caller.hangs_up(until)).collect::<Outcome<Vec<_>>>()?;
    let mut played = scene.finish()?;
    played.listeners.extend(listeners);
    played.judge()
}

pub fn a_phone_whispers_through_a_jitter_buffer(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    scene.call("caller").silently().joins()?;
    let customer = Caller::calls(&scene, "customer", &format!("customer-{room}"), WIDE, 2100, EVERYONE)?;
    let coach = Caller::calls(&scene, "coach", &format!("coach-{room}"), "PCMU/8000/1", 2300, &["agent"])?;
    scene.wait(4.0);
    judge(scene, [customer, coach])
}

/// The manager's keys.
struct Keys<'a> {
    scene: &'a Scene<'a>,
    leg: String,
}

impl Keys<'_> {
    fn press(&self, key: &str) -> Outcome<String> {
        self.scene.api(&format!("uuid_recv_dtmf {} {key}", self.leg))
    }
}

/// Who has called 7003 of the examples.
fn manager(scene: &Scene) -> Outcome<String> {
    let shown = scene.api("coach show support as json")?;
    let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("{e}: {shown}"))?;
    let private = shown["members"].as_array().into_iter().flatten().find(|member| !member["speak_only_to"].is_null());
    let leg = private.and_then(|member| member["call_id"].as_str()).ok_or(format!("nobody whispers: {shown}"))?;
    Ok(leg.into())
}

/// The numbers of `examples/freeswitch`, and the manager's keys.
pub fn the_examples_whisper_and_have_keys(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "default")?;
    let customer = Caller::calls(&scene, "customer", "7001", WIDE, 500, EVERYONE)?;
    let agent = Caller::calls(&scene, "agent", "7002", WIDE, 700, EVERYONE)?;
    let mut manager = Caller::calls(&scene, "manager", "7003", WIDE, 1100, &["agent"])?;
    scene.wait(1.8);
    let keys = Keys { scene: &scene, leg: self::manager(&scene)? };
    keys.press("1")?;
    scene.wait(0.3);
    manager.says(&scene, 1300, NOBODY)?;
    scene.wait(1.5);
    // What it says next is for more people: it says so first, and has said what was for fewer.
    manager.says(&scene, 1500, &["agent"])?;
    scene.wait(0.15);
    keys.press("2")?;
    scene.wait(1.8);
    manager.says(&scene, 1700, EVERYONE)?;
    scene.wait(0.15);
    keys.press("3")?;
    scene.wait(1.8);
    // And back.
    keys.press("2")?;
    scene.wait(0.3);
    manager.says(&scene, 1900, &["agent"])?;
    scene.wait(1.5);
    judge(scene, [customer, agent, manager])
}

/// Keys do what the guide says of them, however long ago the last one was, and whatever else was pressed in between.
pub fn slow_keys_work_as_quick_ones_do(_: &Stage, room: &str) -> Outcome {
    // The numbers of the examples lead to one conference.
    let switch = Switch::start(true)?;
    let scene = Scene::new(&switch, room, "default")?;
    let parties = [("customer", "7001", 500), ("agent", "7002", 700), ("manager", "7003", 1100)];
    let _phones = parties.map(|(name, number, hertz)| Caller::calls(&scene, name, number, WIDE, hertz, EVERYONE));
    scene.until("a manager", || Ok(manager(&scene).is_ok()))?;
    let keys = Keys { scene: &scene, leg: manager(&scene)? };
    // As the guide shows them: what the variable says, and how the manager's line of `coach show` ends.
    let modes = [
        ("1", "-", ["-", "nobody", "-"]),
        ("2", "agent", ["-", "agent", "2"]),
        ("3", "_undef_", ["-", "openly", "all"]),
    ];
    for gap in [0.05, 0.45, 0.55, 0.8, 1.2, 2.5] {
        for (key, mode, line) in modes {
            scene.wait(gap);
            keys.press(key)?;
            scene.until(&format!("in mode {key} after {gap} s"), || {
                Ok(scene.api(&format!("uuid_getvar {} speakOnlyTo", keys.leg))?.trim() == mode)
            })?;
            let shown = scene.api("coach show support")?;
            let row = shown.lines().find(|row| row.contains(&keys.leg)).unwrap_or_default();
            if row.split_whitespace().skip(2).take(3).ne(line) {
                return Err(format!("after key {key}, `coach show` says:\n{shown}"));
            }
        }
    }
    // A key that means nothing does not keep the next one from its meaning.
    for before in ["*", "#", "9"] {
        keys.press(before)?;
        scene.wait(0.7);
        keys.press("2")?;
        scene.until(&format!("whispering after {before}"), || {
            Ok(scene.api(&format!("uuid_getvar {} speakOnlyTo", keys.leg))?.trim() == "agent")
        })?;
        keys.press("3")?;
        scene.wait(0.7);
    }
    Ok(())
}
