//! Words that name an owner: the dispatcher lock, the two sides of each queue, the turn of its writers.
//!
//! State, in 64 bits:
//!
//! | bits  | meaning                                                                                              |
//! | ----- | ---------------------------------------------------------------------------------------------------- |
//! | 63    | CONTENDED: somebody may sleep on the word                                                            |
//! | 62–49 | the owner: thread slot + 1, or another number that `lock` or `side` knows; 0 = free, whatever the rest |
//! | 48–0  | serial number of the acquisition; it stays when the owner goes                                       |
//!
//! Invariant: no two acquisitions of a word have the same owner and serial number. A thread that looks at an owner from
//! outside (is it dead? is it asleep elsewhere?) may be slow: the owner may release the word, and acquire it again,
//! before the look is over. The compare-and-swap that takes the word over contains the serial number, so it succeeds
//! only while the very acquisition that was judged lasts. A serial number comes again after 2^49 acquisitions: at ten
//! million a second, after nearly two years of one look.
//!
//! The word needs no generation of the owner's slot: a slot comes free under the dispatcher lock, so somebody has taken
//! that over from the dead by then; and what the dead held of queues is settled before (`queue::hand`).
//!
//! Sleepers sleep on the upper half of the word, since a futex has 32 bits: CONTENDED, the owner, and the upper bits of
//! the serial number. Invariant (no lost wake-up): while anybody sleeps, the word is held and CONTENDED, or a waiter is
//! awake that was woken since, and will acquire the word as CONTENDED. A contender sleeps only while the upper half
//! says CONTENDED and held; so the release that ends this state comes after it fell asleep, and wakes one. That a later
//! acquisition of the same owner has the same upper half does no harm: it is as CONTENDED as the one before, and its
//! release wakes one, too.
//!
//! Orderings: an acquisition is Acquire, and pairs with the Release of a release: the owner sees what the last one
//! wrote. It is Release as well: a thread that sees the acquisition sees what its owner stored before (its intent, see
//! `queue::hand`).
//! Proof: `tests/models/locks.rs`.

use crate::mutation::without;
use crate::sync::{AtomicU64, Ordering};
use crate::sys::futex;

const CONTENDED: u64 = 1 << 63;
const OWNER_SHIFT: u32 = 49;
const SERIAL_MASK: u64 = (1 << OWNER_SHIFT) - 1;
const OWNER_BITS: u32 = 14;
/// The largest number that an owner may have. No thread and no helper has it.
pub(crate) const OWNER_MAX: u32 = (1 << OWNER_BITS) - 1;
const _: () = assert!(OWNER_SHIFT + OWNER_BITS == 63);

/// See the module.
#[repr(transparent)]
pub struct LockWord(pub(crate) AtomicU64);

/// What such a word said when it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen(u64);

/// One acquisition of one word: its owner and its serial number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acquisition(u64);

impl Seen {
    #[cfg(feature = "models")]
    pub(crate) fn of(word: u64) -> Seen {
        Seen(word)
    }

    /// The owner's number; 0 = free.
    #[inline]
    pub fn owner(self) -> u32 {
        ((self.0 & !CONTENDED) >> OWNER_SHIFT) as u32
    }

    #[inline]
    pub fn is_free(self) -> bool {
        self.owner() == 0
    }

    pub fn is_contended(self) -> bool {
        self.0 & CONTENDED != 0
    }

    pub fn acquisition(self) -> Acquisition {
        Acquisition(self.0 & !CONTENDED)
    }

    /// The next acquisition, by `owner`.
    #[inline]
    fn next(self, owner: u32) -> u64 {
        let more = u64::from(!without!(AcquisitionSerial));
        u64::from(owner) << OWNER_SHIFT | self.0.wrapping_add(more) & SERIAL_MASK
    }
}

impl std::fmt::LowerHex for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::LowerHex::fmt(&self.0, formatter)
    }
}

