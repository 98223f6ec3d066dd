//! What a member's read hook and its write hook keep from one frame to the next.

use super::{
    bus::Place, convert::Conversion, fade::Fade, format::Format, guard::Guards, hook::Steady, mode_sound::Sounding,
    player::Player,
};

/// The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Reading {
    pub steady: Steady,
    /// What becomes of a frame under `steady`.
    pub way: Way,
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
#[derive(Clone, Copy, Debug, Default)]
pub enum Way {
    /// It is left as it is.
    #[default]
    Left,
    /// It goes into the voice as it is, in this format.
    Voice(Format),
    /// It goes into the mix as it is, in this format.
    Mix(Format),
}

/// The write hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Writing {
    pub steady: Steady,
    /// Under `steady`, the one private voice is added to the frame, which is of this format; else it is left.
    pub adds: Option<Format>,
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
