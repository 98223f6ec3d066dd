//! What an application is told of a call, in which order, and with which fields: the same by websocket and by webhook.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("order_and_fields_of_what_a_websocket_is_told", || told("sdk")),
    ("order_and_fields_of_what_a_webhook_is_told", || told("webhook")),
];

/// What every hook carries, and what the first request and the hooks before the conference carry besides.
const BASE: &[&str] = &[
    "call_sid",
    "direction",
    "from",
    "to",
    "call_id",
    "sip_status",
    "sip_reason",
    "call_status",
    "account_sid",
    "trace_id",
    "application_sid",
];
const RAW: &[&str] = &["caller_name", "has_recording"];
const FIRST: &[&str] = &["sip", "defaults", "env_vars"];
const EVENT: &[&str] = &["event", "duration", "time", "conference_sid", "friendly_name"];
const MEMBER: &[&str] = &["member_tag", "speak_only_to", "heard_by"];
const END: &[&str] = &["duration", "call_termination_by"];

/// What was told of a call, by its name: of an event of a conference and of a call's state with that.
fn all(app: &App, library: &str, who: &str) -> Vec<(String, Value)> {
    let number = format!("gateway-{who}");
    let named = |name: &str, data: Value| {
        let more = data["event"].as_str().or((name == "call:status").then(|| data["call_status"].as_str()).flatten());
        let name = more.map_or_else(|| name.to_owned(), |more| format!("{name} {more}"));
        (name, data)
    };
    let events = app.events().into_iter().filter_map(|told| {
        let (path, event) = (told["path"].as_str()?, told["event"].as_str()?);
        if library == "webhook" {
            let body = told["data"]["body"].clone();
            let name = match path {
                "/call-status" => "call:status",
                own if own.strip_prefix('/') == Some(who) => "session:new",
                hook => hook,
            };
            return (body["to"] == number).then(|| named(name, body));
        }
        (path.strip_prefix('/') == Some(who) && event != "close").then(|| named(event, told["data"].clone()))
    });
    events.collect()
}

/// The fields of a payload have to be these, each once and no other.
fn has(what: &str, data: &Value, fields: &[&[&str]]) {
    let mut given: Vec<&str> = data.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = fields.concat();
    given.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(given, expected, "{what}: {data}");
}

