//! The connection to the switch is cut in the middle of a command: who asked is told, no call notices, and everything is right as soon as
//! the connection is there again.

use crate::{
    app::App,
    gateway::{Answer, Gateway},
    party::Party,
    pbx::{COMMANDS, HOLD, KICK, PLACING, Pbx, UNHOLD, is_whole},
    relay::{Cut, Relay},
    run::wait_until,
};
use serde_json::json;
use std::time::{Duration, Instant};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_connection_to_a_switch_is_cut_in_the_middle_of_a_command", cut),
    ("a_connection_to_a_switch_is_cut_in_the_middle_of_a_hold_and_of_a_kick", held_and_kicked),
    ("a_call_that_one_switch_may_have_placed_is_not_placed_on_another", placed),
];

/// How long everything may take to be right again.
const MENDED: Duration = Duration::from_secs(2);

/// From now on the gateway reaches the switch through this.
fn through_a_relay(pbx: &Pbx, gateway: &Gateway) -> Relay {
    let relay = Relay::before(pbx.steering());
    let [direct, relayed] = [pbx.steering(), relay.port].map(|port| format!("127.0.0.1:{port}\""));
    gateway.reload(|text| text.replace(&direct, &relayed));
    wait_until("it goes through the relay", &|| gateway.ask("GET", "/readyz", "", None).status == 200);
    relay
}

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
    let relay = through_a_relay(&pbx, &gateway);
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
    let relay = through_a_relay(&pbx, &gateway);
    relay.cut(Cut::InTheAnswer, PLACING);
    let order = json!({"from": "2000", "to": {"type": "phone", "number": "ringing"}, "call_hook": app.hook("out")});
    let path = format!("/v1/Accounts/{}/Calls", crate::gateway::ACCOUNT);
    let answer = gateway.ask("POST", &path, &gateway.key, Some(&order.to_string()));
    assert!(relay.is_down(), "it has been cut: {answer:?}");
    assert_eq!(answer.status, 504, "{answer:?}");
    assert_eq!(other.calls(), 0, "nobody is called twice");
}

/// On FreeSWITCH a hold takes several commands; whichever is cut, none of it is left alone.
fn held_and_kicked() {
    let pbx = Pbx::start("cuth");
    let private = json!({"name": "room", "speakOnlyTo": "agent"});
    let script = json!({"/manager": {"verbs": [["conference", private]], "hooks": {"/wait": {}}}, "/late": {"verbs": [["answer"]]}});
    let app = App::start(&pbx, "cuth", "node-client-ws", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["manager", "late"].map(|name| app.settings(name)).concat());
    let relay = through_a_relay(&pbx, &gateway);
    let mut party = Party::new(&pbx, "cuth");
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.is_not_judged("late");
    party.listens("late", "gateway-late");
    app.find("/late", "call:status", |data| data["call_status"] == "in-progress");
    let late = gateway.call_to("gateway-late")["call_sid"].as_str().expect("a sid").to_owned();
    party.hear("before", &["agent"]);

    let member = || {
        let members = pbx.members("app-room");
        members.into_iter().find(|m| m["speak_only_to"] == json!(["agent"])).expect("the manager is there")
    };
    // Until something is so, after the cause has gone.
    let within = |what: &str, since: Instant, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(since.elapsed() < MENDED, "{what}: {}", member());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let is_cut = |what: &str, call: &str, body: &str| {
        let since = Instant::now();
        let answer = gateway.put(call, body);
        // Nobody knows what has become of it.
        assert!(answer.status == 504 && answer.msg().contains("pbx"), "{what}: {answer:?}");
        assert!(since.elapsed() < Duration::from_secs(4), "{what}: {:?}", since.elapsed());
        assert!(relay.is_down(), "{what}: it has been cut");
        relay.mend();
        Instant::now()
    };
    let hold = r#"{"conferenceParticipantAction": {"action": "hold"}}"#;
    let hold_with_hook = r#"{"conferenceParticipantAction": {"action": "hold", "wait_hook": "/wait"}}"#;
    let unhold = r#"{"conferenceParticipantAction": {"action": "unhold"}}"#;
    for cut in [Cut::BeforeTheAnswer, Cut::InTheAnswer] {
        let holds = HOLD.iter().flat_map(|words| [(*words, hold), (*words, hold_with_hook)]);
        for (words, body) in holds.chain(UNHOLD.iter().map(|words| (*words, unhold))) {
            let is_held = body != unhold;
            if !is_held {
                gateway.act(&manager, "hold", None);
            }
            let what = format!("{} {body} {cut:?}", words[0]);
            relay.cut(cut, words);
            let since = is_cut(&what, &manager, body);
            within(&what, since, &|| gateway.ask("GET", "/readyz", "", None).status == 200 && is_whole(&member()));
            within(&what, since, &|| gateway.put(&manager, body).status == 202);
            assert!(is_whole(&member()) && member()["held"] == json!(is_held), "{what}: {}", member());
            assert_eq!(gateway.put(&manager, unhold).status, 202, "{what}");
            assert!(is_whole(&member()) && member()["held"] == json!(false), "{what}: {}", member());
        }
        app.send("/late", &json!([["conference", {"name": "room"}]]));
        wait_until("it joins", &|| pbx.members("app-room").len() == 4);
        relay.cut(cut, KICK);
        let kick = r#"{"conferenceParticipantAction": {"action": "kick"}}"#;
        let since = is_cut("kick", &late, kick);
        // It has left by the first, or does by the second.
        within("another kick is answered", since, &|| [202, 422].contains(&gateway.put(&late, kick).status));
        wait_until("it has left", &|| pbx.stock_members("app-room") == 3);
        assert_eq!(gateway.call_to("gateway-late")["call_sid"], json!(late), "the call goes on");
    }
    party.hear("cut and mended", &["agent"]);
    party.heard_nothing_until_now("over all of it", "customer");
    party.judge();
}
