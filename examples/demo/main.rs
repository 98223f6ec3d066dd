//! The first call: a small host that loads `libcoach.so` as a switch does and plays a support call in which a manager
//! coaches an agent. It writes what everyone heard, and says and draws who heard whom when.

mod asterisk;
mod coach;
#[path = "../../tests/switch/folders.rs"]
mod folders;
mod gateway;
mod host;
#[path = "../../tests/switch/judge.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod judge;
mod mixer;
#[path = "../../tests/switch/phone.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod phone;
mod picture;
#[path = "../../tests/switch/ports.rs"]
mod ports;
#[path = "../../tests/switch/process.rs"]
mod process;
mod report;
mod scenario;
mod speech;
mod stage;
#[path = "../../tests/asterisk/stock.rs"]
mod stock;
mod voices;

use clap::{CommandFactory, Parser};
use host::{Moment, Recording};
use indicatif::{ProgressBar, ProgressStyle};
use scenario::{MixedBy, Scenario, TICKS, seconds};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Plays a conference call through libcoach.so and shows who heard whom.
///
/// The call is described by a scenario file: who takes part, their WAV files, tags, and timed commands. Afterwards it is
/// played again with one voice at a time left out: whatever differs in a recording is what was heard of that voice.
/// The exit status is 1 if somebody heard what was not for it, or missed what was.
#[derive(Parser)]
#[command(name = "demo", version, args_override_self = true)]
struct Arguments {
    /// The scenario; its comments say how to write your own [default: examples/support-call.toml, with --gateway
    /// examples/gateway/call.toml]
    scenario: Option<PathBuf>,
    /// Who mixes open speech [default: as the scenario says]
    #[arg(long, value_enum)]
    mixer: Option<MixedBy>,
    /// On a real switch: the Asterisk that `make demo-asterisk` fetches, with a SIP phone for each party. By the clock: 35 s
    #[arg(long, conflicts_with_all = ["mixer", "speed"])]
    asterisk: bool,
    /// Through coach-gateway, with the applications in examples/gateway, as `make demo-gateway` sets it up. By the clock: 28 s
    #[arg(long, conflicts_with_all = ["mixer", "speed", "asterisk"])]
    gateway: bool,
    /// How many times faster than a clock the call goes; 1 is real time, 0 is as fast as it can
    #[arg(long, default_value_t = 5.0, value_parser = speed)]
    speed: f64,
    /// Where heard-by-<name>.wav and call.png go
    #[arg(long, default_value = "target/demo", value_name = "FOLDER")]
    out: PathBuf,
    /// The library to load [default: the one that was built with this program]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// The typeface of the picture, a .ttf file [default: one that is installed]
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Print tab completions for a shell and do nothing else
    #[arg(long, value_enum, value_name = "SHELL")]
    completions: Option<clap_complete::Shell>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0 to 1000 is needed".into()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        clap_complete::generate(shell, &mut Arguments::command(), "demo", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("demo: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    picture::load_font(arguments.font.as_deref())?;
    let usual = if arguments.gateway { gateway::SCENARIO } else { "examples/support-call.toml" };
    let mut scenario = scenario::read(arguments.scenario.as_deref().unwrap_or(Path::new(usual)))?;
    scenario.mixer = arguments.mixer.unwrap_or(scenario.mixer);
    let scenario = &scenario;
    let library = coach::Library::load(&arguments.library.clone().map_or_else(built_library, Ok)?)?;

    // Once without a clock: a mistake in the scenario shows before anybody has waited for it.
    let rehearsal = host::play(&library, scenario, &scenario.speech(), &mut |_| ())?;

    fs::create_dir_all(&arguments.out).map_err(|e| format!("{}: {e}", arguments.out.display()))?;
    println!("Coach {}, {}:\n", library.version(), kind(scenario, arguments));
    let (call, heard, checks, how) = if arguments.asterisk || arguments.gateway {
        let (play, how): (Switch, _) = if arguments.gateway {
            (
                gateway::play,
                "through coach-gateway, on Asterisk, a SIP phone each; found in the recordings, by looking for each voice",
            )
        } else {
            (asterisk::play, "on Asterisk, a SIP phone each; found in the recordings, by looking for each voice")
        };
        let call = live(scenario, 1.0, |each| play(scenario, &rehearsal, &arguments.out, each))?;
        let heard = voices::attribute(scenario, &call);
        let checks = voices::check(scenario, &call, &heard);
        (call, heard, checks, how)
    } else {
        let call = live(scenario, arguments.speed, |each| host::play(&library, scenario, &scenario.speech(), each))?;
        if call.heard != rehearsal.heard {
            return Err(
                "the same call, played twice, gave two recordings: nothing can be said about who heard whom".into()
            );
        }
        let heard = report::attribute(&library, scenario, &call)?;
        let checks = report::check(&library, scenario, &call, &heard)?;
        (call, heard, checks, picture::by_leaving_out(scenario))
    };

