//! Checks how the source files depend on each other, by their `use` and `#include` lines: folders depend on each other one way, and no files
//! use each other in a circle. Also finds names that were given up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files of these folders are in circles still: how many. To do: none. A number only ever falls.
const CIRCLES_TO_UNDO: [(&str, usize); 7] = [
    ("src/audio", 0),
    ("src/room", 0),
    ("src/host/client", 0),
    ("src/host/freeswitch", 0),
    ("src/host/asterisk", 0),
    ("src", 0),
    ("gateway/src", 0),
];

/// What each room may use besides itself. `lock`, `sync`, `faults` and `lib` (the types of coach.h) are under all of them.
const ROOMS: [(&str, &[&str]); 10] = [
    ("host", &["host::client"]),
    ("host::client", &[]), // over the C ABI, as any other host
    ("abi", &["room", "route", "audio"]),
    ("room", &["route", "audio"]),
    ("route", &[]),
    ("audio", &[]), // its own files; each folder in it uses those that stand above it
    ("audio::lockfree", &["audio"]),
    ("audio::playout", &["audio", "audio::lockfree"]),
    ("audio::mix", &["audio", "audio::lockfree", "audio::playout"]),
    ("audio::hook", &["audio", "audio::lockfree", "audio::playout", "audio::mix"]),
];
const UNDER_ALL: [&str; 4] = ["lock", "sync", "faults", ""];

/// Words that were given up, and what is said instead.
const OLD_WORDS: [(&str, &str); 31] = [
    ("COACH_CARRIER_HOST", "COACH_MIXER_HOST"),
    ("COACH_CARRIER_ENGINE", "COACH_MIXER_ENGINE"),
    ("COACH_ERR_CARRIER", "COACH_ERR_MIXER"),
    ("carrier", "mixer"),
    ("coach_member_pass", "coach_member_bypass"),
    ("COACH_EVENT_PASS", "COACH_EVENT_BYPASS"),
    ("COACH_EVENT_UNPASS", "COACH_EVENT_UNBYPASS"),
    ("CoachPass", "CoachBypass"),
    ("CoachUnpass", "CoachUnbypass"),
    ("coach_message", "coach_last_error"),
    ("coach_status_text", "coach_status_str"),
    ("coach_text_free", "coach_string_free"),
    ("COACH_TAKEN", "COACH_SILENCED"),
    ("COACH_ERR_PLACE", "COACH_ERR_STATE"),
    ("Unseated", "JoinError"),
    ("Followed", "TrackedSession"),
    ("awaken", "reevaluate_bugs"),
    ("settler", "sync_queue"),
    ("settling", "membership_lock"),
    ("astray", "displaced"),
    ("settle_room", "rescan"),
    ("hook_displaced", "hook_replaced"),
    ("Seat", "MemberPlan"),
    ("Mailbox", "Handoff"),
    ("Bell", "WorkFlag"),
    ("Leaver", "LeavingMember"),
    ("racy", "atomic_copy"),
    ("Lap", "Seqlock"),
    ("Steady", "FastPath"),
    ("Sounding", "SoundPlayback"),
    ("put_out", "remove_everyone"),
];
const WHERE_WORDS_COUNT: [&str; 8] =
    ["src", "include", "tests", "benches", "examples", "docs", "gateway/src", "gateway/tests"];

type Graph = BTreeMap<String, BTreeSet<String>>;

fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                if !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| ends.contains(&end.to_str().unwrap_or_default())) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A Rust file without comments, and without what is in quotes on one line.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        code.extend(line.split('"').step_by(2));
        code.push('\n');
    }
    code
}

/// The modules written out in a file: from which byte to which, and whether they are tests'.
fn inline_modules(code: &str) -> Vec<(usize, usize, bool)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("mod ") {
        let Some(open) = code[at..].find(['{', ';']).map(|n| at + n).filter(|open| code.as_bytes()[*open] == b'{')
        else {
            continue;
        };
        if !code[at + 4..open].trim().chars().all(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut depth = 0;
        let end = code[open..].char_indices().find_map(|(n, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(open + n)
        });
        let before = code[..at].trim_end();
        found.push((at, end.unwrap_or(code.len()), before.ends_with("(test)]") || before.ends_with("loom))]")));
    }
    found
}

/// `a::{b, c::{self, d}}` as `a::b`, `a::c`, `a::c::d`; of `a as b` both.
fn spread(tree: &str, prefix: &[String], into: &mut Vec<(Vec<String>, Option<String>)>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(Into::into));
        let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if c == ',' && depth == 0 {
                spread(&inner[start..at], &prefix, into);
                start = at + 1;
            }
        }
    } else if !tree.is_empty() {
        let (path, name) =
            tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim().into())));
        let mut parts = prefix.to_vec();
        parts.extend(path.split("::").map(|part| part.trim().to_owned()));
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        into.push((parts, name));
    }
}

