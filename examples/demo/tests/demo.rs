//! The first call: the demo plays it, what it writes holds what it should, and its own verdict notices when not.

use std::{
    env,
    f64::consts::TAU,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The project's folder.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The demo, which `cargo test` builds before it runs a test.
fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    // Cargo sets it, and it may lead to an older copy of the library.
    command.env_remove("LD_LIBRARY_PATH");
    command.args(["--speed", "0"]).current_dir(PROJECT);
    command
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an old folder can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} should run: {error}"))
}

/// What somebody heard, or said: 16-bit samples and their rate.
struct Wav {
    rate: u32,
    samples: Vec<i16>,
}

impl Wav {
    fn read(path: impl AsRef<Path>) -> Self {
        let path = Path::new(PROJECT).join(path);
        let path = path.as_path();
        let reader = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{} should be read: {e}", path.display()));
        assert_eq!((reader.spec().channels, reader.spec().bits_per_sample), (1, 16), "{}", path.display());
        let rate = reader.spec().sample_rate;
        Self { rate, samples: reader.into_samples().map(|sample| sample.expect("whole samples")).collect() }
    }

    /// From one time to another, in seconds.
    fn piece(&self, from: f64, to: f64) -> &[i16] {
        let sample = |time: f64| (time * f64::from(self.rate)).round() as usize;
        &self.samples[sample(from)..sample(to)]
    }

    /// The root mean square.
    fn level(&self, from: f64, to: f64) -> f64 {
        let piece = self.piece(from, to);
        let squares: f64 = piece.iter().map(|&s| f64::from(s).powi(2)).sum();
        (squares / piece.len() as f64).sqrt()
    }

    fn silent(&self, from: f64, to: f64) -> bool {
        self.piece(from, to).iter().all(|&sample| sample == 0)
    }
}

/// The times here are those of examples/support-call.toml.
fn the_call_is_right(mixer: &str) {
    let out = folder(mixer);
    let output = run(demo().args(["--mixer", mixer, "--out"]).arg(&out));
    let printed = text(&output.stdout);
    assert!(output.status.success(), "it should keep every promise:\n{printed}{}", text(&output.stderr));
    assert!(!printed.contains("BROKEN"), "{printed}");

    let heard = |name: &str| Wav::read(out.join(format!("heard-by-{name}.wav")));
    let (customer, agent, manager, billing) = (heard("customer"), heard("agent"), heard("manager"), heard("billing"));
    for (name, wav, rate) in [
        ("customer", &customer, 8000),
        ("agent", &agent, 16000),
        ("manager", &manager, 48000),
        ("billing", &billing, 8000),
    ] {
        assert_eq!(wav.rate, rate, "{name} should be recorded in its own rate");
        assert_eq!(wav.samples.len(), 35 * rate as usize, "{name} should be recorded from start to end");
    }

    // The manager coaches while everyone but the customer is silent: the customer hears not a sample.
    for (from, to) in [(7.0, 9.5), (19.1, 22.5), (23.02, 24.2), (30.8, 32.7)] {
        assert!(customer.silent(from, to), "the customer should hear nothing from {from} to {to} s");
    }
    assert!(customer.level(16.6, 18.1) > 300.0, "the customer should hear the manager who barges in");
    assert!(customer.level(22.55, 23.0) > 300.0, "the customer should hear what comes of the mistake");
    // The tag has moved: the agent hears nothing of what the second agent is told.
    let customers_last = Wav::read("examples/audio/customer.wav").level(8.62, 9.98);
    let agents_last = agent.level(30.8, 32.16);
    assert!((agents_last / customers_last - 1.0).abs() < 0.1, "the agent should hear the customer alone at 31 s");
    assert!(billing.silent(26.2, 30.8), "the second agent should hear nothing of what the first is told");
    assert!(billing.level(31.2, 31.7) > customers_last.max(300.0), "the second agent should hear the manager");
    // The agent hears all that the manager says to it; up to 8 kHz, where nearly all of speech is.
    let whisper = Wav::read("examples/audio/manager.wav").level(3.40, 4.86);
    let arrived = agent.level(22.0, 23.5) * (1.5_f64 / 1.46).sqrt();
    assert!((arrived / whisper - 1.0).abs() < 0.1, "the agent should hear it all: {arrived:.0}, not {whisper:.0}");
    // The coach hears all open speech.
    for (from, to) in [(0.5, 2.8), (3.2, 5.5), (10.0, 12.2), (26.8, 29.2), (30.8, 32.1)] {
        assert!(manager.level(from, to) > 300.0, "the manager should hear what is said at {from} s");
    }

    for row in [
        "7.20   8.22  manager   Offer him ten percent.                      -         all    ·        -",
        "16.60  18.16  manager   Manager here. You get it all back.          all       all    ·        -",
        "31.20  31.74  manager   Thank him.                                  -         -      ·        all",
    ] {
        assert!(printed.contains(row), "the table should have the row\n{row}\nin\n{printed}");
    }
    let picture = fs::read(out.join("call.png")).expect("it draws the call");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "call.png should be a picture");
}

