//! The program that `make fuzz` runs: libFuzzer, which grows its inputs by what they reach inside the library. The variable
//! FUZZ says what it plays.

#![no_main]

mod abi;
mod calls;
mod commands;
mod model;

use std::{hint::black_box, sync::LazyLock};

static PLAY: LazyLock<fn(&[u8])> = LazyLock::new(|| match std::env::var("FUZZ").as_deref() {
    Ok("commands") => commands::play,
    Ok("calls") => calls::play,
    Ok("overrun") => overrun,
    _ => panic!("FUZZ should say what to play: commands, calls or overrun"),
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| PLAY(data));

/// A mistake on purpose: shows that AddressSanitizer is on.
fn overrun(_: &[u8]) {
    let bytes = black_box(vec![0_u8; 16]);
    // SAFETY: none; the read past the end is what this is for, and ends the program.
    black_box(unsafe { bytes.as_ptr().add(16).read_volatile() });
}
