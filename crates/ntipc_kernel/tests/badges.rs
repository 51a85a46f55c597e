//! Badged write ends: whose frames are whose, the notice of the end, revoking, room of one's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Attached, Badge, Mode, NewQueue, Poll, Taken, Until};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;
use std::thread;
use support::*;

const QUOTA: u64 = 4096;

/// A queue for badges: its read end and its plain write end.
fn queue(session: &Arc<Session>) -> (u32, u32) {
    let new = NewQueue { quota: u64::MAX, badge_quota: QUOTA, ..NewQueue::default() };
    let made = session.make_queue(None, Disposition::Create, 0, new).unwrap();
    (made.reader, made.writer)
}

/// Late enough for what is to come at once: a test fails then, and does not hang.
fn soon() -> u64 {
    now_ns() + 20_000_000_000
}

fn put(session: &Arc<Session>, writer: u32, data: &[u8]) {
    assert!(session.put_frame(writer, &[data], 0).unwrap());
}

fn take(session: &Arc<Session>, reader: u32) -> Option<(Vec<u8>, Taken)> {
    let mut buffer = vec![0; 10_000];
    let taken = session.take_frame(reader, &mut buffer, Mode::Whole).unwrap()?;
    Some((buffer[..taken.bytes].to_vec(), taken))
}

/// The badge of the next frame, and its data; `None` for the data of a notice.
fn next(session: &Arc<Session>, reader: u32) -> (Option<u64>, Option<Vec<u8>>) {
    let (data, taken) = take(session, reader).unwrap();
    (taken.badge().map(|(number, _)| number), (!taken.closed()).then_some(data))
}

#[test]
fn a_frame_bears_the_badge_of_its_end() {
    let session = private();
    let (reader, writer) = queue(&session);
    let [one, two] = [11, u64::MAX].map(|number| session.make_badge(reader, number).unwrap());
    put(&session, two.handle, b"two");
    put(&session, writer, b"plain");
    put(&session, one.handle, &[7; 3000]);
    assert_eq!(next(&session, reader), (Some(u64::MAX), Some(b"two".to_vec())));
    assert_eq!(next(&session, reader), (None, Some(b"plain".to_vec())));
    assert_eq!(next(&session, reader), (Some(11), Some(vec![7; 3000])));
    assert!(take(&session, reader).is_none());
}

#[test]
fn the_notice_comes_once_and_after_all_frames() {
    let session = private();
    let (reader, writer) = queue(&session);
    let badges = [1, 2, 3].map(|number| session.make_badge(reader, number).unwrap());
    let copy = session.duplicate(badges[0].handle, None, None, false).unwrap();
    put(&session, badges[1].handle, b"a");
    session.close(badges[1].handle).unwrap();
    put(&session, badges[2].handle, b"b");
    session.close(badges[0].handle).unwrap();
    session.close(badges[2].handle).unwrap();
    put(&session, copy, b"c");
    session.close(copy).unwrap();
    put(&session, writer, b"d");
    let said: Vec<_> = (0..7).map(|_| next(&session, reader)).collect();
    let data = |bytes: &[u8]| Some(bytes.to_vec());
    let expected = [
        (Some(2), data(b"a")),
        (Some(2), None),
        (Some(3), data(b"b")),
        (Some(3), None),
        (Some(1), data(b"c")),
        (Some(1), None),
        (None, data(b"d")),
    ];
    assert_eq!(said, expected);
    assert!(take(&session, reader).is_none());
    assert_eq!(session.statistics().iter().find(|(name, _)| *name == "objects").unwrap().1, 2);
}

#[test]
fn a_reader_that_sleeps_is_told_of_the_end() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 5).unwrap();
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let taken = session.take_wait(reader, &mut [0; 10], Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
            (taken.badge().map(|(number, _)| number), taken.closed())
        });
        until_waiting(&session, 1);
        session.close(badge.handle).unwrap();
        assert_eq!(reading.join().unwrap(), (Some(5), true));
    });
}

