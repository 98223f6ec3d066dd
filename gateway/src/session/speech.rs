//! Texts as files that a switch plays: spoken by the command of the settings, and kept.

use super::webhook::cause;
use crate::settings::Speech;
use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::direct::SequentialSlice};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);
/// The longest text, in bytes.
const MOST_TEXT: usize = 16 * 1024;
/// Every switch plays this rate.
const RATE: u32 = 8000;

/// The file that says a text. `Err`: why there is none.
pub async fn file(speech: &Speech, text: &str, language: &str) -> Result<PathBuf, String> {
    if text.len() > MOST_TEXT {
        return Err(format!("the text is longer than {MOST_TEXT} bytes"));
    }
    let mut hash = Sha256::new();
    for part in speech.command.iter().map(String::as_str).chain([language, text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let file = speech.folder.join(format!("{}.wav", hex::encode(hash.finalize())));
    if tokio::fs::try_exists(&file).await.unwrap_or(false) {
        return Ok(file);
    }
    tokio::fs::create_dir_all(&speech.folder).await.map_err(|error| format!("{}: {error}", speech.folder.display()))?;
    // Under a name of its own, so that nobody plays one that is not whole.
    let part = speech.folder.join(format!(".{}.wav", uuid::Uuid::new_v4().simple()));
    let spoken = speak(speech, text, language, &part).await;
    let (from, to) = (part.clone(), file.clone());
    let done = match spoken {
        Ok(()) => tokio::task::spawn_blocking(move || convert(&from, &to))
            .await
            .unwrap_or_else(|error| Err(error.to_string())),
        Err(error) => Err(error),
    };
    tokio::fs::remove_file(&part).await.ok();
    done.map(|()| file)
}

async fn speak(speech: &Speech, text: &str, language: &str, file: &Path) -> Result<(), String> {
    let [program, arguments @ ..] = speech.command.as_slice() else {
        return Err("the settings name no command that speaks".into());
    };
    let fill =
        |argument: &String| argument.replace("{file}", &file.display().to_string()).replace("{language}", language);
    let mut child = Command::new(program)
        .args(arguments.iter().map(fill))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program}: {error}: install it, or name another command in [speech]"))?;
    let speaking = async {
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes()).await.ok();
        }
        child.wait().await
    };
    match timeout(PATIENCE, speaking).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program} has not spoken in 10 s")),
    }
}

/// The longest file that is fetched, in bytes.
const MOST_FILE: usize = 32 << 20;

/// A WAV file from elsewhere, as switches play it. Each time it is fetched anew, since it may have changed.
pub async fn fetched(speech: &Speech, client: &reqwest::Client, url: url::Url) -> Result<PathBuf, String> {
    let response = client.get(url.clone()).send().await;
    let mut response = response.map_err(|error| format!("{url}: {}", cause(&error)))?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}", response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| format!("{url}: {}", cause(&error)))? {
        if bytes.len() + part.len() > MOST_FILE {
            return Err(format!("{url} has more than {MOST_FILE} bytes"));
        }
        bytes.extend_from_slice(&part);
    }
    tokio::fs::create_dir_all(&speech.folder).await.map_err(|error| format!("{}: {error}", speech.folder.display()))?;
    let file = speech.folder.join(format!("{}.wav", hex::encode(Sha256::digest(&bytes))));
    let part = speech.folder.join(format!(".{}.wav", uuid::Uuid::new_v4().simple()));
    tokio::fs::write(&part, &bytes).await.map_err(|error| format!("{}: {error}", part.display()))?;
    let (from, to) = (part.clone(), file.clone());
    let done =
        tokio::task::spawn_blocking(move || convert(&from, &to)).await.unwrap_or_else(|error| Err(error.to_string()));
    tokio::fs::remove_file(&part).await.ok();
    done.map(|()| file)
}

