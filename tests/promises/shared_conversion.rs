//! What a listener of another rate hears of several private speakers is summed first and converted once. One of them who is withdrawn leaves
//! nothing in that sum, and costs the others no sample.

use super::support::{COACH_OK, Engine, Format, Member, Room, signal::mix};

/// Three coaches of one format, and who hears them.
struct Call<'e> {
    _room: Room<'e>,
    coaches: Vec<Member<'e>>,
    agent: Member<'e>,
    from: Format,
    to: Format,
    /// What the third coach says is multiplied by this.
    third: i16,
    said: u64,
}

impl<'e> Call<'e> {
    fn new(engine: &'e Engine, from: Format, to: Format, third: i16) -> Self {
        let room = engine.host_room("sales");
        let agent = engine.attach("agent", "agent", None);
        agent.join(&room, 1).expect("enters");
        let coaches: Vec<_> = (2..5)
            .map(|number| {
                let coach = engine.attach(&format!("coach-{number}"), "", Some("agent"));
                coach.join(&room, number).expect("enters");
                coach
            })
            .collect();
        let mut call = Self { _room: room, coaches, agent, from, to, third, said: 0 };
        // Each conversion is there, and some frames are in hand.
        for turn in 0..6 {
            engine.service();
            call.say();
            if turn > 2 {
                call.hear(call.to.samples(20));
            }
        }
        call
    }

    /// A frame of 20 ms of noise from each.
    fn say(&mut self) {
        let samples = self.from.samples(20) as u64 * u64::from(self.from.channels);
        for (seed, coach) in (1..).zip(&self.coaches) {
            let noise = |sample| (mix(seed << 32 | sample) % 8_001) as i16 - 4_000;
            let part = if seed == 3 { self.third } else { 1 };
            let mut frame: Vec<i16> = (self.said..self.said + samples).map(|sample| part * noise(sample)).collect();
            coach.read(self.from, &mut frame);
        }
        self.said += samples;
    }

    fn hear(&self, samples: usize) -> Vec<i16> {
        let mut frame = vec![0; samples * self.to.channels as usize];
        if samples > 0 {
            assert!(self.agent.write(self.to, &mut frame) >= COACH_OK);
        }
        frame
    }

    /// What is heard after so many samples of a frame, before which the third coach is withdrawn.
    fn withdrawn_at(mut self, samples: usize, withdraw: impl Fn(&Member)) -> Vec<i16> {
        let frame = self.to.samples(20);
        self.say();
        self.hear(samples);
        withdraw(&self.coaches[2]);
        let mut heard = self.hear(frame - samples);
        for _ in 0..2 {
            self.say();
            heard.extend(self.hear(frame));
        }
        heard
    }
}

/// All that is heard behind the fade is the same as if the third had been silent all along; the fade is none of its speech.
fn check(from: Format, to: Format, samples: usize, withdraw: impl Fn(&Member) + Copy) {
    let what = format!("{from:?} to {to:?}, withdrawn after {samples} samples");
    let play = |third| {
        let engine = Engine::with_guard(0);
        let heard = Call::new(&engine, from, to, third).withdrawn_at(samples, withdraw);
        let stats = engine.stats();
        assert_eq!([stats.underruns, stats.skips], [0, 0], "{what}: nothing is lost");
        heard
    };
    let (with, without) = (play(1), play(0));
    let channels = to.channels as usize;
    let fade = to.fade() * channels;
    let loud = without.chunks(fade).filter(|part| part.iter().any(|sample| sample.unsigned_abs() > 500)).count();
    assert!(
        loud + 1 >= without.len() / fade,
        "{what}: the others are heard all the time: {loud} of {}",
        without.len() / fade
    );
    if let Some(at) = (fade..with.len()).find(|&at| with[at] != without[at]) {
        panic!("{what}: sample {at} of {} is {} and should be {}", with.len(), with[at], without[at]);
    }
    for channel in 0..channels {
        let differences = (channel..fade)
            .step_by(channels)
            .map(|at| i32::from(with[at]) - i32::from(without[at]))
            .collect::<Vec<_>>();
        let steps = differences.windows(2).map(|pair| pair[1] - pair[0]);
        let (least, most) = (steps.clone().min(), steps.max());
        assert!(
            most.zip(least).is_some_and(|(most, least)| most - least <= 1),
            "{what}: the fade is a straight line: {differences:?}"
        );
    }
}

