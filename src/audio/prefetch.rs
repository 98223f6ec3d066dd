//! A hint to the processor: what will be read soon.

/// Brings the first `bytes` of a value into the cache.
pub fn prefetch<T: ?Sized>(value: &T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..bytes.div_ceil(64) {
        let at = std::ptr::from_ref(value).cast::<i8>().wrapping_add(64 * line);
        // SAFETY: a hint; it reads nothing.
        unsafe { std::arch::x86_64::_mm_prefetch(at, std::arch::x86_64::_MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, bytes);
}
