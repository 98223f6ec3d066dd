//! The C surface: `coach.h` compiles everywhere without a warning, the sizes in it stay, every status has a text, and
//! libcoach.so exports what the header declares and nothing besides.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, ffi, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn library() -> PathBuf {
    env::current_exe().expect("a test knows its path").with_file_name("libcoach.so")
}

fn output(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} should run ({error}); `make setup` installs it"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output.stderr));
    text(&output.stdout)
}

/// The header without its comments.
fn header() -> String {
    let header = fs::read_to_string("include/coach.h").expect("the header is there");
    let mut code = String::new();
    let mut rest = header.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        code += before;
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code + rest
}

/// A function's name is a coach_ word before a parenthesis.
fn declared() -> BTreeSet<String> {
    let code = header();
    let words = code.match_indices("coach_").filter_map(|(at, _)| {
        let before = code[..at].chars().next_back();
        let name: String = code[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let calls = code[at + name.len()..].starts_with('(');
        (calls && !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
    });
    words.collect()
}

/// The numbers of coach_status_t by name.
fn statuses() -> BTreeMap<String, i32> {
    let code = header();
    let list = code.split_once("coach_status_t;").and_then(|(_, rest)| rest.split_once("enum {")).expect("statuses");
    let list = list.1.split_once('}').expect("the list ends").0;
    let entries = list.split(',').map(|entry| entry.split_once('=').expect("each status has an explicit number"));
    entries.map(|(name, value)| (name.trim().into(), value.trim().parse().expect("a number"))).collect()
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_besides() {
    let listed = output(Command::new("nm").args(["-D", "--defined-only"]).arg(library()));
    let exported: BTreeSet<String> =
        listed.lines().filter_map(|line| line.split_whitespace().nth(2)).map(Into::into).collect();
    assert!(declared().len() > 25, "the header declares functions: {:?}", declared());
    assert_eq!(exported, declared());
}

#[test]
fn the_header_compiles_as_c11_and_cpp17_without_a_warning_and_hosts_link_to_it() {
    let library = library();
    let folder = library.parent().expect("it is in a folder");
    let have = |compiler: &str| Command::new(compiler).arg("--version").output().is_ok();
    let languages = [("c", "c11", ["gcc", "clang"]), ("c++", "c++17", ["g++", "clang++"])];
    for (language, standard, compilers) in languages {
        for compiler in compilers {
            // Whoever has clang gets its opinion too.
            if compiler.starts_with("clang") && !have(compiler) {
                continue;
            }
            let linked = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("linked-{compiler}"));
            let mut compile = Command::new(compiler);
            compile.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "include", "-x", language]);
            compile.arg(format!("-std={standard}")).args(["tests/c/linked.c", "-o"]).arg(&linked);
            compile.args(["-x", "none", "-lcoach", "-L"]).arg(folder).arg(format!("-Wl,-rpath,{}", folder.display()));
            output(&mut compile);
            // Its exit status is the number of the check that failed.
            output(Command::new(&linked).env_remove("LD_LIBRARY_PATH"));
        }
    }
}

#[test]
fn every_status_has_a_number_and_a_text_of_its_own() {
    let statuses = statuses();
    assert!(statuses.len() > 20, "the header lists statuses: {statuses:?}");
    let numbers: BTreeSet<i32> = statuses.values().copied().collect();
    assert_eq!(numbers.len(), statuses.len(), "no two share a number: {statuses:?}");
    // SAFETY: the file is this package's own library, and the name and type are those of coach.h.
    let library = unsafe { libloading::Library::new(library()) }.expect("the library loads");
    type StatusText = unsafe extern "C" fn(i32) -> *const ffi::c_char;
    // SAFETY: as above.
    let text_of = unsafe { library.get::<StatusText>(b"coach_status_str\0") }.expect("it is exported");
    let mut texts = BTreeSet::new();
    for (name, number) in &statuses {
        // SAFETY: it returns a static text for any number.
        let text = unsafe { ffi::CStr::from_ptr(text_of(*number)) }.to_str().expect("texts are UTF-8");
        assert!(text.len() > 3, "{name} has a text: \"{text}\"");
        assert!(texts.insert(text), "{name} has a text of its own: \"{text}\"");
    }
    // SAFETY: as above.
    let unknown = unsafe { ffi::CStr::from_ptr(text_of(i32::MIN)) }.to_str().expect("texts are UTF-8");
    assert!(!texts.contains(unknown), "what is no status is not called one: \"{unknown}\"");
}
