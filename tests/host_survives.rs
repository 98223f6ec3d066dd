//! Promise 7, the host survives: C programs that misuse the library in every way a host can, over dlopen (`tests/c`). Each
//! runs by itself, under Valgrind and with the sanitizers of gcc, which are first shown to see mistakes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The groups of tests; `panics` needs the library with the feature `faults`.
const PROGRAMS: [&str; 9] =
    ["arguments", "callbacks", "frames", "handles", "memory", "order", "overlaps", "threads", "unloads"];

/// `memory` has an allocator of its own, and `overlaps` stops a hook in the middle of a frame by a page that it may not read:
/// neither is for tools that watch memory.
const WITH_TOOLS: [&str; 6] = ["arguments", "callbacks", "frames", "handles", "order", "threads"];

const SANITIZERS: &str = "-fsanitize=address,undefined";

fn library() -> PathBuf {
    let test = env::current_exe().expect("a test knows its path");
    test.parent().expect("it is in a folder").join("libcoach.so")
}

fn output(command: &mut Command) -> Output {
    // Cargo's own path could lead to another copy of the library.
    let output = command.env_remove("LD_LIBRARY_PATH").output();
    output.unwrap_or_else(|error| panic!("{command:?} should run: {error}"))
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Compiles a program of `tests/c`.
fn program(name: &str, kind: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(kind);
    fs::create_dir_all(&folder).expect("cargo's folder for tests can be written");
    let program = folder.join(name);
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-rdynamic", "-I", "include"]).args(flags);
    gcc.arg(format!("tests/c/{name}.c")).arg("-o").arg(&program).args(["-ldl", "-lcmocka", "-lpthread", "-lm"]);
    let compiled = output(&mut gcc);
    assert!(compiled.status.success(), "{name}.c should compile without a warning: {}", told(&compiled));
    program
}

fn valgrind() -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite"]);
    valgrind.args(["--errors-for-leak-kinds=definite", "--fair-sched=yes"]);
    valgrind
}

fn passes(command: &mut Command, what: &str) {
    let run = output(command);
    assert!(run.status.success(), "{what}: {}", told(&run));
    assert!(told(&run).contains("[  PASSED  ]"), "{what} should have run some tests: {}", told(&run));
}

#[test]
fn whatever_it_calls() {
    for name in PROGRAMS {
        passes(Command::new(program(name, "plain", &[])).arg(library()), name);
    }
}

#[test]
fn under_valgrind() {
    for name in WITH_TOOLS {
        passes(valgrind().arg(program(name, "plain-valgrind", &[])).arg(library()), name);
    }
}

#[test]
fn under_the_sanitizers() {
    for name in WITH_TOOLS {
        passes(Command::new(program(name, "sanitized", &[SANITIZERS])).arg(library()), name);
    }
}

/// A tool that is not on would let everything pass.
#[test]
fn the_tools_see_mistakes() {
    let plain = program("faulty", "plain-faulty", &[]);
    let sanitized = program("faulty", "sanitized-faulty", &[SANITIZERS, "-fno-sanitize-recover=all"]);
    let under = |mistake: &str| output(valgrind().arg(&plain).arg(library()).arg(mistake));
    let with = |mistake: &str| output(Command::new(&sanitized).arg(library()).arg(mistake));
    assert!(under("none").status.success(), "Valgrind should find nothing: {}", told(&under("none")));
    assert!(with("none").status.success(), "the sanitizers should find nothing: {}", told(&with("none")));
    for mistake in ["overflow", "leak", "lie"] {
        let run = under(mistake);
        // After a lie about the length of a frame the program may not get to its end.
        assert!(!run.status.success(), "Valgrind should see it: {mistake}: {}", told(&run));
        assert!(told(&run).contains("at 0x"), "Valgrind should say where: {mistake}: {}", told(&run));
    }
    for mistake in ["overflow", "undefined"] {
        assert!(!with(mistake).status.success(), "the sanitizers should see it: {mistake}: {}", told(&with(mistake)));
    }
}

/// The library with a way to make it panic, built beside the one under test.
fn faulty_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--lib", "--features", "faults", "--target-dir"]).arg(&target);
        let built = output(&mut cargo);
        assert!(built.status.success(), "the library should build with faults: {}", told(&built));
        target.join("debug/libcoach.so")
    })
}

#[test]
fn panics_inside_hooks_and_calls() {
    passes(Command::new(program("panics", "plain", &[])).arg(faulty_library()), "panics");
}
