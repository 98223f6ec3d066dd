//! What every hook costs, against floors measured in the same run on the same frame: 20 ms at 8 kHz, 160 samples.
//! Calls go through the C ABI of a libcoach.so loaded with dlopen, as a switch's do. Fails if a bound is missed.

mod cases;
mod clock;
mod command;
mod floors;
#[allow(dead_code)] // the bench of rooms uses the rest
mod host;
mod instructions;
mod memory;

use cases::{Captured, Case, Delivered, Mixed, Untouched, speech};
use floors::{AddAndLessOwn, Memcpy};
use host::done;
use std::{process::ExitCode, time::Instant};

/// A line of the table: a floor, or a case that is held against one.
struct Row {
    name: &'static str,
    make: fn() -> Box<dyn Case>,
    /// The floor's place in the list, and how many times the floor the case may cost.
    floor: Option<(usize, Option<f64>)>,
    instructions: Counted,
}

/// Whether instructions are counted, and how many times the floor's they may be.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Not,
    Unbound,
    Within(f64),
}

const fn floor(name: &'static str, make: fn() -> Box<dyn Case>) -> Row {
    Row { name, make, floor: None, instructions: Counted::Unbound }
}

const fn case(name: &'static str, make: fn() -> Box<dyn Case>, floor: usize, bound: f64, instructions: Counted) -> Row {
    Row { name, make, floor: Some((floor, Some(bound))), instructions }
}

const ROWS: [Row; 11] = [
    floor("floor: memcpy", || Box::new(Memcpy::new())),
    case("host-mixed, nobody private: read + write", || Box::new(Untouched::new()), 0, 5.0, Counted::Within(2.5)),
    case("read, private speaker", || Box::new(Captured::new()), 0, 10.0, Counted::Within(5.0)),
    case("write, listener of one private speaker", || Box::new(Delivered::new(8_000)), 0, 16.0, Counted::Within(8.0)),
    Row {
        name: "write, the same, 8 kHz to 48 kHz",
        make: || Box::new(Delivered::new(48_000)),
        floor: Some((0, None)),
        instructions: Counted::Not,
    },
    floor("floor: add, total less own, 10 frames", || Box::new(AddAndLessOwn::new(10))),
    case("engine-mixed, 10 members: a member's tick", || Box::new(Mixed::new(10)), 5, 6.0, Counted::Within(3.0)),
    floor("floor: add, total less own, 100 frames", || Box::new(AddAndLessOwn::new(100))),
    case("engine-mixed, 100 members: a member's tick", || Box::new(Mixed::new(100)), 7, 6.0, Counted::Within(3.0)),
    floor("floor: add, total less own, 1,000 frames", || Box::new(AddAndLessOwn::new(1_000))),
    case("engine-mixed, 1,000 members: a member's tick", || Box::new(Mixed::new(1_000)), 9, 6.0, Counted::Within(3.0)),
];

