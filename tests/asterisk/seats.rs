//! Transfers: another call takes a member's place, in every way that Asterisk has for that. It inherits what makes it private, and never
//! the tags, which would let it hear what was said to somebody else.

use std::time::{Duration, Instant};

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    pbx::{Pbx, Scenario, Setup},
};

pub const SCENARIOS: &[Scenario] = &[
    ("who_replaces_an_agent_hears_no_coach_and_everybody_is_told", replaced),
    ("whom_an_agent_transfers_into_its_place_hears_no_coach", transferred),
    ("an_agent_that_replaces_another_keeps_its_own_tags", agent_by_agent),
    ("a_leg_that_replaces_a_coach_is_told_of_with_its_mode", coach_replaced),
    ("a_command_right_after_a_place_is_taken_is_about_who_is_there", command_at_once),
    ("a_command_while_a_place_is_taken_is_about_who_takes_it", command_meanwhile),
    ("who_picks_an_agents_call_up_hears_no_coach", picked_up),
    ("who_is_to_be_bridged_with_an_agent_hears_no_coach", bridged_away),
    ("who_stands_behind_an_agents_local_channel_is_its_far_end", local_channel),
];

/// On an instance of their own.
pub const ALONE: &[(&str, fn())] = &[
    ("tags_pass_where_a_setting_says_so", tags_pass),
    ("who_replaces_an_agent_while_the_module_is_away_has_no_tags", while_away),
];

/// From an endpoint that nobody else is at, so that its channel is found.
fn replace(c: &mut Conference, member: &Member) -> (Member, String) {
    // An open voice that breaks off would be heard at every frequency.
    member.line.hush();
    seconds(0.3);
    let heir = c.replace_softly("several_line", member);
    c.wait_until("the leg ends", |c| c.channel(member).is_none());
    heir.line.hush();
    let channel = c.channel_of("several_line").expect("it has the place");
    (heir, channel)
}

/// The unique id of a channel.
fn unique_id(c: &mut Conference, channel: &str) -> String {
    let channels = c.manager.command("core show channels concise");
    let line = channels.lines().find(|line| line.starts_with(&format!("{channel}!"))).expect("it is there");
    line.rsplit('!').next().expect("the last field is the unique id").to_owned()
}

fn replaced(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "agent_replaced");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    let (left, managers) = (c.channel(&agent).expect("it is there"), c.channel(&manager).expect("it is there"));
    c.manager.watch();
    let (heir, channel) = replace(&mut c, &agent);
    heir.speak();
    let id = unique_id(&mut c, &channel);

    let told = c.manager.event("CoachTag", &channel);
    assert_eq!((told.get("MemberTag"), told.get("Uniqueid")), ("", id.as_str()), "{told:?}");
    c.manager.action("CoachList", &[("Conference", "agent_replaced")]);
    let listed = c.manager.event("CoachListEntry", &channel);
    assert_eq!((listed.get("MemberTag"), listed.get("Uniqueid")), ("", id.as_str()), "{listed:?}");
    c.manager.action("CoachList", &[("Conference", "agent_replaced")]);
    let listed = c.manager.event("CoachListEntry", &managers);
    assert_eq!(listed.get("HeardBy"), "", "{listed:?}");

    let show = c.manager.command("coach show agent_replaced");
    assert!(show.contains(&channel) && !show.contains(&left), "who has left is no member: {show}");
    let explain = c.manager.command(&format!("coach explain agent_replaced {id}"));
    assert!(explain.starts_with("+OK") && explain.contains(&channel) && !explain.contains(&left), "{explain}");
    let explain = c.manager.command(&format!("coach explain agent_replaced {managers}"));
    assert!(explain.contains(&channel) && !explain.contains(&left), "{explain}");

    c.hears(&[(&customer, &[&heir]), (&heir, &[&customer]), (&manager, &[&customer, &heir])]);
    for listener in [&heir, &customer] {
        c.never_heard(listener, &manager);
    }
    // Who wants it to hear says so.
    let said = c.manager.command(&format!("coach tag agent_replaced {channel} agent"));
    assert!(said.starts_with("+OK"), "{said}");
    c.hears(&[(&customer, &[&heir]), (&heir, &[&customer, &manager]), (&manager, &[&customer, &heir])]);
    c.never_heard(&customer, &manager);
}

