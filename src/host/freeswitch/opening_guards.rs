//! Calls that speak openly again, and whose opening guards have not ended: without Coach's hook, what they had said privately and comes
//! late, after a stall of the network, would be heard by everyone. Each of them keeps the module from being unloaded.

use std::time::{Duration, Instant};

use super::{leg::Leg, module::Module, write_bugs};
use crate::lock::Mutex;

/// So late may speech come.
const LATE: Duration = Duration::from_secs(10);

/// How often the guards are looked at.
const PERIOD: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Default)]
pub struct OpeningGuards(Mutex<State>);

#[derive(Default)]
struct State {
    /// UUIDs, and since when; each holds the module's lock once.
    guarded: Vec<(String, Instant)>,
    /// When they were looked at last.
    looked: Option<Instant>,
}

impl OpeningGuards {
    /// A call speaks openly from now on. The module's lock, which it has held, is this one's.
    pub fn begins(&self, leg: &Leg) {
        self.0.lock().guarded.push((leg.uuid.clone(), Instant::now()));
    }

    /// A call has ended.
    pub fn ends(&self, module: &Module, uuid: &str) {
        self.retain(module, |guarded, _| guarded != uuid);
    }

    /// Lets go of those whose guards have ended.
    pub fn look(&self, module: &Module) {
        let now = Instant::now();
        let guarded = {
            let State { guarded, looked } = &mut *self.0.lock();
            if guarded.is_empty() || looked.is_some_and(|at| now.duration_since(at) < PERIOD) {
                return;
            }
            *looked = Some(now);
            guarded.clone()
        };
        let stays: Vec<_> = guarded.into_iter().filter(|(uuid, since)| still_runs(module, uuid, *since)).collect();
        self.retain(module, |uuid, since| since > now || stays.iter().any(|stays| stays.0 == uuid && stays.1 == since));
    }

    fn retain(&self, module: &Module, stays: impl Fn(&str, Instant) -> bool) {
        let gone = {
            let State { guarded, .. } = &mut *self.0.lock();
            let before = guarded.len();
            guarded.retain(|(uuid, since)| stays(uuid, *since));
            before - guarded.len()
        };
        (0..gone).for_each(|_| module.lock.release());
    }
}

/// In a conference the engine says so; elsewhere the unload itself waits for the length of a guard.
fn still_runs(module: &Module, uuid: &str, since: Instant) -> bool {
    if since.elapsed() > LATE {
        return false;
    }
    let Some(leg) = module.find(uuid) else { return false };
    let membership =
        leg.lock().membership.as_ref().map(|membership| (membership.conference.clone(), membership.number));
    membership.is_some_and(|(room, number)| write_bugs::is_guarded(module, &room, number))
}
