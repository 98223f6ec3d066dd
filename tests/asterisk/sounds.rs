//! The sound of each mode: a member that is heard by others than before hears it, whatever the cause, and nobody else does.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    judge::Recording,
    pbx::{Pbx, Scenario, Setup},
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_coach_hears_a_sound_for_each_mode_and_nobody_else_does", each_mode),
    ("a_coach_hears_that_its_audience_comes_and_goes", audience),
    ("a_mode_that_the_channel_function_or_the_manager_sets_is_heard", interfaces),
];

/// On instances of their own.
pub const ALONE: &[(&str, fn())] = &[("mode_sounds_are_off_where_a_setting_says_so", off)];

/// Every note of the sounds, in Hz.
const NOTES: [f64; 4] = [370.0, 587.0, 880.0, 1_320.0];
/// The notes of each sound.
pub const OPEN: &[f64] = &[880.0, 1_320.0];
pub const PRIVATE: &[f64] = &[587.0];
pub const NOBODY: &[f64] = &[370.0, 587.0];
/// Below their level, and above what the edge of one of them has of another.
const CLEAR: f64 = -26.0;

/// The notes in what somebody has heard.
pub fn notes(heard: &Recording) -> Vec<f64> {
    NOTES.into_iter().filter(|&note| heard.levels(note).worst() > CLEAR).collect()
}

/// One who calls in, and says nothing: then there are only sounds to be heard.
fn silent(c: &mut Conference, name: &str, role: Role) -> Member {
    let member = c.enter(name, role);
    member.line.hush();
    member
}

/// Does something, and says which sound a member has heard of it. Nobody else hears anything.
fn sound(c: &mut Conference, member: &Member, others: &[&Member], what: impl FnOnce(&mut Conference)) -> Vec<f64> {
    // What was said before fades, and the last sound ends.
    seconds(0.7);
    let (from, of_others): (_, Vec<_>) = (member.line.clock(), others.iter().map(|other| other.line.clock()).collect());
    what(c);
    seconds(0.9);
    for (other, from) in others.iter().zip(of_others) {
        for note in NOTES {
            c.judge(other, from, note, false).unwrap_or_else(|said| panic!("{} hears {note} Hz: {said}", other.id));
        }
    }
    notes(&member.line.heard_since(from))
}

fn each_mode(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "each_mode");
    let (customer, agent) = (silent(&mut c, "customer", CUSTOMER), silent(&mut c, "agent", AGENT));
    seconds(0.5);
    let manager = silent(&mut c, "manager", MANAGER);
    seconds(0.9);
    assert_eq!(notes(&manager.line.heard()), PRIVATE, "as it comes in");
    // The agent hears how the manager's voice begins and ends.
    for note in NOTES {
        c.judge(&customer, 0.0, note, false).unwrap_or_else(|said| panic!("the customer hears {note} Hz: {said}"));
    }
    let others = [&customer, &agent];
    for (command, tags, heard) in [
        ("uncoach", "", OPEN),
        ("coach", "agent", PRIVATE),
        ("coach", "-", NOBODY),
        ("coach", "agent", PRIVATE),
        // The wrong case: nobody has that tag.
        ("coach", "Agent", NOBODY),
        ("uncoach", "", OPEN),
        ("uncoach", "", OPEN),
    ] {
        let sound = sound(&mut c, &manager, &others, |c| c.coach(command, &manager, tags));
        assert_eq!(sound, heard, "{command} {tags}");
    }
}

fn audience(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "audience");
    let customer = silent(&mut c, "customer", CUSTOMER);
    let manager = silent(&mut c, "manager", MANAGER);
    seconds(0.9);
    assert_eq!(notes(&manager.line.heard()), NOBODY, "there is no agent");
    let mut agent = None;
    let heard = sound(&mut c, &manager, &[&customer], |c| agent = Some(silent(c, "agent", AGENT)));
    assert_eq!(heard, PRIVATE, "an agent comes");
    let agent = agent.expect("it has come");
    let others = [&customer, &agent];
    let heard = sound(&mut c, &manager, &others, |c| c.coach("untag", &agent, ""));
    assert_eq!(heard, NOBODY, "it is none any more");
    let heard = sound(&mut c, &manager, &others, |c| c.coach("tag", &agent, "agent"));
    assert_eq!(heard, PRIVATE, "it is one again");
    let mut second = None;
    let heard = sound(&mut c, &manager, &others, |c| second = Some(silent(c, "second", AGENT)));
    assert!(heard.is_empty(), "another agent changes nothing: {heard:?}");
    c.hang_up(second.expect("it has come"));
    // Who takes its place is no agent.
    let mut heir = None;
    let heard = sound(&mut c, &manager, &[&customer], |c| {
        heir = Some(c.replace(&agent));
        heir.as_ref().expect("it calls").line.hush();
    });
    assert_eq!(heard, NOBODY, "the agent is replaced");
    for note in NOTES {
        c.judge(heir.as_ref().expect("it has come"), 0.0, note, false).expect("who comes hears no sound");
    }
}

fn interfaces(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "interfaces_sound");
    let (customer, agent) = (silent(&mut c, "customer", CUSTOMER), silent(&mut c, "agent", AGENT));
    let manager = silent(&mut c, "manager", COACH);
    let others = [&customer, &agent];
    seconds(0.9);
    assert!(notes(&manager.line.heard()).is_empty(), "who joins openly, as most do, hears no sound");
    for (action, headers, heard) in [
        ("Setvar", &[("Variable", "COACH(speakOnlyTo)"), ("Value", "agent")][..], PRIVATE),
        ("Setvar", &[("Variable", "COACH(uncoach)"), ("Value", "1")], OPEN),
        ("Coach", &[("SpeakOnlyTo", "Agent")], NOBODY),
        ("Coach", &[("SpeakOnlyTo", "agent")], PRIVATE),
        ("Uncoach", &[], OPEN),
    ] {
        let sound = sound(&mut c, &manager, &others, |c| c.act(action, &manager, headers));
        assert_eq!(sound, heard, "{action} {headers:?}");
    }
}

/// With mistakes, which change nothing.
const SETTINGS: &str = "[general]\nmode_sounds = no\nmode_sound = yes\ntags_pass = perhaps\n";

fn off() {
    let pbx = Pbx::start("sounds_off", Setup { coach: SETTINGS, ..Setup::default() });
    let mut c = Conference::new(&pbx, "sounds_off");
    let (customer, agent) = (silent(&mut c, "customer", CUSTOMER), silent(&mut c, "agent", AGENT));
    let manager = silent(&mut c, "manager", MANAGER);
    for (command, tags) in [("uncoach", ""), ("coach", "agent"), ("coach", "-")] {
        let heard = sound(&mut c, &manager, &[&customer, &agent], |c| c.coach(command, &manager, tags));
        assert!(heard.is_empty(), "{command}: {heard:?}");
    }
    let log = pbx.log();
    assert!(log.contains("line 3: there is no setting 'mode_sound'"), "{log}");
    assert!(log.contains("line 4: tags_pass is 'perhaps': give yes or no. It stays no"), "{log}");
    drop(c);
    drop((customer, agent, manager));
    assert!(pbx.stop().success(), "Asterisk ends well");
}
