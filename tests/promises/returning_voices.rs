//! Promise 4 where a voice is silent in between, and sends nothing meanwhile: a pause does not add to its delay.

use crate::support::{Engine, Format, signal::Noise};

const WIDE: Format = Format::mono(16_000);

/// Where each stretch of a voice that is silent in between begins in what is heard, from its first packet on.
fn returns(packet_ms: u32, frame_ms: u32, tick_ms: Option<u32>) -> Vec<usize> {
    let engine = Engine::new();
    let room = match tick_ms {
        Some(tick_ms) => engine.engine_room("sales", WIDE, tick_ms),
        None => engine.host_room("sales"),
    };
    let only_to = if tick_ms.is_some() { None } else { Some("agent") };
    let (speaker, listener) = (engine.attach("one", "", only_to), engine.attach("two", "agent", None));
    speaker.join(&room, 1).expect("enters");
    listener.join(&room, 2).expect("enters");
    let (mut voice, mut heard, mut stretches) = (Noise::new(3, 20_000), Vec::new(), Vec::new());
    for ms in (0..30_000).step_by(10) {
        // All sizes fit into such a turn, so that each begins in the same phase.
        let place = ms % 3_000;
        if place == 0 {
            stretches.push((heard.len(), Vec::new()));
        }
        if place < 1_800 && place % packet_ms == 0 {
            let mut frame = voice.frame(WIDE, packet_ms);
            stretches.last_mut().expect("one has begun").1.extend_from_slice(&frame);
            speaker.read(WIDE, &mut frame);
        }
        if tick_ms.is_some_and(|tick_ms| ms % tick_ms == 0) {
            room.tick();
        }
        if ms % frame_ms == 0 {
            let mut frame = WIDE.silence(frame_ms);
            listener.write(WIDE, &mut frame);
            heard.extend(frame);
        }
    }
    assert_eq!(engine.stats().skips, 0, "{packet_ms}, {frame_ms}, {tick_ms:?}: nothing is left out");
    let begin = |(at, said): &(usize, Vec<i16>)| {
        let body = &said[WIDE.fade()..WIDE.samples(900)];
        let found = heard[*at..].windows(body.len()).position(|window| window == body);
        found.unwrap_or_else(|| panic!("{packet_ms}, {frame_ms}, {tick_ms:?}: a stretch is heard")) - WIDE.fade()
    };
    stretches.iter().map(begin).collect()
}

#[test]
fn a_voice_that_is_silent_in_between_is_no_later_each_time_it_returns() {
    for (packet_ms, frame_ms) in [(20, 20), (20, 30), (30, 20), (20, 60), (60, 20), (10, 30)] {
        for tick_ms in [None, Some(10), Some(20), Some(30), Some(60)] {
            let begun = returns(packet_ms, frame_ms, tick_ms);
            let what = format!("{packet_ms} ms to {frame_ms} ms, ticks of {tick_ms:?}");
            // The first one is by itself in a room whose listener has heard nothing before.
            assert!(begun[1..].iter().all(|begin| *begin == begun[0]), "{what}: {begun:?}");
        }
    }
}
