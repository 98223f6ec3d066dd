//! Programs of tests in a stand-in for FreeSWITCH (`tests/c/freeswitch`), which load mod_coach.so as the switch does.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub fn output(command: &mut Command) -> Output {
    let output = command.env_remove("LD_LIBRARY_PATH").output();
    output.unwrap_or_else(|error| panic!("{command:?} should run: {error}"))
}

pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Every C file of a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<_> = files.map(|file| file.expect("it can be read").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "c"));
    files.sort();
    files
}

/// Makes the stand-in with the tests of that name: a file of `tests/c`, or a folder there.
pub fn compile(name: &str, flags: &[&str], program: &Path) {
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-rdynamic"]).args(flags);
    gcc.args(["-I", "include", "-I", "tests/c"]).args(sources("tests/c/freeswitch"));
    let tests = format!("tests/c/{name}");
    gcc.args(if Path::new(&tests).is_dir() { sources(&tests) } else { vec![format!("{tests}.c").into()] });
    gcc.arg("-o").arg(program).args(["-ldl", "-lcmocka", "-lpthread"]);
    let compiled = output(&mut gcc);
    assert!(compiled.status.success(), "{name} should compile without a warning: {}", told(&compiled));
}
