//! Events reach the host in order. A call delivers only its own events, so that none waits for another's; the rest waits for the service,
//! and what the queue has no place for is counted.

use crate::support::{
    COACH_ENGINE_HOST_CLOCK, COACH_ENGINE_HOST_SERVICE, COACH_EVENT_LOST, COACH_EVENT_TAG, COACH_EVENT_UNTAG, Engine,
    Event,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// A callback that stays inside at the first event of the call `slow`, until it is let go.
#[derive(Default)]
struct Slow {
    /// Inside, and let go.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
    /// Which thread told which call's event.
    told_by: Mutex<Vec<(ThreadId, String)>>,
}

impl Slow {
    fn callback(self: &Arc<Self>) -> crate::support::event::Then {
        let slow = self.clone();
        Box::new(move |event: &Event| {
            slow.told_by.lock().unwrap().push((thread::current().id(), event.call_id.clone()));
            if event.call_id == "slow" && event.kind == COACH_EVENT_TAG {
                let mut state = slow.state.lock().unwrap();
                state.0 = true;
                slow.changed.notify_all();
                let _let_go = slow.changed.wait_while(state, |(_, go)| !*go).unwrap();
            }
        })
    }

    fn wait_until_inside(&self) {
        let state = self.state.lock().unwrap();
        let _inside = self.changed.wait_while(state, |(inside, _)| !*inside).unwrap();
    }

    fn let_go(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

const TAGGERS: usize = 3;
const TURNS: usize = 50;

/// One thread is in the slow callback while three others act; it is let go once those are done. Who told what.
fn told_while_slow(
    flags: u32,
    before_events: impl FnOnce(&Engine),
) -> (Vec<Event>, BTreeMap<String, Vec<ThreadId>>, Vec<ThreadId>) {
    let slow = Arc::new(Slow::default());
    let engine = Engine::configured(flags, 200, Some(slow.callback()));
    let room = engine.host_room("room");
    let names = ["slow", "call-0", "call-1", "call-2"];
    let members = names.map(|name| engine.attach(name, "", None));
    for (number, member) in members.iter().enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    engine.events();
    slow.told_by.lock().unwrap().clear();
    let mut threads = Vec::new();
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            members[0].tag("agent").expect("is set");
            thread::current().id()
        });
        slow.wait_until_inside();
        let taggers: Vec<_> = members[1..]
            .iter()
            .map(|member| {
                scope.spawn(move || {
                    (0..TURNS).for_each(|_| member.tag("agent").expect("is set"));
                    thread::current().id()
                })
            })
            .collect();
        // They return while the callback is still inside: nobody waits for it but the one that told it.
        let taggers: Vec<ThreadId> = taggers.into_iter().map(|tagger| tagger.join().expect("ends")).collect();
        slow.let_go();
        threads.push(first.join().expect("ends"));
        threads.extend(taggers);
    });
    before_events(&engine);
    let events = engine.events();
    let mut by_call: BTreeMap<String, Vec<ThreadId>> = BTreeMap::new();
    for (thread, call_id) in slow.told_by.lock().unwrap().drain(..) {
        by_call.entry(call_id).or_default().push(thread);
    }
    (events, by_call, threads)
}

fn all_in_order(events: &[Event]) {
    assert_eq!(events.len(), 1 + TAGGERS * TURNS, "every event is told once");
    let sequence: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    let first = sequence[0];
    assert_eq!(sequence, (first..first + events.len() as u64).collect::<Vec<_>>(), "in order, without gaps");
}

#[test]
fn a_call_tells_its_own_events_alone_and_the_hosts_service_tells_the_rest() {
    let (events, told_by, threads) =
        told_while_slow(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, |engine| engine.service());
    all_in_order(&events);
    assert_eq!(told_by["slow"], [threads[0]], "the call that caused an event tells it");
    let here = thread::current().id();
    for call in 0..TAGGERS {
        let by = &told_by[&format!("call-{call}")];
        assert!(
            by.iter().all(|thread| *thread == here),
            "the thread that calls the service tells what waits, nobody else"
        );
    }
}

