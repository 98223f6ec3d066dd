//! The C surface: `coach.h` compiles everywhere without a warning, and libcoach.so exports what it declares and nothing besides.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string("include/coach.h").expect("the header is there");
    // A function's name is a coach_ word before a parenthesis, outside comments.
    let mut code = String::new();
    let mut rest = header.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        code += before;
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code += rest;
    let words = code.match_indices("coach_").filter_map(|(at, _)| {
        let before = code[..at].chars().next_back();
        let name: String = code[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let calls = code[at + name.len()..].starts_with('(');
        (calls && !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
    });
    words.filter(|name| !name.ends_with("_t")).collect()
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_besides() {
    let test = env::current_exe().expect("a test knows its path");
    let library = test.parent().expect("it is in a folder").join("libcoach.so");
    let listed = Command::new("nm").args(["-D", "--defined-only"]).arg(library).output().expect("nm runs");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let exported: BTreeSet<String> =
        listed.lines().filter_map(|line| line.split_whitespace().nth(2)).map(Into::into).collect();
    assert!(declared().len() > 25, "the header declares functions: {:?}", declared());
    assert_eq!(exported, declared());
}

#[test]
fn the_header_compiles_as_c11_and_cpp17_without_a_warning() {
    for (compiler, standard, language) in [("gcc", "c11", "c"), ("g++", "c++17", "c++")] {
        let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("linked-{language}.o"));
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "include", "-x", language]);
        command.arg(format!("-std={standard}")).args(["-c", "tests/c/linked.c", "-o"]).arg(object);
        let compiled = command.output().expect("the compiler runs");
        assert!(compiled.status.success(), "{standard}: {}", String::from_utf8_lossy(&compiled.stderr));
    }
}
