//! How often the service has to look.
//!
//! Hooks make no system calls, so that none can wake the service: while a hook may want something, the service looks every [`PERIOD`].
//! That is so
//!
//! * for a moment (`AWAKE`) after any change, and after hooks wanted something or something was freed late;
//! * while hooks run: any frame may be of another rate than the last;
//! * while an opening guard runs or waits for its first frame: it goes by the clock that the service writes;
//! * while somebody who speaks or hears privately, or in a room that the engine mixes, has had no frame yet: its first frame may need a
//!   conversion that nobody could prepare.
//!
//! Else it rests, and looks every [`REST`] whether hooks run again. So the first private speech is heard as soon as if the service never rested; what
//! hooks want right after a pause of all of them may come later by a [`REST`], and only if they come back at another rate.

use std::time::{Duration, Instant};

use super::{
    directory::StateLock,
    event_builder::opens_in,
    service::{PERIOD, REST},
    state::{Member, RoomState},
};

/// So long after the last sign that something is going on it is looked for again.
const AWAKE: Duration = Duration::from_millis(400);

/// What the service knows from before.
#[derive(Default)]
pub struct ServiceInterval {
    /// Nothing has to be looked for before this.
    awake_until: Option<Instant>,
    /// Number of the last plan.
    number: u64,
    /// Frames that all hooks have had.
    frames: u64,
}

impl ServiceInterval {
    /// When to look again. `active`: there was something to do.
    pub fn next(&mut self, active: bool, number: u64, state_locks: &[StateLock]) -> Duration {
        let now = Instant::now();
        let changed = std::mem::replace(&mut self.number, number) != number;
        if active || changed || self.awake_until.is_none() {
            self.awake_until = Some(now + AWAKE);
        }
        if self.awake_until.is_some_and(|until| now < until) {
            return PERIOD;
        }
        let (mut frames, mut expects) = (0_u64, false);
        for state_lock in state_locks {
            let state = state_lock.lock_to_serve();
            for member in state.members.values() {
                let audio = member.lease.get();
                frames = frames.wrapping_add(audio.read.counts.frames.get() + audio.write.counts.frames.get());
                expects |= expects_something(&state, member);
            }
        }
        if std::mem::replace(&mut self.frames, frames) == frames && !expects {
            return REST;
        }
        self.awake_until = Some(now + AWAKE);
        PERIOD
    }
}

/// Whether the next frame of a member may need the clock, or a conversion that nobody could prepare.
fn expects_something(state: &RoomState, member: &Member) -> bool {
    let audio = member.lease.get();
    let said = member.stream.is_some() || member.input.is_some();
    let heard = !member.plan.subscriptions.is_empty() || member.input.is_some();
    let unknown = said && audio.read.format().is_none() || heard && audio.write.format().is_none();
    opens_in(member).is_some() || unknown && state.room.is_some()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::super::{
        engine::{Config, Engine},
        settings::Toggle,
        state::{Mixer, NewMember},
    };
    use super::*;
    use crate::{audio::host_mix::HostMix, sys};

    /// An engine without threads, with a room of a private speaker, who has spoken unless `silent`, and of one that hears it.
    fn talk(silent: bool) -> (Arc<Engine>, u64) {
        let engine = Engine::create(Config { host_clock: false, ..Config::for_tests(200) });
        let nothing = (std::ptr::null_mut(), None);
        let room = engine.open_room("sales", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
        let coach = engine.attach(&NewMember::for_tests("coach", None, Some("agent"))).expect("is attached");
        let agent = engine.attach(&NewMember::for_tests("agent", Some("agent"), None)).expect("is attached");
        for (number, member) in (1..).zip([coach, agent]) {
            engine.join(member, room, number).expect("enters");
        }
        if !silent {
            frame(coach);
            let mut heard = [0; 160];
            // SAFETY: the frame is of that many samples.
            unsafe { sys::coach_write(agent, heard.as_mut_ptr(), 8_000, 1, 160) };
        }
        assert_eq!(engine.serve(), PERIOD, "everything has just begun");
        (engine, coach)
    }

    fn frame(member: u64) {
        let mut said = [1_000; 160];
        // SAFETY: the frame is of that many samples.
        unsafe { sys::coach_read(member, said.as_mut_ptr(), 8_000, 1, 160) };
    }

    /// What the service does once the last sign of life is long ago. The first looks find the changes and the frames of before.
    fn later(engine: &Arc<Engine>) -> Duration {
        let look = || {
            thread::sleep(AWAKE + PERIOD);
            engine.serve()
        };
        look();
        look();
        look()
    }

    #[test]
    fn the_service_rests_while_nothing_goes_on_and_looks_often_again_when_frames_come() {
        let (engine, coach) = talk(false);
        assert_eq!(later(&engine), REST);
        assert_eq!(engine.serve(), REST);
        frame(coach);
        assert_eq!(engine.serve(), PERIOD);
        assert_eq!(engine.serve(), PERIOD, "others may follow");
        engine.destroy().expect("it ends");
    }

    #[test]
    fn the_service_does_not_rest_before_a_first_voice_nor_after_a_change_nor_while_a_guard_runs() {
        let (engine, _) = talk(true);
        assert_eq!(later(&engine), PERIOD, "the first frame may need a conversion");
        engine.destroy().expect("it ends");
        let (engine, coach) = talk(false);
        assert_eq!(later(&engine), REST);
        engine.act_on(coach, |state| state.set_toggle(coach, Toggle::Hold, true)).expect("it is held");
        assert_eq!(engine.serve(), PERIOD, "after a change");
        engine.act_on(coach, |state| state.set_toggle(coach, Toggle::Hold, false)).expect("it is back");
        engine.act_on(coach, |state| state.uncoach(coach)).expect("it speaks openly");
        frame(coach);
        assert_eq!(later(&engine), PERIOD, "the guard runs");
        (0..20).for_each(|_| frame(coach));
        assert_eq!(later(&engine), REST, "it is over");
        engine.destroy().expect("it ends");
    }

    #[test]
    fn the_service_does_not_rest_while_a_hook_uses_what_is_to_be_freed() {
        let (engine, coach) = talk(false);
        assert_eq!(later(&engine), REST);
        let slot = engine.act_on(coach, |state| Ok(state.member(coach)?.lease.slot())).expect("is there");
        let inside = slot.write.0.enter().expect("nobody is inside");
        engine.act_on(coach, |state| state.set_toggle(coach, Toggle::Hold, true)).expect("it is held");
        assert_eq!(later(&engine), PERIOD, "the hook acts on the plan before");
        drop(inside);
        assert_eq!(later(&engine), REST);
        engine.destroy().expect("it ends");
    }
}
