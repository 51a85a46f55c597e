//! What the orderings of the lock-free steps are for, in every execution that the memory model of C++ allows (loom).
//!
//! loom's atomics cannot lie in shared memory, so these are the steps alone, by their labels in `dispatch/wait.rs`,
//! `dispatch/evaluate.rs`, `process/lock.rs` and `queue/state.rs`, with the orderings as a parameter: each test runs
//! once as the kernel has them, and once with one of them weakened, which loom must find. What the threads do is plain
//! memory that loom guards.
#![allow(clippy::unwrap_used, reason = "a failed step fails the model")]

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

const SET: u32 = 1;
const HAS_WAITERS: u32 = 2;

const WAIT: u32 = 1;
const SLEEP: u32 = 2;
const DONE: u32 = 3;

const OWNER_DIED: u32 = 1;

/// True if loom finds an execution of `body` that fails.
fn fails(body: impl Fn() + Sync + Send + 'static) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| loom::model(body))).is_err()
}

/// Memory that the words are there to guard.
#[derive(Default)]
struct Guarded(UnsafeCell<u32>);

// SAFETY: not safe but for the orderings, which is what the models are about; loom watches each access.
unsafe impl Sync for Guarded {}
// SAFETY: as above.
unsafe impl Send for Guarded {}

impl Guarded {
    fn write(&self, value: u32) {
        // SAFETY: loom fails the model if another thread is at it.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|place| unsafe { *place })
    }
}

/// An event, one waiter, and what the setter wrote before it set the event.
struct Wait {
    word: AtomicU32,
    progress: AtomicU32,
    /// The dispatcher lock, and whether the waiter stands in the list.
    listed: Mutex<bool>,
    data: Guarded,
}

#[derive(Clone, Copy)]
struct Orderings {
    /// A fast path's compare-and-swap.
    set: Ordering,
    /// W6 by compare-and-swap; else by a store.
    exchange: bool,
    /// W3: the flag first; else the look first.
    flag_first: bool,
}

const AS_IN_THE_KERNEL: Orderings = Orderings { set: AcqRel, exchange: true, flag_first: true };

/// `true`: the waiter was asleep, and is woken.
fn set_event(wait: &Wait, orderings: Orderings) -> bool {
    wait.data.write(7);
    let mut seen = wait.word.load(Relaxed);
    while seen & HAS_WAITERS == 0 {
        match wait.word.compare_exchange(seen, seen | SET, orderings.set, Relaxed) {
            Ok(_) => return false,
            Err(now) => seen = now,
        }
    }
    let mut listed = wait.listed.lock().unwrap();
    wait.word.fetch_or(SET, SeqCst);
    let mut wake = false;
    if *listed {
        wait.word.store(HAS_WAITERS, SeqCst); // T3
        wake = wait.progress.swap(DONE, SeqCst) == SLEEP; // T4
        *listed = false; // T6
        wait.word.fetch_and(!HAS_WAITERS, SeqCst);
    }
    wake
}

/// `true`: it fell asleep.
fn wait_for_event(wait: &Wait, orderings: Orderings) -> bool {
    {
        let mut listed = wait.listed.lock().unwrap();
        wait.progress.store(WAIT, SeqCst); // W2
        let looked_early = wait.word.load(Acquire) & SET != 0;
        wait.word.fetch_or(HAS_WAITERS, SeqCst); // W3
        let is_set = if orderings.flag_first { wait.word.load(Acquire) & SET != 0 } else { looked_early };
        if is_set {
            wait.word.store(0, SeqCst); // W4
            drop(listed);
            assert_eq!(wait.data.read(), 7);
            return false;
        }
        *listed = true;
    }
    loop {
        match wait.progress.load(Acquire) {
            DONE => break,
            WAIT if orderings.exchange => {
                let _ = wait.progress.compare_exchange(WAIT, SLEEP, SeqCst, Acquire); // W6
            }
            WAIT => wait.progress.store(SLEEP, SeqCst),
            _ => return true, // W7
        }
    }
    assert_eq!(wait.data.read(), 7); // W8
    false
}

fn wait_against_set(orderings: Orderings) {
    let wait = Arc::new(Wait {
        word: AtomicU32::new(0),
        progress: AtomicU32::new(0),
        listed: Mutex::new(false),
        data: Guarded::default(),
    });
    let shared = Arc::clone(&wait);
    let setter = thread::spawn(move || set_event(&shared, orderings));
    let asleep = wait_for_event(&wait, orderings);
    let woken = setter.join().unwrap();
    assert!(woken || !asleep, "asleep although the event was set");
}

#[test]
fn a_waiter_is_woken_and_sees_what_was_stored_before_the_signal() {
    loom::model(|| wait_against_set(AS_IN_THE_KERNEL));
}

