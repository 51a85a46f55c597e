//! Locks are not taken from the living, and a waiter of one is woken.
//!
//! A contender looks what the owner does the second time it finds the same acquisition, and the look takes time: the
//! owner may leave, fall asleep in a wait, and come again meanwhile. The kernel itself asserts, when a lock is given
//! back, that its owner still has it.

use crate::waiting::wait;
use ntipc_kernel::Session;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::NEVER;
use std::sync::Arc;

/// Takes the dispatcher lock, and gives it back, a few times.
fn take_the_lock(session: &Arc<Session>, times: u32) {
    let initial = Initial { kind: Kind::NotificationEvent, value: 0, limit: 0, quantity: 0, detail: 0 };
    for _ in 0..times {
        let event = session.create(None, Disposition::Create, 0, initial, false).unwrap().handle;
        session.close(event).unwrap();
    }
}

/// One comes and goes: it waits twice, asleep in between. Two others contend with it for the dispatcher lock, and look
/// what it does.
fn owner_comes_again(world: &World) {
    world.owners_are_suspected();
    let semaphore = world.make(Kind::Semaphore, 0, 9);
    let (left, right) = (world.process(), world.process());
    world.thread(&left, Fate::Lives, move |session| {
        for _ in 0..3 {
            wait(session, &[semaphore], false);
        }
    });
    for units in [1, 1, 1] {
        world.thread(&right, Fate::Lives, move |session| {
            for _ in 0..units {
                session.release_semaphore(semaphore, 1).unwrap();
            }
        });
    }
    world.run();
    assert_eq!(world.recoveries(), 0, "the lock was taken from an owner that lives");
}

/// Two writers and two readers contend for the sides of a queue.
fn side_of_the_living(world: &World) {
    world.owners_are_suspected();
    let (reader, writer) = world.queue(1000);
    let (left, right) = (world.process(), world.process());
    for tag in [1, 2] {
        world.thread(&left, Fate::Lives, move |session| {
            for _ in 0..3 {
                session.put_wait(writer, &[b"frame"], tag, &mut Until(NEVER)).unwrap();
            }
        });
    }
    for _ in 0..2 {
        world.thread(&right, Fate::Lives, move |session| {
            for _ in 0..3 {
                let taken = session.take_wait(reader, &mut [0; 8], Mode::Part, &mut Until(NEVER)).unwrap().unwrap();
                assert_eq!(taken.bytes, 5);
            }
        });
    }
    world.run();
}

/// Four want the lock, none of them wakes by itself.
fn contenders_are_woken(world: &World) {
    world.locks_are_told();
    let process = world.process();
    for times in [1, 2, 2, 3] {
        world.thread(&process, Fate::Lives, move |session| take_the_lock(session, times));
    }
    world.run();
}

const OWNER: Model = Model { name: "an owner comes again", schedules: 20000, body: owner_comes_again };
const SIDE: Model = Model { name: "a side of the living", schedules: 20000, body: side_of_the_living };
const WOKEN: Model = Model { name: "contenders are woken", schedules: 6000, body: contenders_are_woken };

#[test]
fn the_lock_is_not_taken_from_the_living() {
    OWNER.explore();
}

#[test]
fn the_lock_is_not_taken_from_the_living_needs_serial_numbers() {
    OWNER.explore_without("acquisition-serial");
}

#[test]
fn a_side_is_not_taken_from_the_living() {
    SIDE.explore();
}

#[test]
fn a_side_is_not_taken_from_the_living_needs_serial_numbers() {
    SIDE.explore_without("acquisition-serial");
}

#[test]
fn who_waits_for_a_lock_is_woken() {
    WOKEN.explore();
}

#[test]
fn who_waits_for_a_lock_is_woken_needs_the_mark_of_contention() {
    WOKEN.explore_without("still-contended");
}
