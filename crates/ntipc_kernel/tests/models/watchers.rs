//! Watchers that are stopped, or get no processor, from any step on: deaths are told all the same.
//!
//! The helpers here are the kernel's own, with their loop, the ring, joining and leaving. One that is stopped while it
//! sleeps is gone from the list of sleepers, or stays in it and takes the wake-ups that come: both happen to real ones.
//! No look-round helps: a waiter that is not told sleeps for ever, and a run in which all sleep fails.

use crate::waiting::{Tally, wait};
use ntipc_kernel::Session;
use ntipc_kernel::models::{Fate, Model, World, choose, give_way, leave, takes_part};
use ntipc_kernel::object::kind::Kind;
use std::sync::Arc;

const STOPPED: Fate = Fate::Stopped { within: 60 };

/// The owner is killed some time after `before`; a thread of the mourner waits for the mutant, from before the death or
/// after it (`late`). It is told, or sleeps for ever.
fn kill_owner(
    world: &World,
    victim: &Arc<Session>,
    mutant: u32,
    (mourner, late): (&Arc<Session>, bool),
    before: impl Fn() + Send + 'static,
) {
    let other = world.process();
    let (owned, told) = (Tally::default(), Tally::default());
    let (ended, helpers) = (world.ended(), world.helpers());
    let (owns, is_told, has_ended) = (owned.clone(), told.clone(), world.ended());
    world.thread(victim, Fate::Killed { within: 40 }, move |session| {
        wait(session, &[mutant], false);
        before();
        owned.add(1);
        for _ in 0..100 {
            session.close(session.duplicate(mutant, None, None, false).unwrap()).unwrap();
        }
    });
    world.thread(mourner, Fate::Lives, move |session| {
        while owns.get() == 0 && !ended.has(1) {
            give_way();
        }
        if late {
            ended.wait_for(1);
        }
        wait(session, &[mutant], false);
        session.release_mutant(mutant).unwrap();
        told.add(1);
    });
    world.thread(&other, Fate::Lives, move |_| {
        while is_told.get() == 0 {
            give_way();
        }
        has_ended.wait_for(1);
        match late {
            true => helpers.end(), // nobody waits any more, so nobody looks
            false => helpers.end_when_buried(),
        }
    });
}

/// Two of the three who watch the owner are stopped.
fn two_watchers_stop(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let watchers: Vec<_> = (0..3).map(|_| world.process()).collect();
    let (owner, mourner) = (world.process(), world.process());
    let lives = choose(3) as usize;
    for (place, watcher) in watchers.iter().enumerate() {
        world.watches(watcher, if place == lives { Fate::Lives } else { STOPPED });
    }
    kill_owner(world, &owner, mutant, (&mourner, false), || ());
    world.run();
}

/// One of the three is killed too, and one is stopped.
fn a_watcher_dies_and_one_stops(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let watchers: Vec<_> = (0..3).map(|_| world.process()).collect();
    let (owner, mourner) = (world.process(), world.process());
    let first = choose(3) as usize;
    for (place, watcher) in watchers.iter().enumerate() {
        let fate = match (place + 3 - first) % 3 {
            0 => Fate::Lives,
            1 => STOPPED,
            _ => Fate::Killed { within: 60 },
        };
        world.watches(watcher, fate);
    }
    kill_owner(world, &owner, mutant, (&mourner, false), || ());
    world.run();
}

/// Three come, each before the others in the ring; two of them are stopped.
fn watchers_come_and_stop(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let (owner, mourner) = (world.process(), world.process());
    let lives = choose(3);
    let comers: Vec<_> = (0..3).map(|place| world.comes(if place == lives { Fate::Lives } else { STOPPED })).collect();
    let all_there = choose(2) == 0;
    kill_owner(world, &owner, mutant, (&mourner, false), move || {
        let patience = if all_there { 500 } else { choose(20) };
        for _ in 0..patience {
            if comers.iter().all(|comer| takes_part(comer)) {
                break;
            }
            give_way();
        }
    });
    world.run();
}

