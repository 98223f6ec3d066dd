//! What the control plane costs: changes in a large room, what other rooms notice of them, reports, memory, clocks and the end of an
//! engine. Calls go through the C ABI of a libcoach.so loaded with dlopen, as a switch's do. Fails if a bound is missed.

#[path = "../hooks/host.rs"]
#[allow(dead_code)]
mod host;
mod process;

use host::{Engine, Member, Room};
use std::{
    ffi::CString,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The large room of most cases: members, and how many of them speak privately.
const MEMBERS: u32 = 1_000;
const COACHES: u32 = 200;

/// Whom the private speakers of a room speak to.
#[derive(Clone, Copy, PartialEq)]
enum Tags {
    /// Each has an agent of its own.
    Each,
    /// All speak to one tag, which every open member carries.
    Shared,
}

/// Cases, by the name that an argument asks for them by.
type Group = (&'static str, fn() -> bool);

fn main() -> ExitCode {
    println!("{:<64}{:>12}{:>12}", "control plane", "measured", "bound");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let groups: [Group; 11] = [
        ("changes", || changes(Tags::Each, 0.3, 30.0, 5.0, None)),
        ("shared", || changes(Tags::Shared, 1.0, 100.0, 20.0, Some(16.0))),
        ("conversions", conversions),
        ("voices", voices),
        ("streams", streams),
        ("small", small_rooms),
        ("show", show),
        ("destroy", destroy),
        ("clocks", clocks),
        ("late", late_ticks),
        ("idle", idle),
    ];
    let met: Vec<bool> = groups.iter().filter(|(name, _)| name.contains(&only)).map(|(_, group)| group()).collect();
    if met.contains(&false) {
        eprintln!("a bound is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// One line of the table; whether the bound holds.
fn line(name: &str, value: f64, unit: &str, bound: f64) -> bool {
    let met = value <= bound;
    let verdict = if met { "ok" } else { "MISSED" };
    println!("  {name:<62}{:>12}{:>12}  {verdict}", format!("{value:.3} {unit}"), format!("{bound} {unit}"));
    met
}

fn ms(action: impl FnOnce()) -> f64 {
    let start = Instant::now();
    action();
    start.elapsed().as_secs_f64() * 1e3
}

/// The value below which `part` of all are.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}

/// A room of [`MEMBERS`], the private speakers first.
fn fill(engine: &Engine, name: &str, tags: Tags) -> (Room, Vec<Member>) {
    let room = engine.host_mixed(name);
    let member = |number| {
        let (coach, own) = (number <= COACHES, format!("agent-{}", (number - 1) % COACHES));
        match tags {
            Tags::Each if coach => engine.member(&room, number, "", Some(&own)),
            Tags::Each if number <= 2 * COACHES => engine.member(&room, number, &own, None),
            Tags::Each => engine.member(&room, number, "", None),
            Tags::Shared if coach => engine.member(&room, number, "", Some("agent")),
            Tags::Shared => engine.member(&room, number, "agent", None),
        }
    };
    let members = (1..=MEMBERS).map(member).collect();
    (room, members)
}

/// Changes of one member of the large room, and how long another room waits for them.
fn changes(tags: Tags, change: f64, filling: f64, closing: f64, heap: Option<f64>) -> bool {
    let what = if tags == Tags::Each { "a tag each" } else { "one tag for all" };
    let engine = Engine::quiet();
    let before = process::heap();
    let mut large = None;
    let filled = ms(|| large = Some(fill(&engine, "large", tags)));
    let (room, members) = large.expect("it is filled");
    engine.settle();
    let megabytes = (process::heap() - before) as f64 / 1e6;
    let mut met = line(&format!("filling a room of {MEMBERS} / {COACHES}, {what}"), filled, "ms", filling);
    if let Some(bound) = heap {
        // Of who has said nothing yet, a private voice is 54 KB, which is not what a pair costs.
        let voices = f64::from(COACHES) * 0.054;
        met &= line(&format!("heap, {what}, voices apart"), megabytes - voices, "MB", bound);
    }
    let (coach, agent) = (members[0], members[COACHES as usize + 7]);
    let tag = if tags == Tags::Each { "agent-7" } else { "agent" };
    let changes: [(&str, &dyn Fn(bool)); 3] = [
        ("mute an agent", &|on| agent.mute(on)),
        ("mute a coach", &|on| coach.mute(on)),
        ("tag an agent", &|on| agent.tag(if on { "other" } else { tag })),
    ];
    for (name, run) in changes {
        let times = (0..101).map(|turn| ms(|| run(turn % 2 == 0)));
        met &= line(&format!("{name}, {MEMBERS} / {COACHES}, {what}"), quantile(times.collect(), 0.5), "ms", change);
    }
    met &= line(
        &format!("tag in a room of one meanwhile, p99, {what}"),
        meanwhile(&engine, || {
            agent.tag("other");
            agent.tag(tag);
        }),
        "ms",
        0.1,
    );
    met & line(&format!("closing it, {what}"), ms(|| engine.close(&room)), "ms", closing)
}

/// How long `tag` takes in a room of one while another thread does something over and over: the 99th percentile.
fn meanwhile(engine: &Engine, busy: impl Fn() + Sync) -> f64 {
    let room = engine.host_mixed("small");
    let member = engine.member(&room, 1, "a", None);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                busy();
            }
        });
        thread::sleep(Duration::from_millis(20));
        let times = (0..1_000).map(|turn| {
            thread::sleep(Duration::from_micros(500));
            ms(|| member.tag(if turn % 2 == 0 { "b" } else { "a" }))
        });
        let times: Vec<f64> = times.collect();
        over.store(true, Ordering::Relaxed);
        engine.close(&room);
        quantile(times, 0.99)
    })
}

