//! The locks of a queue's two sides: who puts, and who takes.
//!
//! State: the word of the dispatcher lock (`process::lock`): 0 free, else thread slot + 1, bits of that slot's generation,
//! CONTENDED; or [`DISPATCHER`], while the holder of the dispatcher lock has the side.
//!
//! The owner may have to wait for the dispatcher lock, and lets other threads of its process run meanwhile. So whoever sleeps at S3 lets
//! them run as well: else the owner, of the same process, could never go on.
//!
//! Invariant: while the word names a thread, only that thread changes the side; if the thread is dead, whoever wants the side settles
//! what the dead had in hand first, under the dispatcher lock. Order: a side before the dispatcher lock. Who holds the
//! dispatcher lock may only try for a side.
//!
//!   S1 compare-and-swap 0 -> me      R1 swap -> 0      R2 fence      R3 was CONTENDED? wake one
//!   S2 owner dead? dispatcher lock, settle   S3 set CONTENDED, sleep while unchanged (some ms at most), S1
//!   S4 the same owner for long, twice found with no such work in hand, or ourselves? then the word was scribbled on: take it
//!
//! S1 Acquire pairs with R1 Release. R2 orders the stores of the operation before the look at HAS_WAITERS that follows; see `state`.
//! Crash: before S1 nothing; after it the word tells who died; between R1 and R3 a sleeper finds the word free after its bounded sleep.

use super::hand::Held;
use crate::process::lock::{CONTENDED, FIRST_PATIENCE_NS, NUMBER_MASK, STUCK_NS, named, owner_is_dead, sleep_for};
use crate::session::Session;
use crate::sync::{AtomicU32, Ordering, Shared, fence, spin_loop};
use crate::sys::clock::now_ns;
use crate::sys::futex;

/// The side is held by whoever holds the dispatcher lock.
pub const DISPATCHER: u32 = NUMBER_MASK;

const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 200 };

impl Session {
    /// What a side's word says while the thread in `slot` holds it.
    pub(super) fn side_name(&self, slot: u32) -> u32 {
        named(slot + 1, self.arena.thread(slot).generation.load(Ordering::Relaxed))
    }

    /// Take a side for the work in this hand.
    pub(super) fn lock_side(&self, word: &AtomicU32, held: Held) {
        let slot = held.slot;
        let me = self.side_name(slot);
        for _ in 0..SPINS {
            if word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return; // S1
            }
            spin_loop();
        }
        let (mut patience_ns, mut same, mut since_ns, mut idle) = (FIRST_PATIENCE_NS, 0, 0, false);
        loop {
            let seen = word.load(Ordering::Acquire);
            if seen == 0 {
                if word.compare_exchange(0, me | CONTENDED, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return;
                }
                continue;
            }
            if seen & !CONTENDED == DISPATCHER {
                let _locked = self.lock_as(slot + 1);
                leave_side(word); // it is free by now, by recovery if need be; or nobody was ever at it
                continue;
            }
            if owner_is_dead(&self.arena, seen) {
                let mut locked = self.lock_as(slot + 1); // S2
                if word.load(Ordering::Acquire) & !CONTENDED == seen & !CONTENDED {
                    locked.settle((seen & NUMBER_MASK).wrapping_sub(1));
                    // Scribbled: it names nobody who ever held it.
                    let _ = word.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed);
                }
                continue;
            }
            let now = now_ns();
            if seen & !CONTENDED != same {
                (same, since_ns, idle) = (seen & !CONTENDED, now, false);
            } else if same == me || now - since_ns > STUCK_NS {
                let was_idle = idle;
                idle = !self.is_at(seen, held.words(self).intent.get());
                if same == me || idle && was_idle {
                    if word.compare_exchange(seen, me | CONTENDED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        return; // S4
                    }
                    continue;
                }
                since_ns = now;
            }
            if seen & CONTENDED == 0
                && word.compare_exchange(seen, seen | CONTENDED, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                continue;
            }
            sleep_for(patience_ns, &mut || _ = futex::wait(word, seen | CONTENDED, now + patience_ns)); // S3
            patience_ns = (patience_ns * 2).min(20_000_000);
        }
    }

    /// Has the owner that a side's word names such work in hand?
    fn is_at(&self, seen: u32, intent: u32) -> bool {
        let thread = self.arena.thread((seen & NUMBER_MASK).wrapping_sub(1));
        thread.hands.iter().any(|hand| hand.intent.get() == intent)
    }

    pub(super) fn unlock_side(&self, word: &AtomicU32) {
        let before = word.swap(0, Ordering::Release); // R1
        fence(Ordering::SeqCst); // R2
        if before & CONTENDED != 0 {
            futex::wake(word, 1); // R3
        }
    }
}

/// Try for a side under the dispatcher lock. One that a dead holder of that lock left taken is ours.
pub(super) fn try_side(word: &AtomicU32) -> bool {
    let seen = word.compare_exchange(0, DISPATCHER, Ordering::AcqRel, Ordering::Acquire);
    seen.is_ok() || seen.is_err_and(|seen| seen & !CONTENDED == DISPATCHER)
}

/// Give such a side back; does nothing if it is another's.
pub(super) fn leave_side(word: &AtomicU32) {
    let mut seen = word.get();
    while seen & !CONTENDED == DISPATCHER {
        match word.compare_exchange(seen, 0, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return futex::wake(word, i32::MAX),
            Err(now) => seen = now,
        }
    }
}
