//! The Debian packages (`make deb`): each is installed, used and removed as its users do. The library and the gateway in a Debian 12 of the tests'
//! own, the module for Asterisk in the tests' Asterisk, the module for FreeSWITCH in the stand-in.

use stand_in::{output, told};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

#[path = "support/stand_in.rs"]
mod stand_in;

/// A Debian system in a folder of target, as tests/fetch.sh makes it.
struct System(PathBuf);

/// One at a time: dpkg lets nobody else in.
static DPKG: Mutex<()> = Mutex::new(());

impl System {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name);
        assert!(folder.exists(), "{}: not there; `make test-packages` fetches it", folder.display());
        let system = Self(folder);
        system.run(&format!("dpkg --purge {}", PACKAGES.map(|name| name.replace('N', &major())).join(" ")));
        system
    }

    /// What a command says there, as root, and whether it succeeded.
    fn run(&self, command: &str) -> (bool, String) {
        let root = output(Command::new("id").arg("-u")).stdout == b"0\n";
        let mut chroot = Command::new(if root { "chroot" } else { "sudo" });
        chroot.args(if root { &[][..] } else { &["chroot"] }).arg(&self.0).args(["/bin/sh", "-c", command]);
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        let output = output(
            chroot.env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive"),
        );
        (output.status.success(), told(&output))
    }

    /// The same, for a command that should succeed.
    fn does(&self, command: &str) -> String {
        let (well, said) = self.run(command);
        assert!(well, "`{command}` should succeed: {said}");
        said
    }

    /// Installs these packages, in this order.
    fn install(&self, names: &[&str]) {
        self.does("rm -rf /tmp/packages && mkdir -m 777 /tmp/packages");
        let mut files = Vec::new();
        for file in names.iter().map(|name| package(name)) {
            let name = file.file_name().expect("it has a name").to_string_lossy().into_owned();
            fs::copy(&file, self.0.join("tmp/packages").join(&name)).expect("a package can be copied");
            files.push(format!("/tmp/packages/{name}"));
        }
        self.does(&format!("dpkg --install {}", files.join(" ")));
    }

    /// Removes these packages; nothing that they brought is there any more.
    fn purge(&self, names: &[&str]) {
        let named = names.iter().map(|name| name.replace('N', &major())).collect::<Vec<_>>();
        let brought = self.does(&format!("dpkg --listfiles {} | sort -u", named.join(" ")));
        self.does(&format!("dpkg --purge {}", named.join(" ")));
        let ours = brought.lines().filter(|path| path.starts_with('/') && path.contains("coach"));
        let left: Vec<_> = ours.filter(|path| self.0.join(&path[1..]).symlink_metadata().is_ok()).collect();
        assert!(left.is_empty(), "{names:?} leave something behind: {left:?}");
    }
}

/// Where N is the major version of the library's ABI.
const PACKAGES: [&str; 5] =
    ["libcoach-dev", "libcoachN", "coach-gateway", "asterisk-res-coach", "freeswitch-mod-coach"];

/// The major version of the ABI, as coach.h has it.
fn major() -> String {
    let header = fs::read_to_string("include/coach.h").expect("the header is there");
    let version = header.split_once("#define COACH_ABI_VERSION 0x").expect("it has a version").1;
    u32::from_str_radix(&version[..4], 16).expect("it is hexadecimal").to_string()
}

fn target() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(3).expect("it is in the target folder").to_owned()
}

/// The file of a package.
fn package(name: &str) -> PathBuf {
    let start = name.replace('N', &major()) + "_";
    let folder = target().join("packages");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}; `make deb`", folder.display()));
    let mut files = files.flatten().map(|file| file.path());
    let named = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start));
    files.find(named).unwrap_or_else(|| panic!("{}: no package {start}*.deb; `make deb`", folder.display()))
}

