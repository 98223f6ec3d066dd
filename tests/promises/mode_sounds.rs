//! Mode sounds: with COACH_ENGINE_MODE_SOUNDS a member hears by a sound how it is heard from now on, at every change however it was
//! made. Nobody else hears it, and without the flag nobody hears anything.

use crate::support::{
    signal::{RATES, db, measure},
    *,
};

/// What a listener hears, told by its frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sound {
    None,
    Open,
    Private,
    Unheard,
}

/// A listener hears silence from the host for 400 ms: which sound was put into it.
fn sound(member: &Member, format: Format, ms: u32) -> Sound {
    let mut heard = Vec::new();
    for _ in 0..400 / ms {
        let mut frame = vec![0; format.samples(ms) * format.channels as usize];
        member.write(format, &mut frame);
        heard.extend(frame.chunks_exact(format.channels as usize).map(|group| {
            assert!(group.iter().all(|sample| *sample == group[0]), "the same in both ears");
            group[0]
        }));
    }
    let peak = heard.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    if peak == 0 {
        return Sound::None;
    }
    assert!((3_000..3_400).contains(&peak), "20 dB below full scale: {peak}");
    let steps = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0);
    let steepest = 3_277.0 * std::f64::consts::TAU * 1_320.0 / f64::from(format.rate) * 1.1;
    assert!(f64::from(steps) < steepest, "no clicks: a step of {steps}, {steepest} at most");
    // The two halves of the longest sounds.
    let samples = |from, to| format.samples(from)..format.samples(to);
    let loud =
        |hz: f64, range: std::ops::Range<usize>| db(measure(&heard[range], format.rate, hz).amplitude / 3_277.0) > -3.0;
    match (
        loud(880.0, samples(20, 100)),
        loud(1_320.0, samples(140, 280)),
        loud(587.0, samples(20, 100)),
        loud(370.0, samples(140, 280)),
    ) {
        (true, true, false, false) => Sound::Open,
        (false, false, true, true) => Sound::Unheard,
        (false, false, true, false) => {
            assert!(heard[format.samples(190)..].iter().all(|sample| *sample == 0), "one note");
            Sound::Private
        }
        heard => panic!("880, 1,320, 587, 370 Hz: {heard:?}"),
    }
}

const PHONE: Format = Format { rate: 8_000, channels: 1 };

fn engine(flags: u32) -> Engine {
    Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK | flags, 200, None)
}

