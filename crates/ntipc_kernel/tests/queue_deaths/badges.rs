//! One that puts with badges, or takes such frames and the notices, while the other side goes on.

use crate::support::private;
use crate::sweep::{NAME, Stage, Victim, everything_goes, sweep};
use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Attached, Mode, NewQueue, Until};
use ntipc_kernel::sys::clock::NEVER;
use ntipc_kernel::{NtStatus, Session};
use std::collections::HashMap;
use std::sync::Arc;

const QUOTA: u64 = u64::MAX;
const BADGES: u64 = 3;
const FRAMES: u64 = 3;
/// Survivors' numbers are above.
const OTHERS: u64 = 100;

pub const BY_BADGES: &[&str] =
    &["BadgeMade", "BadgeCounted", "BadgeRevoked", "NoticeMarked", "NoticeListed", "NoticeTaken"];

/// Put frames of each length with badges, and close them: by hand, or by the death.
pub fn victim_puts_with_badges(stage: &Stage) {
    let session = &stage.session;
    let reader = session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    for number in 0..BADGES {
        let badge = session.make_badge(reader, number).unwrap();
        for frame in 0..FRAMES {
            let data = vec![frame as u8; [8, 3000, 500][frame as usize]];
            session.put_wait(badge.handle, &[&data], frame as u32, &mut Until(NEVER)).unwrap().unwrap();
        }
        if number == 1 {
            session.revoke_badge(reader, badge, number).unwrap();
        }
        session.close(badge.handle).unwrap();
    }
    session.close(reader).unwrap();
}

/// Take whatever comes, frames and notices alike.
pub fn victim_takes_with_badges(stage: &Stage) {
    let session = &stage.session;
    let reader = session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    let mut buffer = vec![0; 4000];
    for _ in 0..6 {
        session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)).unwrap();
    }
    session.close(reader).unwrap();
}

/// Frames of each badge in order, and notices: none twice, nothing after one. `last`: take until that number's notice
/// has come.
fn take_until(session: &Arc<Session>, reader: u32, last: u64) -> HashMap<u64, (Vec<u32>, bool)> {
    let mut seen: HashMap<u64, (Vec<u32>, bool)> = HashMap::new();
    let mut buffer = vec![0; 4000];
    loop {
        let taken = session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
        let (number, _) = taken.badge().unwrap();
        let (frames, closed) = seen.entry(number).or_default();
        assert!(!*closed, "something of badge {number} came after its notice");
        match taken.closed() {
            true => *closed = true,
            false => frames.push(taken.tag),
        }
        if taken.closed() && number == last {
            return seen;
        }
    }
}

#[test]
fn each_badge_of_the_dead_is_told_of_once_and_last() {
    sweep("badge", Some(QUOTA), BY_BADGES_OF_A_WRITER, |session, (reader, writer), mut victim| {
        victim.go();
        let lived = victim.wait();
        // The reaper closes its handles; the marker comes after that.
        while session.query_queue(reader, Type::ReadEnd).unwrap().readers > 1 {
            std::thread::yield_now();
        }
        let marker = session.make_badge(reader, OTHERS).unwrap();
        session.close(marker.handle).unwrap();
        let seen = take_until(session, reader, OTHERS);
        for (number, (frames, closed)) in seen {
            let expected: Vec<u32> = (0..frames.len() as u32).collect();
            assert_eq!(frames, expected, "badge {number}");
            assert!(closed, "no notice of badge {number}");
        }
        session.close(reader).unwrap();
        session.close(writer).unwrap();
        lived
    });
}

const BY_BADGES_OF_A_WRITER: &[&str] = &["BadgeMade", "BadgeRevoked", "NoticeMarked", "NoticeListed"];

#[test]
fn frames_and_notices_that_the_dead_did_not_take_come_to_the_next() {
    sweep("badge reader", Some(QUOTA), &["NoticeTaken", "BadgeCounted"], |session, (reader, writer), mut victim| {
        for number in 0..BADGES {
            let badge = session.make_badge(reader, number).unwrap();
            for frame in 0..FRAMES {
                session.put_frame(badge.handle, &[&[0; 100]], frame as u32).unwrap();
            }
            session.close(badge.handle).unwrap();
        }
        victim.go();
        let lived = victim.wait();
        while session.query_queue(reader, Type::ReadEnd).unwrap().readers > 1 {
            std::thread::yield_now();
        }
        let marker = session.make_badge(reader, OTHERS).unwrap();
        session.close(marker.handle).unwrap();
        let seen = take_until(session, reader, OTHERS);
        let came: usize = seen.values().map(|(frames, closed)| frames.len() + usize::from(*closed)).sum();
        // Of twelve, and the marker, it took six at most.
        assert!((7..=13).contains(&came), "{came}");
        session.close(reader).unwrap();
        session.close(writer).unwrap();
        lived
    });
}

/// Asks through a badge of its own, which it has from the queue itself.
pub fn victim_asks_with_a_badge(stage: &Stage) {
    let session = &stage.session;
    let reader = session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    let badge = session.make_badge(reader, 0).unwrap();
    session.close(reader).unwrap();
    stage.begin();
    for _ in 0..2 {
        let answer = session.call(badge.handle, &[b"?"], 0, Attached::NOTHING, &mut Until(NEVER)).unwrap().unwrap();
        answer.take(&mut [0; 10], &mut Until(NEVER)).unwrap();
    }
    session.close(badge.handle).unwrap();
}

