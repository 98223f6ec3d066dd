//! `mod_coach.so` in a stand-in for FreeSWITCH (`tests/c/freeswitch`): calls one after the other, and all at once, alone and under
//! the tools that check memory. On a real FreeSWITCH: `make test-freeswitch`.

use stand_in::{output, told};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::OnceLock,
};

#[allow(dead_code)] // the module needs it
#[path = "../src/host/freeswitch/assignments.rs"]
mod assignments;
#[path = "support/stand_in.rs"]
mod stand_in;

/// Of this run alone: another may be building what this one is running. Those of runs that are over go.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mod_coach");
        let folder = runs.join(process::id().to_string());
        fs::create_dir_all(&folder).expect("cargo's folder for tests can be written");
        for run in fs::read_dir(&runs).expect("it can be read").flatten() {
            if !Path::new("/proc").join(run.file_name()).exists() {
                let _ = fs::remove_dir_all(run.path());
            }
        }
        folder
    })
}

/// The module, built on a machine that needs no FreeSWITCH.
fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("freeswitch");
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "freeswitch", "PROFILE=dev"]).env("CARGO_TARGET_DIR", &target);
        make.arg(format!("MOD_COACH={}", folder().display()));
        let built = output(&mut make);
        assert!(built.status.success(), "the module should build: {}", told(&built));
        folder().join("mod_coach.so")
    })
}

/// The stand-in with a program of tests.
fn program(name: &str, kind: &str, flags: &[&str]) -> PathBuf {
    let program = folder().join(format!("{name}-{kind}"));
    stand_in::compile(name, flags, &program);
    program
}

fn passes(command: &mut Command) {
    let run = output(command.arg(module()));
    assert!(run.status.success(), "{command:?}: {}", told(&run));
    assert!(told(&run).contains("[  PASSED  ]"), "{command:?} should have run some tests: {}", told(&run));
}

fn under_valgrind(program: PathBuf) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite"]);
    valgrind.args(["--errors-for-leak-kinds=definite", "--fair-sched=yes"]).arg(program);
    valgrind
}

#[test]
fn calls_one_after_the_other() {
    passes(&mut Command::new(program("mod_coach", "plain", &[])));
}

#[test]
fn calls_all_at_once() {
    passes(&mut Command::new(program("mod_coach_threads", "plain", &[])));
}

#[test]
fn under_valgrind_calls_one_after_the_other() {
    passes(&mut under_valgrind(program("mod_coach", "valgrind", &[])));
}

#[test]
fn under_the_sanitizers() {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    passes(&mut Command::new(program("mod_coach", "sanitized", &flags)));
    passes(&mut Command::new(program("mod_coach_threads", "sanitized", &flags)));
}

/// Names in a column of `nm -D`, without their versions.
fn symbols(kind: &str) -> BTreeSet<String> {
    let listed = output(Command::new("nm").args(["-D", kind]).arg(module()));
    let text = String::from_utf8(listed.stdout).expect("names are text");
    let name = |line: &str| line.split_whitespace().last()?.split('@').next().map(String::from);
    text.lines().filter_map(name).collect()
}

#[test]
fn the_module_exports_its_table_alone() {
    assert_eq!(symbols("--defined-only"), BTreeSet::from(["mod_coach_module_interface".into()]));
}

/// A function that only a newer FreeSWITCH has would keep an older one from loading the module.
#[test]
fn the_module_needs_what_the_header_declares_and_no_more() {
    let header = fs::read_to_string("include/freeswitch_abi.h").expect("the header is there");
    let (_, functions) = header.split_once("functions ---- */").expect("the functions have a part of their own");
    let calls = |(at, _): (usize, &str)| {
        let name: String = functions[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        functions[at + name.len()..].starts_with('(').then_some(name)
    };
    let declared: BTreeSet<String> = functions.match_indices("switch_").filter_map(calls).collect();
    let needed: BTreeSet<String> = symbols("-u").into_iter().filter(|name| name.starts_with("switch_")).collect();
    assert!(declared.len() > 40, "the header declares functions: {declared:?}");
    assert_eq!(needed, declared);
}

/// Where packages, a source with folders like theirs, and a plain source have modules and configuration; and a folder with neither.
#[test]
fn it_is_installed_where_freeswitch_looks() {
    let module = module();
    let install = |prefix: &Path| {
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "install-freeswitch"]).arg(format!("HOSTS={}", folder().display()));
        output(make.arg(format!("FREESWITCH={}", prefix.display())))
    };
    for (layout, prefix, modules, configuration) in [
        ("packages", "usr", "usr/lib/freeswitch/mod", "etc/freeswitch"),
        ("rpm", "usr", "usr/lib64/freeswitch/mod", "etc/freeswitch"),
        ("fhs", "", "lib/freeswitch/mod", "etc/freeswitch"),
        ("source", "", "mod", "conf"),
    ] {
        let root = folder().join(format!("install-{layout}"));
        let (modules, configuration) = (root.join(modules), root.join(configuration).join("autoload_configs"));
        for folder in [&modules, &configuration] {
            fs::create_dir_all(folder).expect("a folder can be made");
        }
        for _ in 0..2 {
            let installed = install(&root.join(prefix));
            assert!(installed.status.success(), "{layout}: {}", told(&installed));
            let same = fs::read(modules.join("mod_coach.so")).ok() == fs::read(module).ok();
            assert!(same, "{layout}: the module is not where it belongs: {}", told(&installed));
            let file = configuration.join("coach.conf.xml");
            let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{layout}: {e}: {}", told(&installed)));
            assert!(text.contains("guard-ms"), "{layout}: {text}");
            // Somebody's own stays.
            fs::write(&file, "guard-ms of their own").expect("it can be written");
        }
        let kept = fs::read_to_string(configuration.join("coach.conf.xml")).expect("it is there");
        assert_eq!(kept, "guard-ms of their own", "{layout}");
    }
    let none = folder().join("install-none");
    fs::create_dir_all(&none).expect("a folder can be made");
    let refused = install(&none);
    assert!(!refused.status.success() && told(&refused).contains("FREESWITCH=<prefix>"), "{}", told(&refused));
    assert_eq!(fs::read_dir(&none).expect("it is there").count(), 0, "something was put where no FreeSWITCH is");
}
