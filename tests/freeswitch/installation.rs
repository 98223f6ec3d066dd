//! The stock FreeSWITCH that the tests are given, and what every instance of it needs.

use crate::process::Process;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where FreeSWITCH is installed: given to `make test-freeswitch`.
pub fn prefix() -> Option<PathBuf> {
    env::var_os("FREESWITCH").filter(|prefix| !prefix.is_empty()).map(Into::into)
}

/// An installation's own modules: packages and `make install` have different folders for them.
pub fn modules(prefix: &Path) -> Result<Vec<PathBuf>, String> {
    let places = ["lib/freeswitch/mod", "mod", "lib64/freeswitch/mod"];
    let found = places.iter().map(|place| prefix.join(place)).find(|place| place.join("mod_conference.so").exists());
    let folder =
        found.ok_or_else(|| format!("no mod_conference.so under {}/{{{}}}", prefix.display(), places.join(",")))?;
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name == "mod_coach.so");
    let modules = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(modules.filter(|path| path.extension().is_some_and(|end| end == "so") && !ours(path)).collect())
}

/// Starts an instance whose files are all in this folder, the modules in `mod`; in `shared` is what all have. `options`: more of its own.
pub fn run(prefix: &Path, folder: &Path, shared: &Path, options: &[&str]) -> Result<Process, String> {
    let binary = prefix.join("bin/freeswitch");
    let mut command = Command::new(&binary);
    command.args(["-nc", "-nf", "-nonat", "-nonatmap"]).args(options).arg("-mod").arg(folder.join("mod"));
    let places = ["conf", "log", "run", "db", "temp", "cache", "storage", "recordings", "sounds", "scripts", "grammar"];
    for place in places.iter().chain(&["htdocs"]) {
        command.arg(format!("-{place}")).arg(folder);
    }
    // Its keys take seconds to make: once is enough.
    command.arg("-certs").arg(shared.join("freeswitch-keys"));
    Process::start(&mut command, &folder.join("output")).map_err(|e| format!("{}: {e}", binary.display()))
}