    println!("\nWho heard it, found in the recordings (all: every word; -: nothing of it):\n");
    println!("{}", report::table(scenario, &heard));
    println!("Private speech, by what Coach said of it and by what the recordings hold:\n");
    for check in &checks {
        println!("{}  {}", if check.kept { "ok    " } else { "BROKEN" }, check.text);
    }
    println!();
    for (party, samples) in scenario.parties.iter().zip(&call.heard) {
        let path = arguments.out.join(format!("heard-by-{}.wav", party.name));
        speech::write_wav(&path, party.speech.rate, samples)?;
        println!("{}", path.display());
    }
    let path = arguments.out.join("call.png");
    picture::draw(&path, scenario, &heard, &call.log, how)?;
    println!("{}", path.display());
    Ok(checks.iter().all(|check| check.kept))
}

/// Plays a call on a real switch.
type Switch = fn(&Scenario, &Recording, &Path, &mut dyn FnMut(&Moment)) -> Result<Recording, String>;

/// The library that cargo built together with this program. It is in `deps`; the copy beside the program can be an older one.
fn built_library() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| format!("this program's own path: {e}; give --library"))?;
    let folder = program.parent().unwrap_or(Path::new("."));
    Ok(folder.join("deps/libcoach.so"))
}

fn kind(scenario: &Scenario, arguments: &Arguments) -> String {
    let length = seconds(scenario.ticks);
    let mixer = match scenario.mixer {
        _ if arguments.gateway => "through coach-gateway, on Asterisk".to_owned(),
        _ if arguments.asterisk => "on Asterisk".to_owned(),
        MixedBy::Host => "mixed by the host".to_owned(),
        MixedBy::Engine => format!("mixed by the engine at {} Hz", scenario.mix_rate),
    };
    format!("room {:?}, {} parties, {length:.0} s, {mixer}", scenario.room, scenario.parties.len())
}

/// Plays the call by the clock, telling what happens.
fn live(
    scenario: &Scenario,
    speed: f64,
    play: impl FnOnce(&mut dyn FnMut(&Moment)) -> Result<Recording, String>,
) -> Result<Recording, String> {
    let style = ProgressStyle::with_template("{bar:40.cyan} {prefix}  {msg}").expect("the template is right");
    let bar = ProgressBar::new(scenario.ticks as u64).with_style(style.progress_chars("━╸─"));
    let mut start = None;
    let recording = play(&mut |moment| {
        let start = *start.get_or_insert_with(Instant::now);
        let lines = happened(scenario, moment);
        if !lines.is_empty() {
            bar.suspend(|| print!("{lines}"));
        }
        bar.set_prefix(format!("{:.1} s", seconds(moment.tick + 1)));
        bar.set_message(speaking(scenario, moment));
        bar.inc(1);
        if speed > 0.0 {
            let due = start + Duration::from_secs_f64((moment.tick + 1) as f64 / (TICKS as f64 * speed));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    });
    bar.finish_and_clear();
    recording
}

/// What has just happened, and what somebody begins to say.
fn happened(scenario: &Scenario, moment: &Moment) -> String {
    let mut text = String::new();
    for entry in moment.entries {
        text += &format!("{:6.2} s  {}\n", seconds(moment.tick), entry.what);
        for line in entry.reply.iter().flat_map(|reply| reply.lines()).chain(entry.events.iter().map(String::as_str)) {
            text += &format!("          {line}\n");
        }
    }
    for (n, party) in scenario.parties.iter().enumerate().filter(|&(n, _)| moment.present[n]) {
        for line in party.speech.lines.iter().filter(|line| line.from == moment.tick && !line.words.is_empty()) {
            let how = if moment.private[n] { " (privately)" } else { "" };
            text += &format!("{:6.2} s  {}{how}: {}\n", seconds(moment.tick), party.name, line.words);
        }
    }
    text
}

/// Who is speaking in this tick.
fn speaking(scenario: &Scenario, moment: &Moment) -> String {
    let parties = scenario.parties.iter().enumerate();
    let speaking = parties
        .filter(|&(n, party)| moment.present[n] && speech::peak(party.speech.frame(moment.tick)) > speech::AUDIBLE);
    let names = speaking.map(|(n, party)| match moment.private[n] {
        true => format!("{} (privately)", party.name),
        false => party.name.clone(),
    });
    names.collect::<Vec<_>>().join(", ")
}
