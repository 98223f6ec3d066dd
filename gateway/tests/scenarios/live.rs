//! What changes in conferences is told as it happens: over REST as a stream, and to the statusHook of each member.

use crate::{
    app::App,
    gateway::{ACCOUNT, Gateway, OTHER_ACCOUNT},
    party::Party,
    pbx::Pbx,
    process::Process,
    run::wait_until,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

pub const SCENARIOS: &[(&str, fn())] = &[("what_changes_in_conferences_is_told_as_it_happens", told)];

/// A stream of live events, followed by curl.
struct Stream {
    curl: Process,
    log: PathBuf,
}

impl Stream {
    fn follow(gateway: &Gateway, account: &str, key: &str) -> Self {
        let log = gateway.folder().join(format!("events_{account}"));
        let mut curl = Command::new("curl");
        let authorization = format!("Authorization: Bearer {key}");
        curl.args(["-s", "-N", "-H", &authorization, &gateway.url(&format!("/v1/Accounts/{account}/Events"))]);
        let stream = Self { curl: Process::start(&mut curl, &log).expect("curl is there"), log };
        wait_until("the stream is open", &|| {
            fs::read_to_string(&stream.log).is_ok_and(|log| log.contains("event: open"))
        });
        stream
    }

    /// Whether the gateway has ended it.
    fn has_ended(&mut self) -> bool {
        self.curl.try_wait().expect("a child can be asked").is_some()
    }

    /// What it has told so far.
    fn told(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let data = log.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok()).filter(|told: &Value| told["event"] != "open").collect()
    }

    /// The first event of this kind about this call, from the `from`th event on, once it is there.
    fn find(&self, from: usize, event: &str, call: &str) -> Value {
        let found = || {
            let told = self.told().into_iter().skip(from);
            told.into_iter().find(|told| told["event"] == event && told["call_sid"] == call)
        };
        wait_until(&format!("{event} of {call}: {:?}", self.told()), &|| found().is_some());
        found().expect("it is there")
    }
}

fn told() {
    let pbx = Pbx::start("live");
    let events = json!(["join", "tag", "coach", "audience"]);
    let script = json!({"/manager": {
        "verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "statusHook": "/status", "statusEvents": events}]],
        "hooks": {"/status": {}}
    }});
    let app = App::start(&pbx, "live", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut stream = Stream::follow(&gateway, ACCOUNT, &gateway.key);
    let key = gateway.new_key(OTHER_ACCOUNT, "read");
    let mut other = Stream::follow(&gateway, OTHER_ACCOUNT, &key);
    let mut party = Party::new(&pbx, "live");
    party.listens("agent", "app-room**");
    let agent = gateway.member("app-room**");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let joined = stream.find(0, "join", &manager);
    assert_eq!(
        (&joined["name"], &joined["speakOnlyTo"], &joined["heardBy"]),
        (&json!("room"), &json!("agent"), &json!([]))
    );
    app.find("/manager", "/status", |data| data["event"] == "join");

    gateway.act(&agent, "tag", Some("agent"));
    let tagged = stream.find(0, "tag", &agent);
    assert_eq!((&tagged["memberTag"], &tagged["name"]), (&json!("agent"), &json!("room")));
    assert_eq!(stream.find(0, "audience", &manager)["heardBy"], json!([agent]));
    app.find("/manager", "/status", |data| data["event"] == "audience" && data["heard_by"] == json!([agent]));

    gateway.act(&manager, "uncoach", None);
    let open = stream.find(0, "coach", &manager);
    assert_eq!((&open["speakOnlyTo"], &open["heardBy"]), (&Value::Null, &json!("all")));
    app.find("/manager", "/status", |data| data["event"] == "coach" && data["speak_only_to"].is_null());
    let so_far = stream.told().len();
    gateway.act(&manager, "coach", Some("agent"));
    assert_eq!(stream.find(so_far, "coach", &manager)["speakOnlyTo"], json!("agent"));
    gateway.act(&manager, "tag", Some("manager"));
    app.find("/manager", "/status", |data| data["event"] == "tag" && data["member_tag"] == json!("manager"));

    gateway.act(&manager, "mute", None);
    assert_eq!(stream.find(so_far, "mute", &manager)["muted"], json!(true));
    gateway.act(&manager, "hold", None);
    assert_eq!(stream.find(so_far, "hold", &manager)["held"], json!(true));
    gateway.act(&manager, "kick", None);
    stream.find(so_far, "leave", &manager);
    party.judge();
    stream.find(so_far, "leave", &agent);
    let all = stream.told();
    let conference: Vec<&Value> =
        all.iter().filter(|told| told["call_sid"].is_null()).map(|told| &told["event"]).collect();
    assert_eq!(conference, ["start", "end"], "{all:?}");
    assert!(other.told().is_empty(), "another account is told nothing: {:?}", other.told());
    let no_key = gateway.ask("GET", &format!("/v1/Accounts/{ACCOUNT}/Events"), &gateway.new_key(ACCOUNT, "tag"), None);
    assert_eq!(no_key.status, 403, "{no_key:?}");
    // A key that is revoked follows no longer; others go on.
    assert!(!other.has_ended());
    assert_eq!(gateway.command(&["key", "revoke", key.split('_').nth(1).expect("a public part")]).0, Some(0));
    let end = Instant::now() + Duration::from_secs(60);
    while !other.has_ended() {
        assert!(Instant::now() < end, "its stream should end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!stream.has_ended());
    // Whoever follows does not keep the gateway from ending.
    gateway.end(Duration::from_secs(10));
}
