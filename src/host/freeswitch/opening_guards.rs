//! Calls that speak openly again, and whose opening guards have not ended: without Coach's bug, everyone would hear what they had
//! said privately and the network delivers late. Each of them keeps the module from being unloaded.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::lock::Mutex;

/// So late may speech come.
const LATE: Duration = Duration::from_secs(10);

/// How often the guards are looked at.
const PERIOD: Duration = Duration::from_millis(50);

/// See the module.
pub struct OpeningGuards {
    length: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When somebody began to speak openly last.
    opened: Option<Instant>,
    /// UUIDs, and since when; each holds the module's lock once.
    guarded: Vec<(String, Instant)>,
    /// When they were looked at last.
    looked: Option<Instant>,
}

impl OpeningGuards {
    pub fn new(length: Duration) -> Self {
        Self { length, state: Mutex::default() }
    }

    /// Somebody speaks openly from now on; what it said privately may still be on its way to the media bugs.
    pub fn opened(&self) {
        self.state.lock().opened = Some(Instant::now());
    }

    /// Returns once the opening guards have passed that run now.
    pub fn wait(&self) {
        let opened = self.state.lock().opened;
        if let Some(opened) = opened {
            thread::sleep(self.length.saturating_sub(opened.elapsed()));
        }
    }

    /// A call speaks openly from now on. The module's lock, which it has held, is this one's.
    pub fn begins(&self, uuid: &str) {
        self.state.lock().guarded.push((uuid.into(), Instant::now()));
    }

    /// A call has ended. How many times the module's lock is to be released.
    #[must_use]
    pub fn ends(&self, uuid: &str) -> usize {
        self.retain(|guarded, _| guarded != uuid)
    }

    /// Lets go of those whose guards have ended, as `runs` says by the call's UUID, or are too long ago. How many times the module's lock
    /// is to be released.
    #[must_use]
    pub fn look(&self, runs: impl Fn(&str) -> bool) -> usize {
        let now = Instant::now();
        let guarded = {
            let State { guarded, looked, .. } = &mut *self.state.lock();
            if guarded.is_empty() || looked.is_some_and(|at| now.duration_since(at) < PERIOD) {
                return 0;
            }
            *looked = Some(now);
            guarded.clone()
        };
        let stays: Vec<_> = guarded.into_iter().filter(|(uuid, since)| since.elapsed() <= LATE && runs(uuid)).collect();
        self.retain(|uuid, since| since > now || stays.iter().any(|stays| stays.0 == uuid && stays.1 == since))
    }

    fn retain(&self, stays: impl Fn(&str, Instant) -> bool) -> usize {
        let State { guarded, .. } = &mut *self.state.lock();
        let before = guarded.len();
        guarded.retain(|(uuid, since)| stays(uuid, *since));
        before - guarded.len()
    }
}
