//! Coach's own threads: the service, which writes the clock and prepares conversions; the one that tells events which wait; and the
//! clock of a room that ticks by itself.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::engine::Engine;
use crate::{
    audio::slot::{ROOM, Refused},
    faults::{self, Where},
    lock::{Condvar, Mutex},
};

/// How often a service looks whether there is something to do; half of what a change of rate may cost.
const PERIOD: Duration = Duration::from_millis(10);

/// A thread that does one job of an engine, over and over.
#[derive(Default)]
pub struct Service {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    /// Starts it, if it is not running. Where the system has no thread to give, the next call tries again; until then voices
    /// that need a conversion are silent, and events that wait are not told.
    pub fn start(&self, name: &str, engine: &Arc<Engine>, job: fn(&Arc<Engine>)) {
        let mut thread = self.thread.lock();
        if thread.is_none() && !*self.stop.0.lock() {
            let (stop, engine) = (self.stop.clone(), Arc::downgrade(engine));
            let serve = move || {
                let mut stopped = stop.0.lock();
                while !*stopped {
                    stop.1.wait_for(&mut stopped, PERIOD);
                    if !*stopped && let Some(engine) = engine.upgrade() {
                        stopped.unlocked(|| {
                            // A fault costs this turn; the next one is another chance.
                            let _ = catch_unwind(AssertUnwindSafe(|| job(&engine)));
                        });
                    }
                }
            };
            *thread = thread::Builder::new().name(name.into()).spawn(serve).ok();
        }
    }

    /// Stops it for good; returns when it has ended.
    pub fn stop(&self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        faults::point(Where::Destroy);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

/// The thread that ticks one room.
pub struct Clock {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Clock {
    /// Ticks the room every `tick_ms` from now on.
    pub fn start(room: u64, tick_ms: u32) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, period) = (stop.clone(), Duration::from_millis(tick_ms.into()));
        let run = move || {
            let mut next = Instant::now() + period;
            while !stopped.load(Ordering::Acquire) {
                thread::sleep(next.saturating_duration_since(Instant::now()));
                // Late ticks are made up for, unless the machine slept: then they would only be a burst.
                if next.elapsed() > 10 * period {
                    next = Instant::now();
                }
                next += period;
                // A fault costs this tick; the next one is another chance.
                let _ = catch_unwind(|| {
                    let room = loop {
                        match ROOM.enter_read(room) {
                            // A host that ticks this room too is refused, and out again at once.
                            Err(Refused::Overlap) => thread::yield_now(),
                            entered => break entered,
                        }
                    };
                    if let Ok((room, _inside)) = room {
                        // SAFETY: inside the room's tick gate.
                        unsafe { room.tick() };
                    }
                });
            }
        };
        let thread = thread::Builder::new().name("coach-clock".into()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Lets it end, a tick later at most.
    pub fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Returns when it has ended.
    pub fn stop(self) {
        self.ask_to_stop();
        faults::point(Where::Destroy);
        let _ = self.thread.join();
    }
}
