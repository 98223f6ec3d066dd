//! Model checks: every interleaving, within a bound of preemptions, of the stream ring and of the plan hand-off.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --lib models`

use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicBool, Ordering as Std},
};

use loom::{
    model::Builder,
    sync::{
        Arc,
        atomic::{
            AtomicPtr, AtomicU64,
            Ordering::{Acquire, Release, SeqCst},
        },
    },
    thread,
};

use crate::audio::{
    format::Format,
    lockfree::{
        gate::Gate,
        handoff::{Handoff, WorkFlag},
        hook_clock::HookClock,
        media_time::FrameTime,
        opening_guard::{GuardState, Guarded, Guards, Opening},
        private_stream::{PrivateStream, Stamp},
        published::{PlanRef, Published},
        retire::Retirement,
        sleep::Sleep,
        spares::Spares,
    },
};

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Runs each in a thread of its own: what the model's first thread does before it waits is not interleaved.
fn all<const N: usize>(threads: [Box<dyn FnOnce() + Send>; N]) {
    let threads = threads.map(thread::spawn);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A frame whose samples and numbers all say which one it is.
fn push(stream: &PrivateStream, number: u64) {
    stream.push(Stamp { captured: number, floor: number }, Format::new(8_000, 1).unwrap(), &[number as i16; 4]);
}

/// Reads the frame at `at`, if it is there and was not overtaken.
fn read(stream: &PrivateStream, at: u64) -> Option<(Stamp, [i16; 4])> {
    if stream.head() <= at {
        return None;
    }
    let packet = stream.packet(at)?;
    let mut samples = [MaybeUninit::uninit(); 4];
    let samples = stream.copy(packet.data, &mut samples)?;
    Some((packet.stamp, samples.try_into().expect("four went in")))
}

#[test]
fn a_copy_that_holds_is_what_was_written() {
    explore(|| {
        // Room for one frame and a half: the second overlays the first.
        let stream = Arc::new(PrivateStream::with_capacity(24).unwrap());
        let reader = stream.clone();
        all([
            Box::new(move || {
                push(&stream, 1);
                push(&stream, 2);
            }),
            Box::new(move || {
                if let Some((stamp, samples)) = read(&reader, 0) {
                    assert_eq!((stamp.captured, stamp.floor, samples), (1, 1, [1; 4]));
                }
            }),
        ]);
    });
}

/// What a hook sees of a plan: whether somebody freed it, and what it says.
struct Plan {
    number: u64,
    /// Since which plan the listener may hear the speaker; `None` if it may not.
    since: Option<u64>,
    freed: std::sync::Arc<AtomicBool>,
}

fn plan(number: u64, since: Option<u64>) -> Box<Plan> {
    Box::new(Plan { number, since, freed: std::sync::Arc::default() })
}

/// Freeing, as a drop that leaves a trace.
struct Freed(std::sync::Arc<AtomicBool>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.store(true, Std::SeqCst);
    }
}

#[test]
fn a_plan_is_not_freed_while_a_hook_is_inside_that_loaded_it() {
    explore(|| {
        let gate: &'static Gate = Box::leak(Box::new(Gate::new()));
        let current: &'static AtomicPtr<Plan> = Box::leak(Box::new(AtomicPtr::new(Box::into_raw(plan(1, None)))));
        let hook = move || {
            for _ in 0..2 {
                let inside = gate.enter().expect("nobody else calls this hook");
                // SAFETY: leaked for the model; `freed` says whether it would have been freed.
                let plan = unsafe { &*current.load(SeqCst) };
                assert!(!plan.freed.load(Std::SeqCst), "freed before it was used");
                thread::yield_now();
                assert!(!plan.freed.load(Std::SeqCst), "freed while it was in use");
                drop(inside);
            }
        };
        let control = move || {
            let mut retirement = Retirement::default();
            let old = current.swap(Box::into_raw(plan(2, None)), SeqCst);
            // SAFETY: leaked for the model; `freed` says whether it would have been freed.
            let freed = unsafe { &*old }.freed.clone();
            retirement.retire(Freed(freed), [gate].into_iter());
            while !retirement.sweep() {
                thread::yield_now(); // everything is freed once the hook has left
            }
        };
        all([Box::new(hook), Box::new(control)]);
    });
}

/// What a plan has and its hook keeps from call to call: whether somebody freed it, and which plan granted it.
struct Granting {
    number: u64,
    freed: std::sync::Arc<AtomicBool>,
}