/// What a pair of two rates costs until the listener hears.
fn conversions() -> bool {
    // Frames of 20 ms: 8 to 44.1 kHz is one of those that are there soon after create, 22.05 to 48 kHz is not.
    let (usual, other) = ((160, 882), (441, 960));
    let mut met = true;
    let (time, bytes) = prepared(usual);
    met &= line("8 to 44.1 kHz: a pair to prepare", time, "ms", 0.02);
    met &= line("the same: its memory", bytes, "KB", 2.0);
    for (name, rates) in [("8 to 44.1 kHz", usual), ("22.05 to 48 kHz, first seen", other)] {
        let times = (0..5).map(|_| last_hears(rates)).collect();
        met &= line(&format!("{name}: 100 listeners until the last hears"), quantile(times, 0.5), "ms", 20.0);
    }
    met
}

/// Milliseconds of the service, and kilobytes, for each pair of one speaker and many listeners.
fn prepared((said, heard): (usize, usize)) -> (f64, f64) {
    const LISTENERS: u32 = 1_000;
    let engine = Engine::serviced_here();
    let room = engine.host_mixed("room");
    let speaker = engine.member(&room, 1, "", Some("agent"));
    let listeners: Vec<_> = (2..2 + LISTENERS).map(|number| engine.member(&room, number, "agent", None)).collect();
    (0..100).for_each(|_| engine.service());
    speaker.read(&mut vec![1_000; said]);
    for listener in &listeners {
        listener.write(&mut vec![0; heard]);
    }
    let before = process::heap();
    let time = ms(|| engine.service());
    (time / f64::from(LISTENERS), (process::heap() - before) as f64 / 1e3 / f64::from(LISTENERS))
}

