//! From a handle to what it stands for, in a hook: a table that is never freed, so that any number can be looked up.
//!
//! A handle is `check:14 | kind:2 | generation:32 | slot:16`. The slot holds the whole handle, so that a stale generation, a
//! wrong kind and a guessed check all fail the same comparison.

use std::{
    collections::{VecDeque, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    ptr,
    sync::LazyLock,
};

use crate::{
    audio::{
        hook::member::Member,
        lockfree::gate::{Gate, Inside},
        mix::tick::Room,
        prefetch::prefetch,
    },
    lock::Mutex,
    sync::{AtomicPtr, AtomicU64, Ordering},
};

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `coach_engine_t`
    Engine = 1,
    /// `coach_room_t`
    Room = 2,
    /// `coach_member_t`
    Member = 3,
}

/// One place in a table: a member with its two hooks, or a room with its tick.
#[repr(align(64))]
pub struct Slot<T> {
    handle: AtomicU64,
    object: AtomicPtr<T>,
    /// The read hook, or the tick.
    pub read: Gate,
    /// The write hook; the two run on different threads and should not share a cache line.
    pub write: OwnCacheLine,
}

/// On a cache line of its own.
#[repr(align(64))]
pub struct OwnCacheLine(pub Gate);

/// Why a hook could not enter.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The handle stands for nothing.
    Stale,
    /// The same hook is running.
    Overlap,
}

/// All slots of one kind.
pub struct Table<T: 'static> {
    slots: &'static [Slot<T>],
    kind: Kind,
    free: LazyLock<Mutex<Free>>,
    /// Slots from this one on stand for nothing.
    used: AtomicU64,
}

/// Slots that may be given out, and the generations that were.
struct Free {
    /// The oldest first: a call with an old handle that has looked it up already, and goes on late, would be in the way of whoever
    /// has the slot by then.
    returned: VecDeque<u32>,
    fresh: u32,
    generation: u64,
    random: RandomState,
}

impl Free {
    fn new() -> Self {
        Self { returned: VecDeque::new(), fresh: 0, generation: 0, random: RandomState::new() }
    }

    /// A number that nobody was given before, with bits that nobody can guess.
    fn handle(&mut self, kind: Kind, slot: u32) -> u64 {
        self.generation += 1;
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.generation);
        let check = hasher.finish() >> 50;
        check << 50 | (kind as u64) << 48 | (self.generation & 0xffff_ffff) << 16 | u64::from(slot)
    }
}

const SLOT_MASK: u64 = 0xffff;

/// Members that a process can have at once.
pub const MEMBERS: usize = 1 << 16;
/// Rooms that a process can have at once.
pub const ROOMS: usize = 1 << 13;

impl<T> Slot<T> {
    const fn new() -> Self {
        Self {
            handle: AtomicU64::new(0),
            object: AtomicPtr::new(ptr::null_mut()),
            read: Gate::new(),
            write: OwnCacheLine(Gate::new()),
        }
    }
}

static MEMBER_SLOTS: [Slot<Member>; MEMBERS] = [const { Slot::new() }; MEMBERS];
static ROOM_SLOTS: [Slot<Room>; ROOMS] = [const { Slot::new() }; ROOMS];

/// Every member of every engine in the process.
pub static MEMBER: Table<Member> = Table::new(&MEMBER_SLOTS, Kind::Member);
/// Every room; only those that the engine mixes have something to tick.
pub static ROOM: Table<Room> = Table::new(&ROOM_SLOTS, Kind::Room);

/// A number for something that has no slot: an engine.
pub fn unslotted(kind: Kind) -> u64 {
    static FREE: LazyLock<Mutex<Free>> = LazyLock::new(|| Mutex::new(Free::new()));
    FREE.lock().handle(kind, 0)
}

/// What `handle` claims to be, if it claims to be something.
pub fn kind(handle: u64) -> Option<Kind> {
    [Kind::Engine, Kind::Room, Kind::Member].into_iter().find(|kind| handle >> 48 & 3 == *kind as u64)
}

