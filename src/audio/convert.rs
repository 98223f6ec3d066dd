//! Rate conversion.

use std::sync::atomic::{AtomicUsize, Ordering};

use resampler::{Attenuation, Latency, ResamplerFir};

use super::{format::Format, mailbox};

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

    /// In one word, never 0.
    pub fn code(self) -> u64 {
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

/// Where a hook gets its converter from.
pub type Mailbox = mailbox::Mailbox<Converter>;

/// The most memory that making a converter takes: a table of 384 taps for 1,025 phases, twice, and buffers.
const MOST_BYTES: usize = 4 << 20;

/// A running conversion. Filter of 64 taps at the lower rate, stop band below -90 dB.
pub struct Converter {
    conversion: Conversion,
    filter: ResamplerFir,
}

impl Converter {
    /// [control] For [`Mailbox::prepare`]; `None` without memory. Computes a filter table the first time that a ratio is met, which
    /// takes tens of milliseconds: see [`warm_next`].
    pub fn of(code: u64) -> Option<Self> {
        Conversion::from_code(code).and_then(Self::new)
    }

    fn new(conversion: Conversion) -> Option<Self> {
        // The filter's own allocations end the process where there is no memory.
        Vec::<u8>::new().try_reserve_exact(MOST_BYTES).ok()?;
        let Conversion { from, to } = conversion;
        let filter =
            ResamplerFir::new_from_hz(from.channels(), from.rate(), to.rate(), Latency::Sample32, Attenuation::Db90);
        let mut new = Self { conversion, filter };
        new.restart();
        Some(new)
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

/// How many pairs of [`USUAL_FIRST`] were asked for. Tables are the process's, and so is this.
static WARM: AtomicUsize = AtomicUsize::new(0);

/// Rates, the usual ones first.
const USUAL_FIRST: [u32; 7] = [8_000, 16_000, 48_000, 32_000, 24_000, 12_000, 44_100];

/// [control] Computes one more filter table, if one is left, so that a conversion that is wanted later finds it: 40 ms at most.
/// All of them are 10 MB. Not for a host that may unload the library: they would stay.
pub fn warm_next() {
    let pairs = USUAL_FIRST.iter().enumerate().flat_map(|(count, rate)| {
        USUAL_FIRST[..count].iter().flat_map(move |other| [(*rate, *other), (*other, *rate)])
    });
    if let Some((from, to)) = pairs.into_iter().nth(WARM.fetch_add(1, Ordering::Relaxed))
        && let (Some(from), Some(to)) = (Format::new(from, 1), Format::new(to, 1))
    {
        drop(Converter::new(Conversion { from, to })); // the table stays
    }
}
