//! Short frames, put and taken in one go.

use crate::support::until_waiting;
use crate::sweep::{NAME, Stage, sweep};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;

/// Enough to fill pages: what does not fit goes the other way.
const FRAMES: usize = 100;
const LENGTH: usize = 60;
const AT_ONCE: usize = 7;
const BY_PUTTING: &[&str] = &[
    "HandNamed",
    "PutLocked",
    "PutRecorded",
    "PutWritten",
    "PutPublished",
    "PutCounted",
    "PutForgotten",
    "PutUnlocked",
    "PutTold",
];
const BY_TAKING: &[&str] =
    &["HandNamed", "TakeLocked", "TakeCopied", "TakeCommitted", "TakeMoved", "TakeOwned", "TakeUnlocked", "TakeTold"];

fn put(session: &Arc<Session>, writer: u32, number: usize) {
    let data = [number as u8; LENGTH];
    if !session.put_short(writer, &data) {
        session.put_wait(writer, &[&data], 0, &mut Until(NEVER)).unwrap().unwrap();
    }
}

/// The next frames, some at once. None: it was the last.
fn take(session: &Arc<Session>, reader: u32) -> Vec<usize> {
    let (mut buffer, mut lengths) = ([0; LENGTH * AT_ONCE], [0; AT_ONCE]);
    let mut count = session.take_short(reader, &mut buffer, &mut lengths).unwrap_or(0);
    if count == 0 {
        match session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)) {
            Ok(taken) => lengths[0] = taken.unwrap().bytes as u32,
            Err(failure) => {
                assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
                return Vec::new();
            }
        }
        count = 1;
    }
    assert!(lengths[..count].iter().all(|length| *length as usize == LENGTH));
    let frames = buffer.chunks(LENGTH).take(count);
    frames.inspect(|frame| assert!(frame.iter().all(|byte| *byte == frame[0]))).map(|frame| frame[0].into()).collect()
}

pub fn victim_puts(stage: &Stage) {
    let writer = stage.session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    put(&stage.session, writer, 0); // the queue has a page from here on
    stage.begin();
    (1..FRAMES).for_each(|number| put(&stage.session, writer, number));
}

pub fn victim_takes(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    let mut seen = 0;
    while seen < FRAMES {
        for number in take(&stage.session, reader) {
            stage.say(number);
            seen += 1;
        }
    }
}

#[test]
fn a_writer_of_short_frames_killed_at_any_step_has_put_whole_frames_in_order() {
    sweep("put short", Some(1 << 20), BY_PUTTING, |session, (reader, writer), mut victim| {
        session.close(writer).unwrap();
        let seen = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut seen = 0;
                loop {
                    let frames = take(session, reader);
                    for number in &frames {
                        assert_eq!(*number, seen);
                        seen += 1;
                    }
                    if frames.is_empty() {
                        return seen;
                    }
                }
            });
            until_waiting(session, 1); // it has taken the first, and sleeps
            victim.go();
            reading.join().unwrap()
        });
        let lived = victim.wait();
        assert!(!lived || seen == FRAMES, "{seen}");
        lived
    });
}

#[test]
fn a_reader_of_short_frames_killed_at_any_step_loses_those_of_one_step_at_most() {
    sweep("take short", Some(1 << 20), BY_TAKING, |session, (reader, writer), mut victim| {
        (0..FRAMES).for_each(|number| put(session, writer, number));
        session.close(writer).unwrap();
        victim.go();
        let mut next = 0;
        while let Some(word) = victim.word() {
            assert_eq!(word, next.to_string());
            next += 1;
        }
        let mut lost = 0;
        loop {
            let frames = take(session, reader);
            for number in &frames {
                lost += number - next;
                next = number + 1;
            }
            if frames.is_empty() {
                break;
            }
        }
        let lived = victim.wait();
        // Those that were to be taken last are lost without a next one to tell.
        lost += FRAMES - next;
        assert!(lost <= AT_ONCE && (!lived || lost == 0), "{next} frames, {lost} lost");
        lived
    });
}
