//! The text commands: every one of them, every way to get them wrong, and random text.

use crate::support::{Engine, Format, Member, Room, settings};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// Two rooms: `sales` with three members, `quiet` with nobody in it.
struct House<'e> {
    engine: &'e Engine,
    members: Vec<Member<'e>>,
    _rooms: [Room<'e>; 2],
}

impl<'e> House<'e> {
    fn new(engine: &'e Engine) -> Self {
        let rooms = [engine.host_room("sales"), engine.engine_room("quiet", Format::mono(8000), 20)];
        let members = vec![
            engine.attach("chan-7", "", None),
            engine.attach("chan-8", "agent,night-shift", None),
            // A call id of digits alone is no reference: digits are a number.
            engine.attach("4711", "sales", Some("agent")),
        ];
        for (number, member) in members.iter().enumerate() {
            member.join(&rooms[0], number as u32 + 1).expect("enters");
        }
        Self { engine, members, _rooms: rooms }
    }

    fn state(&self) -> Value {
        self.engine.state(None).expect("the state can be read")
    }

    fn ok(&self, command: &str) -> String {
        let reply = self.engine.command(command);
        assert!(reply.starts_with("+OK"), "`{command}` should succeed, not: {reply}");
        reply
    }

    fn json(&self, command: &str) -> Value {
        let reply = self.engine.command(command);
        serde_json::from_str(&reply).unwrap_or_else(|_| panic!("`{command}` should answer in JSON alone, not: {reply}"))
    }

    /// The command fails, changes nothing, tells nobody, and says something with each of these words.
    fn refused(&self, command: &str, words: &[&str]) {
        let before = self.state();
        self.engine.events();
        let reply = self.engine.command(command);
        assert!(reply.starts_with("-ERR "), "`{command}` should be refused, not: {reply}");
        for word in words {
            assert!(reply.contains(word), "the answer to `{command}` should name {word:?}: {reply}");
        }
        assert_eq!(self.state(), before, "`{command}` should change nothing");
        assert_eq!(self.engine.events(), [], "`{command}` should tell nobody");
    }

    fn member(&self, number: usize) -> Value {
        self.state()["rooms"]
            .as_array()
            .and_then(|rooms| rooms.iter().find(|room| room["name"] == "sales"))
            .map(|room| room["members"][number - 1].clone())
            .expect("sales is there")
    }
}

#[test]
fn tag_and_untag_by_number_and_by_call_id() {
    let engine = Engine::new();
    let house = House::new(&engine);
    for who in ["1", "chan-7", "001"] {
        house.ok(&format!("tag sales {who} agent,vip"));
        assert_eq!(house.member(1)["tags"], json!(["agent", "vip"]), "`tag` by {who}");
        house.ok(&format!("tag sales {who} other"));
        assert_eq!(house.member(1)["tags"], json!(["other"]), "it replaces all tags");
        house.ok(&format!("untag sales {who}"));
        assert_eq!(house.member(1)["tags"], json!([]), "`untag` by {who}");
    }
    assert_eq!(house.member(2)["tags"], json!(["agent", "night-shift"]), "nobody else is touched");
}

#[test]
fn coach_and_uncoach() {
    let engine = Engine::new();
    let house = House::new(&engine);
    assert_eq!(house.member(1)["speak_only_to"], Value::Null);
    house.ok("coach sales 1 agent,nobody-here");
    assert_eq!(house.member(1)["speak_only_to"], json!(["agent", "nobody-here"]));
    assert_eq!(house.member(1)["heard_by"], json!([2]));
    house.ok("coach sales chan-7 -");
    assert_eq!(house.member(1)["speak_only_to"], json!([]), "`-` is nobody");
    assert_eq!(house.member(1)["heard_by"], json!([]));
    let reply = house.ok("uncoach sales 1");
    assert!(reply.contains("200 ms"), "the answer says when it opens: {reply}");
    assert_eq!(house.member(1)["speak_only_to"], Value::Null);
    assert_eq!(house.member(1)["heard_by"], "all");
    assert_eq!(engine.state(Some("sales")).expect("it is there")["hear_open"], json!([1, 2, 3]));
    assert_eq!(house.member(1)["opens_in_ms"], 200);
}

