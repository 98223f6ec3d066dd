//! Promises 1 to 3 with everything at once: a thread for each hook of each member, and commands from other threads, all at
//! full speed. Comparing two runs is not possible here, since threads never run twice alike. So each private frame says who said it and
//! which frame it is, and the test records who might hear it when it was captured and when it was heard.

use crate::support::{
    COACH_CHANGED, COACH_ENGINE_HOST_CLOCK, COACH_ENGINE_HOST_SERVICE, COACH_ERR_STATE, COACH_OK, COACH_SILENCED,
    Engine, Format, Member, settings, signal::mix,
};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    thread,
    time::Duration,
};

const WIDE: Format = Format::mono(16000);
const SAMPLES: usize = 160;

/// How many frames of a speaker can be told apart: from 1 to this, and for the second speaker from there on.
const FRAMES: usize = 8_000;

/// How far the others have come. Speakers wait for them: a machine that runs one thread for long would show little.
#[derive(Default)]
struct Progress {
    turns: AtomicUsize,
    writes: AtomicUsize,
}

impl Progress {
    fn wait_until_others_are_at(&self, frame: usize, stop: &AtomicBool) {
        let behind = || self.turns.load(SeqCst) < frame / 16 || self.writes.load(SeqCst) < frame / 2;
        while behind() && !stop.load(SeqCst) {
            thread::yield_now();
        }
    }
}

/// Until so many more have come, or all is over.
fn wait_for(count: &AtomicUsize, more: usize, stop: &AtomicBool) {
    let until = count.load(SeqCst) + more;
    while count.load(SeqCst) < until && !stop.load(SeqCst) {
        thread::yield_now();
    }
}

/// Stops the other threads when this one fails: none of them is to wait for it.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, SeqCst);
        }
    }
}

/// One listener's place in the audience of one speaker, as a count: 4k closed, 4k + 1 opening, 4k + 2 open, 4k + 3 closing.
#[derive(Default)]
struct Door(AtomicU64);

impl Door {
    fn now(&self) -> u64 {
        self.0.load(SeqCst)
    }

    /// Opens or closes it by a call; what is in between is undecided.
    fn turn(&self, call: impl FnOnce()) {
        self.0.fetch_add(1, SeqCst);
        call();
        self.0.fetch_add(1, SeqCst);
    }
}

/// The door before and after something that took a while.
type Span = (u64, u64);

/// Whether there is one opening of the door in which both may have happened.
fn one_opening(captured: Span, heard: Span) -> bool {
    let openings = |(begin, end): Span| {
        // An opening k lasts from 4k + 1 to 4k + 3.
        let first = begin as i64 / 4;
        let last = (end as i64 - 1).div_euclid(4);
        (first, last)
    };
    let ((first, last), (from, to)) = (openings(captured), openings(heard));
    first.max(from) <= last.min(to)
}

#[test]
fn openings_are_told_apart() {
    // Closed all the time; open in the same stretch; open in two stretches; undecided on one side.
    assert!(!one_opening((4, 4), (4, 4)));
    assert!(one_opening((6, 6), (6, 6)));
    assert!(!one_opening((6, 6), (10, 10)));
    assert!(one_opening((4, 5), (6, 6)));
    assert!(one_opening((6, 6), (7, 8)));
    assert!(!one_opening((8, 8), (6, 6)));
    assert!(one_opening((3, 6), (5, 5)));
}

/// A frame that was heard: which, and where the door was meanwhile.
struct Heard {
    frame: usize,
    span: Span,
}

