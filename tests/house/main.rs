//! Checks how the source files depend on each other, by their `use` and `#include` lines: folders depend on each other one way, and no files
//! use each other in a circle. Also finds names that were given up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

mod circles;
mod graph;

use circles::{circles, no_more_circles, way_round};
use graph::{Crate, Graph, code_of, files};

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
            if path.ends_with("tests/house/main.rs") {
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