/// Every way in which a mode or an audience changes, and what the coach hears then.
#[test]
fn every_change_of_mode_is_heard_by_the_coach_alone() {
    for (engine_mixed, sounds) in [(false, true), (true, true), (false, false)] {
        let engine = engine(if sounds { COACH_ENGINE_MODE_SOUNDS } else { 0 });
        let room = if engine_mixed { engine.engine_room("r", PHONE, 20) } else { engine.host_room("r") };
        let customer = engine.attach("customer", "", None);
        let agent = engine.attach("agent", "agent", None);
        let coach = engine.attach("coach", "", Some("agent"));
        customer.join(&room, 1).expect("enters");
        let expect = |what: &str, right: Sound| {
            let right = if sounds { right } else { Sound::None };
            assert_eq!(sound(&coach, PHONE, 20), right, "{what}, engine-mixed: {engine_mixed}");
            for (who, member) in [("customer", &customer), ("agent", &agent)] {
                assert_eq!(sound(member, PHONE, 20), Sound::None, "{what}: the {who} hears nothing of it");
            }
        };
        expect("before it is in a room", Sound::None);
        coach.join(&room, 3).expect("enters");
        expect("a private speaker enters, and nobody hears it", Sound::Unheard);
        agent.join(&room, 2).expect("enters");
        expect("its first listener enters", Sound::Private);
        customer.tag("agent").expect("is set");
        expect("one more listener", Sound::None);
        customer.untag().expect("is set");
        agent.untag().expect("is set");
        expect("its last listener has lost the tag", Sound::Unheard);
        agent.tag("agent").expect("is set");
        expect("a listener has the tag", Sound::Private);
        coach.coach("Agent").expect("is done");
        expect("a tag in the wrong case", Sound::Unheard);
        coach.coach("agent").expect("is done");
        expect("the right one", Sound::Private);
        coach.coach("agent").expect("is done");
        expect("the same again", Sound::Private);
        coach.coach("-").expect("is done");
        expect("a silent monitor", Sound::Unheard);
        assert!(engine.command("uncoach r 3").starts_with("+OK"));
        expect("by a text command: open", Sound::Open);
        coach.uncoach().expect("is done");
        expect("open already", Sound::Open);
        assert!(engine.command("coach r 3 agent").starts_with("+OK"));
        expect("by a text command: private", Sound::Private);
        coach.mute(true).expect("is done");
        expect("muted: nobody hears it", Sound::Unheard);
        coach.mute(false).expect("is done");
        expect("no more", Sound::Private);
        agent.deaf(true).expect("is done");
        expect("its listener is deaf", Sound::Unheard);
        agent.deaf(false).expect("is done");
        expect("no more", Sound::Private);
        coach.hold(true).expect("is done");
        coach.uncoach().expect("is done");
        expect("on hold it hears nothing", Sound::None);
        coach.hold(false).expect("is done");
        expect("and what has changed meanwhile afterwards", Sound::Open);
        coach.coach("agent").expect("is done");
        expect("private", Sound::Private);
        agent.leave().expect("leaves");
        expect("its last listener leaves", Sound::Unheard);
        coach.leave().expect("leaves");
        expect("outside", Sound::None);
        agent.join(&room, 2).expect("enters");
        coach.join(&room, 3).expect("enters");
        expect("back", Sound::Private);
        coach.coach("-").expect("is done");
        coach.bypass(true).expect("is done");
        expect("in an ordinary call", Sound::None);
    }
}

#[test]
fn a_sound_is_the_same_at_every_rate_and_frame_size_and_on_top_of_speech() {
    let engine = engine(COACH_ENGINE_MODE_SOUNDS);
    let room = engine.host_room("r");
    let (coach, _agent) = engine.coach_and_agent(&room);
    for format in RATES.iter().flat_map(|&rate| [Format::mono(rate), Format::stereo(rate)]) {
        for ms in [10, 20, 40] {
            coach.coach("agent").expect("is done");
            assert_eq!(sound(&coach, format, ms), Sound::Private, "{format:?}, {ms} ms");
            coach.coach("-").expect("is done");
            assert_eq!(sound(&coach, format, ms), Sound::Unheard, "{format:?}, {ms} ms");
            coach.uncoach().expect("is done");
            assert_eq!(sound(&coach, format, ms), Sound::Open, "{format:?}, {ms} ms");
        }
    }
    coach.coach("agent").expect("is done");
    let mut alone = vec![0; 160];
    coach.write(PHONE, &mut alone);
    coach.coach("agent").expect("is done");
    let mut on_speech = vec![7_000; 160];
    assert_eq!(coach.write(PHONE, &mut on_speech), COACH_CHANGED);
    assert!(on_speech.iter().zip(&alone).all(|(both, alone)| *both == 7_000 + alone), "added to what it hears");
    coach.coach("agent").expect("is done");
    let mut loud = vec![i16::MAX; 160];
    coach.write(PHONE, &mut loud);
    assert!(loud.iter().all(|sample| *sample > 29_000), "at full scale nothing wraps");
}

/// Members that were never private are as they were, flag or not: not a sample changes, and the hook says so.
#[test]
fn who_enters_openly_hears_no_sound() {
    let engine = engine(COACH_ENGINE_MODE_SOUNDS);
    let room = engine.host_room("r");
    let (coach, agent) = engine.coach_and_agent(&room);
    let customer = engine.attach("customer", "", None);
    customer.join(&room, 3).expect("enters");
    customer.tag("vip").expect("is set");
    coach.uncoach().expect("is done");
    for member in [&agent, &customer] {
        let mut frame = vec![123; 160];
        assert_eq!(member.write(PHONE, &mut frame), COACH_OK);
        assert_eq!(frame, [123; 160]);
    }
}
