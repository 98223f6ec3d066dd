//! Promise 4 where a private speaker comes to speak in a format that its stream is too short for: the service's next turn gives it a longer one,
//! and what did not fit until then is counted, and heard by nobody.

use crate::support::{Engine, Format, abi::*, scene};

const NARROW: Format = Format::mono(8_000);
const WIDE: Format = Format { rate: 48_000, channels: 2 };

/// Levels that a listener hears of a voice, a frame each, and none of them anywhere else. `said`: the level, the format and the length of each
/// frame, of a speaker that has spoken openly in [`NARROW`] before.
fn heard_of(said: &[(i16, Format, u32)]) -> (Vec<i16>, u64) {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let [coach, agent, customer] =
        [("coach", ""), ("agent", "agent"), ("customer", "")].map(|(call_id, tags)| engine.attach(call_id, tags, None));
    for (number, member) in (1..).zip([&coach, &agent, &customer]) {
        member.join(&room, number).expect("enters");
    }
    for _ in 0..5 {
        scene::turn(&engine, &[], NARROW, &[(&coach, NARROW.silence(20)), (&agent, NARROW.silence(20))]);
    }
    coach.coach("agent").expect("it is private");
    let mut heard = Vec::new();
    for (level, format, ms) in said {
        let (format, silence) = (*format, format.silence(*ms));
        let says =
            [(&coach, scene::level(format, *ms, *level)), (&agent, silence.clone()), (&customer, silence.clone())];
        let turns = scene::turn(&engine, &[], format, &says);
        assert_eq!((turns[0].took, &turns[0].left), (COACH_SILENCED, &silence), "it is in no mix");
        assert_eq!(turns[2].heard, silence, "the customer hears nothing");
        heard.push(turns[1].heard.last().copied().unwrap_or_default());
    }
    (heard, engine.stats().conversions_waited)
}

#[test]
fn frames_that_do_not_fit_are_left_out_until_the_services_next_turn() {
    let narrow = (1..=10).map(|n| (100 * n, NARROW, 20));
    let wide = (11..=30).map(|n| (100 * n, WIDE, 60));
    let (heard, left_out) = heard_of(&narrow.chain(wide).collect::<Vec<_>>());
    assert_eq!(left_out, 1, "the first of 60 ms: {heard:?}");
    assert!(heard[3..10].iter().all(|&level| level != 0), "{heard:?}");
    let after = &heard[14..];
    assert!(after.windows(2).all(|levels| levels[1] == levels[0] + 100), "each frame in its turn: {heard:?}");
    assert!(after[0] >= 1_300, "no later than two frames: {heard:?}");
}

#[test]
fn frames_that_fit_are_heard_at_once_and_little_is_lost_with_the_short_stream() {
    let narrow = (1..=10).map(|n| (100 * n, NARROW, 20));
    let wide = (11..=60).map(|n| (100 * n, WIDE, 20));
    let (heard, left_out) = heard_of(&narrow.chain(wide).collect::<Vec<_>>());
    assert_eq!(left_out, 0, "all of 20 ms fit: {heard:?}");
    let silent = heard[10..].iter().filter(|&&level| level == 0).count();
    assert!(silent <= 2, "{heard:?}");
    assert!(heard[20..].windows(2).all(|levels| levels[1] == levels[0] + 100), "each frame in its turn: {heard:?}");
}
