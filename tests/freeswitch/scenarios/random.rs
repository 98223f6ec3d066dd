//! A minute of random commands, against an oracle: who hears whom is worked out here, from the commands alone.

use std::{
    env,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    Stage,
    scene::{Outcome, Party, Scene},
};

const TAGS: [&str; 3] = ["agent", "boss", "night-shift"];
const NAMES: [&str; 4] = ["anna", "boris", "carla", "dora"];

/// A member, as the commands have left it. Sets of tags are masks over `TAGS`.
#[derive(Clone, Copy, Default, PartialEq)]
struct Member {
    tags: u64,
    speak_only_to: Option<u64>,
    muted: bool,
    deaf: bool,
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }
}

fn words(tags: u64) -> String {
    let words = TAGS.iter().enumerate().filter(|(n, _)| tags & 1 << n != 0);
    words.map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}

/// The oracle.
fn hears(members: &[Member], speaker: usize, listener: usize) -> bool {
    let (says, hears) = (members[speaker], members[listener]);
    speaker != listener && !says.muted && !hears.deaf && says.speak_only_to.is_none_or(|to| to & hears.tags != 0)
}

fn audience(members: &[Member], speaker: usize) -> Vec<&'static str> {
    (0..members.len()).filter(|&listener| hears(members, speaker, listener)).map(|listener| NAMES[listener]).collect()
}

/// Draws what happens to a member: what it is then, the command, and whether the command is mod_conference's.
fn draw(dice: &mut Dice, mut member: Member) -> (Member, String, bool) {
    match dice.below(10) {
        0..3 => {
            member.tags = dice.below(8);
            let command = if member.tags == 0 { "untag".into() } else { format!("tag {}", words(member.tags)) };
            (member, command, false)
        }
        3..6 => {
            let to = dice.below(8);
            member.speak_only_to = Some(to);
            (member, format!("coach {}", if to == 0 { "-".into() } else { words(to) }), false)
        }
        6..8 => {
            member.speak_only_to = None;
            (member, "uncoach".into(), false)
        }
        8 => {
            member.muted = !member.muted;
            (member, if member.muted { "mute" } else { "unmute" }.into(), true)
        }
        _ => {
            member.deaf = !member.deaf;
            (member, if member.deaf { "deaf" } else { "undeaf" }.into(), true)
        }
    }
}

pub fn a_minute_of_random_commands(stage: &Stage, room: &str) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(now);
    let mut log = Vec::new();
    let scene = stage.scene(room, "narrow")?;
    play(&scene, &mut Dice(seed), &mut log)
        .and_then(|()| scene.finish()?.judge())
        .map_err(|why| format!("{why}\nSEED={seed} plays this again:\n{}", log.join("\n")))
}

fn play(scene: &Scene, dice: &mut Dice, log: &mut Vec<String>) -> Outcome {
    let parties: Vec<Party> = NAMES.iter().map(|name| scene.call(name).silently().joins()).collect::<Outcome<_>>()?;
    let mut members = [Member::default(); NAMES.len()];
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        let whose = dice.below(NAMES.len() as u64) as usize;
        let mut next = members;
        let (member, command, conference) = draw(dice, members[whose]);
        next[whose] = member;
        let changed = |&speaker: &usize| {
            next[speaker].speak_only_to != members[speaker].speak_only_to
                || audience(&next, speaker) != audience(&members, speaker)
        };
        let speakers: Vec<usize> = (0..NAMES.len()).filter(changed).collect();
        log.push(format!("{:5.1} s: {command} of {}", scene.now(), NAMES[whose]));
        if conference {
            // No opening guard passes here: nothing may be on its way.
            speakers.iter().try_for_each(|&speaker| parties[speaker].hushes())?;
            scene.wait(0.3);
            parties[whose].conference(&command)?;
            scene.wait(0.2);
        } else {
            parties[whose].coach(&command)?;
        }
        members = next;
        for speaker in speakers {
            // Open speech is proved once; then there are more tones for private speech.
            let listeners = audience(&members, speaker);
            if scene.free_tone().is_some() {
                log.push(format!("         {} for {}", NAMES[speaker], listeners.join(" ")));
                parties[speaker].says(&listeners)?;
            } else {
                parties[speaker].hushes()?;
            }
        }
        scene.wait(1.0);
        for (speaker, party) in parties.iter().enumerate() {
            if members[speaker].speak_only_to.is_none() {
                party.hushes()?;
            }
        }
    }
    Ok(())
}
