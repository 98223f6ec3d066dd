//! Promise 4 in rooms that the engine mixes, where no two frames are of one length: who speaks, the tick, and who hears have clocks that are
//! steady and sizes that have little in common.

use super::steady_clocks::{AMPLITUDE, SECOND, TONE, one_tone};
use crate::support::{Engine, Format};
use std::f64::consts::TAU;

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
