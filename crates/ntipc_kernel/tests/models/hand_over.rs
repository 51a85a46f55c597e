//! A contended mutant: competed for, handed over to a waiter that has waited long, owned by one at a time.

use crate::waiting::{Tally, finish, targets, wait};
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::sys::clock::now_ns;

/// Three want it twice each, one of them with a timeout. Looking at it while inside lets the others run.
fn contended_mutant(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let process = world.process();
    let (inside, turns) = (Tally::default(), Tally::default());
    for number in 0..3 {
        let (inside, turns) = (inside.clone(), turns.clone());
        world.thread(&process, Fate::Lives, move |session| {
            for _ in 0..2 {
                if number == 0 {
                    let started = session.start_wait(&targets(&[mutant]), false, false, None).unwrap();
                    if finish(session, started, now_ns() + 5).is_none() {
                        continue;
                    }
                } else {
                    assert!(wait(session, &[mutant], false).abandoned.is_empty());
                }
                assert_eq!(inside.add(1), 1, "two own it");
                let seen = session.query_mutant(mutant).unwrap();
                assert!(seen.owned_by_caller && seen.recursion == 1);
                inside.take_off(1);
                turns.add(1);
                session.release_mutant(mutant).unwrap();
            }
        });
    }
    world.run();
    assert!(turns.get() >= 4);
    assert_eq!(world.first().query_mutant(mutant).unwrap().owner, 0);
}

/// Two take it singly, twice each, so it is offered and taken from under who it was offered to; one takes it together
/// with an event.
fn offered_mutant(world: &World) {
    let (mutant, event) = (world.make(Kind::Mutant, 0, 0), world.make(Kind::NotificationEvent, 1, 0));
    let process = world.process();
    let inside = Tally::default();
    for wanted in [vec![mutant], vec![mutant], vec![mutant, event]] {
        let inside = inside.clone();
        world.thread(&process, Fate::Lives, move |session| {
            for _ in 0..2 {
                wait(session, &wanted, wanted.len() > 1);
                assert_eq!(inside.add(1), 1, "two own it");
                assert!(session.query_mutant(mutant).unwrap().owned_by_caller);
                inside.take_off(1);
                session.release_mutant(mutant).unwrap();
            }
        });
    }
    world.run();
    assert_eq!(world.first().query_mutant(mutant).unwrap().owner, 0);
}

const OFFERED: Model = Model { name: "offered mutant", schedules: 20_000, body: offered_mutant };
const MUTANT: Model = Model { name: "contended mutant", schedules: 6000, body: contended_mutant };

#[test]
fn a_mutant_has_one_owner_and_everybody_gets_it() {
    MUTANT.explore();
}

#[test]
fn a_mutant_has_one_owner_and_everybody_gets_it_needs_offers_that_end() {
    MUTANT.explore_without("offer-ends");
}

#[test]
fn a_mutant_has_one_owner_and_everybody_gets_it_needs_a_second_look_by_who_competes() {
    MUTANT.explore_without("retry-looks");
}

#[test]
fn an_offered_mutant_has_one_owner_and_everybody_gets_it() {
    OFFERED.explore();
}

#[test]
fn an_offered_mutant_has_one_owner_and_everybody_gets_it_needs_offers_that_end() {
    OFFERED.explore_without("offer-ends");
}

#[test]
fn an_offered_mutant_has_one_owner_and_everybody_gets_it_needs_a_second_look_once_the_offer_is_over() {
    OFFERED.explore_without("offer-looks");
}
