//! Mutants: owned by a thread, recursive, abandoned when it ends. (NtReleaseMutant)
//!
//! Invariant: whoever a mutant's word names as its owner has noted it: in `intent` from before the compare-and-swap that takes it
//! until it stands in `owned`, which is a superset of what the thread owns. So a dead thread's mutants are found without a search.
//! A mutant that a wait handed over is found through the wait record until it is acknowledged.

use super::signal::{owner, recursion};
use crate::arena::layout::{OWNED, word};
use crate::fault::fault;
use crate::object::kind::{Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

/// What a query tells.
#[derive(Clone, Copy, Debug)]
pub struct MutantState {
    /// Slot + 1 of the owner; 0 = free.
    pub owner: u32,
    pub recursion: u32,
    pub abandoned: bool,
    pub owned_by_caller: bool,
}

/// The word after one release by `me`.
fn released(seen: u64, me: u32) -> NtResult<u64> {
    if owner(seen) != me {
        return Err(Failure::new(
            NtStatus::MUTANT_NOT_OWNED,
            if owner(seen) == 0 { "nobody owns it" } else { "another thread owns it" },
        ));
    }
    match recursion(seen) {
        0 | 1 => Ok(seen & (word::HAS_WAITERS | word::GENERATION_MASK)),
        _ => Ok(seen - 1),
    }
}

impl Session {
    /// Take a mutant that looked free or ours, without the lock. `None`: somebody was quicker; else whether it was abandoned.
    #[inline]
    pub(super) fn try_own(&self, slot: u32, number: u32, seen: u64) -> NtResult<Option<bool>> {
        let object = self.arena.object(number);
        let me = slot + 1;
        if owner(seen) == me {
            if u64::from(recursion(seen)) == word::RECURSION_MASK {
                return Err(NtStatus::MUTANT_LIMIT_EXCEEDED.into());
            }
            let again = object.word.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::Relaxed);
            return Ok(again.is_ok().then_some(false));
        }
        let thread = self.arena.thread(slot);
        let taken = seen & word::GENERATION_MASK | u64::from(me) << word::OWNER_SHIFT | 1;
        thread.intent.put(number + 1);
        fault!(FastIntent);
        // AcqRel: the store of `intent` stays before it, the critical section after it.
        let won = object.word.compare_exchange_weak(seen, taken, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        fault!(FastOwned);
        if won {
            self.note_owned(slot, number);
            fault!(FastRecorded);
        }
        thread.intent.put(0);
        Ok(won.then_some(seen & word::ABANDONED != 0))
    }

    /// Add to the superset of mutants owned. Only the thread itself calls it.
    #[inline]
    pub(crate) fn note_owned(&self, slot: u32, object: u32) {
        let thread = self.arena.thread(slot);
        let count = thread.owned_count.get() as usize;
        if count < OWNED {
            thread.owned[count].put(object);
            thread.owned_count.put(count as u32 + 1);
        } else {
            thread.owned_overflow.put(1);
        }
    }

    #[inline]
    fn forget_owned(&self, slot: u32, object: u32) {
        let thread = self.arena.thread(slot);
        let count = (thread.owned_count.get() as usize).min(OWNED);
        if let Some(place) = (0..count).rev().find(|place| thread.owned[*place].get() == object) {
            thread.owned[place].put(thread.owned[count - 1].get());
            thread.owned_count.put(count as u32 - 1);
        }
    }

    /// Release once. Needs no right: who owns it may release it through any handle.
    #[inline]
    pub fn release_mutant(self: &Arc<Self>, handle: u32) -> NtResult<()> {
        let slot = self.thread_slot()?;
        let (entry, _) = self.entry_of(handle, Type::Mutant, 0)?;
        let object = self.arena.object(entry.object);
        let mut seen = object.word.load(Ordering::Relaxed);
        while seen & word::HAS_WAITERS == 0 {
            if word::generation(seen) != entry.generation {
                return Err(NtStatus::INVALID_HANDLE.into());
            }
            let new = released(seen, slot + 1)?;
            match object.word.compare_exchange_weak(seen, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    fault!(FastReleased);
                    if owner(new) == 0 {
                        self.forget_owned(slot, entry.object);
                    }
                    return Ok(());
                }
                Err(now) => seen = now,
            }
        }
        let mut locked = self.lock_as(slot + 1);
        let (entry, _) = self.entry_of(handle, Type::Mutant, 0)?;
        locked.disown(entry.object, slot)
    }

    pub fn query_mutant(self: &Arc<Self>, handle: u32) -> NtResult<MutantState> {
        let (entry, _) = self.entry_of(handle, Type::Mutant, access::QUERY)?;
        let seen = self.arena.object(entry.object).word.get();
        let me = self.thread_slot()? + 1;
        Ok(MutantState {
            owner: owner(seen),
            recursion: if owner(seen) == 0 { 0 } else { recursion(seen) },
            abandoned: seen & word::ABANDONED != 0,
            owned_by_caller: owner(seen) == me,
        })
    }

    /// Process and thread id of a thread slot, for people.
    pub fn thread_identity(&self, slot: u32) -> (u32, u32) {
        let thread = self.arena.thread(slot);
        (thread.process_slot().map_or(0, |process| self.arena.process(process).pid.get()), thread.tid.get())
    }
}

impl Locked<'_> {
    /// One release by the thread in `slot`.
    pub fn disown(&mut self, object: u32, slot: u32) -> NtResult<()> {
        let record = self.session.arena.object(object);
        let mut seen = record.word.load(Ordering::Acquire);
        let new = loop {
            let new = released(seen, slot + 1)?;
            match record.word.compare_exchange(seen, new, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => break new,
                Err(now) => seen = now,
            }
        };
        fault!(MutantFreed);
        if owner(new) == 0 {
            self.evaluate_if_waited_for(object);
            self.session.forget_owned(slot, object);
            fault!(MutantForgotten);
        }
        Ok(())
    }
}
