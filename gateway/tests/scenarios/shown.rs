//! What the console of each kind of switch shows in the same way.

use crate::pbx::{COUNT_CALLS, Pbx};
use serde_json::Value;

impl Pbx {
    /// How many calls there are: the number in what the console says, such as `3 total.`
    pub fn calls(&self) -> usize {
        let said = self.console(COUNT_CALLS);
        said.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(usize::MAX)
    }

    /// The members of a conference, as its module shows them; none where there is no such.
    pub fn members(&self, room: &str) -> Vec<Value> {
        let said = self.console(&format!("coach show {room} as json"));
        let shown: Value = serde_json::from_str(&said).unwrap_or_default();
        shown["members"].as_array().cloned().unwrap_or_default()
    }

    /// A conference as its module shows it.
    pub fn show(&self, room: &str) -> Value {
        let said = self.console(&format!("coach show {room} as json"));
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{room}: {said}"))
    }
}
