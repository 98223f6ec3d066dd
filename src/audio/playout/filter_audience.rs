//! Who may hear what a filter holds: it is of frames of several audiences, by their floors (see `stream`).

/// Who may hear what a filter holds.
pub struct FilterAudience {
    /// The lowest floor of it.
    pub floor: u64,
    /// The lowest floor of what went in after that, and how many samples a channel that was.
    next: (u64, usize),
}

impl Default for FilterAudience {
    fn default() -> Self {
        Self { floor: u64::MAX, next: (u64::MAX, 0) }
    }
}

impl FilterAudience {
    /// So many samples of this floor went into a filter that holds `held` of them.
    pub fn remember(&mut self, floor: u64, samples: usize, held: usize) {
        if floor <= self.floor {
            *self = Self { floor, ..Self::default() };
            return;
        }
        let (lowest, passed) = self.next;
        self.next = (lowest.min(floor), passed + samples);
        if self.next.1 > 2 * held {
            *self = Self { floor: self.next.0, ..Self::default() };
        }
    }
}
