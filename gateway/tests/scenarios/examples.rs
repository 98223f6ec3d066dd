//! The files in examples/gateway, as they are to be copied, but for ports and folders: several instances run at once.

use super::folders::project;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the applications.
pub fn applications() -> PathBuf {
    project().join("examples/gateway/applications")
}

/// A file of the examples; `places`: what is written there, and what it is to be here.
pub fn copy(file: &str, places: &[(&str, String)]) -> String {
    let path = project().join("examples/gateway").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fill(&text, places)
}

/// A text with other places.
pub fn fill(text: &str, places: &[(&str, String)]) -> String {
    places.iter().fold(text.to_owned(), |text, (written, here)| {
        assert!(text.contains(written), "{written} should be there");
        text.replace(written, here)
    })
}

/// The settings of a gateway that keeps its files in `folder` and listens at `port`. `switch`: the places of its switch; `hooks`: where
/// the application of each part is.
pub fn settings(folder: &Path, port: u16, switch: &dyn Fn(&str) -> String, hooks: &[(&str, String)]) -> String {
    let text = switch(&copy(
        "gateway.toml",
        &[("127.0.0.1:8099", format!("127.0.0.1:{port}")), ("/var/lib/coach-gateway", folder.display().to_string())],
    ));
    hooks.iter().fold(text, |text, (part, url)| fill(&text, &[(&format!("ws://127.0.0.1:3000/{part}"), url.clone())]))
}
