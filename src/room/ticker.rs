//! Ticks the rooms that tick by themselves: two threads for all rooms of an engine. A room that nobody is in is not ticked.
//!
//! Each takes the room whose tick is due next. Ticks of the same length fall on the same moments, so that one wake-up serves many. While
//! one thread is in a large room the other goes on with the rest.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    panic::catch_unwind,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    audio::hook::slot::{ROOM, Refused},
    faults::{self, Where},
    lock::{Condvar, Mutex, MutexGuard},
};

const THREADS: usize = 2;

/// So many ticks are taken at a time where they are short.
const BATCH: usize = 32;

/// Ticks that are longer than this are taken one at a time.
const LONG: Duration = Duration::from_micros(50);

/// See above.
#[derive(Default)]
pub struct Ticker {
    shared: Arc<(Mutex<State>, Condvar)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    rooms: BinaryHeap<Reverse<Ticked>>,
    /// A thread waits until the next tick is due; others wait until they are told.
    waited_for: bool,
    /// How many of those there are.
    idle: usize,
    stopped: bool,
}

/// One room, in the order in which ticks are made: of those that are due at the same moment, short ones come before long ones, so that a
/// large room delays none of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticked {
    due: Instant,
    long: bool,
    room: u64,
    period: Duration,
}

impl Ticker {
    /// Ticks the room every `tick_ms` from now on, until its handle goes or it falls asleep. `false` where the system has no thread to give.
    pub fn add(&self, room: u64, tick_ms: u32) -> bool {
        let mut threads = self.threads.lock();
        while threads.len() < THREADS {
            let shared = self.shared.clone();
            match thread::Builder::new().name("coach-clock".into()).spawn(move || run(&shared)) {
                Ok(thread) => threads.push(thread),
                Err(_) if threads.is_empty() => return false,
                Err(_) => break, // one does it, too
            }
        }
        let period = Duration::from_millis(tick_ms.into());
        let mut state = self.shared.0.lock();
        let due = on_time(Instant::now() + period, period);
        state.rooms.push(Reverse(Ticked { due, room, period, long: false }));
        drop(state);
        self.shared.1.notify_all(); // it may be the next
        true
    }

    /// Stops it for good; returns when its threads have ended.
    pub fn stop(&self) {
        self.shared.0.lock().stopped = true;
        self.shared.1.notify_all();
        faults::point(Where::Destroy);
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
    }
}

/// The last moment up to `due` on which ticks of this length fall.
fn on_time(due: Instant, period: Duration) -> Instant {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let since = due.saturating_duration_since(*BEGAN.get_or_init(Instant::now));
    due - Duration::from_nanos((since.as_nanos() % period.as_nanos().max(1)) as u64)
}

fn run((state, changed): &(Mutex<State>, Condvar)) {
    let mut state = state.lock();
    let mut taken = Vec::with_capacity(BATCH);
    while !state.stopped {
        let next = state.rooms.peek().map(|Reverse(next)| next.due);
        let left = next.map(|due| due.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => {}
            Some(left) if !state.waited_for => {
                state.waited_for = true;
                changed.wait_for(&mut state, left);
                state.waited_for = false;
                continue;
            }
            _ => {
                state.idle += 1;
                changed.wait(&mut state);
                state.idle -= 1;
                continue;
            }
        }
        take(&mut state, &mut taken);
        // Another thread goes on with what is due meanwhile, or waits for what will be.
        if state.idle > 0 && !state.rooms.is_empty() {
            changed.notify_all();
        }
        state.unlocked(|| taken.retain_mut(tick));
        state.rooms.extend(taken.drain(..).map(Reverse));
    }
}

/// Takes ticks that are due now.
fn take(state: &mut MutexGuard<'_, State>, taken: &mut Vec<Ticked>) {
    let now = Instant::now();
    while let Some(Reverse(next)) = state.rooms.peek()
        && next.due <= now
        && taken.len() < BATCH
        && (taken.is_empty() || !next.long)
    {
        let long = next.long;
        taken.extend(state.rooms.pop().map(|Reverse(next)| next));
        if long {
            return;
        }
    }
}

