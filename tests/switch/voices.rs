//! Tells a voice that is looked for from the edges of others.
//!
//! A voice that begins, ends or breaks off at once sounds at every frequency for as long as a window sees its edge. On linear legs that is
//! told by what is beside the tone. A codec makes noise of its own: there, the pieces between edges are fitted with everybody's tones as
//! well, by least squares, and what the others have of a piece is taken away.

use super::judge::{Levels, Probe, Recording, SILENCE, STEP_MS, UNHEARD, WINDOW_MS};
use std::{f64::consts::TAU, ops::Range};

/// On coded legs a voice that is there for 10 ms reaches this in some window, in dB; edges of others do not.
const THERE: f64 = -45.0;
/// A voice that is there for 10 ms has 6 dB less than all the time in some window, one of 3 ms 16 dB; an edge of another voice, 200 Hz from it or farther,
/// has at least so much less than that voice.
const AN_EDGE: f64 = 20.0;
/// What is heard this long before and after a window tells about the pieces that reach into it.
const AROUND_MS: u32 = 15;
/// Voices cannot be told apart in a piece that is shorter.
const SHORTEST_MS: u32 = 5;
/// Edges are looked for so many times a millisecond.
const STEPS_IN_A_MS: u32 = 2;
/// How far from the fit a sample of a piece may be, in steps of 16 bits: rounding, and what conversions between rates leave.
const NEAR: f64 = 6.0;
/// Or so many times the codec's noise, or this part of the loudest sample, which an edge leaves around it.
const NEAR_IN_NOISE: f64 = 5.0;
const NEAR_IN_LOUDEST: f64 = 1.0 / 80.0;
/// At edges, so much of a window may be left out; what has more is not explained by edges.
const AT_EDGES: f64 = 0.5;
/// What is added for a moment is a tone's if it is so much like it. A burst of the tone itself has pi / 4, whatever its length.
const LIKE: f64 = 0.5;
/// How far beside a tone is looked for what is no tone, in Hz: others are to speak 200 Hz from it, or farther. In several places,
/// since what is no tone may have gaps.
const BESIDE: [f64; 6] = [-115.0, -100.0, -85.0, 85.0, 100.0, 115.0];
/// A tone of 10 ms or more is so much louder than what is beside it on the average, in dB.
const STANDS_OUT: f64 = 9.0;
/// What keeps an unknown of a fit from growing where nothing tells it.
const FREE: f64 = 1e-8;

/// Tells whether what a window has at a tone is one.
struct Beside([Probe; BESIDE.len()]);

impl Beside {
    fn new(rate: u32, tone: f64) -> Self {
        Self(BESIDE.map(|hertz| Probe::new(rate, tone + hertz)))
    }

    /// An edge is as loud beside the tone as there. What is louder than any edge, `there` or more, is a tone in any case: of a short moment, an
    /// edge can hide so much that the rest is like noise.
    fn is_a_tone(&self, level: f64, window: &[f64], there: f64) -> bool {
        let power = |probe: &Probe| 10f64.powf(probe.level(window.iter().copied()) / 10.0);
        let average = 10.0 * (self.0.iter().map(power).sum::<f64>() / BESIDE.len() as f64).log10();
        level >= (average + STANDS_OUT).min(there)
    }
}

impl Recording {
    /// The levels of a tone on linear legs, and silence in windows in which what is heard is an edge of one of these other voices.
    pub fn tones(&self, tone: f64, others: &[f64]) -> Levels {
        let mut levels = self.levels(tone);
        if levels.worst() <= UNHEARD {
            return levels;
        }
        let (beside, others) = (Beside::new(self.rate, tone), others.iter().map(|&other| self.levels(other)));
        let others: Vec<Levels> = others.collect();
        let (step, length) = ((self.rate * STEP_MS / 1000) as usize, (self.rate * WINDOW_MS / 1000) as usize);
        let (count, near) = (levels.0.len(), (WINDOW_MS / STEP_MS) as usize);
        for (n, level) in levels.0.iter_mut().enumerate().filter(|(_, level)| **level > UNHEARD) {
            let window: Vec<f64> = self.samples[n * step..][..length].iter().map(|&sample| sample.into()).collect();
            let around = n.saturating_sub(near)..(n + near + 1).min(count);
            let loudest = others.iter().flat_map(|other| &other.0[around.clone()]).copied().fold(SILENCE, f64::max);
            if !beside.is_a_tone(*level, &window, loudest - AN_EDGE) {
                *level = SILENCE;
            }
        }
        levels
    }

    /// The levels of a tone on coded legs, less what hard edges of others' tones add to windows that are louder than they should be. A
    /// window in which that does not explain what is heard keeps its level.
    pub fn levels_among(&self, tone: f64, others: &[f64]) -> Levels {
        self.without_others(tone, others).0
    }