#[test]
fn the_notice_comes_after_the_last_request_of_the_dead() {
    sweep(
        "badge asks",
        Some(QUOTA),
        &["CallNoted", "PutPublished"],
        |session, (reader, writer), mut victim: Victim| {
            victim.go();
            let (mut buffer, mut requests) = ([0; 10], 0);
            loop {
                let taken = session.take_wait(reader, &mut buffer, Mode::Whole, &mut Until(NEVER)).unwrap().unwrap();
                assert_eq!(taken.badge().unwrap().0, 0);
                if taken.closed() {
                    break;
                }
                requests += 1;
                match session.reply(taken.correlation, &[b"!"], 0, Attached::NOTHING, &mut Until(NEVER)) {
                    Ok(()) => {}
                    Err(failure) => assert_eq!(failure.status, NtStatus::REPLY_MESSAGE_MISMATCH), // it died
                }
                assert!(requests <= 2);
            }
            session.close(reader).unwrap();
            session.close(writer).unwrap();
            victim.wait()
        },
    );
}

#[test]
fn a_badge_of_a_queue_that_died_leads_nowhere() {
    sweep("refuse badges", Some(QUOTA), &["BadgeCounted"], |session, (reader, writer), mut victim| {
        let badge = session.make_badge(reader, 7).unwrap();
        session.close(reader).unwrap();
        session.close(writer).unwrap();
        victim.go();
        let lived = victim.wait();
        let refused = || session.put_frame(badge.handle, &[b"x"], 0);
        while refused().is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(refused().unwrap_err().status, NtStatus::PIPE_CLOSING);
        session.close(badge.handle).unwrap();
        lived
    });
}

/// Holds the only handles to a queue with badges, and closes them.
pub fn victim_leaves_badges(stage: &Stage) {
    let session = &stage.session;
    let reader = session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    let writer = session.open_queue(NAME, Type::WriteEnd, 0).unwrap();
    let own = session.make_badge(reader, 1).unwrap();
    session.close(own.handle).unwrap();
    stage.begin();
    session.close(reader).unwrap();
    session.close(writer).unwrap();
}

/// Leaves a queue, and what lies in it, to those who put it there.
pub fn victim_leaves_frames_of_badges(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.begin();
    stage.session.close(reader).unwrap();
}

#[test]
fn badges_do_not_count_what_is_thrown_away_whoever_is_killed_at_it() {
    let expected = ["EndUnnamed", "DrainNamed", "DrainMoved", "PoolApplied"];
    sweep("leave badges", Some(QUOTA), &expected, |session, (reader, writer), mut victim| {
        let badges = [1, 2].map(|number| session.make_badge(reader, number).unwrap().handle);
        for (badge, length) in [(0, 8), (1, 3000), (0, 500), (1, 0)] {
            session.put_frame(badges[badge], &[&vec![7; length]], 0).unwrap();
        }
        session.close(reader).unwrap();
        victim.go();
        let lived = victim.wait();
        while session.put_frame(badges[0], &[b"x"], 0).is_ok() {
            std::thread::yield_now(); // the reaper closes its handle
        }
        assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
        for handle in badges.into_iter().chain([writer]) {
            session.close(handle).unwrap();
        }
        lived
    });
}

/// Puts one frame through a badge, and stops before it counts it.
pub fn victim_stops_before_its_badge_counts(stage: &Stage) {
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    let badge = stage.session.make_badge(reader, 1).unwrap();
    stage.session.close(reader).unwrap();
    stage.say("ready");
    stage.hear();
    assert!(fault::arm("PutPublished", 1, Action::Stop));
    stage.session.put_frame(badge.handle, &[b"late"], 0).unwrap();
    stage.say("put");
    stage.hear();
}

/// The queue is emptied while a writer has published its frame and not counted it; the writer goes on, or is killed
/// there.
#[test]
fn a_frame_thrown_away_before_it_is_counted_leaves_its_badge_at_nothing() {
    for killed in [false, true] {
        let session = private();
        let new = NewQueue { quota: QUOTA, badge_quota: 1 << 20, ..NewQueue::default() };
        let made = session.make_queue(Some(NAME), Disposition::Create, 0, new).unwrap();
        let own = session.make_badge(made.reader, 2).unwrap().handle; // keeps the queue
        session.put_frame(own, &[b"early"], 0).unwrap();
        let mut victim = Victim::start(&session.path, "stop badge", "PutPublished", 1);
        victim.go();
        while !victim.is_stopped() {
            std::thread::yield_now();
        }
        session.close(made.reader).unwrap();
        victim.signal(if killed { "KILL" } else { "CONT" });
        assert_eq!(victim.word().as_deref(), (!killed).then_some("put"));
        assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
        victim.go();
        assert_eq!(victim.wait(), !killed);
        session.close(own).unwrap();
        session.close(made.writer).unwrap();
        everything_goes(&session);
    }
}
