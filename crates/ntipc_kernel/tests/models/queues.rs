//! Queues: put and take against waits for frames and for room, the last writer and the last reader, deaths in the
//! middle.
//!
//! A frame is told by its tag and its length. Whatever dies, each frame comes once or not at all, waiters are told, and
//! in the end no page is in use but the one in which a queue ends.

use crate::waiting::Tally;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::{Arc, Mutex};

/// In line, and out of line.
const LENGTHS: [usize; 2] = [8, 3000];

fn put(session: &Arc<Session>, writer: u32, number: u32) -> bool {
    let data = [number as u8; 3000];
    let length = LENGTHS[number as usize % 2];
    match session.put_wait(writer, &[&data[..length]], number, &mut Until(NEVER)) {
        Ok(put) => {
            assert!(put.is_some(), "a put without an end has ended too late");
            true
        }
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::PIPE_CLOSING);
            false
        }
    }
}

/// The number of the next frame; `None`: no more come.
fn take(session: &Arc<Session>, reader: u32) -> Option<u32> {
    let mut buffer = [0; 3000];
    match session.take_wait(reader, &mut buffer, Mode::Part, &mut Until(NEVER)) {
        Ok(taken) => {
            let taken = taken.expect("a take without an end has ended too late");
            assert_eq!((taken.bytes, taken.left), (LENGTHS[taken.tag as usize % 2], 0));
            assert!(buffer[..taken.bytes].iter().all(|byte| u32::from(*byte) == taken.tag), "a frame that nobody put");
            Some(taken.tag)
        }
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
            None
        }
    }
}

/// Two put, two take until the end; there is room for one frame.
fn frames_pass(world: &World) {
    let (reader, writer) = world.queue(8);
    let (left, right) = (world.process(), world.process());
    world.first().close(writer).unwrap();
    right.close(writer).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let done = Tally::default();
    for writers in [[1, 2], [3, 4]] {
        let done = done.clone();
        world.thread(&left, Fate::Lives, move |session| {
            writers.iter().for_each(|number| assert!(put(session, writer, *number)));
            if done.add(1) == 2 {
                session.close(writer).unwrap();
            }
        });
    }
    for _ in 0..2 {
        let seen = Arc::clone(&seen);
        world.thread(&right, Fate::Lives, move |session| {
            while let Some(number) = take(session, reader) {
                seen.lock().unwrap().push(number);
            }
        });
    }
    world.run();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4]);
    assert!(world.pages_in_use() <= 1);
}

/// The victim is the only writer; what it has put comes whole and in order, and then the end.
fn writer_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(3000);
    let (victim, other) = (world.process(), world.process());
    world.first().close(writer).unwrap();
    other.close(writer).unwrap();
    world.thread(&victim, Fate::Killed { within: 300 }, move |session| {
        (0..3).for_each(|number| assert!(put(session, writer, number)));
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        let mut expected = 0;
        while let Some(number) = take(session, reader) {
            assert_eq!(number, expected);
            expected += 1;
        }
    });
    world.run();
    assert!(world.pages_in_use() <= 1, "{} pages are in use", world.pages_in_use());
}

/// The victim takes beside another; the writer waits for room.
fn reader_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(8);
    let (victim, other) = (world.process(), world.process());
    world.first().close(writer).unwrap();
    victim.close(writer).unwrap();
    let lost = Tally::default();
    let (taking, taken) = (lost.clone(), lost.clone());
    world.thread(&victim, Fate::Killed { within: 250 }, move |session| {
        while taking.add(1) > 0 && take(session, reader).is_some() {
            taking.take_off(1);
        }
    });
    let seen = Tally::default();
    let counted = seen.clone();
    world.thread(&other, Fate::Lives, move |session| {
        while take(session, reader).is_some() {
            counted.add(1);
        }
    });
    world.thread(&other, Fate::Lives, move |session| {
        (1..4).for_each(|number| assert!(put(session, writer, number)));
        session.close(writer).unwrap();
    });
    world.run();
    assert!(taken.get() <= 1 && seen.get() <= 3);
    assert!(world.pages_in_use() <= 1, "{} pages are in use", world.pages_in_use());
}

