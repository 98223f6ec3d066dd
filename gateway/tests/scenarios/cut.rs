//! The connection to the switch is cut in the middle of a command: who asked is told, no call notices, and everything is right as soon as
//! the connection is there again.

use crate::{
    app::App,
    gateway::{Answer, Gateway},
    party::Party,
    pbx::{COMMANDS, PLACING, Pbx},
    relay::{Cut, Relay},
    run::wait_until,
};
use serde_json::json;
use std::time::{Duration, Instant};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_connection_to_a_switch_is_cut_in_the_middle_of_a_command", cut),
    ("a_call_that_one_switch_may_have_placed_is_not_placed_on_another", placed),
];

/// How long everything may take to be right again.
const MENDED: Duration = Duration::from_secs(2);

fn cut() {
    let pbx = Pbx::start("cut");
    let private = json!({"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"});
    let script = json!({
        "/manager": {"verbs": [["conference", private]], "hooks": {"/done": {}}},
        "/late": {"verbs": [["answer"]]},
    });
    let app = App::start(&pbx, "cut", "node-client-ws", &script);
    let applications = ["manager", "late"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let relay = Relay::before(pbx.steering());
    let [direct, relayed] = [pbx.steering(), relay.port].map(|port| format!("127.0.0.1:{port}\""));
    gateway.reload(|text| text.replace(&direct, &relayed));
    wait_until("it goes through the relay", &|| gateway.ask("GET", "/readyz", "", None).status == 200);
    let mut party = Party::new(&pbx, "cut");
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let agent = gateway.member("app-room*agent*");
    party.is_not_judged("late");
    party.listens("late", "gateway-late");
    app.find("/late", "call:status", |data| data["call_status"] == "in-progress");
    party.hear("before", &["agent"]);

    let action = |action: &str, tag: &str| {
        format!(r#"{{"conferenceParticipantAction": {{"action": "{action}", "tag": "{tag}"}}}}"#)
    };
    let is_back = |what: &str| {
        relay.mend();
        let since = Instant::now();
        let coached = || gateway.put(&manager, &action("coach", "agent"));
        let mut answer = coached();
        while answer.status != 202 {
            assert!(since.elapsed() < MENDED, "{what}: {answer:?}");
            std::thread::sleep(Duration::from_millis(20));
            answer = coached();
        }
        assert!(since.elapsed() < MENDED, "{what}: {:?}", since.elapsed());
    };
    let [state, tag, coach, mute, size] = COMMANDS;
    let unknown = |what: &str, answer: &Answer, took: Duration| {
        // It was sent, and nobody knows what has become of it. The state may have been asked for by somebody else.
        let told = answer.status == 504 || answer.status == 503 && what.starts_with(state[0]);
        assert!(told, "{what}: {answer:?}");
        assert!(answer.msg().contains("pbx"), "{what}: {answer:?}");
        assert!(took < Duration::from_secs(4), "{what}: {took:?}");
    };
    for cut in [Cut::BeforeTheAnswer, Cut::InTheAnswer] {
        for (words, call, body) in [
            (tag, &agent, action("tag", "agent,boss")),
            (coach, &manager, action("coach", "nobody")),
            (mute, &agent, r#"{"mute_status": "mute"}"#.into()),
            (state, &manager, action("coach", "agent")),
        ] {
            let what = format!("{} {cut:?}", words[0]);
            relay.cut(cut, words);
            let since = Instant::now();
            let answer = gateway.put(call, &body);
            unknown(&what, &answer, since.elapsed());
            assert!(relay.is_down(), "{what}: it has been cut");
            // Who asks now learns that nothing was sent.
            let answer = gateway.get("Calls");
            assert!(answer.status == 503 && answer.msg().contains("pbx"), "{what}: {answer:?}");
            assert_eq!(pbx.stock_members("app-room"), 3, "{what}: nobody has left");
            is_back(&what);
        }
        // A call that is about to join: it is told that it cannot, or has come through and is private.
        let (privately, errors) = (
            || pbx.members("app-room").iter().filter(|m| m["speak_only_to"] == json!(["agent"])).count(),
            || app.names("/late").iter().filter(|name| *name == "jambonz:error").count(),
        );
        let before = errors();
        relay.cut(cut, size);
        app.send("/late", &json!([["conference", {"name": "room", "speakOnlyTo": "agent"}]]));
        wait_until("it is told", &|| relay.is_down() && (errors() > before || privately() == 2));
        assert_eq!(pbx.stock_members("app-room"), privately() + 2, "{cut:?}: nobody has joined openly");
        is_back("a call that is about to join");
        app.send("/late", &json!([["pause", {"length": 0.1}]]));
        wait_until("it is out", &|| pbx.members("app-room").len() == 3);
    }
    party.hear("cut and mended", &["agent"]);
    // Sessions have gone through all of it.
    app.send("/late", &json!([["conference", {"name": "room", "speakOnlyTo": "agent"}]]));
    wait_until("it joins", &|| {
        pbx.members("app-room").iter().filter(|m| m["speak_only_to"] == json!(["agent"])).count() == 2
    });
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    // The one who has heard nothing private all the time is the customer.
    party.heard_nothing_until_now("over all of it", "customer");
    party.judge();
}

/// The connection is cut when the switch has been told to place a call, and before it shows it.
fn placed() {
    let (pbx, other) = (Pbx::start("cutone"), Pbx::start("cuttwo"));
    let app = App::start(&pbx, "placing", "sdk", &json!({"/out": {"verbs": [["answer"]]}}));
    let second = format!("\n[[switch]]\nname = \"other\"\naccount = \"support\"\n{}", other.settings(other.hand_over));
    let settings = [pbx.calls_settings(), second, other.calls_settings(), app.settings("out")].concat();
    let gateway = Gateway::start(&pbx, "gateway", &settings);
    let relay = Relay::before(pbx.steering());
    let [direct, relayed] = [pbx.steering(), relay.port].map(|port| format!("127.0.0.1:{port}\""));
    gateway.reload(|text| text.replace(&direct, &relayed));
    wait_until("it goes through the relay", &|| gateway.ask("GET", "/readyz", "", None).status == 200);
    relay.cut(Cut::InTheAnswer, PLACING);
    let order = json!({"from": "2000", "to": {"type": "phone", "number": "ringing"}, "call_hook": app.hook("out")});
    let path = format!("/v1/Accounts/{}/Calls", crate::gateway::ACCOUNT);
    let answer = gateway.ask("POST", &path, &gateway.key, Some(&order.to_string()));
    assert!(relay.is_down(), "it has been cut: {answer:?}");
    assert_eq!(answer.status, 504, "{answer:?}");
    assert_eq!(other.calls(), 0, "nobody is called twice");
}
