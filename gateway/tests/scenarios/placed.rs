//! Calls that REST places: the switch dials, and when somebody answers, the call is in its application's hands.

use crate::{
    app::{self, App},
    gateway::{ACCOUNT, Answer, Gateway, OTHER_ACCOUNT},
    party::Party,
    pbx::Pbx,
    run::wait_until,
};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_call_that_rest_places_is_in_its_applications_hands", placed),
    ("how_a_placed_call_goes_is_told_state_by_state", told),
    ("a_phone_at_a_sip_address_is_called_joins_and_hears", sip),
];

fn create(gateway: &Gateway, body: &Value) -> Answer {
    gateway.ask("POST", &format!("/v1/Accounts/{ACCOUNT}/Calls"), &gateway.key, Some(&body.to_string()))
}

/// Places a call. Its sid.
fn call(gateway: &Gateway, body: &Value) -> String {
    let answer = create(gateway, body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["sid"].as_str().expect("it has a sid").to_owned()
}

fn to_number(number: &str) -> Value {
    json!({"type": "phone", "number": number})
}

/// A customer is called, and hears the agent's conference but not the manager's whisper. The customer's own phone is behind another
/// conference of the switch, which answers the call.
fn placed() {
    let pbx = Pbx::start("placed");
    let script = json!({
        "/customer": {
            "verbs": [["conference", {"name": "room", "actionHook": "/done"}]],
            "hooks": {"/done": {"verbs": [["conference", {"name": "after", "memberTag": "moved"}]]}}
        },
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent"}]]},
    });
    let app = App::start(&pbx, "placed", "node-client-ws", &script);
    let applications = ["customer", "agent", "manager"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", &(pbx.calls_settings() + &applications));
    let mut party = Party::new(&pbx, "placed");
    party.listens("customer", "far**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let order = json!({"from": "2000", "callerName": "Support Desk", "to": to_number("far**"), "timeout": 20,
        "tag": {"ticket": 17}, "call_hook": app.hook("customer")});
    let customer = call(&gateway, &order);
    wait_until("it is in the conference", &|| pbx.members("app-room").len() == 3);
    party.hear("whispering, with a customer who was called", &["agent"]);
    let new = app.event("/customer", "session:new");
    for (field, value) in [
        ("call_sid", json!(customer)),
        ("direction", json!("outbound")),
        ("from", json!("2000")),
        ("to", json!("far**")),
        ("customerData", json!({"ticket": 17})),
        ("sip", Value::Null),
    ] {
        assert_eq!(new[field], value, "{field}: {new}");
    }
    let shown = gateway.get(&format!("Calls/{customer}")).json();
    assert_eq!(
        (&shown["direction"], &shown["from"], &shown["to"], &shown["call_status"]),
        (&json!("outbound"), &json!("2000"), &json!("far**"), &json!("in-progress")),
        "{shown}"
    );
    gateway.act(&manager, "uncoach", None);
    party.hear("after uncoach", &["agent", "customer"]);
    gateway.act(&manager, "coach", Some("agent"));

    // A gateway that was killed has its session again, and the call goes on where its actionHook says.
    gateway.crash();
    party.hear("without the gateway", &["agent"]);
    gateway.start_again();
    app.event("/customer", "session:reconnect");
    gateway.act(&customer, "kick", None);
    wait_until("it is in the next conference", &|| pbx.members("app-after").len() == 1);
    assert_eq!(pbx.members("app-after")[0]["tags"], json!(["moved"]));
    party.hear("out of the conference", &["agent"]);
    assert_eq!(gateway.put(&customer, r#"{"call_status": "completed"}"#).status, 202);
    app.find("/customer", "call:status", |data| data["call_status"] == "completed" && data["direction"] == "outbound");
    party.judge();
}

/// A customer is called on a phone of their own, at its SIP address.
fn sip() {
    let pbx = Pbx::start("sip");
    let script = json!({"/customer": {"verbs": [["conference", {"name": "room"}]]}});
    let app = App::start(&pbx, "sip", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &(pbx.calls_settings() + &app.settings("customer")));
    let mut party = Party::new(&pbx, "sip");
    let port = party.waits_to_be_called("customer");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "app-room**agent");
    let manager = gateway.member("app-room**agent");
    let uri = format!("sip:phone@127.0.0.1:{port}");
    let order = json!({"from": "2000", "to": {"type": "sip", "sipUri": uri}, "call_hook": app.hook("customer")});
    let customer = call(&gateway, &order);
    party.has_answered("customer");
    wait_until("it is in the conference", &|| pbx.members("app-room").len() == 3);
    let new = app.event("/customer", "session:new");
    for (field, value) in
        [("call_sid", json!(customer)), ("direction", json!("outbound")), ("to", json!(uri)), ("from", json!("2000"))]
    {
        assert_eq!(new[field], value, "{field}: {new}");
    }
    party.hear("whispering, with a customer at a SIP address", &["agent"]);
    party.heard_nothing_until_now("whispering, with a customer at a SIP address", "customer");
    gateway.act(&manager, "uncoach", None);
    party.hear("after uncoach", &["agent", "customer"]);
    assert_eq!(gateway.put(&customer, r#"{"call_status": "completed"}"#).status, 202);
    app.find("/customer", "call:status", |data| {
        data["call_status"] == "completed" && data["call_sid"] == json!(customer)
    });
    party.judge();
}

fn told() {
    let pbx = Pbx::start("told");
    let script = json!({"/out": {"verbs": [["pause", {"length": 0.2}], ["hangup"]]}, "/call-status": {"verbs": []}});
    let app = App::start(&pbx, "told", "webhook", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &(pbx.calls_settings() + &app.settings("out")));
    let states = |sid: &str| -> Vec<(String, u64)> {
        let told = app.events().into_iter().filter(|told| told["path"] == "/call-status");
        let own = told.map(|told| told["data"]["body"].clone()).filter(|body| body["call_sid"] == json!(sid));
        own.map(|body| {
            (body["call_status"].as_str().unwrap_or_default().into(), body["sip_status"].as_u64().unwrap_or(0))
        })
        .collect()
    };
    let hook = app.hook("out");
    for (number, seconds, cancel, expected) in [
        ("echo", 20, false, vec![("trying", 100), ("in-progress", 200), ("completed", 200)]),
        ("busy", 20, false, vec![("trying", 100), ("busy", 486)]),
        ("ringing", 2, false, vec![("trying", 100), ("ringing", 180), ("no-answer", 480)]),
        ("ringing", 20, true, vec![("trying", 100), ("ringing", 180), ("no-answer", 480)]),
        ("nobody-is-here", 20, false, vec![("trying", 100), ("failed", 500)]),
    ] {
        let order = json!({"from": "2000", "to": {"type": "user", "name": format!("{number}@example.com")}, "timeout": seconds,
            "call_hook": {"url": hook, "method": "POST"}, "speech_synthesis_vendor": "google"});
        let sid = call(&gateway, &order);
        if cancel {
            wait_until("it rings", &|| states(&sid).len() == 2);
            assert_eq!(gateway.get(&format!("Calls/{sid}")).json()["call_status"], "ringing");
            assert_eq!(gateway.put(&sid, r#"{"call_status": "no-answer"}"#).status, 202);
        }
        let expected: Vec<(String, u64)> = expected.into_iter().map(|(state, sip)| (state.to_owned(), sip)).collect();
        wait_until(number, &|| states(&sid).len() >= expected.len());
        assert_eq!(states(&sid), expected, "{number}");
    }
    // By the clients that applications use.
    let order = json!({"from": "2000", "to": to_number("busy"), "call_hook": hook, "call_status_hook": app.hook("call-status")});
    for library in ["sdk", "node-client"] {
        let sid = app::rest(library, &gateway, "calls.create", &json!([order])).expect("it places a call");
        let sid = sid.as_str().expect("a sid").to_owned();
        wait_until("it is busy", &|| states(&sid).last().is_some_and(|(state, _)| state == "busy"));
    }
    // Killed while the phone rings, the gateway goes on where it was: its application learns of the call when it is answered.
    let begun = || app.names("/out").len();
    let before = begun();
    let sid = call(&gateway, &json!({"from": "2000", "to": to_number("late"), "call_hook": hook}));
    wait_until("it rings", &|| states(&sid).len() == 2);
    gateway.crash();
    gateway.start_again();
    wait_until("it is answered", &|| states(&sid).len() >= 4);
    let all = [("trying", 100), ("ringing", 180), ("in-progress", 200), ("completed", 200)];
    assert_eq!(states(&sid), all.map(|(state, sip)| (state.to_owned(), sip)));
    assert_eq!(begun(), before + 1);
    // What cannot be done is refused, and no switch dials anything.
    wait_until("all calls have ended", &|| pbx.calls() == 0);
    let right = json!({"from": "2000", "to": to_number("echo"), "call_hook": hook});
    let with = |key: &str, value: Value| {
        let mut body = right.clone();
        body[key] = value;
        body
    };
    for (body, status, msg) in [
        (with("from", Value::Null), 400, "missing from"),
        (with("from", json!("2000,x")), 400, "','"),
        (with("from", json!("2000\r\nAction: Hangup")), 400, "from holds"),
        (with("callerName", json!("a\" <1>")), 400, "callerName"),
        (with("callerName", json!("a'}b")), 400, "callerName"),
        (with("to", json!("echo")), 400, "missing to"),
        (with("to", json!({"type": "teams", "number": "1"})), 400, "teams"),
        (with("to", json!({"type": "phone"})), 400, "missing to.number"),
        (with("to", to_number("1&PJSIP/2")), 400, "'&'"),
        (with("to", to_number("1|sofia/x/2")), 400, "'|'"),
        (with("to", to_number("${a}")), 400, "'$'"),
        (with("to", to_number("1 XML other")), 400, "' '"),
        (with("to", to_number(&"1".repeat(65))), 400, "64"),
        (with("to", json!({"type": "sip", "sipUri": "alice"})), 400, "sip:alice@"),
        (with("to", json!({"type": "phone", "number": "1", "trunk": "t"})), 400, "to.trunk"),
        (with("call_hook", json!("http://elsewhere.example.com/")), 400, "allowed_hosts"),
        (with("call_hook", json!("ftp://127.0.0.1/")), 400, "call_hook"),
        (with("call_hook", Value::Null), 400, "application_sid or call_hook"),
        (with("application_sid", json!("11111111-2222-4333-8444-555555555555")), 400, "no application"),
        (with("timeout", json!(0)), 400, "timeout"),
        (with("tag", json!("x")), 400, "tag"),
        (with("timeLimit", json!(10)), 400, "timeLimit is not supported"),
    ] {
        let answer = create(&gateway, &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.msg().contains(msg), "{body}: {answer:?}");
    }
    assert_eq!(pbx.calls(), 0);
    let post = |account: &str, key: &str| {
        gateway.ask("POST", &format!("/v1/Accounts/{account}/Calls"), key, Some(&right.to_string())).status
    };
    assert_eq!(post(ACCOUNT, &gateway.new_key(ACCOUNT, "read,tag,coach,barge,moderate")), 403);
    assert_eq!(post(ACCOUNT, &gateway.new_key(OTHER_ACCOUNT, "call")), 404);
    // Another account has no application of this hook's, and no switch.
    assert_eq!(post(OTHER_ACCOUNT, &gateway.new_key(OTHER_ACCOUNT, "call")), 400);
}