#[test]
fn the_library_is_installed_linked_with_and_removed() {
    let _alone = DPKG.lock().unwrap_or_else(PoisonError::into_inner);
    let debian = System::new("bookworm");
    debian.install(&["libcoachN", "libcoach-dev"]);
    let flags = "-std=c11 -Wall -Wextra -Werror /usr/share/doc/libcoach-dev/examples/host.c -o /tmp/packages/host";
    debian.does(&format!("cc {flags} $(pkg-config --cflags --libs coach)"));
    let needed = debian.does("readelf -d /tmp/packages/host");
    let name = format!("Shared library: [libcoach.so.{}]", major());
    assert!(needed.contains(&name), "a host should need {name}: {needed}");
    let coaches = |host: &str| {
        let said = debian.does(host);
        for heard in
            ["customer hears: agent (10)", "agent hears: customer manager (101)", "customer hears: agent manager (11)"]
        {
            assert!(said.contains(heard), "{host}: {heard}: {said}");
        }
    };
    coaches("/tmp/packages/host");
    // Without the development package it goes on.
    debian.does("dpkg --purge libcoach-dev");
    coaches("/tmp/packages/host");
    debian.install(&["libcoach-dev"]);
    debian.does(&format!("cc {flags} -l:libcoach.a $(pkg-config --libs --static coach | sed s/-lcoach//)"));
    assert!(debian.does("zcat /usr/share/man/man3/coach.3.gz").contains("coach_engine_create"));
    debian.purge(&["libcoach-dev", "libcoachN"]);
    coaches("/tmp/packages/host"); // the static one
}

#[test]
fn the_gateway_is_installed_used_and_removed() {
    let _alone = DPKG.lock().unwrap_or_else(PoisonError::into_inner);
    let debian = System::new("bookworm");
    debian.install(&["coach-gateway"]);
    assert!(debian.does("coach-gateway --help").contains("serve"));
    for page in ["coach-gateway", "coach-gateway-check", "coach-gateway-key-new"] {
        assert!(debian.does(&format!("zcat /usr/share/man/man1/{page}.1.gz")).contains("coach\\-gateway"), "{page}");
    }
    // As the service runs it: by its own user, who may read the passwords and write the database, and nobody else may.
    let as_user = |command: &str| {
        debian.run(&format!("setpriv --reuid=coach-gateway --regid=coach-gateway --clear-groups {command}"))
    };
    let (well, said) = as_user("coach-gateway check");
    assert!(said.contains("/etc/coach-gateway.toml: the settings are right"), "{said}");
    assert!(!well && said.contains("pbx: "), "there is no switch, and it should say so: {said}");
    let (well, key) = as_user("coach-gateway key new --name test --scope all");
    assert!(well && key.contains("ck_"), "{key}");
    let (_, refused) = debian.run("setpriv --reuid=nobody --regid=nogroup --clear-groups coach-gateway check");
    assert!(refused.contains("Permission denied"), "the settings have passwords: {refused}");
    let unit = debian.does("cat /lib/systemd/system/coach-gateway.service");
    assert!(unit.contains("\nUser=coach-gateway\n"), "{unit}");
    let starts = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("the unit starts something");
    let program = starts.split(' ').next().expect("it has a program");
    debian.does(&format!("test -x {program}"));
    // An update leaves settings that were changed, and their rights.
    debian.does("sed -i 's/name = \"support\"/name = \"ours\"/' /etc/coach-gateway.toml");
    debian.install(&["coach-gateway"]);
    assert!(debian.does("cat /etc/coach-gateway.toml").contains("\"ours\""));
    assert!(debian.does("stat -c '%A %U %G' /etc/coach-gateway.toml").contains("-rw-r----- root coach-gateway"));
    debian.does(
        "dpkg --remove coach-gateway && test -e /etc/coach-gateway.toml && test -e /var/lib/coach-gateway/gateway.db",
    );
    debian.install(&["coach-gateway"]);
    debian.purge(&["coach-gateway"]);
    debian.does("test ! -e /etc/coach-gateway.toml && test ! -e /var/lib/coach-gateway");
}