fn told(library: &'static str) {
    let name = if library == "sdk" { "tws" } else { "twh" };
    let pbx = Pbx::start(name);
    let events = json!(["start", "end", "join", "leave", "tag", "coach", "audience"]);
    let room = |name: &str, more: Value| {
        let mut verb = json!({"name": name, "statusHook": "/status", "statusEvents": events});
        verb.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!(["conference", verb])
    };
    let second = json!({"verbs": [room("second", json!({"id": "c2", "actionHook": "/done2"}))]});
    let waits = json!({"verbs": [["answer"], room("first", json!({"id": "c1", "startConferenceOnEnter": false, "waitHook": "/wait",
        "enterHook": "/enter", "actionHook": "/done"}))]});
    let hooks = json!({"/wait": {"verbs": [["pause", {"length": 0.2}]]}, "/enter": {"verbs": []}, "/status": {"silent": true},
        "/done": second, "/done2": {}, "/done3": {"verbs": [["hangup"]]}, "/over": {}});
    let third = json!({"verbs": [room("third", json!({"actionHook": "/done3"}))]});
    let host = json!({"verbs": [["answer"], ["conference", {"name": "third", "endConferenceOnExit": true}]]});
    let caller = json!({"verbs": [["answer"], room("alone", json!({"actionHook": "/over"}))]});
    let script = if library == "webhook" {
        let silent = json!({"verbs": []});
        json!({"/guest": waits, "/caller": caller, "/host": host, "/third": third, "/wait": hooks["/wait"], "/enter": silent, "/status": silent,
            "/done": second, "/done2": silent, "/done3": hooks["/done3"], "/over": silent, "/call-status": silent})
    } else {
        let with_hooks = |calls: &Value| json!({"verbs": calls["verbs"], "hooks": hooks});
        json!({"/guest": with_hooks(&waits), "/caller": with_hooks(&caller), "/host": with_hooks(&host)})
    };
    let app = App::start(&pbx, name, library, &script);
    let gateway = Gateway::start(&pbx, "gateway", &["guest", "caller", "host"].map(|name| app.settings(name)).concat());
    let names = |who: &str| -> Vec<String> { all(&app, library, who).into_iter().map(|(name, _)| name).collect() };
    let has_come = |event: &str| {
        wait_until(&format!("{event}: {:?}", names("guest")), &|| {
            names("guest").last().is_some_and(|last| last == event)
        });
    };
    let in_room = |room: &str, count: usize| {
        wait_until(&format!("{count} are in {room}"), &|| pbx.members(&format!("app-{room}")).len() == count);
    };
    let mut party = Party::new(&pbx, name);
    party.is_not_judged("guest");
    party.listens("guest", "gateway-guest");
    has_come("/wait");
    // Somebody from a dialplan starts the conference.
    party.is_not_judged("agent");
    party.listens("agent", "app-first*agent*");
    in_room("first", 2);
    has_come("/status join");
    let guest = gateway.member("gateway-guest");
    gateway.act(&guest, "tag", Some("boss"));
    has_come("/status tag");
    gateway.act(&guest, "coach", Some("agent"));
    wait_until("both are told", &|| names("guest").iter().filter(|name| name.starts_with("/status ")).count() == 4);
    for action in ["mute", "unmute", "hold", "unhold"] {
        gateway.act(&guest, action, None);
    }
    gateway.act(&guest, "kick", None);
    in_room("second", 1);
    has_come("/status join");
    // Into another one, by a request or by the socket.
    if library == "webhook" {
        assert_eq!(gateway.put(&guest, r#"{"call_hook": "/third"}"#).status, 202);
    } else {
        app.send("/guest", &third["verbs"]);
    }
    in_room("third", 1);
    has_come("/status join");
    // Its host, whose leaving ends it; and then the application hangs up.
    let mut hosts = Party::new(&pbx, "hosts");
    hosts.is_not_judged("host");
    hosts.listens("host", "gateway-host");
    in_room("third", 2);
    hosts.judge();
    has_come("call:status completed");

    let told = all(&app, library, "guest");
    let mut order: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    order.dedup();
    // Who leaves last tells the end: the host, or this one.
    if order.ends_with(&["/status leave", "/done3", "call:status completed"]) {
        order.insert(order.len() - 2, "/status end");
    }
    let mut expected = vec![
        "session:new",
        "call:status trying",
        "call:status in-progress",
        "/wait",
        "/enter",
        "/status join",
        "/status tag",
        "/status coach",
        "/status audience",
        "/status leave",
        "/done",
        "/status start",
        "/status join",
        "/status leave",
        "/status end",
        "/done2",
        "/status start",
        "/status join",
        "/status leave",
        "/status end",
        "/done3",
        "call:status completed",
    ];
    if library == "webhook" {
        // Other verbs are fetched while the call is where it was.
        expected.insert(13, "/third");
    }
    assert_eq!(order, expected);
    let of =
        |name: &str, nth: usize| told.iter().filter(|(own, _)| own == name).nth(nth).expect("it was told").1.clone();
    for (what, nth, fields) in [
        ("session:new", 0, &[BASE, RAW, FIRST][..]),
        ("call:status trying", 0, &[BASE]),
        ("call:status in-progress", 0, &[BASE]),
        ("/wait", 0, &[BASE, RAW]),
        ("/enter", 0, &[BASE, RAW]),
        ("/status join", 0, &[BASE, EVENT, &["members"]]),
        ("/status tag", 0, &[BASE, EVENT, MEMBER]),
        ("/status coach", 0, &[BASE, EVENT, MEMBER]),
        ("/status audience", 0, &[BASE, EVENT, MEMBER]),
        ("/status leave", 0, &[BASE, EVENT, &["members"]]),
        ("/done", 0, &[BASE, &["verb_id"]]),
        ("/status start", 0, &[BASE, EVENT, &["members"]]),
        ("/status end", 0, &[BASE, EVENT, &["members"]]),
        ("/done2", 0, &[BASE, &["verb_id"]]),
        ("/done3", 0, &[BASE]),
        ("call:status completed", 0, &[BASE, END]),
    ] {
        has(what, &of(what, nth), fields);
    }
    for (what, nth, field, value) in [
        ("session:new", 0, "from", json!("phone")),
        ("call:status trying", 0, "sip_status", json!(100)),
        ("call:status in-progress", 0, "sip_status", json!(200)),
        ("/wait", 0, "has_recording", json!(false)),
        ("/status join", 0, "members", json!(2)),
        ("/status join", 1, "members", json!(1)),
        ("/status tag", 0, "member_tag", json!("boss")),
        ("/status coach", 0, "speak_only_to", json!("agent")),
        ("/status leave", 0, "members", json!(1)),
        ("/status leave", 1, "members", json!(0)),
        ("/status start", 0, "members", json!(0)),
        ("/status start", 0, "friendly_name", json!("second")),
        ("/status end", 0, "members", json!(0)),
        ("/done", 0, "verb_id", json!("c1")),
        ("/done2", 0, "verb_id", json!("c2")),
        ("/done3", 0, "call_status", json!("in-progress")),
        ("call:status completed", 0, "call_termination_by", json!("jambonz")),
        ("call:status completed", 0, "sip_status", json!(200)),
    ] {
        assert_eq!(of(what, nth)[field], value, "{what} {field}: {}", of(what, nth));
    }

    // One that hangs up itself: the call's end comes first, and what its conference tells then carries it.
    let mut leaves = Party::new(&pbx, "leaves");
    leaves.is_not_judged("caller");
    leaves.listens("caller", "gateway-caller");
    wait_until("it is in", &|| names("caller").last().is_some_and(|last| last == "/status join"));
    leaves.judge();
    wait_until("it is over", &|| names("caller").last().is_some_and(|last| last == "/over"));
    let told = all(&app, library, "caller");
    let order: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        order,
        [
            "session:new",
            "call:status trying",
            "call:status in-progress",
            "/status start",
            "/status join",
            "call:status completed",
            "/status leave",
            "/status end",
            "/over"
        ]
    );
    for (name, data) in &told[5..] {
        let fields: &[&[&str]] =
            if name.starts_with("/status") { &[BASE, EVENT, END, &["members"]] } else { &[BASE, END] };
        has(name, data, fields);
        assert_eq!(
            (&data["call_termination_by"], data["duration"].is_u64()),
            (&json!("caller"), true),
            "{name}: {data}"
        );
    }
    party.judge();
}
