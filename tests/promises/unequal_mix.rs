//! Promise 4 in rooms that the engine mixes, where no two frames are of one length: who speaks, the tick, and who hears have clocks that are
//! steady and sizes that have little in common.

use super::steady_clocks::{AMPLITUDE, SECOND, TONE, one_tone};
use crate::support::{Engine, Format, signal::mix};
use std::{collections::HashMap, f64::consts::TAU};

/// Something that happens at even intervals.
struct Clock {
    interval: u64,
    next: u64,
}

impl Clock {
    /// Every so many samples of a rate, from `phase` on.
    fn new(samples: u64, rate: u32, phase: u64) -> Self {
        Self { interval: samples * (SECOND / u64::from(rate)), next: phase }
    }

    /// Whether it is time.
    fn due(&mut self, now: u64) -> bool {
        let due = self.next == now;
        self.next += if due { self.interval } else { 0 };
        due
    }
}

/// Rates and samples of who speaks and of who hears, rate of the room in between and its tick.
type Path = ((u32, u64), (u32, u32), (u32, u64));

/// A tone goes that way for so many seconds: what is wrong with it.
fn tone_through(((from, packet), (room, tick_ms), (to, frame)): Path, seconds: u64) -> Result<(), String> {
    let (from, to) = (Format::mono(from), Format::mono(to));
    let engine = Engine::new();
    let mixed = engine.engine_room("sales", Format::mono(room), tick_ms);
    let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
    speaker.join(&mixed, 1).expect("enters");
    listener.join(&mixed, 2).expect("enters");
    let mut says = Clock::new(packet, from.rate, 0);
    let mut ticks = Clock::new(u64::from(tick_ms), 1_000, SECOND / 1_000);
    let mut hears = Clock::new(frame, to.rate, SECOND / 500);
    let (mut said, mut heard, mut now) = (0, Vec::new(), 0);
    let (mut begun, mut before) = (None, engine.stats());
    while now < seconds * SECOND {
        if says.due(now) {
            let sample = |at: u64| (AMPLITUDE * (TAU * TONE * at as f64 / f64::from(from.rate)).cos()).round() as i16;
            speaker.read(from, &mut (said..said + packet).map(sample).collect::<Vec<_>>());
            said += packet;
        }
        if ticks.due(now) {
            engine.service();
            mixed.tick();
        }
        if hears.due(now) {
            let mut out = vec![0; frame as usize];
            listener.write(to, &mut out);
            heard.extend(out);
        }
        // By then the conversions are there.
        if begun.is_none() && now > SECOND / 2 {
            (begun, before) = (Some(heard.len()), engine.stats());
        }
        now = says.next.min(ticks.next).min(hears.next);
    }
    let after = engine.stats();
    let lost = [after.underruns - before.underruns, after.skips - before.skips, after.skipped_ms - before.skipped_ms];
    if lost != [0; 3] {
        return Err(format!("{lost:?} underruns, skips and ms skipped"));
    }
    one_tone(&heard[begun.expect("it lasts longer")..], to).map_err(|error| format!("{error} off the tone"))
}

#[test]
fn a_rate_and_a_frame_that_fit_nothing_lose_nothing_in_20_seconds() {
    for room in [8_000, 16_000, 44_100, 48_000] {
        let path = ((44_100, 161), (room, 60), (8_000, 160));
        tone_through(path, 20).unwrap_or_else(|wrong| panic!("{path:?}: {wrong}"));
    }
}

#[test]
fn frames_of_odd_sizes_are_heard_whole_through_a_room_of_any_rate() {
    let speakers = [(44_100, 161), (8_000, 7), (16_000, 1_000 - 41), (48_000, 31), (22_050, 441), (11_025, 5)];
    let listeners = [(8_000, 160), (44_100, 13), (48_000, 2_879), (16_000, 3), (11_025, 551), (96_000, 1_001)];
    let rooms = [(8_000, 20), (16_000, 10), (44_100, 60), (48_000, 30)];
    for (index, from) in speakers.into_iter().enumerate() {
        for (other, to) in listeners.into_iter().enumerate() {
            let path = (from, rooms[(index + other) % rooms.len()], to);
            tone_through(path, 2).unwrap_or_else(|wrong| panic!("{path:?}: {wrong}"));
        }
    }
}

