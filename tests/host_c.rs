//! The host in C: it compiles without a warning, runs against the library, and hears what its commands say.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs a program to its end; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} should run: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} should succeed, not end with {}\n{out}{err}", output.status);
    assert_eq!(err, "", "{command:?} should have nothing to complain about");
    out.into_owned()
}

fn compile() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let library = test.parent().expect("a test is in a folder");
    let host = Path::new(env!("CARGO_TARGET_TMPDIR")).join("host");
    run(Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude", "examples/host.c", "-o"])
        .arg(&host)
        .arg("-L")
        .arg(library)
        .arg("-lcoach")
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    host
}

#[test]
fn the_host_in_c_coaches() {
    // Cargo sets LD_LIBRARY_PATH, and it may lead to an older copy of the library.
    let text = run(Command::new(compile()).env_remove("LD_LIBRARY_PATH"));
    // After each command: what the customer, the agent and the manager hear.
    let heard: Vec<&str> = text.lines().filter(|line| line.contains(" hears:")).map(str::trim).collect();
    let whispered =
        ["customer hears: agent (10)", "agent hears: customer manager (101)", "manager hears: customer agent (110)"];
    let open = [
        "customer hears: agent manager (11)",
        "agent hears: customer manager (101)",
        "manager hears: customer agent (110)",
    ];
    let due = [whispered, open, whispered, open, whispered, whispered].concat();
    assert_eq!(heard, due, "joined, uncoach, coach, tag, untag, explain; all of it:\n{text}");
    assert!(!text.contains("-ERR"), "every command should be carried out:\n{text}");
    assert!(text.contains("audience: 3 (manager) in support, heard by 1,2, opens in 200 ms"), "events:\n{text}");
}