/// The agent has called somebody on another line, and connects the two. Either of its calls may say so.
fn transferred(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "agent_transfers");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    for (name, endpoint, by_the_first) in
        [("first", "line", true), ("second", "line", false), ("third", "several_line", true)]
    {
        let agent = c.join(&format!("agent_{name}"), AGENT);
        let (second, heir) = c.consult(name, endpoint);
        agent.line.hush();
        heir.line.hush();
        seconds(0.3);
        if by_the_first {
            agent.line.transfer(&second);
        } else {
            second.transfer(&agent.line);
        }
        c.wait_until("the agent's leg ends", |c| c.channel(&agent).is_none());
        seconds(1.0);
        for listener in [&heir, &customer] {
            c.never_heard(listener, &manager);
        }
        c.judge_last(&heir, 0.5, customer.tone, true).expect("who comes hears the customer");
    }
}

/// The one that comes was tagged itself.
fn agent_by_agent(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "agent_by_agent");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    let agent = c.join("agent", Role { tags: "other,agent", ..CUSTOMER });
    agent.line.hush();
    seconds(0.3);
    let heir = c.replace_softly("tagged_line", &agent);
    c.wait_until("the leg ends", |c| c.channel(&agent).is_none());
    heir.speak();
    let channel = c.channel_of("tagged_line").expect("it has the place");
    c.hears(&[(&customer, &[&heir]), (&heir, &[&customer, &manager]), (&manager, &[&customer, &heir])]);
    let read = c.manager.action("Getvar", &[("Channel", &channel), ("Variable", "COACH(memberTag)")]);
    assert_eq!(read.get("Value"), "agent", "its own, and no other");
    let show = c.manager.command("coach show agent_by_agent");
    assert!(show.contains(&channel), "{show}");
    c.never_heard(&customer, &manager);
}

fn coach_replaced(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "coach_replaced");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let manager = c.join("manager", Role { tags: "lead", ..MANAGER });
    let lead = c.join("lead", Role { speak_only_to: "lead", ..MANAGER });
    c.manager.watch();
    let heir = c.replace_as("several_line", 1, &manager);
    c.wait_until("the leg ends", |c| c.channel(&manager).is_none());
    let channel = c.channel_of("several_line").expect("it has the place");
    let id = unique_id(&mut c, &channel);
    let told = c.manager.event("CoachAudience", &channel);
    assert_eq!((told.get("HeardBy"), told.get("Uniqueid")), ("2", id.as_str()), "{told:?}");
    let told = c.manager.event("CoachTag", &channel);
    assert_eq!((told.get("MemberTag"), told.get("Uniqueid")), ("", id.as_str()), "{told:?}");
    let told = c.manager.event("CoachMode", &channel);
    assert_eq!((told.get("SpeakOnlyTo"), told.get("Uniqueid")), ("agent", id.as_str()), "{told:?}");
    heir.line.cushion();
    c.hears(&[
        (&customer, &[&agent]),
        (&agent, &[&customer, &heir]),
        (&heir, &[&customer, &agent]),
        (&lead, &[&customer, &agent]),
    ]);
    c.never_heard(&customer, &heir);
    c.never_heard(&heir, &lead);
}

