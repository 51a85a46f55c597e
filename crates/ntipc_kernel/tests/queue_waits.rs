//! Queues: puts and takes that wait, streams, marks.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::queue::{Mode, Poll, Put, Taken, Until};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;
use support::*;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 7 + place / 251) as u8).collect()
}

fn soon() -> Until {
    Until(now_ns() + 20_000_000)
}

fn put(session: &Arc<Session>, writer: u32, data: &[u8]) -> Put {
    session.put_wait(writer, &[data], 0, &mut Until(NEVER)).unwrap().unwrap()
}

fn take(session: &Arc<Session>, reader: u32, length: usize, mode: Mode) -> (Taken, Vec<u8>) {
    let mut buffer = vec![0; length];
    let taken = session.take_wait(reader, &mut buffer, mode, &mut Until(NEVER)).unwrap().unwrap();
    buffer.truncate(taken.bytes);
    (taken, buffer)
}

#[test]
fn a_take_waits_for_a_frame_and_a_put_for_room() {
    const FRAMES: usize = 400;
    let session = private();
    let (reader, writer) = session.create_queue(None, 5_000).unwrap();
    let length = |number: usize| number * 37 % 9_000;
    std::thread::scope(|scope| {
        scope.spawn(|| (0..FRAMES).for_each(|number| _ = put(&session, writer, &pattern(length(number)))));
        for number in 0..FRAMES {
            assert_eq!(take(&session, reader, 9_000, Mode::Part).1, pattern(length(number)));
        }
    });
}

#[test]
fn what_does_not_come_in_time_is_not_taken_and_what_does_not_fit_in_time_is_not_put() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 100).unwrap();
    let mut buffer = [0; 200];
    assert_eq!(session.take_wait(reader, &mut buffer, Mode::Part, &mut soon()).unwrap(), None);
    put(&session, writer, &pattern(60));
    for length in [41, 5_000] {
        assert_eq!(session.put_wait(writer, &[&pattern(length)], 0, &mut soon()).unwrap(), None);
    }
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (60, 1));
    assert_eq!(put(&session, writer, &pattern(40)), Put { bytes: 40, mark: 100 });
    let statistics = session.statistics();
    let of = |name| statistics.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(of("pages_high") - of("pages_free"), 1);
}

#[test]
fn who_waits_is_told_when_the_other_end_goes() {
    let session = private();
    for length in [1, 9_000] {
        let (reader, writer) = session.create_queue(None, 10).unwrap();
        put(&session, writer, &pattern(10));
        let told = std::thread::scope(|scope| {
            let data = pattern(length);
            let told = scope.spawn({
                let session = &session;
                move || session.put_wait(writer, &[&data], 0, &mut Until(NEVER)).unwrap_err()
            });
            until_waiting(&session, 1);
            session.close(reader).unwrap();
            told.join().unwrap()
        });
        assert_eq!(told.status, NtStatus::PIPE_CLOSING);
    }
    let (reader, writer) = session.create_queue(None, 10).unwrap();
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| session.take_wait(reader, &mut [0], Mode::Part, &mut Until(NEVER)).unwrap_err());
        until_waiting(&session, 1);
        session.close(writer).unwrap();
        told.join().unwrap()
    });
    assert_eq!(told.status, NtStatus::PIPE_BROKEN);
}

#[test]
fn a_stream_is_put_as_far_as_it_fits_and_read_over_the_ends_of_frames() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 10_000).unwrap();
    let data = pattern(300_000);
    let some = |from: usize| session.put_some(writer, &data[from..], 0, &mut Poll).unwrap();
    assert_eq!(some(0), Some(Put { bytes: 10_000, mark: 10_000 }));
    assert_eq!(some(10_000), None);
    assert_eq!(take(&session, reader, 3, Mode::Stream).1, data[..3]);
    assert_eq!(some(10_000).unwrap().bytes, 3);
    assert_eq!(take(&session, reader, 20_000, Mode::Stream).1, data[3..10_003]);
    assert_eq!(session.put_some(writer, &[], 0, &mut Poll).unwrap().unwrap().bytes, 0);
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (0, 0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut done = 10_003;
            while done < data.len() {
                done += session.put_some(writer, &data[done..], 0, &mut Until(NEVER)).unwrap().unwrap().bytes;
            }
            session.close(writer).unwrap();
        });
        let (mut read, mut buffer) = (data[..10_003].to_vec(), [0; 777]);
        while let Ok(taken) = session.take_wait(reader, &mut buffer, Mode::Stream, &mut Until(NEVER)) {
            read.extend_from_slice(&buffer[..taken.unwrap().bytes]);
        }
        assert_eq!(read, data);
    });
}

#[test]
fn a_stream_goes_in_pieces_of_64_kib_and_one_without_a_quota_one_by_one() {
    let session = private();
    let data = pattern(100_000);
    let (reader, writer) = session.create_queue(None, 1 << 20).unwrap();
    assert_eq!(session.put_some(writer, &data, 0, &mut Poll).unwrap().unwrap().bytes, 65_536);
    assert_eq!(session.put_some(writer, &data[65_536..], 0, &mut Poll).unwrap().unwrap().bytes, 100_000 - 65_536);
    assert_eq!(take(&session, reader, 100_001, Mode::Stream).1, data);
    let (reader, writer) = session.create_queue(None, 0).unwrap();
    assert_eq!(session.put_some(writer, &data, 0, &mut Poll).unwrap().unwrap().bytes, 65_536);
    assert_eq!(session.put_some(writer, &data, 0, &mut Poll).unwrap(), None);
    assert_eq!(take(&session, reader, 100_001, Mode::Stream).1, data[..65_536]);
}

