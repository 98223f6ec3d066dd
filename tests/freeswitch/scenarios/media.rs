//! Rates, packets, codecs. A call on coded legs is played three times at once, twice with the coach silent: what is heard outside the
//! audience of the first must not differ from what is heard in the others. A codec makes noise of voices, above all of their edges;
//! so the coach speaks alone for most of the time, when a codec is silent, and the others for a while.

use std::thread;

use crate::{
    Stage,
    scene::{EVERYONE, MOMENT, Outcome, Party, Scene},
    switch::Switch,
    verdict::Played,
};

/// After somebody has spoken, in seconds, until a codec is silent again, and some more.
const QUIET: f64 = 1.5;

/// The legs' codecs; none for a linear one within the switch.
struct Legs {
    customer: Option<&'static str>,
    agent: Option<&'static str>,
    coach: Option<&'static str>,
}

/// Plays a call with the coach speaking and without, and compares.
fn compares(stage: &Stage, room: &str, profile: &'static str, play: impl Fn(&Scene) -> Outcome + Sync) -> Outcome {
    let switch = stage.switch()?;
    let played = |scene: Outcome<Scene>| -> Outcome<Played> {
        let scene = scene?;
        play(&scene)?;
        scene.finish()
    };
    // A codec's loudest noise is not the same in every run.
    let controls = ["a", "b"].map(|run| format!("{room}-control-{run}"));
    let (spoken, unspoken) = thread::scope(|scope| {
        let unspoken =
            controls.each_ref().map(|control| scope.spawn(|| played(Scene::control(switch, control, profile))));
        (played(Scene::new(switch, room, profile)), unspoken.map(|run| run.join()))
    });
    let unspoken = unspoken.into_iter().map(|run| run.map_err(|_| "a control run panicked")?);
    spoken?.judge_against(&unspoken.collect::<Outcome<Vec<Played>>>()?)
}

/// Customer and agent, who say nothing yet.
fn meet<'a>(scene: &'a Scene, customer: Option<&'a str>, agent: Option<&'a str>) -> Outcome<[Party<'a>; 2]> {
    let customer = scene.call("customer").over_any(customer).silently().joins()?;
    let agent = scene.call("agent").over_any(agent).with("coach:memberTag=agent").silently().joins()?;
    Ok([customer, agent])
}

/// They speak for so many seconds, all at once.
fn talk(parties: [Party; 2], seconds: f64) -> Outcome {
    parties.iter().try_for_each(|party| party.says_for(seconds, EVERYONE))
}

/// The coach is set to speak openly in the middle of a word, falls silent while the guard keeps that private, and speaks openly when that
/// is proved.
fn speaks_openly(scene: &Scene, coach: &Party) -> Outcome {
    coach.coach("uncoach")?;
    scene.wait(MOMENT);
    // So soon that what a codec makes of the end of a tone is over when the guard is.
    coach.hushes()?;
    scene.wait(QUIET);
    coach.says_for(1.2, EVERYONE)?;
    scene.wait(1.2 + QUIET);
    Ok(())
}

/// Modes change while nobody else speaks.
fn whispers(scene: &Scene, legs: &Legs) -> Outcome {
    let others = meet(scene, legs.customer, legs.agent)?;
    let coach = scene.call("coach").over_any(legs.coach).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(QUIET);
    talk(others, 2.0)?;
    scene.wait(2.0 + QUIET);
    speaks_openly(scene, &coach)?;
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(2.0);
    Ok(())
}

/// The coach speaks on while it is opened and closed again.
fn barges_in(scene: &Scene, coach: &Party) -> Outcome {
    scene.wait(1.5);
    coach.opens()?;
    scene.wait(1.5);
    coach.coach("coach agent")?;
    coach.says(&["agent"])?;
    scene.wait(1.5);
    Ok(())
}

pub fn linear_legs_of_three_rates(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "full")?;
    scene.call("customer").joins()?;
    scene.call("agent").over_any(WIDE).with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").over_any(FULL).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    barges_in(&scene, &coach)?;
    scene.finish()?.judge()
}

