//! Queues: who is told, and in which order, when several wait for the same end.
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::dispatch::wait::{Slumber, Started};
use ntipc_kernel::queue::{Mode, Poll, Until, Waiting, Wanted};
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;
use support::*;

const DEADLINES: [u64; 2] = [NEVER, 30_000_000];

fn put(session: &Arc<Session>, writer: u32, length: usize) -> NtResult<bool> {
    Ok(session.put_wait(writer, &[&vec![1; length]], length as u32, &mut Until(NEVER))?.is_some())
}

fn take(session: &Arc<Session>, reader: u32) -> NtResult<usize> {
    Ok(session.take_wait(reader, &mut [0; 10_000], Mode::Part, &mut Until(NEVER))?.unwrap().bytes)
}

fn waiting(session: &Arc<Session>) -> usize {
    let picture = ntipc_kernel::inspect::inspect(&session.path).unwrap();
    picture.threads.iter().filter(|thread| matches!(thread.state, "waiting" | "sleeping")).count()
}

/// Threads that do the same, each asleep before the next begins.
fn asleep<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    session: &Arc<Session>,
    work: Vec<Box<dyn FnOnce() -> T + Send + 'env>>,
) -> Vec<ScopedJoinHandle<'scope, T>>
where
    'env: 'scope,
{
    let before = waiting(session);
    let begin = |(place, work)| {
        let thread = scope.spawn(work);
        until_waiting(session, before + place + 1);
        thread
    };
    work.into_iter().enumerate().map(begin).collect()
}

#[test]
fn a_frame_that_waits_for_much_room_is_not_overtaken() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    for _ in 0..10 {
        put(&session, writer, 100).unwrap();
    }
    std::thread::scope(|scope| {
        let session = &session;
        let putting =
            |length| Box::new(move || put(session, writer, length).unwrap()) as Box<dyn FnOnce() -> bool + Send>;
        asleep(scope, session, vec![putting(900), putting(50), putting(60), putting(2_000), putting(70)]);
        for left in (1..10).rev() {
            assert_eq!(take(session, reader).unwrap(), 100);
            if left > 1 {
                assert_eq!(waiting(session), 5);
                assert!(!session.put_frame(writer, &[&[1; 50]], 0).unwrap(), "nobody overtakes without waiting either");
            }
        }
        let rest: Vec<usize> = (0..6).map(|_| take(session, reader).unwrap()).collect();
        assert_eq!(rest[..2], [100, 900]);
        let mut others = rest[2..].to_vec(); // the small ones compete
        others.sort_unstable();
        assert_eq!(others, [50, 60, 70, 2_000]);
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_next_go_on() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    put(&session, writer, 1_000).unwrap();
    std::thread::scope(|scope| {
        let session = &session;
        let late = move || {
            let mut until = Until(now_ns() + DEADLINES[1]);
            session.put_wait(writer, &[&[1; 3_000]], 0, &mut until).unwrap().is_some()
        };
        let small = move || put(session, writer, 10).unwrap();
        let threads = asleep(scope, session, vec![Box::new(late) as Box<dyn FnOnce() -> bool + Send>]);
        let small = scope.spawn(small);
        threads.into_iter().for_each(|thread| assert!(!thread.join().unwrap()));
        assert_eq!(take(session, reader).unwrap(), 1_000);
        assert!(small.join().unwrap());
        assert_eq!(take(session, reader).unwrap(), 10);
    });
}

/// Waits, and fails when it is told something.
struct Interrupted(Until);

impl Waiting for Interrupted {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> NtResult<bool> {
        self.0.wait(session, wanted)?;
        Err(NtStatus::PROCESS_IS_TERMINATING.into())
    }

    fn wait_for_pages(&mut self, _: &Arc<Session>, _: u32) -> NtResult<bool> {
        Err(NtStatus::PROCESS_IS_TERMINATING.into())
    }
}

#[test]
fn an_operation_that_is_interrupted_after_it_was_told_does_nothing_and_tells_the_next() {
    for length in [500, 5_000] {
        let session = private();
        let (reader, writer) = session.create_queue(None, 1_000).unwrap();
        put(&session, writer, 1_000).unwrap();
        std::thread::scope(|scope| {
            let session = &session;
            let interrupted = move || {
                session.put_wait(writer, &[&vec![1; length]], 0, &mut Interrupted(Until(NEVER))).unwrap_err();
                true
            };
            let next = move || put(session, writer, 7).unwrap();
            asleep(scope, session, vec![Box::new(interrupted) as Box<dyn FnOnce() -> bool + Send>, Box::new(next)]);
            assert_eq!(take(session, reader).unwrap(), 1_000);
            assert_eq!(take(session, reader).unwrap(), 7);
        });
        std::thread::scope(|scope| {
            let session = &session;
            let interrupted = move || {
                let mut buffer = [0; 100];
                session.take_wait(reader, &mut buffer, Mode::Part, &mut Interrupted(Until(NEVER))).unwrap_err();
                0_usize
            };
            let next = move || take(session, reader).unwrap();
            let work = vec![Box::new(interrupted) as Box<dyn FnOnce() -> usize + Send>, Box::new(next)];
            let threads = asleep(scope, session, work);
            put(session, writer, length).unwrap();
            let taken: Vec<usize> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert_eq!(taken, [0, length]);
        });
        assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
    }
}

#[test]
fn one_reader_is_told_of_one_frame() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    std::thread::scope(|scope| {
        let session = &session;
        let take_one = || Box::new(move || take(session, reader).unwrap()) as Box<dyn FnOnce() -> usize + Send>;
        let threads = asleep(scope, session, vec![take_one(), take_one(), take_one()]);
        for (left, (length, thread)) in
            [10, 20, 30].into_iter().zip(threads).enumerate().map(|(done, each)| (2 - done, each))
        {
            put(session, writer, length).unwrap();
            assert_eq!(thread.join().unwrap(), length);
            assert_eq!(waiting(session), left);
        }
    });
}

