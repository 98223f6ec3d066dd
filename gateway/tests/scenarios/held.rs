//! What a call hears while it is held.

use crate::{app::App, gateway::Gateway, judge::Recording, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};
use std::{f64::consts::TAU, path::Path};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_held_call_alone_hears_what_the_wait_hook_says", held),
    ("files_of_a_webhook_application_are_heard_by_its_call_alone", played),
    ("a_hold_with_music_outlives_a_killed_gateway_and_can_be_ended", killed),
];

const MUSIC: f64 = 620.0;
const SECONDS: u32 = 15;

/// Of a part of a recording, how much has the music, from 0 to 1.
fn music(heard: &Recording, (from, to): (f64, f64)) -> f64 {
    let levels = heard.between(from, to).levels(MUSIC);
    assert!(levels.0.len() > 30, "something should have been recorded from {from} to {to}");
    levels.share_above(-40.0)
}

/// Of a part of a recording, how many seconds have the music.
fn seconds(heard: &Recording, from: f64, to: f64) -> f64 {
    let levels = heard.between(from, to).levels(MUSIC);
    levels.0.iter().filter(|level| **level > -40.0).count() as f64 / 100.0
}

/// The customer has heard for long enough what it hears from now on.
fn begins(party: &Party, has_music: bool) {
    // How soon an application gives a file, and the switch plays it, is the machine's matter.
    if has_music {
        party.wait_for_tone("customer", MUSIC);
    }
    party.goes_on(0.8);
}

/// A file of so many seconds of music.
fn music_file(path: &Path, rate: u32, seconds: u32) {
    let sample = |n: u32| (6000.0 * (TAU * MUSIC * f64::from(n) / f64::from(rate)).sin()).round() as i16;
    let samples = (0..seconds * rate).map(sample).collect();
    Recording { rate, samples }.write(path).expect("a file can be written");
}

