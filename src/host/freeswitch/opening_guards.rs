//! Calls that speak openly again, and whose opening guards have not ended: without Coach's bug, everyone would hear what they had
//! said privately and the network delivers late. Each of them keeps the module from being unloaded.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::unload_lock::UnloadLock;
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

    /// A call has ended.
    pub fn ends(&self, uuid: &str, lock: &UnloadLock) {
        self.retain(|guarded, _| guarded != uuid, lock);
    }

    /// Lets go of those whose guards have ended, as `runs` says by the call's UUID, or are too long ago.
    pub fn look(&self, runs: impl Fn(&str) -> bool, lock: &UnloadLock) {
        let now = Instant::now();
        let guarded = {
            let State { guarded, looked, .. } = &mut *self.state.lock();
            if guarded.is_empty() || looked.is_some_and(|at| now.duration_since(at) < PERIOD) {
                return;
            }
            *looked = Some(now);
            guarded.clone()
        };
        let stays: Vec<_> = guarded.into_iter().filter(|(uuid, since)| since.elapsed() <= LATE && runs(uuid)).collect();
        self.retain(|uuid, since| since > now || stays.iter().any(|stays| stays.0 == uuid && stays.1 == since), lock);
    }

    /// Releases the module's lock once for each that does not stay. It does so with the list locked: when [`ends`](Self::ends) has returned,
    /// nothing holds that lock for the call, whoever took it from the list.
    fn retain(&self, stays: impl Fn(&str, Instant) -> bool, lock: &UnloadLock) {
        self.state.lock().guarded.retain(|(uuid, since)| {
            let stays = stays(uuid, *since);
            if !stays {
                lock.release();
            }
            stays
        });
    }
}
