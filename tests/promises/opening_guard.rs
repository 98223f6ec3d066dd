//! Promise 3, the opening guard: what was said before a command that widens an audience, and comes after it, is heard by nobody new,
//! however the network delivers it. A stall of the network holds frames back and delivers them all at once; it comes at once after
//! the command, before it and across it.

use crate::support::*;

/// What the coach says in a frame: a number of its own, in every sample.
const FIRST: i16 = 1_000;

/// Frames of 20 ms.
const MS: u64 = 20;
const FORMAT: Format = Format { rate: 8_000, channels: 1 };

/// What the host knows of the time of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stamps {
    None,
    Milliseconds,
    /// RTP's own, which wrap in 32 bits.
    Rtp,
}

/// How the audience is widened.
#[derive(Debug, Clone, Copy)]
enum Widening {
    Uncoach,
    Tag,
    Coach,
    Bypass,
}

const WIDENINGS: [Widening; 4] = [Widening::Uncoach, Widening::Tag, Widening::Coach, Widening::Bypass];

/// A call of three with a clock: each frame is said every 20 ms, and comes when the network brings it.
struct Call<'e> {
    engine: &'e Engine,
    coach: Member<'e>,
    agent: Member<'e>,
    customer: Member<'e>,
    _room: Room<'e>,
    stamps: Stamps,
    now_ms: u64,
    /// The frames that the customer heard, by what they hold.
    customer_heard: Vec<u64>,
    agent_heard: Vec<u64>,
}

impl<'e> Call<'e> {
    fn new(engine: &'e Engine, stamps: Stamps) -> Self {
        let room = engine.host_room("support");
        let (coach, agent) = engine.coach_and_agent(&room);
        let customer = engine.attach("customer", "vip", None);
        customer.join(&room, 3).expect("enters");
        let (customer_heard, agent_heard) = (Vec::new(), Vec::new());
        Self { engine, coach, agent, customer, _room: room, stamps, now_ms: 0, customer_heard, agent_heard }
    }

    fn time(&self, frame: u64) -> Option<coach_media_time> {
        let (stamp, clock_rate) = match self.stamps {
            Stamps::None => return None,
            Stamps::Milliseconds => (77_000 + frame * MS, 1_000),
            Stamps::Rtp => ((u64::from(u32::MAX) - 100 * 160 + frame * 160) & u64::from(u32::MAX), 8_000),
        };
        Some(media_time(0, stamp, clock_rate))
    }

    /// A frame comes; whether the customer hears it, be it in what is left for the host's mixer or by its own hook.
    fn comes(&mut self, frame: u64, time: Option<coach_media_time>) {
        let number = FIRST + frame as i16;
        let mut said = [number; 160];
        self.coach.read_at(FORMAT, &mut said, time.as_ref());
        let (mut to_agent, mut to_customer) = ([0; 160], [0; 160]);
        self.agent.write(FORMAT, &mut to_agent);
        self.customer.write(FORMAT, &mut to_customer);
        for (heard, samples) in
            [(&mut self.customer_heard, [said, to_customer]), (&mut self.agent_heard, [[0; 160], to_agent])]
        {
            // The last sample of each: fades are over by then.
            let frames = samples.iter().map(|samples| samples[159]).filter(|sample| *sample >= FIRST);
            heard.extend(frames.map(|sample| (sample - FIRST) as u64));
        }
    }

    /// Time goes on.
    fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
        self.engine.advance(ms * 1_000_000);
    }

    /// The frames from one moment to another, each when it is said; those said in `stall` come together at its end.
    fn talk(&mut self, from_ms: u64, to_ms: u64, stall: &std::ops::Range<u64>, mut at: impl FnMut(&Self, u64)) {
        let mut held = Vec::new();
        for frame in from_ms / MS..to_ms / MS {
            at(self, self.now_ms);
            held.push(frame);
            if !stall.contains(&self.now_ms) {
                for frame in std::mem::take(&mut held) {
                    self.comes(frame, self.time(frame));
                }
            }
            self.wait(MS);
        }
    }

    fn widen(&self, how: Widening) {
        match how {
            Widening::Uncoach => self.coach.uncoach(),
            Widening::Tag => self.customer.tag("agent"),
            Widening::Coach => self.coach.coach("agent,vip"),
            Widening::Bypass => self.coach.bypass(true),
        }
        .expect("is done");
    }
}

