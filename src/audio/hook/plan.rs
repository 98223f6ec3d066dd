//! What the control plane publishes and the hooks act on: immutable, numbered, replaced as a whole.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::audio::{
    hook::subscription::Link,
    host_mix::HostMix,
    lockfree::{opening_guard::Opening, private_stream::Voice},
    mix::{bus::Bus, input::Input},
};

/// What becomes of what a member says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Everyone hears it: left in the frame, or into [`Seat::input`].
    Open,
    /// In an ordinary call: left in the frame.
    Bypass,
    /// Into [`Seat::voice`], if there is one, for those whose seats have a link to it.
    Private,
    /// Nobody hears it, nor what it said just before and is still queued.
    Silent,
}

/// What a member hears, private voices ([`Seat::voices`]) apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// What the host wrote.
    Host,
    /// The room's bus, less its own voice.
    Bus,
    /// Nothing, private voices included.
    Silence,
}

/// What the hooks of one member do.
pub struct Seat {
    /// The plan's number: engine-wide, rising, never used again.
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
    pub voice: Option<Arc<Voice>>,
    /// Engine-mixed: where open speech goes.
    pub input: Option<Arc<Input>>,
    /// Engine-mixed: where open speech comes from.
    pub bus: Option<Arc<Bus>>,
    /// The private voices that it hears.
    pub voices: Voices,
}

impl Seat {
    /// [control] Whether the ticks of a room that the engine mixes sum what is queued of it, or forget it.
    pub fn heard_in_a_mix(&self) -> bool {
        matches!(self.speech, Speech::Open | Speech::Private)
    }
}

/// Links to the private voices that one member hears. A list that differs in a few of them from another shares most of its parts
/// with it, so that a change costs little where many are heard.
#[derive(Default)]
pub struct Voices {
    few: SmallVec<[Arc<Link>; 1]>,
    /// Parts of [`Voices::PART`] links or less.
    more: Box<[Arc<[Arc<Link>]>]>,
}

impl Voices {
    const PART: usize = 16;

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.few.iter().chain(self.more.iter().flat_map(|part| part.iter()))
    }

    /// The one that there is, if there is one alone.
    #[inline]
    pub fn only(&self) -> Option<&Arc<Link>> {
        if self.more.is_empty() && self.few.len() == 1 { self.few.first() } else { None }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.few.is_empty() && self.more.is_empty()
    }

    /// [control] The same, less those that `gone` says, and with `new` ones.
    pub fn changed(&self, gone: impl Fn(&Link) -> bool, new: Vec<Arc<Link>>) -> Self {
        let mut few: SmallVec<[Arc<Link>; 1]> = self.few.iter().filter(|link| !gone(link)).cloned().collect();
        let mut more = Vec::with_capacity(self.more.len() + new.len().div_ceil(Self::PART));
        for part in &self.more {
            if !part.iter().any(|link| gone(link)) {
                more.push(part.clone());
                continue;
            }
            let left: Vec<_> = part.iter().filter(|link| !gone(link)).cloned().collect();
            if left.len() < Self::PART / 2 { few.extend(left) } else { more.push(left.into()) }
        }
        few.extend(new);
        while few.len() > Self::PART {
            more.push(few.drain(few.len() - Self::PART..).collect());
        }
        few.shrink_to_fit();
        Self { few, more: more.into() }
    }
}