#[test]
fn the_call_is_right_when_the_host_mixes() {
    the_call_is_right("host");
}

#[test]
fn the_call_is_right_when_the_engine_mixes() {
    the_call_is_right("engine");
}

/// The call of the gateway's demo, without the gateway.
#[test]
fn the_call_of_the_gateway_is_right() {
    let out = folder("gateway");
    let output = run(demo().arg("examples/gateway/call.toml").arg("--out").arg(&out));
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    for row in [
        " 7.20   8.22  manager   Offer him ten percent.                      -         all    ·",
        "16.60  18.16  manager   Manager here. You get it all back.          all       all    ·",
        "20.00  20.82  manager   Promise nothing else.                       -         all    ·",
    ] {
        assert!(printed.contains(row), "the table should have the row\n{row}\nin\n{printed}");
    }
}

/// In a host-mixed room, open speech at the listener's own rate arrives bit for bit.
#[test]
fn open_speech_is_untouched() {
    let out = folder("untouched");
    assert!(run(demo().arg("--out").arg(&out)).status.success());
    let (customer, billing) = (Wav::read(out.join("heard-by-customer.wav")), Wav::read("examples/audio/billing.wav"));
    // The manager whispers while the second agent speaks.
    assert!(customer.piece(26.8, 29.26) == billing.piece(0.0, 2.46), "the customer should hear billing, and it alone");
}

/// A library that stands before the real one and does one thing wrong.
fn faulty_library(name: &str, fault: &str) -> PathBuf {
    let folder = folder(name);
    let (source, library) = (folder.join("faulty.c"), folder.join("libfaulty.so"));
    let code = format!(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\n#include \"coach.h\"\n\
         typedef coach_status_t hook_t(coach_member_t, int16_t *, uint32_t, uint32_t, uint32_t);\n{fault}\n"
    );
    fs::write(&source, code).expect("a source file can be written");
    let test = env::current_exe().expect("a test knows its own path");
    let real = test.parent().expect("a test is in a folder");
    let compiled = run(Command::new("cc")
        .args(["-shared", "-fPIC", "-Iinclude", "-Wl,--no-as-needed", "-o"])
        .args([&library, &source])
        .arg("-L")
        .arg(real)
        .arg("-lcoach")
        .arg(format!("-Wl,-rpath,{}", real.display()))
        .current_dir(PROJECT));
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    library
}

/// Runs the demo with a faulty library: it should say which promise is broken, and fail.
fn is_noticed(name: &str, fault: &str, said: &str) {
    let library = faulty_library(name, fault);
    let output = run(demo().arg("--library").arg(&library).arg("--out").arg(library.with_file_name("out")));
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}{}", text(&output.stderr));
    let broken = printed.lines().filter(|line| line.starts_with("BROKEN"));
    assert!(broken.into_iter().any(|line| line.contains(said)), "it should say that {said:?}:\n{printed}");
}

#[test]
fn a_leak_is_noticed() {
    let fault = r#"coach_status_t coach_read(coach_member_t m, int16_t *f, uint32_t r, uint32_t c, uint32_t n) {
        int16_t said[2880];
        memcpy(said, f, n * sizeof *f);
        coach_status_t status = ((hook_t *)dlsym(RTLD_NEXT, "coach_read"))(m, f, r, c, n);
        if (status == COACH_SILENCED) f[n - 1] = said[n - 1] / 256;
        return COACH_OK;
    }"#;
    is_noticed("leak", fault, "customer heard something of the 3.92 s that manager said to others");
}