/// The tests' Asterisk with the package in it. Whatever happens, it is removed: the scenarios there bring a module of their own.
struct Asterisk(System);

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.0.run("asterisk -C /tmp/coach/asterisk.conf -rx 'core stop now'; dpkg --purge asterisk-res-coach; rm -rf /tmp/coach");
    }
}

#[test]
fn asterisk_loads_its_module() {
    let _alone = DPKG.lock().unwrap_or_else(PoisonError::into_inner);
    let asterisk = Asterisk(System::new("asterisk"));
    let debian = &asterisk.0;
    debian.install(&["asterisk-res-coach"]); // refused unless this Asterisk has the build options that it was built for
    let module = debian.does("find /usr/lib -name res_coach.so");
    let module = module.lines().find(|line| line.starts_with('/')).expect("the package has the module");
    let modules = module.strip_suffix("/res_coach.so").expect("it has that name");
    debian.does("rm -rf /tmp/coach && mkdir -m 777 /tmp/coach && cp /etc/asterisk/coach.conf /tmp/coach && touch /tmp/coach/extensions.conf");
    let write = |file: &str, text: String| {
        fs::write(debian.0.join("tmp/coach").join(file), text).expect("a file can be written")
    };
    let folders = ["etc", "varlib", "db", "key", "spool", "run", "log"]
        .map(|name| format!("ast{name}dir => /tmp/coach\n"))
        .concat();
    write(
        "asterisk.conf",
        format!("[directories]\nastmoddir => {modules}\nastdatadir => /usr/share/asterisk\n{folders}"),
    );
    let loads = "res_timing_timerfd res_stasis bridge_builtin_features bridge_simple bridge_softmix app_confbridge pbx_config res_coach";
    let loads = loads.split(' ').map(|name| format!("load = {name}.so\n")).collect::<String>();
    write("modules.conf", format!("[modules]\nautoload = no\n{loads}"));
    debian.does("asterisk -C /tmp/coach/asterisk.conf >/tmp/coach/console 2>&1 </dev/null");
    let console = |command: &str| debian.run(&format!("asterisk -C /tmp/coach/asterisk.conf -rx '{command}'")).1;
    let end = Instant::now() + Duration::from_secs(60);
    while !console("module show like res_coach").contains("1 modules loaded") {
        let log = debian.run("cat /tmp/coach/console /tmp/coach/messages*").1;
        assert!(Instant::now() < end, "res_coach should be loaded: {}\n{log}", console("module show like res_coach"));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(console("core show application Coach").contains("memberTag"), "{}", console("core show application Coach"));
    assert!(!console("coach rooms").contains("No such command"), "{}", console("coach rooms"));
    debian.does("asterisk -C /tmp/coach/asterisk.conf -rx 'core stop now'");
    debian.purge(&["asterisk-res-coach"]);
}

#[test]
fn the_stand_in_for_freeswitch_loads_its_module() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    let file = package("freeswitch-mod-coach");
    let unpacked = output(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&folder));
    assert!(unpacked.status.success(), "{}", told(&unpacked));
    assert!(folder.join("etc/freeswitch/autoload_configs/coach.conf.xml").exists(), "its settings should be there");
    let needs = output(Command::new("dpkg-deb").arg("--field").arg(&file).arg("Depends"));
    let needs = String::from_utf8_lossy(&needs.stdout).into_owned();
    assert!(needs.contains("libc6") && !needs.contains("freeswitch"), "Debian has no FreeSWITCH to depend on: {needs}");
    let program = folder.join("stand-in");
    stand_in::compile("mod_coach", &[], &program);
    let run = output(Command::new(&program).arg(folder.join("usr/lib/freeswitch/mod/mod_coach.so")).arg("joins_by*"));
    assert!(run.status.success() && told(&run).contains("joins_by_variable_and_by_application"), "{}", told(&run));
}
