//! Coach's own threads: the service, which writes the clock and prepares conversions, and the one that tells events which wait. For rooms
//! that tick by themselves see `ticker`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    faults::{self, Where},
    lock::{Condvar, Mutex, MutexGuard},
};

/// How often the service looks whether there is something to do, while hooks may want something; half of what a change of rate may cost.
pub const PERIOD: Duration = Duration::from_millis(10);

/// How often it looks while nothing is going on. A hook cannot wake it, since hooks make no system calls; so this is how late it finds
/// that hooks run again after a pause.
pub const REST: Duration = Duration::from_millis(120);

/// A thread that does one job of an engine, over and over.
#[derive(Default)]
pub struct Service {
    signal: Arc<(Mutex<Signal>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Signal {
    stopped: bool,
    woken: bool,
    /// It waits for longer than a [`PERIOD`].
    resting: bool,
}

impl Service {
    /// Starts it, if it is not running. It waits for `first`, or until it is woken, before it does its job, which says how long it waits then.
    /// Where the system has no thread to give, the next call tries again; until then streams that need a conversion are silent, and events
    /// that wait are not told.
    pub fn start<E: Send + Sync + 'static>(
        &self,
        name: &str,
        engine: &Arc<E>,
        first: Option<Duration>,
        job: fn(&Arc<E>) -> Option<Duration>,
    ) {
        let mut thread = self.thread.lock();
        if thread.is_none() && !self.signal.0.lock().stopped {
            let (signal, engine) = (self.signal.clone(), Arc::downgrade(engine));
            let serve = move || {
                let (mut state, mut time) = (signal.0.lock(), first);
                while !state.stopped {
                    state.wait(&signal.1, time);
                    if state.stopped {
                        break;
                    }
                    state.woken = false;
                    if let Some(engine) = engine.upgrade() {
                        // A fault costs this turn; the next one is another chance.
                        time =
                            state.unlocked(|| catch_unwind(AssertUnwindSafe(|| job(&engine))).unwrap_or(Some(PERIOD)));
                    }
                }
            };
            *thread = thread::Builder::new().name(name.into()).spawn(serve).ok();
        }
    }

    /// There is something to do. Whoever looks every [`PERIOD`] anyway finds it then.
    pub fn wake(&self) {
        let mut state = self.signal.0.lock();
        state.woken = true;
        if state.resting {
            self.signal.1.notify_all();
        }
    }

    /// Stops it for good; returns when it has ended.
    pub fn stop(&self) {
        self.signal.0.lock().stopped = true;
        self.signal.1.notify_all();
        faults::point(Where::Destroy);
        // Not while it is locked: the service's own job may want to start it.
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl MutexGuard<'_, Signal> {
    /// Waits for so long, or until it is woken; if that happened since the last job began, for a [`PERIOD`] at most.
    fn wait(&mut self, signal: &Condvar, time: Option<Duration>) {
        match time {
            Some(time) if time <= PERIOD => signal.wait_for(self, time),
            _ if self.woken => {}
            _ => {
                self.resting = true;
                match time {
                    Some(time) => signal.wait_for(self, time),
                    None => signal.wait(self),
                }
                self.resting = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// It waits for an hour, were it not woken.
    #[test]
    fn who_waits_for_long_is_woken_and_so_is_who_waits_for_nothing_else() {
        for time in [Some(Duration::from_secs(3_600)), None] {
            let (tell, told) = mpsc::channel();
            let engine = Arc::new((Mutex::new(tell), time));
            let service = Service::default();
            service.start("coach-test", &engine, Some(Duration::ZERO), |engine| {
                let _ = engine.0.lock().send(());
                engine.1
            });
            for turn in 0..3 {
                told.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("turn {turn}, after {time:?}"));
                service.wake();
            }
            service.stop();
        }
    }
}
