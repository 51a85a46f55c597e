//! What is said when the session's memory contradicts itself, and how everybody gets to know.
//!
//! A thread that finds a contradiction writes its number into the header and wakes every sleeper. From then on no call
//! changes anything any more but for leaving: what a list or a count says cannot be relied upon, and going on would
//! spread it.

use super::memory::Arena;
use crate::status::Failure;
use crate::sync::{Ordering, Shared};
use crate::sys::futex;

const SAID: &[&str] = &[
    "a name leads to no object",
    "the name table runs in a circle",
    "the free list leads to an object in use",
    "the count of objects leads to an object in use",
    "more of its tables is said to have memory than the file has",
    "a wait list leads to a thread that does not wait for the object",
    "a wait list runs in a circle",
    "a wait is in the list of another object, or in none",
    "a wait is in a state that does not exist",
    "a wait ended with an impossible result",
    "a text runs on beyond its end",
    "the counts of its tables are impossible",
    "the journal holds a step that does not exist",
    "a file section has no readable path",
    "the list of free pages leads to none",
    "the frames of a queue contradict themselves",
    "an end belongs to no queue",
    "a notice of a queue leads to no badge of it",
    crate::process::directory::REMOVED,
];

impl Arena {
    /// Note that the memory contradicts itself, tell those who sleep, and say so.
    #[cold]
    pub fn damaged(&self, what: &'static str) -> Failure {
        let number = SAID.iter().position(|said| *said == what).unwrap_or(SAID.len()) as u32 + 1;
        let header = self.header();
        if self.known.writable
            && header.damaged.compare_exchange(0, number, Ordering::SeqCst, Ordering::Relaxed).is_ok()
        {
            for slot in 0..self.known.threads.load(Ordering::Relaxed) {
                futex::wake(&self.thread(slot).progress, i32::MAX);
            }
        }
        Failure::damaged(what)
    }

    /// What was found, by anybody.
    #[inline(always)]
    pub fn damage(&self) -> Option<Failure> {
        match self.header().damaged.get() {
            0 => None,
            number => Some(Failure::damaged(sentence(number))),
        }
    }
}

pub fn sentence(number: u32) -> &'static str {
    let said = (number as usize).checked_sub(1).and_then(|place| SAID.get(place));
    said.unwrap_or(&"the session's memory was found to contradict itself")
}
