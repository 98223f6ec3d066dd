//! What the official SDKs' REST clients ask for, and commands of a websocket that concern the session.

use crate::{
    app::{self, App},
    gateway::Gateway,
    party::Party,
    pbx::Pbx,
    run::wait_until,
};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("the_rest_clients_of_the_sdks_list_and_steer_calls", rest),
    ("each_action_is_done_in_each_way_that_the_sdks_offer", each_action),
    ("commands_of_a_websocket_reach_its_session", commands),
    ("verbs_that_are_queued_wait_for_those_before_them", queued),
];

fn rest() {
    let pbx = Pbx::start("clients");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent", "startConferenceOnEnter": true}]]},
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "joinMuted": true}]]},
        "/second": {"verbs": [["conference", {"name": "second"}]]}, "/call-status": {"verbs": []},
    });
    let app = App::start(&pbx, "clients", "webhook", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let ask = |library: &str, method: &str, arguments: Value| {
        let asked = app::rest(library, &gateway, method, &arguments);
        asked.unwrap_or_else(|error| panic!("{library}, {method}, {arguments}: {error}"))
    };
    let mut party = Party::new(&pbx, "clients");
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    let agent = gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let customer = gateway.member("app-room**");

    let sdk = |method: &str, arguments: Value| ask("sdk", method, arguments);
    let older = |method: &str, arguments: Value| ask("node-client", method, arguments);
    let listed =
        |calls: &Value| calls.as_array().map(|calls| calls.iter().map(|call| call["call_sid"].clone()).collect());
    let filter = json!([{"to": "gateway-manager", "direction": "inbound", "callStatus": "in-progress"}]);
    assert_eq!(listed(&sdk("calls.list", filter)), Some(vec![json!(manager)]));
    assert_eq!(sdk("calls.get", json!([manager]))["to"], "gateway-manager");
    assert_eq!(sdk("calls.count", json!([])), json!({"inbound": 3, "outbound": 0}));
    assert_eq!(sdk("conferences.list", json!([])), json!(["room"]));
    assert_eq!(listed(&older("calls.list", json!([]))).map(|calls| calls.len()), Some(3));
    assert_eq!(older("calls.retrieve", json!([manager]))["call_sid"], json!(manager));

    // Muted as it joined, and private once it no longer is.
    party.hear("joined muted", &[]);
    sdk("calls.mute", json!([manager, "unmute"]));
    party.hear("unmuted by the SDK", &["agent"]);
    let action = |action: Value| json!([manager, {"conferenceParticipantAction": action}]);
    sdk("calls.update", action(json!({"action": "uncoach"})));
    party.hear("uncoached by the SDK", &["agent", "customer"]);
    older("calls.update", json!([manager, {"mute_status": "mute"}]));
    party.hear("muted by node-client", &[]);
    older("calls.update", json!([manager, {"mute_status": "unmute"}]));
    older("calls.update", json!([agent, {"conf_hold_status": "hold"}]));
    party.hear("with the agent held by node-client", &["customer"]);
    older("calls.update", json!([agent, {"conf_hold_status": "unhold"}]));
    sdk("calls.update", action(json!({"action": "coach", "tag": "agent"})));
    party.hear("coached by the SDK", &["agent"]);

    // Everybody but who moderates the conference.
    let room = |status: &str| json!([agent, {"conf_mute_status": status, "conf_mute_scope": "room"}]);
    let muted = || -> Vec<Value> { pbx.members("app-room").iter().map(|member| member["muted"].clone()).collect() };
    sdk("calls.update", room("mute"));
    assert_eq!(muted(), [true, false, true], "customer, agent and manager");
    let listed = gateway.get("Conferences/room").json()["participants"].clone();
    let listed: Vec<Value> = listed.as_array().expect("a list").iter().map(|one| one["muted"].clone()).collect();
    assert_eq!(listed, muted(), "REST tells the same");
    party.hear("with all muted who do not moderate", &[]);
    sdk("calls.update", room("unmute"));
    assert_eq!(muted(), [false; 3]);
    party.hear("with all unmuted", &["agent"]);

    // What cannot be done, the clients throw.
    for (library, arguments, why) in [
        ("sdk", json!([manager, {"whisper": {"verb": "say", "text": "x"}}]), "whisper is not supported"),
        ("sdk", json!([manager, {"call_status": "no-answer"}]), "422"),
        ("node-client", json!([customer, {"call_hook": "/second"}]), "422"),
    ] {
        let thrown = app::rest(library, &gateway, "calls.update", &arguments).expect_err("it is refused");
        assert!(thrown.contains(why) || thrown.contains("StatusError"), "{arguments}: {thrown}");
    }
    sdk("calls.redirect", json!([manager, "/second"]));
    wait_until("it is where the hook says", &|| pbx.members("app-second").len() == 1);
    party.hear("redirected by the SDK", &[]);
    sdk("calls.delete", json!([manager]));
    older("calls.delete", json!([customer]));
    wait_until("they have ended", &|| pbx.members("app-second").is_empty() && pbx.members("app-room").len() == 1);
    party.judge();
}