#[test]
fn a_loss_is_noticed() {
    let fault = r#"coach_status_t coach_write(coach_member_t m, int16_t *f, uint32_t r, uint32_t c, uint32_t n) {
        int16_t open[2880];
        memcpy(open, f, n * sizeof *f);
        coach_status_t status = ((hook_t *)dlsym(RTLD_NEXT, "coach_write"))(m, f, r, c, n);
        if (open[n - 1]) memcpy(f, open, n * sizeof *f); /* nothing private while others speak */
        return status;
    }"#;
    is_noticed("loss", fault, "that manager said to it");
}

/// Writes a scenario and runs the demo on it.
fn scenario(folder: &Path, toml: &str) -> Output {
    let file = folder.join("call.toml");
    fs::write(&file, toml).expect("a scenario can be written");
    run(demo().arg(&file).arg("--out").arg(folder.join("out")))
}

fn write_wav(path: &Path, rate: u32, channels: u16, bits: u16) {
    let sample_format = if bits == 32 { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
    let spec = hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format };
    let mut wav = hound::WavWriter::create(path, spec).expect("a WAV file can be written");
    for n in 0..rate * u32::from(channels) {
        let wave = ((n / u32::from(channels)) as f64 / f64::from(rate) * 440.0 * TAU).sin() * 0.3;
        match bits {
            32 => wav.write_sample(wave as f32).expect("a sample"),
            _ => wav.write_sample((wave * f64::from(1 << (bits - 1))) as i32).expect("a sample"),
        }
    }
    wav.finalize().expect("a WAV file can be finished");
}

/// A user's own files: every rate that Coach takes, any sample format, mono and stereo; parties that come and go.
#[test]
fn your_own_call_is_played() {
    let folder = folder("own");
    let mut toml = "room = 'own'\nmixer = 'engine'\nrate = 24000\n".to_owned();
    let formats =
        [(8000, 1, 8), (12000, 2, 16), (16000, 1, 24), (24000, 2, 32), (32000, 1, 16), (44100, 2, 16), (48000, 1, 32)];
    for (n, (rate, channels, bits)) in formats.into_iter().enumerate() {
        write_wav(&folder.join(format!("{rate}.wav")), rate, channels, bits);
        toml += &format!("[[party]]\nname = 'p{rate}'\nnumber = {}\nwav = '{rate}.wav'\njoins_at = {n}\n", 70 + n);
    }
    toml += "tags = 'a,b'\nleaves_at = 7.5\n[[command]]\nat = 6\nrun = 'coach own p44100 b'\n";
    for mixer in ["engine", "host"] {
        let output = scenario(&folder, &toml.replace("'engine'", &format!("'{mixer}'")));
        let printed = text(&output.stdout);
        assert!(output.status.success(), "{printed}{}", text(&output.stderr));
        for (rate, ..) in formats {
            let wav = Wav::read(folder.join(format!("out/heard-by-p{rate}.wav")));
            assert_eq!(wav.rate, rate, "a party is recorded in its own rate");
        }
        let last = |name: &str| Wav::read(folder.join("out").join(name)).level(6.3, 6.9);
        assert!(last("heard-by-p8000.wav") > 1000.0, "the first party should hear the last one:\n{printed}");
    }
}

/// Whoever comes before the first that starts the conference waits in silence; it ends with the one that ends it.
#[test]
fn the_conference_starts_and_ends() {
    let folder = folder("flags");
    write_wav(&folder.join("a.wav"), 8000, 1, 16);
    let toml = "room = 'own'\nends_at = 3\nmixer = 'host'\n\
        [[party]]\nname = 'guest'\nwav = 'a.wav'\nstarts = false\n\
        [[party]]\nname = 'other'\nwav = 'a.wav'\nstarts = false\n\
        says = [ { at = 0, from = 0, to = 1 }, { at = 1, from = 0, to = 1 }, { at = 2, from = 0, to = 1 } ]\n\
        [[party]]\nname = 'owner'\nwav = 'a.wav'\njoins_at = 1\nleaves_at = 2\nends = true\n";
    for mixer in ["host", "engine"] {
        let output = scenario(&folder, &toml.replace("'host'", &format!("'{mixer}'")));
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        let guest = Wav::read(folder.join("out/heard-by-guest.wav"));
        assert!(guest.silent(0.0, 1.0), "{mixer}: the guest should wait in silence");
        assert!(guest.level(1.1, 2.0) > 1000.0, "{mixer}: the guest should hear the conference");
        assert!(guest.silent(2.02, 3.0), "{mixer}: the conference should have ended");
    }
}

