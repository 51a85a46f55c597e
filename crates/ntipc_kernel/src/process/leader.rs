//! A forked child whose first thread ends, and with it the program.
//!
//! A process ends with its last thread. A child that a thread of Python's has forked off has one thread, which ends
//! when its function returns: a process without us is over then, with status 0. Ours has our threads, which would keep
//! it for ever.
//!
//!   L1 the parent notes, before the fork, that it is no first thread that forks      L2 the child's first thread gets
//!      a guard
//!   L3 the thread ends: the guard starts a thread, which looks until Linux says that the first thread is gone, and all
//!      but ours
//!   L4 that thread ends the process, as the C library does in the last thread
//!
//! Invariant: the process is ended only while its first thread is a zombie. A program that calls `exit` in that thread
//! runs the guard as well, and gives a status of its own; the thread is no zombie until then. Nothing but our threads
//! runs at L4, and they start none. Without a /proc of its own nobody can look, and such a child stays.

use crate::sync::{AtomicU32, Ordering};
use crate::sys::process::{self, own_threads};
use std::cell::Cell;
use std::time::Duration;

/// What our threads are called begins so.
const OURS: &str = "ntipc-";
/// Between two looks. Seldom does a first thread end before others.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

static FORKED_BY_ANOTHER: AtomicU32 = AtomicU32::new(0);

struct Guard;

impl Drop for Guard {
    /// L3.
    fn drop(&mut self) {
        let _ = process::with_signals_blocked(|| {
            std::thread::Builder::new().name("ntipc-last".into()).stack_size(64 << 10).spawn(look)
        });
    }
}

thread_local! {
    static GUARD: Cell<Option<Guard>> = const { Cell::new(None) };
}

/// L1: about to fork, in the calling thread.
pub(super) fn note_who_forks() {
    FORKED_BY_ANOTHER.store(u32::from(process::tid() != process::pid()), Ordering::Relaxed);
}

/// L2: in the child, in its only thread.
pub(super) fn guard() {
    if FORKED_BY_ANOTHER.load(Ordering::Relaxed) != 0 {
        let _ = GUARD.try_with(|guard| guard.set(Some(Guard)));
    }
}

/// L3, L4.
fn look() {
    let first = process::pid();
    let mut pause = PAUSE;
    loop {
        let Some(threads) = own_threads() else { return };
        let is_over = |tid: u32, name: &str, state: char| match tid == first {
            true => matches!(state, 'Z' | 'X'),
            false => name.starts_with(OURS),
        };
        if threads.iter().all(|thread| is_over(thread.tid, &thread.name, thread.state)) {
            process::exit(0);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
