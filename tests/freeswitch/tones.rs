//! What callers say: pure tones, from files. The tones that FreeSWITCH makes itself contain others, 54 dB below.

use std::{
    f64::consts::{PI, TAU},
    fs,
    path::Path,
    sync::Mutex,
};

use crate::judge::Recording;

/// In Hz: far enough apart for the judge, and low enough for a leg of 8 kHz to have them at full level.
pub const TONES: [u32; 15] = [300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500, 2700, 2900, 3100];
/// In dB below a sine that just fits.
pub const LEVEL: f64 = -20.0;

const RATE: u32 = 16_000;
/// Longer than any scenario says the same.
const LONG: f64 = 90.0;
/// In seconds.
const SWELL: f64 = 0.15;
/// What swells has so much silence before and after, in seconds: where it begins to play a file, the switch may lose a frame.
const HUSH: f64 = 0.05;

/// The file of a tone, made when it is needed first.
pub fn file(tone: u32, seconds: Option<f64>) -> Result<String, String> {
    static MADE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MADE.lock().map_err(|e| e.to_string())?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("said");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let path =
        folder.join(format!("{tone}{}.wav", seconds.map(|seconds| format!("-for-{seconds}")).unwrap_or_default()));
    if !path.exists() {
        // As a whole or not at all.
        let draft = folder.join(format!("{tone}-{}.part", std::process::id()));
        said(tone, RATE, seconds).write(&draft).map_err(|e| format!("{}: {e}", draft.display()))?;
        fs::rename(&draft, &path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(path.to_string_lossy().into())
}

/// So many seconds of a tone, which swells and fades: through a codec, a hard edge would be noise. Without a number of seconds, more
/// than enough of it, from the first sample on.
pub fn said(tone: u32, rate: u32, seconds: Option<f64>) -> Recording {
    let amplitude = 32768.0 * 10f64.powf(LEVEL / 20.0);
    let samples = (seconds.unwrap_or(LONG) * f64::from(rate)) as u32;
    let sample = |n: u32| {
        let turn = TAU * f64::from(tone) * f64::from(n % rate) / f64::from(rate);
        let from_end = f64::from(n.min(samples - n)) / f64::from(rate);
        let swell = (1.0 - (PI * ((from_end - HUSH) / SWELL).clamp(0.0, 1.0)).cos()) / 2.0;
        let swell = if seconds.is_some() { swell } else { 1.0 };
        (amplitude * swell * turn.sin()).round() as i16
    };
    Recording { rate, samples: (0..samples).map(sample).collect() }
}
