//! Queues: no pages left. Deaths meanwhile: see `queue_deaths`.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::fault::limit_pages;
use ntipc_kernel::queue::{Mode, Until, Waiting, Wanted};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use support::*;

/// What one chunk of pages has, but for page 0.
const PAGES: usize = 63;
const PAGE: usize = 4096;

/// The limit holds for the whole process: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Short(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

fn short_of_pages() -> Short {
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    limit_pages(64);
    Short(turn)
}

impl Drop for Short {
    fn drop(&mut self) {
        limit_pages(u32::MAX);
    }
}

fn put(session: &Arc<Session>, writer: u32, length: usize, until_ns: u64) -> NtResult<bool> {
    Ok(session.put_wait(writer, &[&vec![7; length]], 0, &mut Until(until_ns))?.is_some())
}

fn take(session: &Arc<Session>, reader: u32) -> usize {
    let mut buffer = vec![0; 1 << 20];
    let taken = session.take_wait(reader, &mut buffer, Mode::Part, &mut Until(NEVER)).unwrap().unwrap();
    assert!(buffer[..taken.bytes].iter().all(|byte| *byte == 7));
    taken.bytes
}

#[test]
fn a_put_that_only_looks_fails_and_leaves_the_queue_as_it_was() {
    let _short = short_of_pages();
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 30).unwrap();
    let full = |length| session.put_frame(writer, &[&vec![7; length]], 0).unwrap_err().status;
    assert_eq!(full(PAGES * PAGE + 1), NtStatus::DISK_FULL);
    assert_eq!(full(PAGES * PAGE), NtStatus::DISK_FULL, "the row needs a page too");
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (0, 0));
    assert!(put(&session, writer, (PAGES - 1) * PAGE, NEVER).unwrap());
    // One page is left in the pool: it is none, and the row has room in its own.
    assert!(session.put_frame(writer, &[b"\x07"], 0).unwrap());
    assert_eq!(full(PAGE), NtStatus::DISK_FULL);
    assert_eq!((take(&session, reader), take(&session, reader)), ((PAGES - 1) * PAGE, 1));
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

#[test]
fn a_put_that_waits_goes_on_when_pages_are_given_back() {
    let _short = short_of_pages();
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 30).unwrap();
    let (other, into_other) = session.create_queue(None, 1 << 30).unwrap();
    for _ in 0..3 {
        assert!(put(&session, writer, 60 * PAGE, NEVER).unwrap());
        std::thread::scope(|scope| {
            let large = scope.spawn(|| put(&session, into_other, 50 * PAGE, NEVER).unwrap());
            let small = scope.spawn(|| (0..10).for_each(|_| assert!(put(&session, into_other, 2000, NEVER).unwrap())));
            let mut sum = 0;
            assert_eq!(take(&session, reader), 60 * PAGE);
            for _ in 0..11 {
                sum += take(&session, other);
            }
            assert_eq!(sum, 50 * PAGE + 20_000);
            assert!(large.join().unwrap());
            small.join().unwrap();
        });
    }
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

#[test]
fn want_of_pages_is_told_as_such_when_the_time_is_over() {
    let _short = short_of_pages();
    let session = private();
    let (reader, writer) = session.create_queue(None, 1 << 30).unwrap();
    assert!(put(&session, writer, 60 * PAGE, NEVER).unwrap());
    let began = now_ns();
    let told = put(&session, writer, 10 * PAGE, began + 30_000_000).unwrap_err();
    assert_eq!(told.status, NtStatus::DISK_FULL);
    assert!(now_ns() >= began + 30_000_000);
    assert_eq!(session.waiting_in_queue(reader).unwrap().1, 1);
}

#[test]
fn pages_of_empty_queues_serve_others_and_the_queues_go_on() {
    let _short = short_of_pages();
    let session = private();
    let ends: Vec<(u32, u32)> = (0..50).map(|_| session.create_queue(None, 1 << 30).unwrap()).collect();
    for round in 0..3 {
        for (reader, writer) in &ends {
            assert!(put(&session, *writer, 100, NEVER).unwrap());
            if round != 1 || *reader != ends[7].0 {
                assert_eq!(take(&session, *reader), 100);
            }
        }
        let (reader, writer) = session.create_queue(None, 1 << 30).unwrap();
        assert!(put(&session, writer, 50 * PAGE, NEVER).unwrap());
        assert_eq!(take(&session, reader), 50 * PAGE);
        session.close(reader).unwrap();
        session.close(writer).unwrap();
        assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
    }
    assert_eq!(take(&session, ends[7].0), 100, "what was in a queue was left there");
}

#[test]
fn whoever_waits_for_pages_keeps_nobody_from_what_needs_none() {
    let _short = short_of_pages();
    // It needs no turn, or has one.
    for length in [300, 600] {
        let session = private();
        let (reader, writer) = session.create_queue(None, 2_000).unwrap();
        let (other, into_other) = session.create_queue(None, 1 << 30).unwrap();
        // The page has room for 150 bytes more, and the pool has no other.
        assert!(put(&session, writer, 1_900, NEVER).unwrap());
        assert_eq!(take(&session, reader), 1_900);
        assert!(put(&session, writer, 1_000, NEVER).unwrap());
        assert!(put(&session, writer, 900, NEVER).unwrap());
        assert!(put(&session, into_other, (PAGES - 2) * PAGE, NEVER).unwrap());
        std::thread::scope(|scope| {
            let session = &session;
            let first = scope.spawn(move || put(session, writer, length, NEVER).unwrap());
            until_waiting(session, 1);
            let second = scope.spawn(move || put(session, writer, 150, now_ns() + 5_000_000_000).unwrap());
            until_waiting(session, 2);
            assert_eq!(take(session, reader), 1_000);
            let put = second.join().unwrap();
            assert_eq!(take(session, other), (PAGES - 2) * PAGE);
            assert!(first.join().unwrap());
            assert!(put, "there was room for it, and it slept");
        });
    }
}

/// While it waits for pages somebody else puts something.
struct OthersPut {
    into: u32,
    put: Option<NtResult<bool>>,
}

impl Waiting for OthersPut {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, _: &Arc<Session>, _: &Wanted) -> NtResult<bool> {
        Ok(false)
    }

    fn wait_for_pages(&mut self, session: &Arc<Session>, _: u32) -> NtResult<bool> {
        let into = self.into;
        self.put =
            std::thread::scope(|scope| scope.spawn(|| session.put_frame(into, &[&[7; 10 * PAGE]], 0)).join().ok());
        Ok(false)
    }
}

#[test]
fn whoever_waits_for_pages_holds_none() {
    let _short = short_of_pages();
    let session = private();
    let (_reader, writer) = session.create_queue(None, 1 << 30).unwrap();
    let (other, into) = session.create_queue(None, 1 << 30).unwrap();
    let mut waiting = OthersPut { into, put: None };
    // The data has all pages, and the row needs one.
    let told = session.put_wait(writer, &[&vec![7; PAGES * PAGE]], 0, &mut waiting).unwrap_err();
    assert_eq!(told.status, NtStatus::DISK_FULL);
    assert!(matches!(waiting.put, Some(Ok(true))), "{:?}", waiting.put);
    assert_eq!(take(&session, other), 10 * PAGE);
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}
