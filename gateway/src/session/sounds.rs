//! The files that conferences play: a tone when somebody joins, and silence where a switch would say something.
//!
//! They are in the folder of `[speech]`, where the switches read, at the rate that every switch plays.

use crate::switch::leg::Sounds;
use std::{
    f64::consts::TAU,
    path::{Path, PathBuf},
};

const RATE: u32 = 8000;
/// Of the tone: Hz, seconds, and the loudest sample.
const PITCH: f64 = 880.0;
const SECONDS: f64 = 0.4;
const LOUDNESS: f64 = 6000.0;
/// How long it takes to begin and to end, so that it does not crack.
const EDGE: f64 = 0.01;
/// The silence after it, in seconds. ConfBridge may keep the last frames of an announcement that met a hole in its mix, and play them with
/// the next announcement: nobody should hear the tone again then.
const AFTER: f64 = 0.1;

/// The files, written where they are not there yet. `Err`: why there are none.
pub async fn ready(folder: &Path) -> Result<Sounds, String> {
    let folder = folder.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        // Their names change with what is in them: a file of another release stays what it is.
        let beep = write(&folder, "beep-2.wav", tone())?;
        let silence = write(&folder, "silence-1.wav", vec![0; (RATE / 50) as usize])?;
        Ok(Sounds { beep, silence })
    });
    written.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn tone() -> Vec<i16> {
    let length = (SECONDS * f64::from(RATE)) as u32;
    let sample = |n: u32| {
        let at = f64::from(n) / f64::from(RATE);
        let edge = (at.min(SECONDS - at) / EDGE).clamp(0.0, 1.0);
        (LOUDNESS * edge * (TAU * PITCH * at).sin()).round() as i16
    };
    let silence = std::iter::repeat_n(0, (AFTER * f64::from(RATE)) as usize);
    (0..length).map(sample).chain(silence).collect()
}

fn write(folder: &Path, name: &str, samples: Vec<i16>) -> Result<PathBuf, String> {
    let file = folder.join(name);
    if file.exists() {
        return Ok(file);
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // Under a name of its own, so that nobody plays one that is not whole.
    let part = folder.join(format!(".{}.wav", uuid::Uuid::new_v4().simple()));
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let written = || -> Result<(), hound::Error> {
        let mut wav = hound::WavWriter::create(&part, spec)?;
        samples.into_iter().try_for_each(|sample| wav.write_sample(sample))?;
        wav.finalize()
    };
    written().map_err(|error| format!("{}: {error}", part.display()))?;
    std::fs::rename(&part, &file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}
