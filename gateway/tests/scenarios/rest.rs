//! The REST interface: what it shows, what it does, what it refuses.

use crate::{
    gateway::{ACCOUNT, Gateway, OTHER_ACCOUNT},
    party::Party,
    pbx::Pbx,
    ports,
    run::Scenario,
};
use serde_json::{Value, json};

pub const SCENARIOS: &[Scenario] = &[
    ("calls_that_a_dialplan_made_are_seen_and_coached", coached),
    ("mute_hold_and_kick_are_so_when_it_says_so", moderated),
    ("digits_are_sent_to_one_call", digits),
    ("what_cannot_be_done_is_refused_and_changes_nothing", refused),
    ("a_key_reaches_its_own_account_and_does_what_it_was_given", keys),
    ("a_key_that_asks_too_often_waits_and_a_page_asks_from_its_own_origin", limited),
];

/// The member of a call in what the module shows.
fn member(pbx: &Pbx, room: &str, number: usize) -> Value {
    pbx.show(room)["members"][number - 1].clone()
}

fn coached(pbx: &Pbx, gateway: &Gateway) {
    let mut party = Party::new(pbx, "coached");
    party.listens("customer", "coached**");
    gateway.member("coached**"); // it is number 1
    party.listens("agent", "coached*clerk*");
    let agent = gateway.member("coached*clerk*");
    party.speaks("manager", "coached**agent");
    let manager = gateway.member("coached**agent");
    party.hear("while nobody has the tag", &[]);

    gateway.act(&agent, "tag", Some("agent"));
    assert_eq!(member(pbx, "coached", 2)["tags"], json!(["agent"]));
    assert_eq!(member(pbx, "coached", 3)["heard_by"], json!([2]));
    party.hear("when the agent has been given it", &["agent"]);

    let shown = gateway.get("Conferences?expand=participants").json();
    let room =
        shown.as_array().and_then(|rooms| rooms.iter().find(|room| room["name"] == "coached")).expect("it is shown");
    let participants = room["participants"].as_array().expect("it has members");
    assert_eq!(participants.len(), 3);
    assert_eq!(participants[1]["memberTag"], "agent");
    assert_eq!((&participants[1]["isAgent"], &participants[1]["heardBy"]), (&json!(true), &json!("all")));
    assert_eq!((&participants[2]["speakOnlyTo"], &participants[2]["heardBy"]), (&json!("agent"), &json!([agent])));
    assert_eq!((&participants[2]["muted"], &participants[2]["held"]), (&json!(false), &json!(false)));
    let explained = gateway.get("Conferences/coached").json();
    assert_eq!(explained["participants"][2]["explain"]["listeners"][0]["hears"], json!(false), "{explained}");
    assert!(gateway.get("Conferences").json().as_array().expect("a list").contains(&json!("coached")));

    gateway.act(&manager, "uncoach", None);
    assert_eq!(member(pbx, "coached", 3)["speak_only_to"], Value::Null);
    party.hear("after uncoach", &["agent", "customer"]);

    gateway.act(&manager, "coach", Some("agent"));
    gateway.act(&manager, "coach", Some("agent"));
    assert_eq!(member(pbx, "coached", 3)["speak_only_to"], json!(["agent"]));
    party.hear("after coach, twice", &["agent"]);

    gateway.act(&agent, "untag", None);
    assert_eq!(member(pbx, "coached", 2)["tags"], json!([]));
    party.hear("after untag", &[]);

    gateway.act(&manager, "coach", Some("nobody-has-this"));
    assert_eq!(member(pbx, "coached", 3)["heard_by"], json!([]));
    party.hear("with a tag that nobody has", &[]);

    let one = gateway.get(&format!("Calls/{manager}")).json();
    assert_eq!(
        (&one["call_sid"], &one["direction"], &one["call_status"]),
        (&json!(manager), &json!("inbound"), &json!("in-progress"))
    );
    assert_eq!(one["account_sid"], ACCOUNT);
    // Where it is not known it is left out.
    assert_ne!(one["call_id"], "(null)");
    let inbound = |filter: &str| {
        let calls = gateway.get(&format!("Calls{filter}")).json();
        calls.as_array().expect("a list").iter().any(|call| call["call_sid"] == json!(manager))
    };
    assert!(inbound("?direction=inbound&callStatus=in-progress") && inbound("/") && !inbound("?direction=outbound"));
    assert!(gateway.get("CallCount").json()["inbound"].as_u64().is_some_and(|count| count >= 3));
    party.judge();
}