/// The hook goes by the number of the plan and by what it kept of it, and looks at the plan only where the number is another one.
#[test]
fn a_hook_that_goes_by_the_number_acts_on_the_plan_of_that_number_and_on_nothing_that_was_freed() {
    explore(|| {
        let granted = |number: u64| -> &'static Granting {
            Box::leak(Box::new(Granting { number, freed: std::sync::Arc::default() }))
        };
        let gate: &'static Gate = Box::leak(Box::new(Gate::new()));
        let first = granted(1);
        let current: &'static Published<Granting> = Box::leak(Box::new(Published::new(first, first.number)));
        // The number of the last plan whose publication is over.
        let over: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(1)));
        let hook = move || {
            let mut kept = None;
            for _ in 0..3 {
                let due = over.load(SeqCst);
                let inside = gate.enter().expect("nobody else calls this hook");
                let number = current.number();
                let (plan, granted) = match kept {
                    Some((plan, granted)) if plan == number => (plan, granted),
                    _ => {
                        // SAFETY: leaked for the model; `freed` says whether it would have been freed.
                        let plan = unsafe { &*current.plan() };
                        (number.max(plan.number), PlanRef::new(plan))
                    }
                };
                // SAFETY: leaked for the model, too.
                let thing: &Granting = unsafe { granted.get() };
                assert!(!thing.freed.load(Std::SeqCst), "freed before it was used");
                assert_eq!(thing.number, if plan == 3 { 3 } else { 1 }, "it is of the plan that has that number");
                assert!(plan >= due, "a plan that was published before the call began is not passed by");
                thread::yield_now();
                assert!(!thing.freed.load(Std::SeqCst), "freed while it was in use");
                kept = Some((plan, granted));
                drop(inside);
            }
        };
        let control = move || {
            let mut retirement = Retirement::default();
            current.renumber(2);
            over.store(2, SeqCst);
            let next = granted(3);
            current.publish(next, next.number);
            over.store(3, SeqCst);
            retirement.retire(Freed(first.freed.clone()), [gate].into_iter());
            while !retirement.sweep() {
                thread::yield_now(); // everything is freed once the hook has left
            }
        };
        all([Box::new(hook), Box::new(control)]);
    });
}

#[test]
fn two_calls_of_one_hook_are_never_both_inside() {
    explore(|| {
        let gate: &'static Gate = Box::leak(Box::new(Gate::new()));
        let busy = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let call = |busy: Arc<loom::sync::atomic::AtomicBool>| {
            move || {
                if let Some(inside) = gate.enter() {
                    assert!(!busy.swap(true, SeqCst), "two calls inside");
                    busy.store(false, SeqCst);
                    drop(inside);
                }
            }
        };
        all([Box::new(call(busy.clone())), Box::new(call(busy))]);
    });
}

/// The speaker speaks a frame under each of two plans, the listener delivers what it may, while the control plane goes from
/// `first` to `second` (since when the listener may hear, if it may, and the guard's floor for what is captured under the second).
/// A pair that the second plan breaks is closed before anybody can load that plan.
/// `due(captured, loaded)`: whether promises 1 and 2 let a frame that was captured under one plan reach a listener that acts on
/// another, once it has found it; `None`: either will do.
fn routes(
    first: Option<u64>,
    second: Option<u64>,
    floor: Option<u64>,
    due: impl Fn(u64, u64) -> Option<bool> + Copy + Send + Sync + 'static,
) {
    explore(move || {
        let stream = Arc::new(PrivateStream::with_capacity(64).unwrap());
        let until = Arc::new(AtomicU64::new(u64::MAX));
        let speaks: &'static AtomicPtr<Plan> = Box::leak(Box::new(AtomicPtr::new(Box::into_raw(plan(1, first)))));
        let hears: &'static AtomicPtr<Plan> = Box::leak(Box::new(AtomicPtr::new(Box::into_raw(plan(1, first)))));
        let (ear, subscription) = (stream.clone(), until.clone());
        let speaker = move || {
            for _ in 0..2 {
                // SAFETY: leaked for the model.
                let captured = unsafe { &*speaks.load(SeqCst) }.number;
                let floor = if captured == 2 { floor.unwrap_or(2) } else { captured };
                let format = Format::new(8_000, 1).unwrap();
                stream.push(Stamp { captured, floor }, format, &[captured as i16; 4]);
            }
        };
        let listener = move || {
            // SAFETY: leaked for the model.
            let plan = unsafe { &*hears.load(SeqCst) };
            let Some(since) = plan.since else { return };
            for at in [0, 16] {
                if let Some((stamp, samples)) = read(&ear, at) {
                    let reaches = stamp.may_reach(since, subscription.load(Acquire));
                    assert_eq!(u64::from(samples[0] as u16), stamp.captured);
                    let due = due(stamp.captured, plan.number);
                    assert!(due.is_none_or(|due| due == reaches), "{stamp:?} at plan {}: {reaches}", plan.number);
                }
            }
        };
        // As it is published: what breaks first, then the two plans one after the other.
        let change = move || {
            if first.is_some() && second.is_none() {
                until.store(1, Release);
            }
            speaks.store(Box::into_raw(plan(2, second)), SeqCst);
            hears.store(Box::into_raw(plan(2, second)), SeqCst);
        };
        all([Box::new(speaker), Box::new(listener), Box::new(change)]);
    });
}

#[test]
fn untag_a_listener_preempted_with_the_old_plan_gets_nothing_captured_under_the_new() {
    routes(Some(1), None, None, |captured, _| Some(captured == 1));
}

