//! One who waits, before others who wait for the same end: its turn, or what it was told, goes to the next.

use crate::sweep::{NAME, Stage, Victim, put, queue_points, sweep, sweep_points, take_next};
use ntipc_kernel::Session;
use ntipc_kernel::inspect::inspect;
use ntipc_kernel::object::kind::Type;
use std::sync::Arc;

pub const BY_WAITING: &[&str] = &["TurnTaken", "TurnLeft"];

/// Frame 4 has 9,000 bytes, frame 1 3,000, frame 0 100.
const QUOTA: u64 = 12_000;
const LARGE: usize = 4;

pub fn victim_waits_for_room(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0, u32::MAX).unwrap();
    stage.begin();
    put(&stage.session, writer, LARGE);
}

pub fn victim_waits_for_a_frame(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0, u32::MAX).unwrap();
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