/// Coach has not settled who is there when the command comes.
fn command_at_once(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "at_once_replaced");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    for (round, variable) in [(0, true), (1, false), (2, true), (3, false)] {
        let agent = c.join(&format!("agent_{round}"), AGENT);
        agent.line.hush();
        seconds(0.3);
        let heir = c.replace_softly("several_line", &agent);
        let mut channel = None;
        c.wait_until("there is a channel in the agent's place", |c| {
            channel = c.channel_of("several_line");
            channel.is_some()
        });
        let channel = channel.expect("it is there");
        // Until the place is taken, Asterisk finds no channel of that name.
        c.wait_until("it gets its tag", |c| {
            if variable {
                let tag = [("Channel", &*channel), ("Variable", "COACH(memberTag)"), ("Value", "agent")];
                c.manager.action("Setvar", &tag).get("Response") == "Success"
            } else {
                c.manager.command(&format!("coach tag at_once_replaced {channel} agent")).starts_with("+OK")
            }
        });
        seconds(1.0);
        c.judge_last(&heir, 0.5, manager.tone, true).expect("it has the tag that it was given");
        c.never_heard(&customer, &manager);
        c.end_call_of("several_line", &channel);
    }
}

/// As soon as there is a channel that is about to take the place, and while it does: in most rounds that moment is missed. It gets a tag, or
/// is to speak to the manager alone.
fn command_meanwhile(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "meanwhile_replaced");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", Role { tags: "boss", ..MANAGER }));
    let (mut rounds, mut in_time, mut last, tones) = (0..60, [0, 0], String::new(), c.tones());
    while in_time.contains(&0) {
        let round = rounds.next().expect("one round in thirty is in time");
        let private = in_time[0] > 0;
        let (variable, value) = if private { ("COACH(speakOnlyTo)", "boss") } else { ("COACH(memberTag)", "agent") };
        let agent = c.join(&format!("agent_{round}"), AGENT);
        agent.line.hush();
        seconds(0.3);
        let heir = c.replace_softly("coming_line", &agent);
        let (mut told, end) = (false, Instant::now() + Duration::from_secs(60));
        while c.channel_of("coming_line").is_none() {
            assert!(Instant::now() < end, "nobody takes the place\n{}", c.state());
            let channels = c.manager.command("core show channels concise");
            let coming = channels.lines().filter_map(|line| line.split('!').next());
            // The one of the round before may not have gone yet.
            let coming = coming.filter(|name| name.starts_with("PJSIP/coming_line-") && **name > *last).max();
            if let Some(channel) = coming.filter(|_| !told) {
                let variable = [("Channel", channel), ("Variable", variable), ("Value", value)];
                told = c.manager.action("Setvar", &variable).get("Response") == "Success";
            }
        }
        let channel = c.channel_of("coming_line").expect("it is there");
        if told {
            in_time[usize::from(private)] += 1;
            seconds(1.0);
            if private {
                let heard = c.judge_last(&manager, 0.5, heir.tone, true);
                heard.unwrap_or_else(|said| panic!("{channel} speaks to the manager: {said}\n{}", c.state()));
                let silent = c.judge_last(&customer, 0.5, heir.tone, false);
                silent.unwrap_or_else(|said| panic!("{channel} speaks to nobody else: {said}\n{}", c.state()));
            } else {
                let hears = c.judge_last(&heir, 0.5, manager.tone, true);
                hears.unwrap_or_else(|said| panic!("{channel} has the tag that it was given: {said}\n{}", c.state()));
            }
        }
        c.never_heard(&customer, &manager);
        c.end_call_of("coming_line", &channel);
        last = channel;
        c.use_tones_again(tones);
    }
}

/// The agent's phone rings, tagged, and somebody else takes the call.
fn picked_up(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "picked_up");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    let _caller = c.call("caller", Role { place: ("members", "dials"), ..CUSTOMER }, 2_100.0);
    let ringing = |c: &mut Conference| {
        let channels = c.manager.command("core show channels concise");
        let mut lines = channels.lines().map(|line| line.split('!').collect::<Vec<_>>());
        lines.find(|fields| fields[0].starts_with("Local/rings@") && fields[4] == "Ringing").map(|f| f[0].to_owned())
    };
    let mut rings = None;
    c.wait_until("the agent's phone rings", |c| {
        rings = ringing(c);
        rings.is_some()
    });
    let rings = rings.expect("it rings");
    let tagged = c.manager.action("Getvar", &[("Channel", &rings), ("Variable", "COACH(memberTag)")]);
    assert_eq!(tagged.get("Value"), "agent", "the agent is tagged");
    c.manager.action("Setvar", &[("Variable", "PICKED"), ("Value", &rings)]);
    let picks = c.call("picks_up", Role { place: ("members", "picks_up"), ..CUSTOMER }, 2_400.0);
    c.wait_until("it is in the conference", |c| c.has(&picks));
    seconds(1.0);
    for listener in [&picks, &customer] {
        c.never_heard(listener, &manager);
    }
    c.judge_last(&picks, 0.5, customer.tone, true).expect("it hears the customer");
}

