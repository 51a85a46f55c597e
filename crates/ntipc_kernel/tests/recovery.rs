//! After a death in the dispatcher lock: what the dead were changing is put right, whether recovery looks at that alone
//! or at everything.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::object::kind::Kind;
use ntipc_kernel::queue::{Mode, Poll, Until};
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::{NtStatus, Session};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::*;

const SEEN: &str = "seen";

fn told(name: &str) -> String {
    std::env::var(format!("NTIPC_VICTIM_{name}")).unwrap()
}

fn start(session: &Session, work: &str, point: &str, pass: i32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--ignored", "--nocapture"])
        .env("NTIPC_VICTIM_SESSION", &session.path)
        .env("NTIPC_VICTIM_WORK", work)
        .env("NTIPC_VICTIM_POINT", point)
        .env("NTIPC_VICTIM_PASS", pass.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A bit of everything that makes, names, frees and counts.
fn everything(session: &Arc<Session>) {
    let long = "x".repeat(300);
    let named: Vec<u32> = (0..3)
        .map(|number| make(session, Kind::SynchronizationEvent, 0, 0, Some(&format!("{number} {long}"))))
        .collect();
    let seen = make(session, Kind::NotificationEvent, 0, 0, Some(SEEN));
    let (reader, writer) = session.create_queue(Some(r"queue\mine"), 10_000).unwrap();
    let (inner, into_inner) = session.create_queue(None, 10_000).unwrap();
    let timer = make(session, Kind::SynchronizationTimer, 0, 0, None);
    let mutex = mutant(session);
    assert!(take(session, mutex));
    assert!(wait(session, &[named[0], timer, mutex], true, 1).unwrap().is_none());
    let attached = ntipc_kernel::queue::Attached { handles: &[inner], move_them: true };
    session.put_attached(writer, &[&[1; 5000]], 0, attached, &mut Poll).unwrap().unwrap();
    session.put_frame(into_inner, &[&[1; 500]], 0).unwrap();
    let twin = session.duplicate(writer, None, None, false).unwrap();
    session.close(writer).unwrap();
    session.close(named[1]).unwrap();
    let taken = session.take_wait(reader, &mut [0; 6000], Mode::Part, &mut Until(now_ns())).unwrap().unwrap();
    assert_eq!(taken.bytes, 5000);
    session.put_frame(twin, &[&[1; 500]], 0).unwrap();
    session.break_queue(twin, NtStatus::PIPE_DISCONNECTED).unwrap();
    session.close(reader).unwrap();
    for handle in [twin, seen, mutex, timer, named[0]] {
        session.close(handle).unwrap();
    }
}

#[test]
#[ignore = "run by the other tests of this file, as a process of its own"]
fn victim() {
    let session = join(&told("SESSION"));
    let arm = || assert!(fault::arm(&told("POINT"), told("PASS").parse().unwrap(), Action::Kill));
    match &told("WORK")[..] {
        "everything" => {
            arm();
            everything(&session);
        }
        "names" => {
            let event = make(&session, Kind::NotificationEvent, 0, 0, Some("short-lived"));
            arm();
            session.close(event).unwrap();
        }
        "queue" => {
            let (reader, writer) = session.create_queue(None, 100).unwrap();
            session.put_frame(writer, &[b"x"], 0).unwrap();
            session.close(writer).unwrap();
            arm();
            session.close(reader).unwrap();
        }
        work => panic!("no work {work}"),
    }
    fault::arm("LockTaken", i32::MAX, Action::Kill);
    session.leave(true).unwrap();
    std::process::exit(0);
}

/// Come back when of all that the dead made nothing is left.
fn until_as_before(session: &Session) {
    let of = |name| session.statistics().iter().find(|(known, _)| *known == name).unwrap().1;
    let participants = || ntipc_kernel::inspect::inspect(&session.path).unwrap().processes.len();
    // An event, the two ends of a queue, and its page.
    while of("objects") != 3 || of("pages_free") + 1 != of("pages_high") || participants() != 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_death_at_any_step_is_put_right_whether_recovery_looks_at_what_was_noted_or_at_everything() {
    for rebuild in [false, true] {
        fault::rebuild_everything(rebuild);
        let session = private();
        let seen = make(&session, Kind::NotificationEvent, 0, 0, Some(SEEN));
        let kept = session.create_queue(Some(r"queue\kept"), 1000).unwrap();
        for pass in (1..).step_by(if rebuild { 7 } else { 1 }) {
            session.put_frame(kept.1, &[b"kept"], 0).unwrap();
            let lived = start(&session, "everything", "*", pass).wait().unwrap().success();
            session.take_frame(kept.0, &mut [0; 10], Mode::Part).unwrap().unwrap();
            // Names and free slots serve at once, whatever is still to be closed for the dead.
            everything_else(&session, pass);
            until_as_before(&session);
            let found = ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings;
            assert_eq!(found, [], "pass {pass}, everything: {rebuild}");
            if lived {
                assert!(pass > 200, "the victim has passed no more than {pass} points");
                break;
            }
        }
        session.close(seen).unwrap();
    }
    fault::rebuild_everything(false);
}

fn everything_else(session: &Arc<Session>, number: i32) {
    let name = format!("mine {number}");
    let event = make(session, Kind::SynchronizationEvent, 0, 0, Some(&name));
    let again = make(session, Kind::SynchronizationEvent, 0, 0, Some(&name));
    assert_ne!(event, again);
    let ends = session.create_queue(None, 100).unwrap();
    session.put_frame(ends.1, &[&[1; 3000]], 0).unwrap();
    for handle in [event, again, ends.0, ends.1] {
        session.close(handle).unwrap();
    }
}

#[test]
#[ignore = "a measurement, of a release build on an idle machine: it prints how long the longest of the others' calls took"]
fn longest_call_beside_a_death_in_a_session_with_many_queues() {
    let count: usize = std::env::var("NTIPC_QUEUES").map_or(100_000, |count| count.parse().unwrap());
    let session = private();
    for _ in 0..count {
        session.create_queue(None, 4096).unwrap();
    }
    for rebuild in [true, false] {
        fault::rebuild_everything(rebuild);
        for (work, point) in [
            ("queue", "CloseCleared"),
            ("queue", "QueueFreed"),
            ("queue", "LockBeforeRelease"),
            ("names", "FreeUnnamed"),
            ("names", "LockBeforeRelease"),
        ] {
            let mut longest: Vec<Duration> = (0..9).map(|_| longest_call(&session, work, point)).collect();
            longest.sort();
            println!("{work} {point}, everything: {rebuild}: {:?} {longest:?}", longest[longest.len() / 2]);
        }
    }
    fault::rebuild_everything(false);
}

fn longest_call(session: &Arc<Session>, work: &str, point: &str) -> Duration {
    let mut victim = start(session, work, point, 1);
    let (mut longest, mut after) = (Duration::ZERO, 0);
    while after < 1000 {
        after += usize::from(after > 0 || victim.try_wait().unwrap().is_some());
        let began = Instant::now();
        let event = manual_event(session);
        session.close(event).unwrap();
        longest = longest.max(began.elapsed());
    }
    victim.wait().unwrap();
    longest
}
