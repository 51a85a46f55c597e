//! Nobody sleeps because another, who was told, does not run.
//!
//! The victim is stopped at any step at which it has nothing that others must wait for, and goes on when all others
//! have come to their end. They come to it only if what the victim was told of goes to them. No look at a rare time
//! helps.

use crate::waiting::{Tally, wait, wait_briefly};
use ntipc_kernel::models::{Fate, Model, World, give_way};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::{NEVER, now_ns};

const PAUSED: Fate = Fate::Paused { within: 40 };

/// Three want a mutant, twice each, and two of them are of other processes than the victim.
fn told_to_compete_for_a_mutant(world: &World) {
    world.has_lookouts();
    let mutant = world.make(Kind::Mutant, 0, 0);
    for fate in [PAUSED, Fate::Lives, Fate::Lives] {
        let process = world.process();
        world.thread(&process, fate, move |session| {
            for _ in 0..2 {
                wait(session, &[mutant], false);
                session.release_mutant(mutant).unwrap();
            }
        });
    }
    world.run();
    assert_eq!(world.first().query_mutant(mutant).unwrap().owner, 0);
}

/// One unit comes, and three more when somebody has it. Two of those who want it give up early: they may be the
/// lookouts.
fn told_to_compete_for_a_unit(world: &World) {
    world.has_lookouts();
    let semaphore = world.make(Kind::Semaphore, 0, 9);
    let has_one = Tally::default();
    let (victim, patient, giver) = (world.process(), world.process(), world.process());
    let noted = has_one.clone();
    world.thread(&victim, PAUSED, move |session| drop(wait(session, &[semaphore], false)));
    for _ in 0..2 {
        let brief = world.process();
        world.thread(&brief, Fate::Lives, move |session| _ = wait_briefly(session, &[semaphore], false));
    }
    world.thread(&patient, Fate::Lives, move |session| {
        wait(session, &[semaphore], false);
        noted.add(1);
    });
    world.thread(&giver, Fate::Lives, move |session| {
        session.release_semaphore(semaphore, 1).unwrap();
        while has_one.get() == 0 && session.query_semaphore(semaphore).unwrap().0 != 0 {
            give_way();
        }
        session.release_semaphore(semaphore, 3).unwrap();
    });
    world.run();
}

/// Frames come one at a time, the next when the one before is taken; three want to read one each.
fn told_of_a_frame(world: &World) {
    world.has_lookouts();
    let (reader, writer) = world.queue(1000);
    for fate in [PAUSED, Fate::Lives, Fate::Lives] {
        let process = world.process();
        world.thread(&process, fate, move |session| {
            session.take_wait(reader, &mut [0; 8], Mode::Part, &mut Until(NEVER)).unwrap().unwrap();
        });
    }
    let giver = world.process();
    world.thread(&giver, Fate::Lives, move |session| {
        for frames in 1..4 {
            session.put_wait(writer, &[b"frame"], 0, &mut Until(NEVER)).unwrap();
            while session.waiting_in_queue(reader).unwrap().1 != 0 && frames < 3 {
                give_way();
            }
        }
    });
    world.run();
}

/// The victim needs nearly all the room, and has the turn; another writes what fits beside it.
fn with_the_turn(world: &World) {
    world.has_lookouts();
    let (reader, writer) = world.queue(100);
    let (first, victim, other, last) = (world.first(), world.process(), world.process(), world.process());
    first.put_wait(writer, &[&[0; 90]], 0, &mut Until(NEVER)).unwrap();
    let done = Tally::default();
    let is_done = done.clone();
    world.thread(&victim, Fate::Paused { within: 25 }, move |session| {
        session.put_wait(writer, &[&[1; 80]], 1, &mut Until(NEVER)).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        for _ in 0..2 {
            session.put_wait(writer, &[&[2; 30]], 2, &mut Until(NEVER)).unwrap();
        }
        done.add(1);
    });
    world.thread(&last, Fate::Lives, move |session| {
        // It looks at the queue whether it is told or not: the victim may have been stopped before it told anybody.
        while is_done.get() == 0 {
            let _ = session.take_wait(reader, &mut [0; 100], Mode::Part, &mut Until(now_ns() + 5)).unwrap();
        }
        while session.take_frame(reader, &mut [0; 100], Mode::Part).unwrap().is_some() {}
    });
    world.run();
}

const MUTANT: Model =
    Model { name: "a competitor for a mutant is stopped", schedules: 6000, body: told_to_compete_for_a_mutant };
const UNIT: Model =
    Model { name: "a competitor for a unit is stopped", schedules: 20000, body: told_to_compete_for_a_unit };
const FRAME: Model = Model { name: "a told reader is stopped", schedules: 6000, body: told_of_a_frame };
const TURN: Model = Model { name: "a writer with the turn is stopped", schedules: 4000, body: with_the_turn };

#[test]
fn a_mutant_does_not_wait_for_the_stopped() {
    MUTANT.explore();
}

#[test]
fn a_mutant_does_not_wait_for_the_stopped_needs_lookouts() {
    MUTANT.explore_without("lookouts");
}

#[test]
fn a_unit_does_not_wait_for_the_stopped() {
    UNIT.explore();
}

#[test]
fn a_unit_does_not_wait_for_the_stopped_needs_lookouts() {
    UNIT.explore_without("lookouts");
}

#[test]
fn a_unit_does_not_wait_for_the_stopped_needs_the_duty_handed_on() {
    UNIT.explore_without("lookout-handed-on");
}

#[test]
fn a_frame_does_not_wait_for_the_stopped() {
    FRAME.explore();
}

#[test]
fn a_frame_does_not_wait_for_the_stopped_needs_lookouts() {
    FRAME.explore_without("lookouts");
}

#[test]
fn room_does_not_wait_for_the_stopped() {
    TURN.explore();
}

#[test]
fn room_does_not_wait_for_the_stopped_needs_turns_that_end() {
    TURN.explore_without("turn-ends");
}
