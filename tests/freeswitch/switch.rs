//! A private FreeSWITCH: stock binaries, folders and ports of its own, on the loopback interface only.

use std::{
    env, fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU16, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    installation::{self, prefix},
    ports::SwitchPorts,
    process::Process,
    socket::Socket,
};

const PASSWORD: &str = "private";

/// A running switch; dropping it ends it.
pub struct Switch {
    /// Configuration, log and recordings.
    pub folder: PathBuf,
    pub sip_port: u16,
    event_port: u16,
    process: Mutex<Process>,
    prefix: PathBuf,
    _ports: SwitchPorts,
    keep: bool,
}

/// How a switch is set up.
#[derive(Clone, Copy, Default)]
pub struct Setup {
    /// Without the module under test.
    pub stock: bool,
    /// It stores its calls, and recovers them after a crash.
    pub tracks_calls: bool,
    /// Who speaks privately hears the sounds of its mode, which are among the tones.
    pub mode_sounds: bool,
    /// More parameters of coach.conf.
    pub coach: &'static str,
}

/// The module under test, as `make freeswitch` leaves it.
fn coach() -> Result<PathBuf, String> {
    let hosts = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("hosts");
    let module = hosts.join("mod_coach.so");
    if module.exists() { Ok(module) } else { Err(format!("{} is missing: run `make freeswitch`", module.display())) }
}

impl Switch {
    /// Starts a switch, with the module under test or without, and waits until it is ready.
    pub fn start(with_coach: bool) -> Result<Self, String> {
        Self::start_as(Setup { stock: !with_coach, ..Setup::default() })
    }

    /// The same, set up in another way.
    pub fn start_as(setup: Setup) -> Result<Self, String> {
        static STARTED: AtomicU16 = AtomicU16::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let prefix = prefix().ok_or("FREESWITCH=<prefix> says where FreeSWITCH is installed")?;
        let folder = env::temp_dir().join(format!("coach-freeswitch-{}-{number}", std::process::id()));
        let mut modules = installation::modules(&prefix)?;
        if !setup.stock {
            modules.push(coach()?);
        }
        let ports = SwitchPorts::claim().map_err(|e| e.to_string())?;
        let [event_port, sip_port, _] = ports.others;
        link(&modules, &folder.join("mod"))?;
        configure(&folder, setup, &ports, event_port, sip_port)?;
        let process = Mutex::new(run(&folder, &prefix)?);
        let keep = env::var_os("KEEP").is_some();
        let switch = Self { folder, sip_port, event_port, process, prefix, _ports: ports, keep };
        switch.wait_until_ready()?;
        if !setup.stock && switch.socket()?.api("module_exists mod_coach")? != "true" {
            return Err(format!("the switch did not load mod_coach:\n{}", switch.log_of("coach")));
        }
        Ok(switch)
    }

    /// A connection of one's own.
    pub fn socket(&self) -> Result<Socket, String> {
        Socket::connect(self.event_port, PASSWORD).map_err(|e| match self.ended() {
            Some(how) => format!("the switch has ended: {how}; see {}", self.folder.display()),
            None => e,
        })
    }

    /// The number of the switch's process.
    pub fn process_id(&self) -> u32 {
        self.process().id()
    }

    /// Asks the switch to end, as a service manager does; how long that took.
    pub fn stop(&self) -> Result<Duration, String> {
        let begin = Instant::now();
        let how = self.process().stop(Duration::from_secs(20)).map_err(|e| format!("the switch: {e}"))?;
        if how.success() { Ok(begin.elapsed()) } else { Err(format!("the switch ended badly: {how}")) }
    }

    /// Ends it as a crash does, and starts it again.
    pub fn crash_and_start(&self) -> Result<(), String> {
        let mut process = self.process();
        process.kill().and_then(|()| process.wait()).map_err(|e| e.to_string())?;
        *process = run(&self.folder, &self.prefix)?;
        drop(process);
        self.wait_until_ready()
    }

    /// The lines of the switch's log, so far, that hold a word.
    pub fn log_of(&self, word: &str) -> String {
        let log = fs::read(self.folder.join("switch.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n")
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.process().try_wait().ok().flatten()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) {
            let status = self.socket().and_then(|mut socket| socket.api("status"));
            if status.is_ok_and(|status| status.contains("is ready")) {
                return Ok(());
            }
            if let Some(how) = self.ended() {
                let said = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
                return Err(format!("the switch did not start: {how}\n{said}{}", self.log_of("")));
            }
            sleep(Duration::from_millis(50));
        }
        Err(format!("the switch is not ready after 30 s; see {}", self.folder.display()))
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let ended_badly = self.ended().is_some_and(|how| !how.success());
        if !self.keep && !ended_badly {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Makes a folder with links to these files.
fn link(files: &[PathBuf], folder: &Path) -> Result<(), String> {
    let failed = |e: io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    for file in files {
        let name = file.file_name().unwrap_or_default();
        symlink(file, folder.join(name)).map_err(failed)?;
    }
    Ok(())
}

fn configure(folder: &Path, setup: Setup, ports: &SwitchPorts, event_port: u16, sip_port: u16) -> Result<(), String> {
    let configuration = include_str!("freeswitch.xml")
        .replace("@FOLDER@", &folder.to_string_lossy())
        .replace("@EXAMPLES@", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/freeswitch"))
        .replace("@PASSWORD@", PASSWORD)
        .replace("@EVENT_PORT@", &event_port.to_string())
        .replace("@SIP_PORT@", &sip_port.to_string())
        .replace("@RTP_FIRST@", &ports.audio.start().to_string())
        .replace("@RTP_LAST@", &ports.audio.end().to_string())
        .replace("@TRACK_CALLS@", if setup.tracks_calls { "true" } else { "false" })
        .replace("@COACH_SETTINGS@", setup.coach)
        .replace("@MODE_SOUNDS@", if setup.mode_sounds { "true" } else { "false" })
        .replace("@COACH@", if setup.stock { "" } else { r#"<load module="mod_coach"/>"# });
    fs::write(folder.join("freeswitch.xml"), configuration).map_err(|e| format!("{}: {e}", folder.display()))
}

fn run(folder: &Path, prefix: &Path) -> Result<Process, String> {
    installation::run(prefix, folder, Path::new(env!("CARGO_TARGET_TMPDIR")), &[])
}