#[test]
fn without_the_hosts_service_a_thread_of_coachs_tells_what_waits() {
    let (events, told_by, threads) = told_while_slow(0, |engine| {
        let began = Instant::now();
        while engine.events_so_far() < 1 + TAGGERS * TURNS {
            assert!(began.elapsed() < Duration::from_secs(60), "what waits should be told, with no call from the host");
            thread::sleep(Duration::from_millis(1));
        }
    });
    all_in_order(&events);
    assert_eq!(told_by["slow"], [threads[0]], "the call that caused an event tells it");
    let own: Vec<ThreadId> = threads.into_iter().chain([thread::current().id()]).collect();
    for call in 0..TAGGERS {
        let by = &told_by[&format!("call-{call}")];
        assert!(by.iter().all(|thread| !own.contains(thread)), "no thread of the host's tells what waits");
    }
}

#[test]
fn events_that_cannot_wait_are_counted_in_their_place() {
    const CALLS: u64 = 12_000;
    let slow = Arc::new(Slow::default());
    let flags = COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK;
    let engine = Engine::configured(flags, 200, Some(slow.callback()));
    let room = engine.host_room("room");
    let (first, other) = (engine.attach("slow", "", None), engine.attach("other", "", None));
    first.join(&room, 1).expect("enters");
    other.join(&room, 2).expect("enters");
    engine.events();
    // The longest tags that there are: the fewer events are needed.
    let tags: Vec<String> = (0..16).map(|tag| format!("{tag:064}")).collect();
    let tags = tags.join(",");
    thread::scope(|scope| {
        scope.spawn(|| first.tag("agent").expect("is set"));
        slow.wait_until_inside();
        (0..CALLS).for_each(|_| other.tag(&tags).expect("is set"));
        slow.let_go();
    });
    engine.service();
    let events = engine.events();
    let told = events.iter().filter(|event| event.kind == COACH_EVENT_TAG && event.call_id == "other").count() as u64;
    let [.., last] = &events[..] else { panic!("there are events") };
    assert_eq!(last.kind, COACH_EVENT_LOST, "after the last that could wait: {last:?}");
    assert_eq!(events.iter().filter(|event| event.kind == COACH_EVENT_LOST).count(), 1, "one event for the hole");
    assert_eq!(told + last.lost, CALLS, "told or counted");
    assert!(told > 5_000 && last.lost > 1_000, "told {told}, lost {}", last.lost);
    assert!(last.text.contains(&last.lost.to_string()), "the line for a log says how many: {}", last.text);
    assert_eq!((last.room, last.member, last.sequence), (0, 0, 0), "it is nobody's event");
    assert!(events.iter().all(|event| event.kind == COACH_EVENT_LOST || event.lost == 0), "no other event has a count");
    let newest = events.iter().map(|event| event.sequence).max().expect("there are events");
    other.untag().expect("is set");
    let next = engine.events();
    assert_eq!(next.iter().map(|event| event.kind).collect::<Vec<_>>(), [COACH_EVENT_UNTAG], "then all is told again");
    assert_eq!(next[0].sequence, newest + last.lost + 1, "the numbers of what was lost are left out");
}

/// A callback that acts on each event makes the next one: its call returns all the same, and so does each service.
#[test]
fn a_call_returns_though_its_callback_always_makes_another_event() {
    static ENDLESS: AtomicBool = AtomicBool::new(true);
    let then = |event: &Event| {
        if ENDLESS.load(SeqCst) && event.kind == COACH_EVENT_TAG {
            // SAFETY: a number and a C string.
            unsafe { crate::support::coach().coach_tag(event.member, c"agent".as_ptr()) };
        }
    };
    let flags = COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK;
    let engine = Engine::configured(flags, 200, Some(Box::new(then)));
    let member = engine.attach("call", "", None);
    let (returned, watch) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let done = returned.clone();
    // The old way would never end: somebody has to end it, so that the test can fail.
    let watcher = thread::spawn(move || {
        while !done.load(SeqCst) && watch.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(5));
        }
        ENDLESS.store(false, SeqCst);
    });
    member.tag("agent").expect("is set");
    assert_eq!(engine.events().len(), 1, "the call tells its own event");
    for _ in 0..5 {
        engine.service();
        assert_eq!(engine.events().len(), 1, "each turn of the service tells what waited when it began");
    }
    returned.store(true, SeqCst);
    watcher.join().expect("ends");
}