#[test]
fn commands_and_calls_do_the_same() {
    let (engine, other) = (Engine::new(), Engine::new());
    let (by_text, by_call) = (House::new(&engine), House::new(&other));
    let first = &by_call.members[0];
    let pairs: [(&str, &dyn Fn()); 5] = [
        ("tag sales 1 agent,b", &|| first.tag("agent,b").expect("is set")),
        ("untag sales 1", &|| first.untag().expect("is set")),
        ("coach sales 1 agent", &|| first.coach("agent").expect("is set")),
        ("coach sales 1 -", &|| first.coach("-").expect("is set")),
        ("uncoach sales 1", &|| first.uncoach().expect("is set")),
    ];
    for (command, call) in pairs {
        by_text.ok(command);
        call();
        let sales = |engine: &Engine| engine.state(Some("sales")).expect("it is there");
        assert_eq!(sales(&engine), sales(&other), "after `{command}`");
        let told = |engine: &Engine| -> Vec<_> {
            engine
                .events()
                .into_iter()
                .map(|e| (e.kind, e.sequence, e.number, e.heard_by, e.opens_in_ms, e.text))
                .collect()
        };
        assert_eq!(told(&engine), told(&other), "after `{command}`");
    }
}

#[test]
fn an_action_repeated_is_no_error_and_changes_nothing() {
    let engine = Engine::new();
    let house = House::new(&engine);
    for command in ["tag sales 1 agent", "untag sales 1", "coach sales 1 agent", "coach sales 1 -", "uncoach sales 1"] {
        house.ok(command);
        let once = house.state();
        house.ok(command);
        assert_eq!(house.state(), once, "`{command}` again");
    }
}

#[test]
fn gettag_finds_members_that_have_a_tag_and_those_that_have_not() {
    let engine = Engine::new();
    let house = House::new(&engine);
    house.ok("tag sales 3 agent");
    for (command, reply) in [
        ("gettag sales agent", "+OK 2,3"),
        ("gettag sales agent nomatch", "+OK 1"),
        ("gettag sales night-shift", "+OK 2"),
        ("gettag sales unknown", "+OK"),
        ("gettag sales unknown nomatch", "+OK 1,2,3"),
        ("gettag quiet agent", "+OK"),
        // Byte for byte, and whole.
        ("gettag sales Agent", "+OK"),
        ("gettag sales age", "+OK"),
    ] {
        assert_eq!(engine.command(command).trim_end(), reply, "`{command}`");
    }
    assert_eq!(house.json("gettag sales agent as json"), json!([2, 3]));
    assert_eq!(house.json("gettag sales agent nomatch as json"), json!([1]));
}

#[test]
fn rooms_and_show_say_who_is_where() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let rooms = house.ok("rooms");
    for word in ["sales", "quiet", "3", "0"] {
        assert!(rooms.contains(word), "`rooms` should name {word}: {rooms}");
    }
    let show = house.ok("show sales");
    for word in ["chan-7", "chan-8", "4711", "agent,night-shift", "sales"] {
        assert!(show.contains(word), "`show` should name {word}: {show}");
    }
    assert_eq!(house.json("show sales as json"), engine.state(Some("sales")).expect("it is there"));
    // By name, whichever was opened first.
    for rooms in [house.json("rooms as json"), engine.state(None).expect("the state can be read")["rooms"].clone()] {
        let names: Vec<_> = rooms.as_array().expect("a list").iter().map(|room| room["name"].clone()).collect();
        assert_eq!(names, ["quiet", "sales"]);
    }
}

#[test]
fn show_tells_in_words_how_each_member_is() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let rows = || -> Vec<String> {
        let show = house.ok("show sales");
        show.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    house.ok("coach sales 1 -");
    house.members[1].deaf(true).expect("is set");
    assert_eq!(
        rows(),
        [
            "+OK sales: host-mixed, 3 members",
            "number call id memberTag speakOnlyTo heard by",
            "1 chan-7 - nobody -",
            "2 chan-8 agent,night-shift openly all deaf",
            "3 4711 sales agent -"
        ]
    );
    house.ok("uncoach sales 3");
    assert_eq!(rows()[4], "3 4711 sales openly all but 2 opens in 200 ms");
}

#[test]
fn the_state_has_the_documented_shape() {
    let engine = Engine::new();
    let house = House::new(&engine);
    house.members[0].mute(true).expect("is set");
    house.members[1].deaf(true).expect("is set");
    house.members[1].hold(true).expect("is set");
    let state = engine.state(Some("sales")).expect("it is there");
    assert_eq!((&state["name"], &state["mixer"]), (&json!("sales"), &json!("host")));
    assert_eq!(engine.state(Some("quiet")).expect("it is there")["mixer"], "engine");
    let (first, second, third) = (house.member(1), house.member(2), house.member(3));
    assert_eq!((&first["number"], &first["call_id"]), (&json!(1), &json!("chan-7")));
    assert_eq!((&first["muted"], &first["deaf"], &first["held"]), (&json!(true), &json!(false), &json!(false)));
    assert_eq!((&second["muted"], &second["deaf"], &second["held"]), (&json!(false), &json!(true), &json!(true)));
    assert_eq!((&third["tags"], &third["speak_only_to"]), (&json!(["sales"]), &json!(["agent"])));
    assert_eq!((&third["heard_by"], &third["opens_in_ms"]), (&json!([]), &json!(0)));
    assert_eq!((&first["heard_by"], &second["heard_by"]), (&json!([]), &json!([])), "muted, and held");
    assert_eq!(state["hear_open"], json!([1, 3]));
    let refused = engine.state(Some("nowhere")).expect_err("there is no such room");
    assert_eq!(refused.status, crate::support::COACH_ERR_NO_ROOM, "{refused:?}");
    assert!(refused.message.contains("nowhere"), "{refused:?}");
}