impl LockWord {
    #[inline]
    pub fn read(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// Acquire it as `owner` if it is free.
    #[inline]
    pub(crate) fn try_acquire(&self, owner: u32) -> Option<Acquisition> {
        let seen = Seen(self.0.load(Ordering::Relaxed));
        if !seen.is_free() {
            return None;
        }
        // Damage may have left CONTENDED in a free word; it stays, so that the release wakes a thread that may sleep.
        let new = seen.next(owner) | seen.0 & CONTENDED;
        let acquired = self.0.compare_exchange(seen.0, new, Ordering::AcqRel, Ordering::Relaxed);
        acquired.ok().map(|_| Acquisition(new & !CONTENDED))
    }

    /// Acquire it as `owner` if it still says what was seen: that it is free, or an acquisition whose owner was judged
    /// to be gone. Others may sleep on it, so its release will wake one.
    pub(crate) fn acquire_from(&self, seen: Seen, owner: u32) -> Option<Acquisition> {
        let new = seen.next(owner);
        let marked = if without!(StillContended) { new } else { new | CONTENDED };
        self.0.compare_exchange(seen.0, marked, Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| Acquisition(new))
    }

    /// Note that somebody is about to sleep on it, if it still says what was seen.
    pub(crate) fn mark_contended(&self, seen: Seen) -> bool {
        let marked = seen.0 | CONTENDED;
        seen.is_contended() || self.0.compare_exchange(seen.0, marked, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Sleep while it says what was seen, and CONTENDED, until `until_ns`.
    pub(crate) fn sleep(&self, seen: Seen, until_ns: u64) {
        #[cfg(feature = "models")]
        let until_ns = crate::models::step::patience_with_locks(until_ns);
        futex::wait_on_upper_half(&self.0, seen.0 | CONTENDED, until_ns);
    }

    pub(crate) fn wake(&self, count: i32) {
        futex::wake_on_upper_half(&self.0, count);
    }

    /// End an acquisition. Whether somebody may sleep, and has to be woken. Does nothing if it is over already: the
    /// word was scribbled on, and somebody else may have it.
    #[inline]
    pub(crate) fn release(&self, held: Acquisition) -> bool {
        #[cfg(feature = "models")]
        assert_eq!(self.read().acquisition(), held, "taken from an owner that lives");
        let free = held.0 & SERIAL_MASK;
        self.0.compare_exchange(held.0, free, Ordering::Release, Ordering::Relaxed).is_err()
            && self.0.compare_exchange(held.0 | CONTENDED, free, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// End whatever acquisition `owner` has. `None`: it has none; else whether somebody may sleep.
    #[inline]
    pub(crate) fn release_of(&self, owner: u32) -> Option<bool> {
        let mut seen = Seen(self.0.load(Ordering::Relaxed));
        while seen.owner() == owner {
            // SeqCst: a thread that gives up a turn looks for waiters afterwards (`queue::turn`).
            match self.0.compare_exchange(seen.0, seen.0 & SERIAL_MASK, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return Some(seen.is_contended()),
                Err(now) => seen = Seen(now),
            }
        }
        None
    }

    /// Free it if it still says what was seen: nobody has it whom it names.
    pub(crate) fn take_from(&self, seen: Seen) -> bool {
        self.0.compare_exchange(seen.0, seen.0 & SERIAL_MASK, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Make it name an owner who does not hold it, as damage does.
    #[cfg(all(test, not(feature = "models")))]
    pub(crate) fn scribble(&self, owner: u32) {
        self.0.store(u64::from(owner) << OWNER_SHIFT, Ordering::Release);
    }
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::{Acquisition, LockWord, OWNER_MAX, SERIAL_MASK};
    use crate::status::{NtResult, NtStatus};
    use crate::sync::{AtomicU64, Ordering};

    fn acquired(word: &LockWord, owner: u32) -> NtResult<Acquisition> {
        Ok(word.try_acquire(owner).ok_or(NtStatus::UNSUCCESSFUL)?)
    }

    #[test]
    fn an_acquisition_that_was_judged_and_is_over_cannot_be_taken_over() -> NtResult<()> {
        let word = LockWord(AtomicU64::new(0));
        let first = acquired(&word, 7)?;
        assert!(word.mark_contended(word.read()));
        let judged = word.read();
        assert!(word.release(first));
        acquired(&word, 7)?;
        assert!(word.mark_contended(word.read()));
        assert_eq!((word.read().owner(), word.read().is_contended()), (7, true));
        assert_eq!(word.acquire_from(judged, 8), None);
        assert!(!word.take_from(judged));
        assert!(word.acquire_from(word.read(), 8).is_some());
        Ok(())
    }

    #[test]
    fn a_released_word_is_free_and_counts_on() -> NtResult<()> {
        let word = LockWord(AtomicU64::new(SERIAL_MASK));
        for owner in [1, OWNER_MAX] {
            let held = acquired(&word, owner)?;
            assert_eq!((word.try_acquire(3), word.release_of(3)), (None, None));
            assert!(!word.release(held));
            assert!(word.read().is_free());
        }
        assert_eq!(word.0.load(Ordering::Relaxed), 1); // the serial number has run over, and nothing else
        Ok(())
    }
}
