//! The console, the manager interface and the dialplan: the same commands on each, and the help that each gives.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, MANAGER, Role, seconds},
    judge::Recording,
    pbx::{Pbx, Scenario},
    sounds,
};

pub const SCENARIOS: &[Scenario] = &[
    ("manager_actions_and_events", manager),
    ("commands_explain_themselves", help),
    ("the_console_completes_words", completion),
    ("the_examples_dialplan_and_keys_work", examples),
    ("without_its_keys_the_examples_manager_does_not_join", keyless),
    ("a_private_calls_pin_is_taken_by_confbridge", pin),
    ("mistakes_are_answered_and_change_nothing", mistakes),
    ("words_that_only_the_engine_understands_are_refused", crafted),
    ("what_coach_does_not_understand_in_the_channel_function_ends_the_call", misspelt),
    ("a_coach_application_that_fails_ends_the_call_whoever_runs_it", faulty),
    ("what_events_tell_is_taken_in_actions", told),
];

fn manager(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "manager");
    let (customer, agent, coach) = (c.join("customer", CUSTOMER), c.join("agent", CUSTOMER), c.join("coach", COACH));
    let channel = |c: &mut Conference, member| c.channel(member).expect("it is there");
    let (agents, coachs) = (channel(&mut c, &agent), channel(&mut c, &coach));
    c.manager.watch();

    c.act("CoachTag", &agent, &[("Conference", "manager"), ("MemberTag", "agent")]);
    let event = c.manager.event("CoachTag", &agents);
    assert_eq!((event.get("Conference"), event.get("MemberTag")), ("manager", "agent"), "{event:?}");

    // The channel alone says where it is.
    c.act("Coach", &coach, &[("SpeakOnlyTo", "agent")]);
    let event = c.manager.event("CoachMode", &coachs);
    assert_eq!((event.get("Mode"), event.get("SpeakOnlyTo")), ("private", "agent"), "{event:?}");
    let event = c.manager.event("CoachAudience", &coachs);
    assert_eq!(event.get("HeardBy"), "2", "{event:?}");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &coach]), (&coach, &[&customer, &agent])]);

    c.manager.action("CoachList", &[("Conference", "manager")]);
    let entry = c.manager.event("CoachListEntry", &coachs);
    assert_eq!((entry.get("Number"), entry.get("HeardBy")), ("3", "2"), "{entry:?}");

    c.act("CoachUntag", &agent, &[]);
    let event = c.manager.event("CoachAudience", &coachs);
    assert_eq!(event.get("HeardBy"), "", "{event:?}");
    c.act("Uncoach", &coach, &[("Conference", "manager")]);
    let event = c.manager.event("CoachMode", &coachs);
    assert_eq!((event.get("Mode"), event.get("OpensInMs")), ("open", "200"), "{event:?}");
    c.hears(&[(&customer, &[&agent, &coach]), (&agent, &[&customer, &coach]), (&coach, &[&customer, &agent])]);
}

fn help(pbx: &Pbx) {
    for (command, words) in [
        ("core show application Coach", &["memberTag", "speakOnlyTo", "ConfBridge"][..]),
        ("core show function COACH", &["memberTag", "speakOnlyTo"]),
        ("manager show command CoachTag", &["Channel", "Conference", "MemberTag"]),
        ("manager show command Coach", &["SpeakOnlyTo"]),
        ("manager show command CoachList", &["CoachListEntry"]),
        ("core show help coach tag", &["coach tag <conference> <member> <tag>[,<tag>...]"]),
        ("core show help coach", &["coach explain", "coach uncoach", "coach stats"]),
        ("coach version", &["+OK"]),
    ] {
        let said = pbx.manager().command(command);
        for word in words {
            assert!(said.contains(word), "{command} should say {word:?}:\n{said}");
        }
    }
}

fn completion(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "completion");
    let manager = c.join("manager", MANAGER);
    let channel = c.channel(&manager).expect("it is there");
    // ConfBridge has it a moment before Coach.
    c.wait_until("Coach knows of the conference", |_| pbx.console("coach rooms").contains("completion"));
    for (typed, completed) in [
        ("coach ", "explain"),
        ("coach show compl", "completion"),
        ("coach explain completion ", &channel),
        ("coach rooms ", "as"),
    ] {
        let last = typed.rsplit(' ').next().unwrap_or_default();
        let said = pbx.console(&format!("_command matchesarray \"{typed}\" \"{last}\""));
        assert!(said.split_whitespace().any(|word| word == completed), "{typed:?} should give {completed}: {said}");
    }
}

