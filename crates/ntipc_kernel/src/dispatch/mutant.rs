//! Mutants: owned by a thread, recursive, abandoned when it ends. (NtReleaseMutant)
//!
//! Invariant: what a thread owns, it has noted: in `noted` from before the compare-and-swap that takes it. So a dead
//! thread's mutants are found without a search. A mutant that a wait handed over is found through the wait record until
//! it is acknowledged, and noted then. Notes of what was released stay, and save the next acquire the store, until
//! their place is needed.

use super::signal::{owner, recursion};
use crate::arena::layout::{NOTED, word};
use crate::fault::fault;
use crate::object::kind::{Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared};
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
        0 | 1 => Ok(seen & word::KEPT),
        _ => Ok(seen - 1),
    }
}

impl Session {
    /// Note a mutant that the calling thread, in `slot`, is about to own.
    #[inline(always)]
    pub(crate) fn note(&self, slot: u32, object: u32) {
        if self.arena.thread(slot).noted[object as usize % NOTED].get() != object + 1 {
            self.note_anew(slot, object);
        }
    }

    #[cold]
    fn note_anew(&self, slot: u32, object: u32) {
        let thread = self.arena.thread(slot);
        let is_free = |noted: &&AtomicU32| {
            let Some(before) = noted.get().checked_sub(1) else { return true };
            before == object || owner(self.arena.object(before).word.get()) != slot + 1
        };
        let first = object as usize % NOTED;
        let mut places = thread.noted[first..].iter().chain(&thread.noted[..first]);
        match places.find(is_free) {
            Some(place) => place.put(object + 1),
            None => thread.noted_overflow.put(1),
        }
    }

    /// Release once. Needs no right: who owns it may release it through any handle.
    #[inline]
    pub fn release_mutant(self: &Arc<Self>, handle: u32) -> NtResult<()> {
        if self.release_mutant_at_once(handle).is_some() {
            return Ok(());
        }
        let slot = self.thread_slot()?;
        let mut locked = self.lock_whole(slot)?;
        let (entry, _) = self.entry_of(handle, Type::Mutant, 0)?;
        locked.disown(entry.object, slot)?;
        self.whole()
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

    /// Process and thread id of a thread slot, for people. `None`: they mean nothing in our pid namespace.
    pub fn thread_identity(&self, slot: u32) -> Option<(u32, u32)> {
        let thread = self.arena.thread(slot);
        Some((self.pid_of(thread.process_slot()?)?, thread.tid.get()))
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
        }
        Ok(())
    }
}
