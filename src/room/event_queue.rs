//! Events on their way to the host: those that wait for another thread to tell them, and who is delivering some.

use std::collections::VecDeque;

use super::event::{Event, EventKind};
use crate::lock::this_thread;

/// How much memory waiting events take: some 40,000 of the usual ones.
const MOST_BYTES: usize = 16 << 20;

/// The events of one engine, in order.
#[derive(Default)]
pub struct EventQueue {
    /// Of calls that are over: told by the service.
    waiting: VecDeque<Event>,
    /// What those take.
    bytes: usize,
    /// The thread that is delivering events. One at a time does, so that they come in order.
    delivering: Option<usize>,
}

impl EventQueue {
    /// At the end of a call: which of the events that it caused its thread tells now, until [`EventQueue::told`]. It tells none where
    /// earlier ones are not told yet: then they wait behind those, so that no call tells the events of another.
    pub fn begin_own(&mut self, own: Vec<Event>) -> Vec<Event> {
        if own.is_empty() {
            return own;
        }
        if self.delivering.is_none() && self.waiting.is_empty() {
            self.delivering = Some(this_thread());
            return own;
        }
        self.wait_own(own);
        Vec::new()
    }

    /// These events wait, whether anything waits before them or not.
    pub fn wait_own(&mut self, own: Vec<Event>) {
        own.into_iter().for_each(|event| self.wait(event));
    }

    /// How many events the service tells now, until [`EventQueue::told`]: those that wait already. Later ones are another turn's,
    /// so that each turn ends.
    pub fn begin_waiting(&mut self) -> usize {
        if self.delivering.is_some() || self.waiting.is_empty() {
            return 0;
        }
        self.delivering = Some(this_thread());
        self.waiting.len()
    }

    /// The event that has waited longest.
    pub fn next(&mut self) -> Option<Event> {
        let event = self.waiting.pop_front()?;
        self.bytes -= event.bytes();
        Some(event)
    }

    /// The thread that was delivering events has stopped.
    pub fn delivered(&mut self) {
        self.delivering = None;
    }

    /// Which thread is delivering events.
    pub fn delivering(&self) -> Option<usize> {
        self.delivering
    }

    /// Whether events wait for the service.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Nobody is told what was not told by now.
    pub fn clear(&mut self) {
        (self.waiting, self.bytes) = (VecDeque::new(), 0);
    }

    fn wait(&mut self, event: Event) {
        if self.bytes + event.bytes() <= MOST_BYTES {
            self.bytes += event.bytes();
            self.waiting.push_back(event);
            return;
        }
        // The event about lost ones stands where they are missing.
        let before = match self.waiting.pop_back() {
            Some(last) if last.kind == EventKind::Lost => {
                self.bytes -= last.bytes();
                last.lost
            }
            last => {
                self.waiting.extend(last);
                0
            }
        };
        let lost = Event::lost(before + 1);
        self.bytes += lost.bytes();
        self.waiting.push_back(lost);
    }
}