/// The dialplan that newcomers copy, with the manager's keys: 4 listens, 5 whispers, 6 barges in. `show` prints what the guide says.
fn examples(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "support");
    let dials = |exten, role| Role { place: ("support", exten), ..role };
    let (customer, agent) = (c.enter("customer", dials("100", CUSTOMER)), c.enter("agent", dials("101", CUSTOMER)));
    let manager = c.enter("manager", dials("102", MANAGER));
    seconds(2.5);
    c.never_heard(&customer, &manager);
    // A line of `show`, less the name of the channel.
    let columns = |line: &str| {
        let words: Vec<_> = line.split_whitespace().take(5).map(str::to_owned).collect();
        words.into_iter().enumerate().filter_map(|(n, word)| (n != 1).then_some(word)).collect::<Vec<_>>()
    };
    let mut guides =
        include_str!("../../docs/asterisk.md").lines().filter(|line| line.contains("PJSIP/manager-")).map(columns);
    [&customer, &agent, &manager].into_iter().for_each(|member| member.speak());
    for (key, hear) in [("", [false, true]), ("4", [false; 2]), ("6", [true; 2]), ("5", [false, true])] {
        if !key.is_empty() {
            let from = manager.line.clock();
            c.act("PlayDTMF", &manager, &[("Digit", key), ("Receive", "true")]);
            seconds(0.8);
            let sound = match key {
                "4" => sounds::NOBODY,
                "5" => sounds::PRIVATE,
                _ => sounds::OPEN,
            };
            assert_eq!(sounds::notes(&manager.line.heard_since(from)), sound, "the manager hears what key {key} did");
        }
        let guide = guides.next().expect("the guide has a line for each step");
        let show = c.manager.command("coach show support");
        assert!(show.lines().any(|line| columns(line) == guide), "the guide says {guide:?}: {show}");
        let of = |hears: bool, other| if hears { vec![other, &manager] } else { vec![other] };
        let (by_customer, by_agent) = (of(hear[0], &agent), of(hear[1], &customer));
        c.hears(&[(&customer, &by_customer), (&agent, &by_agent), (&manager, &[&customer, &agent])]);
    }
}

/// Asterisk passes over a key whose extension is missing: whoever has barged in and presses it would believe to whisper.
fn keyless(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "support_keyless");
    let manager = c.call("manager", Role { place: ("pasted", "102"), ..COACH }, 1_500.0);
    c.wait_until("the log says why", |_| pbx.log().contains("are not in the context pasted"));
    c.wait_until("its call ends", |c| c.channel(&manager).is_none());
}

/// Digits are no speech: a private call's are read.
fn pin(pbx: &Pbx) {
    let prompt = Recording { rate: 8000, samples: vec![0; 800] };
    prompt.write(pbx.folder().join("quiet.wav")).expect("a file can be written");
    let mut c = Conference::new(pbx, "pin");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let manager = c.call("manager", Role { place: ("members", "with_pin"), ..MANAGER }, 1_500.0);
    c.wait_until("it is there", |c| c.channel(&manager).is_some());
    seconds(1.0);
    assert!(!c.has(&manager), "the PIN comes first");
    for digit in ["4", "7", "1", "1", "#"] {
        c.act("PlayDTMF", &manager, &[("Digit", digit), ("Receive", "true")]);
        seconds(0.3);
    }
    c.wait_until("it joins", |c| c.has(&manager));
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    c.never_heard(&customer, &manager);
}

