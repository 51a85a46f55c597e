//! A waiter that stands before others of the same end: its turn, or what it was told, goes to the next.

use crate::sweep::{NAME, Stage, Victim, frame, put, queue_points, sweep, sweep_points, take_next};
use ntipc_kernel::inspect::inspect;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::{Mode, Waiting, Wanted};
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::sync::Arc;

pub const BY_WAITING: &[&str] = &["TurnTaken", "TurnLeft"];

/// Frame 4 has 9,000 bytes, frame 1 3,000, frame 0 100.
const QUOTA: u64 = 12_000;
const LARGE: usize = 4;

pub fn victim_waits_for_room(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.begin();
    put(&stage.session, writer, LARGE);
}

pub fn victim_waits_for_a_frame(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    stage.say(take_next(&stage.session, reader).unwrap());
}

/// Come back when so many wait, the victim among them, or that one is dead.
fn until_waiting_with(session: &Arc<Session>, victim: &mut Victim, count: usize) {
    let waiting = || {
        let threads = inspect(&session.path).unwrap().threads;
        threads.iter().filter(|thread| matches!(thread.state, "waiting" | "sleeping")).count()
    };
    while !victim.is_gone() && waiting() < count {
        std::thread::yield_now();
    }
}

#[test]
fn the_turn_of_a_writer_killed_at_any_step_passes_to_the_next() {
    sweep("turn", Some(QUOTA), BY_WAITING, |session, (reader, writer), mut victim| {
        put(session, writer, LARGE);
        put(session, writer, 1);
        victim.go();
        until_waiting_with(session, &mut victim, 1);
        let read = std::thread::scope(|scope| {
            scope.spawn(|| {
                put(session, writer, LARGE);
                put(session, writer, 0);
                session.close(writer).unwrap();
            });
            std::iter::from_fn(|| take_next(session, reader)).collect::<Vec<_>>()
        });
        let lived = victim.wait();
        let all = [&[LARGE, 1, LARGE, LARGE, 0][..], &[LARGE, 1, LARGE, 0, LARGE], &[LARGE, 1, LARGE, 0]];
        assert!(all[..if lived { 2 } else { 3 }].contains(&&read[..]), "{read:?}");
        lived
    });
}

#[test]
fn what_a_reader_killed_at_any_step_was_told_is_told_to_the_next() {
    let mut points = queue_points().to_vec();
    let waiting = ["WaitBeforeSleep", "WaitWoken", "AckBeforeIdle", "AckDone"];
    points.extend(waiting);
    sweep_points(&points, "token", Some(QUOTA), &waiting, |session, (reader, writer), mut victim| {
        victim.go();
        until_waiting_with(session, &mut victim, 1);
        std::thread::scope(|scope| {
            let next = scope.spawn(|| take_next(session, reader));
            // Both wait, or the victim is dead: then the one frame is for the other, unless it died with it.
            until_waiting_with(session, &mut victim, 2);
            put(session, writer, 0);
            // Another frame only when the first is gone: it would wake whom the first should have woken.
            while session.waiting_in_queue(reader).unwrap().1 > 0 {
                std::thread::yield_now();
            }
            put(session, writer, 1);
            assert!(next.join().unwrap().is_some_and(|frame| frame < 2));
        });
        victim.wait()
    });
}

/// A signal handler, which runs while its thread waits; then the wait is over.
struct Handler<Work>(Work);

impl<Work: FnMut()> Waiting for Handler<Work> {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, _: &Arc<Session>, _: &Wanted) -> NtResult<bool> {
        (self.0)();
        Err(NtStatus::NOT_SUPPORTED.into())
    }

    fn wait_for_pages(&mut self, _: &Arc<Session>, _: u32) -> NtResult<bool> {
        Ok(false)
    }
}

/// Puts frame 1 while it waits for room for a larger one.
pub fn victim_puts_while_it_waits(stage: &Stage) {
    let session = &stage.session;
    let writer = session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.begin();
    let mut handler = Handler(|| put(session, writer, 1));
    session.put_wait(writer, &[&frame(LARGE)], 0, &mut handler).unwrap_err();
}

/// Puts frame 1 and takes it while it waits for one.
pub fn victim_takes_while_it_waits(stage: &Stage) {
    let session = &stage.session;
    let writer = session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    let reader = session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    let mut handler = Handler(|| {
        put(session, writer, 1);
        assert_eq!(take_next(session, reader), Some(1));
    });
    session.take_wait(reader, &mut [0; 10], Mode::Part, &mut handler).unwrap_err();
}

/// What is left of the queue when the victim is gone.
fn rest(session: &Arc<Session>, (reader, writer): (u32, u32)) -> Vec<usize> {
    session.close(writer).unwrap();
    std::iter::from_fn(|| take_next(session, reader)).collect()
}

#[test]
fn a_writer_killed_in_the_midst_of_a_put_while_it_waits_for_another() {
    sweep("put within", Some(QUOTA), crate::frames::BY_PUTTING, |session, ends, mut victim| {
        put(session, ends.1, LARGE);
        victim.go();
        let lived = victim.wait();
        let rest = rest(session, ends);
        assert!(rest == [LARGE, 1] || !lived && rest == [LARGE], "{rest:?}");
        lived
    });
}

#[test]
fn a_reader_killed_in_the_midst_of_a_take_while_it_waits_for_another() {
    sweep("take within", Some(QUOTA), crate::frames::BY_TAKING, |session, ends, mut victim| {
        victim.go();
        let lived = victim.wait();
        let rest = rest(session, ends);
        assert!(rest.is_empty() || !lived && rest == [1], "{rest:?}");
        lived
    });
}
