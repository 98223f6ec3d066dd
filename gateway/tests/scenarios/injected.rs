//! Whatever a client sends, on every path that leads to a switch: it arrives there as it is, in its encoding, or is refused, and
//! nothing else happens.

use crate::{
    app::App,
    corpus::{CRAFTED, long},
    gateway::{ACCOUNT, Gateway},
    party::Party,
    pbx::{MOST_NAME, Pbx},
    raw::{self, Raw},
    run::wait_until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("names_and_tags_of_clients_arrive_as_they_are_or_are_refused", names_and_tags),
    ("what_clients_and_callers_send_is_nothing_but_a_text", texts),
];

/// A conference's name on the switch: all but lower-case letters, digits, `.` and `-` by its bytes. `None`: it is too long.
fn on_switch(name: &str) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(byte);
    let byte = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("_{byte:02x}") };
    let name = format!("app-{}", name.bytes().map(byte).collect::<String>());
    (name.len() <= MOST_NAME).then_some(name)
}

/// Tags as the module shows them. `None`: no switch can carry them.
fn tags(text: &str) -> Option<Vec<&str>> {
    let syntax = |c: char| c.is_whitespace() || c.is_control() || "\"'\\|;${}()[]^=".contains(c);
    let word = |tag: &str| ["-", "untag", "uncoach", "speakonlyto"].contains(&tag.to_lowercase().as_str());
    let right = |tag: &&str| (1..=64).contains(&tag.len()) && !tag.contains(syntax) && !word(tag);
    let tags: Vec<&str> = text.split(',').collect();
    (tags.len() <= 16 && tags.iter().all(right)).then_some(tags)
}

/// Errors that the socket's application has been told.
fn errors(app: &App) -> usize {
    app.names("/socket").iter().filter(|name| *name == "jambonz:error").count()
}

/// A conference that none of this concerns: its manager whispers to the agent.
fn canary(party: &mut Party) {
    party.listens("customer", "app-canary**");
    party.listens("agent", "app-canary*agent*");
    party.speaks("manager", "app-canary**agent");
}

