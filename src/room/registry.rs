//! Which engine a handle belongs to.

use std::{collections::HashMap, sync::Arc, sync::LazyLock};

use super::{
    engine::Engine,
    error::{Error, Result},
};
use crate::{
    audio::slot::{Kind, kind},
    lock::RwLock,
};

static ENGINES: LazyLock<RwLock<HashMap<u64, Arc<Engine>>>> = LazyLock::new(RwLock::default);

/// From now on `handle` is found.
pub fn add(handle: u64, engine: Arc<Engine>) {
    ENGINES.write().insert(handle, engine);
}

/// From now on it is not.
pub fn remove(handle: u64) {
    ENGINES.write().remove(&handle);
}

/// From now on nothing of `engine` is found.
pub fn remove_all(engine: &Arc<Engine>) {
    let mut engines = ENGINES.write();
    engines.retain(|_, other| !Arc::ptr_eq(other, engine));
    if engines.is_empty() {
        *engines = HashMap::default(); // nothing stays behind where the library is unloaded
    }
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
