//! Members follow what ConfBridge does with them.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    judge::{STEP_MS, UNHEARD, WINDOW_MS},
    line::{Format, SOFT},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_muted_coach_is_heard_by_nobody", mute),
    ("a_coach_that_joins_muted_is_heard_by_nobody", joins_muted),
    ("a_coach_on_hold_is_heard_by_nobody", hold),
    ("a_kicked_coach_is_gone", kick),
    ("a_coach_that_goes_to_an_ordinary_call_is_heard_there_and_private_again_when_back", redirect),
    ("what_a_coach_says_as_it_leaves_is_not_heard_outside", leaves_in_a_word),
    ("what_a_coach_says_as_it_leaves_is_not_heard_outside_for_an_uncoach", leaves_as_it_opens),
    ("what_coaches_say_as_many_leave_at_once_is_not_heard_outside", leave_together),
    ("a_coach_that_goes_to_another_conference_is_private_there", other_conference),
    ("a_coach_that_goes_on_to_a_conference_that_coach_cannot_serve_is_heard_by_nobody", unserved),
    ("a_leg_that_replaces_a_coach_is_private", replaced),
    ("whom_a_coach_transfers_into_its_place_is_private", transferred),
    ("a_coach_that_replaces_a_coach_is_private_to_nobody_and_can_be_opened", replaces_private),
    ("a_coach_that_replaces_an_open_leg_keeps_its_own_mode", replaces_open),
    ("a_command_about_whom_a_coach_replaces_does_not_open_the_coach", replaces_meanwhile),
    ("a_leg_without_a_hook_that_replaces_another_is_a_member", replaces_unseen),
    ("a_coach_that_hangs_up_in_a_word_is_gone", hangs_up),
    ("the_conference_ends_with_its_host", ends),
];

fn three(c: &mut Conference) -> (Member, Member, Member) {
    (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER))
}

fn mute(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "mute");
    let (customer, agent, manager) = three(&mut c);
    c.confbridge("mute", &manager);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    // It comes back as what it was.
    c.confbridge("unmute", &manager);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    c.confbridge("mute", &manager);
    c.coach("uncoach", &manager, "");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    c.coach("coach", &manager, "agent");
    c.confbridge("unmute", &manager);
    c.never_heard(&customer, &manager);
    c.confbridge("mute", &agent);
    c.hears(&[(&customer, &[]), (&agent, &[&customer, &manager]), (&manager, &[&customer])]);
}

fn joins_muted(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "joins_muted");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let manager = c.join("manager", Role { user: "muted", ..MANAGER });
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    c.confbridge("unmute", &manager);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    c.never_heard(&customer, &manager);
}

/// The coach goes on speaking on hold, and ConfBridge mixes what it says.
fn hold(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "hold");
    let (customer, agent, manager) = three(&mut c);
    seconds(0.3);
    for (held, number) in [(&manager, 3), (&agent, 2)] {
        let on_hold = |c: &mut Conference, on| {
            held.line.hold(on);
            c.wait_until("Coach says so", |c| {
                c.manager
                    .command("coach show hold as json")
                    .split("\"number\":")
                    .any(|member| member.starts_with(&number.to_string()) && member.contains(&format!("\"held\":{on}")))
            });
            seconds(0.5);
        };
        if number == 2 {
            // When a leg is put on hold, Asterisk drops some of its audio: an open voice would have an edge there.
            held.line.hush();
            seconds(0.3);
        }
        on_hold(&mut c, true);
        // To who holds itself, Asterisk sends nothing.
        let from = agent.line.clock();
        seconds(0.5);
        if agent.line.clock() > from + 0.1 {
            c.judge(&agent, from, manager.tone, false).unwrap_or_else(|said| panic!("{number} is on hold: {said}"));
        }
        on_hold(&mut c, false);
        c.judge_last(&agent, 0.4, manager.tone, true).unwrap_or_else(|said| panic!("{number} is back: {said}"));
    }
    c.never_heard(&customer, &manager);
}

