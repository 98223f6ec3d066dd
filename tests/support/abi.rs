//! The library as a switch gets it: a file, loaded at run time.

#[allow(warnings, unsafe_op_in_unsafe_fn, clippy::all, clippy::undocumented_unsafe_blocks)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/host.rs"));
}

pub use generated::*;
use std::{env, sync::OnceLock};

/// The library, loaded once for the whole test binary and never unloaded.
pub fn coach() -> &'static Coach {
    static COACH: OnceLock<Coach> = OnceLock::new();
    COACH.get_or_init(|| {
        // Beside the test binary lies the library that was built with it; the copy one folder up may be an older one.
        let path = env::current_exe().expect("a test knows its own path").with_file_name("libcoach.so");
        // SAFETY: the file is this package's own library, whose exported functions have the types of the same header.
        unsafe { Coach::new(&path) }.unwrap_or_else(|error| panic!("{} should load: {error}", path.display()))
    })
}
