//! Refuses calls in a process that was forked from one with an engine. The child has one thread, and a lock that another thread held at
//! that moment is never released in it. So every control call is refused before it takes a lock, and no handle stands for anything.

use std::{
    ffi::c_int,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    audio::hook::slot::{MEMBER, ROOM},
    lock::Mutex,
    room::{
        error::{Error, Result},
        registry,
    },
};

/// What refused calls say.
pub const MESSAGE: &str = "this process was forked from one that had an engine: Coach works in that one outside_rooms; \
                           fork first and make the engine then, or run another program here (exec)";

static FORKED: AtomicBool = AtomicBool::new(false);

/// Whether this is such a process.
pub fn happened() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// From now on a child is told what it is. The C library forgets this when the library is unloaded.
pub fn watch() -> Result<()> {
    static WATCHED: Mutex<bool> = Mutex::new(false);
    let mut watched = WATCHED.lock();
    if !*watched {
        // SAFETY: a function that does what a child may do, and stays as long as this library does.
        if unsafe { pthread_atfork(None, None, Some(in_child)) } != 0 {
            return Err(Error::memory("what a fork needs"));
        }
        *watched = true;
    }
    Ok(())
}

/// Runs in the child before fork() returns: neither allocates nor locks.
unsafe extern "C" fn in_child() {
    if registry::in_use() {
        FORKED.store(true, Ordering::Relaxed);
        MEMBER.forget();
        ROOM.forget();
    }
}

type Handler = Option<unsafe extern "C" fn()>;

unsafe extern "C" {
    /// POSIX.
    fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
}