fn media_time(flags: u32, stamp: u64, clock_rate: u32) -> coach_media_time {
    coach_media_time { size: size_of::<coach_media_time>() as u32, flags, stamp, clock_rate, reserved: 0 }
}

/// Stalls of 100 ms to 5 s at once after, before and across every command that widens.
#[test]
fn a_burst_after_a_stall_opens_nothing_that_was_said_before() {
    const COMMAND: u64 = 8_000;
    for (how, stamps) in
        WIDENINGS.iter().flat_map(|how| [Stamps::None, Stamps::Milliseconds, Stamps::Rtp].map(|s| (*how, s)))
    {
        for stall_ms in [100, 300, 500, 1_000, 2_500, 5_000] {
            for begins in [COMMAND, COMMAND - stall_ms / 40 * 20, COMMAND - stall_ms] {
                let engine = Engine::new();
                let mut call = Call::new(&engine, stamps);
                let stall = begins..begins + stall_ms;
                call.talk(0, COMMAND + 7_000, &stall, |call, now| {
                    if now == COMMAND {
                        call.widen(how);
                    }
                });
                let what = format!("{how:?}, stamps {stamps:?}, {stall_ms} ms from {begins} on, command at {COMMAND}");
                let first = *call.customer_heard.first().unwrap_or_else(|| panic!("{what}: it opens at some time"));
                assert!(first * MS >= COMMAND, "{what}: hears what was said at {} ms", first * MS);
                // From then on, whole; no later than the guard takes after the last of the burst.
                let opened = COMMAND.max(stall.end) + 200;
                assert!(first * MS <= opened + MS, "{what}: opens with what was said at {} ms", first * MS);
                if stamps != Stamps::None {
                    assert!(first * MS >= COMMAND + 200, "{what}: what was said in the guard, at {} ms", first * MS);
                }
                let heard: std::collections::BTreeSet<u64> = call.customer_heard.iter().copied().collect();
                assert!((first..first + 50).all(|frame| heard.contains(&frame)), "{what}: whole once it is open");
            }
        }
    }
}

/// Where a stall is filled with comfort noise by the host, and nothing is known of the time of what comes, the noise does not use
/// the guard up.
#[test]
fn what_the_host_fills_a_stall_with_ends_no_guard() {
    for filler in [true, false] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, Stamps::None);
        call.talk(0, 1_000, &(0..0), |_, _| {});
        // The network stalls at 1 s; the coach goes on until 2 s; the command comes then.
        for _ in 0..50 {
            call.comes(0, filler.then(|| media_time(COACH_MEDIA_FILLER, 0, 0)));
            call.wait(MS);
        }
        call.customer_heard.clear();
        call.widen(Widening::Uncoach);
        for _ in 0..50 {
            let mut noise = [1; 160];
            call.coach.read_at(FORMAT, &mut noise, filler.then(|| media_time(COACH_MEDIA_FILLER, 0, 0)).as_ref());
            assert!(!filler || noise == [0; 160], "the guard goes on");
            call.wait(MS);
        }
        for frame in 50..150 {
            call.comes(frame, None);
        }
        let heard_of_before = call.customer_heard.iter().any(|frame| *frame < 100);
        // Without the flag the noise counts as speech: that it is heard then shows that this test could fail.
        assert_eq!(heard_of_before, !filler, "filler: {filler}");
        call.talk(3_000, 4_000, &(0..0), |_, _| {});
        assert!(call.customer_heard.contains(&199), "it opens in the end");
    }
}

