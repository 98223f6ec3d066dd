//! Rate conversion.

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

/// A running conversion. Filter of 64 taps at the lower rate, stop band below -90 dB.
pub struct Converter {
    conversion: Conversion,
    filter: ResamplerFir,
}

impl Converter {
    /// [control] For [`Mailbox::prepare`]. Allocates, and computes a filter table the first time that a ratio is met, which
    /// takes tens of milliseconds.
    pub fn of(code: u64) -> Option<Self> {
        Conversion::from_code(code).map(Self::new)
    }

    fn new(conversion: Conversion) -> Self {
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

/// [control] Computes the filter tables of every pair of rates, the usual ones first, so that a change in mid-call finds them.
/// 10 MB and half a second of one core, once a process; `stop` is asked between tables.
pub fn warm(stop: impl Fn() -> bool) {
    const USUAL_FIRST: [u32; 7] = [8_000, 16_000, 48_000, 32_000, 24_000, 12_000, 44_100];
    for (count, rate) in USUAL_FIRST.iter().enumerate() {
        for other in &USUAL_FIRST[..count] {
            for (from, to) in [(rate, other), (other, rate)] {
                if stop() {
                    return;
                }
                if let (Some(from), Some(to)) = (Format::new(*from, 1), Format::new(*to, 1)) {
                    drop(Converter::new(Conversion { from, to })); // the table stays
                }
            }
        }
    }
}
