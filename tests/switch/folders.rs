//! Where the project is, and where a run keeps its files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The project's folder.
pub fn project() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors()
        .find(|folder| folder.join("gateway/Cargo.toml").exists())
        .expect("the gateway is a part of it")
        .to_owned()
}

/// Cargo's target folder, above that of the profile, which cargo locks while it builds: this program is in it, or in a folder there.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    let profile = program.ancestors().find(|folder| folder.join(".cargo-lock").exists());
    profile.and_then(Path::parent).expect("cargo has built it").to_owned()
}

/// The folder of every run of these tests, each by the number of its process.
fn runs(of: &str) -> PathBuf {
    target().join("tmp").join(of)
}

/// This run's folder, with those of its instances.
pub fn run(of: &str) -> PathBuf {
    runs(of).join(std::process::id().to_string())
}

/// Removes what no running process needs: the folders of this run, which has gone well, and of any that has ended.
pub fn clean_up(of: &str) {
    for folder in fs::read_dir(runs(of)).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let goes_on = folder.file_name().is_some_and(|id| Path::new("/proc").join(id).exists());
        if folder == run(of) || !goes_on {
            fs::remove_dir_all(folder).ok();
        }
    }
}
