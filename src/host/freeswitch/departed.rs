//! Keeps for a minute what calls leave behind for the legs that take their places: settings, and whom they were transferred with.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::settings::Settings;
use crate::lock::Mutex;

/// How long after its end a leg can be replaced by one that is still on its way to the conference.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// What is worth knowing for some time.
struct Recent<T>(Mutex<VecDeque<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Recent<T> {
    fn note(&self, what: T) {
        let now = Instant::now();
        let mut all = self.0.lock();
        all.retain(|(when, _)| now.duration_since(*when) < REPLACED_WITHIN);
        all.push_back((now, what));
    }

    /// What the latest says to which `look` finds an answer.
    fn find<R>(&self, look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let mut look = look;
        self.0.lock().iter().rev().find_map(|(_, what)| look(what))
    }
}

/// A leg with settings that has ended.
#[derive(Clone)]
pub struct Left {
    pub uuid: String,
    pub sip_call_id: Option<String>,
    pub settings: Settings,
}

/// See the module.
#[derive(Default)]
pub struct Departed {
    left: Recent<Left>,
    /// UUIDs of calls that have ended as one of the two of an attended transfer, each with the other's.
    partners: Recent<[String; 2]>,
}

impl Departed {
    /// A leg ends, or its phone has handed it over: `sip_call_id` is the name by which another call says that it replaces this one.
    pub fn note(&self, uuid: &str, sip_call_id: Option<String>, settings: &Settings) {
        if *settings != Settings::default() {
            self.left.note(Left { uuid: uuid.into(), sip_call_id, settings: settings.clone() });
        }
    }

    /// A call hangs up, one of the two of an attended transfer.
    pub fn note_partners(&self, pair: [String; 2]) {
        self.partners.note(pair);
    }

    /// What the latest leg has left for which `is_meant` is so.
    pub fn find(&self, is_meant: impl Fn(&Left) -> bool) -> Option<Left> {
        self.left.find(|left| is_meant(left).then(|| left.clone()))
    }

    /// The other call of an attended transfer.
    pub fn partner(&self, uuid: &str) -> Option<String> {
        self.partners.find(|pair| {
            let at = pair.iter().position(|one| one == uuid)?;
            Some(pair[1 - at].clone())
        })
    }
}
