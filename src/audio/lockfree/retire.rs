//! What the control plane has taken away and hooks may still be using: kept until they have left, freed by the control
//! plane, never by a hook.

use crate::audio::lockfree::gate::Gate;

/// Something to be freed once the calls that were inside when it was taken away have left.
struct Retired {
    waiting: Vec<(&'static Gate, u64)>,
    _thing: Box<dyn Send>,
}

/// All of it, for one engine.
#[derive(Default)]
pub struct Retirement {
    retired: Vec<Retired>,
}

impl Retirement {
    /// Keeps `thing`, which nobody who begins now can find any more, until those that are inside `gates` have left.
    pub fn retire(&mut self, thing: impl Send + 'static, gates: impl Iterator<Item = &'static Gate>) {
        let waiting: Vec<_> = gates.filter_map(|gate| Some((gate, gate.occupant()?))).collect();
        if !waiting.is_empty() {
            self.retired.push(Retired { waiting, _thing: Box::new(thing) });
        }
    }

    /// Keeps what `other` has kept until now.
    pub fn take_over(&mut self, other: &mut Self) {
        self.retired.append(&mut other.retired);
    }

    pub fn is_empty(&self) -> bool {
        self.retired.is_empty()
    }

    /// Frees what nobody uses any more; whether everything is free.
    pub fn sweep(&mut self) -> bool {
        self.retired.retain_mut(|retired| {
            retired.waiting.retain(|(gate, occupant)| !gate.left(*occupant));
            !retired.waiting.is_empty()
        });
        self.retired.is_empty()
    }
}
