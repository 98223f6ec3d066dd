//! Decides which calls get a write bug: those that a private speaker addresses, and private speakers, for the sounds of their mode.

use super::{
    engine::Member,
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
    if module.all().iter().any(|leg| leg.private()) {
        for number in changed.keys().flat_map(|room| listeners(module, room)) {
            let uuid = module.services.numbers.lock().get(&number).cloned();
            if let Some(leg) = uuid.and_then(|uuid| module.find(&uuid))
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

/// Numbers of the members that hear a sound of their mode, and of those that a private speaker addresses, ignoring mute and deaf: those end
/// on the event thread, which must not wait for the core.
fn listeners(module: &Module, room: &str) -> Vec<u32> {
    let members = module.services.engine.members(room);
    let hears = |listener: &Member, speaker: &Member| {
        let to = speaker.speak_only_to.iter().flatten();
        listener.number != speaker.number && to.into_iter().any(|tag| listener.tags.contains(tag))
    };
    let told = |listener: &Member| module.services.mode_sounds && listener.speak_only_to.is_some();
    let listeners =
        members.iter().filter(|listener| told(listener) || members.iter().any(|speaker| hears(listener, speaker)));
    listeners.map(|listener| listener.number).collect()
}

/// Whether an opening guard of this member runs.
pub fn is_guarded(module: &Module, room: &str, number: u32) -> bool {
    module.services.engine.members(room).iter().any(|member| member.number == number && member.opens_in_ms > 0)
}
