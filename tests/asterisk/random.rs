//! Random commands, compared with a second implementation of the rule, and many calls at the same time.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    pbx::{Pbx, Setup},
};
use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

/// Small random numbers; another sequence each time, or that of COACH_SEED. A failure tells the seed.
struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    fn new() -> Self {
        let given = std::env::var("COACH_SEED").map(|seed| seed.parse().expect("COACH_SEED is a number"));
        let seed = given.unwrap_or_else(|_| RandomState::new().hash_one(0)) | 1;
        Self { seed, state: seed }
    }

    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as usize % end
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with COACH_SEED={} the same commands come", self.seed);
        }
    }
}

/// What the oracle knows of a member.
#[derive(Debug, Default, Clone)]
struct Known {
    tags: Vec<&'static str>,
    /// Whom it speaks to; open without.
    speaks_to: Option<Vec<&'static str>>,
    muted: bool,
}

/// The rule, in one line.
fn hears(listener: &Known, speaker: &Known) -> bool {
    !speaker.muted && speaker.speaks_to.as_ref().is_none_or(|to| to.iter().any(|tag| listener.tags.contains(tag)))
}

const TAGS: [&[&str]; 4] = [&["red"], &["blue"], &["red", "blue"], &["green"]];

/// For 60 s, commands come in bunches; after each, everybody hears exactly whom the rule says.
pub fn oracle(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "oracle");
    let members: Vec<Member> = (0..5).map(|n| c.join(&format!("member_{n}"), CUSTOMER)).collect();
    let (mut known, mut dice, end) = (vec![Known::default(); 5], Dice::new(), Instant::now() + Duration::from_secs(60));
    while Instant::now() < end {
        for _ in 0..=dice.below(4) {
            let (who, tags) = (dice.below(5), TAGS[dice.below(TAGS.len())]);
            let (member, is) = (&members[who], &mut known[who]);
            match dice.below(6) {
                0 | 1 => {
                    c.coach("tag", member, &tags.join(","));
                    is.tags = tags.to_vec();
                }
                2 => {
                    c.coach("untag", member, "");
                    is.tags.clear();
                }
                3 => {
                    c.coach("coach", member, &tags.join(","));
                    is.speaks_to = Some(tags.to_vec());
                }
                4 => {
                    c.coach("uncoach", member, "");
                    is.speaks_to = None;
                }
                _ => {
                    is.muted = !is.muted;
                    c.confbridge(if is.muted { "mute" } else { "unmute" }, member);
                    if !is.muted {
                        // The mixer has used up what it had in reserve.
                        member.line.cushion();
                    }
                }
            }
        }
        let heard = |listener: usize| -> Vec<&Member> {
            (0..5).filter(|&n| n != listener && hears(&known[listener], &known[n])).map(|n| &members[n]).collect()
        };
        let all: Vec<Vec<&Member>> = (0..5).map(heard).collect();
        let who: Vec<(&Member, &[&Member])> =
            members.iter().zip(&all).map(|(m, heard)| (m, heard.as_slice())).collect();
        c.hears(&who);
    }
}

/// 50 calls at once for a minute, with random roles, that come and go and change: nothing breaks, nothing is left.
pub fn many() {
    let pbx = Pbx::start("many", Setup::default());
    let mut still = Conference::new(&pbx, "still");
    // While so many calls are there, voices have gaps, which sound at every frequency: this agent has none.
    let (customer, agent, manager) =
        (still.join("customer", CUSTOMER), still.enter("agent", AGENT), still.join("manager", MANAGER));
    let mut dice = Dice::new();
    let mut rooms: Vec<Conference> = (0..5).map(|n| Conference::new(&pbx, &format!("room_{n}"))).collect();
    let mut calls: Vec<(usize, Member)> = Vec::new();
    let (mut made, end) = (0, Instant::now() + Duration::from_secs(60));
    while Instant::now() < end {
        while calls.len() < 47 {
            let (at, role) =
                (dice.below(5), [CUSTOMER, AGENT, MANAGER, Role { user: "jitter_buffer", ..MANAGER }][dice.below(4)]);
            made += 1;
            calls.push((at, rooms[at].call(&format!("call_{made}"), role, 400.0 + 50.0 * dice.below(50) as f64)));
        }
        let which = dice.below(calls.len());
        let (at, member) = &calls[which];
        let room = &mut rooms[*at];
        // It may have gone, or not come yet: any answer is right, as long as there is one.
        let command = ["tag * agent", "untag *", "coach * agent", "coach * -", "uncoach *", "explain *"][dice.below(6)];
        let (word, rest) = command.split_once(" *").expect("there is a star in it");
        let said = room.manager.command(&format!("coach {word} {} {}{rest}", room.room, member.id));
        assert!(said.starts_with("+OK") || said.starts_with("-ERR"), "{command}: {said}");
        if dice.below(4) == 0 {
            let (at, member) = calls.swap_remove(which);
            if let Some(channel) = rooms[at].channel(&member) {
                rooms[at].manager.action("Hangup", &[("Channel", &channel)]);
            }
        }
        seconds(0.05);
    }
    // In all this, a call that nobody touches is what it was.
    still.judge_last(&agent, 1.0, manager.tone, true).expect("the agent hears the manager");
    still.never_heard(&customer, &manager);
    drop(rooms);
    agent.speak();
    still.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    drop(still);
    let mut control = pbx.manager();
    // Word of who has left comes a little after.
    for (command, empty) in [("core show channels", "0 active channels"), ("coach rooms", "+OK 0 rooms")] {
        let end = Instant::now() + Duration::from_secs(60);
        while !control.command(command).contains(empty) {
            assert!(Instant::now() < end, "something is left: {}", control.command(command));
            seconds(0.1);
        }
    }
    pbx.console("module unload res_coach.so");
    let show = control.command("module show like res_coach");
    assert!(show.contains("0 modules loaded"), "no hook holds the module: {show}");
    assert!(pbx.stop().success(), "Asterisk ends well");
}
