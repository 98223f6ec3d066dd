//! The filters of rate conversion: one for each ratio of two rates, shared by all who convert so, in all engines of the process. They are there
//! while an engine lives, or a converter that uses them.

use std::{
    f64::consts::{PI, TAU},
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::lock::Mutex;

/// Taps of a filter at the lower rate; there are somewhat more where that is not a multiple of [`LANES`] at the rate that comes in.
const TAPS: usize = 64;
/// A Blackman-Harris window: with it the stop band is below -92 dB.
const WINDOW: [f64; 4] = [0.35875, -0.48829, 0.14128, -0.01168];
/// The cutoff, as a part of half the lower rate, with which the stop band of so many taps begins there.
const CUTOFF: f64 = 0.875_095;
/// So many products are summed at a time.
const LANES: usize = 16;

/// The rates whose filters are made before anybody wants them.
const USUAL_RATES: [u32; 7] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000];
/// So much of the service's time goes into those at every turn, or one filter.
const A_TURN: Duration = Duration::from_millis(1);

/// From one rate to another: `up` samples for `down`. Nothing changes it, so that all may read it.
pub struct Filter {
    up: usize,
    down: usize,
    /// A row of taps for each place that a sample can have between two others, so that none is interpolated.
    rows: Box<[f32]>,
}

impl Filter {
    /// A sinc in a window; `None` without memory. Takes up to a millisecond or so.
    fn new((up, down): (usize, usize)) -> Option<Self> {
        let taps = (TAPS * down.max(up) / up).next_multiple_of(LANES);
        let mut rows = Vec::new();
        rows.try_reserve_exact(up * taps).ok()?;
        rows.resize(up * taps, 0.0);
        // The middle is that of the window; what is as far before it as behind it is the same.
        let middle = taps / 2 * up;
        let cutoff = CUTOFF * (up as f64 / down as f64).min(1.0);
        let value = |distance: usize| {
            let angle = PI * cutoff * distance as f64 / up as f64;
            let sinc = if distance == 0 { 1.0 } else { angle.sin() / angle };
            let cos = (TAU * (middle - distance) as f64 / (taps * up) as f64).cos();
            let (cos_2, cos_3) = (2.0 * cos * cos - 1.0, (4.0 * cos * cos - 3.0) * cos);
            let window = WINDOW[0] + WINDOW[1] * cos + WINDOW[2] * cos_2 + WINDOW[3] * cos_3;
            sinc * window
        };
        let mut sum = 0.0;
        for distance in 0..middle {
            let value = value(distance);
            sum += if distance == 0 { value } else { 2.0 * value };
            for place in [middle + distance, middle - distance] {
                // The tap that is this far from the first in `up`ths of a sample.
                let row = (up - place % up) % up;
                rows[row * taps + (place + row) / up - 1] = value as f32;
            }
        }
        let gain = (up as f64 / sum) as f32; // what does not change stays as it is
        rows.iter_mut().for_each(|tap| *tap *= gain);
        Some(Self { up, down, rows: rows.into_boxed_slice() })
    }

    /// So many samples come
    pub fn up(&self) -> usize {
        self.up
    }

    /// of so many.
    pub fn down(&self) -> usize {
        self.down
    }

    /// Samples before and including the one that it gives, or the one before that; and as many behind.
    pub fn half(&self) -> usize {
        self.rows.len() / self.up / 2
    }

    /// The sample that lies `part` of [`Filter::up`] behind the [`Filter::half`]th of these, which are twice as many.
    #[inline]
    pub fn value(&self, wave: &[f32], part: usize) -> f32 {
        let taps = 2 * self.half();
        let row = &self.rows[part * taps..(part + 1) * taps];
        let mut sums = [0.0; LANES];
        for (wave, taps) in wave.as_chunks::<LANES>().0.iter().zip(row.as_chunks::<LANES>().0) {
            for ((sum, sample), tap) in sums.iter_mut().zip(wave).zip(taps) {
                *sum += sample * tap;
            }
        }
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
        }
        sums[0]
    }
}

/// Those that were made so far.
#[derive(Default)]
pub struct Filters(Mutex<Made>);

#[derive(Default)]
struct Made {
    filters: Vec<Arc<Filter>>,
    /// So many pairs of usual rates were looked at.
    usual: usize,
}

