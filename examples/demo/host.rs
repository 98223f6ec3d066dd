//! The host: one thread that plays a call in ticks of 20 ms, as a switch's conference does, with Coach in its frame hooks.

use crate::{
    coach::{Engine, Event, Library, Member},
    mixer::Mixer,
    scenario::{MixedBy, Party, Scenario, TICKS, seconds},
    speech::Track,
};
use std::time::Duration;

/// For whom a frame was, by Coach's events until then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Everyone in the room may hear it, or its speaker was in no room.
    Open,
    /// Private, and this listener may hear it.
    Whispered,
    /// Private, and not for this listener.
    Withheld,
}

/// Something that happened in a call.
pub struct Entry {
    pub tick: usize,
    pub what: String,
    /// A command's answer; none where a party came or went.
    pub reply: Option<String>,
    pub events: Vec<String>,
}

/// A tick that has just been played.
pub struct Moment<'a> {
    pub tick: usize,
    /// What happened before its audio.
    pub entries: &'a [Entry],
    /// By party: in the room.
    pub present: Vec<bool>,
    /// By party: what it said was private.
    pub private: Vec<bool>,
}

/// What a call left behind.
pub struct Recording {
    /// By party: what it heard, in its own rate.
    pub heard: Vec<Vec<i16>>,
    /// By speaker, listener and tick.
    pub fate: Vec<Vec<Vec<Fate>>>,
    pub log: Vec<Entry>,
}

/// Plays a call in which the parties say `speech`. `each_tick` is told what has just happened, and sets the pace.
pub fn play(
    library: &Library,
    scenario: &Scenario,
    speech: &[Track],
    each_tick: &mut dyn FnMut(&Moment),
) -> Result<Recording, String> {
    let mut call = Call::new(library, scenario)?;
    let mut frames: Vec<Vec<i16>> = speech.iter().map(|track| vec![0; track.frame_size()]).collect();
    for tick in 0..scenario.ticks {
        let before = call.log.len();
        call.happenings(tick)?;
        call.audio(tick, speech, &mut frames).map_err(|e| format!("{:.2} s: a hook failed: {e}", seconds(tick)))?;
        call.engine.service(Duration::from_millis(20 * (tick as u64 + 1)))?;
        each_tick(&Moment {
            tick,
            entries: &call.log[before..],
            present: call.members.iter().map(Option::is_some).collect(),
            private: call.fate.iter().map(|to| to.iter().any(|fate| fate[tick] != Fate::Open)).collect(),
        });
    }
    Ok(Recording { heard: call.heard, fate: call.fate, log: call.log })
}

struct Call<'a> {
    engine: Engine<'a>,
    scenario: &'a Scenario,
    mixer: Mixer,
    members: Vec<Option<Member>>,
    audiences: Vec<Audience>,
    started: bool,
    ended: bool,
    heard: Vec<Vec<i16>>,
    fate: Vec<Vec<Vec<Fate>>>,
    log: Vec<Entry>,
}

impl<'a> Call<'a> {
    fn new(library: &'a Library, scenario: &'a Scenario) -> Result<Self, String> {
        let parties = scenario.parties.len();
        let rates: Vec<u32> = scenario.parties.iter().map(|p| p.speech.rate).collect();
        Ok(Self {
            engine: Engine::new(library, &scenario.room, scenario.mixer, scenario.mix_rate)
                .map_err(|e| format!("{}: room: {e}", scenario.place))?,
            scenario,
            mixer: Mixer::new(&rates),
            members: vec![None; parties],
            audiences: vec![Audience::default(); parties],
            started: false,
            ended: false,
            heard: vec![Vec::new(); parties],
            fate: vec![vec![Vec::new(); parties]; parties],
            log: Vec::new(),
        })
    }

    /// Parties come and go, then commands run.
    fn happenings(&mut self, tick: usize) -> Result<(), String> {
        let scenario = self.scenario;
        for (n, party) in scenario.parties.iter().enumerate() {
            if party.leaves == Some(tick) {
                self.leave(n, party, tick)?;
            }
            if party.joins == tick && !self.ended {
                let joined = self.engine.join(party);
                let wrong = |e| format!("{}: {} cannot join: {e}", party.place, party.name);
                self.members[n] = Some(joined.map_err(wrong)?);
                self.started |= party.starts;
                self.note(tick, format!("{} joins{}", party.name, attributes(party)), None);
            }
        }
        for command in scenario.commands.iter().filter(|command| command.tick == tick) {
            let reply = self.engine.command(&command.run).map_err(|e| format!("{}: {e}", command.place))?;
            if !reply.starts_with("+OK") {
                let at = seconds(tick);
                return Err(format!("{}: at {at:.2} s: coach {}\n  {reply}", command.place, command.run));
            }
            self.note(tick, format!("coach {}", command.run), Some(reply));
        }
        Ok(())
    }

