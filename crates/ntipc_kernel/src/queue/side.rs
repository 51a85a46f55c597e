//! The locks of a queue's two sides: that of the writers, and that of the readers.
//!
//! State: a word as that of the dispatcher lock (`process::lock_word`), which names a thread slot + 1, or [`DISPATCHER`], while the holder of
//! the dispatcher lock has the side.
//!
//! The owner may have to wait for the dispatcher lock, and lets other threads of its process run meanwhile. So a thread that sleeps at S3 lets
//! them run as well: else the owner, of the same process, could never go on.
//!
//! Invariant: while the word names a thread, only that thread changes the side; if the thread is dead, the next that wants the side settles
//! what the dead had in hand first, under the dispatcher lock. Order: a side before the dispatcher lock. Who holds the
//! dispatcher lock may only try for a side.
//!
//!   S1 compare-and-swap free -> me   R1 compare-and-swap me -> free   R2 fence   R3 was CONTENDED? wake one
//!   S2 owner dead? dispatcher lock, settle   S3 set CONTENDED, sleep while unchanged (some ms at most), S1
//!   S4 the same acquisition for long, and its owner has no such work in hand, or is ourselves? then the word was scribbled on: take it
//!
//! S4 takes nothing from the living: a thread has the work in hand from before S1 until after R1, and the compare-and-swap contains the
//! acquisition that was looked at.
//! S1 Acquire pairs with R1 Release. R2 orders the stores of the operation before the look at HAS_WAITERS that follows; see `state`.
//! Crash: before S1 nothing; after it the word tells who died; between R1 and R3 a sleeper finds the word free after its bounded sleep.

use super::hand::Held;
use crate::process::lock::{FIRST_PATIENCE_NS, Stuck, owner_is_dead, sleep_for};
use crate::process::lock_word::{LockWord, OWNER_MAX};
use crate::session::Session;
use crate::sync::{Ordering, Shared, fence, spin_loop};
use crate::sys::clock::now_ns;

/// The side is held by the holder of the dispatcher lock.
pub const DISPATCHER: u32 = OWNER_MAX;

const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 200 };

impl Session {
    /// Take a side for the work in this hand.
    pub(super) fn lock_side(&self, word: &LockWord, held: Held) {
        let me = held.slot + 1;
        for _ in 0..SPINS {
            if word.try_acquire(me).is_some() {
                return; // S1
            }
            spin_loop();
        }
        let mut patience_ns = FIRST_PATIENCE_NS;
        let mut stuck = Stuck::default();
        loop {
            let seen = word.read();
            let owner = seen.owner();
            if owner == DISPATCHER {
                let _locked = self.lock_as(me);
                leave_side(word); // it is free by now, by recovery if need be; or nobody was ever at it
                continue;
            }
            if owner != 0 && owner_is_dead(&self.arena, owner) {
                let mut locked = self.lock_as(me); // S2
                if word.read().acquisition() == seen.acquisition() {
                    locked.settle(owner - 1);
                    // Scribbled: it names nobody who ever held it.
                    word.take_from(seen);
                }
                continue;
            }
            let intent = held.words(self).intent.get();
            if owner == 0 || stuck.is_stuck(seen, me, || !self.is_at(owner, intent)) {
                if word.acquire_from(seen, me).is_some() {
                    return; // S1, S4
                }
                continue;
            }
            if word.mark_contended(seen) {
                sleep_for(patience_ns, &mut || word.sleep(seen, now_ns() + patience_ns)); // S3
                patience_ns = (patience_ns * 2).min(20_000_000);
            }
        }
    }

    /// Has the owner that a side's word names such work in hand?
    fn is_at(&self, owner: u32, intent: u32) -> bool {
        let thread = self.arena.thread(owner - 1);
        let is_at = || thread.hands.iter().any(|hand| hand.intent.get() == intent);
        #[cfg(feature = "models")]
        return !crate::models::step::look_slowly(|| !is_at());
        #[cfg(not(feature = "models"))]
        is_at()
    }

    /// Give back a side that the thread in `slot` holds.
    pub(super) fn unlock_side(&self, word: &LockWord, slot: u32) {
        let contended = word.release_of(slot + 1); // R1
        #[cfg(feature = "models")]
        assert!(contended.is_some(), "a side was taken from an owner that lives");
        fence(Ordering::SeqCst); // R2
        if contended == Some(true) {
            word.wake(1); // R3
        }
    }
}

/// Try for a side under the dispatcher lock. One that a dead holder of that lock left taken is ours.
pub(super) fn try_side(word: &LockWord) -> bool {
    word.try_acquire(DISPATCHER).is_some() || word.read().owner() == DISPATCHER
}

/// Give such a side back; does nothing if it is another's.
pub(super) fn leave_side(word: &LockWord) {
    if word.release_of(DISPATCHER).is_some() {
        word.wake(i32::MAX);
    }
}
