//! The gateway, or an application, goes away and comes back: calls in a conference stay there, and their sessions go on.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};
use std::time::Duration;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_session_survives_a_killed_gateway_in_a_conference", in_conference),
    ("a_session_survives_a_killed_gateway_in_other_steps", in_other_steps),
    ("a_session_that_was_killed_in_each_step_goes_on_after_a_kick", each_step),
    ("a_call_waits_half_a_minute_for_a_gateway_that_is_away", away),
    ("an_application_that_was_killed_gets_its_calls_back", application),
    ("an_application_that_is_slow_when_the_gateway_comes_back_gets_its_calls_back", slow_application),
];

fn members(pbx: &Pbx, room: &str) -> Vec<Value> {
    pbx.members(&format!("app-{room}"))
}

fn in_conference() {
    let pbx = Pbx::start("surv");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/manager": {
            "verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"}], ["pause", {"length": 30}]],
            "hooks": {"/done": {"verbs": [["conference", {"name": "after", "memberTag": "moved", "actionHook": "/over"}]]}, "/over": {}}
        },
    });
    let app = App::start(&pbx, "surv", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "surv");
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("at first", &["agent"]);
    gateway.crash();
    party.hear("without the gateway", &["agent"]);
    gateway.start_again();
    // Its application is told, and its commands are carried out again.
    app.event("/manager", "session:reconnect");
    app.inject("/manager", "conf:participant-action", &json!({"action": "uncoach"}));
    wait_until("uncoach", &|| members(&pbx, "room").iter().all(|member| member["speak_only_to"].is_null()));
    party.hear("after uncoach", &["agent", "customer"]);
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("coach", &|| members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["agent"])));
    // Out of the conference, it goes on with what its actionHook says.
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    wait_until("it is in the next conference", &|| members(&pbx, "after").len() == 1);
    let member = &members(&pbx, "after")[0];
    assert_eq!((&member["tags"], &member["speak_only_to"]), (&json!(["moved"]), &Value::Null));
    party.hear("in another conference", &[]);

    // Killed once more, and taken out while it is away: the dialplan waits for it.
    gateway.crash();
    let channel = member["call_id"].as_str().expect("a channel").to_owned();
    pbx.kick("app-after", &channel);
    wait_until("it has left", &|| members(&pbx, "after").is_empty());
    std::thread::sleep(Duration::from_secs(2));
    gateway.start_again();
    app.event("/manager", "/over");
    party.judge();
    app.find("/manager", "call:status", |data| {
        data["call_status"] == "completed" && data["call_sid"] == json!(manager)
    });
}

