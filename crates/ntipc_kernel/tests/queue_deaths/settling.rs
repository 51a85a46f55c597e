//! A watcher is killed at each step of settling what another had in hand, and the next one goes on.

use crate::support::{fresh_path, join, until_waiting};
use crate::sweep::{LENGTHS, NAME, Stage, Victim, everything_goes, put, take_next};
use ntipc_kernel::Session;
use ntipc_kernel::object::kind::Type;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub const BY_SETTLING: &[&str] = &["SettlePositions", "SettleChain", "SettleUnlocked", "SettleTurn", "SettleTold"];

/// Deaths that leave something to settle: a lock, a chain, a page, a frame published or taken and not counted.
const PUTTING: &[(&str, u32)] =
    &[("PutCopied", 1), ("PutLocked", 2), ("PutPaged", 1), ("PutPublished", 2), ("PutCounted", 3), ("PutForgotten", 2)];
const TAKING: &[(&str, u32)] =
    &[("TakeLocked", 1), ("TakeCommitted", 2), ("TakeMoved", 2), ("TakeOwned", 2), ("TakeCopiedOut", 1)];

/// The nearest watcher of the process that joins next. Makes the queue, and sleeps till the end.
pub fn victim_settles(stage: &Stage) {
    let queue = stage.session.create_queue(Some(NAME), 12_000).unwrap();
    stage.begin();
    stage.session.close(queue.0).unwrap();
    stage.session.close(queue.1).unwrap();
    stage.say("reaping");
    stage.hear();
}

/// Play a death and the settler's, at each pass of each step of its settlement.
pub fn settle(scene: &str, deaths: &[(&str, u32)], points: &[&str], run: impl Fn(&Arc<Session>, (u32, u32), Victim)) {
    let mut reached = Vec::new();
    for (doomed_at, doomed_pass) in deaths {
        for point in points {
            for pass in 1.. {
                let path = fresh_path();
                let session = join(&path);
                let mut settler = Victim::start(&path, "settler", point, pass);
                session.let_watch(false); // in place of a settler that is slow
                let open = |end| session.open_queue(NAME, end, 0).unwrap();
                let ends = (open(Type::ReadEnd), open(Type::WriteEnd));
                let doomed = Victim::start(&path, scene, doomed_at, *doomed_pass);
                settler.go();
                assert_eq!(settler.word().as_deref(), Some("reaping"));
                let over = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        while settler.lives() && !over.load(Ordering::Acquire) {
                            std::thread::yield_now();
                        }
                        session.let_watch(true);
                    });
                    run(&session, ends, doomed);
                    over.store(true, Ordering::Release);
                });
                ends_close(&session, ends);
                everything_goes(&session);
                settler.go();
                if settler.wait() {
                    break;
                }
                reached.push(*point);
            }
        }
    }
    let missed: Vec<_> = points.iter().filter(|point| !reached.contains(point)).collect();
    assert!(missed.is_empty(), "{scene} does not lead to {missed:?}");
}

fn ends_close(session: &Arc<Session>, (reader, writer): (u32, u32)) {
    for end in [reader, writer] {
        let _ = session.close(end);
    }
}

#[test]
fn a_settler_of_a_writer_killed_at_any_step_is_succeeded() {
    settle("put", PUTTING, BY_SETTLING, |session, (reader, writer), mut doomed| {
        session.close(writer).unwrap();
        std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let mut seen = 0;
                while let Some(number) = take_next(session, reader) {
                    assert_eq!(number, seen);
                    seen += 1;
                }
                seen
            });
            until_waiting(session, 1);
            doomed.go();
            assert!(!doomed.wait());
            assert!(seen.join().unwrap() < LENGTHS.len());
        });
    });
}

#[test]
fn a_settler_of_a_reader_killed_at_any_step_is_succeeded() {
    const FRAMES: usize = 18;
    settle("take", TAKING, BY_SETTLING, |session, (reader, writer), mut doomed| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..FRAMES).for_each(|number| put(session, writer, number));
                session.close(writer).unwrap();
            });
            until_waiting(session, 1); // full
            doomed.go();
            let mut next = 0;
            while let Some(word) = doomed.word() {
                assert_eq!(word, next.to_string());
                next += 1;
            }
            let before = next;
            let mut lost = 0;
            while let Some(number) = take_next(session, reader) {
                lost += number - next;
                next = number + 1;
            }
            assert!(next == FRAMES && lost <= 1 && before < LENGTHS.len(), "{next} frames, {lost} lost");
            assert!(!doomed.wait());
        });
    });
}
