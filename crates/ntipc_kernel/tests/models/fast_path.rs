//! Fast paths against HAS_WAITERS, and sleep against wake: no wake-up is lost, no token is lost or doubled.

use crate::waiting::{Tally, poll, wait};
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;

/// Two set an auto-reset event as often as two others wait for it; a set that finds it set counts for nothing, so each
/// waits for its set to be taken before it sets again.
fn event_ping_pong(world: &World) {
    let (ping, pong) = (world.make(Kind::SynchronizationEvent, 0, 0), world.make(Kind::SynchronizationEvent, 0, 0));
    let (left, right) = (world.process(), world.process());
    world.thread(&left, Fate::Lives, move |session| {
        for _ in 0..2 {
            assert!(!session.set_event(ping).unwrap(), "the other side has taken the last set");
            wait(session, &[pong], false);
        }
    });
    world.thread(&right, Fate::Lives, move |session| {
        for _ in 0..2 {
            wait(session, &[ping], false);
            assert!(!session.set_event(pong).unwrap());
        }
    });
    world.run();
    let first = world.first();
    assert!(!first.event_is_set(ping).unwrap() && !first.event_is_set(pong).unwrap());
}

/// Units released by two are taken by two that wait and one that only looks.
fn semaphore_units(world: &World) {
    let semaphore = world.make(Kind::Semaphore, 0, 9);
    let (left, right) = (world.process(), world.process());
    let polled = Tally::default();
    for units in [1, 2] {
        world.thread(&left, Fate::Lives, move |session| {
            session.release_semaphore(semaphore, units).unwrap();
        });
    }
    for _ in 0..2 {
        world.thread(&right, Fate::Lives, move |session| drop(wait(session, &[semaphore], false)));
    }
    let mine = polled.clone();
    world.thread(&left, Fate::Lives, move |session| {
        // Leaves two for those who wait: it takes one, and releases it again if it was not the third.
        if poll(session, &[semaphore], false) {
            session.release_semaphore(semaphore, 1).unwrap();
            mine.add(1);
        }
    });
    world.run();
    assert_eq!(world.first().query_semaphore(semaphore).unwrap().0, 1);
}

const EVENT: Model = Model { name: "event ping-pong", schedules: 8000, body: event_ping_pong };
const SEMAPHORE: Model = Model { name: "semaphore units", schedules: 6000, body: semaphore_units };

#[test]
fn no_set_and_no_wake_up_is_lost() {
    EVENT.explore();
}

#[test]
fn no_set_and_no_wake_up_is_lost_needs_the_flag_before_the_look() {
    EVENT.explore_without("flag-first");
}

#[test]
fn no_set_and_no_wake_up_is_lost_needs_an_exchange_to_fall_asleep() {
    EVENT.explore_without("sleep-exchange");
}

#[test]
fn units_are_neither_lost_nor_doubled() {
    SEMAPHORE.explore();
}

#[test]
fn units_are_neither_lost_nor_doubled_needs_the_flag_before_the_look() {
    SEMAPHORE.explore_without("flag-first");
}

#[test]
fn units_are_neither_lost_nor_doubled_needs_a_second_look_by_who_competes() {
    SEMAPHORE.explore_without("retry-looks");
}
