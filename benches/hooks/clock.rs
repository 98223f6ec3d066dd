//! Measures nanoseconds on a machine that others use, too: in short runs, of which the best of a few counts, with the cases of a round one
//! after the other, so that whatever slows the machine down slows a case and its floor alike.

use crate::{cases::Case, floors::Nothing};
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 101;
/// The best of this many runs speaks for a round.
const RUNS: usize = 15;

/// Nanoseconds a unit, round by round.
pub struct Cost(Vec<f64>);

impl Cost {
    pub fn ns(&self) -> f64 {
        median(self.0.clone())
    }

    /// How many times the sum of these floors it is.
    pub fn ratio(&self, floor: &Cost) -> f64 {
        median(self.0.iter().zip(&floor.0).map(|(case, floor)| case / floor).collect())
    }
}

/// Measures all cases side by side.
pub fn measure(cases: &mut [Box<dyn Case>]) -> Vec<Cost> {
    let mut costs: Vec<_> = cases.iter().map(|_| Cost(Vec::with_capacity(ROUNDS))).collect();
    for _ in 0..ROUNDS {
        let clock = best(&mut Nothing);
        for (case, cost) in cases.iter_mut().zip(&mut costs) {
            let ns = best(case.as_mut()) - clock;
            cost.0.push(ns.max(0.0) / case.units() as f64);
        }
    }
    costs
}

fn best(case: &mut dyn Case) -> f64 {
    let mut run = || {
        case.prepare();
        let start = Instant::now();
        black_box(&mut *case).run();
        let ns = start.elapsed().as_nanos() as f64;
        case.check();
        ns
    };
    (0..RUNS).map(|_| run()).fold(f64::INFINITY, f64::min)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
