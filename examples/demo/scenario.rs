//! The scenario file: who takes part, what they say, which commands come when. Every mistake in it is told with its line.

use crate::speech::{Track, Wav};
use serde::Deserialize;
use std::{fs, ops::Range, path::Path};
use toml::Spanned;

/// Ticks of 20 ms in a second.
pub const TICKS: usize = 50;
/// The rates that Coach's hooks take.
pub const RATES: [u32; 7] = [8000, 12000, 16000, 24000, 32000, 44100, 48000];
/// An hour; a longer one is more likely a time in milliseconds.
const LONGEST: f64 = 3600.0;

/// Who mixes open speech.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MixedBy {
    /// The host's own conference mixer; Coach touches private speech alone
    #[default]
    Host,
    /// Coach mixes everything
    Engine,
}

/// How a command is given where there is a coach-gateway.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// A request.
    #[default]
    Rest,
    /// A command of the session's own application.
    InjectCommand,
}

/// A call that can be played. Times are ticks of 20 ms from its start.
pub struct Scenario {
    pub room: String,
    /// Where the room's name is written.
    pub place: String,
    pub mixer: MixedBy,
    pub mix_rate: u32,
    pub ticks: usize,
    pub parties: Vec<Party>,
    pub commands: Vec<Command>,
}

impl Scenario {
    /// What everyone says.
    pub fn speech(&self) -> Vec<Track> {
        self.parties.iter().map(|party| party.speech.clone()).collect()
    }
}

/// One participant.
pub struct Party {
    pub name: String,
    /// Where its name is written.
    pub place: String,
    pub number: u32,
    pub tags: String,
    pub speak_only_to: Option<String>,
    pub joins: usize,
    pub leaves: Option<usize>,
    pub starts: bool,
    pub ends: bool,
    pub speech: Track,
}

