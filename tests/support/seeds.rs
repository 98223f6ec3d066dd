//! Plays what a fuzzer begins with, and what once went wrong.

use std::{fs, path::Path};

/// Each seed of a folder.
pub fn replay(folder: &Path, play: fn(&[u8])) {
    let mut seeds = 0;
    for entry in fs::read_dir(folder).expect("seeds should be there") {
        let path = entry.expect("a folder can be listed").path();
        println!("{}", path.display());
        play(&fs::read(path).expect("a seed can be read"));
        seeds += 1;
    }
    assert!(seeds > 0, "there should be seeds");
}