/// Frames that come without a stamp are open when the guard is over; one of before that comes after them is not.
#[test]
fn a_frame_of_before_that_comes_after_the_guard_is_heard_by_nobody_new() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, Stamps::Milliseconds);
    call.talk(0, 2_000, &(0..0), |_, _| {});
    call.widen(Widening::Uncoach);
    for _ in 0..50 {
        call.comes(1, None);
        call.wait(MS);
    }
    assert!(call.customer_heard.contains(&1), "without a stamp it is open after 200 ms");
    call.customer_heard.clear();
    // Late by a second, one by one, at the pace of speech.
    for frame in 90..250 {
        call.comes(frame, call.time(frame));
        call.wait(MS);
    }
    assert_eq!(call.customer_heard.iter().min(), Some(&110), "2,000 ms and the guard");
}

/// The longest that stamps can keep a guard closed: a sender whose clock goes back looks late, but for 10 s at most.
#[test]
fn stamps_that_lie_keep_nobody_silent_for_long() {
    for (what, stamp) in [
        ("zero", (|_| 0) as fn(u64) -> u64),
        ("stand still", |_| 77_000),
        ("go back", |frame| 10_000_000 - frame * 20),
        ("jump back", |frame| if frame < 100 { 50_000_000 + frame * 20 } else { 20 + frame * 20 }),
        ("jump back a little", |frame| if frame < 100 { 50_000 + frame * 20 } else { 41_000 + frame * 20 }),
        ("jump ahead", |frame| if frame < 100 { 20 + frame * 20 } else { 50_000_000 + frame * 20 }),
        ("are random", |frame| frame.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    ] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, Stamps::None);
        let mut opened = None;
        for frame in 0..700 {
            if frame == 110 {
                call.widen(Widening::Uncoach);
            }
            let heard = call.customer_heard.len();
            call.comes(frame, Some(media_time(0, stamp(frame), 1_000)));
            if call.customer_heard.len() > heard {
                opened.get_or_insert(frame);
            }
            call.wait(MS);
        }
        let opened = opened.unwrap_or_else(|| panic!("stamps that {what}: silent for ever"));
        assert!(opened >= 120, "stamps that {what}: open in frame {opened}, before the guard of 10 frames");
        assert!(opened <= 120 + 501, "stamps that {what}: open in frame {opened}, more than 10 s after the guard");
    }
}

/// Where nobody writes the clock, nothing opens; once somebody does, all is as it should be.
#[test]
fn without_a_clock_the_guard_stays_closed() {
    for how in WIDENINGS {
        let engine = Engine::new();
        let mut call = Call::new(&engine, Stamps::None);
        call.talk(0, 1_000, &(0..0), |_, _| {});
        call.widen(how);
        for frame in 50..1_050 {
            call.comes(frame, None);
        }
        assert!(call.customer_heard.is_empty(), "{how:?}: the clock stands still");
        call.wait(200);
        for frame in 1_050..1_070 {
            call.comes(frame, None);
            call.wait(MS);
        }
        assert!(call.customer_heard.contains(&1_060), "{how:?}: the clock goes");
    }
}

