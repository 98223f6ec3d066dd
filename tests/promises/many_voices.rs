//! Many private speakers at one listener. What is needed to play a stream is there beforehand for the few that can be expected to begin at one
//! moment; if more do, the others are heard once the service has run, and then no later than they speak.

use super::support::{COACH_OK, Engine, Format};

/// So many can begin at once: as many playouts are kept ready.
const READY: i16 = 8;

#[test]
fn of_many_who_begin_at_once_all_are_heard_once_the_service_has_run_and_at_their_time() {
    const COACHES: i16 = 20;
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let agent = engine.attach("agent", "agent", None);
    agent.join(&room, 1).expect("enters");
    let coaches: Vec<_> = (0..COACHES)
        .map(|which| {
            let coach = engine.attach(&format!("coach-{which}"), "", Some("agent"));
            coach.join(&room, 2 + which as u32).expect("enters");
            coach
        })
        .collect();
    let format = Format { rate: 8_000, channels: 1 };
    let turn = |value: i16| {
        for coach in &coaches {
            coach.read(format, &mut vec![value; format.samples(20)]);
        }
        let mut frame = vec![0; format.samples(20)];
        assert!(agent.write(format, &mut frame) >= COACH_OK);
        let waited = engine.stats().conversions_waited;
        (*frame.last().expect("a frame"), waited as i16) // past any fade
    };
    let late = COACHES - READY;
    assert_eq!(turn(100), (READY * 100, late), "those for whom there is a playout are heard at once");
    assert_eq!(turn(110), (READY * 110, 2 * late), "the others are passed over, and counted");
    engine.service();
    // Eight more; their playouts are theirs for good.
    assert_eq!(turn(120), (2 * READY * 120, 2 * late + COACHES - 2 * READY));
    engine.service();
    for value in [130, 140] {
        assert_eq!(turn(value), (COACHES * value, 2 * late + COACHES - 2 * READY), "all of them, and none is late");
    }
    let stats = engine.stats();
    assert_eq!([stats.underruns, stats.skips], [0, 0]);
}