#[test]
fn tag_a_listener_gets_nothing_captured_before() {
    routes(None, Some(2), None, |captured, _| Some(captured == 2));
}

#[test]
fn moved_audience_a_guarded_frame_reaches_neither_the_old_listener_nor_the_new() {
    // From one tag to another: plan 2 widens for somebody, so that its frames carry the floor 1; this listener had it under plan 1.
    routes(Some(1), None, Some(1), |captured, _| Some(captured == 1));
    // And this one has it from plan 2 on.
    routes(None, Some(2), Some(1), |_, _| Some(false));
}

#[test]
fn unbroken_a_listener_of_both_plans_has_every_frame_whichever_plan_it_acts_on() {
    routes(Some(1), Some(1), None, |_, _| Some(true));
    routes(Some(1), Some(1), Some(1), |_, _| Some(true));
}

/// The control plane takes a stream away from a speaker that is past its guard once its listeners have come to the end of it.
#[test]
fn who_sees_that_a_guard_is_over_sees_all_that_was_said_in_it() {
    explore(|| {
        let (stream, guarded) = (Arc::new(PrivateStream::with_capacity(24).unwrap()), Arc::new(Guarded::default()));
        let (said, told) = (stream.clone(), guarded.clone());
        let speaker = move || {
            let mut guards = Guards::default();
            let clock = HookClock::default();
            clock.write(1_000_000_000);
            guards.begin(Opening { plan: 2, floor: 1, ms: 1, at: 0 }, true, FrameTime::Unknown, &clock, &told);
            push(&said, 2);
            clock.write(2_000_000_000);
            let (_, moment) =
                guards.begin(Opening { plan: 2, floor: 1, ms: 1, at: 0 }, true, FrameTime::Unknown, &clock, &told);
            push(&said, 2);
            guards.end(moment, 14_112, &told);
        };
        let control = move || {
            let GuardState { seen, left, .. } = guarded.state();
            assert!(
                seen < 2 || left > 0 || stream.head() > 0,
                "the guard is over, and what was said in it is not there"
            );
        };
        all([Box::new(speaker), Box::new(control)]);
    });
}

/// Counts what was built and not freed, and checks that the hook gets what it asked for.
struct Thing {
    code: u64,
    alive: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Std::SeqCst);
    }
}

#[test]
fn a_mailbox_gives_what_was_asked_for_and_loses_nothing() {
    explore(|| {
        let alive = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let handoff = std::sync::Arc::new(Handoff::<Thing, 2>::new(WorkFlag::default()));
        let (hook, control, built) = (handoff.clone(), handoff.clone(), alive.clone());
        all([
            Box::new(move || {
                for code in [1, 2, 3, 2] {
                    // SAFETY: the one hook of the model.
                    if let Some(thing) = unsafe { hook.take(code) } {
                        assert_eq!(thing.code, code);
                    }
                }
            }),
            Box::new(move || {
                for _ in 0..3 {
                    control.prepare(|code| {
                        (code > 0).then(|| {
                            built.fetch_add(1, Std::SeqCst);
                            Thing { code, alive: built.clone() }
                        })
                    });
                }
            }),
        ]);
        drop(handoff);
        assert_eq!(alive.load(Std::SeqCst), 0, "something was lost");
    });
}

#[test]
fn a_spare_is_taken_once_and_whole_and_none_is_lost() {
    explore(|| {
        let alive = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let spares = std::sync::Arc::new(Spares::<Thing, 2>::new(WorkFlag::default()));
        let (hook, control, built) = (spares.clone(), spares.clone(), alive.clone());
        all([
            Box::new(move || {
                for _ in 0..3 {
                    if let Some(taken) = hook.take() {
                        // SAFETY: `take` gives what came from a Box, once.
                        let thing = unsafe { Box::from_raw(taken.as_ptr()) };
                        assert_eq!(thing.code, 7);
                    }
                }
            }),
            Box::new(move || {
                for _ in 0..2 {
                    control.fill(|| {
                        built.fetch_add(1, Std::SeqCst);
                        Box::new(Thing { code: 7, alive: built.clone() })
                    });
                }
            }),
        ]);
        drop(spares);
        assert_eq!(alive.load(Std::SeqCst), 0, "something was lost, or taken twice");
    });
}

/// A clock that is about to leave an empty room out, and somebody who enters it: it goes on, and is told to only if it does not by itself.
#[test]
fn a_room_that_falls_asleep_while_somebody_comes_is_ticked_on() {
    explore(|| {
        let room = Arc::new((Sleep::default(), AtomicU64::new(0)));
        let [clock, control] = [room.clone(), room];
        let clock = thread::spawn(move || clock.0.begins(|| clock.1.load(SeqCst) == 0));
        let control = thread::spawn(move || {
            control.1.store(1, SeqCst);
            control.0.ends()
        });
        assert_eq!(
            clock.join().unwrap(),
            control.join().unwrap(),
            "the clock is told if it leaves the room out, and only then"
        );
    });
}
