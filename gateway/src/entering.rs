//! Calls that are about to enter a conference, which no switch shows yet.
//!
//! A conference lives on one switch, and one call starts it. Two that come at the same time would both find nobody in it: who is decided on
//! first counts as there for the other, for as long as it enters.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::OwnedMutexGuard;

/// The switch's name, for as long as one of those who enter there lives.
type Place = Arc<tokio::sync::Mutex<Weak<String>>>;

/// By the conferences' names on a switch.
#[derive(Default)]
pub struct Entering(Mutex<HashMap<String, Place>>);

/// While this value lives, nobody else is decided on.
pub struct Deciding(OwnedMutexGuard<Weak<String>>);

/// While this value lives, its call counts as being in the conference.
pub struct Entrance(#[expect(dead_code, reason = "that it is there is what counts")] Arc<String>);

impl Entering {
    /// It is decided whether a call enters this conference, one after the other.
    pub async fn decide(&self, conference: &str) -> Deciding {
        let place = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Those whom nobody decides on, and where nobody enters.
            places.retain(|_, place| {
                Arc::strong_count(place) > 1 || place.try_lock().is_ok_and(|switch| switch.strong_count() > 0)
            });
            // ConfBridge compares names without regard to case.
            places.entry(conference.to_ascii_lowercase()).or_default().clone()
        };
        Deciding(place.lock_owned().await)
    }
}

impl Deciding {
    /// The switch on which others are entering.
    pub fn switch(&self) -> Option<Arc<String>> {
        self.0.upgrade()
    }

    /// The call enters, on this switch, where all others are that do.
    pub fn enters(mut self, switch: &str) -> Entrance {
        let switch = self.switch().unwrap_or_else(|| Arc::new(switch.to_owned()));
        *self.0 = Arc::downgrade(&switch);
        Entrance(switch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_decided_on_first_counts_for_the_next() {
        let entering = Entering::default();
        let first = entering.decide("app-room").await;
        assert_eq!(first.switch(), None);
        let mut second = std::pin::pin!(entering.decide("APP-Room"));
        tokio::select! {
            biased;
            _ = &mut second => panic!("the first is not decided on yet"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(entering.decide("app-other").await.switch(), None, "another conference is another matter");
        let first = first.enters("one");
        let second = second.await;
        assert_eq!(second.switch().as_deref().map(String::as_str), Some("one"));
        let second = second.enters("one");
        drop(first);
        assert_eq!(
            entering.decide("app-room").await.switch().as_deref().map(String::as_str),
            Some("one"),
            "the second is still entering"
        );
        drop(second);
        assert_eq!(entering.decide("app-room").await.switch(), None);
        drop(entering.decide("app-third").await);
        assert_eq!(
            entering.0.lock().expect("nothing has panicked with it").len(),
            1,
            "nothing is kept of those that are over"
        );
    }
}
