//! Several calls that begin one conference at the same time.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("of_two_who_start_a_conference_at_once_one_starts_it", at_once),
    ("two_who_start_a_conference_at_once_on_two_switches_are_not_parted", apart),
];

/// Verbs that start a conference. While the application has not acknowledged that it starts, for which it has 5 s, it has started and
/// nobody is in it yet.
fn starts(more: Value) -> Value {
    let mut verb = json!({"name": "room", "startConferenceOnEnter": true, "statusHook": "/status", "statusEvents": ["start", "join", "leave", "end"]});
    verb.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({"verbs": [["conference", verb]], "hooks": {"/status": {"silent": true}}})
}

/// Which events a call has been told of; each says for how long.
fn told(app: &App, path: &str) -> Vec<String> {
    let told = app.events().into_iter().filter(|told| told["path"] == path && told["event"] == "/status");
    told.map(|told| {
        assert!(told["data"]["duration"].is_number(), "{told}");
        told["data"]["event"].as_str().unwrap_or_default().to_owned()
    })
    .collect()
}

fn at_once() {
    let pbx = Pbx::start("once");
    let script =
        json!({"/agent": starts(json!({"memberTag": "agent"})), "/manager": starts(json!({"speakOnlyTo": "agent"}))});
    let app = App::start(&pbx, "once", "node-client-ws", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "once");
    party.listens("agent", "gateway-agent");
    app.event("/agent", "/status");
    assert_eq!(pbx.stock_members("app-room"), 0, "it is about to begin");
    party.speaks("manager", "gateway-manager");
    gateway.member("gateway-manager");
    gateway.member("gateway-agent");
    party.listens("customer", "app-room**");
    gateway.member("app-room**");
    party.hear("begun by two at once", &["agent"]);
    wait_until("both are told of", &|| told(&app, "/agent").len() >= 2 && !told(&app, "/manager").is_empty());
    assert_eq!(
        (told(&app, "/agent"), told(&app, "/manager")),
        (vec!["start".into(), "join".into()], vec!["join".into()])
    );
    party.judge();
}

fn apart() {
    let (pbx, other) = (Pbx::start("apart_one"), Pbx::start("apart_other"));
    let script = json!({
        "/agent": starts(json!({"memberTag": "agent"})),
        "/lost": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent"}]]},
        "/waits": {"verbs": [["answer"], ["conference", {"name": "room", "startConferenceOnEnter": false}]]},
    });
    let app = App::start(&pbx, "apart", "node-client-ws", &script);
    let second = format!("\n[[switch]]\nname = \"other\"\naccount = \"support\"\n{}", other.settings(other.hand_over));
    let applications = ["agent", "lost", "waits"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &(second + &applications));
    let (mut here, mut there) = (Party::new(&pbx, "here"), Party::new(&other, "there"));
    let is_refused = |path: &str| {
        let error = app.event(path, "jambonz:error");
        assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("\"room\" is on the switch pbx")), "{error}");
    };
    there.listens("waits", "gateway-waits");
    app.find("/waits", "call:status", |data| data["call_status"] == "in-progress");
    here.listens("agent", "gateway-agent");
    app.event("/agent", "/status");
    assert_eq!(pbx.stock_members("app-room"), 0, "it is about to begin");
    there.listens("lost", "gateway-lost");
    is_refused("/lost");
    gateway.member("gateway-agent");
    // Who waits for it elsewhere would wait for good.
    is_refused("/waits");
    assert_eq!((pbx.stock_members("app-room"), other.stock_members("app-room")), (1, 0));
    drop((here, there));
}