#[test]
fn a_reader_that_leaves_something_tells_the_next_and_one_that_only_looks_tells_all() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    for mode in [Mode::Part, Mode::Stream, Mode::Whole, Mode::Peek] {
        std::thread::scope(|scope| {
            let session = &session;
            let take_some = || {
                let part = move || {
                    let mut buffer = [0; 10];
                    session.take_wait(reader, &mut buffer, mode, &mut Until(NEVER)).unwrap().unwrap();
                };
                Box::new(part) as Box<dyn FnOnce() + Send>
            };
            asleep(scope, session, vec![take_some(), take_some(), take_some()]);
            put(session, writer, 30).unwrap();
        });
        let mut rest = [0; 100];
        let _ = session.take_frame(reader, &mut rest, Mode::Part).unwrap();
    }
}

#[test]
fn everybody_is_told_of_the_end() {
    let session = private();
    for broken in [false, true] {
        let (reader, writer) = session.create_queue(None, 100).unwrap();
        std::thread::scope(|scope| {
            let session = &session;
            let take_one =
                || Box::new(move || take(session, reader).unwrap_err()) as Box<dyn FnOnce() -> Failure + Send>;
            asleep(scope, session, vec![take_one(), take_one(), take_one()]);
            match broken {
                true => session.break_queue(reader, NtStatus::PIPE_DISCONNECTED).unwrap(),
                false => session.close(writer).unwrap(),
            }
        });
        let (reader, writer) = session.create_queue(None, 100).unwrap();
        put(&session, writer, 100).unwrap();
        std::thread::scope(|scope| {
            let session = &session;
            let put_one =
                || Box::new(move || put(session, writer, 60).unwrap_err()) as Box<dyn FnOnce() -> Failure + Send>;
            asleep(scope, session, vec![put_one(), put_one(), put_one()]);
            match broken {
                true => session.break_queue(writer, NtStatus::PIPE_DISCONNECTED).unwrap(),
                false => session.close(reader).unwrap(),
            }
        });
    }
}

