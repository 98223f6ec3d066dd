//! Derives every type at the C boundary from `include/coach.h`, so that a signature that drifts does not compile.

use std::{
    env,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=include/coach.h");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let header = || {
        bindgen::Builder::default()
            .header("include/coach.h")
            .allowlist_item("(coach|COACH)_.*")
            .prepend_enum_name(false)
            .layout_tests(false)
            .generate_comments(false)
            .derive_default(true)
            .merge_extern_blocks(true)
            .rust_edition(bindgen::RustEdition::Edition2024)
    };
    println!("cargo::metadata=bindings={}", out.display());
    // What the library defines.
    header().generate().expect("coach.h parses").write_to_file(out.join("abi.rs")).expect("OUT_DIR is writable");
    // What a host written in Rust loads at run time: a struct with a function a name. For tests and examples.
    header()
        .dynamic_library_name("Coach")
        .dynamic_link_require_all(true)
        .generate()
        .expect("coach.h parses")
        .write_to_file(out.join("host.rs"))
        .expect("OUT_DIR is writable");
    if env::var_os("CARGO_FEATURE_FREESWITCH").is_some() {
        freeswitch(&out);
    }
}

/// The part of FreeSWITCH's binary interface that `mod_coach` uses.
fn freeswitch(out: &Path) {
    println!("cargo::rerun-if-changed=include/freeswitch_abi.h");
    bindgen::Builder::default()
        .header("include/freeswitch_abi.h")
        .allowlist_file(".*freeswitch_abi.h")
        .prepend_enum_name(false)
        .layout_tests(false)
        .generate_comments(false)
        .merge_extern_blocks(true)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .expect("freeswitch_abi.h parses")
        .write_to_file(out.join("freeswitch.rs"))
        .expect("OUT_DIR is writable");
}