/// One watches from the beginning, one is stopped, and one comes and leaves.
fn a_watcher_leaves(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    let watchers = [world.process(), world.process()];
    let (owner, mourner, other) = (world.process(), world.process(), world.process());
    let lives = choose(2) as usize;
    world.watches(&watchers[lives], Fate::Lives);
    world.watches(&watchers[1 - lives], STOPPED);
    let leaver = world.comes(Fate::Lives);
    kill_owner(world, &owner, mutant, (&mourner, false), || ());
    world.thread(&other, Fate::Lives, move |_| {
        while !takes_part(&leaver) {
            give_way();
        }
        leave(&leaver);
    });
    world.run();
}

/// A newcomer dies when it takes part. Of those who are there, two are stopped.
fn a_newcomer_dies(world: &World) {
    let watchers: Vec<_> = (0..3).map(|_| world.process()).collect();
    let other = world.process();
    let lives = choose(3) as usize;
    for (place, watcher) in watchers.iter().enumerate() {
        world.watches(watcher, if place == lives { Fate::Lives } else { STOPPED });
    }
    let newcomer = world.comes(Fate::Killed { within: 120 });
    let (helpers, ended) = (world.helpers(), world.ended());
    world.thread(&other, Fate::Lives, move |_| {
        for _ in 0..1000 {
            if ended.has(1) {
                break;
            }
            give_way();
        }
        leave(&newcomer);
        ended.wait_for(1);
        helpers.end_when_buried();
    });
    world.run();
}

/// All who watch the owner are stopped. The helper of the mourner's process is none of them.
fn all_watchers_stop(world: &World) {
    let mutant = world.make(Kind::Mutant, 0, 0);
    world.waiters_look();
    let mourner = world.process();
    let watchers: Vec<_> = (0..3).map(|_| world.process()).collect();
    let owner = world.process();
    for watcher in &watchers {
        world.watches(watcher, STOPPED);
    }
    world.watches(&mourner, Fate::Lives);
    kill_owner(world, &owner, mutant, (&mourner, true), || ());
    world.run();
}

const TWO_STOP: Model = Model { name: "two watchers stop", schedules: 4000, body: two_watchers_stop };
const ONE_DIES: Model =
    Model { name: "a watcher dies and one stops", schedules: 4000, body: a_watcher_dies_and_one_stops };
const COMING: Model = Model { name: "watchers come and stop", schedules: 20_000, body: watchers_come_and_stop };
const LEAVING: Model = Model { name: "a watcher leaves", schedules: 4000, body: a_watcher_leaves };
const NEWCOMER: Model = Model { name: "a newcomer dies", schedules: 4000, body: a_newcomer_dies };
const ALL_STOP: Model = Model { name: "all watchers stop", schedules: 4000, body: all_watchers_stop };

#[test]
fn a_death_is_told_though_two_watchers_stop() {
    TWO_STOP.explore();
}

#[test]
fn a_death_is_told_though_two_watchers_stop_needs_deputies() {
    TWO_STOP.explore_without("deputies");
}

#[test]
fn a_death_is_told_though_two_watchers_stop_needs_words_of_their_own() {
    TWO_STOP.explore_without("own-words");
}

#[test]
fn a_death_is_told_though_two_watchers_stop_needs_the_slot_freed_last() {
    TWO_STOP.explore_without("freed-last");
}

#[test]
fn a_death_is_told_though_a_watcher_dies_and_another_stops() {
    ONE_DIES.explore();
}

#[test]
fn a_death_is_told_though_those_who_come_stop() {
    COMING.explore();
}

#[test]
fn a_death_is_told_though_those_who_come_stop_needs_words_cleared() {
    COMING.explore_without("words-cleared");
}

#[test]
fn a_death_is_told_though_a_watcher_leaves() {
    LEAVING.explore();
}

#[test]
fn the_death_of_a_newcomer_is_told() {
    NEWCOMER.explore();
}

#[test]
fn the_death_of_a_newcomer_is_told_needs_its_watchers_to_be_told_of_it() {
    NEWCOMER.explore_without("watchers-told");
}

#[test]
fn a_death_is_told_though_all_watchers_stop() {
    ALL_STOP.explore();
}

#[test]
fn a_death_is_told_though_all_watchers_stop_needs_waiters_that_look() {
    ALL_STOP.explore_without("waiters-look");
}
