//! One who sends handles in frames, one who receives some, one who throws away what carries them.

use crate::settling::settle;
use crate::support::{event, fresh_path, join, until_waiting};
use crate::sweep::{NAME, Stage, Victim, everything_goes, sweep};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::queue::{Attached, Mode, Taken, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;

const QUOTA: u64 = 12_000;
const LENGTHS: [usize; 4] = [10, 3000, 0, 1900];
const FRAMES: usize = 4;

pub const BY_SENDING: &[&str] = &["PutHandleNamed", "PutHandleMoved"];
pub const BY_RECEIVING: &[&str] = &["TakeHandleStored", "TakeHandleMoved"];
pub const BY_DROPPING: &[&str] = &["PlaceDropped", "CollectTaken"];
/// Deaths that leave handles in a hand.
const SENDING: &[(&str, u32)] = &[("PutHandleNamed", 2), ("PutHandleMoved", 1), ("PutWritten", 2), ("PutPublished", 2)];
const RECEIVING: &[(&str, u32)] = &[("TakeHandleStored", 1), ("TakeHandleMoved", 1), ("TakeMoved", 1)];
const SETTLED: &[&str] = &["SettlePositions", "SettleChain", "PlaceDropped", "SettleUnlocked", "SettleTold"];

fn send(session: &Arc<Session>, writer: u32, number: usize, handles: &[u32], move_them: bool) {
    let data = vec![number as u8; LENGTHS[number % LENGTHS.len()]];
    let attached = Attached { handles, move_them };
    session.put_attached(writer, &[&data], number as u32, attached, &mut Until(NEVER)).unwrap().unwrap();
}

/// The next frame; `None`: it was the last.
fn receive(session: &Arc<Session>, reader: u32) -> Option<Taken> {
    match session.take_wait(reader, &mut [0; 4000], Mode::Part, &mut Until(NEVER)) {
        Ok(taken) => taken,
        Err(failure) => {
            assert_eq!(failure.status, NtStatus::PIPE_BROKEN);
            None
        }
    }
}

/// Copies of events, and ends that are moved and exist nowhere else.
pub fn victim_sends(stage: &Stage) {
    let session = &stage.session;
    let writer = session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    stage.begin();
    for number in 0..FRAMES {
        let event = event(session);
        send(session, writer, number, &[event, event, event], false);
        let (inner, inner_writer) = session.create_queue(None, 100).unwrap();
        send(session, inner_writer, 2, &[event], true);
        send(session, writer, number, &[inner, inner_writer], true);
    }
}

pub fn victim_receives(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    for number in 0..FRAMES {
        let taken = receive(&stage.session, reader).unwrap();
        assert_eq!((taken.tag as usize, taken.handles.len()), (number, 3));
    }
}

/// Frames with handles in queues that are broken, left, or lead only to one another.
pub fn victim_drops(stage: &Stage) {
    let session = &stage.session;
    stage.begin();
    let [broken, left, one, other] = [(); 4].map(|()| session.create_queue(None, QUOTA).unwrap());
    for number in 0..FRAMES {
        let handles = [event(session), event(session)];
        send(session, broken.1, number, &handles, false);
        send(session, left.1, number, &handles, true);
    }
    send(session, one.1, 0, &[other.0, left.0], false);
    send(session, other.1, 1, &[one.0, broken.1], false);
    session.break_queue(broken.0, NtStatus::PIPE_DISCONNECTED).unwrap();
    for (reader, writer) in [left, one, other, broken] {
        session.close(reader).unwrap();
        session.close(writer).unwrap();
    }
}

/// Take all that the victim sends, which is whole, and see that what was moved is here and nowhere else.
fn see_all(session: &Arc<Session>, (reader, writer): (u32, u32), victim: &mut Victim) {
    session.close(writer).unwrap();
    std::thread::scope(|scope| {
        let seen = scope.spawn(|| {
            while let Some(taken) = receive(session, reader) {
                let handles: Vec<u32> = taken.handles.iter().map(|one| one.handle).collect();
                if let [inner, inner_writer] = handles[..] {
                    session.close(inner_writer).unwrap();
                    let event = receive(session, inner).unwrap().handles[0].handle;
                    session.set_event(event).unwrap();
                    assert!(receive(session, inner).is_none());
                    session.close(event).unwrap();
                } else {
                    let before: Vec<bool> = handles.iter().map(|event| session.set_event(*event).unwrap()).collect();
                    assert_eq!(before, [false, true, true]);
                }
                handles.iter().for_each(|handle| drop(session.close(*handle)));
            }
        });
        until_waiting(session, 1);
        victim.go();
        seen.join().unwrap();
    });
}

/// Send the only writers of queues, whose readers sleep until they are told of their end.
fn lose_all(session: &Arc<Session>, (reader, writer): (u32, u32), victim: &mut Victim) -> bool {
    std::thread::scope(|scope| {
        for number in 0..FRAMES {
            let (inner, inner_writer) = session.create_queue(None, 100).unwrap();
            let twin = session.duplicate(inner_writer, None, None, false).unwrap();
            send(session, writer, number, &[inner_writer, twin, event(session)], true);
            scope.spawn(move || {
                assert!(receive(session, inner).is_none());
                session.close(inner).unwrap();
            });
        }
        until_waiting(session, FRAMES);
        victim.go();
        let lived = victim.wait();
        session.close(reader).unwrap();
        lived
    })
}

#[test]
fn a_sender_of_handles_killed_at_any_step_sends_all_of_a_frame_s_or_none() {
    sweep("send", Some(QUOTA), BY_SENDING, |session, ends, mut victim| {
        see_all(session, ends, &mut victim);
        victim.wait()
    });
}

#[test]
fn handles_go_with_their_receiver_whenever_it_is_killed() {
    sweep("receive", Some(QUOTA), BY_RECEIVING, |session, ends, mut victim| lose_all(session, ends, &mut victim));
}

#[test]
fn what_frames_carry_goes_with_them_whoever_is_killed_at_it() {
    sweep("drop", None, BY_DROPPING, |_, _, mut victim| {
        victim.go();
        victim.wait()
    });
}

#[test]
fn a_settler_of_a_sender_of_handles_is_succeeded() {
    settle("send", SENDING, SETTLED, |session, ends, mut doomed| {
        see_all(session, ends, &mut doomed);
        assert!(!doomed.wait());
    });
}

#[test]
fn a_settler_of_a_receiver_of_handles_is_succeeded() {
    settle("receive", RECEIVING, SETTLED, |session, ends, mut doomed| {
        assert!(!lose_all(session, ends, &mut doomed));
    });
}

#[test]
fn a_place_that_the_dead_had_emptied_is_not_dropped_when_somebody_uses_it_anew() {
    let path = fresh_path();
    let session = join(&path);
    let mut settler = Victim::start(&path, "settler", "SettleTold", 1);
    session.let_watch(false); // nobody settles in place of the settler while it is stopped
    let writer = session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    let mut doomed = Victim::start(&path, "receive", "TakeHandleMoved", 1);
    settler.go();
    assert_eq!(settler.word().as_deref(), Some("reaping"));
    settler.signal("STOP");
    let event = event(&session);
    send(&session, writer, 0, &[event, event, event], false);
    doomed.go();
    assert!(!doomed.wait());
    // The first place is empty, the other two are not, and nobody has settled that yet.
    let (reader, own) = session.create_queue(None, 100).unwrap();
    send(&session, own, 0, &[event], false);
    settler.signal("CONT");
    while !settler.is_gone() {
        std::thread::yield_now(); // it settles the account of the dead, and dies; waiting at once would tell it to leave before
    }
    session.let_watch(true);
    assert!(!settler.wait());
    let handles = receive(&session, reader).unwrap().handles;
    session.set_event(handles[0].handle).unwrap();
    [handles[0].handle, event, reader, own, writer].iter().for_each(|handle| session.close(*handle).unwrap());
    everything_goes(&session);
}
