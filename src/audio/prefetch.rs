//! A hint to the processor: what will be read soon.

/// Brings the first `bytes` of a value into the cache.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: *const T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..bytes.div_ceil(64) {
        let at = value.cast::<i8>().wrapping_add(64 * line);
        // SAFETY: a hint; it reads nothing.
        unsafe { std::arch::x86_64::_mm_prefetch(at, std::arch::x86_64::_MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, bytes);
}

/// Where something will lie that is needed in the next call, by address: a hint alone, for what was there may have been freed.
#[derive(Clone, Copy, Default)]
pub struct PrefetchHint(usize);

impl PrefetchHint {
    pub fn at<T>(place: *const T) -> Self {
        Self(place.addr())
    }

    /// Brings it into the cache.
    #[inline(always)]
    pub fn prefetch(self, bytes: usize) {
        prefetch(std::ptr::without_provenance::<u8>(self.0), bytes);
    }
}
