//! Keeps what FreeSWITCH's events say of members (muted, deaf, on hold) until a session's own thread acts on it. The core's event threads
//! must not wait: whoever fires an event waits for them when many are on their way, and may hold the lock that they would wait for.

use std::collections::HashMap;

use super::membership::Flags;
use crate::lock::Mutex;

/// See the module.
#[derive(Default)]
pub struct PendingFlags {
    members: Mutex<HashMap<Whose, News>>,
    /// Calls that their phones have put on hold, or taken back, in this order.
    holds: Mutex<Vec<(String, bool)>>,
}

/// A call's UUID, and its conference's.
type Whose = (String, String);

/// What the latest event about a member says.
pub struct News {
    pub sequence: u64,
    pub flags: Flags,
}

impl PendingFlags {
    /// Leaves what an event says of a member. The latest counts.
    pub fn leave(&self, whose: Whose, news: News) {
        let mut members = self.members.lock();
        if members.get(&whose).is_none_or(|other| other.sequence < news.sequence) {
            members.insert(whose, news);
        }
    }

    /// Leaves that a phone holds its call, or goes on.
    pub fn leave_hold(&self, uuid: String, on: bool) {
        self.holds.lock().push((uuid, on));
    }

    pub fn take(&self) -> HashMap<Whose, News> {
        std::mem::take(&mut *self.members.lock())
    }

    pub fn take_holds(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut *self.holds.lock())
    }
}
