//! What a member's read hook and its write hook keep from one frame to the next.

use crate::audio::{
    format::Format,
    hook::{hook::FastPath, mode_sound::SoundPlayback, subscription::Subscription},
    lockfree::{opening_guard::Guards, private_stream::PrivateStream, published::PlanRef},
    mix::{
        bus::{Bus, MixPosition},
        input::Input,
    },
    playout::{declick::DeclickRamp, playout::Playout, resample::Conversion},
    prefetch::PrefetchHint,
};

/// The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct ReadState {
    pub fast_path: FastPath,
    /// What becomes of a frame under `fast_path`.
    pub action: ReadAction,
    /// Where the next frame goes that is mixed.
    pub hint: PrefetchHint,
    /// The last open sample, if the last frame was open.
    pub open: Option<[i32; 2]>,
    /// The stream that the last frame went into, by address.
    pub stream: usize,
    /// The converter that holds the end of what went into a mix: `MemberPlan::entered` of that time, and what it converts.
    pub mixing: Option<(u64, Conversion)>,
    pub declick: DeclickRamp,
    pub guards: Guards,
}

/// What becomes of every frame of one shape under one plan, while nothing else is going on.
#[derive(Clone, Copy, Default)]
pub enum ReadAction {
    /// It is left as it is.
    #[default]
    Left,
    /// It goes into the stream as it is, in this format.
    PrivateStream(Format, PlanRef<PrivateStream>),
    /// It goes into the mix as it is, in this format.
    Mix(Format, PlanRef<Input>),
}

/// What becomes of every frame of one shape that is written under one plan, while nothing else is going on.
#[derive(Clone, Copy, Default)]
pub enum WriteAction {
    /// It is left as it is.
    #[default]
    Nothing,
    /// The one private stream is added to it; it is of this format.
    PrivateStream(Format, PlanRef<Subscription>),
    /// It is made of the mix, less what the member said itself.
    Mix(Format, PlanRef<Bus>, Option<PlanRef<Input>>),
}

/// The write hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct WriteState {
    pub fast_path: FastPath,
    /// What becomes of a frame under `fast_path`.
    pub action: WriteAction,
    /// Where what the member said itself lies of the next frame of the mix.
    pub hint: PrefetchHint,
    /// Units of the host's frame of which this one is a part; 0 where it is all of it.
    pub cut_from: u64,
    /// The plan of the last frame.
    pub number: u64,
    /// What all private streams together amounted to at the end of the last frame.
    pub tails: [i32; 2],
    /// Fades out streams that were taken away.
    pub declick: DeclickRamp,
    /// `MemberPlan::entered` of the room whose mix it listens to, 0 for none; and how far it has come.
    pub entered: u64,
    pub at: MixPosition,
    pub mix: Playout,
    /// Something is still to come out of a mix of another rate.
    pub converting: bool,
    pub sound: SoundPlayback,
}

impl WriteState {
    /// The format of `samples` interleaved ones, with the units of the frame that they are, or are a part of.
    #[inline(always)]
    pub fn whole(&self, format: Format, samples: usize) -> (Format, u64) {
        (format, format.units(format.a_channel(samples)).max(self.cut_from))
    }
}
