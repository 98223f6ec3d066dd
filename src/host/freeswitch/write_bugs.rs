//! Decides which calls get a write bug: those that a private speaker addresses, and private speakers, for the sounds of their mode.

use super::{
    media_bug::Installation,
    module::{Module, current},
    session::Session,
};

/// Does something with the module, unless it is being unloaded; then sees to those who hear somebody privately by now.
pub fn with_module<R>(act: impl FnOnce(&Module) -> R) -> Option<R> {
    let module = current()?;
    let done = act(&module);
    install(&module);
    Some(done)
}

/// Installs write bugs in the conferences that have changed. No lock of ours may be held. A change stays noted until some thread has dealt
/// with it.
pub fn install(module: &Module) {
    let changed = module.services.changed.pending();
    if changed.is_empty() {
        return;
    }
    let mut coming = false;
    let legs = module.all();
    if legs.iter().any(|leg| leg.private()) {
        for leg in legs {
            if leg.needs_write_bug_in().is_some_and(|room| changed.contains_key(&room))
                && let Some(session) = Session::locate(&leg.uuid)
            {
                coming |= leg.install_write_bug(&session) == Installation::Pending;
            }
        }
    }
    // What another thread is doing may fail: somebody looks again.
    if !coming {
        module.services.changed.done(&changed);
    }
}