fn kick(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "kick");
    let (customer, agent, manager) = three(&mut c);
    c.confbridge("kick", &manager);
    c.wait_until("the manager leaves", |c| !c.knows(&manager));
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
    let again = c.join("again", MANAGER);
    // An open voice that breaks off would be heard at every frequency.
    agent.line.hush();
    seconds(0.3);
    c.confbridge("kick", &agent);
    c.wait_until("the agent leaves", |c| !c.knows(&agent));
    c.hears(&[(&customer, &[]), (&again, &[&customer])]);
    for manager in [&manager, &again] {
        c.never_heard(&customer, manager);
    }
}

fn redirect(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "redirect");
    let (customer, agent, manager) = three(&mut c);
    for (_round, back) in [(1, "member"), (2, "again")] {
        c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "after"), ("Priority", "1")]);
        c.wait_until("the manager leaves", |c| !c.knows(&manager));
        c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
        // Outside, it speaks to something that repeats it all.
        c.judge_last(&manager, 0.5, manager.tone, true).expect("an ordinary call is what it was");
        c.act("Redirect", &manager, &[("Context", "members"), ("Exten", back), ("Priority", "1")]);
        c.wait_until("the manager comes back", |c| c.knows(&manager));
        c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
        c.never_heard(&customer, &manager);
    }
}

/// What it said privately may still be on its way: for the opening guard nothing passes. In short packets, so that one of them may
/// come before Coach is told; and the second conference that it leaves is as the first.
fn leaves_in_a_word(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "leaves_in_a_word");
    let format = Format { packet_ms: 5, ..MANAGER.format };
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", Role { format, ..MANAGER }));
    for _round in 0..4 {
        seconds(1.0);
        let from = manager.line.clock() - 0.5;
        leave(&mut c, &manager, "after");
        silent_for_the_guard(&c, &manager, from, &customer);
        leave(&mut c, &manager, "again");
        c.wait_until("the manager comes back", |c| c.knows(&manager));
    }
    c.never_heard(&customer, &manager);
}

/// Coach is told of one after the other, and of the coaches last: before that, they speak outside already.
fn leave_together(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "leave_together");
    let customer = c.join("customer", CUSTOMER);
    let format = Format { packet_ms: 5, ..MANAGER.format };
    let managers: Vec<_> = (0..4).map(|n| c.join(&format!("manager_{n}"), Role { format, ..MANAGER })).collect();
    let others: Vec<_> = (0..40).map(|n| c.enter(&format!("other_{n}"), AGENT)).collect();
    let all: Vec<_> = others.iter().chain(&managers).map(|member| c.channel(member).expect("it is there")).collect();
    let all_go = |c: &mut Conference, exten| {
        for channel in &all {
            let to = [("Channel", channel.as_str()), ("Context", "members"), ("Exten", exten), ("Priority", "1")];
            c.manager.action("Redirect", &to);
        }
    };
    for _round in 0..3 {
        seconds(1.0);
        let from: Vec<_> = managers.iter().map(|manager| manager.line.clock() - 0.5).collect();
        all_go(&mut c, "after");
        for (manager, &from) in managers.iter().zip(&from) {
            silent_for_the_guard(&c, manager, from, &customer);
        }
        all_go(&mut c, "again");
        for manager in &managers {
            c.wait_until("the manager comes back", |c| c.knows(manager));
            c.never_heard(&customer, manager);
        }
    }
}

/// The command and the redirect come within the guard, and the redirect sends a frame without sound behind what was said.
fn leaves_as_it_opens(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "leaves_as_it_opens");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    for _round in 0..3 {
        seconds(1.0);
        let from = manager.line.clock() - 0.5;
        c.coach("uncoach", &manager, "");
        leave(&mut c, &manager, "after");
        // However long it took to leave: the guard began with the command, or later.
        let (_, heard) = left_and_heard(&c, &manager, from, &customer);
        assert!(
            heard > 500 + 160,
            "it hears itself {heard} ms after {from:.2} s, and the command came 500 ms after that"
        );
        c.never_heard(&customer, &manager);
        let private = [("Variable", "COACH(speakOnlyTo)"), ("Value", "agent")];
        c.act("Setvar", &manager, &private);
        leave(&mut c, &manager, "again");
        c.wait_until("the manager comes back", |c| c.knows(&manager));
    }
}