/// What the write hook of one listener costs that hears private speakers of another rate, all of whom speak: it grows with the rates.
fn voices() -> bool {
    let mut met = true;
    for count in [1, 10, 100] {
        let engine = Engine::serviced_here();
        let room = engine.host_mixed("room");
        let listener = engine.member(&room, 1, "agent", None);
        let speakers: Vec<_> = (2..2 + count).map(|number| engine.member(&room, number, "", Some("agent"))).collect();
        let mut times = Vec::new();
        for turn in 0..400 {
            for speaker in &speakers {
                speaker.read(&mut [1_000; 160]);
            }
            let mut frame = [0; 960];
            let time = ms(|| {
                listener.write(&mut frame);
            });
            if turn < 10 {
                engine.service();
                continue;
            }
            assert!(i32::from(frame[959]) >= (count as i32 * 1_000).min(32_000), "all of them are heard");
            times.push(time);
        }
        let name = format!("write hook, {count} speaking to it at once, 8 to 48 kHz");
        met &= line(&name, quantile(times, 0.5), "ms", 0.1);
    }
    met
}

/// The memory of a private voice: half a second of what its speaker speaks in.
fn streams() -> bool {
    let mut met = true;
    for (kilohertz, bound) in [(8, 10.0), (16, 19.0), (48, 55.0)] {
        let engine = Engine::quiet();
        let room = engine.host_mixed("room");
        // With the first come the filters, once for all.
        engine.member(&room, 0, "", Some("agent"));
        thread::sleep(Duration::from_millis(500));
        let members: Vec<_> = (1..=100).map(|number| engine.member(&room, number, "", None)).collect();
        for member in &members {
            member.read(&mut vec![0; 20 * kilohertz]);
        }
        engine.settle();
        let before = process::heap();
        members.iter().for_each(|member| member.coach("agent"));
        engine.settle();
        let kilobytes = (process::heap() - before) as f64 / 1e3 / members.len() as f64;
        met &= line(&format!("memory of a private voice, {kilohertz} kHz"), kilobytes, "KB", bound);
    }
    met
}

/// How long it takes until the last of many listeners hears what one says in frames of 20 ms, from the first on; the service is Coach's.
fn last_hears((said, heard): (usize, usize)) -> f64 {
    let engine = Engine::new(0, 0);
    let room = engine.host_mixed("room");
    let speaker = engine.member(&room, 1, "", Some("agent"));
    let mut silent: Vec<_> = (2..102).map(|number| engine.member(&room, number, "agent", None)).collect();
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    for turn in 0..100 {
        // Each frame at its time.
        thread::sleep((begin + turn * Duration::from_millis(20)).saturating_duration_since(Instant::now()));
        speaker.read(&mut vec![1_000; said]);
        silent.retain(|listener| {
            let mut frame = vec![0; heard];
            listener.write(&mut frame);
            frame.iter().all(|sample| *sample == 0)
        });
        if silent.is_empty() {
            return f64::from(turn) * 20.0;
        }
    }
    f64::INFINITY
}

/// Ten thousand members in rooms of five.
fn small_rooms() -> bool {
    let engine = Engine::new(0, 200);
    let mut members = Vec::new();
    for room in 0..2_000 {
        let room = engine.host_mixed(&format!("room-{room}"));
        members.push(engine.member(&room, 1, "", Some("agent")));
        members.extend((2..=5).map(|number| engine.member(&room, number, "agent", None)));
    }
    let agents = members.iter().skip(1).step_by(5);
    let times = agents.map(|agent| ms(|| agent.tag("other")));
    line("tag, 10,000 members in 2,000 rooms of five", quantile(times.collect(), 0.5), "ms", 0.02)
}

/// Reports of rooms in which one member speaks privately, and how long another room waits for them.
fn show() -> bool {
    let mut met = true;
    for (size, bound, bytes) in [(1_000, 2.0, None), (10_000, 30.0, Some(2.0))] {
        let engine = Engine::new(0, 200);
        let room = engine.host_mixed("large");
        engine.member(&room, 1, "", Some("agent"));
        for number in 2..=size {
            engine.member(&room, number, if number == 2 { "agent" } else { "" }, None);
        }
        let command = CString::new("show large").expect("no NUL in it");
        let mut reply = None;
        let times = (0..3).map(|_| ms(|| reply = engine.reply(&command))).collect();
        let Some(reply) = reply else {
            println!("  show, {size} members: no answer  MISSED");
            met = false;
            continue;
        };
        met &= line(&format!("show, {size} members"), quantile(times, 0.5), "ms", bound);
        if let Some(bound) = bytes {
            met &= line(&format!("show, {size} members: its answer"), reply as f64 / 1e6, "MB", bound);
        }
        let waited = meanwhile(&engine, || {
            engine.reply(&command);
        });
        met &= line(&format!("tag in a room of one during show of {size}, p99"), waited, "ms", 0.1);
    }
    met
}

