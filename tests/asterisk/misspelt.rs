//! Settings that were meant for Coach and are spelt so that Asterisk takes them for something else: such a call is never open without a
//! warning.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[
    ("one_action_in_another_is_no_tag_on_any_interface", in_a_tag),
    ("one_action_in_another_ends_a_call_before_its_conference", before_conference),
    ("a_function_that_is_misspelt_ends_the_call", functions),
    ("a_variable_that_is_meant_for_coach_is_told_of", variables),
    ("a_variable_that_assigns_to_the_function_is_private_to_nobody", assigned),
    ("tags_that_are_none_are_logged_however_they_are_given", no_tags),
    ("nothing_is_told_of_variables_where_coach_was_told_too", not_told),
    ("a_variable_whose_value_looks_like_a_setting_silences_nobody", values),
];

/// Somebody who comes in by an extension that carries this out.
fn call(c: &mut Conference, name: &str, exten: &'static str, what: &'static str, tone: f64) -> Member {
    let member = c.call(name, Role { place: ("members", exten), tags: what, ..COACH }, tone);
    member.line.say(tone);
    member
}

/// What the log says of a channel.
fn told(pbx: &Pbx, channel: &str) -> Vec<String> {
    let log = pbx.log();
    log.lines().filter(|line| line.contains(channel) && line.contains("misspelt.c")).map(str::to_owned).collect()
}

fn in_a_tag(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "in_a_tag");
    let (_customer, member) = (c.join("customer", CUSTOMER), c.join("member", AGENT));
    let channel = c.channel(&member).expect("it is there");
    for tags in ["lead,speakOnlyTo=agent", "speakOnlyTo=agent", "lead,COACH(speakOnlyTo)=agent", "memberTag=lead"] {
        let said = c.manager.command(&format!("coach tag in_a_tag {channel} {tags}"));
        assert!(said.starts_with("-ERR"), "{tags}: {said}");
        let said = c.manager.command(&format!("coach coach in_a_tag {channel} {tags}"));
        assert!(said.starts_with("-ERR"), "{tags}: {said}");
        for (action, header) in [("CoachTag", "MemberTag"), ("Coach", "SpeakOnlyTo")] {
            let said = c.manager.action(action, &[("Channel", &channel), (header, tags)]);
            assert_eq!(said.get("Response"), "Error", "{action} {tags}: {said:?}");
        }
    }
    let show = c.manager.command("coach show in_a_tag as json");
    assert!(show.contains("\"tags\":[\"agent\"]") && !show.contains("lead"), "nothing has changed: {show}");
}

/// A coach that joins so has never been heard by the customer, and is gone.
fn before_conference(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "not_a_tag");
    let (customer, _agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    for (n, (exten, what)) in [
        ("sets", r"COACH(memberTag)=lead\,speakOnlyTo=agent"),
        ("sets", r"COACH(memberTag)=lead\,COACH(speakOnlyTo)=agent"),
        ("sets", r"COACH(memberTag)=lead\,speak_only_to=agent"),
        ("runs", r"memberTag=lead\,COACH(speakOnlyTo)=agent"),
        ("runs", "memberTag=lead speakOnlyTo=agent"),
    ]
    .into_iter()
    .enumerate()
    {
        let member = call(&mut c, &format!("coach_{n}"), exten, what, 1_500.0 + 200.0 * n as f64);
        seconds(1.0);
        c.never_heard(&customer, &member);
        assert!(c.channel(&member).is_none(), "{exten} {what}: the call ends");
    }
}

/// The call goes on, without tags, and the log says so with what was given.
fn no_tags(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "no_tags");
    for (n, (exten, what, says)) in [
        ("runs", "memberTag=", "no tags given"),
        ("sets", "COACH(memberTag)=", "no tags given"),
        ("runs", "memberTag=night shift", "a tag with ' '"),
        ("sets", "COACH(memberTag)=night shift", "a tag with ' '"),
        ("sets", "COACH(memberTag)=night\u{a0}shift", r"a tag with '\u{a0}'"),
    ]
    .into_iter()
    .enumerate()
    {
        let member = call(&mut c, &format!("member_{n}"), exten, what, 1_500.0);
        c.wait_until("it joins", |c| c.has(&member));
        let channel = c.channel(&member).expect("it is there");
        let log = pbx.log();
        let said = log.lines().find(|line| line.contains(&format!("memberTag of {channel}: ")));
        assert!(said.is_some_and(|line| line.contains(says) && line.ends_with("It has no tags")), "{what}: {said:?}");
    }
}

