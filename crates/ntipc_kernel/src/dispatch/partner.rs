//! What a waiter learns about its partner, the thread that completed its wait: see `spinning`.
//!
//! | word                                       | written by  | when                                                      |
//! | ------------------------------------------ | ----------- | --------------------------------------------------------- |
//! | `Thread::told_by`                          | the partner | before it completes the wait, or tells the waiter to compete |
//! | `Thread::told_at_ns`                       | the partner | at the same time, if the waiter sleeps                    |
//! | `Queue::put_by`, `Queue::taken_by`         | the partner | before it publishes a frame, or room for one              |
//! | `Thread::woken_ns`, `Thread::woken_at_ns`  | the waiter  | after a sleep: how long it took to wake up, and until when |
//!
//! `told_by`, `put_by` and `taken_by` hold the number of a thread, as the dispatcher lock names it, and its processor;
//! 0: nobody yet.
//!
//! All of these are hints. They are stored before the store that completes the wait and read after it, and Relaxed
//! suffices: a stale or damaged value decides for how long somebody spins, and nothing else.

use super::spinning::Partner;
use super::wait::Queued;
use crate::process::lock_word::OWNER_MAX;
use crate::session::Session;
use crate::sync::{AtomicU32, Ordering};
use crate::sys::clock::now_ns;
use crate::sys::process::processor;

const NUMBER_BITS: u32 = OWNER_MAX.trailing_ones();

/// How partners know the thread with that number, which calls this.
#[inline]
pub(crate) fn signature(number: u32) -> u32 {
    number | processor() << NUMBER_BITS
}

/// The end of a sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rest {
    /// When the wait was completed.
    pub told_at_ns: u64,
    /// How long it took from then until the waiter ran.
    pub woken_ns: u64,
}

impl Session {
    /// Who completed a wait that began at `began_ns`, as the word says.
    pub(crate) fn partner(&self, word: &AtomicU32, began_ns: u64) -> Option<Partner> {
        let word = word.load(Ordering::Relaxed);
        let number = word & OWNER_MAX;
        let here = word == signature(number);
        let slot = number.checked_sub(1)?;
        if slot >= self.arena.threads() {
            return Some(Partner { beside: here, woken_ns: 0 }); // a helper thread
        }
        let thread = self.arena.thread(slot);
        let woken_meanwhile = thread.woken_at_ns.load(Ordering::Relaxed) >= began_ns;
        let woken_ns = if woken_meanwhile { thread.woken_ns.load(Ordering::Relaxed).into() } else { 0 };
        Some(Partner { beside: here || thread.process_slot() == Some(self.slot()), woken_ns })
    }

    /// Who completed a wait of the calling thread that began at `began_ns`. `None`: the thread itself, since a timer
    /// was due.
    pub fn partner_of(&self, wait: Queued, began_ns: u64) -> Option<Partner> {
        self.partner(&self.arena.thread(wait.slot).told_by, began_ns)
    }

    /// The thread in `slot`, which calls this, was woken. `None`: its wait was not completed while it slept.
    pub(super) fn note_wake_up(&self, slot: u32) -> Option<Rest> {
        let thread = self.arena.thread(slot);
        let told_at_ns = thread.told_at_ns.load(Ordering::Relaxed);
        if told_at_ns == 0 {
            return None;
        }
        let now = now_ns();
        let woken_ns = now.saturating_sub(told_at_ns);
        thread.woken_ns.store(u32::try_from(woken_ns).unwrap_or(u32::MAX), Ordering::Relaxed);
        thread.woken_at_ns.store(now, Ordering::Relaxed);
        Some(Rest { told_at_ns, woken_ns })
    }
}