/// A crate's modules, by their path in it: `audio::format`; the root is "".
struct Crate {
    code: BTreeMap<String, String>,
    /// What a module gives out under a name of its own: (module, name), and whose it is.
    given_out: BTreeMap<(String, String), Vec<String>>,
}

impl Crate {
    fn read(root: &str) -> Self {
        let mut code = BTreeMap::new();
        for path in files(Path::new(root), &["rs"]) {
            let name = path.strip_prefix(root).expect("it is inside").with_extension("");
            let name = name.to_string_lossy().replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name);
            if name == "main" || name.ends_with("tests") {
                continue; // uses the library; tests may use everything
            }
            let name = if name == "lib" { "" } else { name };
            code.insert(name.to_owned(), code_of(&fs::read_to_string(&path).expect("a source is text")));
        }
        let mut read = Self { code, given_out: BTreeMap::new() };
        let mut given_out = BTreeMap::new();
        for module in read.code.keys() {
            for (parts, name, public) in read.uses(module) {
                if let (true, Some(path)) = (public, read.absolute(module, &parts, &BTreeMap::new())) {
                    let name = name.unwrap_or_else(|| parts[parts.len() - 1].clone());
                    given_out.insert((module.clone(), name), path);
                }
            }
        }
        read.given_out = given_out;
        read
    }

    /// The `use` lines of a module, tests' left out: path, new name, whether it gives that out.
    fn uses(&self, module: &str) -> Vec<(Vec<String>, Option<String>, bool)> {
        let code = &self.code[module];
        let inline = inline_modules(code);
        let mut found = Vec::new();
        for (at, _) in code.match_indices("use ") {
            let line = code[..at].rfind('\n').map_or(0, |n| n + 1);
            let before = code[line..at].trim();
            if !(before.is_empty() || before.starts_with("pub")) || is_test(&inline, at) {
                continue;
            }
            let tree = code[at + 4..].split(';').next().unwrap_or_default();
            let mut paths = Vec::new();
            spread(tree, &[], &mut paths);
            let depth = inline.iter().filter(|(from, to, _)| (*from..*to).contains(&at)).count();
            for (mut parts, name) in paths {
                for _ in 0..depth {
                    if parts[0] == "super" {
                        parts.remove(0);
                        if parts.first().is_none_or(|part| part != "super") {
                            parts.insert(0, "self".into());
                        }
                    }
                }
                found.push((parts, name, before.starts_with("pub")));
            }
        }
        found
    }

    /// A path from the crate's root, where it begins in this crate.
    fn absolute(&self, module: &str, parts: &[String], names: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
        let here = || module.split("::").filter(|part| !part.is_empty()).map(String::from).collect::<Vec<_>>();
        let mut path = match parts.first()?.as_str() {
            "crate" => Vec::new(),
            "self" => here(),
            "super" => {
                let mut path = here();
                parts.iter().take_while(|part| *part == "super").for_each(|_| drop(path.pop()));
                path
            }
            first => {
                let mut child = here();
                child.push(first.into());
                if let Some(path) = names.get(first) {
                    path.clone()
                } else if self.code.contains_key(&child.join("::")) {
                    child
                } else {
                    return None;
                }
            }
        };
        let own = if parts[0] == "super" { parts.iter().take_while(|part| *part == "super").count() } else { 1 };
        path.extend(parts[own..].iter().cloned());
        Some(path)
    }

    /// The module that a path leads into, through what others give out.
    fn target(&self, path: &[String]) -> String {
        let longest = (0..=path.len()).rev().find(|n| self.code.contains_key(&path[..*n].join("::"))).unwrap_or(0);
        let module = path[..longest].join("::");
        match path.get(longest).and_then(|item| self.given_out.get(&(module.clone(), item.clone()))) {
            Some(whose) if whose != path => self.target(whose),
            _ => module,
        }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, code) in &self.code {
            let mut used = BTreeSet::new();
            let mut names = BTreeMap::new();
            for (parts, name, public) in self.uses(module) {
                let Some(path) = self.absolute(module, &parts, &BTreeMap::new()) else { continue };
                let name = name.unwrap_or_else(|| parts[parts.len() - 1].clone());
                if self.code.contains_key(&path.join("::")) {
                    names.insert(name, path.clone());
                }
                if !public {
                    used.insert(self.target(&path));
                }
            }
            // Paths in the midst of the code, such as `super::sum::add(...)`.
            let inline = inline_modules(code);
            let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let mut at = 0;
            while let Some(start) = code[at..].find(is_path).map(|n| at + n) {
                at = start + code[start..].find(|c| !is_path(c)).unwrap_or(code.len() - start);
                let parts: Vec<String> = code[start..at].split("::").map(Into::into).collect();
                let depth = inline.iter().filter(|(from, to, _)| (*from..*to).contains(&start)).count();
                if parts.len() < 2 || depth > 0 || code[..start].ends_with("use ") {
                    continue;
                }
                if let Some(path) = self.absolute(module, &parts, &names) {
                    used.insert(self.target(&path));
                }
            }
            used.remove(module);
            // A folder's own file holds its parts together: what it names of them is no use of them.
            let parts = if module.is_empty() { String::new() } else { format!("{module}::") };
            let own_file = ["", "room", "audio", "route", "abi", "host"].contains(&module.as_str());
            used.retain(|used| !(own_file && used.starts_with(&parts)));
            graph.insert(module.clone(), used);
        }
        graph
    }
}