/// The engine-mixed rows: their costs a member may differ by this factor.
const SIZES: [usize; 3] = [6, 8, 10];
const SPREAD: f64 = 2.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == instructions::FLAG) {
        let row: usize = arguments.get(at + 1).and_then(|a| a.parse().ok()).expect("the row to count should follow");
        instructions::run((ROWS[row].make)().as_mut());
        return ExitCode::SUCCESS;
    }
    // Cases of the hooks alone, by a part of their names.
    if let Some(only) = arguments.iter().skip(1).find(|argument| !argument.starts_with('-')) {
        return if hooks(only) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let met = [memory(), hooks(""), commands(), instruction_counts()];
    if met.contains(&false) {
        eprintln!("a bound is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn memory() -> bool {
    heading("memory", "bytes", "", "bound");
    let mut met = true;
    for (name, bytes, bound) in [
        ("host-mixed member that never spoke privately", memory::open(), Some(2 << 10)),
        ("host-mixed member that speaks privately, 8 kHz", memory::private(), Some(64 << 10)),
        ("engine-mixed member, 8 kHz", memory::mixed(), None),
    ] {
        met &= line(name, bytes as f64, None, bound.map(f64::from), bytes as f64);
    }
    met
}

/// Measures the cases whose names have `only` in them, with their floors.
fn hooks(only: &str) -> bool {
    let wanted = |index: usize| ROWS[index].name.contains(only);
    let floor_of_one = |index: usize| {
        let floors = (0..ROWS.len()).filter(|row| wanted(*row)).filter_map(|row| ROWS[row].floor);
        floors.map(|(floor, _)| floor).any(|floor| floor == index)
    };
    let rows: Vec<_> = (0..ROWS.len()).filter(|row| wanted(*row) || floor_of_one(*row)).collect();
    let mut cases: Vec<Box<dyn Case>> = rows.iter().map(|row| (ROWS[*row].make)()).collect();
    let costs = clock::measure(&mut cases);
    let cost = |row: usize| &costs[rows.iter().position(|measured| *measured == row).expect("it was measured")];
    heading("hooks", "ns", "ratio", "bound");
    let mut met = true;
    for index in &rows {
        let row = &ROWS[*index];
        let ratio = row.floor.map(|(floor, _)| cost(*index).ratio(cost(floor)));
        let bound = row.floor.and_then(|(_, bound)| bound);
        met &= line(row.name, cost(*index).ns(), ratio, bound, ratio.unwrap_or_default());
    }
    if !only.is_empty() {
        return met;
    }
    let sizes = || SIZES.iter().map(|row| cost(*row).ns());
    let spread = sizes().fold(0.0, f64::max) / sizes().fold(f64::INFINITY, f64::min);
    met &= line("engine-mixed: dearest size over cheapest", f64::NAN, Some(spread), Some(SPREAD), spread);
    for size in [10, 100, 1_000] {
        println!("  longest single call of 1,000 ticks, {size} members: {}", longest(size));
    }
    println!("  Frames are filled before the clock starts; the clock's own cost is taken off.");
    met
}

/// The longest single calls, whatever else the machine did meanwhile.
fn longest(size: usize) -> String {
    let case = Mixed::new(size);
    let mut longest = [0.0_f64; 3];
    let mut clock = |call: usize, run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        longest[call] = longest[call].max(start.elapsed().as_secs_f64() * 1e6);
    };
    for _ in 0..1_000 {
        for member in &case.members {
            let mut frame = speech(1);
            clock(0, &mut || done(member.read(&mut frame)));
        }
        clock(1, &mut || done(case.room.tick()));
        for member in &case.members {
            let mut frame = speech(1);
            clock(2, &mut || done(member.write(&mut frame)));
        }
    }
    let [read, tick, write] = longest;
    format!("read {read:.1} us, tick {tick:.1} us, write {write:.1} us")
}

fn commands() -> bool {
    heading("command", "ms", "longest", "bound");
    let mut met = true;
    for (name, size, bound) in
        [("tag, room of 100 members", 100, None), ("tag, room of 1,000 members", 1_000, Some(1.0))]
    {
        let taken = command::tag(size);
        met &= line(name, taken.median, Some(taken.longest), bound, taken.median);
    }
    println!("  Until the first hook that acts on it has returned.");
    met
}

fn instruction_counts() -> bool {
    heading("instructions", "count", "ratio", "bound");
    let mut counts = [f64::NAN; ROWS.len()];
    let mut met = true;
    for (index, row) in ROWS.iter().enumerate().filter(|(_, row)| row.instructions != Counted::Not) {
        match instructions::count(index, (row.make)().units()) {
            Ok(count) => counts[index] = count,
            Err(why) => {
                println!("  {why}");
                return false;
            }
        }
        let ratio = row.floor.map(|(floor, _)| counts[index] / counts[floor]);
        let bound = if let Counted::Within(bound) = row.instructions { Some(bound) } else { None };
        met &= line(row.name, counts[index], ratio, bound, ratio.unwrap_or_default());
    }
    met
}

fn heading(what: &str, value: &str, second: &str, bound: &str) {
    println!("\n{what:<48}{value:>12}{second:>10}{bound:>10}");
}

/// One line of a table; whether what was judged is within the bound.
fn line(name: &str, value: f64, second: Option<f64>, bound: Option<f64>, judged: f64) -> bool {
    let met = bound.is_none_or(|bound| judged <= bound);
    let value = if value.is_nan() { String::new() } else { format!("{value:.*}", if value < 1_000.0 { 2 } else { 0 }) };
    let second = second.map_or(String::new(), |v| format!("{v:.2}"));
    let verdict = match (bound, met) {
        (None, _) => String::new(),
        (Some(_), true) => "  ok".into(),
        (Some(_), false) => "  MISSED".into(),
    };
    let bound = bound.map_or(String::new(), |v| format!("{v}"));
    println!("  {name:<46}{value:>12}{second:>10}{bound:>10}{verdict}");
    met
}