impl<T> Table<T> {
    const fn new(slots: &'static [Slot<T>], kind: Kind) -> Self {
        Self { slots, kind, free: LazyLock::new(|| Mutex::new(Free::new())), used: AtomicU64::new(0) }
    }

    /// From when this returns no handle stands for anything. For a process that was just forked: it takes no lock, which a thread may
    /// hold that this process has not got, and it frees nothing.
    pub fn forget(&self) {
        let used = self.used.load(Ordering::SeqCst) as usize;
        for slot in &self.slots[..used] {
            slot.handle.store(0, Ordering::SeqCst);
        }
    }

    /// Puts `object` into a slot under a handle of its own. `None` when all are taken.
    pub fn lease(&'static self, object: Box<T>) -> Option<Lease<T>> {
        let mut free = self.free.lock();
        let index = free.returned.pop_front().or_else(|| {
            let fresh = free.fresh;
            ((fresh as usize) < self.slots.len()).then(|| {
                free.fresh += 1;
                self.used.store(u64::from(free.fresh), Ordering::SeqCst);
                fresh
            })
        })?;
        let handle = free.handle(self.kind, index);
        let slot = &self.slots[index as usize];
        slot.object.store(Box::into_raw(object), Ordering::SeqCst);
        slot.handle.store(handle, Ordering::SeqCst);
        Some(Lease { table: self, index, handle })
    }

    /// [audio] Enters the read hook (or tick).
    pub fn enter_read(&self, handle: u64) -> Result<(&T, Inside<'_>), Refused> {
        self.enter(handle, |slot| &slot.read)
    }

    /// [audio] Enters the write hook.
    pub fn enter_write(&self, handle: u64) -> Result<(&T, Inside<'_>), Refused> {
        self.enter(handle, |slot| &slot.write.0)
    }

    /// [audio] Brings in so many bytes from `AT` on of what is in the slot after `index`. In a large room each member is out of the cache,
    /// and a host mostly calls them in the order in which they came.
    #[inline(always)]
    pub fn prefetch_next<const AT: usize, const BYTES: usize>(&self, index: u32) {
        if let Some(next) = self.slots.get(index as usize + 1) {
            prefetch::<BYTES, _>(next.object.load(Ordering::Relaxed).cast::<u8>().wrapping_add(AT));
        }
    }

    fn enter(&self, handle: u64, gate: impl Fn(&Slot<T>) -> &Gate) -> Result<(&T, Inside<'_>), Refused> {
        let slot = self.slots.get((handle & SLOT_MASK) as usize).ok_or(Refused::Stale)?;
        // Before the gate, so that a stale handle hardly ever disturbs the member that has its slot now ...
        if handle == 0 || slot.handle.load(Ordering::Relaxed) != handle {
            return Err(Refused::Stale);
        }
        let inside = gate(slot).enter().ok_or(Refused::Overlap)?;
        // ... and again inside, where it counts (see `gate`): from here on the object stays until `inside` is dropped.
        if slot.handle.load(Ordering::SeqCst) != handle {
            return Err(Refused::Stale);
        }
        let object = slot.object.load(Ordering::SeqCst);
        // SAFETY: `object` came from a Box in `lease`. `Lease::revoke` takes the handle away before it reads the gates, and
        // the Box is freed (`Revoked::drop`) only once the calls it found inside have left. This call entered before it
        // read the handle, and the handle was still there: so it was found, or came before.
        Ok((unsafe { &*object }, inside))
    }
}

/// A taken slot. Revoke it before dropping it; its owner is the control plane.
pub struct Lease<T: 'static> {
    table: &'static Table<T>,
    index: u32,
    /// The number that stands for it.
    pub handle: u64,
}

