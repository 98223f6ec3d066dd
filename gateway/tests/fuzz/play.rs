//! What applications send, read as the gateway reads it: whatever it is, it is refused in words, or is what it says and nothing else.

use coach_gateway::{
    names::{MaxName, Tags, from_switch, to_switch},
    session::{
        app::verbs_of,
        incoming::Incoming,
        javascript,
        order::Order,
        verbs::{self, Verb},
    },
    settings::Settings,
    switch::Change,
    update::{Update, participant_action},
};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// A message on a websocket.
pub fn message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Incoming::parse(text) {
        Err(why) => assert!(!why.is_empty(), "a refusal should have words"),
        Ok(Incoming::Ack(ack)) => list(ack.get("data").unwrap_or(&Value::Null)),
        Ok(Incoming::Command { command, data, reply, .. }) => {
            assert!(reply.is_none() && !data.is_null(), "nobody else asks, and there is data");
            list(&data);
            if let Ok(update) = participant_action(&data) {
                harmless(&update);
            }
            // As the data of a command, and as what it is about.
            for body in [data.clone(), Value::Object(Map::from_iter([(command, data)]))] {
                if let Ok(update) = Update::parse(&body) {
                    harmless(&update);
                }
            }
        }
        Ok(other) => panic!("no application can say {other:?}"),
    }
}

/// The body of an answer to a webhook; the same may come as an order of a call.
pub fn answer(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    list(&value);
    assert_eq!(verbs_of(Some(value.clone())).ok(), verbs::list(&value).ok().filter(|verbs| !verbs.is_empty()));
    // What is signed has to be the same after JavaScript has read it.
    let signed = javascript::stringify(&value);
    let read: Value = serde_json::from_str(&signed).expect("it is JSON");
    assert_eq!(javascript::stringify(&read), signed);
    match Order::parse(&value, SETTINGS.accounts[0].sid, &SETTINGS) {
        Err(why) => assert!(!why.is_empty(), "a refusal should have words"),
        Ok(order) => {
            let syntax = |c: char| c.is_control() || "\"'\\,|;${}()[]^=&<>!%".contains(c);
            assert!(!order.from.contains(syntax), "{:?}", order.from);
            assert!(!order.to.text().contains(syntax), "{:?}", order.to);
            assert!(!order.caller_name.contains(|c: char| syntax(c) && !"()".contains(c)), "{:?}", order.caller_name);
        }
    }
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let text = r#"
        database = "/nonexistent"
        [[account]]
        sid = "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e01"
        [[switch]]
        name = "pbx"
        kind = "asterisk"
        manager = "127.0.0.1:5038"
        manager_user = "coach-gateway"
        manager_secret = "change-me"
        [[application]]
        sid = "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e13"
        name = "one"
        call_hook = "ws://127.0.0.1/"
    "#;
    Settings::parse(text).expect("they are right")
});

/// Verbs that are taken are the same when a restart has read them again, and carry nothing that a switch would take for something else.
fn list(value: &Value) {
    let Ok(taken) = verbs::list(value) else { return };
    let kept = Value::Array(taken.clone()).to_string();
    let kept: Value = serde_json::from_str(&kept).expect("it was written as JSON");
    assert_eq!(verbs::list(&kept), Ok(taken.clone()));
    for verb in &taken {
        let Ok(Verb::Conference(conference)) = Verb::parse(verb) else { continue };
        conference.member_tag.iter().chain(&conference.speak_only_to).for_each(tags);
        if let Ok(on_switch) = to_switch("app-", &conference.name, MaxName::FREESWITCH) {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
            assert!(on_switch.bytes().all(plain), "{on_switch}");
            assert_eq!(from_switch("app-", &on_switch), Some(conference.name));
        }
    }
}

fn harmless(update: &Update) {
    assert!(!update.needs().is_empty(), "every change needs a scope");
    match update {
        Update::Member(Change::Tag(given) | Change::Coach(given)) => tags(given),
        Update::Dtmf { digit, milliseconds } => {
            assert!(!digit.is_empty() && digit.chars().all(|c| "0123456789*#ABCD".contains(c)), "{digit:?}");
            assert!(milliseconds.is_none_or(|ms| (40..=10_000).contains(&ms)), "{milliseconds:?}");
        }
        _ => {}
    }
}

fn tags(tags: &Tags) {
    let syntax = |c: char| c.is_whitespace() || c.is_control() || "\"'\\|;${}()[]^=".contains(c);
    assert!(!tags.to_string().contains(syntax), "{tags}");
    assert!(tags.iter().all(|tag| (1..=64).contains(&tag.len())), "{tags}");
}
