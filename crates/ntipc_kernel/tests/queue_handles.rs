//! Handles in frames: how they travel, and what becomes of them when nobody takes them out.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::object::kind::{Type, access};
use ntipc_kernel::queue::{Attached, HANDLES_MAX, Mode, Poll, Received, Taken};
use ntipc_kernel::{NtResult, NtStatus, Session};
use std::sync::Arc;
use support::*;

const QUOTA: u64 = 65_536;

/// Put a frame with handles, or don't wait for room.
fn put(session: &Arc<Session>, writer: u32, data: &[u8], handles: &[u32], move_them: bool) -> NtResult<bool> {
    let attached = Attached { handles, move_them };
    Ok(session.put_attached(writer, &[data], 7, attached, &mut Poll)?.is_some())
}

fn send(session: &Arc<Session>, writer: u32, handles: &[u32], move_them: bool) {
    assert!(put(session, writer, b"with handles", handles, move_them).unwrap());
}

fn receive(session: &Arc<Session>, reader: u32) -> Vec<Received> {
    let taken = session.take_frame(reader, &mut [0; 100_000], Mode::Part).unwrap().unwrap();
    assert_eq!(taken.left, 0);
    taken.handles
}

fn objects(session: &Arc<Session>) -> u64 {
    session.statistics()[0].1
}

fn sound(session: &Arc<Session>) {
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

#[test]
fn a_copy_arrives_with_its_rights_and_the_original_stays() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let event = event(&session);
    let weak = session.duplicate(event, None, Some(access::SYNCHRONIZE), true).unwrap();
    send(&session, writer, &[event, weak], false);
    sound(&session);
    let received = receive(&session, reader);
    assert_eq!(received.iter().map(|one| one.object_type).collect::<Vec<_>>(), [Type::Event, Type::Event]);
    assert_eq!(received[1].access, access::SYNCHRONIZE);
    session.set_event(received[0].handle).unwrap();
    assert_eq!(session.set_event(received[1].handle).unwrap_err().status, NtStatus::ACCESS_DENIED);
    assert!(take(&session, event));
    sound(&session);
}

#[test]
fn what_is_moved_is_gone_at_once_and_lives_on_in_the_frame() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let event = make(&session, ntipc_kernel::object::kind::Kind::SynchronizationEvent, 1, 0, Some("moved"));
    send(&session, writer, &[event], true);
    assert_eq!(session.set_event(event).unwrap_err().status, NtStatus::INVALID_HANDLE);
    sound(&session);
    let received = receive(&session, reader);
    assert!(take(&session, received[0].handle));
    session.close(received[0].handle).unwrap();
    assert_eq!(objects(&session), 2);
}

#[test]
fn eight_handles_travel_beside_data_of_any_length() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 20).unwrap();
    let events: Vec<u32> = (0..HANDLES_MAX).map(|_| event(&session)).collect();
    for count in 0..=HANDLES_MAX {
        for length in [0, 1, 2048, 2049, 50_000] {
            let data: Vec<u8> = (0..length).map(|place| (place * 3 + count) as u8).collect();
            assert!(put(&session, writer, &data, &events[..count], false).unwrap());
            sound(&session);
            let mut buffer = vec![0; 100_000];
            let taken = session.take_frame(reader, &mut buffer, Mode::Part).unwrap().unwrap();
            assert_eq!((taken.bytes, taken.handles.len()), (length, count));
            assert_eq!(buffer[..length], data);
            for (received, event) in taken.handles.iter().zip(&events) {
                session.set_event(received.handle).unwrap();
                assert!(take(&session, *event));
                session.close(received.handle).unwrap();
            }
        }
    }
}

#[test]
fn they_come_with_the_last_part_and_not_to_a_peek() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let event = event(&session);
    assert!(put(&session, writer, &[1; 10], &[event], false).unwrap());
    let part = |mode| session.take_frame(reader, &mut [0; 6], mode).unwrap().unwrap();
    assert_eq!(part(Mode::Peek).handles, []);
    assert_eq!(part(Mode::Whole).handles, []);
    assert_eq!(part(Mode::Part).handles, []);
    assert_eq!(part(Mode::Part).handles.len(), 1);
}

