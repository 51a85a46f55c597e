//! Completion ports: a loop that sleeps whenever it was not told is told of every frame; the relay that tells it takes
//! none.

use ntipc_kernel::Session;
use ntipc_kernel::completion::port::Port;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::NEVER;
use std::sync::Arc;

const QUOTA: u64 = 10_000;

fn put(session: &Arc<Session>, writer: u32, frames: u32) {
    for number in 0..frames {
        assert!(session.put_frame(writer, &[b"frame"], number).unwrap());
    }
}

/// A port that watches, before the relay runs: a relay without anything to watch ends.
fn watching(session: &Arc<Session>, readers: &[u32]) -> Port {
    let port = Port::of_a_model();
    readers.iter().for_each(|reader| port.watch(session, *reader).unwrap());
    port
}

/// A loop: told, it takes what there is, and arms its watches again; until it has taken so many frames of each end.
fn run_loop(session: &Arc<Session>, port: &Port, readers: &[u32], frames: u32) {
    let mut taken = 0;
    while taken < frames * readers.len() as u32 {
        port.sleep();
        port.lower();
        for reader in readers {
            while session.take_frame(*reader, &mut [0; 8], Mode::Whole).unwrap().is_some() {
                taken += 1;
            }
        }
        port.arm();
    }
    port.close();
}

/// One puts, and the loop of another process takes.
fn told_of_each(world: &World) {
    let (reader, writer) = world.queue(QUOTA);
    let (putter, owner) = (world.process(), world.process());
    let port = Arc::new(watching(&owner, &[reader]));
    let relayed = Arc::clone(&port);
    world.thread(&owner, Fate::Lives, move |_| relayed.run_relay());
    world.thread(&owner, Fate::Lives, move |session| run_loop(session, &port, &[reader], 2));
    world.thread(&putter, Fate::Lives, move |session| put(session, writer, 2));
    world.run();
}

/// Two put into a queue each, and one loop watches both.
fn two_ends(world: &World) {
    let queues = [world.queue(QUOTA), world.queue(QUOTA)];
    let (putter, owner) = (world.process(), world.process());
    let readers = queues.map(|(reader, _)| reader);
    let port = Arc::new(watching(&owner, &readers));
    let relayed = Arc::clone(&port);
    world.thread(&owner, Fate::Lives, move |_| relayed.run_relay());
    world.thread(&owner, Fate::Lives, move |session| run_loop(session, &port, &readers, 2));
    for (_, writer) in queues {
        world.thread(&putter, Fate::Lives, move |session| put(session, writer, 2));
    }
    world.run();
}

/// A process dies in its relay, at any step; a reader of another process that sleeps beside it gets every frame.
fn relay_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(QUOTA);
    let (victim, putter, other) = (world.process(), world.process(), world.process());
    let port = Arc::new(watching(&victim, &[reader]));
    let relayed = Arc::clone(&port);
    world.thread(&victim, Fate::Killed { within: 150 }, move |_| relayed.run_relay());
    let done = world.ended();
    world.thread(&putter, Fate::Lives, move |session| {
        put(session, writer, 2);
        if !done.has(1) {
            port.close(); // or the relay would wait for ever
        }
    });
    world.thread(&other, Fate::Lives, move |session| {
        for number in 0..2 {
            let taken = session.take_wait(reader, &mut [0; 8], Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
            assert_eq!(taken.tag, number);
        }
    });
    world.run();
}

const EACH: Model = Model { name: "a loop is told", schedules: 4000, body: told_of_each };
const TWO: Model = Model { name: "a loop watches two ends", schedules: 4000, body: two_ends };
const DIES: Model = Model { name: "a process dies in its relay", schedules: 4000, body: relay_dies };

#[test]
fn a_loop_is_told_of_each_frame() {
    EACH.explore();
}

#[test]
fn a_loop_is_told_of_each_end_needs_the_descriptor_read_first() {
    TWO.explore_without("lower-reads-first");
}

#[test]
fn a_loop_is_told_of_each_frame_needs_the_bell() {
    EACH.explore_without("arm-rings");
}

#[test]
fn a_loop_is_told_of_each_frame_needs_the_bell_read_first() {
    EACH.explore_without("bell-first");
}

#[test]
fn a_loop_is_told_of_each_end() {
    TWO.explore();
}

#[test]
fn a_reader_beside_a_relay_that_dies_gets_every_frame() {
    DIES.explore();
}