/// A private speaker: says frame after frame, each of one value, and writes down where every listener's door was.
fn speak(speaker: &Member, base: usize, doors: &[&Door], stop: &AtomicBool, progress: &Progress) -> Vec<Vec<Span>> {
    let _alarm = Alarm(stop);
    let mut spans = vec![Vec::with_capacity(FRAMES); doors.len()];
    for frame in 1..FRAMES {
        let mut samples = [(base + frame) as i16; SAMPLES];
        let before: Vec<u64> = doors.iter().map(|door| door.now()).collect();
        let status = speaker.read(WIDE, &mut samples);
        for (span, (door, before)) in spans.iter_mut().zip(doors.iter().zip(before)) {
            span.push((before, door.now()));
        }
        assert_eq!(status, COACH_SILENCED, "private speech is taken, whatever happens around it");
        assert!(samples[WIDE.fade()..].iter().all(|&sample| sample == 0), "nothing of it is left");
        progress.wait_until_others_are_at(frame, stop);
    }
    spans
}

/// A listener: hears frame after frame, and writes down which they were.
fn listen(listener: &Member, doors: [&Door; 2], stop: &AtomicBool, progress: &Progress) -> [Vec<Heard>; 2] {
    let _alarm = Alarm(stop);
    let mut heard = [Vec::new(), Vec::new()];
    let mut silent_since = doors.map(|_| None);
    while !stop.load(SeqCst) {
        let mut samples = [0i16; SAMPLES];
        let before = doors.map(Door::now);
        let status = listener.write(WIDE, &mut samples);
        progress.writes.fetch_add(1, SeqCst);
        let spans: [Span; 2] = [0, 1].map(|which| (before[which], doors[which].now()));
        assert!(status == COACH_OK || status == COACH_CHANGED, "the hook works, whatever happens around it: {status}");
        // Past a fade that starts at the beginning, each run of one value is a frame; a second fade may be in between.
        let mut values: Vec<i16> = samples[WIDE.fade()..].to_vec();
        values.dedup();
        let body_is_clean = values.len() == 1;
        for value in values.into_iter().filter(|_| body_is_clean) {
            let value = value as usize;
            let which = usize::from(value > FRAMES);
            if value != 0 {
                heard[which].push(Heard { frame: value - which * FRAMES, span: spans[which] });
            }
        }
        // Closed all the time in this call and in one before: not even a fade is left.
        let closed = [0, 1].map(|which| {
            (spans[which].0 == spans[which].1 && spans[which].0.is_multiple_of(4)).then_some(spans[which].0)
        });
        if closed[0].is_some() && closed[1].is_some() && closed == silent_since {
            assert!(
                samples.iter().all(|&sample| sample == 0),
                "closed, the fade is over, and yet: {:?}",
                &samples[..8]
            );
        }
        silent_since = closed;
    }
    heard
}

/// Turns a listener's tags round and round: it hears the first speaker, nobody, the second, nobody ...
fn command(
    engine: &Engine,
    (listener, number): (&Member, u32),
    doors: [&Door; 2],
    stop: &AtomicBool,
    progress: &Progress,
    seed: u64,
) {
    let _alarm = Alarm(stop);
    for turn in 0.. {
        if stop.load(SeqCst) {
            return;
        }
        let random = mix(seed + turn);
        let which = (random % 2) as usize;
        let (tag, by_text) = (["agent", "sales"][which], random & 0x10 != 0);
        let text = |line: String| {
            let reply = engine.command(&line);
            assert!(reply.starts_with("+OK"), "{line}: {reply}");
        };
        let set =
            || if by_text { text(format!("tag room {number} {tag}")) } else { listener.tag(tag).expect("is set") };
        let unset = || if by_text { text(format!("untag room {number}")) } else { listener.untag().expect("is set") };
        doors[which].turn(set);
        // Open for a moment, or for a few frames.
        (0..random % 400).for_each(|_| std::hint::spin_loop());
        if random & 0x20 != 0 {
            wait_for(&progress.writes, (random >> 16 & 7) as usize, stop);
        }
        doors[which].turn(unset);
        (0..(random >> 8) % 400).for_each(|_| std::hint::spin_loop());
        progress.turns.fetch_add(1, SeqCst);
    }
}

