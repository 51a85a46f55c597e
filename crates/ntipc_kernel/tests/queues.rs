//! Queues: frames in order, room, the ends, and what deaths leave behind.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::object::kind::{Type, access};
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Attached, Ends, LENGTH_MAX, Mode, NewQueue, Poll, Taken, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtResult, NtStatus, Session};
use std::sync::Arc;
use support::*;

const QUOTA: u64 = 65_536;

fn put(session: &Arc<Session>, writer: u32, data: &[u8]) -> bool {
    session.put_frame(writer, &[data], 0).unwrap()
}

/// Take a whole frame of up to 2 MiB.
fn get(session: &Arc<Session>, reader: u32) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 2 << 20];
    let taken = session.take_frame(reader, &mut buffer, Mode::Part).unwrap()?;
    assert_eq!(taken.left, 0);
    buffer.truncate(taken.bytes);
    Some(buffer)
}

fn pages_free(session: &Arc<Session>) -> (u64, u64) {
    let statistics = session.statistics();
    let of = |name| statistics.iter().find(|(known, _)| *known == name).unwrap().1;
    (of("pages_high"), of("pages_free"))
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 7 + place / 251) as u8).collect()
}

#[test]
fn frames_come_out_as_they_went_in_whatever_their_length() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    for length in [0, 1, 7, 8, 2047, 2048, 2049, 4096, 4097, 65_535, 65_536, 100_000, 1 << 20] {
        assert!(put(&session, writer, &pattern(length)), "{length}");
        assert_eq!(get(&session, reader).unwrap(), pattern(length));
    }
    assert_eq!(get(&session, reader), None);
}

#[test]
fn many_frames_keep_their_order_over_the_ends_of_pages() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 20).unwrap();
    for round in 0..3 {
        for number in 0..300_usize {
            assert!(put(&session, writer, &pattern(number * 11 % 2600 + round)));
        }
        for number in 0..300_usize {
            assert_eq!(get(&session, reader).unwrap(), pattern(number * 11 % 2600 + round));
        }
    }
}

#[test]
fn pieces_are_gathered_into_one_frame() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    for length in [100, 9_000] {
        let data = pattern(length);
        let (head, tail) = data.split_at(length / 3);
        assert!(session.put_frame(writer, &[head, &[], tail], 5).unwrap());
        let mut buffer = vec![0; length];
        let taken = session.take_frame(reader, &mut buffer, Mode::Part).unwrap().unwrap();
        assert_eq!((taken.bytes, taken.left, taken.tag), (length, 0, 5));
        assert_eq!(buffer, data);
    }
}

#[test]
fn a_full_queue_has_no_room_until_somebody_reads() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1000).unwrap();
    assert!(put(&session, writer, &pattern(600)));
    assert!(put(&session, writer, &pattern(400)));
    assert!(!put(&session, writer, &[1]));
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (1000, 2));
    assert_eq!(get(&session, reader).unwrap().len(), 600);
    assert!(put(&session, writer, &[1]));
}

#[test]
fn a_frame_longer_than_the_quota_goes_into_an_empty_queue() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 10).unwrap();
    assert!(put(&session, writer, &pattern(5000)));
    assert!(!put(&session, writer, &[1]));
    assert_eq!(get(&session, reader).unwrap(), pattern(5000));
    assert!(put(&session, writer, &[1]));
    assert!(!put(&session, writer, &pattern(5000)));
}

#[test]
fn empty_frames_are_bounded_too() {
    let session = private();
    let (_reader, writer) = session.create_queue(None, 100).unwrap();
    let accepted = (0..5000).take_while(|_| put(&session, writer, &[])).count();
    assert_eq!(accepted, 1124);
}

