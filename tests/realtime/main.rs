//! Promise 6, real time: a frame hook never allocates or frees, makes no system call and waits for no control call.

mod allocator;
mod stage;
mod system_calls;

use allocator::Counting;
use stage::Stage;
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_counting_allocator_counts() {
    let seen = allocator::count(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(seen, 2, "one allocation and one free should be seen");
    let seen = allocator::count(|| _ = std::hint::black_box(1));
    assert_eq!(seen, 0, "where nothing is allocated, nothing should be seen");
}

#[test]
fn hooks_neither_allocate_nor_free() {
    let stage = Stage::open();
    let seen = thread::scope(|scope| {
        let control = scope.spawn(|| stage.control_while_playing());
        let seen = stage.play(1_000_000, |hook| {
            let mut status = 0;
            let allocations = allocator::count(|| status = hook());
            assert_eq!(allocations, 0, "a hook should neither allocate nor free");
            status
        });
        control.join().expect("control calls should succeed");
        seen
    });
    seen.check_everything_happened(&stage);
}

#[test]
fn hooks_make_no_system_call() {
    let stage = Arc::new(Stage::open());
    let hooks = {
        let stage = Arc::clone(&stage);
        thread::spawn(move || {
            system_calls::watch_this_thread();
            let mut made = 0;
            let seen = stage.play(100_000, |hook| {
                let status = hook();
                made = made.max(system_calls::made());
                status
            });
            system_calls::make_one();
            (seen, made, system_calls::made())
        })
    };
    stage.control_while_playing();
    let (seen, by_hooks, with_the_one) = hooks.join().expect("hooks should play to the end");
    assert_eq!(with_the_one - by_hooks, 1, "a system call should be seen when one is made");
    assert_eq!(by_hooks, 0, "hooks should make no system call");
    seen.check_everything_happened(&stage);
}

/// Stops each control call at each of its allocations, those among them that it makes with its lock held, and runs hooks
/// meanwhile.
#[test]
fn a_stopped_control_call_delays_no_hook() {
    let stage = Arc::new(Stage::open());
    let mut stops = 0;
    let mut with_lock_held = 0;
    for (name, call) in stage::CONTROL_CALLS {
        for nth in 1.. {
            let gate = allocator::Gate::new();
            let control = {
                let (stage, gate) = (Arc::clone(&stage), gate.clone());
                thread::spawn(move || allocator::stop_at(nth, gate, || call(&stage)))
            };
            if !gate.wait_for_stop_or_end() {
                control.join().expect("the call should succeed");
                break;
            }
            stops += 1;
            // Another control call gets through only where the lock is free.
            let other = {
                let stage = Arc::clone(&stage);
                thread::spawn(move || stage.command(c"rooms"))
            };
            thread::sleep(Duration::from_millis(5));
            with_lock_held += usize::from(!other.is_finished());

            let (done, wait) = mpsc::channel();
            let hooks = {
                let stage = Arc::clone(&stage);
                thread::spawn(move || {
                    stage.play(500, |hook| hook());
                    done.send(()).ok();
                })
            };
            let returned = wait.recv_timeout(Duration::from_secs(30));
            gate.open();
            assert!(returned.is_ok(), "hooks should return while {name} is stopped at its allocation {nth}");
            hooks.join().expect("hooks should play to the end");
            control.join().expect("the call should succeed");
            other.join().expect("the other call should succeed");
        }
    }
    assert!(stops > 20, "control calls should have been stopped in many places, not {stops}");
    assert!(with_lock_held > 0, "some call should have been stopped with its lock held");
}
