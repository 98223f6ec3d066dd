//! Verbs and hooks around a conference, and what applications are told, in order.

use crate::{
    app::App,
    gateway::Gateway,
    party::Party,
    pbx::{self, Pbx},
    raw,
    run::wait_until,
};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_call_waits_is_started_moved_kicked_and_goes_on", moved),
    ("the_examples_application_whispers", example),
    ("webhooks_are_signed_and_steered_by_rest", webhooks),
    ("a_mode_that_the_module_does_not_show_keeps_the_call_out", another_mode),
    ("a_conference_takes_as_many_as_its_first_member_says", full),
    ("what_an_application_says_wrong_refuses_the_call_or_the_verb", wrong),
    ("a_call_is_declined_with_the_status_that_its_application_gives", declined),
];

/// The account's prefix in front.
fn members(pbx: &Pbx, room: &str) -> Vec<Value> {
    pbx.members(&format!("app-{room}"))
}

fn statuses(app: &App, path: &str, event: &str) -> Vec<String> {
    let told = app.events().into_iter().filter(|told| told["path"] == path && told["event"] == event);
    told.map(|told| {
        let data = &told["data"];
        data["event"].as_str().or(data["call_status"].as_str()).unwrap_or_default().to_owned()
    })
    .collect()
}

fn moved() {
    let pbx = Pbx::start("mov");
    let events = json!(["start", "end", "join", "leave"]);
    let script = json!({
        "/guest": {
            "verbs": [["answer"], ["config", {"notifyEvents": true}], ["tag", {"data": {"ticket": 17}}],
                ["conference", {"name": "first", "id": "c1", "startConferenceOnEnter": false, "waitHook": "/wait", "enterHook": "/enter",
                    "actionHook": "/done", "statusHook": "/status", "statusEvents": events, "speakOnlyTo": "agent"}]],
            "hooks": {"/wait": {"verbs": [["pause", {"length": 0.2}]]}, "/enter": {"verbs": [["pause", {"length": 0.1}]]},
                "/status": {"silent": true}, "/status2": {"silent": true}, "/done": {}, "/done2": {"verbs": [["pause", {"length": 0.1}], ["hangup"]]}}
        },
        "/host": {
            "verbs": [["conference", {"name": "first", "startConferenceOnEnter": true, "memberTag": "agent", "statusHook": "/status",
                "statusEvents": events}]],
            "hooks": {"/status": {"silent": true}}
        },
    });
    let app = App::start(&pbx, "mov", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["guest", "host"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "mov");
    party.speaks("manager", "gateway-guest");
    // Twice: it waits until somebody starts the conference.
    app.event("/guest", "/wait");
    wait_until("the waitHook is asked again", &|| {
        app.names("/guest").iter().filter(|name| *name == "/wait").count() >= 2
    });
    assert!(members(&pbx, "first").is_empty());
    let waits = gateway.call_to("gateway-guest");
    let guest = waits["call_sid"].as_str().expect("a sid").to_owned();
    let refused = gateway.put(&guest, r#"{"conferenceParticipantAction": {"action": "uncoach"}}"#);
    assert_eq!(refused.status, 422, "{refused:?}");

    party.listens("agent", "gateway-host");
    wait_until("both are there", &|| members(&pbx, "first").len() == 2);
    party.hear("in the first conference", &["agent"]);
    let entered = app.event("/guest", "/enter");
    assert_eq!(
        (&entered["has_recording"], &entered["customerdata"]["ticket"]),
        (&json!(false), &json!(17)),
        "{entered}"
    );
    let joined = app.find("/guest", "/status", |data| data["event"] == "join");
    assert_eq!(
        (&joined["friendly_name"], &joined["members"], &joined["customerData"]["ticket"]),
        (&json!("first"), &json!(2), &json!(17))
    );
    assert_eq!(joined["conference_sid"], json!(format!("conf:{}:first", crate::gateway::ACCOUNT)));
    assert_eq!(statuses(&app, "/host", "/status"), ["start", "join"]);

    // Other verbs while it is in there: leave, the actionHook, and then into the next one, openly and without the mode of the first.
    app.send("/guest", &json!([["conference", {"name": "second", "actionHook": "/done2", "statusHook": "/status2", "statusEvents": events}]]));
    wait_until("it is in the second conference", &|| {
        members(&pbx, "second").len() == 1 && members(&pbx, "first").len() == 1
    });
    let alone = &members(&pbx, "second")[0];
    assert_eq!((&alone["speak_only_to"], &alone["tags"]), (&Value::Null, &json!([])));
    let done = app.event("/guest", "/done");
    assert_eq!((&done["verb_id"], &done["call_status"]), (&json!("c1"), &json!("in-progress")), "{done}");
    assert_eq!(statuses(&app, "/guest", "/status"), ["join", "leave"]);
    party.hear("in another conference", &[]);

    // Taken out by REST, the call goes on with what its actionHook says, and that is its end.
    gateway.act(&guest, "kick", None);
    app.event("/guest", "/done2");
    app.event("/guest", "close");
    assert_eq!(statuses(&app, "/guest", "call:status"), ["trying", "in-progress", "completed"]);
    let last = app.find("/guest", "call:status", |data| data["call_status"] == "completed");
    assert_eq!(
        (&last["call_termination_by"], &last["customerData"]["ticket"]),
        (&json!("jambonz"), &json!(17)),
        "{last}"
    );
    assert!(last["duration"].is_u64(), "{last}");
    let order: Vec<String> =
        app.names("/guest").into_iter().filter(|name| !["/wait", "verb:status"].contains(&name.as_str())).collect();
    assert_eq!(
        order,
        [
            "session:new",
            "call:status",
            "call:status",
            "/enter",
            "/status",
            "/status",
            "/done",
            "/status2",
            "/status2",
            "/status2",
            "/status2",
            "/done2",
            "call:status",
            "close"
        ]
    );
    let verbs: Vec<String> = app
        .events()
        .iter()
        .filter(|told| {
            told["path"] == "/guest" && told["event"] == "verb:status" && told["data"]["event"] == "starting"
        })
        .map(|told| told["data"]["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(verbs, ["tag", "conference", "conference", "pause", "hangup"]);
    party.judge();
}

fn full() {
    let pbx = Pbx::start("full");
    let ends = json!({"verbs": [["hangup"]]});
    let script = json!({
        "/first": {"verbs": [["conference", {"name": "full", "maxParticipants": 2, "memberTag": "agent"}]]},
        "/coach": {"verbs": [["conference", {"name": "full", "maxParticipants": 5, "speakOnlyTo": "agent"}]]},
        "/late": {"verbs": [["conference", {"name": "full", "actionHook": "/done"}]], "hooks": {"/done": ends}},
    });
    let app = App::start(&pbx, "full", "sdk", &script);
    let applications = ["first", "coach", "late"].map(|name| app.settings(name)).concat();
    let _gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "full");
    party.listens("agent", "gateway-first");
    wait_until("the first is there", &|| members(&pbx, "full").len() == 1);
    party.speaks("manager", "gateway-coach");
    wait_until("both are there", &|| members(&pbx, "full").len() == 2);
    party.is_not_judged("customer");
    party.listens("customer", "gateway-late");
    // It goes on with its verbs: the actionHook, and that is its end.
    app.event("/late", "/done");
    app.event("/late", "close");
    let last = app.find("/late", "call:status", |data| data["call_status"] == "completed");
    assert_eq!(last["call_termination_by"], "jambonz", "{last}");
    assert_eq!(members(&pbx, "full").len(), 2);
    party.hear("after a third was turned away", &["agent"]);
    party.judge();
}

/// What newcomers copy: settings, dialplan and applications are the example's.
fn example() {
    let pbx = Pbx::start("exa");
    for file in ["whisper.mjs", "webhook.mjs"] {
        let application = crate::app::Example::start(&pbx, file);
        let gateway = Gateway::start_as_copied(&pbx, file, &application.hooks());
        let mut party = Party::new(&pbx, file);
        party.listens("customer", "7101");
        party.listens("agent", "7102");
        let agent = gateway.member("7102");
        party.speaks("manager", "7103");
        let manager = gateway.member("7103");
        party.hear(file, &["agent"]);
        party.heard_nothing_until_now(file, "customer");
        gateway.act(&manager, "uncoach", None);
        party.hear(file, &["agent", "customer"]);
        if file == "whisper.mjs" {
            application.press(r#"{"action": "coach", "tag": "agent"}"#);
            party.hear("the button to whisper", &["agent"]);
            application.press(r#"{"action": "uncoach"}"#);
            party.hear("the button to barge in", &["agent", "customer"]);
        }
        // Its leaving ends the conference, before the next application comes.
        let path = format!("/v1/Accounts/{}/Calls/{agent}", crate::gateway::ACCOUNT);
        assert_eq!(gateway.ask("DELETE", &path, &gateway.key, None).status, 204);
        wait_until("the conference ends", &|| members(&pbx, "support-conference-23").is_empty());
        party.judge();
    }
}

fn webhooks() {
    let pbx = Pbx::start("web");
    let script = json!({
        "/caller": {"verbs": [["conference", {"name": "Web Room", "memberTag": "caller", "actionHook": "/after", "statusHook": "/status",
            "statusEvents": ["join", "leave"]}]]},
        "/after": {"verbs": [["pause", {"length": 0.1}]]},
        "/other": {"verbs": [["conference", {"name": "Web Room", "speakOnlyTo": "agent"}]]},
        "/status": {"verbs": []}, "/call-status": {"verbs": []},
    });
    let app = App::start(&pbx, "web", "webhook", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("caller"));
    let mut party = Party::new(&pbx, "web");
    party.listens("caller", "gateway-caller");
    let caller = gateway.member("gateway-caller");
    // The name with white space and capitals is the account's own; on the switch it is encoded.
    assert_eq!(gateway.call_to("gateway-caller")["conference"], "Web Room");
    assert_eq!(members(&pbx, "_57eb_20_52oom")[0]["tags"], json!(["caller"]));
    let first = app.event("/caller", "request");
    assert_eq!((&first["method"], &first["verified"]), (&json!("POST"), &json!(["verified", "verified"])), "{first}");
    assert_eq!(first["authorization"], "Basic dXNlcjpwYXNz");
    assert_eq!((&first["body"]["call_sid"], &first["body"]["call_status"]), (&json!(caller), &json!("trying")));
    app.find("/status", "request", |data| {
        data["body"]["event"] == "join" && data["verified"] == json!(["verified", "verified"])
    });

    // In mid-call, other verbs by REST: it leaves, and comes back into the same conference as another.
    let answer = gateway.put(&caller, &json!({"tag": {"crm": "x", "10": 1.0, "9": "two"}}).to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
    let answer = gateway.put(&caller, r#"{"call_hook": "/other"}"#);
    assert_eq!(answer.status, 202, "{answer:?}");
    wait_until("it speaks privately", &|| {
        members(&pbx, "_57eb_20_52oom").first().is_some_and(|m| m["speak_only_to"] == json!(["agent"]))
    });
    // Keys and numbers as JavaScript orders and writes them: the signature still fits.
    let other = app.event("/other", "request");
    assert_eq!(
        (&other["verified"], &other["body"]["customerData"]["crm"]),
        (&json!(["verified", "verified"]), &json!("x")),
        "{other}"
    );
    app.event("/after", "request");

    // Where the settings do not lead, no hook leads.
    let answer = gateway.put(&caller, r#"{"call_hook": "http://169.254.169.254/latest"}"#);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.msg().contains("allowed_hosts"), "{answer:?}");

    // Kicked, it has no verbs left, and nobody who could give any.
    gateway.act(&caller, "kick", None);
    app.find("/call-status", "request", |data| data["body"]["call_status"] == "completed");
    let told = app.events();
    let states: Vec<&Value> = told
        .iter()
        .filter(|told| told["path"] == "/call-status")
        .map(|told| &told["data"]["body"]["call_status"])
        .collect();
    assert_eq!(states, ["trying", "in-progress", "completed"]);
    let refused = gateway.put(&caller, r#"{"call_hook": "/other"}"#);
    assert_eq!(refused.status, 404, "{refused:?}");
    party.judge();
}

/// Whatever has happened to the mode on its way, the module is asked before the call joins.
fn another_mode() {
    for (n, (says, comes)) in [("speakOnlyTo=agent", "uncoach"), ("memberTag=boss", "untag")].into_iter().enumerate() {
        let pbx = Pbx::start(&format!("mode{n}"));
        let port = crate::meddler::between(&pbx, says, comes);
        let verb = json!({"name": "private", "speakOnlyTo": "agent", "memberTag": "boss"});
        let script = json!({"/manager": {"verbs": [["answer"], ["conference", verb]]}});
        let app = App::start(&pbx, "mode", "sdk", &script);
        let _gateway = Gateway::start_at(&pbx, "gateway", &app.settings("manager"), port);
        let mut party = Party::new(&pbx, "mode");
        party.listens("customer", "app-private**");
        party.listens("agent", "app-private*agent*");
        party.speaks("manager", "gateway-manager");
        party.is_not_judged("manager");
        let error = app.event("/manager", "jambonz:error");
        assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("does not join")), "{error}");
        party.hear("another mode than was asked for", &[]);
        assert_eq!(pbx.stock_members("app-private"), 2);
        party.heard_nothing_until_now("another mode than was asked for", "customer");
        party.judge();
    }
}

/// `sip:decline`, of each class that the settings of a trunk tell apart.
const DECLINED: [u16; 18] = [400, 403, 404, 408, 410, 480, 484, 486, 488, 500, 501, 502, 503, 504, 600, 603, 604, 606];

fn declined() {
    let pbx = Pbx::start("decline");
    let name = |status: u16| format!("declines{status}");
    let decline = |status: u16| json!(["sipDecline", {"status": status, "reason": "The office is closed"}]);
    let mut script: serde_json::Map<String, Value> =
        DECLINED.iter().map(|&status| (format!("/{}", name(status)), json!({"verbs": [decline(status)]}))).collect();
    script.insert("/late".into(), json!({"verbs": [["answer"], decline(486), ["conference", {"name": "room"}]]}));
    let app = App::start(&pbx, "decline", "sdk", &script.into());
    let applications = DECLINED.map(|status| app.settings(&name(status))).concat() + &app.settings("late");
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    for status in DECLINED {
        let said = raw::answer_to(&pbx, &format!("gateway-{}", name(status)), "");
        let code: u16 = said.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an answer has a status");
        assert_eq!(code, pbx::declined_as(status), "declined with {status}: {said}");
        let reason = said.lines().find(|line| line.starts_with("X-Reason")).map(str::trim_end);
        assert_eq!(reason, pbx::TELLS_REASON.then_some("X-Reason: The office is closed"), "{status}: {said}");
        let path = format!("/{}", name(status));
        let last = app.find(&path, "call:status", |data| data["call_status"] != "trying");
        assert_eq!((&last["call_status"], &last["sip_status"]), (&json!("failed"), &json!(status)), "{last}");
        assert_eq!(last["call_termination_by"], "jambonz", "{last}");
        assert_eq!(app.event(&path, "close"), 1000);
        assert_eq!(statuses(&app, &path, "call:status"), ["trying", "failed"]);
    }
    // Once it is answered it can no longer be declined: that is told, and the call goes on.
    let mut party = Party::new(&pbx, "late");
    party.is_not_judged("late");
    party.listens("late", "gateway-late");
    gateway.member("gateway-late");
    let error = app.event("/late", "jambonz:error");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("can no longer be declined")), "{error}");
    assert_eq!(error["verb"], "sip:decline", "{error}");
    party.judge();
}

fn wrong() {
    let pbx = Pbx::start("wrong");
    let script = json!({
        "/late": {"verbs": [["answer"], ["pause", {"length": 30}]]},
        "/module": {"verbs": [["answer"], ["conference", {"name": "private", "speakOnlyTo": "agent"}]]},
        "/between": {"verbs": [["answer"], ["pause", {"length": 3}], ["conference", {"name": "private", "speakOnlyTo": "agent"}]]},
        "/gathers": {"verbs": [["gather", {"input": ["digits"]}]]},
    });
    let app = App::start(&pbx, "wrong", "sdk", &script);
    let raw = raw::Raw::start(&pbx);
    let applications =
        ["late", "module", "between", "gathers"].map(|name| app.settings(name)).concat() + &raw.settings();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    // What is no list of verbs, or has one that is not done, refuses the call: it never hears anything.
    for answer in raw::REFUSED.iter().copied().chain([raw::long_name().as_str()]) {
        let status = raw.call(&pbx, answer);
        assert_eq!(status, "480", "{answer}");
    }
    // On a websocket, too, which is closed then.
    assert_eq!(raw::call(&pbx, "gateway-gathers"), "480");
    assert_eq!(app.event("/gathers", "close"), 1001);
    // It hears nothing at all, not even silence.
    let mut late = Party::new(&pbx, "late");
    late.listens("late", "gateway-late");
    app.event("/late", "session:new");
    // In mid-call, it is told.
    app.inject("/late", "redirect", &json!([{"verb": "gather", "input": ["digits"]}]));
    app.find("/late", "jambonz:error", |data| {
        data["msg"].as_str().is_some_and(|msg| msg.contains("invalid instruction: gather"))
    });
    app.inject("/late", "conf:participant-action", &json!({"action": "coach"}));
    app.find("/late", "jambonz:error", |data| data["msg"].as_str().is_some_and(|msg| msg.contains("requires tag")));
    app.inject("/late", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    app.find("/late", "jambonz:error", |data| {
        data["msg"].as_str().is_some_and(|msg| msg.contains("not in a conference"))
    });

    // Without the module a conference is refused by name, and the call does not join, not even openly.
    let mut party = Party::new(&pbx, "wrong");
    party.listens("customer", "app-private**");
    // It is unloaded between two verbs of one call, and is not there for another.
    party.speaks("between", "gateway-between");
    app.find("/between", "call:status", |data| data["call_status"] == "in-progress");
    pbx.unload_module();
    party.speaks("manager", "gateway-module");
    let error = app.event("/module", "jambonz:error");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("is not loaded")), "{error}");
    let error = app.event("/between", "jambonz:error");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("is not loaded")), "{error}");
    assert_eq!(pbx.stock_members("app-private"), 1, "the customer alone");
    assert!(gateway.log().contains("is not loaded"));
    // Both calls go on, and as soon as it is there again, they whisper.
    pbx.load_module();
    for who in ["/module", "/between"] {
        app.send(who, &json!([["conference", {"name": "private", "speakOnlyTo": "agent"}]]));
    }
    wait_until("both are in", &|| members(&pbx, "private").len() == 3);
    let private = members(&pbx, "private").iter().filter(|member| member["speak_only_to"] == json!(["agent"])).count();
    assert_eq!(private, 2);
    for who in ["manager", "between"] {
        party.is_not_judged(who);
    }
    party.hear("whatever has become of the module", &[]);
    party.heard_nothing_until_now("whatever has become of the module", "customer");
    drop(late);
    party.judge();
}