#[test]
fn a_small_buffer_takes_a_part_and_the_rest_comes_next() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    for length in [1000, 50_000] {
        assert!(put(&session, writer, &pattern(length)));
        let mut whole = Vec::new();
        while whole.len() < length {
            let mut buffer = vec![0; 700];
            let taken = session.take_frame(reader, &mut buffer, Mode::Part).unwrap().unwrap();
            whole.extend_from_slice(&buffer[..taken.bytes]);
            assert_eq!(taken.left, length - whole.len());
            let left = (taken.left as u64, u64::from(taken.left > 0));
            assert_eq!(session.waiting_in_queue(reader).unwrap(), left);
        }
        assert_eq!(whole, pattern(length));
    }
}

#[test]
fn whole_or_nothing_leaves_a_frame_that_does_not_fit() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    assert!(put(&session, writer, &pattern(300)));
    let mut small = [0; 299];
    let taken = session.take_frame(reader, &mut small, Mode::Whole).unwrap().unwrap();
    assert_eq!((taken.bytes, taken.left), (0, 300));
    assert_eq!(get(&session, reader).unwrap(), pattern(300));
}

#[test]
fn a_peek_takes_nothing() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    for length in [10, 10_000] {
        assert!(put(&session, writer, &pattern(length)));
        let mut buffer = [0; 8];
        for _ in 0..2 {
            let taken: Taken = session.take_frame(reader, &mut buffer, Mode::Peek).unwrap().unwrap();
            assert_eq!((taken.bytes, taken.left), (8, length - 8));
            assert_eq!(buffer, pattern(length)[..8]);
        }
        assert_eq!(get(&session, reader).unwrap(), pattern(length));
    }
}

#[test]
fn the_ends_can_be_waited_for() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 100).unwrap();
    assert!(take(&session, writer) && !take(&session, reader));
    put(&session, writer, &pattern(100));
    assert!(take(&session, reader));
    assert!(!put(&session, writer, &[1]));
    assert!(!take(&session, writer));
    get(&session, reader);
    assert!(take(&session, writer) && !take(&session, reader));
    let idle = event(&session);
    put(&session, writer, &[1]);
    assert_eq!(wait(&session, &[idle, reader], false, u64::MAX).unwrap().unwrap().index, 1);
    assert!(wait(&session, &[reader, writer], true, u64::MAX).unwrap().is_some());
}

#[test]
fn sleepers_are_woken_by_frames_and_by_room() {
    const ROUNDS: u32 = 300;
    let session = private();
    let (there, back) = (session.create_queue(None, 64).unwrap(), session.create_queue(None, 64).unwrap());
    let wait_for = |end| wait(&session, &[end], false, u64::MAX).unwrap().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                wait_for(there.0);
                let frame = get(&session, there.0).unwrap();
                session.put_wait(back.1, &[&frame], 0, &mut Until(NEVER)).unwrap().unwrap();
            }
        });
        let mut answered = 0;
        for number in 0..ROUNDS {
            while !put(&session, there.1, &pattern(40 + number as usize % 20)) {
                wait_for(back.0);
                assert_eq!(get(&session, back.0).unwrap(), pattern(40 + answered % 20));
                answered += 1;
            }
        }
        while answered < ROUNDS as usize {
            wait_for(back.0);
            assert_eq!(get(&session, back.0).unwrap(), pattern(40 + answered % 20));
            answered += 1;
        }
    });
}

#[test]
fn the_last_writer_gone_is_told_after_the_last_frame() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let twin = session.duplicate(writer, None, None, false).unwrap();
    put(&session, writer, b"last");
    session.close(writer).unwrap();
    assert_eq!(get(&session, reader).unwrap(), b"last");
    assert_eq!(get(&session, reader), None);
    std::thread::scope(|scope| {
        scope.spawn(|| wait(&session, &[reader], false, u64::MAX).unwrap().unwrap());
        until_waiting(&session, 1);
        session.close(twin).unwrap();
    });
    let over = session.take_frame(reader, &mut [0], Mode::Part).unwrap_err();
    assert_eq!(over.status, NtStatus::PIPE_BROKEN);
}

