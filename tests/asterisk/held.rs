//! Audio that is played to a member on hold.

use crate::{
    conference::{AGENT, Conference, MANAGER, Member, seconds},
    judge::Recording,
    pbx::{Pbx, Scenario},
};
use std::f64::consts::TAU;

pub const SCENARIOS: &[Scenario] = &[("a_file_is_played_to_a_held_member_alone", played)];

const PITCH: f64 = 3150.0;
const RATE: u32 = 8000;

fn played(pbx: &Pbx) {
    let sample = |n: u32| (6000.0 * (TAU * PITCH * f64::from(n) / f64::from(RATE)).sin()).round() as i16;
    let file = pbx.folder().join("held.wav");
    let music = Recording { rate: RATE, samples: (0..RATE * 20).map(sample).collect() };
    music.write(&file).expect("a file can be written");
    let path = file.with_extension("").display().to_string();

    let mut c = Conference::new(pbx, "held");
    let agent = c.join("agent", AGENT);
    let manager = c.join("manager", MANAGER);
    let agents = c.channel(&agent).expect("it is there");
    for (file, why) in
        [(path.as_str(), "is not held"), ("/nowhere/at/all", "There is no file"), ("", "File is missing")]
    {
        let said = c.manager.action("CoachPlay", &[("Channel", &agents), ("File", file)]);
        assert!(said.get("Response") == "Error" && said.get("Message").contains(why), "{file:?}: {said:?}");
    }
    let share = |member: &Member| {
        let since = member.line.clock();
        seconds(0.8);
        member.line.heard_since(since).levels(PITCH).share_above(-40.0)
    };
    c.act("CoachHold", &agent, &[]);
    c.act("CoachPlay", &agent, &[("File", &path)]);
    seconds(0.5);
    assert!(share(&agent) > 0.9, "the held member should hear the file");
    assert_eq!(share(&manager), 0.0, "nobody else should hear it");
    c.judge_last(&agent, 0.4, manager.tone, false).unwrap_or_else(|said| panic!("the agent is held: {said}"));
    // The hold's end is the file's.
    c.act("CoachUnhold", &agent, &[]);
    seconds(0.5);
    assert_eq!(share(&agent), 0.0, "the file should have ended with the hold");
    c.judge_last(&agent, 0.4, manager.tone, true).unwrap_or_else(|said| panic!("the agent is back: {said}"));
    // So is its leaving, long before it would end.
    c.act("CoachHold", &agent, &[]);
    c.act("CoachPlay", &agent, &[("File", &path)]);
    seconds(0.5);
    c.confbridge("kick", &agent);
    c.wait_until("the agent leaves", |c| !c.knows(&agent));
}
