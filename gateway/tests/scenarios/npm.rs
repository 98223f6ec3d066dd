//! What applications in Node.js need, from npm.

use std::{fs, path::Path, process::Command};

/// Puts the packages of a folder in place, as its package-lock.json has them.
pub fn install(folder: &Path) -> Result<(), String> {
    let lock = folder.join("package-lock.json");
    let lock = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mark = folder.join("node_modules/.made-from");
    if fs::read(&mark).is_ok_and(|made| made == lock) {
        return Ok(());
    }
    let npm =
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder).output();
    let npm =
        npm.map_err(|error| format!("npm: {error}; install Node.js 18 or later, with npm (`make setup` does)"))?;
    if !npm.status.success() {
        return Err(format!("npm ci in {}: {}", folder.display(), String::from_utf8_lossy(&npm.stderr)));
    }
    fs::write(&mark, lock).map_err(|error| format!("{}: {error}", mark.display()))
}