#[test]
fn a_stream_takes_no_notice_of_how_it_was_put() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 20).unwrap();
    let data = pattern(200_000);
    let mut from = 0;
    for length in [1, 0, 2_000, 70_000, 3, 0, 5_000, 100_000].into_iter().cycle() {
        let end = data.len().min(from + length);
        put(&session, writer, &data[from..end]);
        from = end;
        if from == data.len() {
            break;
        }
    }
    for length in [0, 1, 100, 3_000, 150_000, 300_000] {
        let mut buffer = vec![0; length];
        let seen = session.take_wait(reader, &mut buffer, Mode::PeekStream, &mut Poll).unwrap().unwrap();
        assert_eq!(buffer[..seen.bytes], data[..length.min(data.len())]);
    }
    let mut read = Vec::new();
    for length in [1, 7, 2_001, 60_000, 100_000, 200_000] {
        let (taken, bytes) = take(&session, reader, length, Mode::Stream);
        assert_eq!(taken.bytes, length.min(data.len() - read.len()));
        read.extend(bytes);
    }
    assert_eq!(read, data);
}

#[test]
fn long_frames_are_seen_and_taken_in_parts_of_any_length() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 22).unwrap();
    let data = pattern(3 << 20);
    for part in [1 << 20, 4_096, 70_001, 1 << 16] {
        put(&session, writer, &data);
        put(&session, writer, b"next");
        let mut read = Vec::new();
        while read.len() < data.len() {
            let (seen, bytes) = take(&session, reader, part * 2, Mode::Peek);
            assert_eq!(bytes, data[read.len()..data.len().min(read.len() + part * 2)]);
            assert_eq!(seen.left, data.len() - read.len() - bytes.len());
            let (taken, bytes) = take(&session, reader, part, Mode::Part);
            assert_eq!(taken.bytes, part.min(data.len() - read.len()));
            read.extend(bytes);
            assert_eq!(taken.left, data.len() - read.len());
        }
        assert_eq!(read, data);
        assert_eq!(take(&session, reader, part, Mode::Part).1, b"next");
    }
}

#[test]
fn two_readers_of_parts_share_one_frame_and_lose_nothing() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 22).unwrap();
    let data = pattern(3 << 20);
    for _ in 0..5 {
        put(&session, writer, &data);
        let total = std::thread::scope(|scope| {
            let read = || {
                let mut read = 0;
                let mut buffer = vec![0; 200_000];
                while let Some(taken) = session.take_wait(reader, &mut buffer, Mode::Part, &mut Poll).unwrap() {
                    read += taken.bytes;
                }
                read
            };
            let other = scope.spawn(read);
            read() + other.join().unwrap()
        });
        assert_eq!(total, data.len());
    }
}

#[test]
fn a_long_write_waits_until_so_much_is_read_that_the_rest_is_within_the_quota() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    let within = put(&session, writer, &pattern(1_000));
    assert!(session.wait_taken(writer, within.mark, &mut Poll).unwrap());
    take(&session, reader, 1_000, Mode::Part);
    let beyond = put(&session, writer, &pattern(3_000));
    assert!(!session.wait_taken(writer, beyond.mark, &mut soon()).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(session.wait_taken(writer, beyond.mark, &mut Until(NEVER)).unwrap()));
        until_waiting(&session, 1);
        take(&session, reader, 1_999, Mode::Part);
        assert!(!session.wait_taken(writer, beyond.mark, &mut Poll).unwrap());
        take(&session, reader, 1, Mode::Part);
    });
    let (reader, writer) = session.create_queue(None, 0).unwrap();
    let any = put(&session, writer, b"x");
    std::thread::scope(|scope| {
        let told = scope.spawn(|| session.wait_taken(writer, any.mark, &mut Until(NEVER)).unwrap_err());
        until_waiting(&session, 1);
        session.close(reader).unwrap();
        assert_eq!(told.join().unwrap().status, NtStatus::PIPE_CLOSING);
    });
}

#[test]
fn a_flush_waits_until_everything_is_read() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    assert!(session.flush_queue(writer, &mut Poll).unwrap());
    put(&session, writer, &pattern(100));
    put(&session, writer, &[]);
    assert!(!session.flush_queue(writer, &mut soon()).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(session.flush_queue(writer, &mut Until(NEVER)).unwrap()));
        until_waiting(&session, 1);
        take(&session, reader, 100, Mode::Part);
        put(&session, writer, b"later");
        take(&session, reader, 100, Mode::Part);
    });
    assert!(!session.flush_queue(writer, &mut Poll).unwrap());
}

#[test]
fn what_was_read_stays_read_when_the_reader_goes() {
    let session = private();
    let flush = |read: usize| {
        let (reader, writer) = session.create_queue(None, 1_000).unwrap();
        for frame in [b"one", b"two"] {
            put(&session, writer, frame);
        }
        for _ in 0..read {
            take(&session, reader, 100, Mode::Part);
        }
        session.close(reader).unwrap();
        let flushed = session.flush_queue(writer, &mut Until(NEVER));
        session.close(writer).unwrap();
        flushed.map_err(|failure| failure.status)
    };
    // Not what was thrown away: none of it is read, one frame of two, all.
    assert_eq!(flush(0), Err(NtStatus::PIPE_CLOSING));
    assert_eq!(flush(1), Err(NtStatus::PIPE_CLOSING));
    assert_eq!(flush(2), Ok(true));
}
