//! The dispatcher between threads of one process: what each kind of object gives to whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::NtStatus;
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::dispatch::wait::{Queued, Slumber, Started, Target};
use ntipc_kernel::object::kind::{Kind, access};
use ntipc_kernel::sys::clock::now_ns;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use support::*;

#[test]
fn auto_reset_event_satisfies_exactly_one_wait() {
    let session = private();
    let event = event(&session);
    assert!(!session.set_event(event).unwrap());
    assert!(session.set_event(event).unwrap());
    assert!(take(&session, event));
    assert!(!take(&session, event));
}

#[test]
fn manual_reset_event_stays_set_until_cleared() {
    let session = private();
    let event = manual_event(&session);
    session.set_event(event).unwrap();
    assert!(take(&session, event) && take(&session, event));
    assert!(session.clear_event(event).unwrap());
    assert!(!take(&session, event));
}

#[test]
fn semaphore_release_past_its_maximum_changes_nothing() {
    let session = private();
    let semaphore = semaphore(&session, 1, 3);
    for units in [3, i32::MAX as u32] {
        let failure = session.release_semaphore(semaphore, units).unwrap_err();
        assert_eq!(failure.status, NtStatus::SEMAPHORE_LIMIT_EXCEEDED);
        assert_eq!(session.query_semaphore(semaphore).unwrap(), (1, 3));
    }
    assert_eq!(session.release_semaphore(semaphore, 2).unwrap(), 1);
}

#[test]
fn mutant_recurses_and_refuses_strangers() {
    let session = private();
    let mutant = mutant(&session);
    assert!(take(&session, mutant) && take(&session, mutant));
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            assert!(!take(&session, mutant));
            session.release_mutant(mutant).unwrap_err().status
        });
        assert_eq!(stranger.join().unwrap(), NtStatus::MUTANT_NOT_OWNED);
    });
    session.release_mutant(mutant).unwrap();
    session.release_mutant(mutant).unwrap();
    assert_eq!(session.release_mutant(mutant).unwrap_err().status, NtStatus::MUTANT_NOT_OWNED);
}

#[test]
fn mutant_of_an_ended_thread_is_abandoned_once() {
    let session = private();
    let mutant = mutant(&session);
    thread::scope(|scope| {
        scope.spawn(|| assert!(take(&session, mutant)));
    });
    while session.query_mutant(mutant).unwrap().owner != 0 {
        thread::yield_now(); // a scope ends before the thread's destructors have run
    }
    assert_eq!(wait(&session, &[mutant], false, 0).unwrap().unwrap().abandoned.to_vec(), [0]);
    session.release_mutant(mutant).unwrap();
    assert!(wait(&session, &[mutant], false, 0).unwrap().unwrap().abandoned.is_empty());
}

#[test]
fn more_mutants_than_a_thread_can_note_are_all_abandoned() {
    let session = private();
    let mutants: Vec<u32> = (0..200).map(|_| mutant(&session)).collect();
    thread::scope(|scope| {
        scope.spawn(|| assert!(mutants.iter().all(|mutant| take(&session, *mutant))));
    });
    for mutant in &mutants {
        let outcome = wait(&session, &[*mutant], false, 5000).unwrap().unwrap();
        assert_eq!(outcome.abandoned.to_vec(), [0]);
    }
}

#[test]
fn wait_any_takes_the_lowest_index_only() {
    let session = private();
    let events: Vec<u32> = (0..5).map(|_| event(&session)).collect();
    session.set_event(events[3]).unwrap();
    session.set_event(events[1]).unwrap();
    assert_eq!(wait(&session, &events, false, 0).unwrap().unwrap().index, 1);
    assert_eq!(wait(&session, &events, false, 0).unwrap().unwrap().index, 3);
    assert_eq!(wait(&session, &events, false, 0).unwrap(), None);
}

#[test]
fn wait_all_takes_nothing_until_it_can_take_everything() {
    let session = private();
    let (event, semaphore) = (event(&session), semaphore(&session, 0, 9));
    session.set_event(event).unwrap();
    assert_eq!(wait(&session, &[event, semaphore], true, 5).unwrap(), None);
    assert!(session.event_is_set(event).unwrap());
    session.release_semaphore(semaphore, 1).unwrap();
    assert!(wait(&session, &[event, semaphore], true, 0).unwrap().is_some());
    assert!(!session.event_is_set(event).unwrap());
    assert_eq!(session.query_semaphore(semaphore).unwrap().0, 0);
}

#[test]
fn wait_all_refuses_one_object_twice() {
    let session = private();
    let event = event(&session);
    let twin = session.duplicate(event, None, None, false).unwrap();
    assert_eq!(wait(&session, &[event, twin], true, 0).unwrap_err().status, NtStatus::INVALID_PARAMETER_MIX);
}

