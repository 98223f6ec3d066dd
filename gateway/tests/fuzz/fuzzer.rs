//! The program that `make fuzz` runs on the gateway's side: libFuzzer. The variable FUZZ says what it plays.

#![no_main]

mod play;

use std::sync::LazyLock;

static PLAY: LazyLock<fn(&[u8])> = LazyLock::new(|| match std::env::var("FUZZ").as_deref() {
    Ok("messages") => play::message,
    Ok("answers") => play::answer,
    _ => panic!("FUZZ should say what to play: messages or answers"),
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| PLAY(data));
