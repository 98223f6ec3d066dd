//! What has changed in a room and is in no plan yet.

use std::{collections::BTreeSet, sync::Arc};

use crate::audio::hook::subscription::Link;

/// Somebody who hears a member's private voice.
pub struct Heard {
    pub number: u32,
    pub listener: u64,
    pub link: Arc<Link>,
}

/// What has changed in a room since its last plan.
#[derive(Default)]
pub struct Pending {
    /// Members whose pairs may be others now.
    pub changed: BTreeSet<u64>,
    /// Members that need a seat anew, whatever their pairs.
    pub dirty: BTreeSet<u64>,
    /// Links that are broken, with their listeners.
    pub broken: Vec<(u64, Arc<Link>)>,
    /// Links that are new, with their listeners.
    pub made: Vec<(u64, Arc<Link>)>,
    /// Everything is to be made anew from what the books say.
    pub all: bool,
    /// What the ticks sum has changed.
    pub mix: bool,
}

impl Pending {
    /// A link is broken: from plan `number` on its listener hears no more.
    pub fn part(&mut self, number: u64, heard: Heard) {
        heard.link.close(number);
        self.dirty.insert(heard.link.speaker()); // what it says from now on is of the new plan
        self.broken.push((heard.listener, heard.link));
    }
}
