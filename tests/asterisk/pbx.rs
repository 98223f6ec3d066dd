//! A private instance of the stock Asterisk in target/asterisk, on the loopback interface, with ports and a folder of its own.

use super::{manager::Manager, ports::SwitchPorts, process::Process};
use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

/// A scenario on an instance that it shares with others, and its name.
pub type Scenario = (&'static str, fn(&Pbx));

/// How an instance differs from the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// Modules of the list that it is to do without.
    pub without: &'static [&'static str],
    /// Runs it under Valgrind.
    pub valgrind: bool,
    /// What is in its coach.conf; "" for none.
    pub coach: &'static str,
}

/// The project's folder: the demo, which has this file too, is a package further down.
fn project() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().find(|folder| folder.join("tests/asterisk").exists()).expect("this file is in it").to_owned()
}

/// Cargo's target folder, above that of the profile, which cargo locks while it builds: this program is in it, or in a folder there.
fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    let profile = program.ancestors().find(|folder| folder.join(".cargo-lock").exists());
    profile.and_then(Path::parent).expect("cargo has built it").to_owned()
}

/// The folder with Asterisk in it, as tests/fetch.sh makes it.
fn stock() -> PathBuf {
    let folder = project().join("target/asterisk");
    assert!(folder.exists(), "{}: not there; `make test-asterisk` fetches it first", folder.display());
    folder
}

/// The module under test, as `make asterisk` builds it.
fn res_coach() -> PathBuf {
    let file = target().join("hosts/res_coach.so");
    assert!(file.exists(), "{}: not there; `make asterisk` builds it", file.display());
    file
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
struct Ports {
    manager: u16,
    http: u16,
    sip: u16,
}

/// A running Asterisk. It ends with this value.
pub struct Pbx {
    process: Process,
    folder: PathBuf,
    ports: Ports,
    _claim: SwitchPorts,
}

/// The folder of every run, each by the number of its process.
fn runs() -> PathBuf {
    target().join("tmp/asterisk")
}

/// This run's folder, with those of its instances.
fn run() -> PathBuf {
    runs().join(std::process::id().to_string())
}

/// Removes what no running process needs: the folders of this run, which has gone well, and of any that has ended.
pub fn clean_up() {
    for folder in fs::read_dir(runs()).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let goes_on = folder.file_name().is_some_and(|id| Path::new("/proc").join(id).exists());
        if folder == run() || !goes_on {
            fs::remove_dir_all(folder).ok();
        }
    }
}

/// Asterisk looks this machine's own name up for every call, and a name that is nowhere takes it seconds.
fn require_own_name() {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has it");
    let name = name.trim();
    assert!(
        (name, 0).to_socket_addrs().is_ok(),
        "this machine does not know its own name: `127.0.0.1 {name}` belongs into /etc/hosts"
    );
}

impl Pbx {
    /// Starts an instance and waits until it takes calls.
    pub fn start(name: &str, setup: Setup) -> Self {
        require_own_name();
        let folder = run().join(name);
        let claim = SwitchPorts::claim().expect("ports are free");
        let [manager, http, sip] = claim.others;
        let ports = Ports { manager, http, sip };
        configure(&folder, ports, &claim, setup);
        let mut command = asterisk(&folder, setup.valgrind);
        let process =
            Process::start(command.arg("-f").arg("-n"), &folder.join("console.log")).expect("Asterisk starts");
        let mut pbx = Self { process, folder, ports, _claim: claim };
        pbx.wait_until_booted(Duration::from_secs(if setup.valgrind { 180 } else { 30 }));
        pbx
    }