#[test]
fn a_fast_path_must_release() {
    assert!(fails(|| wait_against_set(Orderings { set: Acquire, ..AS_IN_THE_KERNEL })));
}

#[test]
fn falling_asleep_must_be_an_exchange() {
    assert!(fails(|| wait_against_set(Orderings { exchange: false, ..AS_IN_THE_KERNEL })));
}

#[test]
fn the_flag_must_come_before_the_look() {
    assert!(fails(|| wait_against_set(Orderings { flag_first: false, ..AS_IN_THE_KERNEL })));
}

/// The dispatcher lock: its owner dies in it, or drops it; two others want it, and one takes it over from the dead.
fn take_over(dies: bool, see_mark: Ordering, unlock: Ordering) {
    struct Lock {
        word: AtomicU32,
        life: AtomicU32,
        data: Guarded,
    }
    let lock = Arc::new(Lock { word: AtomicU32::new(1), life: AtomicU32::new(0), data: Guarded::default() });
    let shared = Arc::clone(&lock);
    let owner = thread::spawn(move || {
        shared.data.write(7);
        match dies {
            true => shared.life.store(OWNER_DIED, Release), // the kernel of Linux, after the last store of the dead
            false => drop(shared.word.swap(0, unlock)),     // U1
        }
    });
    let take = move |lock: &Lock, me: u32| {
        let seen = lock.word.load(Acquire);
        let won = match seen {
            0 => lock.word.compare_exchange(0, me, Acquire, Relaxed).is_ok(), // L1
            1 if lock.life.load(see_mark) & OWNER_DIED != 0 => {
                lock.word.compare_exchange(1, me, AcqRel, Relaxed).is_ok() // L3
            }
            _ => false,
        };
        if won {
            assert_eq!(lock.data.read(), 7);
            lock.data.write(7);
            lock.word.swap(0, Release);
        }
    };
    let shared = Arc::clone(&lock);
    let other = thread::spawn(move || take(&shared, 2));
    take(&lock, 3);
    other.join().unwrap();
    owner.join().unwrap();
}

#[test]
fn the_lock_excludes_and_shows_what_its_last_owner_stored_alive_or_dead() {
    loom::model(|| take_over(false, Acquire, Release));
    loom::model(|| take_over(true, Acquire, Release));
}

#[test]
fn unlocking_must_release() {
    assert!(fails(|| take_over(false, Acquire, Relaxed)));
}

#[test]
fn the_mark_of_the_dead_must_be_acquired() {
    assert!(fails(|| take_over(true, Relaxed, Release)));
}

/// A queue: a frame is published to two who are about to wait, one of whom may find HAS_WAITERS set and leaves it
/// (`queue/state.rs`). P1 must release, P2 and W2 be there.
fn publish_against_looks(publish: Ordering, publisher_fence: bool, waiter_fence: bool) {
    struct Queue {
        tail: AtomicU32,
        word: AtomicU32,
        frame: Guarded,
    }
    let queue = Arc::new(Queue { tail: AtomicU32::new(0), word: AtomicU32::new(0), frame: Guarded::default() });
    let look = move |queue: &Queue| {
        if queue.word.load(Relaxed) & HAS_WAITERS == 0 {
            queue.word.fetch_or(HAS_WAITERS, SeqCst); // W1
        }
        if waiter_fence {
            fence(SeqCst); // W2
        }
        let there = queue.tail.load(Acquire) != 0; // W3
        if there {
            assert_eq!(queue.frame.read(), 7);
        }
        there
    };
    let (shared, other) = (Arc::clone(&queue), Arc::clone(&queue));
    let publisher = thread::spawn(move || {
        shared.frame.write(7);
        shared.tail.store(1, publish); // P1
        if publisher_fence {
            fence(SeqCst); // P2
        }
        shared.word.load(Relaxed) & HAS_WAITERS != 0 // P3
    });
    let second = thread::spawn(move || look(&other));
    let awake = look(&queue) & second.join().unwrap();
    assert!(publisher.join().unwrap() || awake, "asleep beside a frame");
}

#[test]
fn a_frame_is_seen_by_who_is_about_to_wait_or_its_publisher_sees_that_somebody_waits() {
    loom::model(|| publish_against_looks(Release, true, true));
}

#[test]
fn publishing_must_release() {
    assert!(fails(|| publish_against_looks(Relaxed, true, true)));
}

#[test]
fn who_publishes_must_fence_before_looking_for_waiters() {
    assert!(fails(|| publish_against_looks(Release, false, true)));
}

#[test]
fn who_is_about_to_wait_must_fence_before_looking_for_frames() {
    assert!(fails(|| publish_against_looks(Release, true, false)));
}
