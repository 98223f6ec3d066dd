//! A change that panics half-way, and panics again while it is undone: nobody hears what it must not.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    engine::{Config, Engine},
    error::Result,
    state::{Mixer, NewMember, RoomState},
};
use crate::{
    audio::host_mix::HostMix,
    faults::{self, Where},
    sys,
};

/// A room with an agent, a customer, and coaches who speak to agents alone.
struct Call {
    engine: Arc<Engine>,
    agent: u64,
    customer: u64,
    coaches: Vec<u64>,
}

impl Call {
    fn new() -> Self {
        let engine = Engine::create(Config::for_tests(0));
        let nothing = (std::ptr::null_mut(), None);
        let room = engine.open_room("sales", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
        let comes = |number: u32, tags, speak_only_to| {
            let call_id = format!("call-{number}");
            let new = NewMember::for_tests(&call_id, tags, speak_only_to);
            let member = engine.attach(&new).expect("is attached");
            engine.join(member, room, number).expect("enters");
            member
        };
        let (agent, customer) = (comes(1, Some("agent"), None), comes(2, None, None));
        let coaches = (3..7).map(|number| comes(number, None, Some("agent"))).collect();
        let call = Self { engine, agent, customer, coaches };
        (0..5).for_each(|_| _ = call.frame());
        call
    }

    /// What is left of each coach's frame for everybody, and what agent and customer hear of the private streams.
    fn frame(&self) -> ([i16; 4], i16, i16) {
        let left = std::array::from_fn(|coach| {
            let mut frame = [100; 160];
            // SAFETY: the frame is of that many samples.
            unsafe { sys::coach_read(self.coaches[coach], frame.as_mut_ptr(), 8_000, 1, 160) };
            frame[159]
        });
        let hears = |listener| {
            let mut frame = [0; 160];
            // SAFETY: the frame is of that many samples.
            unsafe { sys::coach_write(listener, frame.as_mut_ptr(), 8_000, 1, 160) };
            frame[159]
        };
        (left, hears(self.agent), hears(self.customer))
    }

    /// Has a change panic at such a point, after so many others, and again at the first of `again` while it is undone. Whether it did both.
    fn stopped(
        &self,
        (at, after, again): (Where, usize, Where),
        member: u64,
        change: impl Fn(&mut RoomState) -> Result<()>,
    ) -> bool {
        faults::arm(at, after, 1);
        let changed = catch_unwind(AssertUnwindSafe(|| {
            self.engine.act_on(member, |state| {
                let result = catch_unwind(AssertUnwindSafe(|| change(state)));
                match result {
                    Ok(result) => result,
                    Err(panic) => {
                        faults::arm(again, 0, 1);
                        std::panic::resume_unwind(panic)
                    }
                }
            })
        }));
        let both = changed.is_err() && !faults::armed();
        faults::disarm();
        both
    }
}

const POINTS: [Where; 3] = [Where::Pair, Where::Change, Where::Plan];

/// Tries all points; that the change was stopped there and again happens at least so often.
fn everywhere(least: usize, check: impl Fn((Where, usize, Where)) -> bool) {
    let mut stops = 0;
    for (at, again) in POINTS.into_iter().flat_map(|at| POINTS.map(|again| (at, again))) {
        for after in 0..8 {
            stops += usize::from(check((at, after, again)));
        }
    }
    assert!(stops >= least, "the change should stop half-way, and again: {stops} times it did");
}

#[test]
fn a_customer_that_was_not_tagged_after_all_hears_no_coach() {
    everywhere(20, |point| {
        let call = Call::new();
        if !call.stopped(point, call.customer, |state| state.tag(call.customer, "agent")) {
            return false;
        }
        for _ in 0..5 {
            let (left, _, customer) = call.frame();
            assert_eq!((left, customer), ([0; 4], 0), "{point:?}");
        }
        call.engine.act_on(call.agent, |state| state.tag(call.agent, "agent,night")).expect("the room goes on");
        (0..5).for_each(|_| _ = call.frame());
        assert_eq!(call.frame(), ([0; 4], 400, 0), "{point:?}: the next change makes all plans anew");
        true
    });
}

#[test]
fn a_coach_that_was_not_opened_after_all_is_heard_by_no_customer() {
    everywhere(8, |point| {
        let call = Call::new();
        let (coach, open) = (call.coaches[0], call.coaches[1]);
        // The next plans take the stream of this one away.
        call.engine.act_on(open, |state| state.uncoach(open)).expect("it speaks openly");
        (0..5).for_each(|_| _ = call.frame());
        if !call.stopped(point, coach, |state| state.uncoach(coach)) {
            return false;
        }
        for _ in 0..5 {
            let (left, _, customer) = call.frame();
            assert_eq!((left, customer), ([0, 100, 0, 0], 0), "{point:?}");
        }
        call.engine.act_on(call.agent, |state| state.tag(call.agent, "agent,night")).expect("the room goes on");
        (0..5).for_each(|_| _ = call.frame());
        assert_eq!(call.frame(), ([0, 100, 0, 0], 300, 0), "{point:?}: the next change makes all plans anew");
        true
    });
}

/// An agent whose pairs were made anew, and whose plan was not, leaves; another takes its number.
fn number_is_taken_after_a_fault(point: (Where, usize, Where)) -> Option<(Call, u64)> {
    let call = Call::new();
    if !call.stopped(point, call.agent, |state| state.tag(call.agent, "other")) {
        return None;
    }
    call.engine.detach(call.agent).expect("it goes");
    (0..5).for_each(|_| says(&call, 50)); // nobody is there to hear it
    let next = call.engine.attach(&NewMember::for_tests("next", Some("agent"), None)).expect("is attached");
    let room = call.engine.find_room("sales").expect("is open");
    call.engine.join(next, room, 1).expect("enters");
    Some((call, next))
}

fn says(call: &Call, value: i16) {
    for coach in &call.coaches {
        let mut frame = [value; 160];
        // SAFETY: the frame is of that many samples.
        unsafe { sys::coach_read(*coach, frame.as_mut_ptr(), 8_000, 1, 160) };
    }
}

fn heard(listener: u64) -> i16 {
    let mut frame = [0; 160];
    // SAFETY: the frame is of that many samples.
    unsafe { sys::coach_write(listener, frame.as_mut_ptr(), 8_000, 1, 160) };
    frame[159]
}

#[test]
fn who_takes_a_number_after_a_fault_is_not_deaf() {
    everywhere(20, |point| {
        let Some((call, next)) = number_is_taken_after_a_fault(point) else { return false };
        for _ in 0..5 {
            says(&call, 100);
            assert_eq!(heard(next), 400, "all four coaches, {point:?}");
        }
        true
    });
}

#[test]
fn who_takes_a_number_after_a_fault_hears_nothing_from_before_it_came() {
    everywhere(20, |point| {
        let Some((call, next)) = number_is_taken_after_a_fault(point) else { return false };
        faults::arm(Where::Change, 0, 1);
        let tag = || call.engine.act_on(call.customer, |state| state.tag(call.customer, "other"));
        assert!(catch_unwind(AssertUnwindSafe(tag)).is_err() && !faults::armed());
        for _ in 0..5 {
            assert_eq!(heard(next), 0, "{point:?}");
        }
        true
    });
}

#[test]
fn who_speaks_privately_goes_on_hearing_those_who_speak_to_it() {
    everywhere(20, |point| {
        let call = Call::new();
        call.engine.act_on(call.agent, |state| state.coach(call.agent, "night")).expect("the agent is private too");
        (0..5).for_each(|_| _ = call.frame());
        assert_eq!(call.frame().1, 400);
        if !call.stopped(point, call.customer, |state| state.tag(call.customer, "agent")) {
            return false;
        }
        assert_eq!(call.frame().1, 400, "{point:?}");
        true
    });
}

/// It was in the audience of a change that was undone, and hears nothing of what was said meanwhile.
#[test]
fn who_was_in_an_audience_that_was_undone_twice_hears_nothing_that_is_still_queued() {
    everywhere(8, |point| {
        let call = Call::new();
        let coach = call.coaches[0];
        call.engine.act_on(call.customer, |state| state.tag(call.customer, "other")).expect("is tagged");
        // The plans of who came later are made later.
        let late = call.engine.attach(&NewMember::for_tests("late", Some("other"), None)).expect("is attached");
        call.engine.join(late, call.engine.find_room("sales").expect("is open"), 9).expect("enters");
        (0..5).for_each(|_| _ = call.frame());
        let says = std::rc::Rc::new(move || {
            let mut frame = [100; 160];
            // SAFETY: the frame is of that many samples.
            unsafe { sys::coach_read(coach, frame.as_mut_ptr(), 8_000, 1, 160) };
        });
        faults::meanwhile_in(Some(std::rc::Rc::new(move |hook| {
            if !hook {
                says()
            }
        })));
        let stopped = call.stopped(point, coach, |state| state.coach(coach, "other"));
        faults::meanwhile_in(None);
        if stopped {
            assert!(
                call.engine.act_on(coach, |state| Ok(state.heard_by(coach))).is_ok_and(|heard| !heard.contains(&2))
            );
            assert_eq!([(); 5].map(|()| heard(call.customer)), [0; 5], "{point:?}");
        }
        stopped
    });
}

/// Its change was undone, so that those hear it who heard it before.
#[test]
fn who_was_not_opened_while_in_an_ordinary_call_is_heard_afterwards() {
    let mut stops = 0;
    for (at, after) in POINTS.into_iter().flat_map(|at| (0..4).map(move |after| (at, after))) {
        let call = Call::new();
        let coach = call.coaches[0];
        call.engine.act_on(coach, |state| state.bypass(coach, true)).expect("is in an ordinary call");
        (0..5).for_each(|_| _ = call.frame());
        faults::arm(at, after, 1);
        let opened = catch_unwind(AssertUnwindSafe(|| call.engine.act_on(coach, |state| state.uncoach(coach))));
        stops += usize::from(opened.is_err());
        faults::disarm();
        if opened.is_ok() {
            continue;
        }
        call.engine.act_on(coach, |state| state.bypass(coach, false)).expect("is back");
        (0..5).for_each(|_| _ = call.frame());
        assert_eq!(call.frame(), ([0; 4], 400, 0), "{at:?} {after}");
    }
    assert!(stops > 0);
}
