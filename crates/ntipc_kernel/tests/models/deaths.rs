//! Deaths at any step: of a waiter, a signaller, an owner, a thread that pulses, and of the reaper at its work.
//!
//! The victim notes what it got the moment a call returns; no step lies between the last store of the call and the
//! note, so what it got and what it left behind add up exactly. (Of a wait for one object that is there at once this
//! would not be so: that one takes it as a fast path does, and a unit has no owner. So the victims of units wait for
//! one of two.) What a victim gave is sure only once the call has returned.

use crate::waiting::{Tally, finish, targets, until_waiting, wait, wait_briefly};
use ntipc_kernel::dispatch::wait::Started;
use ntipc_kernel::models::{Fate, Model, World, choose};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::sys::clock::now_ns;

/// The victim takes units while others release and take them.
fn waiter_dies(world: &World) {
    let (semaphore, never) = (world.make(Kind::Semaphore, 0, 9), world.make(Kind::NotificationEvent, 0, 0));
    let (victim, other) = (world.process(), world.process());
    world.reaper();
    world.reaper();
    let taken = Tally::default();
    let noted = taken.clone();
    world.thread(&victim, Fate::Killed { within: 90 }, move |session| {
        for _ in 0..2 {
            if wait_briefly(session, &[semaphore, never], false) {
                noted.add(1);
            }
        }
    });
    world.thread(&other, Fate::Lives, move |session| drop(wait(session, &[semaphore], false)));
    world.thread(&other, Fate::Lives, move |session| {
        for _ in 0..3 {
            session.release_semaphore(semaphore, 1).unwrap();
        }
    });
    world.run();
    assert_eq!(taken.get() + 1 + world.first().query_semaphore(semaphore).unwrap().0, 3);
}

/// The victim releases units to two that wait for ever.
fn signaller_dies(world: &World) {
    let semaphore = world.make(Kind::Semaphore, 0, 9);
    let (victim, other, ended) = (world.process(), world.process(), world.ended());
    world.reaper();
    world.reaper();
    let given = Tally::default();
    let noted = given.clone();
    world.thread(&victim, Fate::Killed { within: 60 }, move |session| {
        until_waiting(session, semaphore, Type::Semaphore, choose(2) as u32);
        for _ in 0..2 {
            session.release_semaphore(semaphore, 1).unwrap();
            noted.add(1);
        }
    });
    for _ in 0..2 {
        world.thread(&other, Fate::Lives, move |session| drop(wait(session, &[semaphore], false)));
    }
    world.thread(&other, Fate::Lives, move |session| {
        ended.wait_for(1);
        session.release_semaphore(semaphore, 2).unwrap();
    });
    world.run();
    let (left, given) = (world.first().query_semaphore(semaphore).unwrap().0, given.get());
    assert!(left == given || world.deaths() > 0 && left == given + 1, "{left} left of {given}");
}