#[test]
fn the_last_reader_gone_is_told_and_nothing_is_left() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 20).unwrap();
    for length in [10, 3000, 3000, 200_000] {
        assert!(put(&session, writer, &pattern(length)));
    }
    session.close(reader).unwrap();
    let told = session.put_frame(writer, &[b"x"], 0).unwrap_err();
    assert_eq!(told.status, NtStatus::PIPE_CLOSING);
    assert!(take(&session, writer));
    session.close(writer).unwrap();
    assert_eq!(session.statistics()[0], ("objects", 0));
    let (all, free) = pages_free(&session);
    assert_eq!(all, free);
}

#[test]
fn many_frames_are_thrown_away_whatever_they_hold() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 23).unwrap();
    for number in 0..5_000 {
        assert!(put(&session, writer, &pattern(number % 3 * 900)));
    }
    let (inner, into_inner) = session.create_queue(None, 1 << 20).unwrap();
    (0..2_000).for_each(|_| assert!(put(&session, into_inner, b"x")));
    let attached = Attached { handles: &[inner], move_them: true };
    session.put_attached(writer, &[b"inner"], 0, attached, &mut Poll).unwrap().unwrap();
    session.close(reader).unwrap();
    session.close(writer).unwrap();
    let told = session.put_frame(into_inner, &[b"x"], 0).unwrap_err();
    assert_eq!(told.status, NtStatus::PIPE_CLOSING);
    session.close(into_inner).unwrap();
    assert_eq!(session.statistics()[0], ("objects", 0));
    let (all, free) = pages_free(&session);
    assert_eq!(all, free);
}

#[test]
fn a_queue_that_was_used_is_used_again_from_nothing() {
    let session = private();
    for _ in 0..50 {
        let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
        assert_eq!(get(&session, reader), None);
        assert!(put(&session, writer, &pattern(3)));
        session.close(writer).unwrap();
        assert_eq!(get(&session, reader).unwrap(), pattern(3));
        session.close(reader).unwrap();
    }
    let (all, free) = pages_free(&session);
    assert_eq!(all, free);
}

#[test]
fn the_doctor_finds_every_page_whatever_is_in_the_queues() {
    let session = private();
    let sound = || assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
    let ends: Vec<(u32, u32)> = (0..20).map(|_| session.create_queue(None, 1 << 22).unwrap()).collect();
    for (number, (reader, writer)) in ends.iter().enumerate() {
        for length in (0..number * 3).map(|place| place * 731) {
            assert!(put(&session, *writer, &pattern(length)));
        }
        for _ in 0..number {
            get(&session, *reader).unwrap();
        }
    }
    sound();
    ends.iter().for_each(|(reader, _)| session.close(*reader).unwrap());
    sound();
}

#[test]
fn a_broken_queue_wakes_both_sides_and_throws_away_what_it_holds() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 100).unwrap();
    put(&session, writer, &pattern(100));
    std::thread::scope(|scope| {
        scope.spawn(|| wait(&session, &[writer], false, u64::MAX).unwrap().unwrap());
        until_waiting(&session, 1);
        session.break_queue(reader, NtStatus::PIPE_DISCONNECTED).unwrap();
    });
    assert!(take(&session, reader));
    let told = [
        session.take_frame(reader, &mut [0; 100], Mode::Part).unwrap_err(),
        session.put_frame(writer, &[b"x"], 0).unwrap_err(),
    ];
    assert!(told.iter().all(|failure| failure.status == NtStatus::PIPE_DISCONNECTED));
    let idle = event(&session);
    let mismatch = session.break_queue(idle, NtStatus::PIPE_DISCONNECTED).unwrap_err();
    assert_eq!(mismatch.status, NtStatus::OBJECT_TYPE_MISMATCH);
    session.close(reader).unwrap();
    session.close(writer).unwrap();
    let (all, free) = pages_free(&session);
    assert_eq!(all, free);
}

