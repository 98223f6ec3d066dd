//! The mix less what the listener said itself, made of the words of both rings in one pass: nothing is copied before.

use crate::{
    audio::{lockfree::atomic_copy, sum::saturate},
    sync::AtomicU64,
};

/// Samples in a block, which the compiler turns into a few vector instructions.
const BLOCK: usize = 16;
/// What lies in a word of samples, and in one of sums.
type Own = [i16; SAMPLES];
type Sums = [i32; 2];
/// Samples in a word of them.
const SAMPLES: usize = 4;
/// Words of sums for each word of samples.
const SUMS: usize = 2;

/// Saturates sums less some 16-bit samples of them, as many as there are of all three. What is read may be torn: who calls this finds
/// out by position, as for any copy ([`atomic_copy`]).
#[inline]
pub fn less_own(sums: &[AtomicU64], own: &[AtomicU64], out: &mut [i16]) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    {
        #[target_feature(enable = "avx2")]
        fn wide(sums: &[AtomicU64], own: &[AtomicU64], out: &mut [i16]) {
            any::<true>(sums, own, out);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, all that `wide` asks for.
            return unsafe { wide(sums, own, out) };
        }
    }
    any::<false>(sums, own, out);
}

#[inline(always)]
fn any<const AVX: bool>(sums: &[AtomicU64], own: &[AtomicU64], out: &mut [i16]) {
    let (own_blocks, own_rest) = own.as_chunks::<{ BLOCK / SAMPLES }>();
    let (sum_blocks, sum_rest) = sums.as_chunks::<{ BLOCK / 2 }>();
    let (out_blocks, out_rest) = out.as_chunks_mut::<BLOCK>();
    for ((out, sums), own) in out_blocks.iter_mut().zip(sum_blocks).zip(own_blocks) {
        // SAFETY: `AVX` is true in `wide` alone, which runs where there is AVX2.
        let (sums, own) = unsafe { (atomic_copy::eight::<AVX, Sums>(sums), atomic_copy::four::<AVX, Own>(own)) };
        let (sums, own) = (sums.as_flattened(), own.as_flattened());
        for index in 0..BLOCK {
            out[index] = saturate(sums[index] - i32::from(own[index]));
        }
    }
    if !out_rest.is_empty() {
        less_own_rest(sum_rest, own_rest, out_rest);
    }
}

#[inline(never)]
fn less_own_rest(sums: &[AtomicU64], own: &[AtomicU64], out: &mut [i16]) {
    let words = out.as_chunks_mut::<SAMPLES>().0.iter_mut().zip(sums.as_chunks::<SUMS>().0).zip(own);
    for ((out, sums), own) in words {
        let (sums, own): ([Sums; SUMS], Own) = (sums.each_ref().map(atomic_copy::get), atomic_copy::get(own));
        *out = std::array::from_fn(|index| saturate(sums.as_flattened()[index] - i32::from(own[index])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<G: atomic_copy::Group>(groups: &[G]) -> Vec<AtomicU64> {
        let words: Vec<_> = groups.iter().map(|_| AtomicU64::new(0)).collect();
        atomic_copy::store(&words, groups);
        words
    }

    #[test]
    fn each_sample_is_the_sum_less_its_own_saturated() {
        for samples in [4, 16, 20, 60, 160, 880] {
            let sums: Vec<i32> = (0..samples).map(|index| (index * 7_919) % 140_000 - 70_000).collect();
            let own: Vec<i16> = (0..samples).map(|index| ((index * 4_099) % 65_536 - 32_768) as i16).collect();
            let (sum_words, own_words) = (words::<Sums>(sums.as_chunks().0), words::<Own>(own.as_chunks().0));
            let due: Vec<i16> =
                sums.iter().zip(&own).map(|(sum, own)| (sum - i32::from(*own)).clamp(-32_768, 32_767) as i16).collect();
            let mut out = vec![0; samples as usize];
            less_own(&sum_words, &own_words, &mut out);
            assert_eq!(out, due, "{samples} samples");
            out.fill(0);
            any::<false>(&sum_words, &own_words, &mut out);
            assert_eq!(out, due, "{samples} samples, on any processor");
        }
    }
}
