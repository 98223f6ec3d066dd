//! What the control plane publishes and the hooks act on: immutable, numbered, replaced as a whole.

use std::{collections::BTreeSet, sync};

use smallvec::SmallVec;
use triomphe::Arc;

use crate::audio::{
    hook::subscription::Subscription,
    host_mix::HostMix,
    lockfree::{opening_guard::Opening, private_stream::PrivateStream},
    mix::{bus::Bus, input::Input},
};

/// What becomes of what a member says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Everyone hears it: left in the frame, or into [`MemberPlan::input`].
    Open,
    /// In an ordinary call: left in the frame.
    Bypass,
    /// Into [`MemberPlan::stream`], if there is one, for those whose plans have a subscription to it.
    Private,
    /// Nobody hears it, nor what it said just before and is still queued.
    Silent,
}

/// What a member hears, private streams ([`MemberPlan::subscriptions`]) apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// What the host wrote.
    Host,
    /// The room's bus, less what it says itself.
    Bus,
    /// Nothing, private streams included.
    Silence,
}

/// What the hooks of one member do.
pub struct MemberPlan {
    /// The plan's first number: engine-wide, rising, never used again. The hooks may go by a later one by now (see `Published`).
    pub number: u64,
    /// Number of the plan with which the member entered the room; 0 outside.
    pub entered: u64,
    pub speech: Speech,
    /// Whether the member speaks privately, so that what is taken out of its frames is.
    pub private: bool,
    pub hearing: Hearing,
    pub host_mix: HostMix,
    pub opening: Opening,
    /// Where private speech goes; also that of the opening guard of a member that speaks openly again.
    pub stream: Option<sync::Arc<PrivateStream>>,
    /// Engine-mixed: where open speech goes.
    pub input: Option<sync::Arc<Input>>,
    /// Engine-mixed: where open speech comes from.
    pub bus: Option<sync::Arc<Bus>>,
    /// So many numbers ago was the last plan that took a private stream away from the member; 0: this one.
    pub since_withdrawn: u32,
    /// So many numbers ago was the plan since which somebody else is at the member's leg, who hears no fade of what the one before heard.
    pub since_transferred: u32,
    /// The private streams that it hears.
    pub subscriptions: Subscriptions,
}

impl MemberPlan {
    /// Number of the last plan that took a private stream away from the member, or a later one.
    pub fn withdrawn(&self) -> u64 {
        self.number.saturating_sub(u64::from(self.since_withdrawn))
    }

    /// Number of the plan since which somebody else is at the member's leg, or an earlier one.
    pub fn transferred(&self) -> u64 {
        self.number.saturating_sub(u64::from(self.since_transferred))
    }

    /// [control] Whether the ticks of a room that the engine mixes sum what is queued of it, or forget it.
    pub fn heard_in_a_mix(&self) -> bool {
        matches!(self.speech, Speech::Open | Speech::Private)
    }
}

/// Subscriptions to the private streams that one member hears. A list that differs in a few of them from another shares most of its parts
/// with it, so that a change costs little where many are heard.
#[derive(Default)]
pub struct Subscriptions {
    /// The newest, at most [`Subscriptions::PART`]: who speaks privately to many, and often changes that, is here.
    few: SmallVec<[Arc<Subscription>; 1]>,
    /// Parts of [`Subscriptions::PART`] subscriptions or less.
    more: Option<sync::Arc<[Part]>>,
}

type Part = sync::Arc<[Arc<Subscription>]>;

impl Subscriptions {
    const PART: usize = 32;

    fn parts(&self) -> &[Part] {
        self.more.as_deref().unwrap_or_default()
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.few.iter().chain(self.parts().iter().flat_map(|part| part.iter()))
    }

    /// The one that there is, if there is one alone.
    #[inline]
    pub fn only(&self) -> Option<&Arc<Subscription>> {
        if self.more.is_none() && self.few.len() == 1 { self.few.first() } else { None }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.few.is_empty() && self.more.is_none()
    }