fn functions(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "functions");
    let (customer, _agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    for (n, what) in [
        "_COACH(speakOnlyTo)=agent",
        "__COACH(memberTag)=agent",
        "coach(speakOnlyTo)=agent",
        "Coach(speakOnlyTo)=agent",
        "COACH (speakOnlyTo)=agent",
    ]
    .into_iter()
    .enumerate()
    {
        let member = call(&mut c, &format!("coach_{n}"), "sets", what, 1_500.0 + 200.0 * n as f64);
        seconds(1.0);
        c.never_heard(&customer, &member);
        assert!(c.channel(&member).is_none(), "{what}: the call ends");
    }
    let log = pbx.log();
    assert!(log.contains("'_COACH(speakOnlyTo)' of PJSIP/") && log.contains("the function is COACH"), "it says why");
}

/// It is no business of Coach's whether such a call speaks openly: it is heard, and the log says what would be right.
fn variables(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "variables");
    let customer = c.join("customer", CUSTOMER);
    for (n, (exten, what, name)) in [
        ("sets", "speakOnlyTo=agent", "speakOnlyTo"),
        ("sets", "__memberTag=agent", "__memberTag"),
        ("sets", "speakonlyto=agent", "speakonlyto"),
        ("sets", "speak_only_to=agent", "speak_only_to"),
        ("sets", "memberTag =agent", "memberTag "),
        ("sets_several", r"COACH(memberTag)=lead\,speakOnlyTo=agent", "speakOnlyTo"),
    ]
    .into_iter()
    .enumerate()
    {
        let member = call(&mut c, &format!("coach_{n}"), exten, what, 1_500.0 + 200.0 * n as f64);
        c.wait_until("Coach has it", |c| c.knows(&member));
        let channel = c.channel(&member).expect("it is there");
        seconds(0.8);
        c.judge_last(&customer, 0.4, member.tone, true).unwrap_or_else(|said| panic!("{what}: {said}"));
        let told = told(pbx, &channel);
        let fits = |line: &String| line.contains(&format!("'{name}'")) && line.contains("Coach(speakOnlyTo=");
        assert!(told.iter().any(fits), "{what}: {told:?}");
        c.hang_up(member);
    }
}

fn assigned(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "assigned");
    let customer = c.join("customer", CUSTOMER);
    let member =
        c.call("coach", Role { place: ("members", "sets"), tags: "COACH(speakOnlyTo) =agent", ..COACH }, 1_500.0);
    c.wait_until("Coach has it", |c| c.knows(&member));
    let channel = c.channel(&member).expect("it is there");
    c.wait_until("it is private to nobody", |c| c.manager.command("coach show assigned").contains("nobody"));
    // Only now: that comes when it is in the conference already.
    member.line.say(member.tone);
    seconds(1.0);
    c.never_heard(&customer, &member);
    let told = told(pbx, &channel);
    assert!(told.iter().any(|line| line.contains("'COACH(speakOnlyTo) '")), "{told:?}");
}

fn not_told(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "not_told");
    // SPEAK_ONLY_TO, or TAGS, is a variable of the test's own, for the dialplan that tells Coach.
    let (_customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    let tagged = call(&mut c, "tagged", "both", "agent", 1_500.0);
    for member in [&manager, &tagged] {
        c.wait_until("Coach has it", |c| c.knows(member));
        let channel = c.channel(member).expect("it is there");
        seconds(0.3);
        let told = told(pbx, &channel);
        assert!(told.is_empty(), "{told:?}");
    }
}

/// What a customer typed, or a line's display, may have anything in it.
fn values(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "values");
    let listener = c.join("listener", CUSTOMER);
    for (n, what) in [
        "NOTE=speakOnlyTo=agent",
        "__X={speakOnlyTo=agent}",
        "NOTE=COACH(speakOnlyTo)=agent",
        "NOTE=Coach(speakOnlyTo=agent)",
        "NOTE=memberTag=agent",
    ]
    .into_iter()
    .enumerate()
    {
        let member = call(&mut c, &format!("customer_{n}"), "sets", what, 1_500.0 + 200.0 * n as f64);
        c.wait_until("Coach has it", |c| c.knows(&member));
        let channel = c.channel(&member).expect("it is there");
        c.listen(&[&listener], 0.8);
        c.judge_last(&listener, 0.4, member.tone, true).unwrap_or_else(|said| panic!("{what}: {said}"));
        let show = c.manager.command("coach show values as json");
        assert!(!show.contains("agent"), "{what}: {show}");
        let told = told(pbx, &channel);
        assert!(told.is_empty(), "{what}: {told:?}");
        c.hang_up(member);
    }
}
