//! Promise 4 in rooms that the engine mixes: ticks into frames of another length, and who joins.

mod support;

use support::{Engine, Format};

const WIDE: Format = Format::mono(16000);

#[test]
fn long_frames_out_of_a_room_hold_every_sample_whatever_the_tick_and_the_phase() {
    for (tick_ms, phase) in [10, 20, 30, 40, 50, 60].into_iter().flat_map(|ms| (0..6).map(move |step| (ms, 10 * step)))
    {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, tick_ms);
        let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        let (mut said, mut heard) = (0i16, Vec::new());
        for ms in (0..3_000).step_by(10) {
            if ms % tick_ms == 0 {
                let mut frame: Vec<i16> = (0..WIDE.samples(tick_ms) as i16).map(|n| said.wrapping_add(n)).collect();
                said = said.wrapping_add(frame.len() as i16);
                speaker.read(WIDE, &mut frame);
                room.tick();
            }
            if ms % 60 == phase {
                let mut frame = WIDE.silence(60);
                listener.write(WIDE, &mut frame);
                heard.extend(frame);
            }
        }
        let (stats, begun) = (engine.stats(), heard.len() / 4);
        let whole = heard[begun..].windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
        assert!(whole, "ticks of {tick_ms} ms, read {phase} ms later");
        assert_eq!((stats.skips, stats.underruns), (0, 0), "ticks of {tick_ms} ms, read {phase} ms later");
    }
}

/// Its first frame is of the tick that was made before it came. Whoever comes back does not hear its own voice of before in there.
#[test]
fn who_joins_an_engine_mixed_room_hears_it_from_the_first_frame_on() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, 20);
    let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
    speaker.join(&room, 1).expect("enters");
    let turn = |says: bool| {
        speaker.read(WIDE, &mut vec![1_000; WIDE.samples(20)]);
        if says {
            listener.read(WIDE, &mut vec![7_000; WIDE.samples(20)]);
        }
        room.tick();
    };
    (0..10).for_each(|_| turn(false));
    let hears = || {
        let mut frame = WIDE.silence(20);
        listener.write(WIDE, &mut frame);
        *frame.last().expect("it has samples")
    };
    listener.join(&room, 2).expect("enters");
    assert_eq!(hears(), 1_000, "the first frame of all");
    for _ in 0..10 {
        turn(true);
        assert_eq!(hears(), 1_000, "never its own voice");
    }
    listener.leave().expect("leaves");
    listener.join(&room, 2).expect("comes back");
    let first = hears();
    assert!(first.abs() <= 1_000, "the tick of before holds its own voice: {first}");
    turn(true);
    assert_eq!(hears(), 1_000);
}