#[test]
fn a_full_badge_keeps_nobody_else_from_putting() {
    let session = private();
    let (reader, writer) = queue(&session);
    let [flood, other] = [1, 2].map(|number| session.make_badge(reader, number).unwrap().handle);
    let mut count = 0;
    while session.put_frame(flood, &[&[0; 100]], 0).unwrap() {
        count += 1;
    }
    assert!((10..=QUOTA / 100).contains(&count), "{count}");
    put(&session, other, b"fits");
    put(&session, writer, b"fits");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| session.put_wait(flood, &[&[1; 1000]], 0, &mut Until(NEVER)).unwrap());
        until_waiting(&session, 1);
        put(&session, other, b"fits as well");
        while !waiting.is_finished() {
            take(&session, reader);
        }
        assert!(waiting.join().unwrap().is_some());
    });
    // A frame longer than the quota goes when nothing of that badge is unread.
    while take(&session, reader).is_some() {}
    put(&session, flood, &[1; 9000]);
    assert!(!session.put_frame(flood, &[b"x"], 0).unwrap());
    assert!(take(&session, reader).is_some());
    put(&session, flood, b"x");
}

#[test]
fn a_revoked_badge_puts_nothing_and_its_calls_are_lost() {
    let session = private();
    let (reader, writer) = queue(&session);
    let [one, two] = [1, 2].map(|number| session.make_badge(reader, number).unwrap());
    thread::scope(|scope| {
        let call = |badge: Badge| {
            let session = &session;
            move || {
                let answer = session.call(badge.handle, &[b"?"], 0, Attached::NOTHING, &mut Until(NEVER));
                answer.map(|answer| answer.unwrap().length).map_err(|failure| failure.status)
            }
        };
        let lost = scope.spawn(call(one));
        let (_, first) = loop {
            if let Some(taken) = take(&session, reader) {
                break taken;
            }
        };
        assert!(session.is_awaited_reply(first.correlation));
        let queued = scope.spawn(call(one));
        let answered = scope.spawn(call(two));
        while session.waiting_in_queue(reader).unwrap().1 < 2 {
            thread::yield_now();
        }
        session.revoke_badge(reader, one, 1).unwrap();
        assert_eq!(lost.join().unwrap(), Err(NtStatus::LPC_REPLY_LOST));
        assert_eq!(queued.join().unwrap(), Err(NtStatus::LPC_REPLY_LOST));
        assert!(!session.is_awaited_reply(first.correlation));
        for _ in 0..2 {
            let (_, taken) = take(&session, reader).unwrap();
            let replied = session.reply(taken.correlation, &[b"!"], 0, Attached::NOTHING, &mut Poll);
            assert_eq!(replied.is_ok(), taken.badge().unwrap().0 == 2, "{replied:?}");
        }
        assert_eq!(answered.join().unwrap(), Ok(1));
    });
    let refused = session.put_frame(one.handle, &[b"x"], 0).unwrap_err();
    assert_eq!(refused.status, NtStatus::PORT_DISCONNECTED);
    put(&session, two.handle, b"unaffected");
    session.close(one.handle).unwrap();
    assert_eq!(next(&session, reader).0, Some(2));
    assert_eq!(next(&session, reader), (Some(1), None));
    assert!(take(&session, reader).is_none());
    let _ = writer;
}

#[test]
fn a_writer_that_waits_for_room_is_told_that_its_badge_was_revoked() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 1).unwrap();
    while session.put_frame(badge.handle, &[&[0; 1000]], 0).unwrap() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| session.put_wait(badge.handle, &[&[1; 1000]], 0, &mut Until(NEVER)));
        until_waiting(&session, 1);
        session.revoke_badge(reader, badge, 1).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap_err().status, NtStatus::PORT_DISCONNECTED);
    });
}

#[test]
fn a_badge_is_revoked_by_its_own_number_only() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let old = session.make_badge(reader, 1).unwrap();
    session.close(old.handle).unwrap();
    assert!(take(&session, reader).unwrap().1.closed());
    let new = session.make_badge(reader, 2).unwrap();
    assert_eq!(new.object, old.object);
    session.revoke_badge(reader, old, 1).unwrap();
    session.revoke_badge(reader, new, 7).unwrap();
    put(&session, new.handle, b"still here");
}

