//! Short frames, put and taken in one go, beside the whole operations, waits and deaths.
//!
//! A frame is told by its bytes. Whatever dies, each frame comes once or not at all, in the order of its writer, and
//! waiters are told.

use crate::waiting::Tally;
use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::{Arc, Mutex};

const LENGTH: usize = 8;

/// At once if that goes, else by the whole operation. `false`: nobody reads any more.
fn put(session: &Arc<Session>, writer: u32, number: u8) -> bool {
    let data = [number; LENGTH];
    if session.put_short(writer, &data) {
        return true;
    }
    match session.put_wait(writer, &[&data], 0, &mut Until(NEVER)) {
        Ok(put) => put.is_some(),
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::PIPE_CLOSING);
            false
        }
    }
}

/// The next frames, up to two; none: no more come.
fn take(session: &Arc<Session>, reader: u32) -> Vec<u8> {
    let (mut buffer, mut lengths) = ([0; 2 * LENGTH], [0; 2]);
    let mut count = session.take_short(reader, &mut buffer, &mut lengths).unwrap_or(0);
    if count == 0 {
        match session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)) {
            Ok(taken) => lengths[0] = taken.expect("a take without an end has ended too late").bytes as u32,
            Err(failure) => {
                assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
                return Vec::new();
            }
        }
        count = 1;
    }
    assert!(lengths[..count].iter().all(|length| *length as usize == LENGTH));
    assert!(buffer.chunks(LENGTH).take(count).all(|frame| frame.iter().all(|byte| *byte == frame[0])));
    buffer.chunks(LENGTH).take(count).map(|frame| frame[0]).collect()
}

/// Two put, two take until the end.
fn frames_pass(world: &World, quota: u64) {
    let (reader, writer) = world.queue(quota);
    let (left, right) = (world.process(), world.process());
    assert!(put(&world.first(), writer, 0)); // the queue has a page
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
            loop {
                let frames = take(session, reader);
                if frames.is_empty() {
                    break;
                }
                seen.lock().unwrap().extend(frames);
            }
        });
    }
    world.run();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    assert!(world.pages_in_use() <= 1);
}

/// The victim is the only writer; what it has put comes whole and in order, and then the end.
fn writer_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(3000);
    let (victim, other) = (world.process(), world.process());
    assert!(put(&world.first(), writer, 0));
    world.first().close(writer).unwrap();
    other.close(writer).unwrap();
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        (1..5).for_each(|number| assert!(put(session, writer, number)));
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        let mut expected = 0;
        loop {
            let frames = take(session, reader);
            if frames.is_empty() {
                break;
            }
            for number in frames {
                assert_eq!(number, expected);
                expected += 1;
            }
        }
    });
    world.run();
    assert!(world.pages_in_use() <= 1, "{} pages are in use", world.pages_in_use());
}

/// The victim takes beside another; a writer may wait for room.
fn reader_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(2 * LENGTH as u64);
    let (victim, other) = (world.process(), world.process());
    assert!(put(&world.first(), writer, 0));
    world.first().close(writer).unwrap();
    victim.close(writer).unwrap();
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| while !take(session, reader).is_empty() {});
    let seen = Tally::default();
    let counted = seen.clone();
    world.thread(&other, Fate::Lives, move |session| {
        loop {
            let frames = take(session, reader);
            if frames.is_empty() {
                break;
            }
            frames.iter().for_each(|_| _ = counted.add(1));
        }
    });
    world.thread(&other, Fate::Lives, move |session| {
        (1..5).for_each(|number| assert!(put(session, writer, number)));
        session.close(writer).unwrap();
    });
    world.run();
    assert!(seen.get() <= 5);
    assert!(world.pages_in_use() <= 1, "{} pages are in use", world.pages_in_use());
}

/// The last reader goes while another puts.
fn reader_goes(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(3000);
    let (victim, other) = (world.process(), world.process());
    assert!(put(&world.first(), writer, 0));
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
        while put(session, writer, 1) {}
        session.close(writer).unwrap();
    });
    world.run();
    assert_eq!(world.pages_in_use(), 0);
}

const PASS: Model = Model { name: "short frames pass", schedules: 6000, body: |world| frames_pass(world, 3000) };
const TIGHT: Model = Model { name: "short frames wait", schedules: 6000, body: |world| frames_pass(world, 8) };
const WRITER: Model = Model { name: "a writer of short frames dies", schedules: 6000, body: writer_dies };
const READER: Model = Model { name: "a reader of short frames dies", schedules: 6000, body: reader_dies };
const GOES: Model = Model { name: "the reader of short frames goes", schedules: 6000, body: reader_goes };

fn explore(model: &Model) {
    let explored = model.explore();
    assert!(explored.deaths * 5 > explored.schedules && explored.deaths < explored.schedules, "{explored:?}");
}

#[test]
fn every_short_frame_comes_once_and_everybody_is_told() {
    PASS.explore();
    TIGHT.explore();
}

#[test]
fn short_frames_of_a_dead_writer_come_whole_and_then_the_end() {
    explore(&WRITER);
}

#[test]
fn short_frames_that_a_dead_reader_took_are_gone_and_no_others() {
    explore(&READER);
}

#[test]
fn nobody_sleeps_when_the_reader_of_short_frames_goes() {
    explore(&GOES);
}
