//! Rate conversion, and its hand-over: built by the control plane, used by one hook, freed by the control plane.
//!
//! A hook that meets a pair of rates it has no converter for says so ([`Mailbox::take`]), goes on in silence, and finds the
//! converter in its mailbox a little later.

use std::{
    cell::UnsafeCell,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering},
    },
};

use resampler::{Attenuation, Latency, ResamplerFir};

use super::format::Format;

/// From one rate to another, for so many channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub from: Format,
    pub to: Format,
}

impl Conversion {
    /// `None` where the rates are the same. Converts as few channels as either side has.
    pub fn between(from: Format, to: Format) -> Option<Self> {
        let channels = from.channels().min(to.channels()) as u32;
        let narrow = |f: Format| Format::new(f.rate(), channels).unwrap_or(f);
        (from.rate() != to.rate()).then(|| Self { from: narrow(from), to: narrow(to) })
    }

    fn code(self) -> u64 {
        self.from.code() << 32 | self.to.code()
    }

    fn from_code(code: u64) -> Option<Self> {
        Some(Self { from: Format::from_code(code >> 32)?, to: Format::from_code(code & 0xffff_ffff)? })
    }

    /// Channels that it converts.
    pub fn channels(self) -> usize {
        self.from.channels()
    }
}

/// A running conversion. Filter of 64 taps at the lower rate, stop band below -90 dB.
pub struct Converter {
    conversion: Conversion,
    filter: ResamplerFir,
}

impl Converter {
    /// Allocates, and computes a filter table the first time that a pair of rates is met.
    pub fn new(conversion: Conversion) -> Self {
        let Conversion { from, to } = conversion;
        let filter =
            ResamplerFir::new_from_hz(from.channels(), from.rate(), to.rate(), Latency::Sample32, Attenuation::Db90);
        let mut new = Self { conversion, filter };
        new.restart();
        new
    }

    /// What it converts.
    pub fn conversion(&self) -> Conversion {
        self.conversion
    }

    /// Input samples a channel that it needs beyond those it has given out.
    pub fn delay(&self) -> usize {
        self.filter.delay() + 1
    }

    /// Forgets what it holds. The zeros put the first input sample in the middle of the filter, so that none is lost.
    pub fn restart(&mut self) {
        self.filter.reset();
        self.silence(self.filter.delay(), &mut []);
    }

    /// Feeds `samples` zeros a channel; how many interleaved samples came out.
    pub fn silence(&mut self, samples: usize, out: &mut [f32]) -> usize {
        const ZEROS: [f32; 128] = [0.0; 128];
        let mut left = samples * self.conversion.channels();
        let mut done = 0;
        while left > 0 {
            let (taken, given) = self.run(&ZEROS[..left.min(ZEROS.len())], &mut out[done..]);
            done += given;
            left -= taken;
            if taken == 0 {
                break;
            }
        }
        done
    }

    /// Takes interleaved input, gives interleaved output, as much of each as fits: how many were taken and given.
    pub fn run(&mut self, input: &[f32], out: &mut [f32]) -> (usize, usize) {
        // It fails for lengths that are no multiple of the channels alone; nothing taken, nothing given is silence.
        self.filter.resample(input, out).unwrap_or((0, 0))
    }
}

/// Rings when a hook of the engine wants a conversion.
#[derive(Clone, Default)]
pub struct Bell(Arc<AtomicBool>);

impl Bell {
    fn ring(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it rang since it was asked last.
    pub fn rang(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Acquire)
    }
}

/// Where one hook gets its converter from.
pub struct Mailbox {
    /// The conversion that the hook needs, as a code; 0 for none. Written by the hook (and before it runs).
    wanted: AtomicU64,
    /// The last one that was built. Written by the control plane.
    built: AtomicU64,
    /// From the control plane to the hook.
    offer: AtomicPtr<Converter>,
    /// From the hook to the control plane. The control plane empties it before each offer, and the hook fills it once an
    /// offer at most, so that it is empty whenever the hook needs it.
    spent: AtomicPtr<Converter>,
    /// The hook's own.
    current: UnsafeCell<Option<Box<Converter>>>,
    bell: Bell,
}

// SAFETY: `current` is touched by the one hook that owns the mailbox (the contract of `take`), the rest is atomic.
unsafe impl Sync for Mailbox {}

impl Mailbox {
    pub fn new(bell: Bell) -> Self {
        Self {
            wanted: AtomicU64::new(0),
            built: AtomicU64::new(0),
            offer: AtomicPtr::new(ptr::null_mut()),
            spent: AtomicPtr::new(ptr::null_mut()),
            current: UnsafeCell::new(None),
            bell,
        }
    }

    /// [audio] The converter for `conversion`, if it is there; otherwise it will be prepared.
    ///
    /// # Safety
    /// One thread at a time: the caller is inside the gate of the hook that owns this mailbox, and keeps the reference no
    /// longer than that.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn take(&self, conversion: Conversion) -> Option<&mut Converter> {
        // SAFETY: the caller's promise.
        let current = unsafe { &mut *self.current.get() };
        if current.as_ref().is_none_or(|c| c.conversion() != conversion) {
            let offer = self.offer.swap(ptr::null_mut(), Ordering::AcqRel);
            if !offer.is_null() {
                // SAFETY: made by Box::into_raw in `prepare`, swapped out once.
                let old = current.replace(unsafe { Box::from_raw(offer) });
                if let Some(old) = old {
                    self.spent.store(Box::into_raw(old), Ordering::Release);
                }
            }
        }
        let there = current.as_deref_mut().filter(|c| c.conversion() == conversion);
        if there.is_none() && self.wanted.load(Ordering::Relaxed) != conversion.code() {
            self.wanted.store(conversion.code(), Ordering::Release);
            self.bell.ring();
        } else if there.is_none() {
            // Wanted before, built, replaced by another and wanted again: the control plane compares with the last built.
            self.bell.ring();
        }
        there
    }

    /// [control] Says beforehand what the hook will want.
    pub fn expect(&self, conversion: Conversion) {
        self.wanted.store(conversion.code(), Ordering::Release);
        self.bell.ring();
    }

    /// Whether [`Mailbox::prepare`] has something to do.
    pub fn waits(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != self.built.load(Ordering::Relaxed)
            || !self.spent.load(Ordering::Relaxed).is_null()
    }

    /// [control] Builds what is wanted and offers it, and frees what was spent. One thread at a time.
    pub fn prepare(&self) {
        self.sweep();
        let wanted = self.wanted.load(Ordering::Acquire);
        if wanted == self.built.load(Ordering::Relaxed) {
            return;
        }
        if let Some(conversion) = Conversion::from_code(wanted) {
            let new = Box::into_raw(Box::new(Converter::new(conversion)));
            self.built.store(wanted, Ordering::Relaxed);
            free(self.offer.swap(new, Ordering::AcqRel));
        }
    }

    fn sweep(&self) {
        free(self.spent.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}

fn free(converter: *mut Converter) {
    if !converter.is_null() {
        // SAFETY: made by Box::into_raw in `prepare` or `take`, swapped out of its place once by the caller.
        drop(unsafe { Box::from_raw(converter) });
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.sweep();
        free(self.offer.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}
