//! 32-bit sums: the loops that run over every sample, once for any processor and once more for those with AVX2.

use std::mem::MaybeUninit;

/// Samples in a block, which the compiler turns into a few vector instructions.
const BLOCK: usize = 16;

#[inline(always)]
fn each<T: Copy, U>(from: &[T], to: &mut [U], apply: impl Fn(&mut U, T)) {
    let length = from.len().min(to.len());
    let (blocks, rest) = from[..length].as_chunks::<BLOCK>();
    let (to_blocks, to_rest) = to[..length].as_chunks_mut::<BLOCK>();
    for (from, to) in blocks.iter().zip(to_blocks) {
        for index in 0..BLOCK {
            apply(&mut to[index], from[index]);
        }
    }
    for (from, to) in rest.iter().zip(to_rest) {
        apply(to, *from);
    }
}

/// Defines a function over two slices, compiled twice.
macro_rules! vectored {
    ($(#[$doc:meta])* $name:ident($from:ident: &[$t:ty], $to:ident: &mut [$u:ty]) $apply:expr) => {
        $(#[$doc])*
        #[inline]
        pub fn $name($from: &[$t], $to: &mut [$u]) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($from: &[$t], $to: &mut [$u]) {
                    each($from, $to, $apply);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, all that `wide` asks for.
                    return unsafe { wide($from, $to) };
                }
            }
            each($from, $to, $apply);
        }
    };
}

vectored!(
    /// 32-bit samples of 16-bit ones.
    widen(samples: &[i16], sum: &mut [MaybeUninit<i32>]) |sum, sample| _ = sum.write(i32::from(sample))
);
vectored!(
    /// Adds 16-bit samples.
    add(samples: &[i16], sum: &mut [i32]) |sum, sample| *sum += i32::from(sample)
);
vectored!(
    /// Takes 16-bit samples out again.
    subtract(samples: &[i16], sum: &mut [i32]) |sum, sample| *sum -= i32::from(sample)
);
vectored!(
    /// Adds 32-bit samples.
    add_wide(samples: &[i32], sum: &mut [i32]) |sum, sample| *sum += sample
);
vectored!(
    /// Adds to 16-bit samples: for a single stream the same as a 32-bit sum that is saturated once.
    add_saturating(samples: &[i16], frame: &mut [i16]) |frame, sample| *frame = frame.saturating_add(sample)
);
vectored!(
    /// Saturates each sum to 16 bits: no sum is saturated before.
    saturate_all(sum: &[i32], out: &mut [i16]) |out, sum| *out = saturate(sum)
);

/// One saturated sample.
#[inline(always)]
pub fn saturate(sum: i32) -> i16 {
    sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// A sample that queues hold: 16-bit, or a 32-bit sum.
pub trait Sample: Copy + Default + Into<i32> {
    /// Adds samples of this kind.
    fn add(samples: &[Self], sum: &mut [i32]);

    /// What becomes of a frame for which there are no samples of this kind: 16-bit ones are added to what it holds, a 32-bit sum is
    /// all of it.
    fn play_silence_direct(frame: &mut [i16]);
}

impl Sample for i16 {
    fn add(samples: &[Self], sum: &mut [i32]) {
        add(samples, sum);
    }

    fn play_silence_direct(_: &mut [i16]) {}
}

impl Sample for i32 {
    fn add(samples: &[Self], sum: &mut [i32]) {
        add_wide(samples, sum);
    }

    fn play_silence_direct(frame: &mut [i16]) {
        frame.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_wide_and_saturate_once() {
        let mut sum = vec![0; 37];
        add(&[i16::MAX; 37], &mut sum);
        add(&[i16::MAX; 37], &mut sum);
        let mut out = [0; 37];
        saturate_all(&sum, &mut out);
        assert_eq!(out, [i16::MAX; 37]);
        subtract(&[i16::MAX; 37], &mut sum);
        subtract(&[i16::MAX - 1; 37], &mut sum);
        saturate_all(&sum, &mut out);
        assert_eq!(out, [1; 37]);
        add_wide(&[-70_000; 37], &mut sum);
        saturate_all(&sum, &mut out);
        assert_eq!(out, [i16::MIN; 37]);
    }
}