fn held() {
    let pbx = Pbx::start("held");
    let hooks = json!({"/hold": {"verbs": [["say", {"text": "please hold"}]]}, "/done": {"verbs": [["hangup"]]}});
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/customer": {"verbs": [["conference", {"name": "room", "actionHook": "/done"}]], "hooks": hooks},
        "/manager": {"verbs": [["conference", {"name": "room"}]]},
    });
    let app = App::start(&pbx, "held", "sdk", &script);
    let applications = ["agent", "customer", "manager"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", &applications);
    // What is spoken here is a tone.
    let spoken = pbx.folder().join("spoken.wav");
    music_file(&spoken, 8000, SECONDS);
    let command = format!("[speech]\ncommand = [\"cp\", \"{}\", \"{{file}}\"]\n", spoken.display());
    gateway.start_again_with(|settings| settings.replace("[speech]\n", &command));

    let mut party = Party::new(&pbx, "held");
    party.also_played.push(MUSIC);
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.listens("customer", "gateway-customer");
    let customer = gateway.member("gateway-customer");
    party.speaks("manager", "gateway-manager");
    gateway.member("gateway-manager");
    party.is_not_judged("manager");
    let held = || pbx.members("app-room").iter().filter(|member| member["held"] == json!(true)).count();
    let mut parts = Vec::new();
    // Who hears the manager, and whether the customer hears the music.
    let mut part = |party: &mut Party, state: &'static str, hear: &[&str], has_music: bool| {
        begins(party, has_music);
        let from = ["agent", "customer"].map(|who| party.now(who));
        party.hear(state, hear);
        let to = ["agent", "customer"].map(|who| party.now(who));
        parts.push((state, (from[0], to[0]), (from[1], to[1]), has_music));
    };
    part(&mut party, "at first", &["agent", "customer"], false);
    app.inject("/customer", "conf:hold-status", &json!({"conf_hold_status": "hold", "wait_hook": "/hold"}));
    wait_until("it is held", &|| held() == 1);
    app.event("/customer", "/hold");
    part(&mut party, "held by its application", &["agent"], true);
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold", &["agent", "customer"], false);
    let body = r#"{"conferenceParticipantAction": {"action": "hold", "wait_hook": "/hold"}}"#;
    assert_eq!(gateway.put(&customer, body).status, 202);
    part(&mut party, "held by REST", &["agent"], true);
    // Whoever ends the hold: the music ends with it.
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold by REST", &["agent", "customer"], false);

    // A call that is taken out while it hears music leaves at once, though the file goes on for long.
    assert_eq!(gateway.put(&customer, r#"{"conf_hold_status": "hold", "wait_hook": "/hold"}"#).status, 202);
    part(&mut party, "held once more", &["agent"], true);
    // Without the gateway, it stays there, held.
    gateway.crash();
    party.goes_on(1.0);
    party.hear("held, without the gateway", &["agent"]);
    assert_eq!((held(), pbx.stock_members("app-room")), (1, 3));
    gateway.start_again();
    gateway.act(&customer, "kick", None);
    app.event("/customer", "/done");
    wait_until("it has left", &|| pbx.members("app-room").len() == 2);

    let heard = party.judge();
    for (state, agent, customer, has_music) in parts {
        let (agent, customer) = (music(&heard["agent"], agent), music(&heard["customer"], customer));
        assert!(agent == 0.0, "{state}: the agent should hear no music: {agent}");
        let right = if has_music { customer > 0.9 } else { customer == 0.0 };
        assert!(right, "{state}: how much of the time the customer heard music: {customer}");
    }
}

/// A webhook application whose verb plays a file, and whose hook does while its call is held.
fn played() {
    let pbx = Pbx::start("heldw");
    let file = pbx.folder().join("music.wav");
    music_file(&file, 44_100, 2);
    let play = |file: &str, more: Value| {
        let mut verb = json!({"url": format!("{{origin}}/{file}")});
        verb.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!(["play", verb])
    };
    let script = json!({
        "/customer": {"verbs": [play("music.wav", json!({"id": "p1", "loop": 2, "actionHook": "/played"})), play("nothing.wav", json!({"actionHook": "/failed"})),
            ["conference", {"name": "room", "enterHook": "/enter"}]]},
        "/enter": {"verbs": [play("music.wav", json!({}))]}, "/hold": {"verbs": [play("music.wav", json!({}))]},
        "/music.wav": {"file": file}, "/played": {"verbs": []}, "/failed": {"verbs": []}, "/call-status": {"verbs": []},
    });
    let app = App::start(&pbx, "heldw", "webhook", &script);
    // Its files are in a folder whose name a switch could take for more than one argument.
    let gateway = Gateway::start(&pbx, "a, b (c)", &app.settings("customer"));
    let mut party = Party::new(&pbx, "heldw");
    party.also_played.push(MUSIC);
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "app-room**");
    party.is_not_judged("manager");
    party.listens("customer", "gateway-customer");
    let customer = gateway.member("gateway-customer");
    let before = party.now("customer");
    let told = |path: &str| app.event(path, "request")["body"].clone();
    let (played, failed) = (told("/played"), told("/failed"));
    assert_eq!((&played["reason"], &played["verb_id"]), (&json!("playCompleted"), &json!("p1")), "{played}");
    let took = ["playback_seconds", "playback_milliseconds"].map(|key| played[key].as_u64().unwrap_or_default());
    assert!(took[1] > 3800 && took[0] == took[1] / 1000, "{played}");
    assert_eq!(failed["reason"], json!("playFailed"), "{failed}");
    assert!(failed["playback_seconds"].is_null(), "{failed}");

    party.hear("at first", &["agent", "customer"]);
    let body = r#"{"conferenceParticipantAction": {"action": "hold", "wait_hook": "/hold"}}"#;
    assert_eq!(gateway.put(&customer, body).status, 202);
    let asked = || app.names("/hold").len();
    wait_until("the hook is asked", &|| asked() > 0);
    let hook = app.event("/hold", "request");
    assert_eq!(
        (&hook["method"], &hook["verified"], &hook["body"]["call_sid"], &hook["body"]["has_recording"]),
        (&json!("POST"), &json!(["verified", "verified"]), &json!(customer), &json!(false)),
        "{hook}"
    );
    let from = ["agent", "customer"].map(|who| party.now(who));
    party.goes_on(0.8);
    let since = party.now("customer");
    party.hear("held, with a file", &["agent"]);
    wait_until("the hook is asked again", &|| asked() >= 3);
    // Where the file begins, where it ends, and in between.
    party.heard_nothing_since(since, "held, with a file and without one", "customer");
    let to = ["agent", "customer"].map(|who| party.now(who));
    gateway.act(&customer, "unhold", None);
    party.goes_on(0.8);
    let after = party.now("customer");
    party.hear("after unhold", &["agent", "customer"]);
    let end = party.now("customer");

    let heard = party.judge();
    let first = seconds(&heard["customer"], 0.0, before);
    assert!(
        (5.6..6.4).contains(&first),
        "three times the file of 2 s, and it was heard for {first} s before the conference"
    );
    let held = seconds(&heard["customer"], from[1], to[1]);
    assert!((3.6..4.4).contains(&held), "twice the file of 2 s, and it was heard for {held} s while the call was held");
    let (others, later) = (music(&heard["agent"], (from[0], to[0])), music(&heard["customer"], (after, end)));
    assert!(others == 0.0 && later == 0.0, "the agent heard {others} of it, and the customer {later} after it");
}