/// What nobody should notice: members that come and go, mutes, new private speakers that nobody hears.
fn bustle(engine: &Engine, room: &crate::support::Room, says: i16, stop: &AtomicBool, seed: u64) {
    let _alarm = Alarm(stop);
    let visitor = engine.attach("visitor", "lounge", Some("-"));
    let mut turn = 0;
    while !stop.load(SeqCst) {
        let random = mix(seed ^ turn);
        let result = match random % 8 {
            0 | 1 => visitor.join(room, 77),
            2 => visitor.leave(),
            3 => visitor.coach("nobody-here"),
            4 => visitor.uncoach(),
            5 => visitor.mute(random & 0x100 != 0),
            6 => visitor.tag("lounge,bar"),
            _ => visitor.hold(random & 0x100 != 0),
        };
        if let Err(refused) = result {
            assert_eq!(refused.status, COACH_ERR_STATE, "{refused:?}");
        }
        let mut frame = [says; SAMPLES];
        visitor.read(WIDE, &mut frame);
        visitor.write(WIDE, &mut frame);
        turn += 1;
    }
}

/// One run: two private speakers, two listeners whose tags turn, one who never has any. How many private frames were heard.
fn run(guard_ms: u32, engine_mixed: bool, own_service: bool, seed: u64) -> usize {
    let flags = if own_service { 0 } else { COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK };
    let engine = Engine::configured(flags, guard_ms, None);
    let room = if engine_mixed { engine.engine_room("room", WIDE, 10) } else { engine.host_room("room") };
    let speakers = [engine.attach("speaker-0", "", Some("agent")), engine.attach("speaker-1", "", Some("sales"))];
    let listeners = [engine.attach("listener-0", "", None), engine.attach("listener-1", "", None)];
    let outsider = engine.attach("outsider", "other", None);
    for (number, member) in speakers.iter().chain(&listeners).chain([&outsider]).enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    let doors: [[Door; 2]; 2] = Default::default();
    let (stop, progress) = (AtomicBool::new(false), Progress::default());
    let (engine_ref, room_ref, doors_ref, stop_ref, progress_ref) = (&engine, &room, &doors, &stop, &progress);

    let (captured, heard) = thread::scope(|scope| {
        let hearing: Vec<_> = listeners
            .iter()
            .zip(doors_ref)
            .map(|(listener, doors)| {
                scope.spawn(move || listen(listener, [&doors[0], &doors[1]], stop_ref, progress_ref))
            })
            .collect();
        for (index, (listener, doors)) in listeners.iter().zip(doors_ref).enumerate() {
            let (who, doors, seed) = ((listener, 2 + index as u32), [&doors[0], &doors[1]], seed << 8 | index as u64);
            scope.spawn(move || command(engine_ref, who, doors, stop_ref, progress_ref, seed));
        }
        let outsider = &outsider;
        scope.spawn(move || {
            let _alarm = Alarm(stop_ref);
            while !stop_ref.load(SeqCst) {
                let mut samples = [0i16; SAMPLES];
                outsider.write(WIDE, &mut samples);
                assert_eq!(samples, [0; SAMPLES], "who is in no audience hears nothing at any time");
            }
        });
        // Where the engine mixes, what the visitor says openly is heard by everyone.
        let says = if engine_mixed { 0 } else { 5 };
        scope.spawn(move || bustle(engine_ref, room_ref, says, stop_ref, seed));
        scope.spawn(move || {
            let _alarm = Alarm(stop_ref);
            while !stop_ref.load(SeqCst) {
                if engine_mixed {
                    room_ref.tick();
                }
                if !own_service {
                    engine_ref.service();
                }
                engine_ref.state(Some("room")).expect("the room is there");
            }
        });
        let speaking: Vec<_> = speakers
            .iter()
            .enumerate()
            .map(|(which, speaker)| {
                let doors: Vec<&Door> = doors_ref.iter().map(|doors| &doors[which]).collect();
                scope.spawn(move || speak(speaker, which * FRAMES, &doors, stop_ref, progress_ref))
            })
            .collect();
        let captured: Vec<_> = speaking.into_iter().map(|thread| thread.join().expect("a speaker ends well")).collect();
        stop.store(true, SeqCst);
        let heard: Vec<_> = hearing.into_iter().map(|thread| thread.join().expect("a listener ends well")).collect();
        (captured, heard)
    });

    let guarded = guard_ms.div_ceil(10) as usize;
    let mut count = 0;
    for (listener, heard) in heard.iter().enumerate() {
        for (which, heard) in heard.iter().enumerate() {
            let spans = &captured[which][listener];
            for Heard { frame, span } in heard {
                // Frames are numbered from 1.
                let captured = spans[frame - 1];
                let told = format!(
                    "listener {listener}, speaker {which}, frame {frame}: captured {captured:?}, heard {span:?}"
                );
                assert!(one_opening(captured, *span), "{told}: the door should be open for both, without a break");
                // The frames just before were captured in the same opening too: the guard passed over them.
                let first_guarded = spans[(frame - 1).saturating_sub(guarded)];
                assert!(one_opening(first_guarded, *span), "{told}: {guarded} frames after the tag are guarded");
            }
            assert!(heard.windows(2).all(|two| two[0].frame < two[1].frame), "frames are heard in order, and once");
            count += heard.len();
        }
    }
    let turns = progress.turns.load(SeqCst);
    println!("guard {guard_ms}, engine-mixed {engine_mixed}: {turns} turns, {count} private frames heard");
    count
}

