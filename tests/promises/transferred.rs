//! Promise 1 where somebody else is at a member's leg: who has come hears nothing of what was said to the one before, not even its fade.

use crate::support::{Engine, Format, abi::*};

const LEVEL: i16 = 4_000;

/// What the leg of an agent is given in the 100 ms after a change, frame by frame, while a coach goes on speaking to agents.
fn heard_after(mixed: bool, from: Format, to: Format, change: impl Fn(&crate::support::Member)) -> Vec<i16> {
    let engine = Engine::without_events();
    let room = if mixed { engine.engine_room("sales", to, 20) } else { engine.host_room("sales") };
    let (coach, agent) = (engine.attach("coach", "", Some("agent")), engine.attach("agent", "agent", None));
    coach.join(&room, 1).expect("enters");
    agent.join(&room, 2).expect("enters");
    let turn = || {
        engine.service();
        coach.read(from, &mut vec![LEVEL; from.silence(20).len()]);
        if mixed {
            room.tick();
        }
        let mut frame = to.silence(20);
        agent.write(to, &mut frame);
        frame
    };
    let before: Vec<_> = (0..50).map(|_| turn()).collect();
    assert!(before.concat().iter().any(|sample| sample.abs() > LEVEL / 2), "the agent hears its coach");
    change(&agent);
    (0..5).flat_map(|_| turn()).collect()
}

#[test]
fn who_has_come_hears_no_fade_of_what_the_one_before_heard() {
    let (narrow, wide) = (Format::mono(8_000), Format { rate: 48_000, channels: 2 });
    for (mixed, from, to) in [false, true]
        .into_iter()
        .flat_map(|mixed| [(mixed, narrow, narrow), (mixed, wide, narrow), (mixed, narrow, wide)])
    {
        let what = format!("{from:?} to {to:?}, mixed: {mixed}");
        let stays = heard_after(mixed, from, to, |agent| agent.untag().expect("it has no tags"));
        assert!(stays.iter().any(|&sample| sample != 0), "who stays hears it fade, {what}");
        let comes = heard_after(mixed, from, to, |agent| agent.transferred().expect("it has no tags"));
        assert!(comes.iter().all(|&sample| sample == 0), "{what}: {:?}", &comes[..comes.len() / 5]);
        // Nor of a fade that has begun.
        let fades = heard_after(mixed, from, to, |agent| {
            agent.untag().expect("it has no tags");
            agent.write(to, &mut vec![0; to.channels as usize]);
            agent.transferred().expect("it has none");
        });
        assert!(fades.iter().all(|&sample| sample == 0), "{what}, of a fade: {:?}", &fades[..fades.len() / 5]);
    }
}

#[test]
fn its_tags_go_and_its_mode_stays() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let member = engine.attach("one", "agent,night", Some("boss"));
    member.join(&room, 1).expect("enters");
    member.transferred().expect("it is there");
    let state = engine.state(Some("sales")).expect("it is told");
    let member = &state["members"][0];
    assert_eq!(
        (&member["tags"], &member["speak_only_to"]),
        (&serde_json::json!([]), &serde_json::json!(["boss"])),
        "{state}"
    );
    let untagged = engine.events().iter().filter(|event| event.kind == COACH_EVENT_UNTAG).count();
    assert_eq!(untagged, 1, "it is told once");
}
