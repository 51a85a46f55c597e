//! Forks in the midst of what other threads do.
//!
//! A program without Rust's own beginning, as a Python interpreter is: with it, each thread that begins or ends takes a
//! lock of the standard library's, for its report of stack overflows, and a child of a fork in that moment finds it
//! taken for ever.
#![no_main]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::process::fork;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{event, join, private};

const FORKS: u32 = 200;
/// Seconds after which a child that hangs is killed by its own alarm.
const PATIENCE: u32 = 10;

/// Fork as Python does; whether the child came to an end by itself.
fn fork_and_adopt() -> bool {
    fork::before();
    // SAFETY: the child calls nothing but the kernel's own handler and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: neither call to the C library touches memory.
        unsafe {
            libc::alarm(PATIENCE);
            let _ = fork::in_child(); // an error if its parent has left the other session by then
            libc::_exit(0);
        }
    }
    let mut status = 0;
    // SAFETY: our own child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    libc::WIFEXITED(status)
}

/// A child must not wait for a lock that a thread of its parent held, since it has no such thread.
fn child_of_a_fork_beside_joining_and_leaving_threads_does_not_hang() {
    fork::install();
    let session = private();
    event(&session);
    let (path, done) = (format!("{}-other", session.path), AtomicBool::new(false));
    let all_end = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                join(&path).leave(false).unwrap();
            }
        });
        let all_end = (0..FORKS).all(|_| fork_and_adopt());
        done.store(true, Ordering::Relaxed);
        all_end
    });
    assert!(all_end, "a child hung");
}

#[unsafe(no_mangle)]
extern "C" fn main() -> libc::c_int {
    child_of_a_fork_beside_joining_and_leaving_threads_does_not_hang();
    0
}