#[test]
fn one_bad_handle_fails_the_wait_before_anything_is_taken() {
    let session = private();
    let event = event(&session);
    session.set_event(event).unwrap();
    assert_eq!(wait(&session, &[event, 4000], false, 0).unwrap_err().status, NtStatus::INVALID_HANDLE);
    assert!(session.event_is_set(event).unwrap());
}

#[test]
fn pulse_wakes_who_waits_and_leaves_the_event_clear() {
    let session = private();
    let manual = manual_event(&session);
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| wait(&session, &[manual], false, u64::MAX))).collect();
        until_waiting(&session, 4);
        session.pulse_event(manual).unwrap();
        for waiter in waiters {
            assert!(waiter.join().unwrap().unwrap().is_some());
        }
    });
    assert!(!take(&session, manual));
}

#[test]
fn waiters_of_a_semaphore_are_served_in_order() {
    let session = private();
    let semaphore = semaphore(&session, 0, 100);
    let order = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..6 {
            let (session, order) = (&session, &order);
            scope.spawn(move || {
                wait(session, &[semaphore], false, u64::MAX).unwrap();
                order.lock().unwrap().push(number);
            });
            until_waiting(session, number + 1);
        }
        for done in 0..6 {
            session.release_semaphore(semaphore, 1).unwrap();
            while order.lock().unwrap().len() != done + 1 {
                thread::yield_now();
            }
        }
    });
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn two_takers_in_opposite_orders_lose_no_pair() {
    const PAIRS: u32 = 20_000;
    let session = private();
    let (left, right) = (semaphore(&session, 0, PAIRS), semaphore(&session, 0, PAIRS));
    let taken = thread::scope(|scope| {
        let takers = [[left, right], [right, left]].map(|pair| {
            let session = &session;
            scope.spawn(move || {
                let mut taken = 0;
                while wait(session, &pair, true, 200).unwrap().is_some() {
                    taken += 1;
                }
                taken
            })
        });
        for pair in 0..PAIRS {
            let (first, second) = if pair % 2 == 0 { (left, right) } else { (right, left) };
            session.release_semaphore(first, 1).unwrap();
            session.release_semaphore(second, 1).unwrap();
        }
        takers.map(|taker| taker.join().unwrap()).iter().sum::<u32>()
    });
    let (rest_left, rest_right) = (session.query_semaphore(left).unwrap().0, session.query_semaphore(right).unwrap().0);
    assert_eq!((rest_left, taken + rest_left), (rest_right, PAIRS));
}

#[test]
fn mutant_is_spun_for_unless_its_owner_is_of_this_process() {
    let session = private();
    let (mutant, idle) = (mutant(&session), event(&session));
    let soon = |handle| {
        assert!(!take(&session, idle)); // now the thread has a slot
        session.own_soon(handle, 20_000_000_000)
    };
    assert_eq!(soon(mutant), Try::Taken(false));
    assert_eq!(soon(mutant), Try::Unclear); // it is the calling thread's
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(soon(mutant), Try::Unclear));
    });
    session.release_mutant(mutant).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(soon(mutant), Try::Taken(false)));
    });
    while session.query_mutant(mutant).unwrap().owner != 0 {
        thread::yield_now(); // a scope ends before the thread's destructors have run
    }
    assert_eq!(soon(mutant), Try::Taken(true)); // that thread has abandoned it
    for other in [manual_event(&session), 40_000] {
        assert_eq!(soon(other), Try::Unclear);
    }
    let blind = session.duplicate(mutant, None, Some(access::QUERY), false).unwrap();
    session.release_mutant(mutant).unwrap();
    assert_eq!(soon(blind), Try::Unclear);
}

/// Begin a wait that cannot be satisfied now.
fn queue_up(session: &Arc<ntipc_kernel::Session>, handles: &[u32]) -> Queued {
    let targets: Vec<Target> = handles.iter().map(|&handle| Target { handle, channel: 0 }).collect();
    match session.start_wait(&targets, false, false, None).unwrap() {
        Started::Queued(queued) => queued,
        other => panic!("{other:?}"),
    }
}