/// A WAV file as switches play it: one channel, 8 kHz, 16 bits.
pub fn convert(from: &Path, to: &Path) -> Result<(), String> {
    let said = |error: hound::Error| format!("{}: {error}", from.display());
    let mut wav = hound::WavReader::open(from).map_err(said)?;
    let spec = wav.spec();
    if spec.sample_format != hound::SampleFormat::Int || spec.bits_per_sample != 16 || spec.channels == 0 {
        return Err("the file is no WAV of 16-bit samples".into());
    }
    let samples: Vec<i16> = wav.samples().step_by(spec.channels.into()).collect::<Result<_, _>>().map_err(said)?;
    let samples = if spec.sample_rate == RATE { samples } else { resample(&samples, spec.sample_rate)? };
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let part = to.with_extension("part");
    let write = || -> Result<(), hound::Error> {
        let mut wav = hound::WavWriter::create(&part, spec)?;
        samples.iter().try_for_each(|sample| wav.write_sample(*sample))?;
        wav.finalize()
    };
    write().map_err(|error| format!("{}: {error}", part.display()))?;
    std::fs::rename(&part, to).map_err(|error| format!("{}: {error}", to.display()))
}

fn resample(samples: &[i16], from: u32) -> Result<Vec<i16>, String> {
    let said = |error: &dyn std::fmt::Display| format!("the file's rate of {from} Hz cannot be converted: {error}");
    let mut resampler =
        Fft::<f32>::new(from as usize, RATE as usize, 1024, 1, FixedSync::Input).map_err(|error| said(&error))?;
    let input: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let mut output = vec![0.0; resampler.process_all_needed_output_len(input.len())];
    let length = output.len();
    let from_buffer = SequentialSlice::new(&input, 1, input.len()).map_err(|error| said(&error))?;
    let mut to_buffer = SequentialSlice::new_mut(&mut output, 1, length).map_err(|error| said(&error))?;
    let (_, written) = resampler
        .process_all_into_buffer(&from_buffer, &mut to_buffer, input.len(), None)
        .map_err(|error| said(&error))?;
    Ok(output[..written].iter().map(|sample| sample.round().clamp(-32768.0, 32767.0) as i16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[tokio::test]
    async fn a_text_is_spoken_once_and_kept() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let source = folder.path().join("source.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 22050,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&source, spec).expect("a file can be written");
        for n in 0..22050 {
            let sample = (8000.0 * (TAU * 500.0 * f64::from(n) / 22050.0).sin()) as i16;
            wav.write_sample(sample).expect("it can be written");
        }
        wav.finalize().expect("it can be written");
        let counter = folder.path().join("counter");
        let script = format!("cat > /dev/null; echo x >> {}; cp {} \"$0\"", counter.display(), source.display());
        let speech = Speech {
            command: ["sh", "-c", &script, "{file}"].map(str::to_owned).to_vec(),
            folder: folder.path().join("kept"),
        };
        let first = file(&speech, "hello", "en-US").await.expect("it is spoken");
        assert_eq!(file(&speech, "hello", "en-US").await.as_ref(), Ok(&first));
        assert_ne!(file(&speech, "hello", "de-DE").await.as_ref(), Ok(&first));
        assert_eq!(std::fs::read_to_string(&counter).expect("it was written").lines().count(), 2);

        let mut wav = hound::WavReader::open(&first).expect("it is a WAV file");
        assert_eq!((wav.spec().sample_rate, wav.spec().channels), (8000, 1));
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("it can be read");
        assert!((7900..=8100).contains(&samples.len()), "{}", samples.len());
        let middle = &samples[2000..6000];
        let crossings = middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((248..=252).contains(&crossings), "500 Hz for half a second: {crossings}");
        assert!(middle.iter().max().is_some_and(|loudest| (7800..8200).contains(loudest)));
    }

    #[tokio::test]
    async fn what_cannot_be_spoken_is_said() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (command, said) in [(&["/nonexistent"][..], "install it"), (&["false"], "ended with"), (&[], "no command")]
        {
            let speech = Speech {
                command: command.iter().map(|word| (*word).to_owned()).collect(),
                folder: folder.path().to_owned(),
            };
            let error = file(&speech, "hello", "en").await.expect_err("nobody speaks");
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }
}
