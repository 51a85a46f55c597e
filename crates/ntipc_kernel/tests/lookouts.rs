//! A thread that was told to compete for an object does nothing for a while: others have it. (Readers and writers:
//! `tests/crash` of the library.)
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::Session;
use ntipc_kernel::dispatch::wait::{Queued, Slumber, Started};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::sys::clock::NEVER;
use std::sync::Arc;
use std::sync::mpsc::channel;
use support::*;

fn go_on(session: &Session, queued: Queued) {
    assert!(matches!(session.sleep(queued, NEVER, NEVER), Slumber::Satisfied(..)));
}

/// Two wait for an object, and one release is to go to the first, which does nothing until the second has the object.
/// `false`: it was handed over to the first, because the machine was slow.
fn passes_by_the_first(kind: Kind, wanted: Type, release: fn(&Arc<Session>, u32)) -> bool {
    let session = private();
    let object = make(&session, kind, 0, 9, None);
    if kind == Kind::Mutant {
        assert!(take(&session, object));
    }
    let told_to_compete = std::thread::scope(|scope| {
        let (waits, is_waiting) = channel();
        let (leave, may_leave) = channel::<()>();
        let shared: &Arc<Session> = &session;
        let first = scope.spawn(move || {
            let Started::Queued(queued) = start(shared, object) else { unreachable!() };
            waits.send(()).unwrap();
            may_leave.recv().unwrap();
            go_on(shared, queued);
            release(shared, object);
        });
        is_waiting.recv().unwrap();
        let second = scope.spawn(move || {
            if let Started::Queued(queued) = start(shared, object) {
                go_on(shared, queued);
            }
            release(shared, object);
        });
        while session.basics(object, wanted, 0).unwrap().waiters < 2 {
            std::hint::spin_loop();
        }
        release(&session, object);
        let picture = ntipc_kernel::inspect::inspect(&session.path).unwrap();
        let told_to_compete = picture.threads.iter().all(|thread| thread.state != "done");
        if told_to_compete {
            second.join().unwrap();
        }
        leave.send(()).unwrap();
        first.join().unwrap();
        told_to_compete
    });
    assert_eq!(session.basics(object, wanted, 0).unwrap().waiters, 0);
    told_to_compete
}

fn start(session: &Arc<Session>, handle: u32) -> Started {
    session.start_wait(&targets(&[handle]), false, false, None).unwrap()
}

fn once(mut attempt: impl FnMut() -> bool) {
    assert!((0..500).any(|_| attempt()), "it was never told to compete");
}

#[test]
fn a_mutant_goes_to_another_when_the_one_told_to_compete_does_nothing() {
    let release = |session: &Arc<Session>, mutant| session.release_mutant(mutant).unwrap();
    once(|| passes_by_the_first(Kind::Mutant, Type::Mutant, release));
}

#[test]
fn a_unit_goes_to_another_when_the_one_told_to_compete_does_nothing() {
    let release = |session: &Arc<Session>, semaphore| _ = session.release_semaphore(semaphore, 1).unwrap();
    once(|| passes_by_the_first(Kind::Semaphore, Type::Semaphore, release));
}