/// Asterisk refuses to connect who is in a conference with somebody else; whoever asks for that hears nothing of it.
fn bridged_away(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "bridged_away");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    let outside = Role { place: ("members", "after"), ..CUSTOMER };
    let (one, other) = (c.call("one", outside, 2_100.0), c.call("other", outside, 2_400.0));
    c.wait_until("the strangers are there", |c| c.channel(&one).is_some() && c.channel(&other).is_some());
    seconds(0.5);
    let (agents, ones) = (c.channel(&agent).expect("it is there"), c.channel(&one).expect("it is there"));
    c.manager.action("Setvar", &[("Variable", "PICKED"), ("Value", &agents)]);
    c.act("Redirect", &other, &[("Context", "members"), ("Exten", "bridges"), ("Priority", "1")]);
    c.manager.action("Bridge", &[("Channel1", &ones), ("Channel2", &agents)]);
    seconds(1.0);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    for listener in [&one, &other, &customer] {
        c.never_heard(listener, &manager);
    }
}

/// Asterisk takes Local channels out of the way where it can: not out of a conference.
fn local_channel(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "local_seat");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    let role = Role { place: ("members", "member"), local: Some("slin16"), optimizes: true, ..AGENT };
    let agent = c.join("agent", role);
    seconds(1.0);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    let channel = c.channel(&agent).expect("it is still there");
    assert!(channel.starts_with("Local/"), "{channel}");
    c.never_heard(&customer, &manager);
}

fn tags_pass() {
    let pbx = Pbx::start("tags_pass", Setup { coach: "[general]\ntags_pass = yes\n", ..Setup::default() });
    let mut c = Conference::new(&pbx, "tags_pass");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    let (heir, channel) = replace(&mut c, &agent);
    heir.speak();
    c.hears(&[(&customer, &[&heir]), (&heir, &[&customer, &manager]), (&manager, &[&customer, &heir])]);
    let show = c.manager.command("coach show tags_pass");
    assert!(show.contains(&channel), "{show}");
    c.never_heard(&customer, &manager);
    drop(c);
    drop((customer, agent, manager, heir));
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// The module leaves the agent's tags in a variable, which goes to whoever takes the channel over.
fn while_away() {
    let pbx = Pbx::start("while_away", Setup::default());
    let mut c = Conference::new(&pbx, "while_away");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let other = c.join("other", AGENT);
    let said = pbx.console("module unload res_coach.so");
    assert!(c.manager.command("module show like res_coach").contains("0 modules loaded"), "{said}");
    let (heir, channel) = replace(&mut c, &agent);
    let said = pbx.console("module load res_coach.so");
    assert!(said.contains("Loaded"), "{said}");
    let manager = c.join("manager", MANAGER);
    seconds(1.0);
    for listener in [&heir, &customer] {
        c.never_heard(listener, &manager);
    }
    c.judge_last(&other, 0.5, manager.tone, true).expect("who stayed has its tags");
    let read = c.manager.action("Getvar", &[("Channel", &channel), ("Variable", "COACH(memberTag)")]);
    assert_eq!(read.get("Value"), "", "it has no tags");
    drop(c);
    drop((customer, agent, other, manager, heir));
    assert!(pbx.stop().success(), "Asterisk ends well");
}
