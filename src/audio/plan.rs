//! What the control plane publishes and the hooks act on: immutable, numbered, replaced as a whole.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{bus::Bus, guard::Opening, input::Input, link::Link, slot::Slot, voice::Voice};

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

/// One member's part of a plan.
pub struct Seat {
    /// The plan's number: engine-wide, rising, never used again.
    pub number: u64,
    /// Number of the plan with which the member entered the room; 0 outside.
    pub entered: u64,
    pub speech: Speech,
    /// Whether the member speaks privately, so that what is taken out of its frames is.
    pub private: bool,
    pub hearing: Hearing,
    pub opening: Opening,
    /// Where private speech goes; also that of the opening guard of a member that speaks openly again.
    pub voice: Option<Arc<Voice>>,
    /// Engine-mixed: where open speech goes.
    pub input: Option<Arc<Input>>,
    /// Engine-mixed: where open speech comes from.
    pub bus: Option<Arc<Bus>>,
    /// The private voices that it hears.
    pub voices: SmallVec<[Arc<Link>; 1]>,
}

/// A plan, and the slots of the members that may be using it (of a room's: that of a member outside rooms has one owner).
pub struct Plan {
    pub seats: Box<[Seat]>,
    /// Open speech of members that have just left the room: it fades.
    pub leaving: Vec<Arc<Input>>,
    pub slots: Box<[&'static Slot<super::member::Member>]>,
}