    fn leave(&mut self, n: usize, party: &Party, tick: usize) -> Result<(), String> {
        let Some(member) = self.members[n].take() else { return Ok(()) };
        self.engine.leave(member)?;
        self.note(tick, format!("{} leaves", party.name), None);
        if party.ends {
            // In a host-mixed room that is the host's to do; in an engine-mixed one the others are outside already.
            for member in self.members.iter_mut().filter_map(Option::take) {
                self.engine.leave(member)?;
            }
            self.ended = true;
            self.note(tick, "the conference ends".into(), None);
        }
        Ok(())
    }

    fn note(&mut self, tick: usize, what: String, reply: Option<String>) {
        let events = self.engine.take_events();
        for event in &events {
            self.follow(event, tick);
        }
        self.log.push(Entry { tick, what, reply, events: events.into_iter().map(|event| event.text).collect() });
    }

    /// Keeps who hears a member as the event tells it.
    fn follow(&mut self, event: &Event, tick: usize) {
        let party = |number: u32| self.scenario.parties.iter().position(|p| p.number == number);
        if let Some(speaker) = party(event.number) {
            let listeners = event.heard_by.iter().filter_map(|&number| party(number)).collect();
            let opens = tick + event.opens_in_ms as usize * TICKS / 1000;
            self.audiences[speaker].change(event.private, listeners, tick, opens);
        }
    }

    /// One tick of audio: all that is said is read, mixed, and written to those that listen.
    fn audio(&mut self, tick: usize, speech: &[Track], frames: &mut [Vec<i16>]) -> Result<(), String> {
        let host_mixes = self.scenario.mixer == MixedBy::Host;
        for (speaker, frame) in frames.iter_mut().enumerate() {
            frame.fill(0);
            if let Some(member) = self.members[speaker] {
                frame.copy_from_slice(speech[speaker].frame(tick));
                self.engine.read(member, frame, speech[speaker].rate)?;
            }
            if host_mixes {
                self.mixer.take(speaker, frame);
            }
            for (listener, fate) in self.fate[speaker].iter_mut().enumerate() {
                fate.push(self.audiences[speaker].fate(listener, tick));
            }
        }
        if !host_mixes {
            self.engine.tick()?;
        }
        for (listener, frame) in frames.iter_mut().enumerate() {
            frame.fill(0);
            if let Some(member) = self.members[listener] {
                if host_mixes {
                    self.mixer.mix(listener, frame);
                }
                self.engine.write(member, frame, speech[listener].rate)?;
                // Whoever comes before the first that starts the conference waits; the engine does that itself.
                if host_mixes && !self.started {
                    frame.fill(0);
                }
            }
            self.heard[listener].extend_from_slice(frame);
        }
        Ok(())
    }
}

/// Who hears a speaker. While a wider audience waits for its opening guard, only those hear it who are in both.
#[derive(Clone, Default)]
struct Audience {
    private: bool,
    now: Vec<usize>,
    next: Vec<usize>,
    opens: usize,
}

impl Audience {
    fn change(&mut self, private: bool, listeners: Vec<usize>, tick: usize, opens: usize) {
        let before = std::mem::take(&mut self.next);
        if tick >= self.opens {
            self.now = before;
        }
        self.now.retain(|listener| listeners.contains(listener));
        *self = Self { private, now: std::mem::take(&mut self.now), next: listeners, opens };
    }

    fn fate(&self, listener: usize, tick: usize) -> Fate {
        let guarded = tick < self.opens;
        let listeners = if guarded { &self.now } else { &self.next };
        match listeners.contains(&listener) {
            _ if !self.private && !guarded => Fate::Open,
            true => Fate::Whispered,
            false => Fate::Withheld,
        }
    }
}

fn attributes(party: &Party) -> String {
    let mut text = String::new();
    if !party.tags.is_empty() {
        text += &format!(", memberTag {}", party.tags);
    }
    if let Some(tags) = &party.speak_only_to {
        text += &format!(", speakOnlyTo {tags}");
    }
    text
}
