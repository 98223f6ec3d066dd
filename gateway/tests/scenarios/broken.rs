//! Applications that misbehave: no call that is in a conference is lost, and none is heard by those who must not hear it.

use crate::{
    app::Broken,
    gateway::Gateway,
    party::Party,
    pbx::Pbx,
    raw::{self, NEVER, RAW, Raw},
    run::wait_until,
};
use serde_json::Value;
use std::time::{Duration, Instant};

pub const SCENARIOS: &[(&str, fn())] =
    &[("applications_that_misbehave_harm_no_call", misbehave), ("webhooks_that_misbehave_harm_no_call", webhooks)];

/// Those that say their verbs, whatever else they do, and what a gateway that is in order tells them then.
const JOIN: &[(&str, &[&str])] = &[
    ("twice", &[]),
    ("garbage", &["jambonz:error"]),
    ("floods", &["jambonz:error"]),
    ("big", &["session:reconnect"]),
    ("closes", &["session:reconnect"]),
    ("finished", &[]),
    ("slow", &[]),
    ("halfway", &["session:reconnect"]),
    ("never", &["verb:hook"]),
];

fn misbehave() {
    let pbx = Pbx::start("brok");
    let broken = Broken::start(&pbx);
    let names: Vec<&str> = JOIN.iter().map(|(name, _)| *name).chain(["silent", "vanishes"]).collect();
    let gateway = Gateway::start(&pbx, "gateway", &broken.settings(&names));
    // Without an answer there is no call.
    for name in ["silent", "vanishes"] {
        assert_eq!(raw::call(&pbx, &format!("gateway-{name}")), "480", "{name}");
    }
    let joins = |(name, told): &(&str, &[&str])| {
        let mut party = Party::new(&pbx, name);
        party.listens("customer", &format!("app-broken-{name}**"));
        party.listens("agent", &format!("app-broken-{name}*agent*"));
        party.speaks("manager", &format!("gateway-{name}"));
        let manager = gateway.member(&format!("gateway-{name}"));
        for told in *told {
            wait_until(&format!("{name} is told {told}"), &|| {
                broken.told(name).iter().any(|own| own["type"] == **told)
            });
        }
        party.hear(name, &["agent"]);
        party.heard_nothing_until_now(name, "customer");
        // It can still be steered.
        gateway.act(&manager, "coach", Some("nobody"));
        party.hear(&format!("{name}, after coach"), &[]);
        let shown = pbx.show(&format!("app-broken-{name}"));
        let coach = |member: &&Value| member["speak_only_to"] == serde_json::json!(["nobody"]);
        let coach = shown["members"].as_array().and_then(|members| members.iter().find(coach));
        assert_eq!(coach.map(|coach| &coach["heard_by"]), Some(&serde_json::json!([])), "{name}: {shown}");
        if *name == "never" {
            // Nobody says what comes after the conference: the next verb does.
            gateway.act(&manager, "kick", None);
            wait_until("it goes on with its next verb", &|| !pbx.members("app-broken-never-after").is_empty());
            assert_eq!(pbx.members("app-broken-never-after")[0]["speak_only_to"], Value::Null);
            assert_eq!(pbx.members("app-broken-never").len(), 2);
        }
        party.judge();
    };
    for some in JOIN.chunks(3) {
        std::thread::scope(|scope| {
            some.iter().for_each(|one| drop(scope.spawn(|| joins(one))));
        });
    }
}

/// A call in a conference, whose webhook application answers whatever is wrong.
fn webhooks() {
    let pbx = Pbx::start("broh");
    let (raw, never) = (Raw::start(&pbx), Raw::start(&pbx));
    raw.answer(r#"[{"verb": "conference", "name": "room", "speakOnlyTo": "agent"}]"#);
    // The one that never answers is at another port of this machine.
    let gateway = Gateway::start(&pbx, "gateway", &(raw.settings() + "allowed_hosts = [\"127.0.0.1\"]\n"));
    let mut party = Party::new(&pbx, "broh");
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "gateway-raw");
    let manager = gateway.member("gateway-raw");
    let asks = |raw: &Raw| gateway.put(&manager, &serde_json::json!({"call_hook": raw.hook()}).to_string());
    let refuses = |what: &str, answer: &str, why: &str| {
        raw.answer(answer);
        let told = asks(&raw);
        assert!(told.status == 422 && told.msg().contains(why), "{what}: {told:?}");
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    refuses("closes in the middle of its answer", &format!("{RAW}{head}500\r\n\r\n[{{\"verb\""), "127.0.0.1");
    refuses("closes without an answer", RAW, "127.0.0.1");
    refuses("says another length twice", &format!("{RAW}{head}5\r\nContent-Length: 7\r\n\r\n[]"), "127.0.0.1");
    refuses("is a teapot", &format!("{RAW}HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n"), "418");
    refuses("redirects", &format!("{RAW}HTTP/1.1 302 No\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), "302");
    refuses("sends 10 MB", &format!("[\"{}\"]", "x".repeat(10 * 1024 * 1024)), "longer than 262144 bytes");
    refuses("is no JSON", "[{", "no JSON");
    refuses("is deep", &"[".repeat(100_000), "no JSON");
    // One that never answers is given up, and until then nobody waits for it but who has asked.
    never.answer(NEVER);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| asks(&never));
        wait_until("it is asked", &|| never.heads().len() == 1);
        let since = Instant::now();
        gateway.act(&manager, "mute", None);
        gateway.act(&manager, "unmute", None);
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        party.hear("with an application that never answers", &["agent"]);
        let told = asked.join().expect("it is told");
        assert!(told.status == 422 && told.msg().contains("no answer in 10 s"), "{told:?}");
    });
    party.heard_nothing_until_now("whatever its application has answered", "customer");
    // It is the same session, and does what it is told at last.
    raw.answer(r#"[{"verb": "conference", "name": "after"}]"#);
    assert_eq!(asks(&raw).status, 202);
    wait_until("it is there", &|| pbx.members("app-after").len() == 1);
    party.judge();
}