#[test]
fn ends_that_outlive_their_queue_lead_nowhere_and_leave_nothing() {
    let session = private();
    let (reader, writer) = queue(&session);
    let badges: Vec<Badge> = (0..50).map(|number| session.make_badge(reader, number).unwrap()).collect();
    session.close(badges[0].handle).unwrap(); // its notice is for nobody
    session.close(reader).unwrap();
    session.close(writer).unwrap();
    let (other_reader, _other) = queue(&session);
    for badge in &badges[1..] {
        let refused = session.put_frame(badge.handle, &[b"x"], 0).unwrap_err();
        assert_eq!(refused.status, NtStatus::PIPE_CLOSING);
        session.close(badge.handle).unwrap();
    }
    assert!(take(&session, other_reader).is_none());
    assert_eq!(session.statistics().iter().find(|(name, _)| *name == "objects").unwrap().1, 2);
}

/// Short and long frames, and one that was read in part: each lay in the queue when its last reader went.
#[test]
fn a_badge_does_not_count_what_was_thrown_away() {
    let session = private();
    let (reader, writer) = queue(&session);
    let badges = [1, 2].map(|number| session.make_badge(reader, number).unwrap().handle);
    for (badge, length) in [(0, 300), (1, 0), (0, 1), (1, 1000)] {
        put(&session, badges[badge], &vec![7; length]);
    }
    assert_eq!(session.take_frame(reader, &mut [0; 100], Mode::Part).unwrap().unwrap().left, 200);
    session.close(reader).unwrap();
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
    for handle in badges.into_iter().chain([writer]) {
        session.close(handle).unwrap();
    }
}

#[test]
fn a_plain_queue_has_no_badges() {
    let session = private();
    let (reader, _writer) = session.create_queue(None, 100).unwrap();
    assert_eq!(session.make_badge(reader, 1).unwrap_err().status, NtStatus::INVALID_PARAMETER);
}

/// Many badges that come and go while threads put through others: each notice once, after its own frames.
#[test]
fn notices_are_in_order_among_many_writers() {
    let session = private();
    let (reader, writer) = queue(&session);
    let (writers, rounds) = (4_u64, 200_u64);
    thread::scope(|scope| {
        for thread in 0..writers {
            let session = &session;
            scope.spawn(move || {
                for round in 0..rounds {
                    let badge = session.make_badge(reader, thread << 32 | round).unwrap();
                    for frame in 0..round % 4 {
                        session.put_wait(badge.handle, &[&frame.to_le_bytes()], 0, &mut Until(NEVER)).unwrap().unwrap();
                    }
                    session.close(badge.handle).unwrap();
                }
            });
        }
        let mut ended = std::collections::HashMap::new();
        let mut seen = std::collections::HashMap::<u64, u64>::new();
        while (ended.len() as u64) < writers * rounds {
            let mut buffer = [0; 8];
            let taken = session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
            let (badge, _) = taken.badge().unwrap();
            assert!(!ended.contains_key(&badge), "something came after the notice");
            match taken.closed() {
                true => _ = ended.insert(badge, seen.get(&badge).copied().unwrap_or(0)),
                false => *seen.entry(badge).or_default() += 1,
            }
        }
        for (badge, frames) in ended {
            assert_eq!(frames, (badge & 0xffff_ffff) % 4);
        }
    });
    let _ = writer;
}

#[test]
fn a_writer_that_waits_for_room_is_told_that_its_handle_was_closed() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 1).unwrap();
    while session.put_frame(badge.handle, &[&[0; 1000]], 0).unwrap() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| session.put_wait(badge.handle, &[&[1; 1000]], 0, &mut Until(soon())));
        until_waiting(&session, 1);
        session.close(badge.handle).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap_err().status, NtStatus::INVALID_HANDLE);
    });
}

/// What is answered by a request of its own, as a callback is, belongs to the connection all the same.
#[test]
fn a_call_through_another_queue_is_lost_with_the_badge_that_it_belongs_to() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let (other_reader, other) = session.create_queue(None, 1000).unwrap();
    let badge = session.make_badge(reader, 1).unwrap();
    let call = || {
        let made = session.call_within(badge.handle, other, &[b"result"], 0, Attached::NOTHING, &mut Until(soon()));
        made.map(|answer| answer.is_some()).map_err(|failure| failure.status)
    };
    thread::scope(|scope| {
        let calling = scope.spawn(call);
        while take(&session, other_reader).is_none() {
            thread::yield_now();
        }
        session.revoke_badge(reader, badge, 1).unwrap();
        assert_eq!(calling.join().unwrap(), Err(NtStatus::LPC_REPLY_LOST));
    });
    assert_eq!(call(), Err(NtStatus::PORT_DISCONNECTED));
    assert!(take(&session, other_reader).is_none());
}