    fn wait_until_booted(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        let log = self.folder.join("log");
        while !fs::read_to_string(&log).is_ok_and(|text| text.contains("Asterisk Ready")) {
            let ended = self.process.try_wait().expect("a child can be asked");
            assert!(ended.is_none() && Instant::now() < end, "Asterisk did not start: see {}", log.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A manager session.
    pub fn manager(&self) -> Manager {
        Manager::connect(self.ports.manager)
    }

    /// What its console says to a command. The manager interface refuses some, such as loading modules.
    pub fn console(&self, command: &str) -> String {
        let output = asterisk(&self.folder, false).args(["-rx", command]).output().expect("Asterisk's console starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Where it listens for SIP.
    pub fn sip(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.sip))
    }

    /// Where it listens for HTTP.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.http))
    }

    /// The address that phones dial.
    pub fn sip_uri(&self, extension: &str) -> String {
        format!("sip:{extension}@127.0.0.1:{}", self.ports.sip)
    }

    /// Its files: configuration, log, recordings.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its log. What is no text in it, such as a name, is marked as that.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).expect("there is a log")).into_owned()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Processor time that it has used, in seconds.
    pub fn cpu_time(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("it runs");
        // After the name, which is in brackets, the 12th and 13th field are its own time and the kernel's for it, in ticks.
        let fields: Vec<&str> = stat.rsplit(')').next().expect("it has a name").split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
        // SAFETY: no pointer is involved.
        ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
    }

    /// Stops it in the ordinary way and says how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.process.stop(Duration::from_secs(60)).expect("Asterisk stops")
    }
}

/// The manager's extension of the example, and nothing else of it.
fn keyless_manager() -> String {
    let example = include_str!("../../examples/asterisk/extensions.conf");
    let lines = example.lines().skip_while(|line| !line.starts_with("exten => 102,"));
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The dialplan in the guide, as it stands there.
fn guide() -> String {
    let lines = include_str!("../../docs/asterisk.md").lines().filter_map(|line| line.strip_prefix("    "));
    lines
        .filter(|line| line.trim_start().starts_with("exten =>") || line.trim_start().starts_with("same =>"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Its loader, by the name that the machine's architecture gives it.
const LOADER: &str =
    if cfg!(target_arch = "aarch64") { "lib/ld-linux-aarch64.so.1" } else { "lib64/ld-linux-x86-64.so.2" };

/// Asterisk with its own loader and libraries: it needs no root to run, whatever this machine's C library is.
fn asterisk(folder: &Path, valgrind: bool) -> Command {
    let stock = stock();
    let libraries = libraries(&stock);
    let loader = stock.join(LOADER);
    let mut command = if valgrind {
        let mut command = Command::new(stock.join("usr/bin/valgrind"));
        command.env("VALGRIND_LIB", stock.join("usr/libexec/valgrind"));
        command.arg(format!("--extra-debuginfo-path={}", symbols(&stock, folder).display()));
        command.arg(format!("--log-file={}", folder.join("valgrind.log").display()));
        command
            .args(["--leak-check=full", "--show-leak-kinds=definite", "--fair-sched=yes", "--num-callers=20"])
            .args(["--keep-debuginfo=yes", "--fullpath-after="])
            .arg(loader);
        command
    } else {
        Command::new(loader)
    };
    command.arg("--library-path").arg(libraries).arg(stock.join("usr/sbin/asterisk"));
    command.arg("-C").arg(folder.join("asterisk.conf"));
    command
}

/// Where Valgrind is to look for the symbols of the C library. There it wants them in the folder that the library itself is in, and
/// not, as Debian has them, by their build id.
fn symbols(stock: &Path, folder: &Path) -> PathBuf {
    let root = folder.join("symbols");
    let library = libraries(stock);
    let symbols = root.join(library.strip_prefix("/").expect("the path is absolute"));
    fs::create_dir_all(&symbols).expect("a folder can be made");
    for part in fs::read_dir(stock.join("usr/lib/debug/.build-id")).expect("there are symbols") {
        for file in fs::read_dir(part.expect("a folder can be read").path()).expect("a folder can be read") {
            let file = file.expect("a folder can be read");
            symlink(file.path(), symbols.join(file.file_name())).expect("a link can be made");
        }
    }
    root
}

/// The folder of shared libraries: its name has the machine's architecture in it.
fn libraries(stock: &Path) -> PathBuf {
    stock.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
}

/// Writes the configuration: the files in tests/asterisk/conf, with the places of this instance.
fn configure(folder: &Path, ports: Ports, claim: &SwitchPorts, setup: Setup) {
    let modules = folder.join("modules");
    fs::create_dir_all(&modules).expect("a folder can be made");
    for module in fs::read_dir(libraries(&stock()).join("asterisk/modules")).expect("Asterisk has modules") {
        let module = module.expect("a folder can be read");
        symlink(module.path(), modules.join(module.file_name())).expect("a link can be made");
    }
    if !setup.coach.is_empty() {
        fs::write(folder.join("coach.conf"), setup.coach).expect("a file can be written");
    }
    symlink(res_coach(), modules.join("res_coach.so")).expect("a link can be made");
    for file in fs::read_dir(project().join("tests/asterisk/conf")).expect("it is there") {
        let file = file.expect("a folder can be read");
        let mut text = fs::read_to_string(file.path()).expect("a file can be read");
        for (mark, value) in [
            ("@FOLDER@", folder.display().to_string()),
            ("@EXAMPLES@", project().join("examples/asterisk").display().to_string()),
            ("@KEYLESS@", keyless_manager()),
            ("@GUIDE@", guide().replace("/var/spool/asterisk", &folder.display().to_string())),
            ("@DATA@", stock().join("usr/share/asterisk").display().to_string()),
            ("@MANAGER@", ports.manager.to_string()),
            ("@HTTP@", ports.http.to_string()),
            ("@SIP@", ports.sip.to_string()),
            ("@RTP_FIRST@", claim.audio.start().to_string()),
            ("@RTP_LAST@", claim.audio.end().to_string()),
        ] {
            text = text.replace(mark, &value);
        }
        for module in setup.without {
            text = text.replace(&format!("load = {module}\n"), "");
        }
        fs::write(folder.join(file.file_name()), text).expect("a file can be written");
    }
}
