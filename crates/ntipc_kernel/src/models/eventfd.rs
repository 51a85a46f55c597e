//! An eventfd of the model: a word on which the loop sleeps until it is readable.

use super::{futex, step};
use crate::status::NtResult;
use crate::sync::{AtomicU32, Ordering};
use crate::sys::clock::NEVER;
use std::os::fd::RawFd;

/// A system call: others may run before it and after it, or the process may die there.
fn step() {
    if step::is_running() {
        step::switch();
        step::mortal();
    }
}

pub struct EventFd(AtomicU32);

impl EventFd {
    #[expect(clippy::unnecessary_wraps, reason = "as the real one")]
    pub fn new() -> NtResult<EventFd> {
        Ok(EventFd(AtomicU32::new(0)))
    }

    #[expect(clippy::unused_self, reason = "as the real one")]
    pub fn number(&self) -> Option<RawFd> {
        None
    }

    /// Make it readable.
    pub fn raise(&self) -> bool {
        step();
        self.0.store(1, Ordering::SeqCst);
        futex::wake(&self.0, i32::MAX)
    }

    /// Make it unreadable.
    pub fn lower(&self) {
        step();
        self.0.store(0, Ordering::SeqCst);
        step();
    }

    #[expect(clippy::unused_self, reason = "as the real one")]
    pub fn close(&self) {}

    /// Sleep until it is readable.
    pub fn sleep(&self) {
        while self.0.load(Ordering::SeqCst) == 0 {
            futex::wait(&self.0, 0, NEVER);
        }
    }
}