#[test]
fn many_of_both_kinds_get_everything_through() {
    const EACH: usize = 300;
    let session = private();
    let (reader, writer) = session.create_queue(None, 3_000).unwrap();
    let session = &session;
    std::thread::scope(|scope| {
        for length in [1, 100, 2_500, 6_000] {
            scope.spawn(move || (0..EACH).for_each(|_| assert!(put(session, writer, length).unwrap())));
        }
        for _ in 0..3 {
            scope.spawn(move || (0..4 * EACH / 3).for_each(|_| _ = take(session, reader).unwrap()));
        }
    });
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (0, 0));
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}

#[test]
fn all_who_wait_are_told_when_the_last_writer_goes_or_the_queue_is_broken() {
    let session = private();
    for breaks in [false, true] {
        let (reader, writer) = session.create_queue(None, 1_000).unwrap();
        std::thread::scope(|scope| {
            let session = &session;
            let taking = || Box::new(move || take(session, reader)) as Box<dyn FnOnce() -> NtResult<usize> + Send>;
            let readers = asleep(scope, session, vec![taking(), taking(), taking()]);
            match breaks {
                true => session.break_queue(writer, NtStatus::PIPE_DISCONNECTED).unwrap(),
                false => session.close(writer).unwrap(),
            }
            let told = if breaks { NtStatus::PIPE_DISCONNECTED } else { NtStatus::PIPE_BROKEN };
            readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap().unwrap_err().status, told));
        });
    }
}

#[test]
fn a_frame_of_middling_length_gets_through_a_crowd_of_small_ones() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 10_000).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let crowd = [(); 3].map(|()| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    put(&session, writer, 64).unwrap();
                }
            })
        });
        while waiting(&session) < 3 {
            std::thread::yield_now();
        }
        scope.spawn(|| put(&session, writer, 2_000).unwrap());
        while take(&session, reader).unwrap() != 2_000 {}
        done.store(true, Ordering::Relaxed);
        while crowd.iter().any(|thread| !thread.is_finished()) {
            let _ = session.take_frame(reader, &mut [0; 64], Mode::Part).unwrap(); // each may be in the midst of one more
        }
    });
}

#[test]
fn a_frame_beyond_the_quota_waits_for_nobody() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    put(&session, writer, 1_000).unwrap();
    std::thread::scope(|scope| {
        let session = &session;
        let large = move || put(session, writer, 900).unwrap();
        asleep(scope, session, vec![Box::new(large) as Box<dyn FnOnce() -> bool + Send>]); // it has the turn
        assert!(!session.put_frame(writer, &[b"within"], 0).unwrap());
        for length in [0, 20, 5_000] {
            assert!(session.put_beyond(writer, &[&vec![1; length]], 0, &mut Poll).unwrap().is_some());
        }
        let taken = [(); 5].map(|()| take(session, reader).unwrap());
        assert_eq!(taken, [1_000, 0, 20, 5_000, 900]);
    });
}

/// Says when its wait has begun, and may be slow to look once it is told.
struct Telling<'a> {
    until: Until,
    begun: &'a AtomicBool,
    slow: bool,
}

impl Waiting for Telling<'_> {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> NtResult<bool> {
        let Started::Queued(queued) = session.start_wait(&[wanted.target], false, false, None)? else {
            return Ok(true);
        };
        self.begun.store(true, Ordering::Release);
        loop {
            match session.sleep(queued, self.until.0, self.until.0) {
                Slumber::Satisfied(..) => break,
                Slumber::TimedOut => return Ok(false),
                Slumber::Interrupted => {}
                Slumber::Damaged(failure) => return Err(failure),
            }
        }
        if self.slow {
            std::thread::sleep(Duration::from_millis(2)); // longer than anybody waits before he insists
        }
        Ok(true)
    }

    fn wait_for_pages(&mut self, _: &Arc<Session>, _: u32) -> NtResult<bool> {
        Err(NtStatus::PROCESS_IS_TERMINATING.into())
    }
}

