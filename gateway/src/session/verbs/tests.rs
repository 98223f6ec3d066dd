use super::*;
use serde_json::json;

#[test]
fn both_ways_of_writing_a_verb_are_read() {
    let verbs = list(&json!([{"verb": "answer"}, {"pause": {"length": 0.5}}])).expect("they are verbs");
    assert_eq!(Verb::parse(&verbs[1]), Ok(Verb::Pause { seconds: 0.5 }));
}

#[test]
fn a_conference_says_everything() {
    let verb = json!({"verb": "conference", "name": "support", "startConferenceOnEnter": true, "endConferenceOnExit": true,
        "memberTag": "agent", "speakOnlyTo": "a,b", "actionHook": "/done", "statusHook": {"url": "/s", "method": "GET"},
        "statusEvents": ["join"], "maxParticipants": 5});
    let Ok(Verb::Conference(conference)) = Verb::parse(&verb) else { panic!("it is one") };
    assert_eq!(
        (conference.name.as_str(), conference.start_on_enter, conference.end_on_exit),
        ("support", Some(true), true)
    );
    assert_eq!(conference.member_tag, Tags::parse("agent").ok());
    assert_eq!(conference.speak_only_to, Tags::parse("a,b").ok());
    assert_eq!(conference.status_hook, Some(Hook { url: "/s".into(), get: true }));
    assert!(matches!(Verb::parse(&json!({"verb": "room", "name": "x"})), Ok(Verb::Conference(_))));
}

#[test]
fn what_is_wrong_is_said_as_jambonz_says_it() {
    for (verb, said) in [
        (json!({"verb": "conference", "foo": 1, "name": "x"}), "conference: unknown property foo"),
        (json!({"verb": "conference"}), "conference: missing value for name"),
        (
            json!({"verb": "conference", "name": "x", "joinMuted": "true"}),
            "conference: property joinMuted has invalid data type",
        ),
        (
            json!({"verb": "conference", "name": "x", "memberTag": null}),
            "conference: property memberTag has invalid data type",
        ),
        (json!({"verb": "conference", "name": "x", "speakOnlyTo": "a b"}), "white space"),
        (json!({"verb": "conference", "name": "x", "speakOnlyTo": ""}), "is empty"),
        (json!({"verb": "conference", "name": "x", "beep": "yes"}), "conference: property beep has invalid data type"),
        (
            json!({"verb": "conference", "name": "x", "endConferenceDuration": 700_000}),
            "conference: endConferenceDuration has to be from 1 to 604800",
        ),
        (
            json!({"verb": "conference", "name": "x", "record": {"format": "mp3"}}),
            "conference: record: format is not known",
        ),
        (json!({"verb": "gather", "input": ["digits"]}), "invalid instruction: gather"),
        (json!({"verb": "sip:decline", "status": 200}), "status has to be from 400 to 699"),
        (json!({"verb": "say"}), "say: missing value for text"),
        (json!({"verb": "play", "url": "a", "loop": 0}), "play: loop has to be"),
        (json!({"verb": "say", "text": [], "loop": "forever"}), "say: missing value for text"),
        (json!({"verb": "play", "url": [], "loop": "forever"}), "play: missing value for url"),
    ] {
        let error = list(&json!([verb])).expect_err("it is refused");
        assert!(error.contains(said), "{verb}: {error}");
    }
    for payload in [json!({}), json!(null), json!([7]), json!([{"say": 1}]), json!([{"a": {}, "b": {}}])] {
        assert!(list(&payload).is_err(), "{payload}");
    }
}