    /// The same in those windows in which what is heard is a tone, silence in the others: a codec's noise next to an edge is not the
    /// same in every run.
    pub fn tones_among(&self, tone: f64, others: &[f64]) -> Levels {
        let (mut levels, loud) = self.without_others(tone, others);
        let beside = Beside::new(self.rate, tone);
        for (n, window) in loud {
            if !beside.is_a_tone(levels.0[n], &window, THERE) {
                levels.0[n] = SILENCE;
            }
        }
        levels
    }

    /// The levels of a tone among others, and what its level was taken from in each window in which it is not silent.
    fn without_others(&self, tone: f64, others: &[f64]) -> (Levels, Vec<(usize, Vec<f64>)>) {
        let mut levels = self.levels(tone);
        if levels.worst() <= UNHEARD {
            return (levels, Vec::new());
        }
        let probe = Probe::new(self.rate, tone);
        let samples = |ms: u32| (self.rate * ms / 1000) as usize;
        let (step, length, around) = (samples(STEP_MS), samples(WINDOW_MS), samples(AROUND_MS));
        let (count, steps) = (levels.0.len(), (WINDOW_MS / STEP_MS) as usize);
        let others: Vec<(f64, Levels)> = others.iter().map(|&other| (other, self.levels(other))).collect();
        // Who else is there in the windows about one: fewer tones are better told apart.
        let voices = |n: usize| {
            let near = n.saturating_sub(steps)..(n + steps + 1).min(count);
            let there = others.iter().filter(|(_, levels)| levels.0[near.clone()].iter().any(|&level| level > THERE));
            [tone].into_iter().chain(there.map(|(other, _)| *other)).collect::<Vec<_>>()
        };
        let noises: Vec<f64> = (0..count)
            .step_by(steps)
            .map(|n| Part::new(self.rate, &voices(n), &self.samples[n * step..][..length]).noise())
            .collect();
        // A codec's noise goes with what is said: as it is before or after this window, in some place with no edge. Of fewer than
        // three, each may have one.
        let noise = |n: usize| {
            let least = |first: Option<usize>| {
                let three = first.and_then(|first| noises.get(first..first + 3)).unwrap_or_default();
                three.iter().copied().reduce(f64::min).unwrap_or(0.0)
            };
            least((n / steps).checked_sub(3)).max(least(Some(n.div_ceil(steps) + 1)))
        };
        let mut loud = Vec::new();
        for n in (0..count).filter(|&n| levels.0[n] > UNHEARD).collect::<Vec<_>>() {
            let from = (n * step).saturating_sub(around);
            let until = (n * step + length + around).min(self.samples.len());
            let heard = &self.samples[from..until];
            let loudest = heard.iter().map(|sample| sample.unsigned_abs()).max().map_or(0.0, f64::from);
            let near = NEAR.max(NEAR_IN_NOISE * noise(n)).max(NEAR_IN_LOUDEST * loudest);
            let part = Part::new(self.rate, &voices(n), heard);
            let left = &part.without_others(near)[n * step - from..][..length];
            let explained = left.iter().filter(|left| left.is_none()).count() as f64 <= AT_EDGES * length as f64;
            let left: Vec<f64> = left.iter().map(|left| left.unwrap_or(0.0)).collect();
            let level = probe.level(left.iter().copied());
            // A fit can only take edges away: of what swells, or comes through a codec, it may leave more than there was.
            if explained && level < levels.0[n] {
                levels.0[n] = level;
                loud.push((n, left));
            } else {
                loud.push((n, self.samples[n * step..][..length].iter().map(|&sample| sample.into()).collect()));
            }
        }
        (levels, loud)
    }
}

/// A part of a recording and the tones in it, first the one that is looked for.
struct Part<'a> {
    heard: &'a [i16],
    /// For each sample, the cosine and the sine of each tone, and an offset.
    waves: Vec<Vec<f64>>,
    step: usize,
    shortest: usize,
}

/// A piece with no edge in it, and how much it has of each wave.
struct Piece {
    range: Range<usize>,
    parts: Vec<f64>,
}

impl<'a> Part<'a> {
    fn new(rate: u32, tones: &[f64], heard: &'a [i16]) -> Self {
        let waves = |n: usize| {
            let wave = |tone: &f64| {
                let (sine, cosine) = (TAU * tone * n as f64 / f64::from(rate)).sin_cos();
                [cosine, sine]
            };
            // A codec's silence may be an offset.
            tones.iter().flat_map(wave).chain([1.0]).collect()
        };
        let step = (rate / 1000 / STEPS_IN_A_MS) as usize;
        Self {
            heard,
            waves: (0..heard.len()).map(waves).collect(),
            step,
            shortest: (rate * SHORTEST_MS / 1000) as usize,
        }
    }

