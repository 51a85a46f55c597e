//! Timeout against completion: the token is taken or it is there, never both, never neither.

use crate::waiting::{Tally, finish, targets, wait, wait_briefly};
use ntipc_kernel::dispatch::wait::Started;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::sys::clock::now_ns;

/// One unit and one set come while one waits for either, and another for both, each only so long.
fn timeout_against_completion(world: &World) {
    let (semaphore, event) = (world.make(Kind::Semaphore, 0, 2), world.make(Kind::SynchronizationEvent, 0, 0));
    let process = world.process();
    let (units, sets) = (Tally::default(), Tally::default());
    let (any_units, any_sets, all_units, all_sets) = (units.clone(), sets.clone(), units.clone(), sets.clone());
    world.thread(&process, Fate::Lives, move |session| {
        for _ in 0..2 {
            let started = session.start_wait(&targets(&[semaphore, event]), false, false, None).unwrap();
            match finish(session, started, now_ns() + 5) {
                Some(outcome) if outcome.index == 0 => drop(any_units.add(1)),
                Some(_) => drop(any_sets.add(1)),
                None => {}
            }
        }
    });
    world.thread(&process, Fate::Lives, move |session| {
        if wait_briefly(session, &[event, semaphore], true) {
            all_units.add(1);
            all_sets.add(1);
        }
    });
    world.thread(&process, Fate::Lives, move |session| {
        session.release_semaphore(semaphore, 1).unwrap();
        session.set_event(event).unwrap();
    });
    world.run();
    let first = world.first();
    assert_eq!(units.get() + first.query_semaphore(semaphore).unwrap().0, 1);
    assert_eq!(sets.get() + u32::from(first.event_is_set(event).unwrap()), 1);
}

/// A wait that is aborted, because an exception is on its way, gives back what it was given or offered.
fn abort_against_completion(world: &World) {
    let semaphore = world.make(Kind::Semaphore, 0, 2);
    let process = world.process();
    world.thread(&process, Fate::Lives, move |session| {
        match session.start_wait(&targets(&[semaphore]), false, false, None).unwrap() {
            Started::Queued(queued) => session.abort(queued),
            _ => drop(session.release_semaphore(semaphore, 1).unwrap()),
        }
    });
    world.thread(&process, Fate::Lives, move |session| drop(wait(session, &[semaphore], false)));
    world.thread(&process, Fate::Lives, move |session| {
        session.release_semaphore(semaphore, 1).unwrap();
    });
    world.run();
    assert_eq!(world.first().query_semaphore(semaphore).unwrap().0, 0);
}

const TIMEOUT: Model = Model { name: "timeout against completion", schedules: 6000, body: timeout_against_completion };
const ABORT: Model = Model { name: "abort against completion", schedules: 6000, body: abort_against_completion };

#[test]
fn a_timeout_loses_no_token() {
    TIMEOUT.explore();
}

#[test]
fn a_timeout_loses_no_token_needs_a_look_before_it_gives_up() {
    TIMEOUT.explore_without("cancel-looks");
}

#[test]
fn an_aborted_wait_gives_back_what_it_got() {
    ABORT.explore();
}

#[test]
fn an_aborted_wait_gives_back_what_it_got_needs_offers_to_be_passed_on() {
    ABORT.explore_without("offer-again");
}
