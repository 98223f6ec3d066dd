//! Real SIP phones: a jitter buffer on the coach's leg, and the examples as they are.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    Stage,
    phone::{Call, Phone},
    scene::{EVERYONE, NOBODY, Outcome, Scene},
    tones,
    verdict::Listener,
};

const WIDE: &str = "L16/16000/1";

/// A phone that has called a number, and says one tone.
struct Caller {
    name: &'static str,
    phone: Phone,
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
    fn calls(scene: &Scene, name: &'static str, number: &str, codec: &str, hertz: u32, to: &[&str]) -> Outcome<Self> {
        let uri = format!("sip:{number}@127.0.0.1:{}", scene.switch.sip_port);
        let folder = scene.switch.folder.join(format!("{}-{name}", scene.room));
        let call = Call { uri: &uri, says: &tone(&folder, codec, hertz)?, codec, packet_ms: 20 };
        let phone = Phone::call(&folder, call).map_err(|e| format!("{name}'s phone: {e}"))?;
        scene.says_by_itself(name, hertz, to);
        Ok(Self { name, phone, folder, since: scene.now() })
    }

    /// Says something new, on a wide leg.
    fn says(&mut self, scene: &Scene, hertz: u32, heard_by: &[&str]) -> Outcome {
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

/// The numbers of `examples/freeswitch`, and the manager's keys.
pub fn the_examples_whisper_and_have_keys(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "default")?;
    let customer = Caller::calls(&scene, "customer", "7001", WIDE, 500, EVERYONE)?;
    let agent = Caller::calls(&scene, "agent", "7002", WIDE, 700, EVERYONE)?;
    let mut manager = Caller::calls(&scene, "manager", "7003", WIDE, 1100, &["agent"])?;
    scene.wait(1.8);
    let shown = scene.api("coach show support as json")?;
    let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("{e}: {shown}"))?;
    let private = shown["members"].as_array().into_iter().flatten().find(|member| !member["speak_only_to"].is_null());
    let leg = private.and_then(|member| member["call_id"].as_str()).ok_or(format!("nobody whispers: {shown}"))?;
    let presses = |key: &str| scene.api(&format!("uuid_recv_dtmf {leg} {key}"));
    presses("*1")?;
    scene.wait(0.3);
    manager.says(&scene, 1300, NOBODY)?;
    scene.wait(1.5);
    // What it says next is for more people: it says so first, and has said what was for fewer.
    manager.says(&scene, 1500, &["agent"])?;
    scene.wait(0.15);
    presses("*2")?;
    scene.wait(1.8);
    manager.says(&scene, 1700, EVERYONE)?;
    scene.wait(0.15);
    presses("*3")?;
    scene.wait(1.8);
    // And back.
    presses("*2")?;
    scene.wait(0.3);
    manager.says(&scene, 1900, &["agent"])?;
    scene.wait(1.5);
    judge(scene, [customer, agent, manager])
}