fn commands() {
    let pbx = Pbx::start("commands");
    let script = json!({"/agent": {"verbs": [["answer"], ["conference", {"name": "room", "memberTag": "agent"}]]}});
    let app = App::start(&pbx, "commands", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "commands");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    assert!(!app.names("/agent").contains(&"verb:status".to_owned()), "nobody has asked for that yet");
    app.inject("/agent", "tag", &json!({"ticket": 17}));
    app.inject("/agent", "config", &json!({"notifyEvents": true}));
    app.inject("/agent", "dtmf", &json!({"digit": "42"}));
    assert_eq!(party.digits("agent", 2), "42");
    app.inject("/agent", "redirect", &json!([{"verb": "conference", "name": "next", "memberTag": "moved"}]));
    wait_until("it is in the next conference", &|| {
        pbx.members("app-next").len() == 1 && pbx.members("app-room").is_empty()
    });
    app.find("/agent", "verb:status", |data| data["event"] == "starting" && data["name"] == "conference");
    app.inject("/agent", "call:status", &json!({"call_status": "completed"}));
    let last = app.find("/agent", "call:status", |data| data["call_status"] == "completed");
    assert_eq!(
        (&last["customerData"]["ticket"], &last["call_termination_by"]),
        (&json!(17), &json!("jambonz")),
        "{last}"
    );
    app.event("/agent", "close");
    // Nothing of it is told as wrong.
    assert!(!app.names("/agent").contains(&"jambonz:error".to_owned()), "{:?}", app.events());
}

/// `queueCommand`, as each of the SDKs sets it.
fn queued() {
    let pbx = Pbx::start("queued");
    for library in ["sdk", "node-client-ws"] {
        let path = format!("/{library}");
        let verb = |name: &str| json!(["conference", {"name": format!("{library}-{name}"), "memberTag": name}]);
        let app = App::start(&pbx, library, library, &json!({&path: {"verbs": [["answer"], verb("first")]}}));
        let gateway = Gateway::start(&pbx, library, &app.settings(library));
        let mut party = Party::new(&pbx, library);
        party.is_not_judged("caller");
        party.listens("caller", &format!("gateway-{library}"));
        let call = gateway.member(&format!("gateway-{library}"));
        let is_in = |name: &str| {
            pbx.members(&format!("app-{library}-{name}")).first().is_some_and(|member| member["tags"] == json!([name]))
        };
        let kicked_into = |name: &str| {
            gateway.act(&call, "kick", None);
            wait_until(&format!("it goes on with what was queued: {name}"), &|| is_in(name));
        };
        assert!(is_in("first"));
        app.queue(&path, &json!([verb("second")]));
        app.queue(&path, &json!([verb("third")]));
        // Commands are carried out in their order: when this one is, so are those.
        let seen = || {
            pbx.members(&format!("app-{library}-first")).iter().any(|member| member["speak_only_to"] == json!(["seen"]))
        };
        app.inject(&path, "conf:participant-action", &json!({"action": "coach", "tag": "seen"}));
        wait_until("the commands are carried out", &seen);
        assert!(is_in("first"), "what is queued waits");
        kicked_into("second");
        kicked_into("third");
        // What is not queued is done at once, in place of what was.
        app.queue(&path, &json!([verb("fourth")]));
        app.send(&path, &json!([verb("fifth")]));
        wait_until("it is done at once", &|| is_in("fifth"));
        // Where nothing is before it, it does not wait.
        gateway.act(&call, "kick", None);
        app.queue(&path, &json!([verb("sixth")]));
        wait_until("it waits for nothing", &|| is_in("sixth"));
        assert_eq!(app.names(&path).iter().filter(|name| *name == "jambonz:error").count(), 0, "{:?}", app.events());
        party.judge();
    }
}

