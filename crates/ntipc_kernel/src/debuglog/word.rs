//! The word of a line or a block.
//!
//! | bits  | meaning                                                                    |
//! | ----- | -------------------------------------------------------------------------- |
//! | 63–32 | lap: the number of the line or block, divided by the length of the ring    |
//! | 31–2  | owner: process slot (12–2), and the low bits of its generation (31–13)      |
//! | 1–0   | phase: EMPTY, BUSY, DONE, VOID                                             |
//!
//! | phase | means                                              | left by                                            |
//! | ----- | -------------------------------------------------- | -------------------------------------------------- |
//! | EMPTY | never used                                         | a writer (BUSY)                                    |
//! | BUSY  | its owner writes                                   | the owner (DONE, VOID); once it is dead, a writer of a later lap |
//! | DONE  | whole                                              | a writer of a later lap (BUSY)                     |
//! | VOID  | nothing, and nothing will come                     | a writer of a later lap (BUSY)                     |

use crate::arena::Arena;
use crate::arena::layout::PROCESSES;
use crate::mutation::without;
use crate::session::Session;
use crate::sync::{AtomicU64, Ordering, Shared, fence};
use crate::sys::robust::{OWNER_DIED, TID_MASK};

pub(super) const EMPTY: u64 = 0;
pub(super) const BUSY: u64 = 1;
pub(super) const DONE: u64 = 2;
pub(super) const VOID: u64 = 3;

const OWNER_SHIFT: u32 = 2;
const GENERATION_SHIFT: u32 = OWNER_SHIFT + PROCESSES.trailing_zeros();
const GENERATIONS: u32 = 1 << (32 - GENERATION_SHIFT);
const LAP_SHIFT: u32 = 32;

pub(super) fn phase(word: u64) -> u64 {
    word & 3
}

/// Laps from that of the word to `lap`: positive if the word is of an earlier one.
pub(super) fn laps_until(word: u64, lap: u32) -> i32 {
    lap.wrapping_sub((word >> LAP_SHIFT) as u32) as i32
}

/// A process, as words name it, already in its place.
#[derive(Clone, Copy)]
pub(super) struct Owner(u64);

impl Owner {
    /// This process; it takes part.
    pub fn own(session: &Session) -> Owner {
        let generation = session.own.generation.load(Ordering::Relaxed) % GENERATIONS;
        Owner(u64::from(session.slot()) << OWNER_SHIFT | u64::from(generation) << GENERATION_SHIFT)
    }

    pub fn word(self, lap: u32, phase: u64) -> u64 {
        u64::from(lap) << LAP_SHIFT | self.0 | phase
    }
}

/// May the owner of a BUSY word still store what it owns?
pub(super) fn owner_lives(arena: &Arena, word: u64) -> bool {
    let process = arena.process((word as u32 >> OWNER_SHIFT) & (PROCESSES - 1));
    let life = process.life.word.load(Ordering::Acquire);
    life & OWNER_DIED == 0
        && life & TID_MASK != 0
        && process.generation.get() % GENERATIONS == (word as u32) >> GENERATION_SHIFT
}

/// Why a record cannot be claimed for a lap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// It has that lap already, or a later one.
    Passed { same: bool },
    /// A writer of an earlier lap has it, and lives.
    Stuck,
    /// Somebody was quicker.
    Changed,
}

/// Own a record, for one lap of the ring.
pub(super) fn claim(arena: &Arena, word: &AtomicU64, lap: u32, owner: Owner) -> Result<(), Refused> {
    let seen = word.load(Ordering::Acquire);
    if phase(seen) != EMPTY {
        match laps_until(seen, lap) {
            1.. => {}
            behind => return Err(Refused::Passed { same: behind == 0 }),
        }
    }
    if phase(seen) == BUSY && owner_lives(arena, seen) && !without!(LogOwned) {
        return Err(Refused::Stuck);
    }
    match word.compare_exchange(seen, owner.word(lap, BUSY), Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => {
            fence(Ordering::Release); // what is stored from here on is not seen with the word of before
            Ok(())
        }
        Err(_) => Err(Refused::Changed),
    }
}
