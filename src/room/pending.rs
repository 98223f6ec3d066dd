//! What has changed in a room and is in no plan yet.

use std::collections::BTreeMap;

use super::handles::HandleSet;
use crate::audio::hook::subscription::Subscription;

/// Somebody who hears a member's private stream.
pub struct Listener {
    pub number: u32,
    pub subscription: triomphe::Arc<Subscription>,
}

/// What has changed in a room since its last plan.
#[derive(Default)]
pub struct PendingChanges {
    /// Members whose pairs may be others now.
    pub changed: HandleSet,
    /// Members that need a plan anew, whatever their pairs.
    pub dirty: HandleSet,
    /// Members that others hear now, or do not hear any more: what they say from now on has a later number.
    pub speakers: HandleSet,
    /// Links that are broken, with their listeners.
    pub broken: Vec<(u64, triomphe::Arc<Subscription>)>,
    /// Links that are new, with their listeners.
    pub made: Vec<(u64, triomphe::Arc<Subscription>)>,
    /// Everything is to be made anew from the state.
    pub all: bool,
    /// What the ticks sum has changed.
    pub mix: bool,
}

impl PendingChanges {
    /// A subscription is broken: from plan `number` on its listener hears no more.
    pub fn break_pair(&mut self, number: u64, listener: u64, subscription: triomphe::Arc<Subscription>) {
        subscription.close(number);
        self.speakers.insert(subscription.speaker());
        self.broken.push((listener, subscription));
    }

    /// The same of all who hear one speaker; handles by `numbers`.
    pub fn break_pairs(&mut self, number: u64, numbers: &BTreeMap<u32, u64>, listeners: Vec<Listener>) {
        for listener in listeners {
            let handle = numbers.get(&listener.number).copied().unwrap_or_default();
            self.break_pair(number, handle, listener.subscription);
        }
    }
}
