//! What the fuzzers play, played in every test run: their seeds, and random documents.

mod play;
#[path = "../../../tests/support/seeds.rs"]
mod seeds;

use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn messages_of_the_seeds_keep_the_promises() {
    replay("messages", play::message);
}

#[test]
fn answers_of_the_seeds_keep_the_promises() {
    replay("answers", play::answer);
}

fn replay(target: &str, play: fn(&[u8])) {
    seeds::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target), play);
}

/// Documents of the words that mean something, in places where they may or may not stand.
fn documents() -> impl Strategy<Value = Value> {
    let words = "verb|conference|room|name|memberTag|speakOnlyTo|say|text|loop|forever|play|url|action|tag|coach|agent|a,b|type|command\
        |ack|data|from|to|phone|number|dtmf|digit|duration|conferenceParticipantAction|mute_status|mute|\\PC{0,4}|[\\x00-\\x7f]{0,3}";
    let leaf = prop_oneof![
        words.prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(null)),
        any::<bool>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn random_messages_keep_the_promises(data in documents(), command in "redirect|dtmf|mute_status|conf:participant-action|\\PC{0,4}") {
        play::message(json!({"type": "command", "command": command, "data": data}).to_string().as_bytes());
        play::message(json!({"type": "ack", "msgid": "1", "data": data}).to_string().as_bytes());
        play::message(data.to_string().as_bytes());
    }

    #[test]
    fn random_answers_keep_the_promises(data in documents()) {
        play::answer(data.to_string().as_bytes());
    }
}