/// Rounds that differ by their number, until private speech was heard often enough to show something: on a busy machine, threads
/// that each have a short moment seldom meet in one.
fn rounds(run: impl Fn(u64) -> usize) {
    let mut count = 0;
    for round in 0..12 {
        count += run(round);
        if round >= 1 && count > 100 {
            return;
        }
    }
    panic!("private speech should often be heard by somebody: {count} frames");
}

#[test]
fn nothing_is_heard_outside_an_opening_in_a_host_mixed_room() {
    rounds(|round| run(0, false, round % 2 == 0, settings::seed() + round));
}

#[test]
fn nothing_is_heard_outside_an_opening_in_an_engine_mixed_room() {
    rounds(|round| run(0, true, round % 2 == 0, settings::seed() + 100 + round));
}

#[test]
fn the_guard_holds_between_threads() {
    rounds(|round| run(20, round % 2 == 1, false, settings::seed() + 200 + round));
}

/// Commands that change nothing for these two are given without a pause, while one speaks privately and the other listens on threads of
/// their own. A frame that is captured under a newer plan than the listener has loaded waits: it is heard later, once, and in its turn.
#[test]
fn no_frame_is_lost_or_heard_twice_while_others_are_changed() {
    const ROUNDS: usize = 5_000;
    let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 0, None);
    let room = engine.host_room("room");
    let (speaker, listener) = (engine.attach("speaker", "", Some("agent")), engine.attach("listener", "agent", None));
    // A change reaches members by their numbers: with many in between, there is time for the speaker to be ahead of the listener.
    let crowd: Vec<_> = (0..60).map(|number| (number, engine.attach(&format!("call-{number}"), "", None))).collect();
    let between = crowd.iter().map(|(number, member)| (2 + number, member));
    for (number, member) in [(1, &speaker), (99, &listener)].into_iter().chain(between) {
        member.join(&room, number).expect("enters");
    }
    // The last frame that the listener has begun to ask for, and the last that was said. The speaker is one ahead, at most.
    let (asked, said, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let until = |count: &AtomicUsize, at: usize| {
        while count.load(SeqCst) < at && !stop.load(SeqCst) {
            thread::yield_now();
        }
    };
    let (heard, plans) = thread::scope(|scope| {
        scope.spawn(|| {
            let _alarm = Alarm(&stop);
            for frame in 1..=ROUNDS {
                until(&asked, frame - 1);
                (0..mix(frame as u64) % 200).for_each(|_| std::hint::spin_loop());
                let status = speaker.read(WIDE, &mut [frame as i16; SAMPLES]);
                assert_eq!(status, COACH_SILENCED);
                said.store(frame, SeqCst);
            }
        });
        let listening = scope.spawn(|| {
            let _alarm = Alarm(&stop);
            let mut last = 0;
            let heard = |frame: usize| {
                asked.store(frame, SeqCst);
                let mut samples = [0i16; SAMPLES];
                listener.write(WIDE, &mut samples);
                // At its end, a frame that begins with a fade is itself again, and one that fades out is silent.
                samples[SAMPLES - 1] as usize
            };
            let mut frames = Vec::new();
            let all = (1..=ROUNDS).inspect(|&frame| until(&said, frame)).chain(ROUNDS + 1..ROUNDS + 10);
            for frame in all.map(heard).filter(|&frame| frame != 0) {
                assert!(frame > last, "frame {frame} is heard after {last}");
                last = frame;
                frames.push(frame);
            }
            frames
        });
        let changing = scope.spawn(|| {
            let _alarm = Alarm(&stop);
            let visitor = engine.attach("visitor", "", None);
            let mut plans = 0;
            while !stop.load(SeqCst) {
                visitor.join(&room, 777).expect("enters");
                visitor.tag("lounge").expect("is set");
                visitor.leave().expect("leaves");
                engine.service();
                plans += 3;
            }
            plans
        });
        let heard = listening.join();
        stop.store(true, SeqCst);
        (heard.expect("the listener hears"), changing.join().expect("the others change"))
    });
    assert!(plans > 100, "{plans} changes beside {ROUNDS} frames show little");
    let (lost, skipped) = (10 * (ROUNDS - heard.len()) as u64, engine.stats().skipped_ms);
    assert_eq!(lost, skipped, "what is not heard is counted: {lost} ms are missing beside {plans} changes");
    // A listener that waits often falls behind, and skips; but most is heard.
    assert!(heard.len() > ROUNDS / 2, "{} of {ROUNDS} frames are heard beside {plans} changes", heard.len());
}