impl<T> Lease<T> {
    /// The object.
    pub fn get(&self) -> &T {
        // SAFETY: the Box of `lease`; only `revoke`, which consumes the lease, starts its end.
        unsafe { &*self.slot().object.load(Ordering::SeqCst) }
    }

    /// Its gates.
    pub fn slot(&self) -> &'static Slot<T> {
        &self.table.slots[self.index as usize]
    }

    /// Its place in the table.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// From when this returns, nobody who begins finds it. What it returns must be kept until the calls that are inside have left.
    #[must_use]
    pub fn revoke(self) -> Revoked<T> {
        self.slot().handle.store(0, Ordering::SeqCst);
        Revoked(self)
    }
}

/// A slot on its way back: dropping it frees the object and lets the slot be taken again.
pub struct Revoked<T: 'static>(Lease<T>);

impl<T> Revoked<T> {
    /// Its gates.
    pub fn slot(&self) -> &'static Slot<T> {
        self.0.slot()
    }
}

impl<T> Drop for Revoked<T> {
    fn drop(&mut self) {
        let object = self.slot().object.swap(ptr::null_mut(), Ordering::SeqCst);
        // SAFETY: made by Box::into_raw in `lease`, swapped out once, and whoever drops this has waited for the gates.
        drop(unsafe { Box::from_raw(object) });
        let mut free = self.0.table.free.lock();
        free.returned.push_back(self.0.index);
        if free.returned.len() == free.fresh as usize {
            // All are back. A list that no longer is needed would stay behind where the library is unloaded.
            free.returned = VecDeque::new();
            free.fresh = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_never_given_twice_and_say_their_kind() {
        let mut free = Free::new();
        let handles: std::collections::HashSet<u64> = (0..10_000).map(|_| free.handle(Kind::Member, 7)).collect();
        assert_eq!(handles.len(), 10_000);
        assert!(handles.iter().all(|h| kind(*h) == Some(Kind::Member)));
        assert_eq!(kind(0), None);
        let checks: std::collections::HashSet<u64> = handles.iter().map(|handle| handle >> 50).collect();
        assert!(checks.len() > 1_000, "who has a handle should not be able to make the next of it");
    }

    /// Whoever still calls with an old handle should find nobody in its slot for as long as can be.
    #[test]
    fn the_slot_that_came_back_first_is_given_out_first() {
        static SLOTS: [Slot<()>; 8] = [const { Slot::new() }; 8];
        static TABLE: Table<()> = Table::new(&SLOTS, Kind::Member);
        let lease = || TABLE.lease(Box::new(())).expect("a slot is free");
        let _kept = lease();
        let mut leases = [lease(), lease(), lease()];
        leases.rotate_left(1);
        let back = leases.map(|lease| {
            let index = lease.index;
            drop(lease.revoke());
            index
        });
        assert_eq!([lease(), lease(), lease()].map(|lease| lease.index), back);
        assert!(!back.contains(&lease().index), "and then one that nobody had");
    }

    /// The handle goes, and another member takes the slot, after a hook has looked the handle up and before it is inside the gate.
    #[test]
    fn a_handle_that_goes_while_its_hook_comes_in_is_refused() {
        static SLOTS: [Slot<u32>; 1] = [const { Slot::new() }; 1];
        static TABLE: Table<u32> = Table::new(&SLOTS, Kind::Member);
        let first = TABLE.lease(Box::new(1)).expect("the slot is free");
        let handle = first.handle;
        let first = std::cell::Cell::new(Some(first));
        let next = std::cell::Cell::new(None);
        let entered = TABLE.enter(handle, |slot| {
            drop(first.take().map(Lease::revoke));
            next.set(TABLE.lease(Box::new(2)));
            &slot.read
        });
        assert_eq!(entered.err(), Some(Refused::Stale));
        let next = next.take().expect("the slot is free again");
        assert_eq!(TABLE.enter_read(next.handle).map(|(object, _)| *object).ok(), Some(2));
    }
}
