//! Rates, packets, codecs: each call is played twice at once, the second time with the coach silent. What is heard outside the
//! audience of the first must not differ from what is heard in the second.

use std::thread;

use crate::{
    Stage,
    scene::{EVERYONE, Outcome, Scene},
    verdict::Played,
};

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
    let control = format!("{room}-control");
    let (spoken, unspoken) = thread::scope(|scope| {
        let unspoken = scope.spawn(|| played(Scene::control(switch, &control, profile)));
        (played(Scene::new(switch, room, profile)), unspoken.join())
    });
    spoken?.judge_against(&unspoken.map_err(|_| "the control run panicked")??)
}

fn whispers_over(stage: &Stage, room: &str, profile: &'static str, legs: &Legs) -> Outcome {
    compares(stage, room, profile, |scene| {
        scene.call("customer").over_any(legs.customer).joins()?;
        scene.call("agent").over_any(legs.agent).with("coach:memberTag=agent").joins()?;
        let coach =
            scene.call("coach").over_any(legs.coach).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
        scene.wait(1.5);
        coach.coach("uncoach")?;
        coach.says(EVERYONE)?;
        scene.wait(1.5);
        coach.coach("coach agent")?;
        coach.says(&["agent"])?;
        scene.wait(1.5);
        Ok(())
    })
}

/// A scenario a line: its name, the conference's profile, the codecs of customer, agent and coach.
macro_rules! calls {
    ($($name:ident: $profile:literal, $customer:expr, $agent:expr, $coach:expr;)*) => {
        $(pub fn $name(stage: &Stage, room: &str) -> Outcome {
            whispers_over(stage, room, $profile, &Legs { customer: $customer, agent: $agent, coach: $coach })
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

calls! {
    pcmu_in_packets_of_10_to_30_ms: "narrow", PCMU_20, PCMU_30, PCMU_10;
    pcma_in_packets_of_40_and_60_ms: "narrow", PCMA_60, PCMA_40, PCMA_60;
    g722_in_a_wide_conference: "wide", G722, G722, G722;
    opus_in_a_full_band_conference: "full", OPUS, OPUS, OPUS;
    every_codec_in_a_conference_of_32_khz: "super", PCMU_30, OPUS, G722;
    linear_legs_of_three_rates: "full", None, WIDE, FULL;
    a_stereo_conference: "stereo", OPUS, None, WIDE;
    a_conference_that_mixes_every_10_ms: "quick", PCMU_20, PCMU_10, OPUS;
    a_conference_with_comfort_noise: "noisy", None, None, PCMU_20;
}

/// A re-INVITE changes a leg's codec, rate and packets while its member speaks or listens.
pub fn a_codec_changes_in_mid_call(stage: &Stage, room: &str) -> Outcome {
    compares(stage, room, "wide", |scene| {
        scene.call("customer").over_any(PCMU_20).joins()?;
        let agent = scene.call("agent").over_any(PCMU_20).with("coach:memberTag=agent").joins()?;
        let coach = scene.call("coach").over_any(PCMU_20).with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
        scene.wait(1.2);
        for (who, codec) in [(coach, "G722"), (agent, "G722"), (coach, "PCMA"), (agent, "PCMA")] {
            coach.murmurs(&["agent"])?;
            scene.api(&format!("uuid_media_reneg {} {codec}", who.far()))?;
            scene.wait(0.5);
            coach.says(&["agent"])?;
            scene.wait(1.2);
        }
        Ok(())
    })
}

/// A coach whose telephone sends nothing at all while it does not speak, and a jitter buffer on its leg.
pub fn silence_suppression_and_a_jitter_buffer(stage: &Stage, room: &str) -> Outcome {
    compares(stage, room, "narrow", |scene| {
        scene.call("customer").over_any(PCMU_20).joins()?;
        scene.call("agent").over_any(PCMU_20).with("coach:memberTag=agent").joins()?;
        let call = scene.call("coach").over_any(PCMU_20).with("jitterbuffer:60").with("coach:speakOnlyTo=agent");
        let coach = call.saying(&["agent"]).joins()?;
        scene.wait(1.2);
        for _ in 0..3 {
            coach.sends_nothing()?;
            scene.wait(0.5);
            coach.says(&["agent"])?;
            scene.wait(1.2);
        }
        // What lies in the jitter buffer was said in private.
        coach.coach("uncoach")?;
        coach.says(EVERYONE)?;
        scene.wait(1.5);
        Ok(())
    })
}