#[test]
fn a_call_outlives_its_badge_and_is_not_lost_with_the_next_one() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let old = session.make_badge(reader, 1).unwrap();
    thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let made = session.call(old.handle, &[b"?"], 0, Attached::NOTHING, &mut Until(soon()));
            made.map(|answer| answer.map(|answer| answer.length)).map_err(|failure| failure.status)
        });
        let request = loop {
            if let Some((_, taken)) = take(&session, reader) {
                break taken.correlation;
            }
        };
        until_waiting(&session, 1);
        session.close(old.handle).unwrap();
        assert!(take(&session, reader).unwrap().1.closed());
        let new = session.make_badge(reader, 2).unwrap();
        assert_eq!(new.object, old.object);
        session.revoke_badge(reader, new, 2).unwrap();
        session.reply(request, &[b"!"], 0, Attached::NOTHING, &mut Poll).unwrap();
        assert_eq!(calling.join().unwrap(), Ok(Some(1)));
    });
}

#[test]
fn a_request_that_is_given_up_is_lost_unless_it_was_answered() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 1).unwrap();
    for answered in [false, true] {
        thread::scope(|scope| {
            let calling = scope.spawn(|| {
                let made = session.call(badge.handle, &[b"?"], 0, Attached::NOTHING, &mut Until(soon()));
                made.map(|answer| answer.map(|answer| answer.length)).map_err(|failure| failure.status)
            });
            let request = loop {
                if let Some((_, taken)) = take(&session, reader) {
                    break taken.correlation;
                }
            };
            if answered {
                session.reply(request, &[b"!"], 0, Attached::NOTHING, &mut Poll).unwrap();
            }
            session.give_up_request(request).unwrap();
            assert_eq!(calling.join().unwrap(), if answered { Ok(Some(1)) } else { Err(NtStatus::LPC_REPLY_LOST) });
            session.give_up_request(request).unwrap(); // long over
        });
    }
}

#[test]
fn what_one_badge_puts_beyond_its_quota_is_bounded() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let [flood, other] = [1, 2].map(|number| session.make_badge(reader, number).unwrap().handle);
    while session.put_frame(flood, &[b""], 0).unwrap() {}
    let beyond = (0..10_000).take_while(|_| session.put_beyond(flood, &[b""], 0, &mut Poll).unwrap().is_some()).count();
    assert!((10..1000).contains(&beyond), "{beyond}");
    assert!(session.put_beyond(other, &[b""], 0, &mut Poll).unwrap().is_some());
    while take(&session, reader).is_some() {}
    assert!(session.put_beyond(flood, &[b""], 0, &mut Poll).unwrap().is_some());
}

#[test]
fn a_notice_is_nothing_to_look_at() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 1).unwrap();
    session.close(badge.handle).unwrap();
    for mode in [Mode::Peek, Mode::PeekStream, Mode::Stranded] {
        assert!(session.take_frame(reader, &mut [0; 8], mode).unwrap().is_none());
        assert!(session.take_wait(reader, &mut [0; 8], mode, &mut Until(soon())).unwrap().is_none());
    }
    assert!(take(&session, reader).unwrap().1.closed());
}

#[test]
fn a_badge_is_there_until_its_notice_is_taken() {
    let session = private();
    let (reader, _writer) = queue(&session);
    let badge = session.make_badge(reader, 1).unwrap();
    assert!(!session.has_badge(reader, badge, 2).unwrap());
    session.close(badge.handle).unwrap();
    assert!(session.has_badge(reader, badge, 1).unwrap());
    assert!(take(&session, reader).unwrap().1.closed());
    assert!(!session.has_badge(reader, badge, 1).unwrap());
    session.make_badge(reader, 1).unwrap();
    assert!(!session.has_badge(reader, badge, 1).unwrap());
}