    /// [control] The same, less those in `gone`, and with `new` ones.
    pub fn changed(&self, gone: &BTreeSet<*const Subscription>, new: Vec<Arc<Subscription>>) -> Self {
        let stays = |subscription: &&Arc<Subscription>| !gone.contains(&Arc::as_ptr(subscription));
        let mut few: SmallVec<[Arc<Subscription>; 1]> = self.few.iter().filter(stays).cloned().collect();
        let found = self.few.len() - few.len();
        few.extend(new);
        if found == gone.len() && few.len() <= Self::PART {
            few.shrink_to_fit();
            return Self { few, more: self.more.clone() };
        }
        let mut more = Vec::with_capacity(self.parts().len() + few.len().div_ceil(Self::PART));
        for part in self.parts() {
            if part.iter().all(|subscription| stays(&subscription)) {
                more.push(part.clone());
                continue;
            }
            let left: Vec<_> = part.iter().filter(stays).cloned().collect();
            if left.len() < Self::PART / 2 { few.extend(left) } else { more.push(left.into()) }
        }
        if few.len() > Self::PART {
            more.extend(few.chunks(Self::PART).map(Part::from));
            few.clear();
        }
        few.shrink_to_fit();
        Self { few, more: (!more.is_empty()).then(|| more.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::hook::subscription::Voice;

    fn subscriptions(count: usize) -> Vec<Arc<Subscription>> {
        let stream = sync::Arc::new(PrivateStream::new(None).expect("there is memory"));
        let voice = Arc::new(Voice::new(1, stream, None));
        (0..count).map(|_| Arc::new(Subscription::new(voice.clone(), 1))).collect()
    }

    fn list(count: usize) -> Subscriptions {
        Subscriptions::default().changed(&BTreeSet::new(), subscriptions(count))
    }

    /// Where the list ends up with nothing but parts, with one besides, and with one alone: what the write hook asks it first.
    #[test]
    fn a_list_says_whether_it_is_empty_and_whether_it_has_one_alone() {
        let (none, one, two) = (list(0), list(1), list(2));
        assert!(none.is_empty() && none.only().is_none());
        assert!(!one.is_empty() && one.only().is_some());
        assert!(!two.is_empty() && two.only().is_none());
        let parts = list(Subscriptions::PART + 1);
        assert_eq!((parts.few.len(), parts.parts().len()), (0, 2));
        assert!(!parts.is_empty() && parts.only().is_none(), "parts are left, and have some");
        let besides = parts.changed(&BTreeSet::new(), subscriptions(1));
        assert_eq!((besides.few.len(), besides.parts().len()), (1, 2));
        assert!(!besides.is_empty() && besides.only().is_none(), "one besides a part is not alone");
    }

    /// A change copies the parts alone that it touches, and a part of which less than half is left is none any more.
    #[test]
    fn a_changed_list_shares_the_parts_that_have_not_changed() {
        let sizes =
            |list: &Subscriptions| (list.few.len(), list.parts().iter().map(|part| part.len()).collect::<Vec<_>>());
        assert_eq!(sizes(&list(32)), (32, vec![]), "so many make no part yet");
        let all = list(72);
        assert_eq!(sizes(&all), (0, vec![32, 32, 8]));
        for count in 0..=32 {
            let gone = BTreeSet::from_iter(all.parts()[0][..count].iter().map(Arc::as_ptr));
            let left = all.changed(&gone, Vec::new());
            let due = BTreeSet::from_iter(all.iter().map(Arc::as_ptr).filter(|one| !gone.contains(one)));
            assert_eq!(BTreeSet::from_iter(left.iter().map(Arc::as_ptr)), due, "without {count}");
            let expected = match count {
                0..=16 => (0, vec![32 - count, 32, 8]),
                _ => (32 - count, vec![32, 8]),
            };
            assert_eq!(sizes(&left), expected, "without {count}");
            let kept = |part: &&Part| all.parts().iter().any(|other| sync::Arc::ptr_eq(part, other));
            assert_eq!(left.parts().iter().filter(kept).count(), if count == 0 { 3 } else { 2 }, "without {count}");
        }
    }
    /// Lists that differ among the newest alone share all of their parts, and a part is made only of more than may stay among the newest.
    #[test]
    fn what_is_gone_is_found_among_the_newest_and_in_the_parts() {
        let all = list(72).changed(&BTreeSet::new(), subscriptions(2));
        for (newest, older) in [(0, 0), (1, 0), (2, 0), (0, 1), (0, 4), (1, 1), (1, 2), (2, 2)] {
            let gone = all.few[..newest].iter().chain(&all.parts()[0][..older]).map(Arc::as_ptr);
            let gone = BTreeSet::from_iter(gone);
            let left = all.changed(&gone, Vec::new());
            let due = BTreeSet::from_iter(all.iter().map(Arc::as_ptr).filter(|one| !gone.contains(one)));
            let what = format!("without {newest} of the newest and {older} others");
            assert_eq!(BTreeSet::from_iter(left.iter().map(Arc::as_ptr)), due, "{what}");
            assert_eq!(std::ptr::eq(left.parts(), all.parts()), older == 0, "{what}");
            let few = all.changed(&gone, subscriptions(30 + newest));
            assert_eq!((few.few.len(), few.parts().len()), (32, 3), "{what}, and with others");
        }
    }
}