/// A mistake is told with its place, and with what would be right.
#[test]
fn mistakes_are_told() {
    let folder = folder("mistakes");
    write_wav(&folder.join("a.wav"), 8000, 1, 16);
    write_wav(&folder.join("odd.wav"), 22050, 1, 16);
    fs::write(folder.join("text.wav"), "no sound").expect("a file can be written");
    let party = "[[party]]\nname = 'a'\nwav = 'a.wav'\n";
    for (toml, told) in [
        ("room = 'r'\n".into(), ["party", "call.toml"]),
        (format!("room = 'r'\nparty = 3\n{party}"), ["call.toml", "party"]),
        (format!("room = 'r'\n{party}tag = 'x'\n"), ["line 5", "`tags`"]),
        (format!("room = 'r r'\n{party}"), ["call.toml:1: room: ", "white space"]),
        (format!("room = 'r'\nrate = 11025\n{party}"), ["call.toml:2: rate: 11025", "16000"]),
        (format!("room = 'r'\nmixer = 'us'\n{party}"), ["line 2", "`engine`"]),
        (format!("room = 'r'\n{party}{party}"), ["call.toml:6: name", "must differ"]),
        (
            format!("room = 'r'\n{party}number = 1\n[[party]]\nname = 'b'\nnumber = 1\nwav = 'a.wav'"),
            ["call.toml:8: number", "must differ"],
        ),
        (format!("room = 'r'\n{}", party.replace("'a'", "'a/b'")), ["call.toml:3: name", "one word"]),
        (format!("room = 'r'\n{}", party.replace("a.wav", "b.wav")), ["call.toml:4: wav", "b.wav: No such file"]),
        (format!("room = 'r'\n{}", party.replace("a.wav", "text.wav")), ["call.toml:4: wav", "text.wav"]),
        (format!("room = 'r'\n{}", party.replace("a.wav", "odd.wav")), ["22050 Hz", "sox"]),
        (format!("room = 'r'\n{party}joins_at = -1\n"), ["call.toml:5: joins_at: -1", "0 to 3600"]),
        (format!("room = 'r'\n{party}joins_at = 2\nleaves_at = 1\n"), ["call.toml:6: leaves_at", "after joins_at"]),
        (format!("room = 'r'\n{party}says = [{{ at = 0, from = 0, to = 9 }}]\n"), ["call.toml:5: says", "0 to 1.00 s"]),
        (format!("room = 'r'\n{party}tags = 'x y'\n"), ["call.toml:3: a cannot join", "tag"]),
        (format!("room = 'r'\n{party}[[command]]\nat = 0\nrun = 'tug r a x'\n"), ["call.toml:7: at 0.00 s", "-ERR"]),
        (
            format!("room = 'r'\n{party}[[command]]\nat = 0\nrun = 'tag r a x'\nby = 'fax'\n"),
            ["line 8", "`injectCommand`"],
        ),
        (
            format!("room = 'r'\n{party}[[command]]\nat = 0\nrun = 'tag r b x'\n"),
            ["call.toml:7: at 0.00 s", "no member b"],
        ),
        (format!("room = 'r'\n{party}[[command]]\nat = 0\nrun = 'tag q a x'\n"), ["call.toml:7: at 0.00 s", "q"]),
    ] {
        let output = scenario(&folder, &toml);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "this should be refused:\n{toml}\n{}{said}", text(&output.stdout));
        assert!(told.iter().all(|part| said.contains(part)), "{told:?} should be in\n{said}\nabout\n{toml}");
    }
    for (arguments, told) in [
        (["nowhere.toml", "--speed=0"], "support-call.toml"),
        (["--speed=-1", "--mixer=host"], "0 to 1000"),
        (["--speed=0", "--font=examples/README.md"], ".ttf"),
        (["--speed=0", "--library=nowhere.so"], "cargo build"),
    ] {
        let mut command = demo();
        let output = run(command.args(arguments).arg("--out").arg(folder.join("out")));
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{told:?} should be in\n{said}");
    }
}

#[test]
fn help_and_completions_are_there() {
    let help = text(&run(demo().arg("--help")).stdout);
    for option in [
        "--asterisk",
        "--gateway",
        "--mixer",
        "--speed",
        "--out",
        "--library",
        "--font",
        "--completions",
        "support-call.toml",
    ] {
        assert!(help.contains(option), "{option} should be explained in\n{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&run(demo().args(["--completions", shell])).stdout).contains("mixer"), "{shell}");
    }
}
