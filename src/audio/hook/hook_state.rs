//! What a member's read hook and its write hook keep from one frame to the next.

use crate::audio::{
    format::Format,
    hook::{hook::Steady, mode_sound::Sounding, subscription::Link},
    lockfree::{opening_guard::Guards, private_stream::Voice, published::Granted},
    mix::{
        bus::{Bus, Place},
        input::Input,
    },
    playout::{declick::Fade, playout::Player, resample::Conversion},
    prefetch::Soon,
};

/// The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Reading {
    pub steady: Steady,
    /// What becomes of a frame under `steady`.
    pub way: Way,
    /// Where the next frame goes that is mixed.
    pub soon: Soon,
    /// The last open sample, if the last frame was open.
    pub open: Option<[i32; 2]>,
    /// The voice that the last frame went into, by address.
    pub voice: usize,
    /// The converter that holds the end of what went into a mix: `Seat::entered` of that time, and what it converts.
    pub mixing: Option<(u64, Conversion)>,
    pub fade: Fade,
    pub guards: Guards,
}

/// What becomes of every frame of one shape under one plan, while nothing else is going on.
#[derive(Clone, Copy, Default)]
pub enum Way {
    /// It is left as it is.
    #[default]
    Left,
    /// It goes into the voice as it is, in this format.
    Voice(Format, Granted<Voice>),
    /// It goes into the mix as it is, in this format.
    Mix(Format, Granted<Input>),
}

/// What becomes of every frame of one shape that is written under one plan, while nothing else is going on.
#[derive(Clone, Copy, Default)]
pub enum Adds {
    /// It is left as it is.
    #[default]
    Nothing,
    /// The one private voice is added to it; it is of this format.
    Voice(Format, Granted<Link>),
    /// It is made of the mix, less what the member said itself.
    Mix(Format, Granted<Bus>, Option<Granted<Input>>),
}

/// The write hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Writing {
    pub steady: Steady,
    /// What becomes of a frame under `steady`.
    pub adds: Adds,
    /// Where what the member said itself lies of the next frame of the mix.
    pub soon: Soon,
    /// The plan of the last frame.
    pub number: u64,
    /// What all private voices together amounted to at the end of the last frame.
    pub tails: [i32; 2],
    /// Fades out voices that were taken away.
    pub fade: Fade,
    /// `Seat::entered` of the room whose mix it listens to, 0 for none; and how far it has come.
    pub entered: u64,
    pub at: Place,
    pub mix: Player,
    pub sounding: Sounding,
}