fn in_other_steps() {
    let pbx = Pbx::start("steps");
    let script = json!({
        "/paused": {"verbs": [["answer"], ["pause", {"length": 600}], ["conference", {"name": "paused", "speakOnlyTo": "agent"}]]},
        "/waits": {"verbs": [["answer"], ["pause", {"length": 0.1}], ["conference", {"name": "waits", "startConferenceOnEnter": false}]]},
        "/idle": {"verbs": [["answer"]]},
    });
    let app = App::start(&pbx, "steps", "node-client-ws", &script);
    let mut gateway =
        Gateway::start(&pbx, "gateway", &["paused", "waits", "idle"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "steps");
    for who in ["paused", "waits", "idle"] {
        party.listens(who, &format!("gateway-{who}"));
        app.find(&format!("/{who}"), "call:status", |data| data["call_status"] == "in-progress");
    }
    std::thread::sleep(Duration::from_millis(500));
    gateway.crash();
    gateway.start_again();
    // What was said or waited for is over: the next verb is done. One that waited to be let in waits again.
    wait_until("the paused call joins", &|| members(&pbx, "paused").len() == 1);
    assert_eq!(members(&pbx, "paused")[0]["speak_only_to"], json!(["agent"]));
    assert!(members(&pbx, "waits").is_empty());
    for who in ["/waits", "/idle", "/paused"] {
        app.event(who, "session:reconnect");
    }
    app.send("/idle", &json!([["conference", {"name": "waits", "memberTag": "idle"}]]));
    wait_until("the one that waits is started", &|| members(&pbx, "waits").len() == 2);
    // One that hangs up while the gateway is away gets its last word.
    let idle = gateway.member("gateway-idle");
    gateway.crash();
    party.judge();
    wait_until("they hang up", &|| pbx.calls() == 0);
    gateway.start_again();
    app.find("/idle", "call:status", |data| data["call_status"] == "completed" && data["call_sid"] == json!(idle));
}

/// Killed while a call is spoken to, is about to join, waits to be let in, and is in its conference: each is where its verbs say after that,
/// and when it is kicked, the verbs of its actionHook are done.
fn each_step() {
    let pbx = Pbx::start("each");
    let done = |who: &str| json!({"verbs": [["conference", {"name": format!("after-{who}"), "memberTag": "moved"}]]});
    let verb = |who: &str, more: Value| {
        let mut verb = json!({"name": who, "speakOnlyTo": "agent", "actionHook": "/done"});
        verb.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!(["conference", verb])
    };
    let script = json!({
        "/says": {"verbs": [["answer"], ["say", {"text": "Hold the line.", "loop": "forever"}]], "hooks": {"/done": done("says")}},
        "/joins": {"verbs": [["answer"], verb("joins", json!({"enterHook": "/enter"}))],
            "hooks": {"/enter": {"silent": true}, "/done": done("joins")}},
        "/waits": {"verbs": [["answer"], verb("waits", json!({"startConferenceOnEnter": false, "waitHook": "/wait"}))],
            "hooks": {"/wait": {"verbs": [["say", {"text": "Nobody is here yet."}]]}, "/done": done("waits")}},
        "/stays": {"verbs": [["answer"], verb("stays", json!({}))], "hooks": {"/done": done("stays")}},
    });
    let app = App::start(&pbx, "each", "node-client-ws", &script);
    let steps = ["says", "joins", "waits", "stays"];
    let mut gateway = Gateway::start(&pbx, "gateway", &steps.map(|name| app.settings(name)).concat());
    // Speech that every machine has.
    let spoken = pbx.folder().join("spoken.wav");
    let samples = (0..16_000).map(|n| (3000.0 * (f64::from(n) * 0.4).sin()) as i16);
    crate::judge::Recording { rate: 8000, samples: samples.collect() }.write(&spoken).expect("a file can be written");
    let speaks =
        format!("[speech]\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; cp {} $0\", \"{{file}}\"]", spoken.display());
    gateway.reload(|text| text.replace("[speech]", &speaks));
    let mut party = Party::new(&pbx, "each");
    for who in steps {
        party.is_not_judged(who);
        party.listens(who, &format!("gateway-{who}"));
    }
    app.event("/joins", "/enter");
    app.event("/waits", "/wait");
    gateway.member("gateway-stays");
    wait_until("it is spoken to", &|| gateway.folder().join("speech").read_dir().is_ok_and(|files| files.count() >= 2));
    gateway.crash();
    gateway.start_again();
    for who in steps {
        app.event(&format!("/{who}"), "session:reconnect");
    }
    // What was said is over; it is told what comes next.
    app.send("/says", &json!([verb("says", json!({}))]));
    let private =
        |who: &str| members(&pbx, who).iter().filter(|member| member["speak_only_to"] == json!(["agent"])).count() == 1;
    for who in ["says", "joins", "stays"] {
        wait_until(&format!("it is there again: {who}"), &|| private(who));
    }
    assert!(members(&pbx, "waits").is_empty(), "nobody has started it");
    party.listens("starter", "app-waits**");
    wait_until("it is started", &|| private("waits"));
    for who in steps {
        let call = gateway.member(&format!("gateway-{who}"));
        gateway.act(&call, "kick", None);
        wait_until(&format!("its actionHook's verbs are done: {who}"), &|| {
            members(&pbx, &format!("after-{who}")).first().is_some_and(|member| member["tags"] == json!(["moved"]))
        });
        assert!(!private(who), "{who} has left");
    }
    party.judge();
}

/// How long the dialplans at least try to reach the gateway again.
const AWAY: Duration = Duration::from_secs(31);

/// Calls that wait, pause, are kicked, and whose conference ends: all while the gateway is away.
fn away() {
    let pbx = Pbx::start("away");
    let done = |who: &str| json!({"/done": {"verbs": [["conference", {"name": format!("after-{who}"), "memberTag": "moved"}]]}});
    let verb = |who: &str| json!(["conference", {"name": who, "speakOnlyTo": "agent", "actionHook": "/done"}]);
    let script = json!({
        "/kicked": {"verbs": [verb("kicked")], "hooks": done("kicked")},
        "/ended": {"verbs": [verb("ended")], "hooks": done("ended")},
        "/host": {"verbs": [["conference", {"name": "ended", "endConferenceOnExit": true}]]},
        "/pauses": {"verbs": [["answer"], ["pause", {"length": 600}], ["conference", {"name": "after-pauses", "memberTag": "moved"}]]},
        "/waits": {"verbs": [["answer"], ["conference", {"name": "after-waits", "startConferenceOnEnter": false, "memberTag": "moved"}]]},
    });
    let app = App::start(&pbx, "away", "node-client-ws", &script);
    let all = ["kicked", "ended", "host", "pauses", "waits"];
    let mut gateway = Gateway::start(&pbx, "gateway", &all.map(|name| app.settings(name)).concat());
    let (mut party, mut host) = (Party::new(&pbx, "away"), Party::new(&pbx, "host"));
    for who in ["kicked", "ended", "pauses", "waits"] {
        party.is_not_judged(who);
        party.listens(who, &format!("gateway-{who}"));
        app.find(&format!("/{who}"), "call:status", |data| data["call_status"] == "in-progress");
    }
    host.is_not_judged("host");
    host.listens("host", "gateway-host");
    wait_until("they are in their conferences", &|| {
        (members(&pbx, "kicked").len(), members(&pbx, "ended").len()) == (1, 2)
    });
    gateway.crash();
    pbx.kick("app-kicked", members(&pbx, "kicked")[0]["call_id"].as_str().expect("a channel"));
    host.judge();
    wait_until("they have left", &|| {
        (members(&pbx, "kicked").len(), members(&pbx, "ended").len(), pbx.calls()) == (0, 0, 4)
    });
    std::thread::sleep(AWAY);
    assert_eq!(pbx.calls(), 4, "the dialplan waits");
    gateway.start_again();
    party.listens("starter", "app-after-waits**");
    for who in ["kicked", "ended", "pauses", "waits"] {
        let is_there =
            || members(&pbx, &format!("after-{who}")).iter().any(|member| member["tags"] == json!(["moved"]));
        wait_until(&format!("its session goes on: {who}"), &is_there);
        app.event(&format!("/{who}"), "session:reconnect");
        let new = app.names(&format!("/{who}")).iter().filter(|name| *name == "session:new").count();
        assert_eq!(new, 1, "{who} has one session");
    }
    party.judge();
}

fn application() {
    let pbx = Pbx::start("appk");
    let script = json!({
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"}]], "hooks": {"/done": {}}},
    });
    let mut app = App::start(&pbx, "appk", "node-client-ws", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut party = Party::new(&pbx, "appk");
    party.listens("agent", "app-room*agent*");
    party.listens("customer", "app-room**");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    app.kill();
    party.hear("without its application", &["agent"]);
    gateway.act(&manager, "coach", Some("nobody"));
    party.hear("steered by REST", &[]);
    app.start_again();
    let again = app.event("/manager", "session:reconnect");
    assert_eq!(again["call_sid"], json!(manager), "{again}");
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("coach", &|| members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["agent"])));
    party.hear("steered by its application again", &["agent"]);
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    party.judge();
}

/// When the gateway comes back, its application answers nothing: it is tried again, and its call goes on meanwhile.
fn slow_application() {
    let pbx = Pbx::start("slowapp");
    let script = json!({
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "distributeDtmf": true, "actionHook": "/done"}]],
            "hooks": {"/done": {}}},
    });
    let app = App::start(&pbx, "slowapp", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut party = Party::new(&pbx, "slowapp");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    app.stall();
    gateway.crash();
    gateway.start_again();
    let log = |what: &str| gateway.log().matches(what).count();
    wait_until("digits are passed on", &|| log("what it presses is passed on from now on") == 1);
    party.press("manager", "1");
    assert_eq!(party.digits("agent", 1), "1", "without its application");
    wait_until("it has not answered in time", &|| log("does not take its call back yet") == 1);
    app.go_on();
    let again = app.event("/manager", "session:reconnect");
    assert_eq!(again["call_sid"], json!(manager), "{again}");
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "nobody"}));
    wait_until("coach", &|| members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["nobody"])));
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    party.judge();
}