#[test]
fn explain_says_for_each_listener_whether_and_why() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let explain = house.ok("explain sales 3");
    assert!(explain.contains("agent"), "the reason is a tag: {explain}");
    let explain = house.json("explain sales 4711x as json".replace("4711x", "3").as_str());
    let listeners = explain["listeners"].as_array().expect("a list");
    let told: Vec<_> = listeners.iter().map(|l| (l["number"].clone(), l["hears"].clone())).collect();
    assert_eq!(told, [(json!(1), json!(false)), (json!(2), json!(true))]);
    assert!(listeners.iter().all(|l| !l["why"].as_str().expect("a sentence").is_empty()));
}

#[test]
fn stats_version_and_help() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let mut frame = vec![100; 160];
    for _ in 0..5 {
        house.members[2].read(Format::mono(8000), &mut frame);
        house.members[1].write(Format::mono(8000), &mut frame);
    }
    for command in ["stats as json", "stats sales as json"] {
        let stats = house.json(command);
        assert_eq!((&stats["frames_read"], &stats["private_captured"]), (&json!(5), &json!(5)), "`{command}`: {stats}");
    }
    assert_eq!(house.json("stats quiet as json")["frames_read"], 0);
    for word in ["frames_read", "private_delivered", "underruns", "skips"] {
        assert!(
            house.ok("stats").contains(word) && house.ok("stats sales").contains(word),
            "`stats` should count {word}"
        );
    }
    assert_eq!(house.ok("version"), format!("+OK {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(house.json("version as json")["version"], env!("CARGO_PKG_VERSION"));
    let help = house.ok("help");
    for name in ["rooms", "show", "explain", "tag", "untag", "coach", "uncoach", "gettag", "stats", "version"] {
        assert!(help.contains(name), "`help` should name {name}: {help}");
    }
}

#[test]
fn white_space_between_words_does_not_matter() {
    let engine = Engine::new();
    let house = House::new(&engine);
    house.ok("  tag \t sales  1   agent \n");
    assert_eq!(house.member(1)["tags"], json!(["agent"]));
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let long = "x".repeat(65);
    let many = (0..17).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
    for (command, words) in [
        ("", &["tag", "coach", "show"][..]),
        ("dance", &["dance", "tag", "coach"]),
        ("TAG sales 1 agent", &["TAG", "tag"]),
        ("show", &["show", "<room>"]),
        ("show sales now", &["show", "<room>"]),
        ("show nowhere", &["nowhere", "rooms"]),
        ("rooms sales", &["rooms"]),
        ("explain sales", &["explain", "<room>", "<member>"]),
        ("explain sales 9", &["9", "sales", "show"]),
        ("explain nowhere 1", &["nowhere", "rooms"]),
        ("tag", &["tag", "<room>", "<member>", "<tag>"]),
        ("tag sales 1", &["<tag>"]),
        ("tag sales 1 a b", &["<tag>"]),
        ("tag nowhere 1 agent", &["nowhere"]),
        ("tag sales 9 agent", &["9", "show"]),
        ("tag sales 4711 agent", &["4711", "show"]),
        ("tag sales 99999999999999999999 agent", &["99999999999999999999"]),
        ("tag sales chan-9 agent", &["chan-9", "show"]),
        ("tag quiet chan-7 agent", &["chan-7", "quiet"]),
        ("tag sales 1 ,", &["agent,night-shift"]),
        ("tag sales 1 a,,b", &["agent,night-shift"]),
        ("tag sales 1 a,", &["agent,night-shift"]),
        (&format!("tag sales 1 {long}"), &["65", "64"]),
        (&format!("tag sales 1 {many}"), &["16"]),
        ("tag sales 1 a\u{7}b", &["control"]),
        ("tag sales 1 a as json", &["json"]),
        ("tag sales 1 lead,speakOnlyTo=agent", &["speakOnlyTo=agent", "action"]),
        ("tag sales 1 COACH(speakOnlyTo)=agent", &["COACH(speakOnlyTo)=agent", "action"]),
        ("untag sales", &["untag", "<member>"]),
        ("untag sales 1 agent", &["untag", "<member>"]),
        ("coach sales 1", &["coach", "<tag>"]),
        ("coach sales 1 a,,b", &["agent,night-shift"]),
        ("coach sales 1 -,a", &["-"]),
        (&format!("coach sales 1 {many}"), &["16"]),
        (&format!("coach sales 1 {long}"), &["65", "64"]),
        ("coach sales 1 agent,memberTag=lead", &["memberTag=lead", "action"]),
        ("coach sales 9 agent", &["9", "show"]),
        ("uncoach sales", &["uncoach", "<member>"]),
        ("uncoach sales 9", &["9", "show"]),
        ("uncoach sales 1 as json", &["json"]),
        ("gettag sales", &["gettag", "<tag>", "nomatch"]),
        ("gettag sales agent match", &["nomatch"]),
        ("gettag sales agent,other", &["one"]),
        ("gettag nowhere agent", &["nowhere"]),
        ("stats nowhere", &["nowhere"]),
        ("stats sales now", &["stats", "<room>"]),
        ("version now", &["version"]),
    ] {
        house.refused(command, words);
    }
}

#[test]
fn calls_refuse_the_same_with_their_status() {
    use crate::support::*;
    let engine = Engine::new();
    let house = House::new(&engine);
    let member = &house.members[0];
    let (long, many) = ("x".repeat(65), (0..17).map(|n| format!("t{n}")).collect::<Vec<_>>().join(","));
    let before = house.state();
    engine.events();
    for (tags, status) in [
        ("", COACH_ERR_TAG),
        ("a b", COACH_ERR_TAG),
        ("a,,b", COACH_ERR_TAG),
        (long.as_str(), COACH_ERR_TAG),
        (many.as_str(), COACH_ERR_TOO_MANY),
    ] {
        for refused in [member.tag(tags), member.coach(tags)] {
            let refused = refused.expect_err("breaks the rules");
            assert_eq!(refused.status, status, "{tags:?}: {refused:?}");
            assert!(refused.message.len() > 20, "{tags:?} should be answered by a sentence: {refused:?}");
        }
    }
    assert_eq!(member.join(&house._rooms[1], 9).expect_err("is in a room").status, COACH_ERR_STATE);
    assert_eq!((house.state(), engine.events()), (before, vec![]), "nothing changed");
    let fourth = engine.attach("chan-9", "", None);
    assert_eq!(fourth.join(&house._rooms[0], 3).expect_err("3 is taken").status, COACH_ERR_NUMBER_IN_USE);
    assert_eq!(fourth.leave().expect_err("is nowhere").status, COACH_ERR_STATE);
    fourth.join(&house._rooms[0], u32::MAX).expect("any other number is fine");
    house.ok("tag sales 4294967295 agent");
    for (call_id, status) in [
        ("chan-7", COACH_ERR_CALL_IN_USE),
        ("", COACH_ERR_CALL_ID),
        ("a b", COACH_ERR_CALL_ID),
        ("y".repeat(256).as_str(), COACH_ERR_CALL_ID),
    ] {
        let new = NewMember { call_id, tags: "", speak_only_to: None, flags: 0 };
        assert_eq!(engine.attach_as(&new).err().expect("is refused").status, status, "call id {call_id:?}");
    }
    for (name, status) in [("sales", COACH_ERR_ROOM_EXISTS), ("", COACH_ERR_ROOM_NAME), ("a\tb", COACH_ERR_ROOM_NAME)] {
        assert_eq!(engine.open_room(name, None).err().expect("is refused").status, status, "room {name:?}");
    }
}

#[test]
fn malformed_speak_only_to_is_private_to_nobody_and_logged() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    for (number, text) in ["", " ", "a,,b", ",", &"z".repeat(65)].into_iter().enumerate() {
        let call_id = format!("call-{number}");
        engine.events();
        let member = engine.attach(&call_id, "", Some(text));
        let events = engine.events();
        let warned =
            events.iter().any(|event| event.kind == crate::support::COACH_EVENT_WARNING && event.call_id == call_id);
        assert!(warned, "speakOnlyTo {text:?} should be warned of: {events:?}");
        member.join(&room, number as u32).expect("enters");
        let state = engine.state(Some("sales")).expect("it is there");
        assert_eq!(state["members"][0]["speak_only_to"], json!([]), "speakOnlyTo {text:?} is nobody");
        let mut said = vec![1000; 160];
        assert_eq!(member.read(Format::mono(8000), &mut said), crate::support::COACH_SILENCED);
        assert_eq!(said, [0; 160], "nothing of it is left");
    }
    engine.events();
    engine.attach("silent", "", Some("-"));
    assert!(
        !engine.events().iter().any(|event| event.kind == crate::support::COACH_EVENT_WARNING),
        "`-` says it on purpose"
    );
}

