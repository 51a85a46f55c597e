//! Calls, and handles in frames: when a process dies, its callers are told, and what it had in hand of others' ends is
//! gone.

use ntipc_kernel::models::{Fate, Model, World};
use ntipc_kernel::queue::{Attached, Mode, Poll, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;

/// Answer the next request. `false`: there will be none.
fn answer(session: &Arc<Session>, reader: u32) -> bool {
    let Ok(taken) = session.take_wait(reader, &mut [0; 8], Mode::Whole, &mut Until(NEVER)) else { return false };
    let taken = taken.unwrap();
    session.reply(taken.correlation, &[&[9; 8]], taken.tag, Attached::NOTHING, &mut Poll).unwrap();
    true
}

/// Ask so often, and get the right reply or be told that there is none.
fn ask(session: &Arc<Session>, writer: u32, calls: u32) {
    for number in 1..=calls {
        match session.call(writer, &[&[1; 4]], number, Attached::NOTHING, &mut Until(NEVER)) {
            Ok(reply) => {
                let reply = reply.unwrap();
                let taken = reply.take(&mut [0; 8], &mut Poll).unwrap();
                assert_eq!((taken.bytes, taken.tag), (8, number), "the reply to another call");
            }
            Err(failure) => {
                assert!(matches!(failure.status, NtStatus::LPC_REPLY_LOST | NtStatus::PIPE_CLOSING), "{failure:?}");
            }
        }
    }
}

/// The only server dies, or leaves with requests inside; two ask.
fn server_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(64);
    let (victim, other) = (world.process(), world.process());
    world.first().close(reader).unwrap();
    other.close(reader).unwrap();
    world.thread(&victim, Fate::Killed { within: 300 }, move |session| {
        (0..2).for_each(|_| assert!(answer(session, reader)));
        session.close(reader).unwrap();
    });
    for _ in 0..2 {
        world.thread(&other, Fate::Lives, move |session| ask(session, writer, 2));
    }
    world.run();
}

/// A caller dies; its server answers those that are left.
fn caller_dies(world: &World) {
    world.reaper();
    world.reaper();
    let (reader, writer) = world.queue(64);
    let (victim, other) = (world.process(), world.process());
    world.first().close(writer).unwrap();
    world.thread(&victim, Fate::Killed { within: 300 }, move |session| {
        ask(session, writer, 2);
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        ask(session, writer, 1);
        session.close(writer).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        while let Ok(taken) = session.take_wait(reader, &mut [0; 8], Mode::Whole, &mut Until(NEVER)) {
            let taken = taken.unwrap();
            if let Err(told) = session.reply(taken.correlation, &[&[9; 8]], taken.tag, Attached::NOTHING, &mut Poll) {
                assert_eq!(told.status, NtStatus::REPLY_MESSAGE_MISMATCH); // of who died
            }
        }
    });
    world.run();
}

/// A queue that handles pass through, and one whose only writer passes.
fn two_queues(world: &World) -> [(u32, u32); 2] {
    world.reaper();
    world.reaper();
    [world.queue(64), world.queue(64)]
}

fn wait_for_the_end(session: &Arc<Session>, reader: u32) {
    let over = session.take_wait(reader, &mut [0; 8], Mode::Whole, &mut Until(NEVER)).unwrap_err();
    assert_eq!(over.status, NtStatus::PIPE_BROKEN);
}

fn send(session: &Arc<Session>, writer: u32, handle: u32) {
    let attached = Attached { handles: &[handle], move_them: true };
    assert!(session.put_attached(writer, &[&[1; 4]], 0, attached, &mut Until(NEVER)).unwrap().is_some());
}

fn close(session: &Arc<Session>, handles: &[u32]) {
    handles.iter().for_each(|handle| session.close(*handle).unwrap());
}

/// The only writer of a queue is moved by somebody who dies at it: it arrives, or is gone.
fn sender_dies(world: &World) {
    let [outer, inner] = two_queues(world);
    let (victim, other) = (world.process(), world.process());
    close(&world.first(), &[outer.0, outer.1, inner.0, inner.1]);
    close(&victim, &[outer.0, inner.0]);
    close(&other, &[outer.1, inner.1]);
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        send(session, outer.1, inner.1);
        session.close(outer.1).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        while let Ok(taken) = session.take_wait(outer.0, &mut [0; 8], Mode::Whole, &mut Until(NEVER)) {
            let handles = taken.unwrap().handles;
            assert_eq!(handles.len(), 1, "a frame without its handle");
            session.close(handles[0].handle).unwrap();
        }
    });
    world.thread(&other, Fate::Lives, move |session| wait_for_the_end(session, inner.0));
    world.run();
}

/// And by somebody to somebody who dies at taking it.
fn receiver_dies(world: &World) {
    let [outer, inner] = two_queues(world);
    let (victim, other) = (world.process(), world.process());
    close(&world.first(), &[outer.0, outer.1, inner.0, inner.1]);
    close(&victim, &[outer.1, inner.0, inner.1]);
    close(&other, &[outer.0]);
    world.thread(&victim, Fate::Killed { within: 200 }, move |session| {
        let taken = session.take_wait(outer.0, &mut [0; 8], Mode::Whole, &mut Until(NEVER)).unwrap();
        session.close(taken.unwrap().handles[0].handle).unwrap();
        session.close(outer.0).unwrap();
    });
    world.thread(&other, Fate::Lives, move |session| {
        let attached = Attached { handles: &[inner.1], move_them: true };
        match session.put_attached(outer.1, &[&[1; 4]], 0, attached, &mut Until(NEVER)) {
            Ok(put) => assert!(put.is_some()),
            Err(failure) => {
                assert_eq!(failure.status, NtStatus::PIPE_CLOSING);
                session.close(inner.1).unwrap();
            }
        }
        wait_for_the_end(session, inner.0);
    });
    world.run();
}

const SERVER: Model = Model { name: "a server dies", schedules: 4000, body: server_dies };
const CALLER: Model = Model { name: "a caller dies", schedules: 4000, body: caller_dies };
const SENDER: Model = Model { name: "a sender of a handle dies", schedules: 4000, body: sender_dies };
const RECEIVER: Model = Model { name: "a receiver of a handle dies", schedules: 4000, body: receiver_dies };

fn explore(model: &Model) {
    let explored = model.explore();
    assert!(explored.deaths * 5 > explored.schedules && explored.deaths < explored.schedules, "{explored:?}");
}

#[test]
fn a_call_ends_whatever_becomes_of_its_server() {
    explore(&SERVER);
}

#[test]
fn a_call_ends_whatever_becomes_of_its_server_needs_callers_to_be_told() {
    SERVER.explore_without("lost-told");
}

#[test]
fn a_server_goes_on_whatever_becomes_of_a_caller() {
    explore(&CALLER);
}

#[test]
fn a_handle_of_a_dead_sender_arrives_or_is_gone() {
    explore(&SENDER);
}

#[test]
fn a_handle_of_a_dead_sender_arrives_or_is_gone_needs_its_hand_emptied() {
    SENDER.explore_without("hand-refs");
}

#[test]
fn a_handle_of_a_dead_receiver_is_gone() {
    explore(&RECEIVER);
}

#[test]
fn a_handle_of_a_dead_receiver_is_gone_needs_its_hand_emptied() {
    RECEIVER.explore_without("hand-refs");
}
