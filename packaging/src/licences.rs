//! The licences of the crates that are compiled into a package, with their texts. Cargo knows the crates; each brings its licence along.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A crate as `cargo tree` names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    licence: String,
}

/// Prints a part of a file `copyright`: which crates there are, and the text of each licence with those that it is for.
pub fn print(package: &str, feature: &str) -> Result<(), String> {
    let folders = folders()?;
    let crates = crates(package, feature)?;
    println!("The program contains these crates, each under the licence that stands behind it:\n");
    for one in &crates {
        println!("  {} {}: {}", one.name, one.version, one.licence);
    }
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in crates {
        let folder = folders.get(&(one.name.clone(), one.version.clone()));
        let folder = folder.ok_or_else(|| format!("cargo does not say where {} {} is", one.name, one.version))?;
        for text in texts_of(folder, &one.licence)? {
            texts.entry(text).or_default().insert(format!("{} {}", one.name, one.version));
        }
    }
    for (text, crates) in texts {
        println!("\n{}\n", "-".repeat(76));
        println!("For {}:\n", crates.into_iter().collect::<Vec<_>>().join(", "));
        println!("{text}");
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo).args(arguments).output().map_err(|error| format!("cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("cargo {}: {said}", arguments.join(" ")));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// What is linked into a package; not what only helps to build it, nor Coach's own crates.
fn crates(package: &str, feature: &str) -> Result<BTreeSet<Crate>, String> {
    let format = "{p}|{l}|";
    let mut arguments = vec!["tree", "-p", package, "--edges", "normal,no-proc-macro", "--prefix", "none"];
    arguments.extend(["--format", format, "--features", feature]);
    let listed = cargo(&arguments)?;
    let mut crates = BTreeSet::new();
    for line in listed.lines().filter(|line| !line.is_empty()) {
        let mut parts = line.split('|');
        let (named, licence) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut words = named.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v'))) else {
            return Err(format!("cargo tree names a crate in another way: {line}"));
        };
        if licence.is_empty() {
            return Err(format!("{name} {version} says no licence: look at it, and at whether it may be distributed"));
        }
        if !name.starts_with("coach") {
            crates.insert(Crate { name: name.into(), version: version.into(), licence: licence.into() });
        }
    }
    Ok(crates)
}

/// Where cargo has each crate, by name and version.
fn folders() -> Result<BTreeMap<(String, String), PathBuf>, String> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1"])?)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let folder = |package: &Value| {
        let text = |key: &str| package[key].as_str().map(String::from);
        let manifest = PathBuf::from(text("manifest_path")?);
        Some(((text("name")?, text("version")?), manifest.parent()?.to_owned()))
    };
    packages
        .iter()
        .map(|package| folder(package).ok_or_else(|| "cargo metadata names a package in part".into()))
        .collect()
}

/// The texts to give along with a crate: MIT's alone where there is a choice, since it is Coach's own.
fn texts_of(folder: &Path, licence: &str) -> Result<Vec<String>, String> {
    let files = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<(String, PathBuf)> =
        files.flatten().map(|file| (file.file_name().to_string_lossy().to_uppercase(), file.path())).collect();
    files.retain(|(name, path)| {
        path.is_file()
            && ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|start| name.starts_with(start))
    });
    files.sort();
    let choice = licence.contains(" OR ") || licence.contains('/');
    if choice && let Some(mit) = files.iter().find(|(name, _)| name.contains("MIT")).cloned() {
        files = vec![mit];
    }
    let mut texts = Vec::new();
    for (_, path) in files {
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim_end().to_owned();
        // Debian has that text, and asks for a reference in its place.
        texts.push(if text.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION") {
            "Apache License, version 2.0: on Debian systems the text is in /usr/share/common-licenses/Apache-2.0."
                .into()
        } else {
            text
        });
    }
    if texts.is_empty() {
        texts.push(format!("{licence}, by its own word; it brings no text along."));
    }
    Ok(texts)
}