/// Ticks a room, and says when it is due next; whether it is: it may be gone, or asleep until somebody comes.
fn tick(ticked: &mut Ticked) -> bool {
    let began = Instant::now();
    // A fault costs this tick; the next one is another chance.
    let done = catch_unwind(|| {
        ROOM.enter_read(ticked.room).map(|(room, _inside)| {
            // SAFETY: inside the room's tick gate.
            unsafe {
                room.tick();
                room.falls_asleep()
            }
        })
    });
    if let Ok(Err(Refused::Overlap)) = done {
        // A host that ticks this room too is refused, and soon out again. Until then the rooms that are due as well do not wait.
        thread::yield_now();
        ticked.long = true;
        return true;
    }
    let now = Instant::now();
    ticked.long = now - began > LONG;
    // Late ticks are made up for, unless the machine slept: then they would only be a burst.
    if now.saturating_duration_since(ticked.due) > 10 * ticked.period {
        ticked.due = on_time(now, ticked.period);
    }
    ticked.due += ticked.period;
    !matches!(done, Ok(Err(_) | Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::super::{
        engine::{Config, Engine},
        state::{Mixer, NewMember},
    };
    use super::*;
    use crate::audio::format::Format;

    fn engine() -> Arc<Engine> {
        Engine::create(Config::for_tests(200))
    }

    fn open(engine: &Arc<Engine>, name: u32) -> u64 {
        let format = Format::new(8_000, 1).expect("a format");
        let mixer = Mixer::Engine { format, tick_ms: 10 + name % 3 * 10, own_clock: true };
        engine.open_room(&name.to_string(), mixer, (std::ptr::null_mut(), None)).expect("is opened")
    }

    /// A member that only listens.
    fn enter(engine: &Arc<Engine>, room: u64, call_id: &str) -> u64 {
        let member = engine.attach(&NewMember::for_tests(call_id, None, None)).expect("is attached");
        engine.join(member, room, 1).expect("enters");
        member
    }

    fn ticks(engine: &Arc<Engine>, room: u32) -> u64 {
        engine.in_room(&room.to_string(), |state| Ok(state.room()?.bus().map_or(0, |bus| bus.ticks()))).unwrap_or(0)
    }

    fn until(what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn two_threads_tick_all_rooms_until_they_are_closed() {
        let engine = engine();
        let rooms: Vec<_> = (0..100).map(|name| open(&engine, name)).collect();
        rooms.iter().for_each(|room| _ = enter(&engine, *room, &room.to_string()));
        until("every room is ticked over and over", || (0..100).all(|room| ticks(&engine, room) > 4));
        assert_eq!(engine.shared.ticker.threads.lock().len(), THREADS);
        rooms.into_iter().for_each(|room| engine.close_room(room).expect("is closed"));
        until("nothing is left of closed rooms", || engine.shared.ticker.shared.0.lock().rooms.is_empty());
        engine.destroy().expect("it ends");
    }

    #[test]
    fn a_room_is_ticked_while_somebody_is_in_it_and_until_all_that_is_left_of_them_is_silent() {
        let engine = engine();
        let room = open(&engine, 0);
        let in_clock = || engine.shared.ticker.shared.0.lock().rooms.len();
        // While a thread ticks it, it is not among them.
        let idle = || engine.shared.ticker.shared.0.lock().idle == THREADS;
        for turn in 0..3 {
            until("an empty room is not ticked", || in_clock() == 0 && (turn == 0 || idle()));
            let before = ticks(&engine, 0);
            thread::sleep(Duration::from_millis(50));
            assert_eq!(ticks(&engine, 0), before, "turn {turn}");
            let member = enter(&engine, room, "one");
            until("it is ticked again", || ticks(&engine, 0) > before + 40);
            assert!(in_clock() <= 1, "once at a time");
            engine.detach(member).expect("leaves");
        }
        engine.destroy().expect("it ends");
    }

    #[test]
    fn of_ticks_that_are_due_at_once_short_ones_come_first() {
        let due = Instant::now();
        let ticked = |room, long| Ticked { due, long, room, period: Duration::from_millis(20) };
        let rooms = [ticked(1, true), ticked(3, false), ticked(2, false)];
        let mut state = State { rooms: rooms.map(Reverse).into(), ..State::default() };
        let order = std::iter::from_fn(|| state.rooms.pop().map(|Reverse(next)| next.room));
        assert_eq!(order.collect::<Vec<_>>(), [2, 3, 1]);
    }

    /// The host is in one room for long, so that a thread waits for it.
    #[test]
    fn a_room_that_takes_long_holds_up_no_other() {
        let engine = engine();
        let slow = open(&engine, 0);
        enter(&engine, slow, "slow");
        (1..20).for_each(|name| _ = enter(&engine, open(&engine, name), &name.to_string()));
        let inside = loop {
            match ROOM.enter_read(slow) {
                Ok((_, inside)) => break inside,
                Err(_) => thread::yield_now(), // it is being ticked
            }
        };
        let before: Vec<_> = (0..20).map(|room| ticks(&engine, room)).collect();
        until("the others go on", || (1..20).all(|room| ticks(&engine, room) > before[room as usize] + 5));
        drop(inside);
        until("and it does, once it can", || ticks(&engine, 0) > before[0] + 1);
        engine.destroy().expect("it ends");
    }
}
