//! The applications or conferences that run on a call, one inside the other. The core reports the end of each with the same message that
//! reported its beginning. Messages of other calls, which some endpoints pass on, are not taken for these.

/// By the messages' addresses, the outermost first.
#[derive(Default)]
pub struct AppStack(Vec<usize>);

/// Stands for a message that nobody saw.
const UNSEEN: usize = 0;

impl AppStack {
    /// So many that had begun before the module was loaded.
    pub fn unseen(count: usize) -> Self {
        Self(vec![UNSEEN; count])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Something begins, inside what is there.
    pub fn begins(&mut self, message: usize) {
        self.0.push(message);
    }

    /// Something ends, and all that is inside it; if nothing began with that message, something unseen if `or_unseen`.
    /// Whether it was one of these.
    pub fn ends(&mut self, message: usize, or_unseen: impl FnOnce() -> bool) -> bool {
        let at = |wanted| self.0.iter().rposition(|&began| began == wanted);
        let ends = at(message).or_else(|| at(UNSEEN).filter(|_| or_unseen()));
        self.0.truncate(ends.unwrap_or(self.0.len()));
        ends.is_some()
    }

    /// If nothing is there but what began unseen, that has begun with this message; whether it is so.
    pub fn name_unseen(&mut self, message: usize) -> bool {
        let alone = self.0 == [UNSEEN];
        if alone {
            self.0 = vec![message];
        }
        alone
    }

    /// Whether the outermost began with that message.
    pub fn is_in(&self, message: usize) -> bool {
        self.0.first() == Some(&message)
    }
}
