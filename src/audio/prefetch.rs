//! A hint to the processor: what will be read soon.

/// Brings the first `BYTES` of a value into the cache, without a loop: a hint should cost less than what it saves.
#[inline(always)]
pub fn prefetch<const BYTES: usize, T: ?Sized>(value: *const T) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..BYTES.div_ceil(64) {
        let at = value.cast::<i8>().wrapping_add(64 * line);
        // SAFETY: a hint; it reads nothing.
        unsafe { std::arch::x86_64::_mm_prefetch(at, std::arch::x86_64::_MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// What a frame of 20 ms takes at most at 8 kHz, wherever on a cache line it begins. Of a longer one the processor brings in the rest by itself.
const FRAME: usize = 2 * 160 + 64;

/// Brings the samples into the cache that lie from `samples` on.
#[inline(always)]
pub fn prefetch_frame<T>(samples: *const T) {
    prefetch::<FRAME, _>(samples);
}

/// Where samples will lie that are needed in the next call, by address: a hint alone, for what was there may have been freed.
#[derive(Clone, Copy, Default)]
pub struct PrefetchHint(usize);

impl PrefetchHint {
    pub fn at<T>(place: *const T) -> Self {
        Self(place.addr())
    }

    /// Brings them into the cache.
    #[inline(always)]
    pub fn prefetch(self) {
        prefetch_frame(std::ptr::without_provenance::<u8>(self.0));
    }
}