fn leave(c: &mut Conference, member: &Member, exten: &str) {
    c.act("Redirect", member, &[("Context", "members"), ("Exten", exten), ("Priority", "1")]);
}

/// Since a moment of its clock, somebody has heard another in the conference until it left, and hears itself outside.
fn silent_for_the_guard(c: &Conference, member: &Member, from: f64, other: &Member) {
    let (left, heard) = left_and_heard(c, member, from, other);
    let silent_ms = heard - left;
    assert!(silent_ms > 160, "outside it is silent for the opening guard, not for {silent_ms} ms");
}

/// When somebody heard another for the last time, in the conference, and itself for the first time outside: in ms from that moment of its clock.
fn left_and_heard(c: &Conference, member: &Member, from: f64, other: &Member) -> (u32, u32) {
    seconds(1.5);
    c.judge_last(member, 0.5, member.tone, true).expect("an ordinary call is what it was");
    let heard = member.line.heard_since(from);
    let (others, own) = (heard.levels(other.tone).0, heard.levels(member.tone).0);
    // Not what it heard of itself when it was outside before.
    let silent = own.iter().rposition(|&level| level <= UNHEARD).expect("it does not hear itself inside");
    let before = (silent + 1).saturating_sub((WINDOW_MS / STEP_MS) as usize);
    let left = others[..before].iter().rposition(|&level| level > SOFT - 6.0).expect("it has heard the other");
    (left as u32 * STEP_MS, (silent as u32 + 1) * STEP_MS)
}

fn other_conference(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "one_conference");
    let (customer, agent, manager) = three(&mut c);
    let mut d = Conference::new(pbx, "other_conference");
    let (guest, other_agent) = (d.join("guest", CUSTOMER), d.join("agent", AGENT));
    c.act("Setvar", &manager, &[("Variable", "ROOM"), ("Value", "other_conference")]);
    c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
    c.wait_until("the manager leaves", |c| !c.knows(&manager));
    d.wait_until("the manager comes", |d| d.knows(&manager));
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
    seconds(0.3);
    for (listener, hears) in [(&guest, false), (&other_agent, true)] {
        d.judge_last(listener, 1.0, manager.tone, hears).unwrap_or_else(|said| panic!("{}: {said}", listener.id));
    }
    c.never_heard(&customer, &manager);
    d.never_heard(&guest, &manager);
}

/// By way of an ordinary call, where it is heard.
fn unserved(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "served");
    let (_agent, manager) = (c.join("agent", AGENT), c.join("manager", MANAGER));
    let mut other = Conference::new(pbx, "unserved");
    let customer = other.call("customer", Role { place: ("members", "unserved"), ..CUSTOMER }, 2_100.0);
    seconds(0.5);
    leave(&mut c, &manager, "after");
    seconds(1.0);
    c.judge_last(&manager, 0.3, manager.tone, true).expect("an ordinary call is what it was");
    leave(&mut c, &manager, "unserved");
    customer.speak();
    seconds(1.0);
    c.never_heard(&customer, &manager);
    other.judge_last(&manager, 0.3, customer.tone, true).expect("the two are in one conference");
}

/// What an attended transfer comes to: an INVITE with Replaces takes the place of the coach's leg.
fn replaced(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "replaced");
    let (customer, agent, manager) = three(&mut c);
    let heir = c.replace(&manager);
    c.wait_until("the coach's leg ends", |c| c.channel(&manager).is_none());
    heir.line.cushion();
    seconds(1.0);
    c.judge_last(&agent, 0.5, heir.tone, true).expect("the agent hears who has come");
    c.judge_last(&heir, 0.5, customer.tone, true).expect("who hears the customer");
    c.never_heard(&customer, &heir);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
}