fn is_test(inline: &[(usize, usize, bool)], at: usize) -> bool {
    inline.iter().any(|(from, to, test)| *test && (*from..*to).contains(&at))
}

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for used in graph.get(file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                next.push(used);
            }
        }
    }
    reached
}

/// Files that reach themselves, together with those that they reach and that reach them.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|file| (file, reached(graph, file))).collect();
    let in_circle = |file: &&String| reach[file].contains(*file);
    let circle = |file: &String| {
        graph.keys().filter(|other| reach[file].contains(*other) && reach[other].contains(file)).cloned().collect()
    };
    graph.keys().filter(in_circle).map(circle).collect()
}

/// The shortest way round from a file to itself, for whoever has to break it.
fn way_round(graph: &Graph, circle: &[String]) -> String {
    let shortest = circle.iter().filter_map(|start| {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for used in &graph[way[way.len() - 1]] {
                    if used == start {
                        let names: Vec<&str> = way.iter().chain([&start]).map(|file| file.as_str()).collect();
                        return Some(names.join(" -> "));
                    }
                    if circle.contains(used) && seen.insert(used) {
                        longer.push(way.iter().copied().chain([used]).collect());
                    }
                }
            }
            ways = longer;
        }
        None
    });
    shortest.min_by_key(|way| way.matches("->").count()).unwrap_or_default()
}

/// Fails where more files of a folder are in circles than there were.
fn no_more_circles(root: &str, graph: &Graph, separator: &str) {
    let mut wrong = String::new();
    let mut in_folders: BTreeMap<&str, usize> = BTreeMap::new();
    for circle in circles(graph) {
        let file = format!("{root}/{}", circle[0].replace(separator, "/"));
        let folder = CIRCLES_TO_UNDO.iter().map(|(folder, _)| *folder).find(|folder| file.starts_with(folder));
        *in_folders.entry(folder.expect("every root is listed")).or_default() += circle.len();
        wrong += &format!(
            "  {}: {} files: {}\n    a way round: {}\n",
            folder.unwrap_or_default(),
            circle.len(),
            circle.join(" "),
            way_round(graph, &circle)
        );
    }
    if !wrong.is_empty() {
        println!("circles to undo:\n{wrong}");
    }
    for (folder, files) in in_folders {
        let known = CIRCLES_TO_UNDO.iter().find(|(known, _)| *known == folder).map_or(0, |(_, files)| *files);
        assert!(files <= known, "{folder}: {files} files use each other in circles; right: at most {known}\n{wrong}");
    }
}

#[test]
fn files_of_the_library_use_each_other_one_way() {
    no_more_circles("src", &Crate::read("src").graph(), "::");
}

#[test]
fn files_of_the_gateway_use_each_other_one_way() {
    no_more_circles("gateway/src", &Crate::read("gateway/src").graph(), "::");
}

