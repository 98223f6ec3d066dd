//! Promise 7, the host survives: C programs that misuse the library in every way a host can, over dlopen (`tests/c`). Each
//! runs by itself, under Valgrind and with the sanitizers of gcc, which are first shown to see mistakes.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// How a program is judged.
#[derive(Clone, Copy)]
enum Judge {
    /// By its own checks alone.
    Itself,
    Valgrind,
    Sanitizers,
}

impl Judge {
    fn name(self) -> &'static str {
        match self {
            Self::Itself => "by itself",
            Self::Valgrind => "under Valgrind",
            Self::Sanitizers => "with sanitizers",
        }
    }

    /// Compiles a program of `tests/c`, and is ready to run it on this library.
    fn run(self, program: &str, library: &Path) -> Command {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name().replace(' ', "-"));
        fs::create_dir_all(&folder).expect("cargo's folder for tests can be written");
        let built = folder.join(program);
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "include"]);
        // The library shall find what the program has in place of malloc.
        gcc.arg("-rdynamic");
        if let Self::Sanitizers = self {
            gcc.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        gcc.arg(format!("tests/c/{program}.c")).arg("-o").arg(&built).args([
            "-lcmocka",
            "-ldl",
            "-lpthread",
            "-lstdc++",
        ]);
        let compiled = output(&mut gcc);
        assert!(compiled.status.success(), "{program}.c should compile without a warning: {}", told(&compiled));
        let mut run = match self {
            Self::Itself | Self::Sanitizers => Command::new(built),
            Self::Valgrind => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args(["-q", "--error-exitcode=99", "--fair-sched=yes", "--leak-check=full"]);
                // Blocks that Rust reaches by a pointer to their middle, such as its name for a thread, look possibly lost.
                valgrind.args(["--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect"]);
                // A hook that was stalled at a memory access goes on with the registers that it had there.
                valgrind.arg("--vex-iropt-register-updates=allregs-at-mem-access").arg(built);
                valgrind
            }
        };
        run.arg(library);
        run
    }
}

/// The library under test.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| env::current_exe().expect("a test knows its path").with_file_name("libcoach.so"))
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

fn output(command: &mut Command) -> Output {
    // Cargo's own path could lead to another copy of the library.
    let output = command.env_remove("LD_LIBRARY_PATH").output();
    output.unwrap_or_else(|error| panic!("{command:?} should run ({error}); `make setup` installs what it needs"))
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// How many tests cmocka says there were in `[  PASSED  ] 9 test(s).` and lines like it.
fn count(told: &str, of: &str) -> u32 {
    let lines = told.lines().filter_map(|line| line.split_once(of));
    lines.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse::<u32>().ok()).sum()
}

fn survives(program: &str, judge: Judge) {
    let library = if program == "panics" { faulty_library() } else { library() };
    let run = output(&mut judge.run(program, library));
    let told = told(&run);
    assert!(run.status.success(), "{program} {}: {told}", judge.name());
    let (passed, all) = (count(&told, "[  PASSED  ]"), count(&told, "[==========] Running"));
    assert!(passed > 0 && passed == all, "{program}: {all} tests should have passed: {told}");
    // Past the test runner, which keeps what a test prints to itself.
    writeln!(io::stdout(), "{program} {}: {passed} tests passed", judge.name()).expect("somebody reads this");
}

/// One test a program and judge.
macro_rules! hosts {
    ($($module:ident, $judge:ident: $($program:ident)*;)*) => {
        $(mod $module {
            $(
                #[test]
                fn $program() {
                    super::survives(stringify!($program), super::Judge::$judge);
                }
            )*
        })*
    };
}

// `memory` and `realtime` have an allocator of their own, which the tools would replace by theirs. `memory` itself counts what
// is not given back. A child that `forks` makes has none of the parent's threads: Valgrind would take for lost what those held. The
// tools take stack and pages of their own, which `stack` counts; a process of `unwinds` ends with all that it has.
hosts! {
    by_itself, Itself: arguments callbacks forks frames handles memory order overlaps panics realtime stack texts threads unloads unwinds user_data;
    under_valgrind, Valgrind: arguments callbacks frames handles order overlaps panics texts threads user_data;
    with_sanitizers, Sanitizers: arguments callbacks forks frames handles order overlaps panics texts threads user_data;
}

/// A tool that is not on would let everything pass.
mod mistakes_on_purpose {
    use super::*;

    fn seen(judge: Judge, mistake: &str, report: &str) {
        let run = output(judge.run("faulty", library()).arg(mistake));
        let (judge, told) = (judge.name(), told(&run));
        assert!(!run.status.success(), "{mistake} {judge}: it should fail: {told}");
        assert!(told.contains(report), "{mistake} {judge}: it should tell of \"{report}\": {told}");
    }

    fn nothing_seen(judge: Judge) {
        let run = output(judge.run("faulty", library()).arg("none"));
        assert!(run.status.success(), "{}: a program without a mistake should pass: {}", judge.name(), told(&run));
    }

    #[test]
    fn are_seen_by_valgrind() {
        nothing_seen(Judge::Valgrind);
        seen(Judge::Valgrind, "overflow", "Invalid write");
        seen(Judge::Valgrind, "leak", "1,000 bytes in 1 blocks are definitely lost");
        // It watches the library as well as the host.
        seen(Judge::Valgrind, "lie", "coach_read");
    }

    #[test]
    fn are_seen_by_the_sanitizers() {
        nothing_seen(Judge::Sanitizers);
        seen(Judge::Sanitizers, "overflow", "runtime error");
        seen(Judge::Sanitizers, "leak", "LeakSanitizer: detected memory leaks");
        seen(Judge::Sanitizers, "undefined", "shift exponent 32");
        seen(Judge::Sanitizers, "lie", "AddressSanitizer: heap-buffer-overflow");
    }
}