/// Two calls, one of an application with a websocket, one with webhooks, go from conference to conference.
fn names_and_tags() {
    let pbx = Pbx::start("inj");
    let app = App::start(&pbx, "inj", "sdk", &json!({"/socket": {"verbs": [["answer"]]}}));
    let raw = Raw::start(&pbx);
    raw.answer(r#"[{"verb": "conference", "name": "begin"}]"#);
    let gateway = Gateway::start(&pbx, "gateway", &(app.settings("socket") + &raw.settings()));
    let mut party = Party::new(&pbx, "inj");
    canary(&mut party);
    party.is_not_judged("socket");
    party.listens("socket", "gateway-socket");
    party.is_not_judged("hook");
    party.listens("hook", "gateway-raw");
    let hook = gateway.member("gateway-raw");
    app.find("/socket", "call:status", |data| data["call_status"] == "in-progress");
    wait_until("the five calls are counted", &|| pbx.calls() >= 5);
    let (before, calls) = (pbx.show("app-canary"), pbx.calls());

    let carried: Vec<&str> = CRAFTED.iter().copied().filter(|text| tags(text).is_some()).collect();
    let [fits, too_long, far_too_long] = [MOST_NAME - 4, MOST_NAME - 3, 255].map(|bytes| "n".repeat(bytes));
    let names = CRAFTED.iter().copied().chain([fits.as_str(), &too_long, &far_too_long]);
    for (n, name) in names.enumerate() {
        let (tag, to) = (carried[n % carried.len()], carried[(n + 1) % carried.len()]);
        let verb = json!({"verb": "conference", "name": name, "memberTag": tag, "speakOnlyTo": to});
        raw.answer(&json!([verb]).to_string());
        let told = errors(&app);
        let answer = gateway.put(&hook, &json!({"call_hook": raw.hook()}).to_string());
        app.inject("/socket", "redirect", &json!([verb]));
        let Some(room) = on_switch(name) else {
            assert_eq!(answer.status, 422, "{name:?}: {answer:?}");
            assert!(answer.msg().contains("too long"), "{name:?}: {answer:?}");
            wait_until("the application is told", &|| errors(&app) == told + 1);
            continue;
        };
        assert_eq!(answer.status, 202, "{name:?}: {answer:?}");
        wait_until(&format!("both are in {name:?}, which is {room} there"), &|| pbx.members(&room).len() == 2);
        for member in pbx.members(&room) {
            assert_eq!((&member["tags"], &member["speak_only_to"]), (&json!(tags(tag)), &json!(tags(to))), "{member}");
        }
        assert_eq!(errors(&app), told, "{name:?}");
    }
    // Where they are now, they get each tag in turn: the one by REST, the other on its socket.
    let room = on_switch(&fits).expect("it fits");
    let shown = |key: &str| pbx.members(&room).into_iter().map(|member| member[key].clone()).collect::<Vec<_>>();
    let long = long();
    for text in CRAFTED.iter().copied().chain([long.as_str()]) {
        let (right, told) = (tags(text), errors(&app));
        let answer =
            gateway.put(&hook, &json!({"conferenceParticipantAction": {"action": "tag", "tag": text}}).to_string());
        // A message of 64 KiB is longer than a socket's may be.
        let socket = text.len() < 24 * 1024;
        if socket {
            app.inject("/socket", "conf:participant-action", &json!({"action": "coach", "tag": text}));
        }
        match right {
            Some(right) => {
                assert_eq!(answer.status, 202, "{text:?}: {answer:?}");
                assert!(shown("tags").contains(&json!(right)), "{text:?}: {:?}", shown("tags"));
                wait_until(&format!("{text:?} by the socket"), &|| shown("speak_only_to").contains(&json!(right)));
            }
            None => {
                assert!([400, 413].contains(&answer.status), "{text:?}: {answer:?}");
                assert!(!answer.msg().is_empty());
                wait_until(&format!("{text:?} is refused"), &|| errors(&app) == told + usize::from(socket));
            }
        }
    }
    let last = carried.last().expect("some are carried");
    assert!(shown("tags").contains(&json!(tags(last))), "{:?}", shown("tags"));
    assert!(shown("speak_only_to").contains(&json!(tags(last))), "{:?}", shown("speak_only_to"));
    // They are in one conference, as the one of them was at first.
    wait_until(&format!("no other call is there than {calls}: {}", pbx.calls()), &|| pbx.calls() == calls);
    // Names that differ in case alone are two conferences.
    app.inject("/socket", "redirect", &json!([{"verb": "conference", "name": "Case"}]));
    raw.answer(r#"[{"verb": "conference", "name": "case"}]"#);
    assert_eq!(gateway.put(&hook, &json!({"call_hook": raw.hook()}).to_string()).status, 202);
    wait_until("each is alone", &|| pbx.members("app-_43ase").len() == 1 && pbx.members("app-case").len() == 1);

    assert_eq!(pbx.show("app-canary"), before, "nobody else has been touched");
    party.hear("when all of it has been sent", &["agent"]);
    party.judge();
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}

/// The names of the headers of a request or an answer, `first` line apart.
fn header_names(head: &str) -> BTreeSet<String> {
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").skip(1).map(|line| line.split(':').next().unwrap_or_default().to_lowercase()).collect()
}

fn percent(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") }
    };
    text.bytes().map(byte).collect()
}

fn texts() {
    let pbx = Pbx::start("injt");
    let app = App::start(
        &pbx,
        "injt",
        "sdk",
        &json!({"/socket": {"verbs": [["answer"]]}, "/head": {"verbs": [["conference", {"name": "x", "memberTag": "a b"}]]}}),
    );
    let raw = Raw::start(&pbx);
    let applications = ["socket", "head"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &(pbx.calls_settings() + &applications + &raw.settings()));
    let mut party = Party::new(&pbx, "injt");
    canary(&mut party);
    party.is_not_judged("socket");
    party.listens("socket", "gateway-socket");
    app.find("/socket", "call:status", |data| data["call_status"] == "in-progress");
    let socket = gateway.call_to("gateway-socket")["call_sid"].as_str().expect("a sid").to_owned();
    raw.answer(r#"[{"verb": "conference", "name": "begin"}]"#);
    party.is_not_judged("hook");
    party.listens("hook", "gateway-raw");
    let hook = gateway.member("gateway-raw");
    wait_until("the five calls are counted", &|| pbx.calls() >= 5);
    let (before, calls) = (pbx.show("app-canary"), pbx.calls());

    // What REST takes.
    raw.answer("");
    gateway.put(&hook, r#"{"call_hook": "/plain"}"#);
    let plain_request = header_names(raw.heads().last().expect("it is asked"));
    let long = long();
    for text in CRAFTED.iter().copied().chain([long.as_str()]) {
        let is_digits = text.chars().all(|c| "0123456789*#ABCD".contains(c));
        for (call, what, body, right) in [
            (&socket, "digits", json!({"dtmf": {"digit": text}}), is_digits.then_some(202)),
            (&hook, "call_hook", json!({"call_hook": text}), None),
            (&hook, "hook", json!({"call_hook": {"url": "/hook", "method": text}}), None),
            (&hook, "data", json!({"tag": {text: 1}}), (text.len() < 30_000).then_some(202)),
        ] {
            let answer = gateway.put(call, &body.to_string());
            match right {
                Some(right) => assert_eq!(answer.status, right, "{what} {text:?}: {answer:?}"),
                None => assert!([400, 413, 422].contains(&answer.status), "{what} {text:?}: {answer:?}"),
            }
        }
        let in_path = percent(text);
        let answer = gateway.put(&in_path, r#"{"mute_status": "mute"}"#);
        assert!([400, 404, 414, 431].contains(&answer.status), "{text:?}: {answer:?}");
    }
    for head in raw.heads() {
        assert_eq!(header_names(&head), plain_request, "{head}");
        assert!(head.starts_with("POST /") || head.starts_with("GET /"), "{head}");
    }
    for wrong in [
        r#"{"tag": {"a": "\ud800"}}"#,
        "{\"conferenceParticipantAction\": {\"action\": \"tag\", \"tag\": \"\\udc00\\ud800\"}}",
    ] {
        assert_eq!(gateway.put(&hook, wrong).status, 400, "{wrong}");
    }
    // Orders of calls: none is placed. What a name may hold is no more than a name.
    let order = json!({"from": "2000", "to": {"type": "phone", "number": "busy"}, "call_hook": raw.hook()});
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    for text in CRAFTED {
        for (key, value, allowed) in [
            ("from", json!(text), "+*#._-"),
            ("to", json!({"type": "phone", "number": text}), "+*#"),
            ("to", json!({"type": "user", "name": text}), "@+._-"),
            ("to", json!({"type": "sip", "sipUri": format!("sip:{text}@127.0.0.1")}), ":@.+*#_-"),
        ] {
            if plain(text, allowed) {
                continue;
            }
            let mut body = order.clone();
            body[key] = value;
            let answer =
                gateway.ask("POST", &format!("/v1/Accounts/{ACCOUNT}/Calls"), &gateway.key, Some(&body.to_string()));
            assert_eq!(answer.status, 400, "{body}: {answer:?}");
        }
    }

    // Commands on a socket: each is refused.
    let mut told = errors(&app);
    for text in CRAFTED {
        let digits = text.chars().all(|c| "0123456789*#ABCD".contains(c));
        if !digits {
            app.inject("/socket", "dtmf", &json!({"digit": text}));
            told += 1;
        }
        app.inject("/socket", text, &json!({"a": text}));
        app.inject("/socket", "mute:status", &json!({"mute_status": text}));
        app.inject_to("/socket", "conf:participant-action", &json!({"action": "untag"}), &format!("{hook}{text}"));
        told += 3;
        wait_until(&format!("{text:?} is refused"), &|| errors(&app) >= told);
        assert_eq!(errors(&app), told, "{text:?}");
    }

    // Headers that a caller sends are told as they were sent.
    let sent: Vec<(String, &str)> = CRAFTED
        .iter()
        .filter(|text| !text.contains(['\r', '\n', '\0', '\u{7f}']) && text.trim() == **text)
        .enumerate()
        .map(|(n, text)| (format!("X-Sent-{n}"), *text))
        .collect();
    for part in sent.chunks(24) {
        let lines: String = part.iter().map(|(name, text)| format!("{name}: {text}\r\n")).collect();
        let so_far = app.names("/head").iter().filter(|name| *name == "session:new").count();
        assert_eq!(raw::call_with(&pbx, "gateway-head", &lines), "480");
        let new = app
            .events()
            .into_iter()
            .filter(|told| told["path"] == "/head" && told["event"] == "session:new")
            .nth(so_far);
        let headers = new.expect("it was told")["data"]["sip"]["headers"].clone();
        for (name, text) in part {
            // FreeSWITCH itself takes no header with a variable in it.
            let dropped = headers[name].is_null() && text.contains("${");
            // And it does not encode again what looks encoded: its event socket tells both in one way.
            let told = headers[name] == json!(text) || headers[name] == json!(text.replace("%20", " "));
            assert!(told || dropped, "{name} should be {text:?}: {headers}");
        }
    }

    // Words that an answer to a caller carries: in the one header that they are for.
    let answer = |verbs: Value| {
        raw.answer(&verbs.to_string());
        raw::answer_to(&pbx, "gateway-raw", "")
    };
    let plain_answer = header_names(&answer(json!([{"verb": "sip:decline", "status": 486, "reason": "plain"}])));
    for text in CRAFTED.iter().filter(|text| text.contains(|c: char| c.is_control() || "$;,'\"\\|^".contains(c))) {
        for verbs in [
            json!([{"verb": "sip:decline", "status": 486, "reason": format!("a{text}X-More: b")}]),
            json!([{"verb": "conference", "name": "x", format!("a{text}X-More: b"): 1}]),
        ] {
            let said = answer(verbs.clone());
            assert_eq!(header_names(&said), plain_answer, "{verbs}: {said}");
        }
    }

    assert_eq!(pbx.show("app-canary"), before, "nobody else has been touched");
    wait_until("no other call is there", &|| pbx.calls() == calls);
    party.hear("when all of it has been sent", &["agent"]);
    party.judge();
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}