/// The modules' usage texts are written by hand, since a switch wants them whole before there is an engine.
#[test]
fn usage_texts_of_both_switches_say_what_the_engine_takes() {
    // SAFETY: what is returned is null or static, with three texts that are static too.
    let grammar = (0..).map_while(|index| unsafe { crate::support::coach().coach_grammar(index).as_ref() });
    // SAFETY: as the last.
    let text = |text| unsafe { std::ffi::CStr::from_ptr(text) }.to_str().expect("it is text").to_owned();
    let grammar: Vec<_> = grammar.map(|command| (text(command.name), text(command.arguments))).collect();
    let read = |path: &str| std::fs::read_to_string(path).expect("a source can be read");

    let asterisk = read("src/host/asterisk/cli.c");
    let has = |name: &str, arguments: &str| {
        format!("Usage: coach {name} {}", arguments.replace("<room>", "<conference>")).trim_end().to_owned()
    };
    let expected: Vec<_> = grammar.iter().map(|(name, arguments)| has(name, arguments)).collect();
    let usages =
        asterisk.split("\"Usage: ").skip(1).map(|usage| format!("Usage: {}", usage.split("\\n").next().unwrap()));
    assert_eq!(usages.collect::<Vec<_>>(), expected, "src/host/asterisk/cli.c");

    let freeswitch = read("src/host/freeswitch/commands.rs");
    let usage = freeswitch.split("COACH_USAGE: &CStr = c\"").nth(1).and_then(|rest| rest.split(' ').next());
    let names: Vec<_> = grammar.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(usage, Some(names.join("|").as_str()), "src/host/freeswitch/commands.rs");
}

