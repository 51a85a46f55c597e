//! Pulses: the threads that wait now are released, and no others; a set that follows is not undone.

use crate::waiting::{Tally, finish, poll, targets, until_waiting, wait};
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::sys::clock::NEVER;

/// Two wait for a manual-reset event; once they are queued it is pulsed. The first released sets it for a late one.
fn pulse_then_set(world: &World) {
    let event = world.make(Kind::NotificationEvent, 0, 0);
    let (process, other) = (world.process(), world.process());
    let released = Tally::default();
    for _ in 0..2 {
        let released = released.clone();
        world.thread(&process, Fate::Lives, move |session| {
            wait(session, &[event], false);
            if released.add(1) == 2 {
                session.set_event(event).unwrap();
            }
        });
    }
    let seen = released.clone();
    world.thread(&other, Fate::Lives, move |session| {
        until_waiting(session, event, Type::Event, 2);
        assert_eq!(seen.get(), 0);
        session.pulse_event(event).unwrap();
    });
    world.run();
    assert!(world.first().event_is_set(event).unwrap(), "the set of one whom the pulse woke was lost");
}

/// An auto-reset event that is pulsed releases at most one, and is never left set.
fn pulse_of_an_auto_reset_event(world: &World) {
    let event = world.make(Kind::SynchronizationEvent, 0, 0);
    let process = world.process();
    let released = Tally::default();
    for _ in 0..2 {
        let released = released.clone();
        world.thread(&process, Fate::Lives, move |session| {
            wait(session, &[event], false);
            released.add(1);
        });
    }
    let seen = released.clone();
    world.thread(&process, Fate::Lives, move |session| {
        until_waiting(session, event, Type::Event, 2);
        session.pulse_event(event).unwrap();
        assert_eq!(session.basics(event, Type::Event, 0).unwrap().waiters, 1, "a pulse releases one");
        assert!(!poll(session, &[event], false), "a pulse leaves the event clear");
        assert!(seen.get() <= 1);
        session.set_event(event).unwrap();
    });
    world.run();
    assert_eq!(released.get(), 2);
}

/// Whom a signal-and-wait wakes finds the signaller waiting, so its pulse is not lost.
fn signal_and_wait_is_one_step(world: &World) {
    let (ping, pong) = (world.make(Kind::SynchronizationEvent, 0, 0), world.make(Kind::SynchronizationEvent, 0, 0));
    let process = world.process();
    world.thread(&process, Fate::Lives, move |session| {
        for _ in 0..2 {
            let started = session.start_wait(&targets(&[pong]), false, false, Some(targets(&[ping])[0])).unwrap();
            finish(session, started, NEVER).unwrap();
        }
    });
    world.thread(&process, Fate::Lives, move |session| {
        for _ in 0..2 {
            wait(session, &[ping], false);
            session.pulse_event(pong).unwrap();
        }
    });
    world.run();
    assert!(!world.first().event_is_set(pong).unwrap());
}

const MANUAL: Model = Model { name: "pulse, then set", schedules: 6000, body: pulse_then_set };
const AUTO: Model = Model { name: "pulse of an auto-reset event", schedules: 6000, body: pulse_of_an_auto_reset_event };
const TURNS: Model = Model { name: "signal and wait", schedules: 6000, body: signal_and_wait_is_one_step };

#[test]
fn a_pulse_releases_who_waits_and_undoes_no_later_set() {
    MANUAL.explore();
}

#[test]
fn a_pulse_releases_who_waits_and_undoes_no_later_set_needs_its_guard() {
    MANUAL.explore_without("pulse-guard");
}

#[test]
fn a_pulse_of_an_auto_reset_event_releases_one() {
    AUTO.explore();
}

#[test]
fn a_pulse_of_an_auto_reset_event_releases_one_needs_an_exchange_to_fall_asleep() {
    AUTO.explore_without("sleep-exchange");
}

#[test]
fn a_signal_and_wait_is_one_step() {
    TURNS.explore();
}

#[test]
fn a_signal_and_wait_is_one_step_needs_the_flag_before_the_look() {
    TURNS.explore_without("flag-first");
}