/// As desk phones do it: the coach has called somebody on another line, and connects the two. Either of its calls may say so, and
/// who comes may have a hook, or none.
fn transferred(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "transferred");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    for (name, endpoint, by_the_first) in [
        ("first", "line", true),
        ("second", "line", false),
        ("third", "tagged_line", true),
        ("fourth", "tagged_line", false),
    ] {
        let manager = c.join(&format!("manager_{name}"), MANAGER);
        let (second, heir) = c.consult(name, endpoint);
        if by_the_first {
            manager.line.transfer(&second);
        } else {
            second.transfer(&manager.line);
        }
        c.wait_until("the coach's leg ends", |c| c.channel(&manager).is_none());
        heir.line.cushion();
        seconds(1.0);
        c.judge_last(&agent, 0.5, heir.tone, true).expect("the agent hears who has come");
        c.judge_last(&heir, 0.5, customer.tone, true).expect("who hears the customer");
        for private in [&manager, &heir] {
            c.never_heard(&customer, private);
        }
        heir.line.hush();
    }
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
}

/// A line that is private to agents takes a member's place.
fn replace_by_private(c: &mut Conference, member: &Member) -> Member {
    // An open voice that breaks off would be heard at every frequency.
    member.line.hush();
    seconds(0.3);
    c.replace_as("private_line", 1, member)
}

/// Both have a mode of their own.
fn replaces_private(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "replaces_private");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let manager = c.join("manager", Role { speak_only_to: "lead", ..MANAGER });
    let heir = replace_by_private(&mut c, &manager);
    c.wait_until("the manager's leg ends", |c| c.channel(&manager).is_none());
    heir.line.cushion();
    c.wait_until("Coach says so", |c| c.manager.command("coach show replaces_private").contains("nobody"));
    seconds(0.5);
    for listener in [&customer, &agent] {
        c.never_heard(listener, &heir);
    }
    let said = c.manager.command("coach uncoach replaces_private 4");
    assert!(said.starts_with("+OK"), "{said}");
    seconds(1.0);
    c.judge_last(&customer, 0.5, heir.tone, true).expect("it is not silent for ever");
}

/// Somebody has the agent speak openly, and tags it, until it is gone.
fn replaces_meanwhile(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "replaces_meanwhile");
    let (customer, other) = (c.join("customer", CUSTOMER), c.join("other", Role { speak_only_to: "late", ..MANAGER }));
    let tones = c.tones();
    for round in 0..6 {
        let agent = c.join(&format!("agent_{round}"), AGENT);
        let channel = c.channel(&agent).expect("it is there");
        let heir = replace_by_private(&mut c, &agent);
        let (variable, value) = if round % 2 == 0 { ("COACH(uncoach)", "1") } else { ("COACH(memberTag)", "late") };
        c.wait_until("the agent's leg ends", |c| {
            c.manager.action("Setvar", &[("Channel", &channel), ("Variable", variable), ("Value", value)]);
            c.channel(&agent).is_none()
        });
        heir.line.cushion();
        seconds(1.0);
        c.never_heard(&customer, &heir);
        c.never_heard(&heir, &other);
        let channel = c.channel_of("private_line").expect("it has the place");
        c.end_call_of("private_line", &channel);
        c.use_tones_again(tones);
    }
}