/// The victim waits for room before another does; a reader makes some.
fn waiting_writer_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(3000);
    let (victim, other) = (world.process(), world.process());
    assert!(put(&world.first(), writer, 1));
    world.first().close(writer).unwrap();
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        put(session, writer, 3);
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        assert!(put(session, writer, 2));
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| while take(session, reader).is_some() {});
    world.run();
    assert!(world.pages_in_use() <= 1, "{} pages are in use", world.pages_in_use());
}

/// The last reader goes while another puts, with frames inside: nothing is left of the queue.
fn both_ends_go(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(3000);
    let (victim, other) = (world.process(), world.process());
    for (session, handles) in
        [(world.first(), &[reader, writer][..]), (Arc::clone(&victim), &[writer]), (Arc::clone(&other), &[reader])]
    {
        handles.iter().for_each(|handle| session.close(*handle).unwrap());
    }
    world.thread(&victim, Fate::Killed { within: 60 }, move |session| {
        take(session, reader);
        session.close(reader).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        let mut number = 0;
        while put(session, writer, number) {
            number += 1;
        }
        session.close(writer).unwrap();
    });
    world.run();
    assert_eq!(world.pages_in_use(), 0);
}

const PASS: Model = Model { name: "frames pass", schedules: 12_000, body: frames_pass };
const WRITER: Model = Model { name: "a writer dies", schedules: 6000, body: writer_dies };
const READER: Model = Model { name: "a reader dies", schedules: 6000, body: reader_dies };
const TURN: Model = Model { name: "a waiting writer dies", schedules: 6000, body: waiting_writer_dies };
const ENDS: Model = Model { name: "both ends go", schedules: 6000, body: both_ends_go };

fn explore(model: &Model) {
    let explored = model.explore();
    assert!(explored.deaths * 5 > explored.schedules && explored.deaths < explored.schedules, "{explored:?}");
}

#[test]
fn every_frame_comes_once_and_everybody_is_told() {
    PASS.explore();
}

#[test]
fn everybody_is_told_needs_the_flag_before_the_look() {
    PASS.explore_without("flag-first");
}

#[test]
fn everybody_is_told_needs_ends_to_tell_all() {
    PASS.explore_without("end-tells-all");
}

#[test]
fn what_a_dead_writer_published_comes_whole() {
    explore(&WRITER);
}

#[test]
fn what_a_dead_writer_published_comes_whole_needs_its_pages_left_alone() {
    WRITER.explore_without("published-forget");
}

#[test]
fn pages_of_a_dead_writer_are_given_back() {
    WRITER.explore_without("hand-chains");
}

#[test]
fn the_step_of_the_pool_is_repeated() {
    WRITER.explore_without("pool-redo");
}

#[test]
fn whoever_a_dead_writer_might_have_told_is_told() {
    WRITER.explore_without("end-told");
}

#[test]
fn a_dead_reader_takes_one_frame_with_it() {
    explore(&READER);
}

#[test]
fn a_dead_reader_takes_one_frame_with_it_needs_its_step_repeated() {
    READER.explore_without("take-redo");
}

#[test]
fn a_dead_reader_takes_one_frame_with_it_needs_its_own_chain() {
    READER.explore_without("own-chain");
}

#[test]
fn what_a_dead_reader_was_told_is_passed_on() {
    READER.explore_without("intent-before-wait");
}

#[test]
fn whoever_a_dead_reader_might_have_told_is_told() {
    READER.explore_without("settle-signal");
}

#[test]
fn the_side_of_the_dead_is_free() {
    READER.explore_without("side-unlock");
}

#[test]
fn the_turn_of_the_dead_passes_on() {
    explore(&TURN);
}

#[test]
fn the_turn_of_the_dead_passes_on_needs_settlement() {
    TURN.explore_without("settle-turn");
}

#[test]
fn nothing_is_left_of_a_queue_that_nobody_has() {
    explore(&ENDS);
}

#[test]
fn nothing_is_left_of_a_queue_that_nobody_has_needs_the_drain_repeated() {
    ENDS.explore_without("drain-redo");
}