/// One command, and where it is written.
pub struct Command {
    pub tick: usize,
    pub run: String,
    pub by: By,
    pub place: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    room: Spanned<String>,
    #[serde(default)]
    mixer: MixedBy,
    rate: Option<Spanned<u32>>,
    ends_at: Option<Spanned<f64>>,
    party: Vec<WrittenParty>,
    #[serde(default)]
    command: Vec<WrittenCommand>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenParty {
    name: Spanned<String>,
    number: Option<Spanned<u32>>,
    wav: Spanned<String>,
    #[serde(default)]
    tags: String,
    speak_only_to: Option<String>,
    joins_at: Option<Spanned<f64>>,
    leaves_at: Option<Spanned<f64>>,
    #[serde(default = "yes")]
    starts: bool,
    #[serde(default)]
    ends: bool,
    says: Option<Vec<Spanned<WrittenLine>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLine {
    at: f64,
    from: f64,
    to: f64,
    #[serde(default)]
    words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCommand {
    at: Spanned<f64>,
    run: Spanned<String>,
    #[serde(default)]
    by: By,
}

fn yes() -> bool {
    true
}

/// Reads the scenario in `path`, with the WAV files that it names.
pub fn read(path: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(path)
        .map_err(|e| format!("{}: {e}; name a scenario file, such as examples/support-call.toml", path.display()))?;
    let written: Written = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    Reader { path, text: &text }.scenario(written)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, span: Range<usize>) -> String {
        format!("{}:{}", self.path.display(), 1 + self.text[..span.start].matches('\n').count())
    }

    fn wrong<T>(&self, span: Range<usize>, what: impl std::fmt::Display) -> Result<T, String> {
        Err(format!("{}: {what}", self.place(span)))
    }

    fn scenario(&self, written: Written) -> Result<Scenario, String> {
        if written.party.is_empty() {
            return Err(format!("{}: no [[party]]; a call needs at least one", self.path.display()));
        }
        let mix_rate = match &written.rate {
            Some(rate) if !RATES.contains(rate.get_ref()) => {
                return self.wrong(rate.span(), format!("rate: {} Hz; Coach mixes at {RATES:?}", rate.get_ref()));
            }
            Some(rate) => *rate.get_ref(),
            None => 16000,
        };
        let mut parties = Vec::<Party>::new();
        for entry in &written.party {
            let party = self.party(entry, parties.len())?;
            if parties.iter().any(|p| p.name == party.name) {
                return self.wrong(entry.name.span(), format!("name: a second {:?}; names must differ", party.name));
            }
            if parties.iter().any(|p| p.number == party.number) {
                let span = entry.number.as_ref().map_or(entry.name.span(), Spanned::span);
                return self.wrong(span, format!("number: a second {}; numbers must differ", party.number));
            }
            parties.push(party);
        }
        let mut commands = Vec::new();
        for entry in &written.command {
            commands.push(Command {
                tick: self.tick("at", &entry.at)?,
                run: entry.run.get_ref().clone(),
                by: entry.by,
                place: self.place(entry.run.span()),
            });
        }
        commands.sort_by_key(|command| command.tick);
        // A second more than the last word, so that what is still on its way arrives.
        let last_word = parties.iter().map(|p| p.joins.max(p.speech.ticks())).max().unwrap_or(0);
        let last_command = commands.last().map_or(0, |command| command.tick);
        let ticks = match &written.ends_at {
            Some(at) => self.tick("ends_at", at)?.max(1),
            None => last_word.max(last_command) + TICKS,
        };
        for party in &mut parties {
            party.speech.set_length(ticks);
        }
        let place = self.place(written.room.span());
        let room = written.room.into_inner();
        Ok(Scenario { room, place, mixer: written.mixer, mix_rate, ticks, parties, commands })
    }

    fn party(&self, entry: &WrittenParty, before: usize) -> Result<Party, String> {
        let name = entry.name.get_ref();
        // It becomes a call id and a part of a file's name.
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            return self.wrong(entry.name.span(), format!("name: {name:?}; one word without `/`, such as \"agent\""));
        }
        let path = self.path.parent().unwrap_or(Path::new("")).join(entry.wav.get_ref());
        let wav = Wav::read(&path).or_else(|e| self.wrong(entry.wav.span(), format!("wav: {e}")))?;
        if !RATES.contains(&wav.rate) {
            let what = format!("wav: {}: {} Hz; Coach takes {RATES:?}", path.display(), wav.rate);
            return self.wrong(entry.wav.span(), format!("{what}: convert it, `sox in.wav -r 16000 out.wav`"));
        }
        let joins = entry.joins_at.as_ref().map_or(Ok(0), |at| self.tick("joins_at", at))?;
        let leaves = entry.leaves_at.as_ref().map(|at| self.tick("leaves_at", at)).transpose()?;
        if let (Some(tick), Some(at)) = (leaves, &entry.leaves_at)
            && tick <= joins
        {
            return self.wrong(at.span(), "leaves_at: not after joins_at");
        }
        let mut speech = Track::new(wav.rate);
        for line in entry.says.iter().flatten() {
            let (at, piece) = self.line(line, &wav)?;
            if at < joins {
                return self.wrong(line.span(), format!("says: before it joins at {} s", seconds(joins)));
            }
            speech.lay(at, piece, &line.get_ref().words);
        }
        if entry.says.is_none() {
            for (tick, piece) in wav.phrases() {
                speech.lay(joins + tick, piece, "");
            }
        }
        Ok(Party {
            name: name.clone(),
            place: self.place(entry.name.span()),
            number: entry.number.as_ref().map_or(before as u32 + 1, |number| *number.get_ref()),
            tags: entry.tags.clone(),
            speak_only_to: entry.speak_only_to.clone(),
            joins,
            leaves,
            starts: entry.starts,
            ends: entry.ends,
            speech,
        })
    }

    /// Where a line is in the call, and the piece of the WAV that it is.
    fn line<'w>(&self, line: &Spanned<WrittenLine>, wav: &'w Wav) -> Result<(usize, &'w [i16]), String> {
        let &WrittenLine { at, from, to, .. } = line.get_ref();
        let (rate, length) = (f64::from(wav.rate), wav.samples.len());
        // Half a sample of grace, for an end that was rounded up.
        if !(0.0 <= from && from < to && to * rate <= length as f64 + 0.5) {
            let end = length as f64 / rate;
            return self.wrong(line.span(), format!("says: from {from} to {to}; the WAV goes from 0 to {end:.2} s"));
        }
        let sample = |time: f64| ((time * rate).round() as usize).min(length);
        Ok((self.tick("says: at", &Spanned::new(line.span(), at))?, &wav.samples[sample(from)..sample(to)]))
    }

    fn tick(&self, field: &str, at: &Spanned<f64>) -> Result<usize, String> {
        let seconds = *at.get_ref();
        if !(0.0..=LONGEST).contains(&seconds) {
            return self.wrong(at.span(), format!("{field}: {seconds}; seconds from the start, 0 to {LONGEST}"));
        }
        Ok((seconds * TICKS as f64).round() as usize)
    }
}

/// A tick's time in seconds from the start of the call.
pub fn seconds(tick: usize) -> f64 {
    tick as f64 / TICKS as f64
}