#[test]
fn a_turn_is_not_given_away_behind_the_back_of_who_was_told() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    for _ in 0..30 {
        put(&session, writer, 1_000).unwrap();
        let [one, two, three] = [const { AtomicBool::new(false) }; 3];
        let begun = |flag: &AtomicBool| {
            while !flag.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        };
        let putting = |begun, length, slow| {
            let mut waiting = Telling { until: Until(now_ns() + 5_000_000_000), begun, slow };
            session.put_wait(writer, &[&vec![1; length]], 0, &mut waiting).unwrap().is_some()
        };
        let all = std::thread::scope(|scope| {
            // The first needs much and has the turn. When it leaves it, the second is told, which insists only after a
            // millisecond, and the third may have the turn, for it needs much as well.
            let first = scope.spawn(|| putting(&one, 300, false));
            begun(&one);
            let second = scope.spawn(|| putting(&two, 10, true));
            begun(&two);
            let third = scope.spawn(|| putting(&three, 400, false));
            begun(&three);
            assert_eq!(take(&session, reader).unwrap(), 1_000);
            [first, second, third].map(|thread| thread.join().unwrap())
        });
        assert_eq!(all, [true; 3], "there is room for all, and somebody sleeps");
        let mut left = [(); 3].map(|()| take(&session, reader).unwrap());
        left.sort_unstable();
        assert_eq!(left, [10, 300, 400]);
    }
}

/// A signal handler that puts something itself while its thread waits, which takes effect without any wait of its own.
struct Handled {
    into: u32,
    out_of: u32,
    begun: Arc<AtomicBool>,
    until: Until,
}

/// It has to wait for room, and there is some before it has begun to.
struct RoomMeanwhile(u32);

impl Waiting for RoomMeanwhile {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, _: &Wanted) -> NtResult<bool> {
        take(session, self.0).map(|_| true)
    }

    fn wait_for_pages(&mut self, _: &Arc<Session>, _: u32) -> NtResult<bool> {
        Ok(false)
    }
}

impl Waiting for Handled {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> NtResult<bool> {
        let Started::Queued(queued) = session.start_wait(&[wanted.target], false, false, None)? else {
            return Ok(true);
        };
        if !self.begun.load(Ordering::Acquire) {
            let put = session.put_wait(self.into, &[&[2; 9_000]], 0, &mut RoomMeanwhile(self.out_of))?;
            assert!(put.is_some());
            if session.is_current(queued) {
                self.begun.store(true, Ordering::Release);
            }
        }
        while session.is_current(queued) {
            match session.sleep(queued, self.until.0, self.until.0) {
                Slumber::Satisfied(..) => break,
                Slumber::TimedOut => return Ok(false),
                Slumber::Interrupted => {}
                Slumber::Damaged(failure) => return Err(failure),
            }
        }
        self.begun.store(true, Ordering::Release);
        Ok(true)
    }

    fn wait_for_pages(&mut self, _: &Arc<Session>, _: u32) -> NtResult<bool> {
        Ok(false)
    }
}

#[test]
fn what_a_signal_handler_needs_is_not_what_its_thread_waits_for() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    let (out_of, into) = session.create_queue(None, 10_000).unwrap();
    (0..10).for_each(|_| assert!(put(&session, writer, 100).unwrap()));
    put(&session, into, 9_000).unwrap();
    let begun = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (session, begun) = (&session, &begun);
        let outer = scope.spawn(move || {
            let until = Until(now_ns() + 5_000_000_000);
            let mut waiting = Handled { into, out_of, begun: begun.clone(), until };
            session.put_wait(writer, &[&[1; 10]], 0, &mut waiting).unwrap().is_some()
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        until_waiting(session, 1);
        assert_eq!(take(session, reader).unwrap(), 100);
        assert!(outer.join().unwrap(), "there is room, and it sleeps");
    });
}

#[test]
fn waits_for_all_of_ends_that_nobody_holds_end_together() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    let event = manual_event(&session);
    std::thread::scope(|scope| {
        let session = &session;
        let all = |end: u32| {
            Box::new(move || wait(session, &[event, end], true, 5_000).unwrap().is_some())
                as Box<dyn FnOnce() -> bool + Send>
        };
        let threads = asleep(scope, session, vec![all(reader), all(writer)]);
        session.close(reader).unwrap();
        session.close(writer).unwrap();
        session.set_event(event).unwrap();
        threads.into_iter().for_each(|thread| assert!(thread.join().unwrap()));
    });
    assert_eq!(ntipc_kernel::doctor::examine(&session.path, 1000).unwrap().findings, []);
}