/// The end of an engine whose hooks want a thousand conversions.
fn destroy() -> bool {
    let engine = Engine::new(0, 200);
    let room = engine.host_mixed("large");
    let speaker = engine.member(&room, 1, "", Some("agent"));
    let listeners: Vec<_> = (2..=1_001).map(|number| engine.member(&room, number, "agent", None)).collect();
    for _ in 0..2 {
        speaker.read(&mut [1_000; 160]);
        for listener in &listeners {
            listener.write(&mut [0; 882]);
        }
    }
    thread::sleep(Duration::from_millis(15));
    line("destroy with 1,000 conversions wanted", ms(|| drop(engine)), "ms", 20.0)
}

/// Rooms that the engine ticks: threads, and a share of one core.
fn clocks() -> bool {
    let engine = Engine::new(0, 200);
    let before = process::threads();
    (0..200).for_each(|room| {
        let room = engine.engine_ticked(&format!("talk-{room}"));
        for number in 1..=10 {
            engine.member(&room, number, "", None);
        }
    });
    let with_members = process::busy(Duration::from_secs(2));
    for room in 0..2_000 {
        engine.engine_ticked(&format!("empty-{room}"));
    }
    let threads = process::threads() - before;
    let added = process::busy(Duration::from_secs(2)) - with_members;
    let met = line("threads of 2,200 rooms with engine clocks", threads as f64, "", 3.0);
    met & line("2,000 of them without members, of one core", added * 100.0, "%", 5.0)
}

/// How late a room of ten is ticked beside one of ten thousand.
fn late_ticks() -> bool {
    let engine = Engine::new(0, 200);
    let large = engine.engine_ticked("large");
    let members: Vec<_> = (1..=10_000).map(|number| engine.member(&large, number, "", None)).collect();
    let small = engine.engine_ticked("small");
    let (speaker, listener) = (engine.member(&small, 1, "", None), engine.member(&small, 2, "", None));
    let mut gaps = Vec::new();
    let began = Instant::now();
    // What the speaker says is heard a tick later: the time between two changes of what the listener is given.
    let (mut last, mut heard) = (Instant::now(), 0);
    for value in 1.. {
        if began.elapsed() > Duration::from_secs(3) {
            break;
        }
        speaker.read(&mut [value; 160]);
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            let mut frame = [0_i16; 160];
            listener.write(&mut frame);
            if frame[159] != heard && frame[159] != 0 {
                heard = frame[159];
                gaps.push(last.elapsed().as_secs_f64() * 1e3);
                last = Instant::now();
            }
            thread::sleep(Duration::from_micros(500));
        }
    }
    assert_eq!(members.len(), 10_000);
    line("tick beside a room of 10,000: late by, p95", (quantile(gaps, 0.95) - 20.0).max(0.0), "ms", 5.0)
}

/// Wake-ups of Coach's threads while nothing is to be done.
fn idle() -> bool {
    let engine = Engine::new(0, 200);
    let room = engine.host_mixed("room");
    let (coach, agent) = (engine.member(&room, 1, "", Some("agent")), engine.member(&room, 2, "agent", None));
    for _ in 0..50 {
        coach.read(&mut [1_000; 160]);
        agent.write(&mut [0; 160]);
    }
    thread::sleep(Duration::from_secs(1));
    line("wake-ups a second, idle, one private speaker", process::wake_ups(Duration::from_secs(3)), "", 10.0)
}
