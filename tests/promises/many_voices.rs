//! Many private speakers at one listener. What is needed to play a stream is there beforehand for the few that can be expected to begin at one
//! moment; if more do, the others are heard once the service has run, and then no later than they speak.

use super::support::{COACH_OK, Engine, Format, Member, Room};

/// So many can begin at once: as many playouts are kept ready.
const READY: i16 = 8;

fn coaches<'e>(engine: &'e Engine, room: &Room, count: u32) -> Vec<Member<'e>> {
    (0..count)
        .map(|which| {
            let coach = engine.attach(&format!("coach-{which}"), "", Some("agent"));
            coach.join(room, 2 + which).expect("enters");
            coach
        })
        .collect()
}

/// All coaches say `value` for so long, and the agent's next frame ends so; and how often somebody had to wait until now.
fn turn(engine: &Engine, coaches: &[Member], agent: &Member, (value, ms): (i16, u32)) -> (i16, u64) {
    let format = Format { rate: 8_000, channels: 1 };
    for coach in coaches {
        coach.read(format, &mut vec![value; format.samples(ms)]);
    }
    let mut frame = vec![0; format.samples(ms)];
    assert!(agent.write(format, &mut frame) >= COACH_OK);
    (*frame.last().expect("a frame"), engine.stats().conversions_waited) // past any fade
}

#[test]
fn of_many_who_begin_at_once_all_are_heard_once_the_service_has_run_and_at_their_time() {
    const COACHES: i16 = 20;
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let agent = engine.attach("agent", "agent", None);
    agent.join(&room, 1).expect("enters");
    let coaches = coaches(&engine, &room, COACHES as u32);
    let turn = |value| turn(&engine, &coaches, &agent, (value, 20));
    let late = (COACHES - READY) as u64;
    assert_eq!(turn(100), (READY * 100, late), "those for whom there is a playout are heard at once");
    assert_eq!(turn(110), (READY * 110, 2 * late), "the others are passed over, and counted");
    engine.service();
    for value in [120, 130] {
        assert_eq!(turn(value), (COACHES * value, 2 * late), "all of them, and none is late");
    }
    let stats = engine.stats();
    assert_eq!([stats.underruns, stats.skips], [0, 0]);
}

/// Promise 4: 40 ms at most, and that for a conversion alone.
#[test]
fn who_enters_among_many_speakers_hears_all_of_them_soon() {
    const COACHES: u32 = 200;
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let coaches = coaches(&engine, &room, COACHES);
    let agent = engine.attach("agent", "agent", None);
    agent.join(&room, 1).expect("enters");
    let mut frames = 0;
    while turn(&engine, &coaches, &agent, (1, 20)).0 != COACHES as i16 {
        frames += 1;
        engine.service();
        engine.service(); // every 10 ms
    }
    assert!(frames * 20 <= 40, "the last is heard after {} ms", frames * 20);
}

#[test]
fn what_a_listener_was_too_late_for_is_counted() {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    let format = Format { rate: 48_000, channels: 2 };
    for _ in 0..50 {
        coach.read(format, &mut vec![100; 2 * format.samples(20)]);
    }
    let mut frame = vec![0; 2 * format.samples(20)];
    assert!(agent.write(format, &mut frame) >= COACH_OK);
    let stats = engine.stats();
    assert_eq!((stats.skips, stats.skipped_ms), (1, 1_000));
}

#[test]
fn who_is_passed_over_in_a_long_frame_is_counted() {
    const COACHES: u32 = 20;
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let coaches = coaches(&engine, &room, COACHES);
    let agent = engine.attach("agent", "agent", None);
    agent.join(&room, 1).expect("enters");
    assert_eq!(turn(&engine, &coaches, &agent, (1, 60)), (8, 12));
}