#[test]
fn rooms_depend_on_each_other_one_way() {
    let is_in = |module: &str, room: &str| {
        module.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let room_of = |module: &str| {
        let rooms = ROOMS.iter().map(|(room, _)| *room).filter(|room| is_in(module, room));
        rooms.max_by_key(|room| room.len()).unwrap_or(module.split("::").next().unwrap_or_default()).to_owned()
    };
    let mut wrong = Vec::new();
    for (module, used) in Crate::read("src").graph() {
        let room = room_of(&module);
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else { continue };
        for used in used {
            let other = room_of(&used);
            // Who may use a folder from outside may use all that is in it.
            let may_use = |name: &&str| *name == other || !is_in(&room, name) && is_in(&other, name);
            if other != room && !UNDER_ALL.contains(&other.as_str()) && !may.iter().any(may_use) {
                wrong.push(format!("{module} uses {used}; {room} may use {may:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A source and its own header are one.
#[test]
fn sources_of_res_coach_include_each_other_one_way() {
    let mut graph = Graph::new();
    for path in files(Path::new("src/host/asterisk"), &["c", "h"]) {
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a source is text");
        let own = graph.entry(name.clone()).or_default();
        let included = text.lines().filter_map(|line| line.trim().strip_prefix("#include \"")?.strip_suffix(".h\""));
        own.extend(included.filter(|header| *header != name && !header.contains('/')).map(Into::into));
    }
    no_more_circles("src/host/asterisk", &graph, "::");
}

/// What only an adapter needs that reads out of text what the engine knows; and the files where each may stand once all the same.
const ADAPTERS_DO_WITHOUT: [(&str, &str); 8] = [
    ("serde_json::from_", ""),
    ("Deserialize", ""),
    ("ast_json_load", ""),
    ("ast_json_object_get", ""),
    ("ast_json_array_get", ""),
    ("coach_state_json", "src/host/client/engine.rs"),
    ("coach_command(", "src/host/client/engine.rs src/host/asterisk/privacy.c"),
    ("command(&format!", ""),
];

/// The words of `text` that are calls of the C ABI as Rust writes them: `sys::coach_tag(`.
fn raw_calls(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let calls = text.match_indices("sys::coach_").filter_map(|(at, begin)| {
        let rest = &text[at + begin.len()..];
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        rest[end..].starts_with('(').then(|| &text[at..at + begin.len() + end])
    });
    calls.collect()
}

#[test]
fn adapters_decide_nothing() {
    assert_eq!(raw_calls("sys::coach_tag(m), sys::coach_room_t, sys::coach_event_t { }"), ["sys::coach_tag"]);
    let mut wrong = Vec::new();
    for path in files(Path::new("src/host"), &["rs", "c", "h"]) {
        let text = fs::read_to_string(&path).expect("a source is text");
        let file = path.to_string_lossy();
        for (what, whose) in ADAPTERS_DO_WITHOUT {
            let may = usize::from(whose.split(' ').any(|whose| whose == file));
            if text.matches(what).count() > may {
                wrong.push(format!("{file}: {what}; right: at most {may}; coach_member_info and coach_members tell"));
            }
        }
        if !file.starts_with("src/host/client/") {
            let calls =
                raw_calls(&text).into_iter().map(|call| format!("{file}: {call}; right: through src/host/client"));
            wrong.extend(calls);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_speaks_words_that_were_given_up() {
    let mut wrong = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for folder in WHERE_WORDS_COUNT {
        for path in files(Path::new(folder), &["rs", "c", "h", "cpp", "md", "js", "conf", "toml", "sh"]) {
            if path.ends_with("tests/house.rs") {
                continue;
            }
            for (line, text) in fs::read_to_string(&path).unwrap_or_default().lines().enumerate() {
                for word in text.split(|c| !is_word(c)) {
                    // A carrier is an operator, of whom the gateway may speak.
                    let operator = word == "carrier" && path.to_string_lossy().contains("gateway");
                    if let Some((_, now)) = OLD_WORDS.iter().find(|(old, _)| *old == word && !operator) {
                        wrong.push(format!("{}:{}: {word}; say {now}", path.display(), line + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The readers above find what they are for.
#[test]
fn circles_are_seen() {
    let graph = |edges: &[(&str, &[&str])]| -> Graph {
        edges.iter().map(|(file, used)| ((*file).into(), used.iter().map(|used| (*used).into()).collect())).collect()
    };
    assert!(circles(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])).is_empty());
    let round = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
    assert_eq!(circles(&round), BTreeSet::from([vec!["b".to_owned(), "c".to_owned()]]));
    assert_eq!(way_round(&round, &["b".into(), "c".into()]), "b -> c -> b");
    let library = Crate {
        code: BTreeMap::from([
            (String::new(), String::new()),
            ("a".into(), code_of("mod one;\npub use one::{One, two as Two};\n")),
            (
                "a::one".into(),
                code_of("use crate::b::{self, B}; // use crate::c;\nfn f() { b::f(); super::three::g() }\n"),
            ),
            ("a::three".into(), code_of("#[cfg(test)]\nmod tests {\n    use crate::b::B;\n    use super::*;\n}\n")),
            ("b".into(), code_of("use crate::a::Two;\nmod inner {\n    use super::super::a;\n}\n")),
        ]),
        given_out: BTreeMap::from([(("a".into(), "Two".into()), vec!["a".into(), "one".into(), "two".into()])]),
    };
    let used = library.graph();
    assert_eq!(used["a::one"], BTreeSet::from(["a::three".into(), "b".into()]));
    assert_eq!(used["a::three"], BTreeSet::new());
    assert_eq!(used["b"], BTreeSet::from(["a".into(), "a::one".into()]));
}