/// The victim sets an auto-reset event for one that waits for ever; it is set again only if nothing is left of that.
fn setter_dies(world: &World) {
    let event = world.make(Kind::SynchronizationEvent, 0, 0);
    let (victim, other, ended) = (world.process(), world.process(), world.ended());
    world.reaper();
    world.reaper();
    world.thread(&victim, Fate::Killed { within: 40 }, move |session| {
        until_waiting(session, event, Type::Event, choose(2) as u32);
        session.set_event(event).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| drop(wait(session, &[event], false)));
    world.thread(&other, Fate::Lives, move |session| {
        ended.wait_for(1);
        if !session.event_is_set(event).unwrap() {
            session.set_event(event).unwrap();
        }
    });
    world.run();
}

/// The victim and another compete for the one unit there is; if the victim has had it there comes another.
fn offered_waiter_dies(world: &World) {
    let semaphore = world.make(Kind::Semaphore, 0, 9);
    let (victim, other, ended) = (world.process(), world.process(), world.ended());
    world.reaper();
    world.reaper();
    world.thread(&victim, Fate::Killed { within: 60 }, move |session| {
        wait_briefly(session, &[semaphore], false);
    });
    world.thread(&other, Fate::Lives, move |session| drop(wait(session, &[semaphore], false)));
    world.thread(&other, Fate::Lives, move |session| {
        session.release_semaphore(semaphore, 1).unwrap();
        ended.wait_for(1);
        if session.query_semaphore(semaphore).unwrap().0 == 0 {
            session.release_semaphore(semaphore, 1).unwrap();
        }
    });
    world.run();
    assert!(world.first().query_semaphore(semaphore).unwrap().0 <= 1);
}

/// The victim owns a mutant, wants it, or gives it back; two others want it too.
fn owner_dies(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let (victim, other) = (world.process(), world.process());
    world.reaper();
    world.reaper();
    let (owned, unsure, abandoned) = (Tally::default(), Tally::default(), Tally::default());
    let (owns, may_own) = (owned.clone(), unsure.clone());
    world.thread(&victim, Fate::Killed { within: 50 }, move |session| {
        for _ in 0..2 {
            may_own.add(1);
            let started = session.start_wait(&targets(&[mutant]), false, false, None).unwrap();
            let taken = finish(session, started, now_ns() + 5).is_some();
            may_own.take_off(1);
            if taken {
                owns.add(1);
                assert!(session.query_mutant(mutant).unwrap().owned_by_caller);
                may_own.add(1);
                owns.take_off(1);
                session.release_mutant(mutant).unwrap();
                may_own.take_off(1);
            }
        }
    });
    for _ in 0..2 {
        let abandoned = abandoned.clone();
        world.thread(&other, Fate::Lives, move |session| {
            abandoned.add(wait(session, &[mutant], false).abandoned.len() as u32);
            assert!(session.query_mutant(mutant).unwrap().owned_by_caller);
            session.release_mutant(mutant).unwrap();
        });
    }
    world.run();
    let state = world.first().query_mutant(mutant).unwrap();
    let told = abandoned.get() + u32::from(state.abandoned);
    assert_eq!(state.owner, 0, "a mutant of the dead");
    assert!(owned.get() <= told && told <= owned.get() + unsure.get(), "abandoned {told} times");
}

/// The victim waits for a unit and a mutant together; so does another, while a third uses both singly.
fn taker_of_all_dies(world: &World) {
    let (semaphore, mutant) = (world.make(Kind::Semaphore, 0, 9), world.make(Kind::Mutant, 0, 0));
    let (victim, other) = (world.process(), world.process());
    world.reaper();
    world.reaper();
    let taken = Tally::default();
    let noted = taken.clone();
    world.thread(&victim, Fate::Killed { within: 100 }, move |session| {
        if wait_briefly(session, &[semaphore, mutant], true) {
            noted.add(1);
            assert!(session.query_mutant(mutant).unwrap().owned_by_caller);
            session.release_mutant(mutant).unwrap();
        }
    });
    world.thread(&other, Fate::Lives, move |session| {
        wait(session, &[mutant, semaphore], true);
        session.release_mutant(mutant).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        session.release_semaphore(semaphore, 1).unwrap();
        wait(session, &[mutant], false);
        session.release_semaphore(semaphore, 1).unwrap();
        session.release_mutant(mutant).unwrap();
    });
    world.run();
    let first = world.first();
    assert_eq!(taken.get() + 1 + first.query_semaphore(semaphore).unwrap().0, 2);
    assert_eq!(first.query_mutant(mutant).unwrap().owner, 0);
}

/// The victim pulses an event that two wait for. Whatever comes of it, the event is clear afterwards.
fn pulser_dies(world: &World) {
    let (event, end) = (world.make(Kind::NotificationEvent, 0, 0), world.make(Kind::NotificationEvent, 0, 0));
    let (victim, other, ended) = (world.process(), world.process(), world.ended());
    world.reaper();
    world.reaper();
    world.thread(&victim, Fate::Killed { within: 80 }, move |session| {
        until_waiting(session, event, Type::Event, 2);
        session.pulse_event(event).unwrap();
    });
    for _ in 0..2 {
        world.thread(&other, Fate::Lives, move |session| drop(wait(session, &[event, end], false)));
    }
    world.thread(&other, Fate::Lives, move |session| {
        ended.wait_for(1);
        session.set_event(end).unwrap();
    });
    world.run();
    assert!(!world.first().event_is_set(event).unwrap(), "a pulse left its event set");
}

/// The victim pulses an event for one that does not fall asleep, and sets the event as soon as it is released.
fn pulser_of_a_spinner_dies(world: &World) {
    let event = world.make(Kind::NotificationEvent, 0, 0);
    let (victim, other, ended) = (world.process(), world.process(), world.ended());
    world.reaper();
    let sets = Tally::default();
    let (counted, seen) = (sets.clone(), sets.clone());
    world.thread(&victim, Fate::Killed { within: 40 }, move |session| {
        until_waiting(session, event, Type::Event, 1);
        session.pulse_event(event).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        if let Started::Queued(queued) = session.start_wait(&targets(&[event]), false, false, None).unwrap() {
            while session.spin(queued, 1_000_000).is_none() {}
        }
        session.set_event(event).unwrap();
        counted.add(1);
    });
    world.thread(&other, Fate::Lives, move |session| {
        ended.wait_for(1);
        if seen.get() == 0 {
            session.set_event(event).unwrap();
        }
    });
    world.run();
    assert_eq!(sets.get(), 1);
    assert!(world.first().event_is_set(event).unwrap(), "a pulse undid the set of one whom it released");
}

const WAITER: Model = Model { name: "a waiter dies", schedules: 6000, body: waiter_dies };
const OFFERED: Model = Model { name: "an offered waiter dies", schedules: 6000, body: offered_waiter_dies };
const SIGNALLER: Model = Model { name: "a signaller dies", schedules: 6000, body: signaller_dies };
const SETTER: Model = Model { name: "a setter dies", schedules: 6000, body: setter_dies };
const OWNER: Model = Model { name: "an owner dies", schedules: 6000, body: owner_dies };
const ALL: Model = Model { name: "a taker of all dies", schedules: 6000, body: taker_of_all_dies };
const SPINNER: Model = Model { name: "the pulser of a spinner dies", schedules: 12000, body: pulser_of_a_spinner_dies };
const PULSER: Model = Model { name: "a pulser dies", schedules: 6000, body: pulser_dies };

/// Deaths in many schedules, but not in all, or the victim never came to the end of its steps.
fn explore(model: &Model) {
    let explored = model.explore();
    assert!(explored.deaths * 5 > explored.schedules && explored.deaths < explored.schedules, "{explored:?}");
}

#[test]
fn units_are_refunded() {
    explore(&WAITER);
}

#[test]
fn units_are_refunded_needs_the_refund() {
    WAITER.explore_without("refund");
}

#[test]
fn units_are_refunded_needs_the_withdrawal() {
    WAITER.explore_without("withdrawal");
}

#[test]
fn what_the_dead_was_offered_goes_to_the_next() {
    explore(&OFFERED);
}

#[test]
fn what_the_dead_was_offered_goes_to_the_next_needs_offers_to_be_passed_on() {
    OFFERED.explore_without("offer-again");
}

#[test]
fn units_are_refunded_once_needs_the_tag() {
    WAITER.explore_without("refund-tag");
}

#[test]
fn who_was_told_is_woken() {
    explore(&SIGNALLER);
}

#[test]
fn who_was_told_is_woken_needs_the_second_wake() {
    SIGNALLER.explore_without("re-wake");
}

#[test]
fn a_series_of_transactions_is_finished() {
    explore(&SETTER);
}

#[test]
fn a_series_of_transactions_is_finished_needs_the_evaluation_of_all() {
    SETTER.explore_without("re-evaluation");
}

#[test]
fn a_mutant_is_abandoned_once() {
    explore(&OWNER);
}

#[test]
fn a_mutant_is_abandoned_once_needs_the_intent() {
    OWNER.explore_without("intent");
}

#[test]
fn a_mutant_is_abandoned_once_needs_the_journal() {
    OWNER.explore_without("journal-redo");
}

#[test]
fn everything_or_nothing_is_taken() {
    explore(&ALL);
}

#[test]
fn everything_or_nothing_is_taken_needs_the_journal() {
    ALL.explore_without("journal-redo");
}

#[test]
fn a_pulse_ends() {
    explore(&PULSER);
}

#[test]
fn a_pulse_ends_needs_its_mark() {
    PULSER.explore_without("pulse-end");
}

#[test]
fn a_pulse_cut_short_undoes_no_later_set() {
    explore(&SPINNER);
}

#[test]
fn a_pulse_cut_short_undoes_no_later_set_needs_fast_paths_kept_away() {
    SPINNER.explore_without("pulse-kept");
}
