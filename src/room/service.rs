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
    lock::{Condvar, Mutex},
};

/// How often the service looks whether there is something to do; half of what a change of rate may cost.
pub const PERIOD: Duration = Duration::from_millis(10);

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
}

impl Service {
    /// Starts it, if it is not running: every `period`, or else whenever it is woken. Where the system has no thread to give, the next
    /// call tries again; until then voices that need a conversion are silent, and events that wait are not told.
    pub fn start<E: Send + Sync + 'static>(
        &self,
        name: &str,
        engine: &Arc<E>,
        period: Option<Duration>,
        job: fn(&Arc<E>),
    ) {
        let mut thread = self.thread.lock();
        if thread.is_none() && !self.signal.0.lock().stopped {
            let (signal, engine) = (self.signal.clone(), Arc::downgrade(engine));
            let serve = move || {
                let mut state = signal.0.lock();
                while !state.stopped {
                    match period {
                        Some(period) => signal.1.wait_for(&mut state, period),
                        None if !state.woken => signal.1.wait(&mut state),
                        None => {}
                    }
                    let due = period.is_some() || std::mem::take(&mut state.woken);
                    if due
                        && !state.stopped
                        && let Some(engine) = engine.upgrade()
                    {
                        state.unlocked(|| {
                            // A fault costs this turn; the next one is another chance.
                            let _ = catch_unwind(AssertUnwindSafe(|| job(&engine)));
                        });
                    }
                }
            };
            *thread = thread::Builder::new().name(name.into()).spawn(serve).ok();
        }
    }

    /// There is something to do.
    pub fn wake(&self) {
        self.signal.0.lock().woken = true;
        self.signal.1.notify_all();
    }

    /// Stops it for good; returns when it has ended.
    pub fn stop(&self) {
        self.signal.0.lock().stopped = true;
        self.signal.1.notify_all();
        faults::point(Where::Destroy);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}