/// Run `act` with a wait of the thread's for a mutant (and something else) that was satisfied meanwhile, of which it
/// knows nothing yet: a signal handler has its attention. Whether the next owner finds the mutant abandoned once the
/// thread has ended.
fn abandoned_after(act: fn(&Arc<ntipc_kernel::Session>, u32, Queued)) -> bool {
    let session = private();
    let (mutant, other) = (mutant(&session), event(&session));
    assert!(take(&session, mutant));
    let (queued, told) = (mpsc::channel(), mpsc::channel());
    thread::scope(|scope| {
        let session = &session;
        scope.spawn(move || {
            let wait = queue_up(session, &[other, mutant]);
            queued.0.send(()).unwrap();
            told.1.recv().unwrap();
            act(session, mutant, wait);
        });
        queued.1.recv().unwrap();
        thread::sleep(Duration::from_millis(20)); // it is handed over to a waiter of that long
        session.release_mutant(mutant).unwrap();
        let state = session.query_mutant(mutant).unwrap();
        assert!(state.owner != 0 && !state.owned_by_caller);
        told.0.send(()).unwrap();
    });
    let outcome = wait(&session, &[mutant], false, 3_000).unwrap();
    outcome.expect("the mutant is lost: nobody knows that its owner has ended").abandoned.len() == 1
}

#[test]
fn mutant_that_was_handed_over_and_owned_once_more_before_its_thread_knew_is_abandoned() {
    assert!(abandoned_after(|session, mutant, _| {
        assert_eq!(session.own_at_once(mutant), Try::Taken(false));
        assert_eq!(session.query_mutant(mutant).unwrap().recursion, 2);
    }));
    assert!(abandoned_after(|session, mutant, wait| {
        assert_eq!(session.own_at_once(mutant), Try::Taken(false));
        assert!(matches!(session.sleep(wait, 0, u64::MAX), Slumber::Satisfied(..)));
        assert_eq!(session.query_mutant(mutant).unwrap().recursion, 2);
    }));
    assert!(abandoned_after(|session, mutant, _| {
        assert_eq!(session.own_at_once(mutant), Try::Taken(false));
        queue_up(session, &[event(session)]); // which puts the first one aside, as a wait in a signal handler does
        assert_eq!(session.query_mutant(mutant).unwrap().recursion, 1);
    }));
}

#[test]
fn mutant_that_a_handler_comes_to_own_ends_the_wait_that_it_interrupts() {
    let session = private();
    let (mutant, other) = (mutant(&session), event(&session));
    let (owned, begun, free) = (mpsc::channel(), mpsc::channel::<()>(), mpsc::channel());
    thread::scope(|scope| {
        let session = &session;
        scope.spawn(move || {
            assert!(take(session, mutant));
            owned.0.send(()).unwrap();
            begun.1.recv().unwrap();
            session.release_mutant(mutant).unwrap(); // offered to who came first, and does not look
            free.0.send(()).unwrap();
        });
        owned.1.recv().unwrap();
        let (first, done) = (mpsc::channel(), mpsc::channel::<()>());
        scope.spawn(move || {
            let wait = queue_up(session, &[mutant]);
            first.0.send(()).unwrap();
            done.1.recv().unwrap();
            session.abort(wait);
        });
        first.1.recv().unwrap();
        let wait = queue_up(session, &[other, mutant]);
        assert!(session.look_again(wait).is_none());
        begun.0.send(()).unwrap();
        free.1.recv().unwrap();
        assert_eq!(session.own_at_once(mutant), Try::Taken(false)); // the handler
        let outcome = session.look_again(wait).expect("the caller owns what it waits for");
        assert_eq!((outcome.index, session.query_mutant(mutant).unwrap().recursion), (1, 2));
        done.0.send(()).unwrap();
    });
}

#[test]
fn contended_mutant_excludes_and_starves_nobody() {
    const TURNS: u64 = 5_000;
    let session = private();
    let mutant = mutant(&session);
    let counter = std::cell::UnsafeCell::new(0u64);
    struct Unprotected<'a>(&'a std::cell::UnsafeCell<u64>);
    // SAFETY: not safe but for the mutant, which is what the test is about.
    unsafe impl Sync for Unprotected<'_> {}
    let unprotected = Unprotected(&counter);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (session, unprotected) = (&session, &unprotected);
            scope.spawn(move || {
                for _ in 0..TURNS {
                    wait(session, &[mutant], false, u64::MAX).unwrap();
                    // SAFETY: the mutant excludes the other threads.
                    unsafe { *unprotected.0.get() += 1 };
                    session.release_mutant(mutant).unwrap();
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), 4 * TURNS);
}

#[test]
fn signal_and_wait_alternates_strictly() {
    let session = private();
    let pair = make(&session, Kind::EventPair, 0, 0, None);
    let turn = |session: &Arc<ntipc_kernel::Session>, set: u32| {
        let started = session.start_wait(
            &[Target { handle: pair, channel: 1 - set }],
            false,
            false,
            Some(Target { handle: pair, channel: set }),
        );
        if let Started::Queued(queued) = started.unwrap() {
            session.sleep(queued, u64::MAX, u64::MAX);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let first = session.start_wait(&[Target { handle: pair, channel: 1 }], false, false, None).unwrap();
            if let Started::Queued(queued) = first {
                session.sleep(queued, u64::MAX, u64::MAX);
            }
            (0..999).for_each(|_| turn(&session, 0));
            session.set_pair(pair, 0).unwrap();
        });
        (0..1000).for_each(|_| turn(&session, 1));
    });
    assert_eq!(session.basics(pair, ntipc_kernel::object::kind::Type::EventPair, 0).unwrap().signals, 0);
}

