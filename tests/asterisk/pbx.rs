//! A private instance of the stock Asterisk in target/asterisk, on the loopback interface, with ports and a folder of its own.

use super::{
    folders::{project, run},
    manager::Manager,
    ports::SwitchPorts,
    process::Process,
    stock::{self, libraries, loader, stock},
};
use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
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
        let folder = run("asterisk").join(name);
        let claim = SwitchPorts::claim().expect("ports are free");
        let [manager, http, sip] = claim.others;
        let ports = Ports { manager, http, sip };
        configure(&folder, ports, &claim, setup);
        let mut command = asterisk(&folder, setup.valgrind);
        let process =
            Process::start(command.arg("-f").arg("-n"), &folder.join("console.log")).expect("Asterisk starts");
        let mut pbx = Self { process, folder, ports, _claim: claim };
        let patience = Duration::from_secs(if setup.valgrind { 180 } else { 30 });
        stock::wait_until_booted(&mut pbx.process, &pbx.folder, patience);
        pbx
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

/// Asterisk, on its own or under Valgrind.
fn asterisk(folder: &Path, valgrind: bool) -> Command {
    let command = if valgrind {
        let stock = stock();
        let mut command = Command::new(stock.join("usr/bin/valgrind"));
        command.env("VALGRIND_LIB", stock.join("usr/libexec/valgrind"));
        command.arg(format!("--extra-debuginfo-path={}", symbols(&stock, folder).display()));
        command.arg(format!("--log-file={}", folder.join("valgrind.log").display()));
        command
            .args(["--leak-check=full", "--show-leak-kinds=definite", "--fair-sched=yes", "--num-callers=20"])
            .args(["--keep-debuginfo=yes", "--fullpath-after="])
            .arg(loader());
        command
    } else {
        Command::new(loader())
    };
    stock::asterisk(command, folder)
}

/// Where Valgrind is to look for the symbols of the C library. There it wants them in the folder that the library itself is in, and
/// not, as Debian has them, by their build id.
fn symbols(stock: &Path, folder: &Path) -> PathBuf {
    let root = folder.join("symbols");
    let library = libraries();
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

/// Writes the configuration: the files in tests/asterisk/conf, with the places of this instance.
fn configure(folder: &Path, ports: Ports, claim: &SwitchPorts, setup: Setup) {
    stock::link_modules(folder);
    if !setup.coach.is_empty() {
        fs::write(folder.join("coach.conf"), setup.coach).expect("a file can be written");
    }
    let marks = [
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
    ];
    let without: Vec<String> = setup.without.iter().map(|module| format!("load = {module}\n")).collect();
    let without = without.iter().map(|line| (line.as_str(), String::new()));
    let marks: Vec<(&str, String)> = marks.into_iter().chain(without).collect();
    stock::configure(&project().join("tests/asterisk/conf"), folder, &marks);
}
