//! More than there may be: of sessions, of a file that is played, of connections to the REST interface, and of a client's time. Each has
//! a clear answer, and nobody else notices.

use crate::{
    app::App,
    gateway::{ACCOUNT, Gateway},
    judge::Recording,
    party::Party,
    pbx::{self, Pbx},
    raw,
    run::{OwnScenario, wait_until},
};
use serde_json::json;
use std::{
    cell::RefCell,
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

pub const SCENARIOS: &[OwnScenario] = &[
    ("a_call_beyond_the_most_sessions_is_declined_and_disturbs_no_other", sessions),
    ("a_file_that_is_too_long_is_refused_and_the_call_goes_on", file),
    ("slow_clients_of_the_rest_interface_hold_up_nobody", slow),
];

fn sessions() {
    let pbx = Pbx::start("most");
    let verb = |properties| json!({"verbs": [["answer"], ["conference", properties]]});
    let script = json!({
        "/agent": verb(json!({"name": "room", "memberTag": "agent"})),
        "/manager": verb(json!({"name": "room", "speakOnlyTo": "agent"})),
        "/late": verb(json!({"name": "room"})),
    });
    let app = App::start(&pbx, "most", "sdk", &script);
    let applications = ["agent", "manager", "late"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", "");
    gateway.start_again_with(|text| {
        let text = text.replacen("[speech]", "most_sessions = 2\n\n[speech]", 1);
        text + &pbx.calls_settings() + &applications
    });
    let mut party = Party::new(&pbx, "most");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let why = "there are 2 sessions, as many as most_sessions in the settings allows";
    let said = raw::answer_to(&pbx, "gateway-late", "");
    assert!(said.starts_with("SIP/2.0 503 "), "{said}");
    let reason = said.lines().find(|line| line.starts_with("X-Reason")).map(str::trim_end);
    assert_eq!(reason, pbx::TELLS_REASON.then_some(&*format!("X-Reason: {why}")), "{said}");
    wait_until("it is logged", &|| gateway.log().contains(&format!("a call is not taken: {why}")));
    assert!(app.names("/late").is_empty(), "its application is not asked");
    let path = format!("/v1/Accounts/{ACCOUNT}/Calls");
    let order = json!({"from": "2000", "to": {"type": "phone", "number": "echo"}, "call_hook": app.hook("late")});
    let place = |gateway: &Gateway| gateway.ask("POST", &path, &gateway.key, Some(&order.to_string()));
    let placed = place(&gateway);
    assert_eq!((placed.status, placed.msg().as_str()), (503, why), "{placed:?}");
    party.hear("with as many sessions as there may be", &["agent"]);
    gateway.act(&manager, "coach", Some("nobody"));
    party.hear("steered with as many", &[]);
    // Those that there are go on after a restart, and a place that is free again is taken.
    gateway.crash();
    gateway.start_again();
    gateway.act(&manager, "coach", Some("agent"));
    party.hear("steered after a restart", &["agent"]);
    assert_eq!(raw::call(&pbx, "gateway-late"), "503");
    party.is_not_judged("manager");
    assert_eq!(gateway.ask("DELETE", &format!("{path}/{manager}"), &gateway.key, None).status, 204);
    wait_until("there is room again", &|| place(&gateway).status == 201);
    app.event("/late", "session:new");
    wait_until("it has joined", &|| pbx.members("app-room").len() == 2);
    party.judge();
}

/// The longest file that is played, in bytes.
const MOST_FILE: usize = 32 << 20;

fn file() {
    let pbx = Pbx::start("long");
    // Of silence: a few samples are heard, the rest is what makes it long.
    let wav = |name: &str, bytes: usize| {
        let path = pbx.folder().join(name);
        Recording { rate: 8000, samples: vec![0; (bytes - 44) / 2] }.write(&path).expect("a file can be written");
        assert_eq!(fs::metadata(&path).expect("it is there").len() as usize, bytes);
        path
    };
    let (long, longest) = (wav("long.wav", MOST_FILE + 2), wav("longest.wav", MOST_FILE));
    let files = json!({"/long.wav": {"file": long}, "/longest.wav": {"file": longest}});
    let files = App::start(&pbx, "files", "webhook", &files);
    let play = |name: &str| json!(["play", {"url": files.hook(name), "id": name, "actionHook": "/played"}]);
    let room = json!(["conference", {"name": "room", "memberTag": "caller"}]);
    let script = json!({
        "/caller": {"verbs": [["answer"], play("long.wav"), room.clone()], "hooks": {"/played": {"silent": true}}},
        "/other": {"verbs": [["answer"], play("longest.wav"), room], "hooks": {"/played": {"silent": true}}},
    });
    let app = App::start(&pbx, "long", "sdk", &script);
    let allowed = "allowed_hosts = [\"127.0.0.1\"]\ninternal_networks = [\"127.0.0.1\"]\n";
    let applications = ["caller", "other"].map(|name| app.settings(name) + allowed).concat();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "long");
    party.is_not_judged("caller");
    party.is_not_judged("other");
    party.listens("caller", "gateway-caller");
    let error = app.event("/caller", "jambonz:error");
    let said = error["msg"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("/long.wav has more than 33554432 bytes"), "{error}");
    assert_eq!((&error["verb"], &error["id"]), (&json!("play"), &json!("long.wav")), "{error}");
    assert_eq!(app.event("/caller", "/played")["reason"], "playFailed");
    gateway.member("gateway-caller");
    // One of this length is played: it is being heard, until other verbs come.
    party.listens("other", "gateway-other");
    app.find("/other", "call:status", |data| data["call_status"] == "in-progress");
    let kept = || {
        fs::read_dir(gateway.folder().join("speech")).map_or(0, |files| {
            files.flatten().filter(|file| file.file_name().to_string_lossy().len() == 64 + 4).count()
        })
    };
    wait_until("it is fetched", &|| kept() == 1);
    assert!(app.names("/other").iter().all(|name| name != "jambonz:error" && name != "/played"), "{:?}", app.events());
    app.send("/other", &json!([["conference", {"name": "room"}]]));
    gateway.member("gateway-other");
    party.judge();
}

/// A connection to the REST interface, on which this has been sent.
fn connect(gateway: &Gateway, says: &str) -> TcpStream {
    let address = gateway.url("").trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(address).expect("the gateway listens");
    connection.write_all(says.as_bytes()).expect("it reads");
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has one");
    connection
}

/// What comes until the gateway closes the connection.
fn until_closed(mut connection: TcpStream) -> String {
    let mut said = String::new();
    connection.read_to_string(&mut said).expect("the gateway closes the connection");
    said
}

fn slow() {
    const MOST: usize = 8;
    let pbx = Pbx::start("slow");
    let mut gateway = Gateway::start(&pbx, "gateway", "");
    gateway.start_again_with(|text| text.replacen("[speech]", &format!("most_connections = {MOST}\n\n[speech]"), 1));
    let mut party = Party::new(&pbx, "slow");
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "app-room**agent");
    let manager = gateway.member("app-room**agent");
    let put = format!(
        "PUT /v1/Accounts/{ACCOUNT}/Calls/{manager} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\nContent-Length: 40\r\n\r\n",
        gateway.key
    );
    // Somebody says nothing, a half of a head, a half of a body; and one letter a second.
    let slow = [connect(&gateway, ""), connect(&gateway, "GET /heal"), connect(&gateway, &format!("{put}{{\"mute_"))];
    let mut slowest = connect(&gateway, "");
    let since = Instant::now();
    let is_served = |what: &str| {
        gateway.act(&manager, "uncoach", None);
        gateway.act(&manager, "coach", Some("agent"));
        assert_eq!(gateway.get("Conferences").status, 200, "{what}");
    };
    let mut letters = put.bytes();
    let is_cut_off = loop {
        is_served("beside slow clients");
        let letter = [letters.next().expect("it is cut off before it has said all")];
        if slowest.write_all(&letter).is_err() {
            break true;
        }
        if since.elapsed() > Duration::from_secs(60) {
            break false;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert!(is_cut_off, "whoever says one letter after another has no end");
    let said = slow.map(until_closed);
    assert!(
        said[2].starts_with("HTTP/1.1 408 ") && said[2].contains(r#"{"msg":"the body has not come in 10 s"}"#),
        "{}",
        said[2]
    );
    assert!(said[..2].iter().all(|said| said.is_empty() || said.starts_with("HTTP/1.1 408 ")), "{said:?}");

    // All places are taken: that is told, and over as soon as one is free.
    let silent = RefCell::new(Vec::new());
    wait_until("all places are taken", &|| {
        // A place that somebody has just left may not be free yet: then one of these was refused, and there has to be one more.
        silent.borrow_mut().extend((0..MOST).map(|_| connect(&gateway, "")));
        gateway.get("Calls").status == 503
    });
    let refused = gateway.get("Calls");
    assert!(refused.msg().contains("8 connections are open"), "{refused:?}");
    assert!(gateway.log().contains("as many as most_connections allows"));
    party.hear("while no request can be made", &["agent"]);
    drop(silent);
    wait_until("requests are answered again", &|| gateway.get("Calls").status == 200);

    // Whoever does not read what is told to it does not keep the gateway from ending, nor does half a request.
    let _unread = connect(&gateway, &put.replace("PUT", "GET").replace(&format!("Calls/{manager}"), "Events"));
    let _half = connect(&gateway, &format!("{put}{{"));
    gateway.end(Duration::from_secs(10));
    party.hear("without the gateway", &["agent"]);
    party.judge();
}