/// One of several in a room of one rate: frames of so many samples, and when the first of them comes.
#[derive(Debug)]
struct Party {
    packet: u64,
    frame: u64,
    phases: [u64; 2],
    tagged: bool,
    private: bool,
}

/// What is said is one bit of each sample, another for everybody; so what is heard tells each voice from the others.
#[derive(Debug)]
struct Scene {
    rate: u32,
    tick_ms: u32,
    parties: Vec<Party>,
    /// When somebody turns private, or open again: in samples, each once the last is heard.
    turns: Vec<(u64, usize)>,
}

/// A sample as one listener has to hear it: when it was said, and what.
type Said = Vec<(u64, bool)>;

/// Bits that say where something is.
const KEY: usize = 64;

fn key(mut bits: impl Iterator<Item = bool>) -> Option<u64> {
    (0..KEY).try_fold(0, |key, _| Some(key << 1 | u64::from(bits.next()?)))
}

impl Scene {
    fn draw(seed: u64) -> Self {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = mix(state.wrapping_add(0x9e37));
            state % below
        };
        let rate = [8_000, 16_000, 44_100, 48_000][draw(4) as usize];
        let ms = |ms: u64| ms * u64::from(rate) / 1_000;
        let parties = (0..2 + draw(4))
            .map(|_| {
                let mut size = || if draw(2) == 0 { ms(10 * (1 + draw(6))) } else { ms(10) + draw(ms(50)) };
                let (packet, frame) = (size(), size());
                let phases = [draw(packet), draw(frame)];
                Party { packet, frame, phases, tagged: draw(2) == 0, private: draw(3) == 0 }
            })
            .collect::<Vec<_>>();
        let turns = (1..4).map(|turn| (ms(turn * 800 + draw(100)), draw(parties.len() as u64) as usize)).collect();
        Self { rate, tick_ms: 10 * (1 + draw(6) as u32), parties, turns }
    }

    fn play(&self) -> Result<(), String> {
        let format = Format::mono(self.rate);
        let engine = Engine::with_guard(0);
        let room = engine.engine_room("sales", format, self.tick_ms);
        let members: Vec<_> = (1..)
            .zip(&self.parties)
            .map(|(number, party)| {
                let (tags, to) = (if party.tagged { "agent" } else { "" }, party.private.then_some("agent"));
                let member = engine.attach(&format!("call-{number}"), tags, to);
                member.join(&room, number).expect("enters");
                member
            })
            .collect();
        let count = self.parties.len();
        let mut private: Vec<bool> = self.parties.iter().map(|party| party.private).collect();
        let mut said: Vec<Vec<Said>> = vec![vec![Said::new(); count]; count];
        let mut heard: Vec<Vec<i16>> = vec![Vec::new(); count];
        let mut turns = self.turns.iter().peekable();
        let tick = format.samples(self.tick_ms) as u64;
        for now in 0..u64::from(self.rate) * 4 {
            if let Some((_, who)) = turns.next_if(|turn| turn.0 == now) {
                private[*who] ^= true;
                let done = if private[*who] { members[*who].coach("agent") } else { members[*who].uncoach() };
                done.expect("it turns");
            }
            for (who, party) in self.parties.iter().enumerate() {
                if now >= party.phases[0] && (now - party.phases[0]).is_multiple_of(party.packet) {
                    let bit = |at: u64| mix(at ^ (who as u64) << 40) & 1;
                    let mut frame: Vec<i16> =
                        (now..now + party.packet).map(|at| (bit(at) as i16) << (3 * who)).collect();
                    members[who].read(format, &mut frame);
                    for (listener, said) in said.iter_mut().enumerate() {
                        if listener != who && (!private[who] || self.parties[listener].tagged) {
                            said[who].extend((now..now + party.packet).map(|at| (at, bit(at) == 1)));
                        }
                    }
                }
            }
            if now.is_multiple_of(tick) {
                room.tick();
            }
            for (who, party) in self.parties.iter().enumerate() {
                if now >= party.phases[1] && (now - party.phases[1]).is_multiple_of(party.frame) {
                    let mut frame = vec![0; party.frame as usize];
                    members[who].write(format, &mut frame);
                    heard[who].extend(frame);
                }
            }
        }
        let stats = engine.stats();
        if stats.skips > 0 {
            return Err(format!("{} ms are skipped", stats.skipped_ms));
        }
        for (listener, speaker) in (0..count).flat_map(|one| (0..count).map(move |other| (one, other))) {
            if listener != speaker {
                self.judge(&said[listener][speaker], &heard[listener], listener, speaker)
                    .map_err(|wrong| format!("{listener} hears {speaker}: {wrong}"))?;
            }
        }
        Ok(())
    }

    /// All that was to be heard is, in order, once, never later than sizes explain, and each stretch with one delay.
    fn judge(&self, said: &Said, heard: &[i16], listener: usize, speaker: usize) -> Result<(), String> {
        let fade = Format::mono(self.rate).fade();
        let tick = Format::mono(self.rate).samples(self.tick_ms) as u64;
        let (packet, frame) = (self.parties[speaker].packet, self.parties[listener].frame);
        // What is there before the mix begins, until the next tick; what is there before the listener does, until its next frame; and one more
        // for who turned private.
        let most = (packet + 2 * tick) + (tick + 2 * frame) + frame;
        // Where a voice begins or ends all are covered by its fade; and who turns open can be heard in the mix while the last of what was private is
        // still being played.
        let blurred = 2 * fade * self.parties.len() + (packet + tick + frame) as usize;
        let bits: Vec<bool> = heard.iter().map(|sample| sample >> (3 * speaker) & 1 == 1).collect();
        let (mut next, mut at, mut breaks) = (0, 0, 0);
        while next + KEY <= said.len() && at + KEY <= bits.len() {
            if breaks > 0 && said[next].1 == bits[at] {
                (next, at) = (next + 1, at + 1);
                continue;
            }
            // A fade, of this voice or of another, or of one that ends and begins again: behind it, it goes on.
            let places = next..(next + blurred).min(said.len() - KEY) + 1;
            let keys: HashMap<u64, usize> =
                places.rev().filter_map(|place| Some((key(said[place..].iter().map(|said| said.1))?, place))).collect();
            let goes_on =
                (at..bits.len() - KEY).find_map(|at| Some((*keys.get(&key(bits[at..].iter().copied())?)?, at)));
            let Some((found, place)) = goes_on else {
                let (left, seen) = (said.len() - next, said[next].0);
                return if left as u64 <= most + packet {
                    Ok(())
                } else {
                    Err(format!("what was said at {seen} is missing, and {left} samples more"))
                };
            };
            let delay = (self.parties[listener].phases[1] + place as u64).checked_sub(said[found].0);
            if delay.is_none_or(|delay| delay > most) {
                return Err(format!("{delay:?} samples late, {most} at most are right, at {place}"));
            }
            breaks += 1;
            if breaks > self.parties.len() + 2 * self.turns.len() {
                return Err(format!("more breaks than changes explain, the last at {place}"));
            }
            (next, at) = (found, place);
        }
        let left = (said.len() - next) as u64;
        if left > most + packet { Err(format!("the last {left} samples are missing")) } else { Ok(()) }
    }
}

#[test]
fn every_sample_is_heard_once_whatever_the_sizes_of_all() {
    for seed in 1..=150 {
        let scene = Scene::draw(seed);
        scene.play().unwrap_or_else(|wrong| panic!("{wrong}: seed {seed}, {scene:?}"));
    }
}
