//! What closing an end does to those who wait.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::NtStatus;
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use support::*;

const QUOTA: u64 = 100;

#[test]
fn who_waits_for_an_end_is_told_when_its_own_last_handle_is_closed() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let twin = session.duplicate(reader, None, None, false).unwrap();
    let idle = event(&session);
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| session.take_wait(reader, &mut [0; 9], Mode::Part, &mut Until(NEVER)).unwrap_err());
        let waiting = scope.spawn(|| wait(&session, &[idle, reader], false, u64::MAX).unwrap().unwrap());
        until_waiting(&session, 2);
        session.close(reader).unwrap();
        assert!(wait(&session, &[idle], false, 20).unwrap().is_none());
        until_waiting(&session, 2); // it is not the last one
        session.close(twin).unwrap();
        assert_eq!(taking.join().unwrap().status, NtStatus::INVALID_HANDLE);
        assert_eq!(waiting.join().unwrap().index, 1);
    });
    session.close(writer).unwrap();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    assert!(session.put_frame(writer, &[&[0; 100]], 0).unwrap());
    std::thread::scope(|scope| {
        let putting = scope.spawn(|| session.put_wait(writer, &[b"x"], 0, &mut Until(NEVER)).unwrap_err());
        until_waiting(&session, 1);
        session.close(writer).unwrap();
        assert_eq!(putting.join().unwrap().status, NtStatus::INVALID_HANDLE);
    });
    session.close(reader).unwrap();
    assert_eq!(session.statistics()[0].1, 1); // the event
}

/// `Some(bytes)`: the reader takes so many before it goes.
fn put_beyond_the_quota(taken: Option<usize>) -> Result<bool, NtStatus> {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    std::thread::scope(|scope| {
        let putting = scope.spawn(|| {
            let put = session.put_wait(writer, &[&[0; 1000]], 0, &mut Until(NEVER)).unwrap().unwrap();
            session.wait_taken(writer, put.mark, &mut Until(NEVER)).map_err(|failure| failure.status)
        });
        until_waiting(&session, 1);
        if let Some(bytes) = taken {
            session.take_frame(reader, &mut vec![0; bytes], Mode::Part).unwrap().unwrap();
        }
        session.close(reader).unwrap();
        putting.join().unwrap()
    })
}

#[test]
fn a_frame_longer_than_the_quota_is_taken_if_enough_was_read_before_the_reader_went() {
    assert_eq!(put_beyond_the_quota(None), Err(NtStatus::PIPE_CLOSING));
    assert_eq!(put_beyond_the_quota(Some(899)), Err(NtStatus::PIPE_CLOSING));
    assert_eq!(put_beyond_the_quota(Some(900)), Ok(true));
}

#[test]
fn what_was_put_within_the_quota_is_taken_whatever_becomes_of_it() {
    for broken in [false, true] {
        let session = private();
        let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
        let put = session.put_wait(writer, &[&[0; 100]], 0, &mut Until(now_ns())).unwrap().unwrap();
        match broken {
            true => session.break_queue(reader, NtStatus::PIPE_DISCONNECTED).unwrap(),
            false => session.close(reader).unwrap(),
        }
        assert!(session.wait_taken(writer, put.mark, &mut Until(NEVER)).unwrap());
        assert!(session.put_frame(writer, &[b"x"], 0).is_err());
    }
}
