//! The same call on a real switch: a stock Asterisk with res_coach.so, and a SIP phone for each party, by the clock.

#[path = "../../tests/switch/judge.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod judge;
#[path = "../../tests/asterisk/manager.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod manager;
#[path = "../../tests/asterisk/pbx.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pbx;
#[path = "../../tests/switch/phone.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod phone;
#[path = "../../tests/switch/ports.rs"]
mod ports;
#[path = "../../tests/switch/process.rs"]
mod process;

use crate::{
    host::{Entry, Fate, Moment, Recording},
    scenario::{Party, Scenario, TICKS, seconds},
    speech::write_wav,
};
use manager::Manager;
use pbx::{Pbx, Setup};
use phone::{Call, Phone};
use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// Plays the call. `rehearsal` is the same call without a clock: it says what is private when. `each_tick` sets the pace.
pub fn play(
    scenario: &Scenario,
    rehearsal: &Recording,
    folder: &Path,
    each_tick: &mut dyn FnMut(&Moment),
) -> Result<Recording, String> {
    process::keep_time();
    let pbx = Pbx::start("demo", Setup::default());
    let parties = scenario.parties.iter().map(|_| None).collect();
    let mut stage = Stage { scenario, folder, manager: pbx.manager(), pbx: &pbx, parties, log: Vec::new() };
    // Phones ring before the call begins.
    for party in (0..scenario.parties.len()).filter(|&party| scenario.parties[party].joins == 0) {
        stage.join(party, 0)?;
    }
    stage.speak(0)?;
    for tick in 0..scenario.ticks {
        let before = stage.log.len();
        stage.happenings(tick)?;
        each_tick(&Moment {
            tick,
            entries: &stage.log[before..],
            present: stage.parties.iter().map(Option::is_some).collect(),
            private: rehearsal.fate.iter().map(|to| to.iter().any(|fate| fate[tick] != Fate::Open)).collect(),
        });
    }
    let played = stage.end(rehearsal)?;
    drop(pbx);
    pbx::clean_up();
    Ok(played)
}

/// A party in the call.
struct Present<'a> {
    party: &'a Party,
    phone: Phone,
    /// Its channel's name.
    channel: String,
    /// When it began to speak: the call's tick, and how much the phone had heard by then.
    since: Option<(usize, f64)>,
}

struct Stage<'a> {
    scenario: &'a Scenario,
    folder: &'a Path,
    pbx: &'a Pbx,
    manager: Manager,
    parties: Vec<Option<Present<'a>>>,
    log: Vec<Entry>,
}

impl<'a> Stage<'a> {
    fn happenings(&mut self, tick: usize) -> Result<(), String> {
        let scenario = self.scenario;
        for (n, party) in scenario.parties.iter().enumerate() {
            if party.joins == tick && tick > 0 {
                let start = Instant::now();
                self.join(n, tick)?;
                // The call has gone on while the phone rang.
                self.speak(tick + start.elapsed().as_millis() as usize * TICKS / 1000)?;
            }
        }
        for command in scenario.commands.iter().filter(|command| command.tick == tick) {
            let reply = self.manager.command(&format!("coach {}", self.translated(&command.run)));
            if !reply.starts_with("+OK") {
                return Err(format!("{}: at {:.2} s: {reply}", command.place, seconds(tick)));
            }
            let what = format!("coach {}", command.run);
            self.log.push(Entry { tick, what, reply: Some(reply), events: Vec::new() });
        }
        Ok(())
    }

    /// Has somebody call in, silent for now.
    fn join(&mut self, n: usize, tick: usize) -> Result<(), String> {
        let party = &self.scenario.parties[n];
        let silence = self.folder.join("silence.wav");
        write_wav(&silence, party.speech.rate, &vec![0; party.speech.rate as usize * 60])?;
        let only_to = party.speak_only_to.as_deref().unwrap_or_default();
        let uri = self.pbx.sip_uri(&format!("{}*{}*{only_to}", self.scenario.room, party.tags));
        let codec = format!("L16/{}/1", party.speech.rate);
        let call = Call { uri: &uri, says: &silence, codec: &codec, packet_ms: 20 };
        let phone = Phone::call(&self.folder.join("phones").join(&party.name), call)
            .map_err(|e| format!("{} cannot call in: {e}", party.name))?;
        let channel = self.newcomer()?;
        self.log.push(Entry { tick, what: format!("{} joins", party.name), reply: None, events: Vec::new() });
        self.parties[n] = Some(Present { party, phone, channel, since: None });
        Ok(())
    }

    /// Has those who are silent yet say what they say in the call from a tick on.
    fn speak(&mut self, tick: usize) -> Result<(), String> {
        let mut new: Vec<_> = self.parties.iter_mut().flatten().filter(|present| present.since.is_none()).collect();
        let file = |party: &Party| self.folder.join(format!("said-by-{}.wav", party.name));
        for Present { party, .. } in &new {
            let speech = &party.speech;
            let samples: Vec<i16> = (tick..self.scenario.ticks).flat_map(|tick| speech.frame(tick)).copied().collect();
            write_wav(&file(party), speech.rate, &samples)?;
        }
        for present in &mut new {
            let wrong = |e: std::io::Error| format!("{}: {e}", present.party.name);
            present.phone.say(&file(present.party)).map_err(wrong)?;
            present.since = Some((tick, present.phone.clock().map_err(wrong)?));
        }
        Ok(())
    }

    /// The channel that is in the conference and was not there before.
    fn newcomer(&mut self) -> Result<String, String> {
        for _ in 0..200 {
            let list = self.manager.command(&format!("coach show {}", self.scenario.room));
            let channels = list.lines().skip(2).filter_map(|line| line.split_whitespace().nth(1));
            let known = |channel: &str| self.parties.iter().flatten().any(|party| party.channel == channel);
            if let Some(channel) = channels.into_iter().find(|channel| !known(channel)) {
                return Ok(channel.to_owned());
            }
            sleep(Duration::from_millis(20));
        }
        Err("a phone calls, but is in no conference after 4 s".into())
    }

    /// A command with the channels for the parties' names.
    fn translated(&self, command: &str) -> String {
        let word = |(at, word): (usize, &str)| {
            let called = |party: &&Present| at == 2 && party.party.name == word;
            self.parties.iter().flatten().find(called).map_or(word.to_owned(), |party| party.channel.clone())
        };
        command.split_whitespace().enumerate().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Everybody hangs up. What each heard, as long as the call, in its own rate.
    fn end(self, rehearsal: &Recording) -> Result<Recording, String> {
        let mut heard = Vec::new();
        for (party, present) in self.scenario.parties.iter().zip(self.parties) {
            let mut samples = vec![0; self.scenario.ticks * party.speech.frame_size()];
            if let Some(present) = present {
                let recording = present.phone.hang_up().map_err(|e| format!("{}: {e}", party.name))?;
                let (tick, clock) = present.since.unwrap_or_default();
                let part = recording.between(clock, f64::MAX).samples;
                let place = &mut samples[tick * party.speech.frame_size()..];
                place.iter_mut().zip(part).for_each(|(sample, heard)| *sample = heard);
            }
            heard.push(samples);
        }
        Ok(Recording { heard, fate: rehearsal.fate.clone(), log: self.log })
    }
}