/// Members that say and hear two channels.
pub fn stereo_legs(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "full")?;
    scene.call("customer").over(STEREO).joins()?;
    let agent = scene.call("agent").over(STEREO).with("coach:memberTag=agent").joins()?;
    let coach = scene.call("coach").over(STEREO).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    for party in [agent, coach] {
        let channels = scene.api(&format!("uuid_getvar {} rtp_use_codec_channels", party.near()))?;
        if channels.trim() != "2" {
            return Err(format!("{} has {channels} channels", party.name));
        }
    }
    barges_in(&scene, &coach)?;
    scene.finish()?.judge()
}

/// A scenario a line: its name, the conference's profile, the codecs of customer, agent and coach.
macro_rules! calls {
    ($($name:ident: $profile:literal, $customer:expr, $agent:expr, $coach:expr;)*) => {
        $(pub fn $name(stage: &Stage, room: &str) -> Outcome {
            let legs = Legs { customer: $customer, agent: $agent, coach: $coach };
            compares(stage, room, $profile, |scene| whispers(scene, &legs))
        })*
    };
}

const PCMU_10: Option<&str> = Some("PCMU@8000h@10i");
const PCMU_20: Option<&str> = Some("PCMU@8000h@20i");
const PCMU_30: Option<&str> = Some("PCMU@8000h@30i");
const PCMA_40: Option<&str> = Some("PCMA@8000h@40i");
const PCMA_60: Option<&str> = Some("PCMA@8000h@60i");
const G722: Option<&str> = Some("G722@8000h@20i");
const OPUS: Option<&str> = Some("opus@48000h@20i");
const WIDE: Option<&str> = Some("L16@16000h@20i");
const FULL: Option<&str> = Some("L16@48000h@20i");
const OPUS_STEREO: Option<&str> = Some("opus@48000h@20i@2c"); // `stereo=1` in SDP
const STEREO: &str = "L16@32000h@20i@2c";

calls! {
    pcmu_in_packets_of_10_to_30_ms: "narrow", PCMU_20, PCMU_30, PCMU_10;
    pcma_in_packets_of_40_and_60_ms: "narrow", PCMA_60, PCMA_40, PCMA_60;
    g722_in_a_wide_conference: "wide", G722, G722, G722;
    opus_in_a_full_band_conference: "full", OPUS, OPUS, OPUS;
    opus_in_two_channels: "full", OPUS_STEREO, OPUS_STEREO, OPUS_STEREO;
    every_codec_in_a_conference_of_32_khz: "super", PCMU_30, OPUS, G722;
    a_stereo_conference: "stereo", OPUS, None, WIDE;
    a_conference_that_mixes_every_10_ms: "quick", PCMU_20, PCMU_10, OPUS;
    a_conference_with_comfort_noise: "noisy", None, None, PCMU_20;
}

/// A re-INVITE changes a leg's codec, rate and packets while its member speaks or listens.
pub fn a_codec_changes_in_mid_call(stage: &Stage, room: &str) -> Outcome {
    compares(stage, room, "wide", |scene| {
        let [customer, agent] = meet(scene, PCMU_20, PCMU_20)?;
        let coach = scene.call("coach").over_any(PCMU_20).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
        scene.wait(1.2);
        for (who, codec) in [(coach, "G722"), (agent, "G722"), (coach, "PCMA"), (agent, "PCMA")] {
            coach.murmurs(&["agent"])?;
            scene.api(&format!("uuid_media_reneg {} {codec}", who.far()))?;
            scene.wait(0.5);
            coach.says(&["agent"])?;
            scene.wait(1.2);
        }
        talk([customer, agent], 1.5)?;
        scene.wait(1.7);
        Ok(())
    })
}

/// Codecs whose packets are longer than 60 ms, and a rate that few have. GSM and LPC keep no level: there the counters tell.
const UNUSUAL: [&str; 6] =
    ["PCMU@8000h@80i", "PCMU@8000h@100i", "PCMU@8000h@120i", "GSM@8000h@120i", "LPC@8000h@90i", "L16@22050h@20i"];