/// A way in which an SDK has a participant's state changed: its name, and what does that with the call of this sid.
type Way<'a> = (&'static str, Box<dyn Fn(&Value) + 'a>);

/// The nine actions, by both REST clients that can send them and by both websocket SDKs: the module shows each before the next.
fn each_action() {
    let pbx = Pbx::start("each_action");
    let verb = |properties: Value| json!({"verbs": [["answer"], ["conference", properties]]});
    let script = json!({"/sdk": verb(json!({"name": "room"})), "/node-client-ws": verb(json!({"name": "room"}))});
    let [app, older] = ["sdk", "node-client-ws"].map(|library| App::start(&pbx, library, library, &script));
    let gateway = Gateway::start(&pbx, "gateway", &(app.settings("sdk") + &older.settings("node-client-ws")));
    let mut party = Party::new(&pbx, "each_action");
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    for (library, socket) in [("sdk", &app), ("node-client-ws", &older)] {
        let path = format!("/{library}");
        party.is_not_judged(library);
        let ways: [Way<'_>; 2] = [
            ("its websocket", Box::new(|action| socket.inject(&path, "conf:participant-action", action))),
            (
                "REST",
                Box::new(|action| {
                    let call = gateway.call_to(&format!("gateway-{library}"))["call_sid"].clone();
                    let arguments = json!([call, {"conferenceParticipantAction": action}]);
                    app::rest("sdk", &gateway, "calls.update", &arguments).unwrap_or_else(|why| panic!("{why}"));
                }),
            ),
        ];
        party.speaks(library, &format!("gateway-{library}"));
        let call = gateway.member(&format!("gateway-{library}"));
        for (way, does) in ways {
            let what = format!("{library}, {way}");
            let member = || {
                let shown = gateway.get("Conferences/room").json();
                let members = shown["participants"].as_array().cloned().unwrap_or_default();
                members.into_iter().find(|member| member["call_sid"] == json!(call)).unwrap_or_default()
            };
            let shows = |action: Value, key: &str, value: Value| {
                does(&action);
                wait_until(&format!("{what}, {action}: {}", member()), &|| member()[key] == value);
            };
            party.hear(&format!("{what}, at first"), &["agent", "customer"]);
            shows(json!({"action": "tag", "tag": "boss"}), "memberTag", json!("boss"));
            shows(json!({"action": "untag"}), "memberTag", json!(""));
            shows(json!({"action": "coach", "tag": "agent"}), "speakOnlyTo", json!("agent"));
            party.hear(&format!("{what}, coach"), &["agent"]);
            shows(json!({"action": "mute"}), "muted", json!(true));
            party.hear(&format!("{what}, mute"), &[]);
            shows(json!({"action": "unmute"}), "muted", json!(false));
            shows(json!({"action": "hold"}), "held", json!(true));
            party.hear(&format!("{what}, hold"), &[]);
            shows(json!({"action": "unhold"}), "held", json!(false));
            party.hear(&format!("{what}, unhold"), &["agent"]);
            shows(json!({"action": "uncoach"}), "speakOnlyTo", Value::Null);
        }
        // The older SDK itself does not let a kick through.
        if library == "sdk" {
            app.inject(&path, "conf:participant-action", &json!({"action": "kick"}));
        } else {
            let kick = json!([call, {"conferenceParticipantAction": {"action": "kick"}}]);
            app::rest("sdk", &gateway, "calls.update", &kick).unwrap_or_else(|why| panic!("{why}"));
        }
        wait_until(&format!("{library} has left"), &|| pbx.members("app-room").len() == 2);
        assert!(!socket.names(&path).contains(&"jambonz:error".to_owned()), "{:?}", socket.events());
        party.hear(&format!("{library} has left"), &[]);
    }
    party.judge();
}