/// The room is so large that a member leaves and comes back while one tick goes on.
#[test]
fn who_comes_back_while_the_room_is_summed_does_not_hear_itself() {
    let engine = Engine::new();
    let room = engine.engine_room("room", WIDE, 10);
    let crowd: Vec<_> = (0..3_000).map(|number| (number, engine.attach(&format!("call-{number}"), "", None))).collect();
    // It is summed first, by its number, so that the rest of the tick is still to come.
    for (number, member) in &crowd {
        member.join(&room, 10 + number).expect("enters");
    }
    let member = engine.attach("member", "", None);
    member.join(&room, 1).expect("enters");
    let (stop, ticks) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                room.tick();
                ticks.fetch_add(1, SeqCst);
            }
        });
        scope.spawn(|| {
            let _alarm = Alarm(&stop);
            while !stop.load(SeqCst) {
                member.read(WIDE, &mut [10_000; SAMPLES]);
                wait_for(&ticks, 1, &stop);
            }
        });
        let hears = scope.spawn(|| {
            let _alarm = Alarm(&stop);
            while !stop.load(SeqCst) {
                let mut heard = [0; SAMPLES];
                member.write(WIDE, &mut heard);
                let rest = ticks.load(SeqCst);
                assert!(heard.iter().all(|sample| sample.unsigned_abs() < 5_000), "tick {rest}: {:?}", &heard[..4]);
                thread::yield_now();
            }
        });
        let _alarm = Alarm(&stop);
        for round in 0..1_200 {
            if hears.is_finished() {
                break;
            }
            member.leave().expect("leaves");
            member.join(&room, 1).expect("enters");
            engine.service();
            thread::sleep(Duration::from_micros(2_000 + mix(round) % 2_000)); // somewhere in a later tick
        }
        stop.store(true, SeqCst);
        hears.join().expect("it hears none of its own");
    });
}