#[test]
fn one_of_three_who_is_withdrawn_at_any_sample_leaves_nothing_and_costs_the_others_nothing() {
    for (from, to) in [(8_000, 48_000), (48_000, 8_000), (16_000, 44_100)] {
        let (from, to) = (Format::mono(from), Format::mono(to));
        let step = to.samples(20).div_ceil(200);
        for samples in (0..to.samples(20)).step_by(step) {
            check(from, to, samples, |coach| coach.coach("other").expect("is set"));
        }
    }
}

#[test]
fn that_holds_for_every_way_to_withdraw_somebody_and_for_two_channels() {
    let ways: [fn(&Member); 4] = [
        |coach| coach.coach("other").expect("is set"),
        |coach| coach.mute(true).expect("is set"),
        |coach| coach.leave().expect("leaves"),
        |coach| coach.hold(true).expect("is set"),
    ];
    for (from, to) in [
        (Format::stereo(16_000), Format::stereo(48_000)),
        (Format::mono(16_000), Format::stereo(8_000)),
        (Format::stereo(48_000), Format::mono(16_000)),
    ] {
        for way in ways {
            for samples in [0, 1, 7, 100] {
                check(from, to, samples, way);
            }
        }
    }
}

/// Who comes back at once is another listening: of what was said before the break nothing is heard.
#[test]
fn nothing_of_before_is_heard_of_one_who_is_withdrawn_and_granted_again_between_two_frames() {
    let (from, to) = (Format::mono(8_000), Format::mono(48_000));
    for samples in [0, 100, 500] {
        check(from, to, samples, |coach| {
            coach.coach("other").expect("is set");
            coach.coach("agent").expect("is set");
            coach.mute(true).expect("is set"); // and is silent from here on
        });
    }
}

/// In a room that the engine mixes, who has spoken openly in between is held back until that was heard: meanwhile another who is withdrawn
/// leaves nothing in the sum that both were in.
#[test]
fn nothing_of_one_who_is_withdrawn_is_heard_while_another_is_held_back() {
    let (from, to) = (Format::mono(8_000), Format::mono(48_000));
    let play = |samples: usize, part: i16| {
        let engine = Engine::with_guard(0);
        let room = engine.engine_room("sales", Format::mono(16_000), 20);
        let agent = engine.attach("agent", "agent", None);
        agent.join(&room, 1).expect("enters");
        let coaches = [2, 3].map(|number| {
            let coach = engine.attach(&format!("coach-{number}"), "", Some("agent"));
            coach.join(&room, number).expect("enters");
            coach
        });
        let mut heard = Vec::new();
        for turn in 0..12u64 {
            if turn == 8 {
                coaches[0].uncoach().expect("speaks openly");
                coaches[0].read(from, &mut from.silence(20)); // one frame more than the room's clock takes at once
            }
            if turn == 9 {
                coaches[0].coach("agent").expect("speaks privately again");
            }
            engine.service();
            for (seed, (coach, part)) in (1u64..).zip(coaches.iter().zip([0, part])) {
                let noise =
                    |sample: u32| part * ((mix(seed << 32 | turn << 16 | u64::from(sample)) % 8_001) as i16 - 4_000);
                coach.read(from, &mut (0..160u32).map(noise).collect::<Vec<_>>());
            }
            room.tick();
            let mut frame = vec![0; to.samples(20)];
            let (before, after) = frame.split_at_mut(if turn == 9 { samples } else { 960 });
            agent.write(to, before);
            if turn == 9 {
                coaches[1].coach("other").expect("is withdrawn");
                agent.write(to, after);
            }
            if turn >= 9 {
                heard.extend(frame);
            }
        }
        heard
    };
    for samples in [48, 100, 480, 900] {
        let (with, without) = (play(samples, 1), play(samples, 0));
        assert!(with[..samples] != without[..samples], "it is heard until then");
        let fade = samples + to.fade();
        let leak = (fade..with.len()).find(|&at| with[at] != without[at]);
        assert_eq!(leak, None, "withdrawn after {samples} samples: nothing is heard behind the fade");
    }
}