impl Made {
    fn find(&self, ratio: (usize, usize)) -> Option<Arc<Filter>> {
        self.filters.iter().find(|filter| (filter.up, filter.down) == ratio).cloned()
    }
}

impl Filters {
    /// [control] The filter between two rates; made if it is the first of its ratio. `None` without memory.
    pub fn between(&self, from: u32, to: u32) -> Option<Arc<Filter>> {
        let ratio = lowest_terms(to, from);
        if let Some(filter) = self.0.lock().find(ratio) {
            return Some(filter);
        }
        let new = Arc::new(Filter::new(ratio)?); // without the lock: others go on
        let mut made = self.0.lock();
        if let Some(filter) = made.find(ratio) {
            return Some(filter); // another engine was faster
        }
        made.filters.try_reserve(1).ok()?;
        made.filters.push(new.clone());
        Some(new)
    }

    /// [control] Makes some more of the usual ones, unless there is no need for any more; one at least, if one is missing.
    pub fn make_usual(&self, ended: impl Fn() -> bool) {
        let begin = Instant::now();
        while begin.elapsed() < A_TURN && !ended() {
            let pair = {
                let mut made = self.0.lock();
                let pair = made.usual;
                if pair == USUAL_RATES.len().pow(2) {
                    return;
                }
                made.usual += 1;
                pair
            };
            let [from, to] = [pair / USUAL_RATES.len(), pair % USUAL_RATES.len()].map(|which| USUAL_RATES[which]);
            if from != to {
                self.between(from, to); // without memory it is made when it is wanted
            }
        }
    }
}

/// The filters that all engines share.
static SHARED: Shared = Shared::new(None);
type Shared = Mutex<Option<Arc<Filters>>>;

/// An engine's hold on them: they go with the last.
pub struct SharedFilters {
    filters: Arc<Filters>,
    shared: &'static Shared,
}

impl SharedFilters {
    fn of(shared: &'static Shared) -> Self {
        Self { filters: shared.lock().get_or_insert_default().clone(), shared }
    }
}

impl Default for SharedFilters {
    fn default() -> Self {
        Self::of(&SHARED)
    }
}

impl Deref for SharedFilters {
    type Target = Filters;

    fn deref(&self) -> &Filters {
        &self.filters
    }
}

impl Drop for SharedFilters {
    fn drop(&mut self) {
        let mut shared = self.shared.lock();
        // Each hold is taken and given back under this lock: this one and `shared` itself are left.
        if Arc::strong_count(&self.filters) == 2 {
            *shared = None;
        }
    }
}

/// A fraction in its lowest terms.
fn lowest_terms(above: u32, below: u32) -> (usize, usize) {
    let (mut divisor, mut rest) = (above, below);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    ((above / divisor) as usize, (below / divisor) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_made_once_for_all_pairs_of_rates_that_have_its_ratio() {
        let filters = Filters::default();
        let between = |from, to| filters.between(from, to).expect("there is memory");
        let filter = between(8_000, 16_000);
        assert!(Arc::ptr_eq(&filter, &between(24_000, 48_000)));
        assert!(!Arc::ptr_eq(&filter, &between(16_000, 8_000)));
    }

    #[test]
    fn the_usual_ones_are_all_there_after_some_turns_and_an_end_waits_for_none() {
        let filters = Filters::default();
        filters.make_usual(|| true);
        assert_eq!(filters.0.lock().usual, 0);
        let pairs = USUAL_RATES.len().pow(2);
        (0..pairs).for_each(|_| filters.make_usual(|| false));
        let made = filters.0.lock();
        for (from, to) in USUAL_RATES.into_iter().flat_map(|from| USUAL_RATES.map(|to| (from, to))) {
            assert!(from == to || made.find(lowest_terms(to, from)).is_some(), "{from} to {to} Hz");
        }
    }

    #[test]
    fn engines_share_them_and_the_last_one_leaves_nothing_behind() {
        static SHARED: Shared = Shared::new(None);
        let one = SharedFilters::of(&SHARED);
        let other = SharedFilters::of(&SHARED);
        assert!(Arc::ptr_eq(&one.filters, &other.filters));
        drop(one);
        let next = SharedFilters::of(&SHARED);
        assert!(Arc::ptr_eq(&next.filters, &other.filters), "while one lives");
        let filters = Arc::downgrade(&next.filters);
        drop((other, next));
        assert!(SHARED.lock().is_none());
        assert_eq!(filters.strong_count(), 0);
    }
}
