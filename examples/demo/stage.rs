//! A call on a real switch, by the clock: a SIP phone for each party, which says what the scenario says, and records what it hears.

use crate::{
    host::{Entry, Fate, Moment, Recording},
    phone::{Call, Phone},
    scenario::{self, Party, Scenario, TICKS, seconds},
    speech::write_wav,
};
use std::{path::Path, thread::sleep, time::Duration, time::Instant};

/// How phones come into a conference, and commands to it.
pub trait Conference {
    /// The address that a party's phone dials.
    fn address(&self, party: &Party) -> String;

    /// What commands call a party that has just come, once it is in the conference; none yet: it is asked again. `known`: those that
    /// were there before.
    fn newcomer(&mut self, party: &Party, known: &[&str]) -> Result<Option<String>, String>;

    /// Gives a command; `called`: what commands call a party. What was done, and the answer.
    fn command(
        &mut self,
        command: &scenario::Command,
        called: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(String, String), String>;
}

/// Plays the call. `rehearsal` is the same call without a clock: it says what is private when. `each_tick` sets the pace.
pub fn play(
    scenario: &Scenario,
    rehearsal: &Recording,
    folder: &Path,
    conference: &mut dyn Conference,
    each_tick: &mut dyn FnMut(&Moment),
) -> Result<Recording, String> {
    let parties = scenario.parties.iter().map(|_| None).collect();
    let mut stage = Stage { scenario, folder, conference, parties, log: Vec::new() };
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
    stage.end(rehearsal)
}

/// A party in the call.
struct Present<'a> {
    party: &'a Party,
    phone: Phone,
    /// What commands call it.
    called: String,
    /// When it began to speak: the call's tick, and how much the phone had heard by then.
    since: Option<(usize, f64)>,
}

struct Stage<'a> {
    scenario: &'a Scenario,
    folder: &'a Path,
    conference: &'a mut dyn Conference,
    parties: Vec<Option<Present<'a>>>,
    log: Vec<Entry>,
}

impl Stage<'_> {
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
            let parties = &self.parties;
            let called = |name: &str| {
                parties
                    .iter()
                    .flatten()
                    .find(|present| present.party.name == name)
                    .map(|present| present.called.clone())
            };
            let wrong = |said: String| format!("{}: at {:.2} s: {said}", command.place, seconds(tick));
            let (what, reply) = self.conference.command(command, &called).map_err(wrong)?;
            self.log.push(Entry { tick, what, reply: Some(reply), events: Vec::new() });
        }
        Ok(())
    }

    /// Has somebody call in, silent for now.
    fn join(&mut self, n: usize, tick: usize) -> Result<(), String> {
        let party = &self.scenario.parties[n];
        let silence = self.folder.join("silence.wav");
        write_wav(&silence, party.speech.rate, &vec![0; party.speech.rate as usize * 60])?;
        let uri = self.conference.address(party);
        let codec = format!("L16/{}/1", party.speech.rate);
        let call = Call { uri: &uri, says: &silence, codec: &codec, packet_ms: 20 };
        let phone = Phone::call(&self.folder.join("phones").join(&party.name), call)
            .map_err(|e| format!("{} cannot call in: {e}", party.name))?;
        let called = self.newcomer(party)?;
        self.log.push(Entry { tick, what: format!("{} joins", party.name), reply: None, events: Vec::new() });
        self.parties[n] = Some(Present { party, phone, called, since: None });
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

    /// What commands call a party whose phone has just called.
    fn newcomer(&mut self, party: &Party) -> Result<String, String> {
        let known: Vec<&str> = self.parties.iter().flatten().map(|present| present.called.as_str()).collect();
        for _ in 0..200 {
            if let Some(called) = self.conference.newcomer(party, &known)? {
                return Ok(called);
            }
            sleep(Duration::from_millis(20));
        }
        Err(format!("{}'s phone calls, but is in no conference after 4 s", party.name))
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
