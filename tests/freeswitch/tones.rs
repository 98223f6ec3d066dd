//! What callers say: pure tones, from files. The tones that FreeSWITCH makes itself have other ones in them, 54 dB below.

use std::{
    collections::HashMap,
    f64::consts::TAU,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use crate::judge::Recording;

/// In Hz: far enough apart for the judge, and low enough for a leg of 8 kHz to have them at full level.
pub const TONES: [u32; 15] = [300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500, 2700, 2900, 3100];
/// In dB below a sine that just fits.
pub const LEVEL: f64 = -20.0;

const RATE: u32 = 16_000;
/// Longer than any scenario says the same.
const SECONDS: u32 = 90;

/// The file of a tone, made when it is needed first.
pub fn file(tone: u32) -> Result<String, String> {
    static MADE: Mutex<Option<HashMap<u32, PathBuf>>> = Mutex::new(None);
    let mut made = MADE.lock().map_err(|e| e.to_string())?;
    let made = made.get_or_insert_default();
    if let Some(path) = made.get(&tone) {
        return Ok(path.to_string_lossy().into());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tones");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let path = folder.join(format!("{tone}.wav"));
    if !path.exists() {
        // As a whole or not at all.
        let draft = folder.join(format!("{tone}-{}.part", std::process::id()));
        said(tone, RATE).write(&draft).map_err(|e| format!("{}: {e}", draft.display()))?;
        fs::rename(&draft, &path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    made.insert(tone, path.clone());
    Ok(path.to_string_lossy().into())
}

/// So much of a tone.
pub fn said(tone: u32, rate: u32) -> Recording {
    let amplitude = 32768.0 * 10f64.powf(LEVEL / 20.0);
    let sample = |n: u32| {
        let turn = TAU * f64::from(tone) * f64::from(n % rate) / f64::from(rate);
        (amplitude * turn.sin()).round() as i16
    };
    Recording { rate, samples: (0..rate * SECONDS).map(sample).collect() }
}
