//! Calls: a request, its reply, and what there is instead of one.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::queue::{Attached, Mode, Poll, Taken, Until, Waiting, Wanted};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::sync::Arc;
use support::*;

const QUOTA: u64 = 65_536;

fn ask(session: &Arc<Session>, writer: u32, data: &[u8], until: u64) -> NtResult<Option<Vec<u8>>> {
    let answer = session.call(writer, &[data], 1, Attached::NOTHING, &mut Until(until))?;
    let Some(answer) = answer else { return Ok(None) };
    let mut reply = vec![0; answer.length];
    let taken = answer.take(&mut reply, &mut Poll)?;
    assert_eq!((taken.bytes, taken.left), (reply.len(), 0));
    Ok(Some(reply))
}

fn receive(session: &Arc<Session>, reader: u32) -> NtResult<(Taken, Vec<u8>)> {
    let mut buffer = vec![0; 200_000];
    let taken = session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER))?.unwrap();
    buffer.truncate(taken.bytes);
    Ok((taken, buffer))
}

fn reply(session: &Arc<Session>, correlation: u64, data: &[u8]) -> NtResult<()> {
    session.reply(correlation, &[data], 2, Attached::NOTHING, &mut Poll)
}

/// Answer with the same bytes in reverse, until there is nobody to ask.
fn serve(session: &Arc<Session>, reader: u32) {
    while let Ok((taken, mut data)) = receive(session, reader) {
        data.reverse();
        reply(session, taken.correlation, &data).unwrap();
    }
}

fn sound(session: &Arc<Session>) {
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

fn objects(session: &Arc<Session>) -> u64 {
    session.statistics()[0].1
}

#[test]
fn each_of_many_callers_gets_its_own_reply_from_one_of_many_servers() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 2_000).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| serve(&session, reader));
        }
        let callers: Vec<_> = (0..4_usize)
            .map(|caller| {
                let session = &session;
                scope.spawn(move || {
                    for number in 0..150_usize {
                        let data: Vec<u8> = (0..number * 37 % 5000).map(|place| (place * 7 + caller) as u8).collect();
                        let mut answer = ask(session, writer, &data, NEVER).unwrap().unwrap();
                        answer.reverse();
                        assert_eq!(answer, data);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        sound(&session);
        session.close(writer).unwrap();
    });
    session.close(reader).unwrap();
    assert_eq!(objects(&session), 0); // the queues for replies went with their threads
}

#[test]
fn requests_and_replies_carry_handles_and_a_tag() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let there = event(&session);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (taken, _) = receive(&session, reader).unwrap();
            assert_eq!((taken.tag, taken.handles.len()), (1, 1));
            let back = [taken.handles[0].handle];
            let attached = Attached { handles: &back, move_them: true };
            session.reply(taken.correlation, &[b"re", b"ply"], 2, attached, &mut Poll).unwrap();
        });
        let attached = Attached { handles: &[there], move_them: true };
        let answer = session.call(writer, &[b"request"], 1, attached, &mut Until(NEVER)).unwrap().unwrap();
        let mut buffer = [0; 5];
        let taken = answer.take(&mut buffer, &mut Poll).unwrap();
        assert_eq!((&buffer, taken.tag), (b"reply", 2));
        session.set_event(taken.handles[0].handle).unwrap();
    });
}

#[test]
fn a_reply_that_is_not_taken_goes_with_its_answer() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                let (taken, _) = receive(&session, reader).unwrap();
                let attached = Attached { handles: &[event(&session)], move_them: true };
                session.reply(taken.correlation, &[&[0; 5000]], 2, attached, &mut Poll).unwrap();
            }
        });
        for _ in 0..2 {
            let before = objects(&session);
            drop(session.call(writer, &[b"x"], 0, Attached::NOTHING, &mut Until(NEVER)).unwrap().unwrap());
            assert!(objects(&session) <= before.max(4));
        }
    });
    sound(&session);
}

#[test]
fn a_caller_that_gave_up_is_not_answered_and_its_next_call_is() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    assert_eq!(ask(&session, writer, b"first", now_ns() + 1_000_000).unwrap(), None);
    assert!(session.call(writer, &[b"second"], 0, Attached::NOTHING, &mut Poll).unwrap().is_none());
    for request in [b"first ", b"second"] {
        let (taken, data) = receive(&session, reader).unwrap();
        assert_eq!(data, request.trim_ascii());
        assert_eq!(reply(&session, taken.correlation, b"late").unwrap_err().status, NtStatus::REPLY_MESSAGE_MISMATCH);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&session, reader));
        assert_eq!(ask(&session, writer, b"abc", NEVER).unwrap().unwrap(), b"cba");
        session.close(writer).unwrap();
    });
}