/// The coach, or the agent, is on such a leg and the others are linear: from the start, or by a re-INVITE.
fn whispers_on(switch: &Switch, room: &str, who: &str, codec: &'static str, in_mid_call: bool) -> Outcome {
    let scene = Scene::new(switch, room, "narrow")?;
    let leg = |name: &str| (name == who).then_some(if in_mid_call { "PCMU@8000h@20i" } else { codec });
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").over_any(leg("agent")).with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").over_any(leg("coach")).with("coach:speakOnlyTo=agent").silently().joins()?;
    if in_mid_call {
        coach.murmurs(&["agent"])?;
        let far = if who == "coach" { coach.far() } else { agent.far() };
        scene.api(&format!("uuid_media_reneg {far} {codec}"))?;
        scene.wait(1.0);
    }
    let used = scene.api(&format!("uuid_dump {}", if who == "coach" { coach.near() } else { agent.near() }))?;
    let rate = codec.split(['@', 'h']).nth(1).unwrap_or_default();
    if !used.contains(&format!("Channel-Read-Codec-Rate: {rate}")) {
        return Err(format!("the leg is not at {rate} Hz"));
    }
    let is_tone = ["PCMU", "L16"].iter().any(|name| codec.starts_with(name));
    if is_tone {
        coach.says(&["agent"])?
    } else {
        coach.murmurs(&["agent"])?
    }
    let counters = || {
        let stats = scene.api(&format!("coach stats {room} as json"))?;
        let stats: serde_json::Value = serde_json::from_str(&stats).map_err(|e| format!("{e}: {stats}"))?;
        Ok::<_, String>(
            ["refused", "private_delivered", "skipped_ms", "underruns"]
                .map(|name| stats[name].as_u64().unwrap_or(9_999)),
        )
    };
    let before = counters()?;
    scene.wait(3.0);
    let after = counters()?;
    let explained = scene.api(&format!("coach explain {room} {}", coach.number()?))?;
    let played = scene.finish()?;
    // LPC makes noise of the agent's silence, for everyone.
    if !codec.starts_with("LPC") || who != "agent" {
        played.judge()?;
    }
    // 3 s of the agent's frames, the longest of them.
    if after[0] > 0 || after[1] < before[1] + 20 {
        return Err(format!("frames refused, frames with private speech: {before:?}, then {after:?}"));
    }
    if explained.contains("does not handle") { Err(explained) } else { Ok(()) }
}

fn whispers_on_each(stage: &Stage, room: &str, in_mid_call: bool) -> Outcome {
    let switch = stage.switch()?;
    let mut wrong = Vec::new();
    // A re-INVITE of the switch's own offers no other rate of L16.
    let codecs = UNUSUAL.into_iter().filter(|codec| !in_mid_call || !codec.starts_with("L16"));
    for (n, codec) in codecs.enumerate() {
        thread::scope(|scope| {
            let runs = ["agent", "coach"].map(|who| {
                let room = format!("{room}-{n}-{who}");
                (who, scope.spawn(move || whispers_on(switch, &room, who, codec, in_mid_call)))
            });
            for (who, run) in runs {
                let outcome = run.join().unwrap_or_else(|_| Err("it panicked".into()));
                wrong.extend(outcome.err().map(|what| format!("{codec} at the {who}: {what}")));
            }
        });
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

pub fn long_packets_and_unusual_rates(stage: &Stage, room: &str) -> Outcome {
    whispers_on_each(stage, room, false)
}

pub fn long_packets_and_unusual_rates_in_mid_call(stage: &Stage, room: &str) -> Outcome {
    whispers_on_each(stage, room, true)
}

/// A coach whose telephone sends nothing at all while it does not speak, and a jitter buffer on its leg.
pub fn silence_suppression_and_a_jitter_buffer(stage: &Stage, room: &str) -> Outcome {
    compares(stage, room, "narrow", |scene| {
        let others = meet(scene, PCMU_20, PCMU_20)?;
        let call = scene.call("coach").over_any(PCMU_20).with("jitterbuffer:60").with("coach:speakOnlyTo=agent");
        let coach = call.saying(&["agent"]).joins()?;
        scene.wait(1.2);
        for _ in 0..3 {
            coach.sends_nothing()?;
            scene.wait(0.5);
            coach.says(&["agent"])?;
            scene.wait(1.2);
        }
        talk(others, 1.5)?;
        scene.wait(3.0);
        // What lies in the jitter buffer was said in private.
        speaks_openly(scene, &coach)
    })
}