#[test]
fn a_frame_stays_while_its_taker_has_no_room_for_its_handles() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let event = event(&session);
    assert!(put(&session, writer, &[1; 3000], &[event, event], false).unwrap());
    let mut last = 0;
    while let Ok(handle) = session.duplicate(event, None, None, false) {
        last = handle;
    }
    assert_eq!(last, ntipc_kernel::object::handles::HANDLES << 2);
    session.close(last).unwrap();
    for _ in 0..2 {
        let full = session.take_frame(reader, &mut [0; 3000], Mode::Part).unwrap_err();
        assert_eq!(full.status, NtStatus::QUOTA_EXCEEDED);
    }
    session.close(last - 4).unwrap();
    let handles: Vec<u32> = receive(&session, reader).iter().map(|one| one.handle).collect();
    assert_eq!(handles, [last - 4, last]);
}

#[test]
fn a_frame_that_nobody_takes_drops_its_handles() {
    let session = private();
    for way in 0..3 {
        let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
        for _ in 0..20 {
            let (event, other) = (event(&session), semaphore(&session, 1, 1));
            send(&session, writer, &[event, other], true);
        }
        assert_eq!(objects(&session), 42);
        match way {
            0 => session.close(reader).unwrap(),
            1 => session.break_queue(writer, NtStatus::PIPE_DISCONNECTED).unwrap(),
            _ => {
                let twin = session.duplicate(reader, None, None, false).unwrap();
                session.close(reader).unwrap();
                session.close(twin).unwrap();
            }
        }
        assert_eq!(objects(&session), 2);
        session.close(writer).unwrap();
        let _ = session.close(reader);
        assert_eq!(objects(&session), 0);
    }
    sound(&session);
}

#[test]
fn an_end_in_a_frame_keeps_its_queue_and_goes_with_it() {
    let session = private();
    let (outer, inner) = (session.create_queue(None, QUOTA).unwrap(), session.create_queue(None, QUOTA).unwrap());
    send(&session, inner.1, &[], false);
    send(&session, outer.1, &[inner.0, inner.1], true);
    let ends = receive(&session, outer.0);
    assert_eq!(ends.iter().map(|end| end.object_type).collect::<Vec<_>>(), [Type::ReadEnd, Type::WriteEnd]);
    assert_eq!(receive(&session, ends[0].handle), []);
    // The last writer goes in a frame that is dropped: the reader is told.
    send(&session, outer.1, &[ends[1].handle], true);
    std::thread::scope(|scope| {
        scope.spawn(|| wait(&session, &[ends[0].handle], false, u64::MAX).unwrap().unwrap());
        until_waiting(&session, 1);
        session.close(outer.0).unwrap();
    });
    let over = session.take_frame(ends[0].handle, &mut [0], Mode::Part).unwrap_err();
    assert_eq!(over.status, NtStatus::PIPE_BROKEN);
    session.close(ends[0].handle).unwrap();
    session.close(outer.1).unwrap();
    assert_eq!(objects(&session), 0);
}

#[test]
fn a_long_row_of_queues_in_frames_of_one_another_goes_without_recursion() {
    let session = private();
    let first = session.create_queue(None, QUOTA).unwrap();
    let mut carrier = first.1;
    for _ in 0..20_000 {
        let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
        send(&session, carrier, &[reader], true);
        session.close(carrier).unwrap();
        carrier = writer;
    }
    session.close(carrier).unwrap();
    assert_eq!(objects(&session), 2 * 20_001);
    session.close(first.0).unwrap();
    assert_eq!(objects(&session), 0);
}

#[test]
fn a_read_end_cannot_go_into_its_own_queue() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    for handles in [&[reader][..], &[writer, reader]] {
        let refused = put(&session, writer, b"x", handles, true).unwrap_err();
        assert_eq!(refused.status, NtStatus::INVALID_PARAMETER);
    }
    send(&session, writer, &[writer], true);
    let back = receive(&session, reader);
    send(&session, back[0].handle, &[], false);
    sound(&session);
}

