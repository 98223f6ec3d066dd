//! A room on the audio plane: the tick of one that the engine mixes.

use std::{cell::UnsafeCell, ptr, sync::Arc};

use crate::{
    audio::{
        host_mix::HostMix,
        lockfree::sleep::Sleep,
        mix::{bus::Bus, input::Input},
    },
    sync::{AtomicPtr, Ordering},
};

/// What the next ticks of an engine-mixed room sum.
pub struct MixPlan {
    pub mixed: Box<[MixInput]>,
    /// Open speech of members that have just left the room: it fades.
    pub leaving: Vec<Arc<Input>>,
}

/// One member's part of a tick.
pub struct MixInput {
    pub input: Arc<Input>,
    /// What is queued is summed; else it is forgotten.
    pub heard: bool,
}

/// What the tick works on.
pub struct Room {
    /// `None` where the host mixes.
    bus: Option<Arc<Bus>>,
    /// Whether a thread of Coach's makes the ticks.
    own_clock: bool,
    host_mix: HostMix,
    plan: AtomicPtr<MixPlan>,
    sum: UnsafeCell<Box<[i32]>>,
    /// How many ticks in a row had nobody to sum.
    empty: UnsafeCell<usize>,
    sleep: Sleep,
}

// SAFETY: `sum` and `empty` are touched inside the tick gate alone (the contract of `tick`).
unsafe impl Sync for Room {}

impl Room {
    /// With nobody in it.
    pub fn new(bus: Option<Arc<Bus>>, own_clock: bool, host_mix: HostMix) -> Self {
        let sum = vec![0; bus.as_ref().map_or(0, |bus| bus.tick())].into_boxed_slice();
        // Nobody was ever there, and so its bus is silent.
        let empty = UnsafeCell::new(bus.as_ref().map_or(0, |bus| bus.depth() + 1));
        let plan = AtomicPtr::new(ptr::null_mut());
        Self { bus, own_clock, host_mix, plan, sum: UnsafeCell::new(sum), empty, sleep: Sleep::default() }
    }

    /// Its open mix, where the engine mixes.
    pub fn bus(&self) -> Option<&Arc<Bus>> {
        self.bus.as_ref()
    }

    /// The mix of a host.
    pub fn host_mix(&self) -> HostMix {
        self.host_mix
    }

    /// Whether the host is to make the ticks.
    pub fn ticked_by_host(&self) -> bool {
        self.bus.is_some() && !self.own_clock
    }

    /// [control] Ticks that begin from now on act on `plan`. The caller keeps it until those that are inside have left.
    pub fn publish(&self, plan: &Arc<MixPlan>) {
        self.plan.store(Arc::as_ptr(plan).cast_mut(), Ordering::SeqCst);
    }

    /// Sums the room once. Linear in its members.
    ///
    /// # Safety
    /// The caller is inside the room's tick gate.
    pub unsafe fn tick(&self) {
        let Some(bus) = &self.bus else { return };
        let tick = bus.ticks();
        // SAFETY: the caller is inside the room's tick gate.
        let (sum, empty) = unsafe { (&mut *self.sum.get(), &mut *self.empty.get()) };
        let plan = self.plan.load(Ordering::SeqCst);
        bus.announce(tick);
        // SAFETY: a plan that was published is kept until the calls inside the gates that may be using it have left.
        let (mixed, leaving) = unsafe { plan.as_ref() }.map_or((&[][..], &[][..]), |plan| (&plan.mixed, &plan.leaving));
        *empty = if mixed.is_empty() { *empty + 1 } else { 0 };
        if keeps_silence(bus, *empty) {
            return bus.repeat(tick);
        }
        sum.fill(0);
        for input in leaving {
            // SAFETY: the caller is inside the room's tick gate.
            unsafe { input.forget(tick, sum) };
        }
        for (index, MixInput { input, heard }) in mixed.iter().enumerate() {
            // In a large room every member is out of the cache: have the next ones brought in while this one is summed.
            if let Some(next) = mixed.get(index + 4) {
                next.input.prefetch();
            }
            if let Some(next) = mixed.get(index + 2) {
                next.input.prefetch_samples(tick);
            }
            // SAFETY: the caller is inside the room's tick gate.
            unsafe { if *heard { input.pull(tick, sum) } else { input.forget(tick, sum) } };
        }
        bus.publish(tick, sum);
    }

    /// Whether ticks can be left out until [`Room::wakes`] says that somebody has come: nobody is in the room, and all that its bus keeps
    /// is silent. There may be thousands of such rooms.
    ///
    /// # Safety
    /// The caller is inside the room's tick gate.
    pub unsafe fn falls_asleep(&self) -> bool {
        // SAFETY: the caller is inside the room's tick gate.
        let empty = unsafe { *self.empty.get() };
        if !self.bus.as_ref().is_some_and(|bus| keeps_silence(bus, empty)) {
            return false;
        }
        // SAFETY: a plan that was published is kept until the calls inside the gates that may be using it have left.
        self.sleep
            .begins(|| unsafe { self.plan.load(Ordering::SeqCst).as_ref() }.is_none_or(|plan| plan.mixed.is_empty()))
    }

    /// [control] Whether the clock has to go on with this room, for which a plan was published just now.
    pub fn wakes(&self) -> bool {
        self.sleep.ends()
    }
}

/// Whether all that a bus keeps is silent by now, in tick `empty` of those that had nobody to sum: in the first of them those who have just left
/// faded, and the place of that in the ring has to be silent again, too.
fn keeps_silence(bus: &Bus, empty: usize) -> bool {
    empty > bus.depth() + 1
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use super::*;
    use crate::audio::{
        format::Format,
        mix::bus::{Mix, MixPosition},
        playout::source::Source,
    };

    /// Nothing of what was said is heard again once everybody has left, however many ticks are made.
    #[test]
    fn a_room_that_was_left_is_silent_for_good() {
        let format = Format::new(8_000, 1).expect("a format");
        let bus = Arc::new(Bus::new(format, 20).expect("memory"));
        let room = Room::new(Some(bus.clone()), false, HostMix::Unknown);
        let heard = |tick: u64| {
            let mut place = MixPosition { tick, offset: 0 };
            let mut out = [MaybeUninit::uninit(); 160];
            let mut mix = Mix { bus: &bus, own: None, at: &mut place };
            mix.take(&mut out).expect("it was made just now").iter().map(|sample| sample.abs()).max()
        };
        let input = Arc::new(bus.input(0).expect("memory"));
        let talked = 2 * bus.depth() as u64;
        let plans = [vec![MixInput { input: input.clone(), heard: true }], Vec::new()];
        let plans = plans.map(|mixed| Arc::new(MixPlan { mixed: mixed.into(), leaving: Vec::new() }));
        for tick in 0..2 * talked {
            if tick % talked == 0 {
                room.publish(&plans[(tick / talked) as usize]);
            }
            input.push(&[1_000; 160]);
            // SAFETY: nobody else ticks this room.
            unsafe { room.tick() };
            assert_eq!(bus.ticks(), tick + 1);
            assert_eq!(heard(tick), Some(if tick < talked { 1_000 } else { 0 }), "tick {tick}");
        }
    }
}