#[test]
fn a_timer_set_later_wakes_who_waited_before() {
    let session = private();
    let timer = make(&session, Kind::SynchronizationTimer, 0, 0, None);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&session, &[timer], false, u64::MAX).unwrap().is_some());
        until_waiting(&session, 1);
        session.set_timer(timer, now_ns() + 5_000_000, 0).unwrap();
        assert!(waiter.join().unwrap());
    });
    assert!(!take(&session, timer));
}

#[test]
fn an_object_outlives_its_last_handle_until_its_waiter_leaves() {
    let session = private();
    let event = event(&session);
    let live = || session.statistics().iter().find(|(name, _)| *name == "objects").unwrap().1;
    let before = live();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&session, &[event], false, 300).unwrap());
        until_waiting(&session, 1);
        session.close(event).unwrap();
        assert_eq!(live(), before);
        assert!(waiter.join().unwrap().is_none());
    });
    assert_eq!(live(), before - 1);
}

#[test]
fn a_thousand_objects_fit_in_one_wait() {
    let session = private();
    let events: Vec<u32> = (0..1500).map(|_| event(&session)).collect();
    assert_eq!(wait(&session, &events, false, 1).unwrap(), None);
    session.set_event(events[1499]).unwrap();
    assert_eq!(wait(&session, &events, false, 0).unwrap().unwrap().index, 1499);
    events.iter().for_each(|event| assert!(!session.set_event(*event).unwrap()));
    assert!(wait(&session, &events, true, 0).unwrap().is_some());
}

#[test]
fn a_timer_that_fires_while_somebody_queues_does_not_hide_his_other_object() {
    let session = private();
    let timer = make(&session, Kind::SynchronizationTimer, 0, 0, None);
    for _ in 0..20 {
        let event = event(&session);
        thread::scope(|scope| {
            let early = scope.spawn(|| wait(&session, &[timer, event], false, 5000).unwrap().is_some());
            until_waiters(&session, event, 1);
            let due = now_ns() + 1_000_000;
            session.set_timer(timer, due, 0).unwrap();
            while now_ns() < due {} // the early one wakes microseconds later than this thread goes on
            let late = scope.spawn(|| wait(&session, &[timer, event], false, 5000).unwrap().is_some());
            while !early.is_finished() && !late.is_finished() {
                thread::yield_now(); // one of them takes the timer
            }
            until_waiters(&session, event, 1);
            session.set_event(event).unwrap();
            assert!(early.join().unwrap() && late.join().unwrap(), "asleep although its event was set");
        });
        session.close(event).unwrap();
    }
}

#[test]
fn a_set_by_whom_a_pulse_woke_is_not_cleared_by_that_pulse() {
    let session = private();
    let (manual, done, next) = (manual_event(&session), event(&session), event(&session));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3000 {
                wait(&session, &[next], false, u64::MAX).unwrap();
                wait(&session, &[manual], false, u64::MAX).unwrap();
                session.set_event(manual).unwrap();
                session.set_event(done).unwrap();
            }
        });
        for _ in 0..3000 {
            session.set_event(next).unwrap();
            until_waiters(&session, manual, 1);
            session.pulse_event(manual).unwrap();
            wait(&session, &[done], false, u64::MAX).unwrap();
            assert!(session.clear_event(manual).unwrap(), "the set was lost");
        }
    });
}

#[test]
fn whom_a_signal_and_wait_wakes_finds_the_signaller_waiting() {
    let session = private();
    let (ping, pong) = (event(&session), event(&session));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3000 {
                let Started::Queued(queued) = session.start_wait(&targets(&[ping]), false, false, None).unwrap() else {
                    continue;
                };
                while session.spin(queued, 1_000_000).is_none() {}
                session.pulse_event(pong).unwrap();
            }
        });
        for turn in 0..3000 {
            until_waiters(&session, ping, 1);
            let signal = Some(targets(&[ping])[0]);
            let deadline = now_ns() + 5_000_000_000;
            match session.start_wait(&targets(&[pong]), false, false, signal).unwrap() {
                Started::Queued(queued) => {
                    let slumber = session.sleep(queued, deadline, u64::MAX);
                    assert!(
                        !matches!(slumber, ntipc_kernel::dispatch::wait::Slumber::TimedOut),
                        "pulse {turn} was lost"
                    );
                }
                other => assert!(matches!(other, Started::Satisfied(_))),
            }
        }
    });
}
