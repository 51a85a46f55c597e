//! A writer, a reader, and a process that makes queues and leaves them.

use crate::support::{private, until_waiting, wait};
use crate::sweep::{LENGTHS, NAME, Stage, Victim, put, sweep, sweep_points, take_next};
use ntipc_kernel::NtStatus;
use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::Until;
use ntipc_kernel::sys::clock::NEVER;

const QUOTA: u64 = 12_000;

pub const BY_PUTTING: &[&str] = &[
    "HandNamed",
    "PutCopied",
    "PutLocked",
    "PutRecorded",
    "PutPaged",
    "PutWritten",
    "PutPublished",
    "PutCounted",
    "PutForgotten",
    "PutUnlocked",
    "PutTold",
    "PoolFilled",
    "PoolValid",
    "PoolLinked",
    "PoolMoved",
    "PoolApplied",
];
pub const BY_TAKING: &[&str] = &[
    "TakeLocked",
    "TakeCopied",
    "TakeCommitted",
    "TakeMoved",
    "TakeOwned",
    "TakeUnlocked",
    "TakeCopiedOut",
    "TakeTold",
];
pub const BY_MAKING: &[&str] =
    &["QueueFilled", "EndUnnamed", "QueueBroken", "DrainNamed", "DrainMoved", "DrainLeft", "QueueFreed"];

pub fn victim_puts(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.begin();
    (0..LENGTHS.len()).for_each(|number| put(&stage.session, writer, number));
}

pub fn victim_stops_before_it_counts(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.say("ready");
    stage.hear();
    assert!(fault::arm("PutPublished", 1, Action::Stop));
    put(&stage.session, writer, 0);
    stage.say("put");
    stage.hear();
}

pub fn victim_takes(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    (0..LENGTHS.len()).for_each(|_| stage.say(take_next(&stage.session, reader).unwrap()));
}

pub fn victim_makes_and_leaves(stage: &Stage) {
    let session = &stage.session;
    stage.begin();
    let (reader, writer) = session.create_queue(Some("mine"), 1 << 20).unwrap();
    let (broken, other) = session.create_queue(None, 1 << 20).unwrap();
    for number in 0..LENGTHS.len() {
        put(session, writer, number);
        put(session, other, number);
    }
    session.break_queue(broken, NtStatus::PIPE_DISCONNECTED).unwrap();
    session.close(reader).unwrap();
    session.close(writer).unwrap();
}

pub fn victim_leaves_much(stage: &Stage) {
    let session = &stage.session;
    let (reader, writer) = session.create_queue(None, 1 << 22).unwrap();
    let (broken, other) = session.create_queue(None, 1 << 22).unwrap();
    for number in 0..60 {
        put(session, writer, [0, 2][number % 2]);
        put(session, other, 5);
    }
    stage.begin();
    session.break_queue(broken, NtStatus::PIPE_DISCONNECTED).unwrap();
    session.close(reader).unwrap();
    session.close(writer).unwrap();
    session.close(other).unwrap();
}

pub fn victim_reclaims(stage: &Stage) {
    let session = &stage.session;
    let ends: Vec<(u32, u32)> = (0..4).map(|_| session.create_queue(None, 1 << 20).unwrap()).collect();
    for (reader, writer) in &ends {
        put(session, *writer, 0);
        assert_eq!(take_next(session, *reader), Some(0));
    }
    ntipc_kernel::fault::limit_pages(64);
    stage.begin();
    session.put_wait(ends[0].1, &[&[1; 62 * 4096]], 0, &mut Until(NEVER)).unwrap().unwrap();
}

#[test]
fn what_is_left_of_much_is_thrown_away_whoever_is_killed_at_it() {
    // Between two holds of the lock nobody inherits anything: only the look-round finds what is left.
    let points = ["DrainLeft", "LockReleased", "LockBeforeRelease", "PoolMoved"];
    sweep_points(&points, "long", None, &points, |_, _, mut victim| {
        victim.go();
        victim.wait()
    });
}

#[test]
fn whoever_is_killed_taking_pages_back_leaves_nothing() {
    sweep("reclaim", None, &["DrainNamed", "PutWritten"], |_, _, mut victim| {
        victim.go();
        victim.wait()
    });
}

#[test]
fn a_writer_killed_at_any_step_leaves_whole_frames_in_order_and_an_end() {
    sweep("put", Some(QUOTA), BY_PUTTING, |session, (reader, writer), mut victim| {
        session.close(writer).unwrap(); // from here on only the victim can write
        let seen = std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let mut seen = 0;
                while let Some(number) = take_next(session, reader) {
                    assert_eq!(number, seen);
                    seen += 1;
                }
                seen
            });
            until_waiting(session, 1);
            victim.go();
            seen.join().unwrap()
        });
        let lived = victim.wait();
        assert!(!lived || seen == LENGTHS.len());
        lived
    });
}

#[test]
fn a_reader_killed_at_any_step_loses_one_frame_at_most() {
    const FRAMES: usize = 18;
    sweep("take", Some(QUOTA), BY_TAKING, |session, (reader, writer), mut victim| {
        let (next, lost) = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..FRAMES).for_each(|number| put(session, writer, number));
                session.close(writer).unwrap();
            });
            until_waiting(session, 1); // full
            victim.go();
            let mut next = 0;
            while let Some(word) = victim.word() {
                assert_eq!(word, next.to_string());
                next += 1;
            }
            let mut lost = 0;
            while let Some(number) = take_next(session, reader) {
                lost += number - next;
                next = number + 1;
            }
            (next, lost)
        });
        assert!(next == FRAMES && lost <= 1, "{next} frames, {lost} lost");
        victim.wait()
    });
}

#[test]
fn whoever_is_killed_making_or_leaving_a_queue_leaves_nothing() {
    sweep(
        "own",
        None,
        &BY_MAKING.iter().copied().filter(|point| *point != "DrainLeft").collect::<Vec<_>>(),
        |_, _, mut victim| {
            victim.go();
            victim.wait()
        },
    );
}

#[test]
fn what_is_thrown_away_before_it_is_counted_is_not_counted_for_ever() {
    let session = private();
    let (reader, writer) = session.create_queue(Some(NAME), QUOTA).unwrap();
    let mut victim = Victim::start(&session.path, "stop", "PutPublished", 1);
    victim.go();
    while !victim.is_stopped() {
        std::thread::yield_now();
    }
    assert!(wait(&session, &[reader], false, 0).unwrap().is_some());
    session.break_queue(reader, NtStatus::PIPE_DISCONNECTED).unwrap();
    victim.signal("CONT");
    assert_eq!(victim.word().as_deref(), Some("put"));
    let facts = session.query_queue(writer, Type::WriteEnd).unwrap();
    assert_eq!((facts.data, facts.frames), (0, 0));
    victim.go();
    assert!(victim.wait());
}