#[test]
fn queues_that_only_their_own_frames_lead_to_are_collected() {
    for length in [2, 3, 5] {
        for (moved, close_first) in [(false, true), (false, false), (true, true)] {
            let session = private();
            let ends: Vec<(u32, u32)> = (0..length).map(|_| session.create_queue(None, QUOTA).unwrap()).collect();
            let bystander = session.create_queue(None, QUOTA).unwrap();
            send(&session, bystander.1, &[ends[0].1], false);
            for (number, (_, writer)) in ends.iter().enumerate() {
                send(&session, *writer, &[ends[(number + 1) % length].0, bystander.0], false);
                send(&session, *writer, &[ends[(number + 1) % length].0], moved);
            }
            if close_first {
                ends.iter().for_each(|(_, writer)| session.close(*writer).unwrap());
            }
            let readers = |position: usize| session.close(ends[position].0);
            (0..length).for_each(|position| drop(readers(position)));
            if !close_first {
                for (_, writer) in &ends {
                    let told = put(&session, *writer, b"x", &[], false).unwrap_err();
                    assert_eq!(told.status, NtStatus::PIPE_CLOSING);
                    session.close(*writer).unwrap();
                }
            }
            receive(&session, bystander.0).iter().for_each(|end| session.close(end.handle).unwrap());
            assert_eq!(objects(&session), 2, "{length} queues, moved {moved}");
            sound(&session);
        }
    }
}

#[test]
fn what_a_reachable_queue_carries_is_never_collected() {
    let session = private();
    let root = session.create_queue(None, QUOTA).unwrap();
    let (a, b) = (session.create_queue(None, QUOTA).unwrap(), session.create_queue(None, QUOTA).unwrap());
    send(&session, a.1, &[b.0], false);
    send(&session, b.1, &[a.0], false);
    send(&session, root.1, &[a.0], true);
    session.close(b.0).unwrap();
    sound(&session);
    let a_again = receive(&session, root.0)[0].handle;
    let b_again = receive(&session, a_again)[0].handle;
    session.close(a_again).unwrap();
    let a_once_more = receive(&session, b_again)[0].handle;
    send(&session, a.1, &[], false);
    assert_eq!(receive(&session, a_once_more), []);
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_sent() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let event = event(&session);
    let refused =
        |handles: &[u32], move_them| put(&session, writer, &[0; 5000], handles, move_them).unwrap_err().status;
    assert_eq!(refused(&[event; HANDLES_MAX + 1], false), NtStatus::INVALID_PARAMETER);
    assert_eq!(refused(&[event, event | 1], true), NtStatus::INVALID_PARAMETER);
    assert_eq!(refused(&[event, 4000], true), NtStatus::INVALID_HANDLE);
    assert_eq!(refused(&[event, 0], true), NtStatus::INVALID_HANDLE);
    let parked = session.park(event).unwrap().parked;
    assert_eq!(refused(&[parked], true), NtStatus::INVALID_HANDLE);
    session.set_event(event).unwrap();
    assert_eq!(session.take_frame(reader, &mut [0], Mode::Part).unwrap(), None);
    sound(&session);
}

#[test]
fn a_process_holds_both_ends_of_a_hundred_thousand_queues() {
    let session = private();
    let ends: Vec<(u32, u32)> = (0..100_000).map(|_| session.create_queue(None, QUOTA).unwrap()).collect();
    assert_eq!(objects(&session), 200_000);
    let (first, last) = (ends[0], ends[ends.len() - 1]);
    send(&session, last.1, &[first.0], false);
    send(&session, first.1, &[], false);
    let received = receive(&session, last.0)[0].handle;
    assert_eq!(receive(&session, received), []);
    for (reader, writer) in ends {
        session.close(reader).unwrap();
        session.close(writer).unwrap();
    }
    session.close(received).unwrap();
    assert_eq!(objects(&session), 0);
}

#[test]
fn a_frame_whose_ends_lead_nowhere_can_be_told_and_taken_from_the_others() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let stranded = || session.take_frame(reader, &mut [0; 100], Mode::Stranded);
    assert!(stranded().unwrap().is_none());
    let mut others = Vec::new();
    for _ in 0..4 {
        let (mine, theirs) = session.create_queue(None, QUOTA).unwrap();
        send(&session, writer, &[theirs], true);
        others.push(mine);
    }
    let left_alone = |taken: Option<Taken>| taken.is_some_and(|taken| taken.bytes == 0 && taken.left > 0);
    assert!(left_alone(stranded().unwrap())); // all is well with the first
    session.close(others[1]).unwrap();
    assert!(left_alone(stranded().unwrap())); // and nothing behind it is looked at
    assert_eq!(receive(&session, reader).len(), 1);
    let taken = stranded().unwrap().unwrap();
    assert_eq!((taken.bytes, taken.left, taken.handles.len()), (12, 0, 1)); // nobody has the other end any more
    session.break_queue(others[2], NtStatus::PIPE_DISCONNECTED).unwrap();
    assert_eq!(stranded().unwrap().unwrap().handles.len(), 1);
    assert!(left_alone(stranded().unwrap()));
    sound(&session);
}