    /// What is left of a sample without the voices from one on, and the offset.
    fn rest(&self, n: usize, parts: &[f64], first: usize) -> f64 {
        f64::from(self.heard[n]) - dot(&self.waves[n][2 * first..], &parts[2 * first..])
    }

    /// The RMS of what is left if all of this is one piece.
    fn noise(&self) -> f64 {
        let mut sums = Sums::new(self.waves[0].len());
        (0..self.heard.len()).for_each(|n| sums.add(&self.waves[n], self.heard[n].into()));
        let parts = sums.solve();
        let squares: f64 = (0..self.heard.len()).map(|n| self.rest(n, &parts, 0).powi(2)).sum();
        (squares / self.heard.len() as f64).sqrt()
    }

    /// Pieces, each of them as long as the fit comes near to every sample.
    fn pieces(&self, near: f64) -> Vec<Piece> {
        let (mut pieces, mut from) = (Vec::new(), 0);
        while from + self.shortest <= self.heard.len() {
            let (mut sums, mut piece) =
                (Sums::new(self.waves[0].len()), Piece { range: from..from, parts: Vec::new() });
            let mut next = from + self.shortest;
            while next <= self.heard.len() {
                (piece.range.end..next).for_each(|n| sums.add(&self.waves[n], self.heard[n].into()));
                let parts = sums.solve();
                if (from..next).any(|n| self.rest(n, &parts, 0).abs() > near) {
                    break;
                }
                piece = Piece { range: from..next, parts };
                next += self.step;
            }
            if piece.range.is_empty() {
                from += self.step;
            } else {
                from = piece.range.end;
                pieces.push(piece);
            }
        }
        pieces
    }

    /// What is left of each sample without the other voices; none at their edges.
    fn without_others(&self, near: f64) -> Vec<Option<f64>> {
        let pieces = self.pieces(near);
        let mut left = vec![None; self.heard.len()];
        for Piece { range, parts } in &pieces {
            range.clone().for_each(|n| left[n] = Some(self.rest(n, parts, 1)));
        }
        for pair in pieces.windows(2) {
            let between = pair[0].range.end..pair[1].range.start;
            let rest = |piece: &Piece| between.clone().map(|n| self.rest(n, &piece.parts, 1)).collect::<Vec<_>>();
            let (before, after) = (rest(&pair[0]), rest(&pair[1]));
            // If the others go on as they did, something was added here: a moment of the voice that is looked for, or what is less
            // like it than not.
            if before.iter().zip(&after).all(|(before, after)| (before - after).abs() <= 3.0 * near) {
                let added = if pair[0].range.len() > pair[1].range.len() { before } else { after };
                let part =
                    |wave: usize| between.clone().zip(&added).map(|(n, added)| self.waves[n][wave] * added).sum();
                if f64::hypot(part(0), part(1)) > LIKE * added.iter().map(|added| added.abs()).sum::<f64>() {
                    between.zip(added).for_each(|(n, added)| left[n] = Some(added));
                }
            }
        }
        left
    }
}

/// Sums for least squares, of samples added one by one.
#[derive(Clone)]
struct Sums {
    squares: Vec<Vec<f64>>,
    heard: Vec<f64>,
}

impl Sums {
    fn new(unknowns: usize) -> Self {
        Self { squares: vec![vec![0.0; unknowns]; unknowns], heard: vec![0.0; unknowns] }
    }

    fn add(&mut self, waves: &[f64], heard: f64) {
        for (i, wave) in waves.iter().enumerate() {
            self.heard[i] += wave * heard;
            self.squares[i].iter_mut().zip(waves).for_each(|(sum, other)| *sum += wave * other);
        }
    }

    /// The unknowns that come nearest to what was heard, by elimination.
    fn solve(&self) -> Vec<f64> {
        let (mut squares, mut solved) = (self.squares.clone(), self.heard.clone());
        let unknowns = solved.len();
        (0..unknowns).for_each(|k| squares[k][k] += FREE);
        for k in 0..unknowns {
            let (above, below) = squares.split_at_mut(k + 1);
            for (i, row) in below.iter_mut().enumerate() {
                let factor = row[k] / above[k][k];
                row.iter_mut().zip(&above[k]).for_each(|(value, above)| *value -= factor * above);
                solved[k + 1 + i] -= factor * solved[k];
            }
        }
        for k in (0..unknowns).rev() {
            solved[k] = (solved[k] - dot(&squares[k][k + 1..], &solved[k + 1..])) / squares[k][k];
        }
        solved
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
