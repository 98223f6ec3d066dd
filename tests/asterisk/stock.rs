//! The stock Asterisk in target/asterisk, as tests/fetch.sh makes it, and what every instance of it needs.

use super::{
    folders::{project, target},
    process::Process,
};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Its folder.
pub fn stock() -> PathBuf {
    let folder = project().join("target/asterisk");
    assert!(folder.exists(), "{}: not there; `make real-asterisk` fetches it", folder.display());
    folder
}

/// Its loader, by the name that the machine's architecture gives it.
pub fn loader() -> PathBuf {
    stock().join(if cfg!(target_arch = "aarch64") { "lib/ld-linux-aarch64.so.1" } else { "lib64/ld-linux-x86-64.so.2" })
}

/// The folder of shared libraries: its name has the machine's architecture in it.
pub fn libraries() -> PathBuf {
    stock().join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
}

/// Asterisk with its own loader and libraries, which this command begins with: it needs no root to run, whatever this machine's C library
/// is. In the folder is its configuration.
pub fn asterisk(mut loader: Command, folder: &Path) -> Command {
    loader.arg("--library-path").arg(libraries()).arg(stock().join("usr/sbin/asterisk"));
    loader.arg("-C").arg(folder.join("asterisk.conf"));
    loader
}

/// Makes the folder of an instance's modules, with the one under test, as `make asterisk` builds it.
pub fn link_modules(folder: &Path) {
    let modules = folder.join("modules");
    fs::create_dir_all(&modules).expect("a folder can be made");
    for module in fs::read_dir(libraries().join("asterisk/modules")).expect("Asterisk has modules") {
        let module = module.expect("a folder can be read");
        symlink(module.path(), modules.join(module.file_name())).expect("a link can be made");
    }
    let module = target().join("hosts/res_coach.so");
    assert!(module.exists(), "{}: not there; `make asterisk` builds it", module.display());
    symlink(module, modules.join("res_coach.so")).expect("a link can be made");
}

/// Writes an instance's configuration: the files of a folder, with its own places in place of the marks.
pub fn configure(from: &Path, folder: &Path, marks: &[(&str, String)]) {
    for file in fs::read_dir(from).expect("it is there") {
        let file = file.expect("a folder can be read");
        let text = fs::read_to_string(file.path()).expect("a file can be read");
        let text = marks.iter().fold(text, |text, (mark, value)| text.replace(mark, value));
        fs::write(folder.join(file.file_name()), text).expect("a file can be written");
    }
}

/// Waits until an instance takes calls.
pub fn wait_until_booted(process: &mut Process, folder: &Path, patience: Duration) {
    let end = Instant::now() + patience;
    let log = folder.join("log");
    while !fs::read_to_string(&log).is_ok_and(|text| text.contains("Asterisk Ready")) {
        let ended = process.try_wait().expect("a child can be asked");
        assert!(ended.is_none() && Instant::now() < end, "Asterisk did not start: see {}", log.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}
