//! Promise 4 where a leg's format cannot be served: each call that is refused is counted, `explain` says whose format it is, and all is heard
//! again as soon as it can be served.

use crate::support::{Engine, Format, abi::COACH_ERR_FORMAT, signal::Noise};

#[test]
fn what_is_refused_is_counted_and_explained_and_heard_again_when_it_is_right() {
    let (usual, odd) = (Format::mono(16_000), Format::mono(7_350));
    for engine_mixed in [false, true] {
        for of_listener in [false, true] {
            let engine = Engine::new();
            let room = if engine_mixed { engine.engine_room("sales", usual, 20) } else { engine.host_room("sales") };
            let (coach, agent) = engine.coach_and_agent(&room);
            let mut voice = Noise::new(4, 20_000);
            let mut all = Vec::new();
            let mut turn = |from: Format, to: Format| {
                engine.service();
                let said = voice.frame(from, 20);
                let read = coach.read(from, &mut said.clone());
                if engine_mixed {
                    room.tick();
                }
                let mut heard = to.silence(20);
                let written = agent.write(to, &mut heard);
                all.extend(said);
                (all.clone(), heard, [read, written])
            };
            let what = format!("engine-mixed {engine_mixed}, of the listener {of_listener}");
            let whose = if of_listener { "listener's" } else { "speaker's" };
            let mut refused = 0;
            for _ in 0..3 {
                for _ in 0..10 {
                    turn(usual, usual);
                }
                let (said, heard, statuses) = turn(usual, usual);
                assert!(statuses.iter().all(|status| *status >= 0), "{what}: {statuses:?}");
                // What a listener could not be given comes later.
                let heard_whole = said.windows(heard.len()).rev().take(usual.samples(500)).any(|part| *part == heard);
                assert!(heard_whole, "{what}: it is heard to the sample");
                assert_eq!(engine.stats().refused, refused, "{what}: nothing more is refused");
                let explained = engine.command("explain sales 1");
                assert!(!explained.contains("does not hear it"), "{what}: {explained}");
                for _ in 0..4 {
                    let (from, to) = if of_listener { (usual, odd) } else { (odd, usual) };
                    let (_, heard, statuses) = turn(from, to);
                    refused += 1;
                    assert_eq!(statuses[usize::from(of_listener)], COACH_ERR_FORMAT, "{what}");
                    assert_eq!(engine.stats().refused, refused, "{what}: each call is counted");
                    let fade = usual.fade().min(heard.len());
                    assert!(heard[fade..].iter().all(|sample| *sample == 0) || refused % 4 == 1, "{what}: silence");
                    engine.service();
                    let explained = engine.command("explain sales 1");
                    let why = format!("does not handle the format of the {whose} frames");
                    assert!(explained.contains(&why), "{what}: {explained}");
                }
            }
        }
    }
}
