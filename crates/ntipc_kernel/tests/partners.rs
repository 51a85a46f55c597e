//! What a waiter learns about the thread that completed its wait.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::dispatch::partner::Rest;
use ntipc_kernel::dispatch::spinning::Partner;
use ntipc_kernel::dispatch::wait::{Queued, Slumber, Started};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::queue::{Mode, Waiting, Wanted};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{Failure, Session};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use support::*;

fn queue_wait(session: &Arc<Session>, handle: u32, signal: Option<u32>) -> Queued {
    let signal = signal.map(|handle| targets(&[handle])[0]);
    match session.start_wait(&targets(&[handle]), false, false, signal).unwrap() {
        Started::Queued(queued) => queued,
        other => panic!("not queued: {other:?}"),
    }
}

fn spin(session: &Arc<Session>, queued: Queued) {
    while session.spin(queued, 1_000_000).is_none() {}
}

fn sleep(session: &Arc<Session>, queued: Queued) -> Option<Rest> {
    match session.sleep(queued, NEVER, NEVER) {
        Slumber::Satisfied(_, rest) => rest,
        other => panic!("not satisfied: {other:?}"),
    }
}

fn until_asleep(session: &Arc<Session>) {
    let is_asleep = || {
        let picture = ntipc_kernel::inspect::inspect(&session.path).unwrap();
        picture.threads.iter().any(|thread| thread.state == "sleeping")
    };
    while !is_asleep() {
        thread::yield_now();
    }
}

/// Somebody sleeps for an object, and `complete` ends it. What the sleeper has learned of it.
fn slept_for(session: &Arc<Session>, handle: u32, complete: impl Fn()) -> Option<Partner> {
    loop {
        let ([begun_ns, over_ns], (rest, partner)) = thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let began_ns = now_ns();
                let queued = queue_wait(session, handle, None);
                (sleep(session, queued), session.partner_of(queued, began_ns))
            });
            until_asleep(session);
            let begun_ns = now_ns();
            complete();
            ([begun_ns, now_ns()], sleeper.join().unwrap())
        });
        // Otherwise the wait was completed when the thread was about to sleep, and did not yet.
        if let Some(rest) = rest {
            assert!((begun_ns..=over_ns).contains(&rest.told_at_ns), "{rest:?} is not within {begun_ns} and {over_ns}");
            return partner;
        }
    }
}

/// Partners of one process are beside each other, on whichever processors.
const AWAKE: Option<Partner> = Some(Partner { beside: true, woken_ns: 0 });

#[test]
fn a_sleeper_learns_when_its_wait_was_completed_and_by_whom() {
    let session = private();
    let set = event(&session);
    let partner = slept_for(&session, set, || _ = session.set_event(set).unwrap());
    assert_eq!(partner, AWAKE);
}

/// It is told to compete, and completes its wait itself.
#[test]
fn a_waiter_for_a_semaphore_learns_who_released_it() {
    let session = private();
    let units = semaphore(&session, 0, 1);
    let partner = slept_for(&session, units, || _ = session.release_semaphore(units, 1).unwrap());
    assert_eq!(partner, AWAKE);
}

#[test]
fn a_waiter_for_a_timer_has_no_partner() {
    let session = private();
    let (set, timer) = (event(&session), make(&session, Kind::SynchronizationTimer, 0, 0, None));
    for _ in 0..2 {
        session.set_timer(timer, now_ns() + 2_000_000, 0).unwrap();
        let began_ns = now_ns();
        let queued = queue_wait(&session, timer, None);
        assert_eq!(sleep(&session, queued), None);
        assert_eq!(session.partner_of(queued, began_ns), None);
        // The partner of a wait before is not that of the next one.
        slept_for(&session, set, || _ = session.set_event(set).unwrap());
    }
}

/// Two rounds of ping-pong, in which the partner sleeps at first and then spins.
#[test]
fn a_partner_that_was_woken_says_how_long_that_took() {
    let session = private();
    let (there, back) = (event(&session), event(&session));
    let both = Barrier::new(2); // what is known of a thread ends with it
    thread::scope(|scope| {
        let partner = scope.spawn(|| {
            let rest = sleep(&session, queue_wait(&session, there, None));
            spin(&session, queue_wait(&session, there, Some(back)));
            session.set_event(back).unwrap();
            both.wait();
            rest
        });
        let round = |until_ready: &dyn Fn()| {
            until_ready();
            let began_ns = now_ns();
            let queued = queue_wait(&session, back, Some(there));
            spin(&session, queued);
            session.partner_of(queued, began_ns).unwrap()
        };
        let slept = round(&|| until_asleep(&session));
        let spun = round(&|| until_waiters(&session, there, 1));
        both.wait();
        let rest = partner.join().unwrap();
        assert_eq!(slept, Partner { beside: true, woken_ns: rest.map_or(0, |rest| rest.woken_ns) });
        assert_eq!(Some(spun), AWAKE);
    });
}

/// Says that it waits, spins until it has what it waits for, and keeps who brought it.
struct Spinner {
    waits: Sender<()>,
    partners: Vec<Option<Partner>>,
}

impl Waiting for Spinner {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> Result<bool, Failure> {
        let began_ns = now_ns();
        self.waits.send(()).unwrap();
        while !session.spin_for(wanted, 1_000_000) {}
        self.partners.push(session.partner_at(wanted, began_ns));
        Ok(true)
    }

    fn wait_for_pages(&mut self, _session: &Arc<Session>, _seen: u32) -> Result<bool, Failure> {
        Ok(true)
    }
}

#[test]
fn readers_and_writers_of_a_queue_learn_who_put_and_who_took() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 10).unwrap();
    let (waits, until_waiting) = channel();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut spinner = Spinner { waits, partners: Vec::new() };
            session.take_wait(reader, &mut [0; 10], Mode::Whole, &mut spinner).unwrap().unwrap();
            for _ in 0..2 {
                session.put_wait(writer, &[&[7; 10]], 0, &mut spinner).unwrap().unwrap();
            }
            spinner.partners
        });
        until_waiting.recv().unwrap();
        session.put_frame(writer, &[&[1; 10]], 0).unwrap();
        until_waiting.recv().unwrap();
        session.take_frame(reader, &mut [0; 10], Mode::Whole).unwrap().unwrap();
        assert_eq!(other.join().unwrap(), [AWAKE, AWAKE]);
    });
}