#[test]
fn a_request_is_answered_once_and_only_by_who_has_it() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let refused = |correlation| reply(&session, correlation, b"?").unwrap_err().status;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let seen = session.take_wait(reader, &mut [], Mode::Peek, &mut Until(NEVER)).unwrap().unwrap();
            assert_eq!(refused(seen.correlation), NtStatus::REPLY_MESSAGE_MISMATCH); // nobody has it
            let (taken, _) = receive(&session, reader).unwrap();
            for wrong in
                [0, 1, taken.correlation ^ 1 << 40, taken.correlation ^ 1 << 14, taken.correlation ^ 1, u64::MAX]
            {
                assert_eq!(refused(wrong), NtStatus::REPLY_MESSAGE_MISMATCH);
            }
            let too_many = Attached { handles: &[4; 9], move_them: false };
            let failed = session.reply(taken.correlation, &[], 0, too_many, &mut Poll).unwrap_err();
            assert_eq!(failed.status, NtStatus::INVALID_PARAMETER);
            let unknown = Attached { handles: &[40_000], move_them: false };
            let failed = session.reply(taken.correlation, &[], 0, unknown, &mut Poll).unwrap_err();
            assert_eq!(failed.status, NtStatus::INVALID_HANDLE);
            reply(&session, taken.correlation, b"yes").unwrap();
            assert_eq!(refused(taken.correlation), NtStatus::REPLY_MESSAGE_MISMATCH);
        });
        assert_eq!(ask(&session, writer, b"?", NEVER).unwrap().unwrap(), b"yes");
    });
    assert!(session.put_frame(writer, &[b"no request"], 0).unwrap());
    let (taken, _) = receive(&session, reader).unwrap();
    assert_eq!((taken.correlation, refused(taken.correlation)), (0, NtStatus::REPLY_MESSAGE_MISMATCH));
}

#[test]
fn a_caller_is_told_when_nobody_is_left_to_take_its_request() {
    for way in 0..2 {
        let session = private();
        let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
        std::thread::scope(|scope| {
            let lost = scope.spawn(|| ask(&session, writer, &[0; 5000], NEVER).unwrap_err().status);
            until_waiting(&session, 1);
            match way {
                0 => session.close(reader).unwrap(),
                _ => session.break_queue(writer, NtStatus::PIPE_DISCONNECTED).unwrap(),
            }
            assert_eq!(lost.join().unwrap(), NtStatus::LPC_REPLY_LOST);
        });
        let closing = [NtStatus::PIPE_CLOSING, NtStatus::PIPE_DISCONNECTED][way];
        for _ in 0..2 {
            assert_eq!(ask(&session, writer, b"x", NEVER).unwrap_err().status, closing);
        }
        sound(&session);
    }
}

#[test]
fn a_request_waits_for_room_and_its_reply_for_nothing() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 10).unwrap();
    assert!(session.put_frame(writer, &[&[0; 10]], 0).unwrap());
    assert_eq!(ask(&session, writer, b"late", now_ns() + 1_000_000).unwrap(), None);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(&session, writer, b"asked", NEVER).unwrap().unwrap());
        until_waiting(&session, 1);
        assert_eq!(receive(&session, reader).unwrap().0.correlation, 0);
        let (taken, data) = receive(&session, reader).unwrap();
        assert_eq!(data, b"asked");
        reply(&session, taken.correlation, &[7; 100_000]).unwrap();
        assert_eq!(asked.join().unwrap(), [7; 100_000]);
    });
}

/// A signal handler that makes a call while its thread waits for a reply.
struct Handler {
    writer: u32,
    told: Option<NtStatus>,
}

impl Waiting for Handler {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, _wanted: &Wanted) -> NtResult<bool> {
        self.told = ask(session, self.writer, b"inner", NEVER).err().map(|failure| failure.status);
        Err(NtStatus::NOT_SUPPORTED.into())
    }

    fn wait_for_pages(&mut self, _session: &Arc<Session>, _seen: u32) -> NtResult<bool> {
        Ok(false)
    }
}

#[test]
fn a_thread_has_one_call_under_way_and_none_after_an_exception() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    let mut handler = Handler { writer, told: None };
    let raised = session.call(writer, &[b"outer"], 0, Attached::NOTHING, &mut handler).err().unwrap();
    assert_eq!((raised.status, handler.told), (NtStatus::NOT_SUPPORTED, Some(NtStatus::UNSUCCESSFUL)));
    let (taken, data) = receive(&session, reader).unwrap();
    assert_eq!(data, b"outer");
    assert_eq!(reply(&session, taken.correlation, b"").unwrap_err().status, NtStatus::REPLY_MESSAGE_MISMATCH);
    assert_eq!(ask(&session, writer, b"next", now_ns() + 1_000_000).unwrap(), None);
}

#[test]
fn the_handles_of_a_queue_for_replies_belong_to_nobody() {
    let session = private();
    let (reader, writer) = session.create_queue(None, QUOTA).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&session, reader));
        assert_eq!(ask(&session, writer, b"ab", NEVER).unwrap().unwrap(), b"ba");
        let invalid = |result: NtResult<()>| assert_eq!(result.unwrap_err().status, NtStatus::INVALID_HANDLE);
        for handle in (1..20).map(|place| place * 4).filter(|handle| ![reader, writer].contains(handle)) {
            invalid(session.close(handle));
            invalid(session.duplicate(handle, None, None, false).map(drop));
            invalid(session.set_inheritable(handle, true));
            invalid(session.park(handle).map(drop));
            let attached = Attached { handles: &[handle], move_them: true };
            invalid(session.put_attached(writer, &[b"x"], 0, attached, &mut Poll).map(drop));
        }
        assert_eq!(ask(&session, writer, b"ab", NEVER).unwrap().unwrap(), b"ba");
        sound(&session);
        session.close(writer).unwrap();
    });
}
