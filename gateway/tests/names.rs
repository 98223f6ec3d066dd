//! Names of conferences on their way to a switch and back.

#[path = "scenarios/corpus.rs"]
mod corpus;

use coach_gateway::names::{MaxName, NameError, Tags, call_sid, check_prefix, from_switch, to_switch};
use corpus::CRAFTED;
use proptest::prelude::*;

const ANY: MaxName = MaxName(usize::MAX);

fn encoded(name: &str) -> String {
    to_switch("app-", name, ANY).expect("it can be encoded")
}

#[test]
fn a_crafted_name_is_nothing_but_a_name() {
    for name in CRAFTED {
        let on_switch = encoded(name);
        assert!(
            on_switch.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)),
            "{on_switch}"
        );
        assert_eq!(from_switch("app-", &on_switch).as_deref(), Some(*name));
    }
    for long in ["ü".repeat(32 * 1024), corpus::long()] {
        assert_eq!(from_switch("app-", &encoded(&long)), Some(long));
    }
}

#[test]
fn no_two_names_are_one_on_a_switch_that_knows_no_case() {
    let mut on_switch: Vec<String> = CRAFTED.iter().map(|name| encoded(name).to_lowercase()).collect();
    on_switch.sort();
    on_switch.dedup();
    assert_eq!(on_switch.len(), CRAFTED.len());
}

#[test]
fn names_that_differ_in_case_alone_are_two_conferences() {
    let (upper, lower) = (encoded("Support"), encoded("support"));
    assert_ne!(upper.to_lowercase(), lower.to_lowercase());
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let fits = "a".repeat(75);
    assert_eq!(to_switch("app-", &fits, MaxName::ASTERISK), Ok(format!("app-{fits}")));
    for (name, encoded) in [("a".repeat(76), 80), ("a".repeat(255), 259), ("é".repeat(13), 82)] {
        assert_eq!(to_switch("app-", &name, MaxName::ASTERISK), Err(NameError::TooLong { encoded, most: 79 }));
    }
}

#[test]
fn without_a_prefix_a_name_goes_as_it_is_or_not_at_all() {
    for name in ["support-conference-23", "Room_1.b", "0"] {
        assert_eq!(to_switch("", name, ANY).as_deref(), Ok(name));
    }
    for name in CRAFTED {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        assert_eq!(to_switch("", name, ANY).as_deref().ok(), plain.then_some(*name), "{name:?}");
    }
    assert_eq!(to_switch("", "", ANY), Err(NameError::Empty));
    assert_eq!(to_switch("app-", "", ANY), Err(NameError::Empty));
}

#[test]
fn what_was_not_encoded_here_is_not_decoded() {
    for on_switch in ["support", "app-_61", "app-_zz", "app-_6", "app-A", "app-_FF", "app-_ff", "App-a"] {
        assert_eq!(from_switch("app-", on_switch), None, "{on_switch}");
    }
}

#[test]
fn a_prefix_is_one_or_is_refused() {
    for (prefix, right) in
        [("", true), ("app-", true), ("a.1-", true), ("app", false), ("App-", false), ("a_-", false), ("é-", false)]
    {
        assert_eq!(check_prefix(prefix).is_ok(), right, "{prefix}");
    }
}

#[test]
fn tags_that_a_switch_cannot_carry_are_refused() {
    for text in ["agent", "agent,night-shift", "größe", "a.b_c", "coach", "tag"] {
        assert_eq!(Tags::parse(text).map(|tags| tags.to_string()).as_deref(), Ok(text));
    }
    assert_eq!(Tags::parse("a,b,a").map(|tags| tags.to_string()).as_deref(), Ok("a,b"));
    let long = "x".repeat(65);
    let many = (0..17).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    for text in [
        "",
        ",",
        "a,",
        "a b",
        "a\tb",
        "a\r\nb",
        "a\0",
        "memberTag=a",
        "speakOnlyTo",
        "a,Untag",
        "uncoach",
        "COACH(x)",
        "${x}",
        "a;b",
        "a|b",
        "\"a\"",
        "-",
        &long,
        &many,
    ] {
        assert!(Tags::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_call_keeps_its_sid() {
    let uuid = "1f0e4d3c-5b6a-4798-8f7e-6d5c4b3a2910";
    assert_eq!(call_sid("pbx", uuid).to_string(), uuid);
    let sid = call_sid("pbx", "1764230400.17");
    assert_eq!(sid, call_sid("pbx", "1764230400.17"));
    assert_eq!(sid.get_version_num(), 5);
    assert_ne!(sid, call_sid("other", "1764230400.17"));
    // What was promised to applications does not change with a version of the gateway.
    assert_eq!(sid.to_string(), "af385bed-6098-59e0-8b70-a04f48294206");
}

/// A text of anything, crafted parts among it.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![prop::sample::select(CRAFTED).prop_map(str::to_owned), any::<String>()];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn whatever_is_put_together_comes_back(name in texts()) {
        prop_assume!(!name.is_empty());
        let on_switch = encoded(&name);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        prop_assert!(on_switch.bytes().all(plain), "{}", on_switch);
        prop_assert_eq!(from_switch("app-", &on_switch), Some(name));
    }

    #[test]
    fn tags_are_carried_as_they_are_or_refused(text in texts()) {
        if let Ok(tags) = Tags::parse(&text) {
            let carried: Vec<&str> = tags.iter().collect();
            let mut given: Vec<&str> = Vec::new();
            for tag in text.split(',') {
                if !given.contains(&tag) {
                    given.push(tag);
                }
            }
            prop_assert_eq!(carried, given);
            let syntax = |c: char| c.is_whitespace() || c.is_control() || "\"'\\|;${}()[]^=".contains(c);
            prop_assert!(!tags.to_string().contains(syntax), "{}", tags);
        }
    }

    #[test]
    fn every_name_comes_back(name in "\\PC{1,80}|[\\x00-\\x7f]{1,40}") {
        let on_switch = encoded(&name);
        prop_assert!(on_switch.is_ascii() && on_switch == on_switch.to_lowercase());
        prop_assert_eq!(from_switch("app-", &on_switch), Some(name));
    }

    #[test]
    fn two_names_are_two_conferences(a in "[aA_.0-9é-]{1,6}", b in "[aA_.0-9é-]{1,6}") {
        prop_assert_eq!(encoded(&a) == encoded(&b), a == b);
    }

    #[test]
    fn whatever_is_read_is_what_would_be_written(on_switch in "app-[a-f0-9_.-]{0,12}") {
        if let Some(name) = from_switch("app-", &on_switch) {
            prop_assert_eq!(encoded(&name), on_switch);
        }
    }
}
