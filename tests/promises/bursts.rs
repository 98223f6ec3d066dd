//! Promise 4 where frames come in bursts or not at all, and sizes and rates differ: what comes late is heard late and whole, the delay is what
//! the bursts of the last ten seconds explain, and a pause does not add to it.

use super::steady_clocks::{AMPLITUDE, TONE, one_tone};
use crate::support::{Engine, Format};
use std::f64::consts::TAU;

const WIDE: Format = Format::mono(16_000);

fn common(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common(b, a % b) }
}

/// Who speaks in packets of so many ms and who hears in frames of so many; in a room that the engine mixes, openly, with such ticks.
#[derive(Debug, Clone, Copy)]
struct Line {
    from: Format,
    packet_ms: u32,
    to: Format,
    frame_ms: u32,
    mixed: Option<(Format, u32)>,
}

/// What came of it.
struct Heard {
    samples: Vec<i16>,
    /// How much of it after the last packet, in ms.
    behind: f64,
    underruns: u64,
    skips: u64,
}

impl Line {
    /// A tone, of which `at_once` ms come at a time until `steady_from`, in ms, and one packet at a time after that, until `end`.
    fn play(&self, at_once: u32, steady_from: u32, end: u32) -> Heard {
        let engine = Engine::with_guard(0);
        let room = match self.mixed {
            Some((format, tick_ms)) => engine.engine_room("sales", format, tick_ms),
            None => engine.host_room("sales"),
        };
        let only_to = if self.mixed.is_some() { None } else { Some("agent") };
        let (speaker, listener) = (engine.attach("one", "", only_to), engine.attach("two", "agent", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        let (from, to) = (self.from, self.to);
        let (mut said, mut said_ms, mut heard, mut last) = (0, 0, Vec::new(), 0);
        // The formats are known, and the conversions there, before anything is said.
        for ms in (0..1_200).step_by(10) {
            engine.service();
            if ms < 600 && ms % self.packet_ms == 0 {
                speaker.read(from, &mut from.silence(self.packet_ms));
            }
            if self.mixed.is_some_and(|(_, tick_ms)| ms % tick_ms == 0) {
                room.tick();
            }
            if ms % self.frame_ms == 0 {
                listener.write(to, &mut to.silence(self.frame_ms));
            }
        }
        let before = engine.stats();
        let mut after = before;
        for ms in (0..end + 2_000).step_by(10) {
            engine.service();
            let every = if ms < steady_from { at_once } else { self.packet_ms };
            if ms < end && ms % every == 0 {
                while said_ms < ms + every {
                    let sample = |at: u64| (AMPLITUDE * (TAU * TONE * at as f64 / f64::from(from.rate)).cos()) as i16;
                    let count = from.samples(self.packet_ms) as u64;
                    speaker.read(from, &mut (said..said + count).map(sample).collect::<Vec<_>>());
                    (said, said_ms) = (said + count, said_ms + self.packet_ms);
                }
                last = heard.len();
                after = engine.stats();
            }
            if self.mixed.is_some_and(|(_, tick_ms)| ms % tick_ms == 0) {
                room.tick();
            }
            if ms % self.frame_ms == 0 {
                let mut frame = to.silence(self.frame_ms);
                listener.write(to, &mut frame);
                heard.extend(frame);
            }
        }
        let end = heard.iter().rposition(|sample| sample.unsigned_abs() > 300).map_or(0, |at| at + 1);
        let behind = 1_000.0 * end.saturating_sub(last) as f64 / f64::from(to.rate);
        let (underruns, skips) = (after.underruns - before.underruns, after.skips - before.skips);
        Heard { samples: heard[..end].to_vec(), behind, underruns, skips }
    }

    /// What may be queued of a burst before a frame: it, the frame that is due, one more, and where sizes differ a part of a packet (see
    /// `JitterPolicy::took`); in a mix the same once more for its ticks. A filter adds some ms.
    fn most(&self, burst: u32) -> f64 {
        let explained = |frame: u32, packet: u32| 2 * frame + packet - common(frame, packet);
        let (mut most, mut packet) = (burst, self.packet_ms);
        if let Some((_, tick_ms)) = self.mixed {
            most += explained(tick_ms, packet);
            packet = tick_ms;
        }
        f64::from(most + explained(self.frame_ms, packet)) + 10.0
    }
}

#[test]
fn bursts_are_heard_whole_whatever_the_sizes_and_rates_and_the_delay_falls_again() {
    let [narrow, odd] = [8_000, 44_100].map(Format::mono);
    let mut lines = Vec::new();
    for (packet_ms, frame_ms) in [(20, 20), (20, 30), (30, 20), (20, 60), (60, 20)] {
        for (from, to) in [(WIDE, WIDE), (narrow, WIDE), (odd, narrow)] {
            for mixed in [None, Some((WIDE, 20)), Some((WIDE, 60)), Some((narrow, 30))] {
                lines.push(Line { from, packet_ms, to, frame_ms, mixed });
            }
        }
    }
    for line in lines {
        for packets in [3, 5, 7] {
            let burst = packets * line.packet_ms;
            let what = format!("bursts of {burst} ms, {line:?}");
            let bursts = line.play(burst, u32::MAX, 12_000 / burst * burst);
            assert_eq!(bursts.skips, 0, "{what}: nothing is left out");
            assert!(bursts.underruns <= 2, "{what}: {} times dry", bursts.underruns);
            assert!(bursts.behind <= line.most(burst), "{what}: {} ms behind, {}", bursts.behind, line.most(burst));
            let tail = bursts.samples.len() - line.to.samples(9_000)..bursts.samples.len() - line.to.samples(20);
            one_tone(&bursts.samples[tail], line.to).unwrap_or_else(|off| panic!("{what}: {off} off the tone"));
        }
        let burst = 8 * line.packet_ms;
        let later = line.play(burst, 10 * burst, 10 * burst + 15_000);
        let most = line.most(line.packet_ms);
        assert!(later.behind <= most, "{line:?}: {} ms behind, {most} at most after ten seconds", later.behind);
    }
}