/// The gateway is killed while a call that is held hears a file. The call stays as it is; the next gateway goes on with the hook, and ends the
/// hold, and with it what the first one has had the switch play.
fn killed() {
    let pbx = Pbx::start("heldk");
    let play = |file: &str| json!({"verbs": [["play", {"url": format!("{{origin}}/{file}")}]]});
    let mut script = json!({
        "/customer": {"verbs": [["conference", {"name": "room"}]]}, "/call-status": {"verbs": []},
        "/short": play("short.wav"), "/long": play("long.wav"),
    });
    for (name, seconds) in [("short", 3), ("long", 60)] {
        let file = pbx.folder().join(format!("{name}.wav"));
        music_file(&file, 8000, seconds);
        script[format!("/{name}.wav")] = json!({"file": file});
    }
    let app = App::start(&pbx, "heldk", "webhook", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &app.settings("customer"));
    let mut party = Party::new(&pbx, "heldk");
    party.also_played.push(MUSIC);
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "app-room**");
    party.is_not_judged("manager");
    party.listens("customer", "gateway-customer");
    let customer = gateway.member("gateway-customer");
    let held = || pbx.members("app-room").iter().filter(|member| member["held"] == json!(true)).count();
    let hold = |gateway: &Gateway, party: &Party, hook: &str| {
        let body = json!({"conf_hold_status": "hold", "wait_hook": hook}).to_string();
        assert_eq!(gateway.put(&customer, &body).status, 202);
        app.event(&format!("{hook}.wav"), "request");
        party.wait_for_tone("customer", MUSIC);
    };
    let mut parts = Vec::new();
    let mut part = |party: &mut Party, state: &'static str, hear: &[&str], has_music: bool| {
        begins(party, has_music);
        let from = party.now("customer");
        party.hear(state, hear);
        parts.push((state, (from, party.now("customer")), has_music));
    };

    // It goes on with the hook, which is asked again.
    hold(&gateway, &party, "/short");
    gateway.crash();
    party.goes_on(3.0);
    part(&mut party, "held, without the gateway", &["agent"], false);
    assert_eq!((held(), pbx.stock_members("app-room")), (1, 3));
    let asked = app.names("/short").len();
    gateway.start_again();
    wait_until("the hook is asked again", &|| app.names("/short").len() > asked);
    part(&mut party, "held, with another gateway", &["agent"], true);
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold by another gateway", &["agent", "customer"], false);

    // What plays still ends with the hold, though the gateway that began it has gone.
    hold(&gateway, &party, "/long");
    gateway.crash();
    part(&mut party, "held, while the file goes on", &["agent"], true);
    gateway.start_again();
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold in the middle of the file", &["agent", "customer"], false);

    // The hold ends while no gateway is there: the next one says nothing to the call.
    hold(&gateway, &party, "/long");
    gateway.crash();
    let members = pbx.members("app-room");
    let member = members.iter().find(|member| member["held"] == json!(true)).expect("it is held");
    pbx.unhold("app-room", member["call_id"].as_str().expect("a channel"));
    let asked = app.names("/long").len();
    gateway.start_again();
    part(&mut party, "after an unhold without the gateway", &["agent", "customer"], false);
    assert_eq!(app.names("/long").len(), asked, "it is held no more");
    assert_eq!((held(), pbx.stock_members("app-room")), (0, 3));

    let heard = party.judge();
    for (state, part, has_music) in parts {
        let share = music(&heard["customer"], part);
        let right = if has_music { share > 0.4 } else { share == 0.0 };
        assert!(right, "{state}: how much of the time the customer heard music: {share}");
    }
}
