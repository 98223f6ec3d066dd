//! Digits that a member of a conference presses, passed on to those who hear it.
//!
//! Both kinds of switch can hand digits on by themselves, but to everybody in the conference. So neither is let: the gateway asks the module
//! who hears the member, and has the digit sent to each of these. Where it is not certain that the digit was meant for them, nobody gets it.

use super::{Call, Snapshot, Switch};
use std::collections::VecDeque;
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

/// Digits that may wait.
const MOST_WAITING: usize = 64;

/// What an event tells of a member.
pub enum Told {
    /// It has pressed this.
    Digit(String),
    /// Somebody's mode may have changed, or an event is missing.
    Change,
    /// Nothing of the kind.
    Other,
}

/// Passes on what a call presses, until there are no more events.
pub async fn pass<E: Clone>(switch: &dyn Switch, call: &str, mut events: Receiver<E>, told: impl Fn(&E) -> Told) {
    let mut waiting = VecDeque::new();
    tracing::debug!(call, "what it presses is passed on from now on");
    loop {
        while waiting.is_empty() {
            match events.recv().await {
                Ok(event) => take(told(&event), &mut waiting),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
        let snapshot = switch.snapshot().await;
        // What was pressed before a change of somebody's mode is not for those who hear the member since. The switch tells of a change
        // on the connection on which it has answered: what has come by now has happened before its answer.
        loop {
            match events.try_recv() {
                Ok(event) => take(told(&event), &mut waiting),
                Err(TryRecvError::Lagged(_)) => waiting.clear(),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return,
            }
        }
        let audience = match &snapshot {
            Ok(snapshot) => audience(snapshot, call),
            Err(error) => {
                tracing::warn!(call, "digits are not passed on: {error}");
                Vec::new()
            }
        };
        for digit in waiting.drain(..) {
            for other in &audience {
                match switch.send_digits(other, &digit, None).await {
                    Ok(()) => tracing::debug!(call, to = other.id, "a digit is passed on"),
                    Err(error) => tracing::info!(call, to = other.id, "a digit is not passed on: {error}"),
                }
            }
            tracing::debug!(call, listeners = audience.len(), "a digit has reached all that hear the call");
        }
    }
}

fn take(told: Told, waiting: &mut VecDeque<String>) {
    match told {
        Told::Digit(digit) if waiting.len() < MOST_WAITING => waiting.push_back(digit),
        Told::Change => waiting.clear(),
        Told::Digit(_) | Told::Other => {}
    }
}

/// Those who hear a member when it speaks.
fn audience<'a>(snapshot: &'a Snapshot, call: &str) -> Vec<&'a Call> {
    let own = snapshot.calls.iter().find(|other| other.id == call).and_then(|call| call.member.as_ref());
    // While its audience is about to widen, what it pressed may have been for the narrower one.
    let Some(own) = own.filter(|own| !own.muted && !own.held && own.opens_in_ms == 0) else { return Vec::new() };
    let hears = |other: &&Call| {
        let member = other.member.as_ref().filter(|member| member.conference == own.conference && !member.held);
        member.is_some_and(|member| member.number != own.number && own.heard_by.contains(&member.number))
    };
    snapshot.calls.iter().filter(hears).collect()
}

#[cfg(test)]
mod tests {
    use super::{Told, take};
    use std::collections::VecDeque;

    #[test]
    fn what_was_pressed_before_a_change_is_dropped() {
        let mut waiting = VecDeque::new();
        for told in [Told::Digit("1".into()), Told::Other, Told::Change, Told::Digit("2".into())] {
            take(told, &mut waiting);
        }
        assert_eq!(waiting, ["2"]);
    }
}
