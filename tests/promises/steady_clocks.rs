//! Promise 4 with clocks that are steady: whatever the rates, the sizes of frames and their phase, private speech begins as soon as it can, and
//! goes on without a gap.

use crate::support::{Engine, Format, signal::mix};
use std::f64::consts::TAU;

/// All that hooks take. Streams are kept at the first nine.
const RATES: [u32; 12] =
    [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];

/// What all samples of all rates are whole numbers of.
pub const SECOND: u64 = 28_224_000;
const MS: f64 = SECOND as f64 / 1_000.0;
/// Hz, and the amplitude, of what is said.
pub const TONE: f64 = 100.0;
pub const AMPLITUDE: f64 = 8_000.0;

/// One who says frames of so many samples, one who hears frames of so many, the first of them `phase` after the first that is said.
#[derive(Debug)]
struct Clocks {
    from: Format,
    to: Format,
    packet: u64,
    frame: u64,
    phase: u64,
}

fn common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common(b, a % b) }
}

impl Clocks {
    /// From a rate at which streams are kept to any other; nothing is shorter than what a stream gathers.
    fn draw(seed: u64) -> Option<Self> {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = mix(state.wrapping_add(0x9e37));
            state % below
        };
        let mut format = |rates: u64| Format { rate: RATES[draw(rates) as usize], channels: 1 + draw(2) as u32 };
        let (from, to) = (format(9), format(RATES.len() as u64));
        let mut samples = |rate: u32| {
            let usual = [2.5, 4.0, 5.0, 10.0, 20.0, 30.0, 40.0, 60.0];
            let odd = draw(3) == 0;
            let ms = if odd { 2.1 + draw(5_700) as f64 / 100.0 } else { usual[draw(8) as usize] };
            (ms * f64::from(rate) / 1_000.0).ceil() as u64
        };
        let (packet, frame) = (samples(from.rate), samples(to.rate));
        let longest = |samples: u64, format: Format| samples * 1_000 <= 60 * u64::from(format.rate);
        let phase = draw(frame * (SECOND / u64::from(to.rate)));
        let fit = from.rate != to.rate && longest(packet, from) && longest(frame, to);
        fit.then_some(Self { from, to, packet, frame, phase })
    }

    /// A second and a half of a tone, once the conversion is there: what is wrong with it.
    fn play(&self) -> Result<(), String> {
        let Self { from, to, phase, .. } = *self;
        let engine = Engine::with_guard(0);
        let room = engine.host_room("sales");
        let (speaker, listener) = (engine.attach("one", "", Some("agent")), engine.attach("two", "agent", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        for _ in 0..12 {
            engine.service();
            speaker.read(from, &mut from.silence(20));
            listener.write(to, &mut to.silence(20));
        }
        speaker.uncoach().expect("open");
        speaker.read(from, &mut from.silence(20));
        (0..15).for_each(|_| _ = listener.write(to, &mut to.silence(20)));
        speaker.coach("agent").expect("private");
        let before = engine.stats();
        let (packet, frame) =
            (self.packet * (SECOND / u64::from(from.rate)), self.frame * (SECOND / u64::from(to.rate)));
        let need = packet + frame - common(packet, frame);
        let (mut packets, mut begin, mut heard) = (0, None, Vec::new());
        for frames in 0.. {
            let now = phase + frames * frame;
            if now > SECOND * 3 / 2 {
                break;
            }
            while packets * packet <= now {
                let said = (packets * self.packet..(packets + 1) * self.packet).flat_map(|sample| {
                    let turns = TONE * sample as f64 / f64::from(from.rate);
                    std::iter::repeat_n((AMPLITUDE * (TAU * turns).cos()).round() as i16, from.channels as usize)
                });
                speaker.read(from, &mut said.collect::<Vec<_>>());
                packets += 1;
            }
            begin = begin.or((packets * packet >= need).then_some(heard.len()));
            let mut out = vec![0; self.frame as usize * to.channels as usize];
            listener.write(to, &mut out);
            heard.extend(out.chunks_exact(to.channels as usize).map(|group| group[0]));
        }
        let after = engine.stats();
        let lost = [after.underruns - before.underruns, after.skips - before.skips];
        if lost != [0, 0] {
            return Err(format!("{lost:?} underruns and skips"));
        }
        let first = heard.iter().position(|sample| sample.unsigned_abs() > 60).ok_or("nothing is heard")?;
        // Half of 64 taps at the lower rate, and a little for the first sample to rise above what counts as silence.
        let filter = 34.0 / f64::from(from.rate.min(to.rate)) + 0.0012;
        let late = (first as f64 - begin.ok_or("it never has to begin")? as f64) / f64::from(to.rate);
        if late > filter {
            return Err(format!("{:.2} ms late, {:.2} at most are right", late * 1e3, filter * 1e3));
        }
        one_tone(&heard[first..], to).map_err(|error| format!("{error} off the tone"))
    }
}

/// Behind the first fade it is one tone to the end; else how far off it is.
pub fn one_tone(heard: &[i16], to: Format) -> Result<(), f64> {
    let angle = |sample: usize| TAU * TONE * sample as f64 / f64::from(to.rate);
    let tail = heard.len() - to.samples(200);
    let turned = |turn: fn(f64) -> f64| {
        let part = heard.iter().enumerate().skip(tail);
        part.map(|(sample, value)| f64::from(*value) * turn(angle(sample))).sum::<f64>()
    };
    let phase = turned(f64::sin).atan2(turned(f64::cos));
    let error = |(sample, value): (usize, &i16)| (f64::from(*value) - AMPLITUDE * (angle(sample) - phase).cos()).abs();
    let worst = heard.iter().enumerate().skip(to.samples(12)).map(error).fold(0.0, f64::max);
    if worst < 200.0 { Ok(()) } else { Err(worst) }
}

#[test]
fn private_speech_begins_in_time_and_never_runs_dry() {
    let mut tried = 0;
    for seed in 1..400 {
        let Some(clocks) = Clocks::draw(seed) else { continue };
        clocks
            .play()
            .unwrap_or_else(|wrong| panic!("{wrong}: seed {seed}, {clocks:?}, {:.2} ms", clocks.phase as f64 / MS));
        tried += 1;
    }
    assert!(tried > 300, "{tried} were tried");
}

/// Frames of more samples than the hook fills at a time are one frame still: what it takes at a time has to be there before it begins.
#[test]
fn frames_that_are_filled_in_parts_never_run_dry() {
    for (packet, frame, rate, channels) in
        [(960, 11_520, 192_000, 2), (960, 5_760, 96_000, 2), (240, 10_000, 192_000, 1), (960, 6_000, 192_000, 3)]
    {
        let (from, to) = (Format::mono(48_000), Format { rate, channels });
        for phase in [0, SECOND / 1_000, SECOND / 97] {
            let clocks = Clocks { from, to, packet, frame, phase };
            clocks.play().unwrap_or_else(|wrong| panic!("{wrong}: {clocks:?}"));
        }
    }
}
