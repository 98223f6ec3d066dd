//! Which engine a handle belongs to.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    engine::Engine,
    error::{Error, Result},
};
use crate::{
    audio::hook::slot::{Kind, kind},
    lock::RwLock,
};

static ENGINES: LazyLock<RwLock<HashMap<u64, Arc<Engine>>>> = LazyLock::new(RwLock::default);

/// How many handles there are, for who cannot take the lock. Never too few.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is an engine. Takes no lock.
pub fn in_use() -> bool {
    COUNT.load(Ordering::SeqCst) > 0
}

/// From now on `handle` is found.
pub fn add(handle: u64, engine: Arc<Engine>) {
    COUNT.fetch_add(1, Ordering::SeqCst);
    ENGINES.write().insert(handle, engine);
}

/// From now on it is not.
pub fn remove(handle: u64) {
    let removed = ENGINES.write().remove(&handle);
    COUNT.fetch_sub(usize::from(removed.is_some()), Ordering::SeqCst);
}

/// From now on nothing of `engine` is found.
pub fn remove_all(engine: &Arc<Engine>) {
    let mut engines = ENGINES.write();
    let before = engines.len();
    engines.retain(|_, other| !Arc::ptr_eq(other, engine));
    let removed = before - engines.len();
    if engines.is_empty() {
        *engines = HashMap::default(); // nothing stays behind where the library is unloaded
    }
    drop(engines);
    COUNT.fetch_sub(removed, Ordering::SeqCst);
}

/// The engine of a handle of `wanted` kind.
pub fn find(handle: u64, wanted: Kind) -> Result<Arc<Engine>> {
    let found = (kind(handle) == Some(wanted)).then(|| ENGINES.read().get(&handle).cloned()).flatten();
    found.ok_or_else(|| {
        Error::handle(match wanted {
            Kind::Engine => "engine",
            Kind::Room => "room",
            Kind::Member => "member",
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::engine::Config;
    use super::*;

    /// A child of a process that has no engine any more may make one: so none is counted that is gone.
    #[test]
    fn what_is_removed_is_counted_once() {
        let engines = [(), (), ()].map(|()| Engine::create(Config::for_tests(200)));
        for engine in &engines[1..] {
            engine.destroy().expect("it ends");
            let (count, most) = (COUNT.load(Ordering::SeqCst), ENGINES.read().len() + 10_000);
            assert!((1..most).contains(&count), "{count}"); // others add theirs and remove them meanwhile
        }
        engines[0].destroy().expect("it ends");
    }
}
