//! A server and a caller: one dies, the other sleeps until it is told.

use crate::settling::settle;
use crate::sweep::{NAME, Stage, Victim, sweep};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::{Attached, Mode, Poll, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtResult, NtStatus, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const QUOTA: u64 = 12_000;
const CALLS: usize = 4;

pub const BY_ASKING: &[&str] = &["ReplyQueueMade", "CallNoted"];
pub const BY_ANSWERING: &[&str] = &["CallTaken", "ReplyAllowed"];
/// By the settler, and by a thread that throws a request away.
pub const BY_LOSING: &[&str] = &["LostTold"];
/// Deaths that leave a caller without an answer.
const ANSWERING: &[(&str, u32)] = &[
    ("TakeCommitted", 1),
    ("CallTaken", 1),
    ("TakeMoved", 2),
    ("TakeUnlocked", 1),
    ("ReplyAllowed", 2),
    ("PutWritten", 1),
];
const SETTLED: &[&str] = &["LostTold", "SettlePositions", "SettleUnlocked", "SettleTold"];

fn data(number: usize) -> Vec<u8> {
    vec![number as u8; [10, 3000][number % 2]]
}

fn ask(session: &Arc<Session>, writer: u32, number: usize) -> NtResult<()> {
    let answer = session.call(writer, &[&data(number)], 0, Attached::NOTHING, &mut Until(NEVER))?.unwrap();
    let mut reply = vec![0; answer.length];
    answer.take(&mut reply, &mut Poll)?;
    assert_eq!(reply, data(number));
    Ok(())
}

/// Answer the next request by its own data. `false`: there will be none.
fn answer(session: &Arc<Session>, reader: u32) -> bool {
    let mut buffer = [0; 4000];
    let Ok(taken) = session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)) else { return false };
    let taken = taken.unwrap();
    let pieces = [&buffer[..taken.bytes]];
    match session.reply(taken.correlation, &pieces, 0, Attached::NOTHING, &mut Poll) {
        Ok(()) => {}
        Err(failure) => assert_eq!(failure.status, NtStatus::REPLY_MESSAGE_MISMATCH), // it died
    }
    true
}

pub fn victim_asks(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.begin();
    (0..CALLS).for_each(|number| ask(&stage.session, writer, number).unwrap());
}

pub fn victim_answers(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    let _ = (0..CALLS).all(|_| answer(&stage.session, reader));
}

/// Leaves a queue with the requests of others in it.
pub fn victim_refuses(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    stage.session.close(reader).unwrap();
}

/// Ask again and again, all of it answered or lost, until nobody is there.
fn ask_all(session: &Arc<Session>, writer: u32) -> usize {
    let mut lost = 0;
    for number in 0.. {
        match ask(session, writer, number).map_err(|failure| failure.status) {
            Ok(()) => {}
            Err(NtStatus::LPC_REPLY_LOST) => lost += 1,
            Err(status) => {
                assert_eq!(status, NtStatus::PIPE_CLOSING);
                break;
            }
        }
    }
    lost
}

/// The victim alone answers two who ask.
fn be_answered(session: &Arc<Session>, (reader, writer): (u32, u32), victim: &mut Victim) -> bool {
    session.close(reader).unwrap();
    victim.go();
    std::thread::scope(|scope| {
        let callers = [(); 2].map(|()| scope.spawn(|| ask_all(session, writer)));
        let lost: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert!(lost <= 4); // of each one that the victim had, and one that was in the queue when its end was cleaned up after
    });
    victim.wait()
}

#[test]
fn a_caller_is_told_at_whatever_step_its_only_server_is_killed() {
    sweep("answer", Some(QUOTA), BY_ANSWERING, |session, ends, mut victim| be_answered(session, ends, &mut victim));
}

#[test]
fn a_call_is_lost_with_one_server_though_another_lives() {
    sweep("answer", Some(QUOTA), BY_ANSWERING, |session, (reader, writer), mut victim| {
        // They go on until the victim has had its share, however quick the others are.
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| while answer(session, reader) {});
            let callers = [(); 2].map(|()| {
                scope.spawn(|| {
                    let ask = |number| ask(session, writer, number).map_err(|failure| failure.status);
                    (0..)
                        .take_while(|_| !over.load(Ordering::Relaxed))
                        .filter(|number| ask(*number).is_err_and(|status| status == NtStatus::LPC_REPLY_LOST))
                        .count()
                })
            });
            victim.go();
            let lived = victim.wait();
            over.store(true, Ordering::Relaxed);
            let lost: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
            assert!(lost <= 1, "{lost} calls are lost, and the victim had one");
            session.close(writer).unwrap();
            lived
        })
    });
}

#[test]
fn a_caller_killed_at_any_step_leaves_its_servers_at_work() {
    sweep("ask", Some(QUOTA), BY_ASKING, |session, (reader, writer), mut victim| {
        session.close(writer).unwrap();
        victim.go();
        while answer(session, reader) {}
        victim.wait()
    });
}

#[test]
fn callers_are_told_whoever_is_killed_throwing_their_requests_away() {
    sweep("refuse", Some(QUOTA), BY_LOSING, |session, (reader, writer), mut victim| {
        session.close(reader).unwrap();
        std::thread::scope(|scope| {
            let callers = [(); 2].map(|()| scope.spawn(|| ask_all(session, writer)));
            crate::support::until_waiting(session, 2);
            victim.go();
            callers.into_iter().for_each(|caller| assert_eq!(caller.join().unwrap(), 1));
        });
        victim.wait()
    });
}

#[test]
fn a_settler_of_a_server_is_succeeded() {
    settle("answer", ANSWERING, SETTLED, |session, ends, mut doomed| {
        assert!(!be_answered(session, ends, &mut doomed));
    });
}