#[test]
fn a_name_leads_to_both_ends_and_goes_with_the_first() {
    let session = private();
    let (reader, writer) = session.create_queue(Some(r"pipe\x"), QUOTA).unwrap();
    let taken = session.create_queue(Some(r"pipe\x"), QUOTA).unwrap_err();
    assert_eq!(taken.status, NtStatus::OBJECT_NAME_COLLISION);
    let another = session.open_queue(r"pipe\x", Type::WriteEnd, 0).unwrap();
    assert!(put(&session, another, b"by name"));
    let blind = session.open_queue(r"pipe\x", Type::ReadEnd, access::SYNCHRONIZE).unwrap();
    let denied = session.take_frame(blind, &mut [0], Mode::Part).unwrap_err();
    assert_eq!(denied.status, NtStatus::ACCESS_DENIED);
    session.close(writer).unwrap();
    session.close(another).unwrap();
    assert_eq!(get(&session, reader).unwrap(), b"by name");
    let gone = session.open_queue(r"pipe\x", Type::ReadEnd, 0).unwrap_err();
    assert_eq!(gone.status, NtStatus::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn a_limit_of_readers_is_kept_and_the_write_end_is_set_while_there_may_be_one_more() {
    let session = private();
    let new = NewQueue { quota: QUOTA, readers_limit: 2, ..NewQueue::default() };
    let make = |how| session.make_queue(Some("seats"), how, 0, new);
    let Ends { reader, writer, .. } = make(Disposition::Create).unwrap();
    let refused = |result: NtResult<u32>| assert_eq!(result.unwrap_err().status, NtStatus::INSTANCE_NOT_AVAILABLE);
    assert!(take(&session, writer));
    let second = session.open_queue("seats", Type::ReadEnd, 0).unwrap();
    assert!(!take(&session, writer));
    refused(session.open_queue("seats", Type::ReadEnd, 0));
    refused(make(Disposition::OpenOrCreate).map(|ends| ends.reader));
    assert_eq!(session.query_queue(writer, Type::WriteEnd).unwrap().readers, 2);
    session.open_queue("seats", Type::WriteEnd, 0).unwrap(); // writers are not limited
    let third = session.duplicate(second, None, None, false).unwrap(); // nor are copies, but they count
    session.close(second).unwrap();
    assert!(!take(&session, writer));
    let idle = manual_event(&session);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&session, &[idle, writer], false, u64::MAX).unwrap().unwrap());
        until_waiting(&session, 1);
        session.close(third).unwrap();
        assert_eq!(waiting.join().unwrap().index, 1);
    });
    session.close(reader).unwrap();
    assert!(take(&session, writer));
}

#[test]
fn what_is_wrong_is_refused() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let mismatch = session.put_frame(reader, &[b"x"], 0).unwrap_err();
    assert_eq!(mismatch.status, NtStatus::OBJECT_TYPE_MISMATCH);
    let chunk = vec![0_u8; 1 << 20];
    let pieces: Vec<&[u8]> = (0..=LENGTH_MAX >> 20).map(|_| &chunk[..]).collect();
    let too_long = session.put_frame(writer, &pieces, 0).unwrap_err();
    assert_eq!(too_long.status, NtStatus::INVALID_PARAMETER);
    session.close(writer).unwrap();
    let closed = session.put_frame(writer, &[b"x"], 0).unwrap_err();
    assert_eq!(closed.status, NtStatus::INVALID_HANDLE);
}

#[test]
fn threads_that_make_the_pool_grow_at_once_find_no_damage() {
    const THREADS: usize = 4;
    for _ in 0..15 {
        let session = private();
        let queues: [(u32, u32); THREADS] =
            std::array::from_fn(|_| session.create_queue(None, u64::from(u32::MAX)).unwrap());
        let begin = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for (_, writer) in queues {
                let (session, begin) = (&session, &begin);
                scope.spawn(move || {
                    begin.wait();
                    for _ in 0..6 {
                        assert!(put(session, writer, &pattern(300_000)));
                    }
                });
            }
        });
    }
}
