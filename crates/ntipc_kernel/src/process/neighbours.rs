//! Who watches whom. The table of participants is a ring, in which each is watched by the [`WATCHERS`] living ones
//! before it.
//!
//! The nearest watcher sleeps on the life word of its neighbour, the second and the third on a bell each. Linux wakes
//! one sleeper of a word when the word's holder dies, and that sleeper may be stopped or starved: so no two watchers
//! share a word, and a watcher that does not run takes nothing from the others. `watch` says what each of them does
//! then.
//!
//! State: life words and `Process::watches` say who is in the ring. Nothing else is stored; each helper computes its
//! part of the ring.
//!
//!   N1 change the ring: take a slot (life word, bells, `watches`), or free one (life word := 0)
//!   N2 fence   N3 raise the poke of each watcher of that slot, and wake its helper
//!
//!   P1 read our poke   P2 fence   P3 read the ring   P4 wake the others that sleep on one of our words
//!   P5 sleep while poke, life words and bells say what was read
//!
//! Invariant: each watcher of a slot reads the ring after the last change of it between the watcher and that slot. Of
//! two who change the ring at the same time, or of one who changes it and a helper that reads it, at least one sees
//! what the other has stored: N2 and P2 are SeqCst fences between the store and the look. So the process that makes the
//! last change finds every watcher that it concerns, and the watcher finds its poke raised (P5), or reads the ring
//! later (P3).
//! Invariant: when nobody is about to look again, each word has the one sleeper whose word it is. A watcher whose word
//! it was before, and that did not run since, would take the wake-up from its successor; P4 wakes it, so that it sleeps
//! there no longer.
//! Crash: a death before N3 leaves watchers that read the ring too early. Each slot that they watch has two others that
//! sleep on words of their own, and the next change puts it right. A participant that dies before N3 of its own slot
//! holds nothing yet; so that the slot does not stay taken, its nearest watcher sleeps on the life word of the slot
//! while it is free.
//! Proof: `tests/models/watchers.rs`.

use crate::arena::Arena;
use crate::arena::layout::{IN_FRAMES, PROCESSES, Process, WATCHERS};
use crate::mutation::without;
use crate::session::Session;
use crate::sync::{AtomicU32, Ordering, Shared, fence};
use crate::sys::futex;
use crate::sys::robust::is_held;
use smallvec::SmallVec;

/// A participant as one of its watchers sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub slot: u32,
    /// How many watchers are nearer.
    pub rank: usize,
    /// What its life word says.
    pub life: u32,
}

impl Process {
    /// The word on which the watcher of that rank sleeps.
    pub(super) fn word_of_watcher(&self, rank: usize) -> &AtomicU32 {
        match rank.checked_sub(1).and_then(|rank| self.bells.get(rank)) {
            Some(bell) if !without!(OwnWords) => &bell.word,
            _ => &self.life.word,
        }
    }
}

impl Arena {
    /// Slots of the ring: those of the table, and the next, which somebody may be about to take.
    fn ring_end(&self) -> u32 {
        self.processes().saturating_add(1).min(PROCESSES)
    }

    fn is_watcher(&self, slot: u32) -> bool {
        let record = self.process(slot);
        is_held(record.life.word.load(Ordering::Acquire)) && record.watches.get() != 0
    }

    /// Who watches the participant in that slot, the nearest first.
    pub(crate) fn watchers_of(&self, slot: u32) -> SmallVec<[u32; WATCHERS]> {
        let end = self.ring_end();
        let before = (IN_FRAMES + 1..slot.min(end)).rev();
        let behind = (slot.saturating_add(1)..end).rev();
        before.chain(behind).filter(|other| self.is_watcher(*other)).take(WATCHERS).collect()
    }

    /// Whom the participant in that slot watches, the nearest first; the dead that nobody has reaped are among them.
    pub(super) fn neighbours_of(&self, slot: u32) -> impl Iterator<Item = Neighbour> {
        let end = self.ring_end();
        let mut rank = 0;
        (slot + 1..end)
            .chain(IN_FRAMES + 1..slot.min(end))
            .map_while(move |other| {
                if rank == WATCHERS {
                    return None;
                }
                let life = self.process(other).life.word.load(Ordering::Acquire);
                let seen = Neighbour { slot: other, rank, life };
                rank += usize::from(is_held(life) && self.process(other).watches.get() != 0);
                Some(seen)
            })
            .filter(|neighbour| neighbour.life != 0)
    }

    /// Free slots that the next newcomer may take and whose nearest watcher would be the participant in `slot`.
    /// Newcomers take the first free slot, which has a participant before it or begins the table.
    pub(super) fn places_beside(&self, slot: u32, last: bool) -> impl Iterator<Item = &AtomicU32> {
        let first = last.then_some(IN_FRAMES + 1).filter(|first| *first != slot);
        [(slot + 1 < self.ring_end()).then_some(slot + 1), first]
            .into_iter()
            .flatten()
            .map(|slot| &self.process(slot).life.word)
            .filter(|word| word.load(Ordering::Acquire) == 0)
    }
}

impl Session {
    /// Make the watchers of that slot look at it: whether it is taken has changed.
    pub(super) fn tell_watchers(&self, slot: u32) {
        if without!(WatchersTold) {
            return;
        }
        fence(Ordering::SeqCst); // N2
        for watcher in self.arena.watchers_of(slot) {
            self.poke(watcher); // N3
        }
    }

    /// Make the helper of the participant in that slot look at its neighbours again.
    pub(super) fn poke(&self, slot: u32) {
        let poke = &self.arena.process(slot & (PROCESSES - 1)).poke;
        poke.fetch_add(1, Ordering::SeqCst);
        futex::wake(poke, i32::MAX);
    }
}
