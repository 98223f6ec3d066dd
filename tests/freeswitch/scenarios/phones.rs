//! Real SIP phones, and a jitter buffer on the coach's leg.

use crate::{
    Stage,
    phone::{Call, Phone},
    scene::{EVERYONE, Outcome, Scene},
    tones,
    verdict::Listener,
};

/// A phone that has called the number of its name, and says one tone.
struct Caller {
    name: &'static str,
    phone: Phone,
    since: f64,
}

fn calls(scene: &Scene, name: &'static str, codec: &str, tone: u32, heard_by: &[&str]) -> Outcome<Caller> {
    let uri = format!("sip:{name}-{}@127.0.0.1:{}", scene.room, scene.switch.sip_port);
    // It does not convert rates.
    let rate = codec.split('/').nth(1).and_then(|rate| rate.parse().ok()).ok_or("a codec with a rate")?;
    let folder = scene.switch.folder.join(format!("{}-{name}", scene.room));
    let says = folder.with_extension("wav");
    tones::said(tone, rate, None).write(&says).map_err(|e| e.to_string())?;
    let call = Call { uri: &uri, says: &says, codec, packet_ms: 20 };
    let phone = Phone::call(&folder, call).map_err(|e| format!("{name}'s phone: {e}"))?;
    scene.says_by_itself(name, tone, heard_by);
    Ok(Caller { name, phone, since: scene.now() })
}

pub fn a_phone_whispers_through_a_jitter_buffer(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    scene.call("caller").silently().joins()?;
    let customer = calls(&scene, "customer", "L16/16000/1", 2100, EVERYONE)?;
    let coach = calls(&scene, "coach", "PCMU/8000/1", 2300, &["agent"])?;
    scene.wait(4.0);
    let until = scene.now();
    let mut listeners = Vec::new();
    for Caller { name, phone, since } in [customer, coach] {
        let heard = phone.hang_up().map_err(|e| format!("{name}'s phone: {e}"))?;
        listeners.push(Listener::new(name.into(), heard, since, since..until));
    }
    scene.falls_silent("customer");
    scene.falls_silent("coach");
    let mut played = scene.finish()?;
    played.listeners.extend(listeners);
    played.judge()
}