/// The same by Coach's own thread, in real time: it is open in the end, and not before the frames say so.
#[test]
fn the_engine_writes_its_clock_itself_for_every_private_speaker() {
    for speak_only_to in ["agent", "-"] {
        let engine = Engine::configured(0, 100, None);
        let room = engine.host_room("support");
        let coach = engine.attach("coach", "", Some(speak_only_to));
        coach.join(&room, 1).expect("enters");
        coach.uncoach().expect("is done");
        let (mut frames, began) = (0, std::time::Instant::now());
        loop {
            let mut frame = [1_000; 160];
            coach.read_at(FORMAT, &mut frame, None);
            if frame[159] != 0 {
                break;
            }
            frames += 1;
            assert!(frames < 6_000, "after a minute it is still closed");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(began.elapsed().as_millis() >= 100, "speakOnlyTo={speak_only_to}: open after {:?}", began.elapsed());
    }
}

/// Somebody who turns private again and again is heard by its audience in every guard, however many there were within the ten seconds for which
/// frames can be late: a guard that is over holds nothing back.
#[test]
fn guards_that_are_over_hold_nothing_back() {
    for stamps in [Stamps::None, Stamps::Milliseconds, Stamps::Rtp] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, stamps);
        for round in 0..6 {
            let begin = round * 1_000;
            call.talk(begin, begin + 500, &(0..0), |_, _| {});
            call.widen(Widening::Uncoach);
            call.talk(begin + 500, begin + 1_000, &(0..0), |_, _| {});
            // Any change of the room ends what is left of the pair, so that the agent is in the next audience from then on alone.
            call.customer.tag(&format!("vip-{round}")).expect("is tagged");
            call.coach.coach("agent").expect("is private again");
        }
        let (privately, openly) = (0..300).partition::<Vec<u64>, _>(|frame| frame * MS % 1_000 < 700);
        assert_eq!(call.agent_heard, privately, "stamps {stamps:?}: private speech and that of each guard");
        assert_eq!(call.customer_heard, openly, "stamps {stamps:?}: what was said after each guard");
    }
}

/// What the event and `explain` say of a guard that waits for the clock alone.
#[test]
fn explain_says_that_a_guard_waits_for_the_clock() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, Stamps::None);
    call.talk(0, 1_000, &(0..0), |_, _| {});
    call.widen(Widening::Uncoach);
    (50..100).for_each(|frame| call.comes(frame, None));
    let opens_in =
        |call: &Call| call.engine.state(Some("support")).expect("is open")["members"][0]["opens_in_ms"].clone();
    assert_eq!(opens_in(&call), 200, "50 frames have come, in no time");
    call.wait(80);
    call.comes(100, None);
    assert_eq!(opens_in(&call), 120);
    call.wait(120);
    call.comes(101, None);
    assert_eq!(opens_in(&call), 0);
    assert_eq!(call.customer_heard.first(), Some(&101));
}

/// A sender's clock drifts while it speaks privately for long: it is followed meanwhile, or a burst after a stall would open what was
/// said before the command.
#[test]
fn a_sender_s_clock_that_drifts_is_followed_while_it_speaks_privately() {
    let engine = Engine::new();
    let room = engine.host_room("room");
    let (coach, agent) = (engine.attach("coach", "", Some("agent")), engine.attach("agent", "agent", None));
    coach.join(&room, 1).expect("enters");
    agent.join(&room, 2).expect("enters");
    // 20 minutes at 400 millionths too fast: 480 ms.
    let said = |ms: u64| media_time(0, 1_000_000 + ms * 1_000_400 / 1_000, 1_000_000);
    let open = |ms: u64| {
        let mut frame = [1_000; 160];
        coach.read_at(FORMAT, &mut frame, Some(&said(ms)));
        frame[159] != 0
    };
    let last = 20 * 60 * 1_000;
    for ms in (0..last).step_by(20) {
        assert!(!open(ms), "private");
        engine.advance(20_000_000);
        engine.service();
    }
    // Nothing comes for a second, and then everything so much later; the command is given in the middle of it.
    engine.advance(500_000_000);
    coach.uncoach().expect("open");
    engine.advance(500_000_000);
    let (command, mut opened) = (last + 500, None);
    for ms in (last..last + 2_000).step_by(20) {
        engine.service();
        if open(ms) {
            opened.get_or_insert(ms);
        }
        engine.advance(20_000_000);
    }
    let opened = opened.expect("it opens");
    assert!((command..=command + 240).contains(&opened), "opens {opened} ms, the command was at {command}");
}

/// Guards go by that clock: the host is told that its time counts for nothing.
#[test]
fn an_engine_with_a_clock_of_its_own_takes_no_time_from_the_host() {
    let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE, 200, None);
    let refused = engine.set_clock(1_000_000_000).expect_err("it has a clock");
    assert_eq!(refused.status, COACH_ERR_CLOCK, "{refused:?}");
}