/// The one that it replaces is an agent's, with a hook, and then a guest's, with none.
fn replaces_open(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "replaces_open");
    let (customer, other, agent) = (c.join("customer", CUSTOMER), c.join("other", AGENT), c.join("agent", AGENT));
    let heir = replace_by_private(&mut c, &agent);
    c.wait_until("the agent's leg ends", |c| c.channel(&agent).is_none());
    heir.line.cushion();
    c.wait_until("the coach is there", |c| c.manager.command("coach explain replaces_open 4").starts_with("+OK"));
    seconds(1.0);
    c.judge_last(&other, 0.5, heir.tone, true).expect("agents hear it");
    c.never_heard(&customer, &heir);
    let guest = c.join("guest", CUSTOMER);
    seconds(0.5);
    let heir = replace_by_private(&mut c, &guest);
    c.wait_until("the guest is gone", |c| c.manager.command("coach explain replaces_open 5").starts_with("-ERR"));
    heir.line.cushion();
    c.wait_until("the coach is there", |c| c.manager.command("coach explain replaces_open 6").starts_with("+OK"));
    seconds(1.0);
    c.judge_last(&other, 0.5, heir.tone, true).expect("agents hear it");
    c.never_heard(&customer, &heir);
}

/// Coach has a hook on neither, so that nobody tells it.
fn replaces_unseen(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "replaces_unseen");
    let replace = |c: &mut Conference, guest: Member| {
        c.wait_until("Coach has the guest", |c| c.knows(&guest));
        let channel = c.channel(&guest).expect("it is there");
        // An open voice that breaks off would be heard at every frequency.
        guest.line.hush();
        seconds(0.3);
        let heir = c.replace_softly("several_line", &guest);
        c.wait_until("the guest's leg ends", |c| c.channel(&guest).is_none());
        heir.line.cushion();
        (channel, heir)
    };
    let (customer, guest, manager) =
        (c.join("customer", CUSTOMER), c.join("guest", CUSTOMER), c.join("manager", MANAGER));
    let (left, heir) = replace(&mut c, guest);
    let channel = c.channel_of("several_line").expect("it has the guest's place");
    let answer = c.manager.action("CoachTag", &[("Channel", &channel), ("MemberTag", "agent")]);
    assert_eq!(answer.get("Response"), "Success", "{answer:?}");
    let show = c.manager.command("coach show replaces_unseen");
    assert!(show.contains(&channel) && !show.contains(&left), "who has left is no member: {show}");
    c.hears(&[(&customer, &[&heir]), (&heir, &[&customer, &manager]), (&manager, &[&customer, &heir])]);
    c.never_heard(&customer, &manager);

    // The last to leave is one of whom nothing was told; the next conference of that name is another one.
    drop((customer, manager, heir));
    end(&mut c);
    let guest = c.join("last_guest", CUSTOMER);
    let (_, heir) = replace(&mut c, guest);
    drop(heir);
    end(&mut c);
    let (customer, agent, manager) =
        (c.join("new_customer", CUSTOMER), c.join("agent", AGENT), c.join("new_manager", MANAGER));
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
}

/// Hangs up on everybody, and asks Coach nothing.
fn end(c: &mut Conference) {
    for channel in c.channels() {
        c.manager.action("Hangup", &[("Channel", &channel)]);
    }
    c.wait_until("the conference ends", |c| c.channels().is_empty());
}

fn hangs_up(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "hangs_up");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    for round in 0..3 {
        let manager = c.join(&format!("manager_{round}"), MANAGER);
        seconds(0.5);
        let (id, tone) = (manager.id.clone(), manager.tone);
        c.never_heard(&customer, &manager);
        c.hang_up(manager);
        seconds(0.3);
        c.judge_last(&agent, 0.1, tone, false).unwrap_or_else(|said| panic!("the agent still hears {id}: {said}"));
    }
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
}

fn ends(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "ends");
    let host = c.join("host", Role { user: "host", tags: "agent", ..CUSTOMER });
    let customer = c.join("customer", Role { user: "guest", ..CUSTOMER });
    let manager = c.join("manager", Role { user: "guest", ..MANAGER });
    c.hears(&[(&host, &[&customer, &manager]), (&customer, &[&host]), (&manager, &[&customer, &host])]);
    c.hang_up(host);
    c.wait_until("the conference ends", |c| c.manager.command("coach show ends").starts_with("-ERR"));
    c.never_heard(&customer, &manager);
}
