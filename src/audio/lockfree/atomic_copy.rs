//! Copies to and from words that another thread may be using meanwhile. What a reader got that the writer was overtaking is torn:
//! the caller finds out by position (`Seqlock::holds`) and throws it away.
//!
//! The words are atomic, so that a torn copy is no data race. A loop over atomics moves eight bytes at a time, though, and these
//! copies are most of what a hook does: where the processor allows, an instruction of wider memory accesses does the same.

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Ordering};

/// Samples as they lie in one word.
///
/// # Safety
/// The type has eight bytes, of which every pattern is a value.
pub unsafe trait Group: Copy {}

// SAFETY: four times two bytes; integers have no other patterns.
unsafe impl Group for [i16; 4] {}
// SAFETY: twice four bytes; as above.
unsafe impl Group for [i32; 2] {}

fn pack<G: Group>(group: G) -> u64 {
    // SAFETY: as `Group` promises.
    unsafe { std::mem::transmute_copy(&group) }
}

fn unpack<G: Group>(word: u64) -> G {
    // SAFETY: as `Group` promises.
    unsafe { std::mem::transmute_copy(&word) }
}

/// What `word` holds.
pub fn get<G: Group>(word: &AtomicU64) -> G {
    unpack(word.load(Ordering::Relaxed))
}

/// Has `word` hold `group`.
pub fn put<G: Group>(word: &AtomicU64, group: G) {
    word.store(pack(group), Ordering::Relaxed);
}

/// Words that a loop moves at a time, so that its own cost is hardly seen.
const BLOCK: usize = 8;

/// Stores `groups` into as many `words`.
#[inline]
pub fn store<G: Group>(words: &[AtomicU64], groups: &[G]) {
    debug_assert_eq!(words.len(), groups.len());
    let (blocks, few) = groups.as_chunks::<BLOCK>();
    let (word_blocks, few_words) = words.as_chunks::<BLOCK>();
    for (words, groups) in word_blocks.iter().zip(blocks) {
        store_block(words, groups);
    }
    for (word, group) in few_words.iter().zip(few) {
        put(word, *group);
    }
}

/// Fills `groups` from as many `words`.
#[inline]
pub fn load<T, const N: usize>(words: &[AtomicU64], groups: &mut [[MaybeUninit<T>; N]])
where
    [T; N]: Group,
{
    debug_assert_eq!(words.len(), groups.len());
    // SAFETY: the same bytes, none of which has to be a value.
    let groups = unsafe { &mut *(std::ptr::from_mut(groups) as *mut [MaybeUninit<[T; N]>]) };
    let (blocks, few) = groups.as_chunks_mut::<BLOCK>();
    let (word_blocks, few_words) = words.as_chunks::<BLOCK>();
    for (words, groups) in word_blocks.iter().zip(blocks) {
        load_block(words, groups);
    }
    for (word, group) in few_words.iter().zip(few) {
        group.write(get(word));
    }
}

/// What four words hold.
///
/// # Safety
/// Where `AVX`, the processor has AVX.
#[inline(always)]
pub unsafe fn four<const AVX: bool, G: Group>(words: &[AtomicU64; 4]) -> [G; 4] {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    // SAFETY: 32 bytes can be read; what is read may be torn, and is a value all the same (`Group`).
    unsafe {
        std::mem::transmute_copy(&load_pairs::<AVX>(words.as_ptr().cast()))
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
    words.each_ref().map(get)
}

/// What eight words hold.
///
/// # Safety
/// As [`four`].
#[inline(always)]
pub unsafe fn eight<const AVX: bool, G: Group>(words: &[AtomicU64; 8]) -> [G; 8] {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    // SAFETY: 64 bytes can be read; what is read may be torn, and is a value all the same (`Group`).
    unsafe {
        let from = words.as_ptr().cast::<u8>();
        std::mem::transmute_copy(&[load_pairs::<AVX>(from), load_pairs::<AVX>(from.add(32))])
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
    words.each_ref().map(get)
}

/// Four words in two registers, by the instructions that suit those around: a processor with AVX is slow to change between both kinds.
///
/// # Safety
/// As [`move_block`] for 32 bytes, and as [`four`].
#[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
#[inline(always)]
unsafe fn load_pairs<const AVX: bool>(from: *const u8) -> [std::arch::x86_64::__m128i; 2] {
    let (first, second);
    macro_rules! load {
        ($instruction:literal) => {
            std::arch::asm!(
                concat!($instruction, " {first}, [{from}]"),
                concat!($instruction, " {second}, [{from} + 16]"),
                from = in(reg) from,
                first = out(xmm_reg) first,
                second = lateout(xmm_reg) second,
                options(nostack, readonly, preserves_flags),
            )
        };
    }
    // SAFETY: the caller has said that 32 bytes may be read at `from`, and that there is AVX where `AVX` says so.
    unsafe { if AVX { load!("vmovdqu") } else { load!("movdqu") } }
    [first, second]
}

#[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
#[inline(always)]
fn store_block<G: Group>(words: &[AtomicU64; BLOCK], groups: &[G; BLOCK]) {
    // SAFETY: both are 64 bytes (`Group`), and an atomic may be written through a shared reference. The processor writes eight
    // aligned bytes of it at once or more finely, which is what relaxed stores would do, or torn further, which readers expect.
    unsafe { move_block(groups.as_ptr().cast(), words.as_ptr().cast_mut().cast()) };
}

#[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
#[inline(always)]
fn load_block<G: Group>(words: &[AtomicU64; BLOCK], groups: &mut [MaybeUninit<G>; BLOCK]) {
    // SAFETY: both are 64 bytes (`Group`); what is read may be torn, and is a value all the same.
    unsafe { move_block(words.as_ptr().cast(), groups.as_mut_ptr().cast()) };
}

/// Moves 64 bytes.
///
/// # Safety
/// `from` may be read and `to` written. Either may be in use by another thread, which the compiler is not told of: it takes an
/// instruction of ours to be as atomic as it has to be.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
#[inline(always)]
unsafe fn move_block(from: *const u8, to: *mut u8) {
    // SAFETY: the caller has said that 64 bytes may be read at `from` and written at `to`.
    unsafe {
        std::arch::asm!(
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            from = in(reg) from,
            to = in(reg) to,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
fn store_block<G: Group>(words: &[AtomicU64; BLOCK], groups: &[G; BLOCK]) {
    for index in 0..BLOCK {
        put(&words[index], groups[index]);
    }
}

#[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
fn load_block<G: Group>(words: &[AtomicU64; BLOCK], groups: &mut [MaybeUninit<G>; BLOCK]) {
    for index in 0..BLOCK {
        groups[index].write(get(&words[index]));
    }
}