fn mistakes(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "mistakes");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    seconds(0.3);
    let before = c.manager.command("coach show mistakes");
    for command in [
        "coach show nowhere",
        "coach tag mistakes 99 agent",
        "coach tag mistakes nobody agent",
        "coach coach mistakes 1 a b",
        "coach uncoach nowhere 1",
    ] {
        let said = c.manager.command(command);
        assert!(said.starts_with("-ERR "), "{command}: {said}");
    }
    for (action, headers) in [
        ("CoachTag", &[("Channel", "nobody"), ("MemberTag", "a")][..]),
        ("CoachTag", &[("Conference", "mistakes"), ("Channel", "1")]),
        ("Uncoach", &[]),
        ("Coach", &[("Conference", "mistakes"), ("Channel", "99"), ("SpeakOnlyTo", "a")]),
    ] {
        let said = c.manager.action(action, headers);
        assert!(said.get("Response") == "Error" && said.get("Message").len() > 10, "{action} {headers:?}: {said:?}");
    }
    assert_eq!(c.manager.command("coach show mistakes"), before);
    c.never_heard(&customer, &manager);
}

/// An empty word, or white space that is no space, makes of a command what the module does not see in it.
fn crafted(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "crafted");
    let (customer, agent, coach) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("coach", COACH));
    for command in
        ["coach coach \"\" crafted 3 agent", "coach coach \"crafted\t3\tagent\"", "coach coach crafted \"3\tagent\""]
    {
        let said = c.manager.command(command);
        assert!(said.starts_with("-ERR"), "{command}: {said}");
    }
    c.hears(&[(&customer, &[&agent, &coach]), (&agent, &[&customer, &coach]), (&coach, &[&customer, &agent])]);
}

fn misspelt(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "misspelt");
    let customer = c.join("customer", CUSTOMER);
    let manager = c.call("manager", Role { place: ("members", "misspelt"), ..MANAGER }, 1_500.0);
    seconds(1.5);
    assert!(c.channel(&manager).is_none(), "the call ends");
    c.never_heard(&customer, &manager);
}

/// What runs an application may go on, whatever has come of it: ConfBridge when a key is pressed, TryExec.
fn faulty(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "faulty");
    let customer = c.join("customer", CUSTOMER);
    let manager = c.enter("manager", Role { place: ("members", "with_keys"), ..COACH });
    c.act("PlayDTMF", &manager, &[("Digit", "1"), ("Receive", "true")]);
    seconds(0.5);
    manager.speak();
    let tries = c.call("tries", Role { place: ("members", "tries"), ..MANAGER }, 1_500.0);
    seconds(1.5);
    for private in [&manager, &tries] {
        c.never_heard(&customer, private);
        assert!(c.channel(private).is_none(), "the call of {} ends", private.id);
    }
}

/// Names with white space.
fn told(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "told");
    let role = Role { place: ("members", "my member"), local: Some("slin16"), ..CUSTOMER };
    let agent = c.call("agent", role, 1_500.0);
    c.wait_until("it joins", |c| c.knows(&agent));
    let channel = c.channel(&agent).expect("it is there");
    assert!(channel.contains("my member"), "{channel}");
    c.manager.watch();
    let mut tags = 0;
    // Gives it another tag, and says where that was.
    let mut tag = |c: &mut Conference| {
        tags += 1;
        let answer = c.manager.action("CoachTag", &[("Channel", &channel), ("MemberTag", &format!("tag-{tags}"))]);
        // The engine calls it by its unique id, since its name has white space.
        (answer.get("Response") == "Success").then(|| c.manager.event("CoachTag", &agent.id))
    };
    let mut at = tag(&mut c).expect("by its channel's name it is found");
    for name in ["my room", "100% mine", "my room"] {
        let before = at.get("Conference").to_owned();
        c.act("Setvar", &agent, &[("Variable", "ROOM"), ("Value", name)]);
        c.act("Redirect", &agent, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
        c.wait_until("it is in the next conference", |c| {
            let Some(told) = tag(c) else { return false };
            at = told;
            at.get("Conference") != before
        });
        let conference = at.get("Conference");
        for member in [channel.as_str(), at.get("Uniqueid"), at.get("Number")] {
            let answer = c.manager.action("CoachUntag", &[("Conference", conference), ("Channel", member)]);
            assert_eq!(answer.get("Response"), "Success", "{member} in {conference}: {answer:?}");
        }
        c.manager.action("CoachList", &[("Conference", conference)]);
        let listed = c.manager.event("CoachListEntry", &agent.id);
        assert_eq!(listed.get("Conference"), conference, "{listed:?}");
    }
    // White space may be written as it is.
    c.act("Uncoach", &agent, &[("Conference", "my room")]);
}
