//! Wait-all against fast paths: everything or nothing, and nothing gets lost between two takers in opposite orders.

use crate::waiting::{Tally, poll, wait, wait_briefly};
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;

/// Two takers of pairs in opposite orders; a thief that takes single units and brings them back.
fn pairs(world: &World) {
    let (left, right) = (world.make(Kind::Semaphore, 0, 9), world.make(Kind::Semaphore, 1, 9));
    let process = world.process();
    for pair in [[left, right], [right, left]] {
        world.thread(&process, Fate::Lives, move |session| drop(wait(session, &pair, true)));
    }
    world.thread(&process, Fate::Lives, move |session| {
        session.release_semaphore(left, 1).unwrap();
        session.release_semaphore(right, 1).unwrap();
        session.release_semaphore(left, 1).unwrap();
    });
    world.thread(&process, Fate::Lives, move |session| {
        for semaphore in [right, left] {
            if poll(session, &[semaphore], false) {
                session.release_semaphore(semaphore, 1).unwrap();
            }
        }
    });
    world.run();
    let first = world.first();
    assert_eq!((first.query_semaphore(left).unwrap().0, first.query_semaphore(right).unwrap().0), (0, 0));
}

/// A taker that may give up, of an event and a mutant, while others take and give both singly.
fn event_and_mutant(world: &World) {
    let (event, mutant) = (world.make(Kind::SynchronizationEvent, 0, 0), world.make(Kind::Mutant, 0, 0));
    let process = world.process();
    let (sets, takes) = (Tally::default(), Tally::default());
    let (counted, taken) = (sets.clone(), takes.clone());
    world.thread(&process, Fate::Lives, move |session| {
        if wait_briefly(session, &[event, mutant], true) {
            taken.add(1);
            session.release_mutant(mutant).unwrap();
        }
    });
    world.thread(&process, Fate::Lives, move |session| {
        wait(session, &[mutant], false);
        counted.add(u32::from(!session.set_event(event).unwrap()));
        session.release_mutant(mutant).unwrap();
    });
    let taken = takes.clone();
    world.thread(&process, Fate::Lives, move |session| {
        if poll(session, &[event], false) {
            taken.add(1);
        }
    });
    world.run();
    let first = world.first();
    assert_eq!(sets.get(), takes.get() + u32::from(first.event_is_set(event).unwrap()));
    assert_eq!(first.query_mutant(mutant).unwrap().owner, 0);
}

const PAIRS: Model = Model { name: "pairs", schedules: 6000, body: pairs };
const MIXED: Model = Model { name: "event and mutant", schedules: 6000, body: event_and_mutant };

#[test]
fn pairs_are_taken_whole() {
    PAIRS.explore();
}

#[test]
fn pairs_are_taken_whole_needs_the_flag_on_every_object() {
    PAIRS.explore_without("flag-every");
}

#[test]
fn an_event_and_a_mutant_are_taken_together() {
    MIXED.explore();
}

#[test]
fn an_event_and_a_mutant_are_taken_together_needs_a_look_before_it_gives_up() {
    MIXED.explore_without("cancel-looks");
}