fn moderated(pbx: &Pbx, gateway: &Gateway) {
    let mut party = Party::new(pbx, "moderated");
    party.listens("customer", "moderated**");
    party.listens("agent", "moderated*agent*");
    party.speaks("manager", "moderated**agent");
    let (agent, manager) = (gateway.member("moderated*agent*"), gateway.member("moderated**agent"));
    party.hear("at first", &["agent"]);

    assert_eq!(gateway.put(&manager, r#"{"mute_status": "mute"}"#).status, 202);
    assert_eq!(member(pbx, "moderated", 3)["muted"], json!(true));
    party.hear("while the manager is muted", &[]);
    // Open speech too: the mute is of both.
    gateway.act(&manager, "uncoach", None);
    party.hear("muted and open", &[]);
    assert_eq!(gateway.put(&manager, r#"{"conf_mute_status": "unmute"}"#).status, 202);
    party.hear("open", &["agent", "customer"]);

    gateway.act(&agent, "hold", None);
    assert_eq!(member(pbx, "moderated", 2)["held"], json!(true));
    party.hear("open, while the agent is on hold", &["customer"]);
    gateway.act(&manager, "coach", Some("agent"));
    party.hear("private, while the agent is on hold", &[]);
    gateway.act(&agent, "unhold", None);
    assert_eq!(member(pbx, "moderated", 2)["held"], json!(false));
    party.hear("private, with the agent back", &["agent"]);

    gateway.act(&manager, "mute", None);
    gateway.act(&manager, "hold", None);
    gateway.act(&manager, "unhold", None);
    party.hear("muted before a hold, and still", &[]);
    gateway.act(&manager, "unmute", None);
    gateway.act(&manager, "hold", None);
    party.hear("with the manager on hold", &[]);
    gateway.act(&manager, "unhold", None);
    party.hear("with the manager back", &["agent"]);

    gateway.act(&manager, "kick", None);
    assert_eq!(pbx.show("moderated")["members"].as_array().expect("a list").len(), 2);
    party.judge();
}

fn refused(pbx: &Pbx, gateway: &Gateway) {
    let mut party = Party::new(pbx, "refused");
    party.listens("customer", "refused**");
    party.listens("alone", "echo");
    let (customer, alone) = (gateway.member("refused**"), gateway.call_to("echo"));
    let alone = alone["call_sid"].as_str().expect("a sid");
    let before = pbx.show("refused");
    let nobody = "11111111-2222-4333-8444-555555555555";
    let action = |action: &str| format!(r#"{{"conferenceParticipantAction": {action}}}"#);
    for (call, body, status, msg) in [
        (alone, action(r#"{"action": "coach", "tag": "agent"}"#), 422, "not in a conference"),
        (alone, action(r#"{"action": "kick"}"#), 422, "not in a conference"),
        (alone, r#"{"mute_status": "mute"}"#.into(), 422, "not in a conference"),
        (alone, r#"{"call_status": "no-answer"}"#.into(), 422, "current call state is incompatible"),
        (nobody, r#"{"mute_status": "mute"}"#.into(), 404, "no such call"),
        ("17", r#"{"mute_status": "mute"}"#.into(), 400, "Bad request"),
        (&customer, "{".into(), 400, "no JSON"),
        (&customer, r#"{"whisper": {"verb": "say"}}"#.into(), 400, "whisper is not supported"),
        (&customer, action(r#"{"action": "tag"}"#), 400, "requires tag property when action is 'tag'"),
        (&customer, action(r#"{"action": "tag", "tag": "a\r\nAction: Hangup"}"#), 400, "a tag"),
        (&customer, action(r#"{"action": "tag", "tag": "a b"}"#), 400, "white space"),
        (&customer, action(r#"{"action": "tag", "tag": "speakOnlyTo=x"}"#), 400, "'='"),
        (&customer, action(r#"{"action": "dance"}"#), 400, "invalid action property dance"),
    ] {
        let answer = gateway.put(call, &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.msg().contains(msg) || msg == "a tag", "{body}: {answer:?}");
    }
    let long = format!(r#"{{"mute_status": "{}"}}"#, "m".repeat(70_000));
    assert_eq!(gateway.put(&customer, &long).status, 413);
    assert_eq!(gateway.ask("GET", "/nowhere", &gateway.key, None).status, 404);
    assert_eq!(gateway.ask("PATCH", &format!("/v1/Accounts/{ACCOUNT}/Calls"), &gateway.key, None).status, 405);
    assert_eq!(pbx.show("refused"), before);

    let hung_up = gateway.ask("DELETE", &format!("/v1/Accounts/{ACCOUNT}/Calls/{alone}"), &gateway.key, None);
    assert_eq!((hung_up.status, hung_up.body.as_str()), (204, ""));
    assert_eq!(gateway.get(&format!("Calls/{alone}")).status, 404);
    party.judge();
}

fn keys(pbx: &Pbx, gateway: &Gateway) {
    let mut party = Party::new(pbx, "keys");
    party.listens("customer", "keys**");
    let customer = gateway.member("keys**");
    let path = format!("/v1/Accounts/{ACCOUNT}/Calls/{customer}");
    let put = |key: &str, action: &str| {
        gateway.ask("PUT", &path, key, Some(&format!(r#"{{"conferenceParticipantAction": {action}}}"#)))
    };
    for key in ["", "ck_1_2", &gateway.key.to_uppercase()] {
        let answer = put(key, r#"{"action": "untag"}"#);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.msg().is_empty());
    }
    let other = gateway.new_key(OTHER_ACCOUNT, "all");
    assert_eq!(put(&other, r#"{"action": "untag"}"#).status, 404);
    let theirs = gateway.ask("PUT", &path.replace(ACCOUNT, OTHER_ACCOUNT), &other, Some(r#"{"mute_status": "mute"}"#));
    assert_eq!(theirs.status, 404, "{theirs:?}");

    let coach = gateway.new_key(ACCOUNT, "read,coach:agent");
    assert_eq!(put(&coach, r#"{"action": "coach", "tag": "agent"}"#).status, 202);
    for action in [
        r#"{"action": "coach", "tag": "customer"}"#,
        r#"{"action": "coach", "tag": "agent,customer"}"#,
        r#"{"action": "uncoach"}"#,
        r#"{"action": "tag", "tag": "agent"}"#,
        r#"{"action": "mute"}"#,
        r#"{"action": "kick"}"#,
    ] {
        let answer = put(&coach, action);
        assert_eq!(answer.status, 403, "{action}: {answer:?}");
    }
    assert_eq!(pbx.show("keys")["members"][0]["speak_only_to"], json!(["agent"]));
    let (_, listed) = gateway.command(&["key", "list"]);
    let id = coach.split('_').nth(1).expect("a key has a public part");
    assert!(listed.contains(id) && !listed.contains(coach.rsplit('_').next().expect("a secret part")), "{listed}");
    assert_eq!(gateway.command(&["key", "revoke", id]).0, Some(0));
    assert_eq!(put(&coach, r#"{"action": "coach", "tag": "agent"}"#).status, 401);
    party.judge();
}

fn digits(pbx: &Pbx, gateway: &Gateway) {
    let mut party = Party::new(pbx, "digits");
    party.listens("customer", "digits**");
    party.listens("agent", "digits*agent*");
    let agent = gateway.member("digits*agent*");
    for wrong in [r#"{"digit": "5", "duration": 5}"#, r#"{"digit": "5,6"}"#, r#"{"digit": 5}"#] {
        let answer = gateway.put(&agent, &format!(r#"{{"dtmf": {wrong}}}"#));
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
        assert!(answer.msg().contains("invalid dtmf"), "{wrong}: {answer:?}");
    }
    let sent = gateway.put(&agent, r#"{"dtmf": {"digit": "5", "duration": 250}}"#);
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(party.digits("agent", 1), "5");
    assert_eq!(gateway.put(&agent, r##"{"dtmf": {"digit": "19#"}}"##).status, 202);
    assert_eq!(party.digits("agent", 3), "19#");
    let customer = gateway.member("digits**");
    assert_eq!(gateway.put(&customer, r#"{"dtmf": {"digit": "7"}}"#).status, 202);
    assert_eq!(party.digits("customer", 1), "7", "nothing else was sent to this one");
}

fn limited(pbx: &Pbx, _shared: &Gateway) {
    let mut gateway = Gateway::start_at(pbx, "limited", "", ports::free().expect("a port is free"));
    gateway.start_again_with(|settings| {
        let limits = "requests_per_minute = 3\ncors_origins = [\"https://console.example.com\"]";
        settings.replace("requests_per_minute = 6000", limits)
    });
    let path = format!("/v1/Accounts/{ACCOUNT}/Calls");
    let answers: Vec<_> = (0..3).map(|_| gateway.get("Calls").status).collect();
    assert_eq!(answers, [200; 3], "it may ask three times at once");
    let refused =
        (0..10).map(|_| gateway.get("Calls")).find(|answer| answer.status != 200).expect("not ten times more");
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.msg().contains("too many requests: again in "), "{refused:?}");
    let key = format!("Authorization: Bearer {}", gateway.key);
    let headers = (0..10).map(|_| gateway.headers("GET", &path, &[&key])).find(|headers| headers.contains(" 429"));
    let wait =
        headers.as_deref().and_then(|headers| headers.split("retry-after: ").nth(1)?.lines().next()?.parse().ok());
    assert!(wait.is_some_and(|seconds: u64| (1..=20).contains(&seconds)), "{headers:?}");
    let other = gateway.new_key(ACCOUNT, "read");
    assert_eq!(gateway.ask("GET", &path, &other, None).status, 200, "a key's limit is its own");

    let asks = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let wants =
            ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization,content-type"];
        gateway.headers("OPTIONS", &path, &[&origin, wants[0], wants[1]])
    };
    let allowed = asks("https://console.example.com");
    for right in ["allow-origin: https://console.example.com", "allow-methods: get,post,put,delete", "authorization"] {
        assert!(allowed.contains(right), "{right}: {allowed}");
    }
    for origin in ["https://console.example.com.evil.example", "http://console.example.com", "null"] {
        let refused = asks(origin);
        assert!(!refused.contains("allow-origin"), "{origin}: {refused}");
    }
}
