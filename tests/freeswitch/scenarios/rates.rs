//! Rates and channels that phones ask for in mid-call.

use std::thread;

use crate::{
    Stage,
    judge::Recording,
    line::{Line, Linear, WIDE},
    scene::{EVERYONE, Outcome, Party, Scene},
    switch::Switch,
    tones::LEVEL,
};

/// What a line says before the change, privately after it, and then openly.
const BEFORE: u32 = 300;
const WHISPERED: u32 = 700;
const OPENLY: u32 = 1900;
/// Whispered and open speech of the same speaker differ by no more, in dB.
const ALIKE: f64 = 1.0;

/// What the switch has, in packets of 20 ms, besides 8, 16, 32 and 48 kHz and one channel.
const ASKED_FOR: [Linear; 5] = [
    Linear { rate: 12_000, channels: 1 },
    Linear { rate: 22_050, channels: 1 },
    Linear { rate: 24_000, channels: 1 },
    Linear { rate: 44_100, channels: 1 },
    Linear { rate: 22_050, channels: 2 },
];

/// The agent or the coach is a line, which asks for other samples in mid-call. Then the coach whispers, and
/// speaks openly.
fn asks(switch: &Switch, room: &str, who: &str, linear: Linear) -> Outcome {
    let scene = Scene::new(switch, room, "full")?;
    let customer = scene.call("customer").silently().joins()?;
    let line = Line::waits(BEFORE).map_err(|e| e.to_string())?;
    let offered = &[WIDE, linear];
    let (agent, coach) = if who == "coach" {
        let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
        line.joins(&scene, "line", "full", offered, "coach:speakOnlyTo=agent")?;
        (Some(agent), None)
    } else {
        line.joins(&scene, "line", "full", offered, "coach:memberTag=agent")?;
        let coach = scene.call("coach").with("coach:speakOnlyTo=agent").silently().joins()?;
        (None, Some(coach))
    };
    scene.wait(1.0);
    line.asks_for(linear);
    scene.until("agreed", || Ok(line.agreed() == linear))?;
    // As its phone does, or as the scene does.
    let says = |tone: u32, heard_by: &[&str]| match &coach {
        None => Ok::<u32, String>({
            line.says(tone);
            tone
        }),
        Some(coach) => {
            let tone = scene.free_tone().ok_or("no tone is free")?;
            coach.says(heard_by)?;
            Ok(tone)
        }
    };
    let speaker = coach.as_ref().map_or_else(|| format!("{room}-line"), |coach| coach.near());
    let whispered = says(WHISPERED, &["agent"])?;
    scene.wait(2.0);
    // In private until the command.
    scene.api(&format!("uuid_coach {speaker} coach -"))?;
    scene.wait(0.5);
    let openly = says(OPENLY, EVERYONE)?;
    scene.wait(0.5);
    scene.api(&format!("uuid_coach {speaker} uncoach"))?;
    scene.wait(2.5);
    let by_the_line = line.heard();
    let file = |party: &Party| switch.folder.join(format!("{room}-{}.wav", party.name));
    let files = (file(&customer), agent.as_ref().map(file));
    scene.finish()?;
    let read = |file| Recording::read(file).map_err(|e| e.to_string());
    let (customer, agent) = (read(files.0)?, files.1.map_or(Ok(by_the_line), read)?);
    for tone in [BEFORE, whispered].into_iter().filter(|tone| who == "coach" || *tone != BEFORE) {
        let levels = customer.tones(f64::from(tone), &[f64::from(openly)]);
        levels.unheard(&[]).map_err(|what| format!("the customer hears {tone} Hz: {what}"))?;
    }
    let heard = |tone: u32| {
        let mut levels = agent.levels(f64::from(tone));
        levels.0.retain(|level| *level > LEVEL - 20.0);
        levels
    };
    let (whispered, openly) = (heard(whispered), heard(openly));
    for (what, levels) in [("whisper", &whispered), ("open speech", &openly)] {
        if levels.0.len() < 120 {
            return Err(format!("the agent hears {}0 ms of the {what}", levels.0.len()));
        }
    }
    let differ = whispered.median() - openly.median();
    if differ.abs() > ALIKE { Err(format!("the whisper is {differ:.1} dB louder than open speech")) } else { Ok(()) }
}

/// Each at the agent and at the coach, several calls at a time.
fn each(stage: &Stage, room: &str, asked_for: &[Linear]) -> Outcome {
    let switch = stage.switch()?;
    let mut wrong = Vec::new();
    for (n, linear) in asked_for.iter().copied().enumerate() {
        thread::scope(|scope| {
            let runs = ["agent", "coach"].map(|who| {
                let room = format!("{room}-{n}-{who}");
                (who, scope.spawn(move || asks(switch, &room, who, linear)))
            });
            for (who, run) in runs {
                let outcome = run.join().unwrap_or_else(|_| Err("it panicked".into()));
                wrong.extend(outcome.err().map(|what| format!("{linear:?} at the {who}: {what}")));
            }
        });
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A re-INVITE of the phone's: FreeSWITCH's own (`uuid_media_reneg`) offers no other rate of L16.
pub fn linear_legs_change_their_rate_in_mid_call(stage: &Stage, room: &str) -> Outcome {
    each(stage, room, &ASKED_FOR)
}