/// Words that mean something, and words that do not.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "rooms", "show", "explain", "tag", "untag", "coach", "uncoach", "gettag", "nomatch", "stats", "version",
        "help", "as", "json", "sales", "quiet", "1", "2", "3", "chan-7", "4711", "agent", "-", ",", "agent,b",
        "nowhere",
    ];
    prop_oneof![
        12 => select(known.to_vec()).prop_map(String::from),
        1 => "[^\0]{0,12}",
        1 => "[a-z,]{0,80}",
        1 => "[0-9]{1,30}",
        1 => "\\PC{0,300}",
    ]
}

/// Commands that mean something, though not always something that can be done.
fn well_formed() -> impl Strategy<Value = String> {
    let about_a_member = (
        select(vec!["tag", "coach", "untag", "uncoach", "explain"]),
        select(vec!["1", "2", "chan-7", "9"]),
        select(vec!["agent", "agent,b", "-", ""]),
    );
    let about_a_room = (select(vec!["rooms", "show sales", "gettag sales agent", "stats", "version"]), any::<bool>());
    prop_oneof![
        about_a_member.prop_map(|(verb, member, tags)| match verb {
            "tag" | "coach" => format!("{verb} sales {member} {tags}"),
            _ => format!("{verb} sales {member}"),
        }),
        about_a_room.prop_map(|(text, json)| format!("{text}{}", if json { " as json" } else { "" })),
    ]
}

#[test]
fn random_text_is_always_answered() {
    let engine = Engine::new();
    let house = House::new(&engine);
    let space = select(vec![" ", "  ", "\t", "\u{a0}", "\n"]);
    let any = (vec(word(), 0..8), space).prop_map(|(words, space)| words.join(space));
    let command = prop_oneof![3 => any, 1 => well_formed()];
    let (mut fine, mut refused) = (0, 0);
    settings::run(settings::seed(), 6_000, &command, |command| {
        let before = house.state();
        let reply = engine.command(command);
        let json = command.trim_end().ends_with("json") && serde_json::from_str::<Value>(&reply).is_ok();
        if !reply.starts_with("+OK") && !reply.starts_with("-ERR ") && !json {
            return Err(format!("{command:?} should be answered with +OK, -ERR or JSON, not {reply:?}"));
        }
        if reply.starts_with("-ERR") {
            refused += 1;
            if house.state() != before {
                return Err(format!("{command:?} is refused, and should change nothing"));
            }
        } else {
            fine += 1;
        }
        Ok(())
    })
    .unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(fine > 500 && refused > 1000, "both should be frequent: {fine} fine, {refused} refused");
}
