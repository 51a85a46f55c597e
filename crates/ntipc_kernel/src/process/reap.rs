//! What a watcher does for a process that died: its threads are released, its handles closed, its slot is freed.
//!
//! Any number of watchers may do so for the same process at the same time, each step under the dispatcher lock. A
//! watcher that saw the death a while ago, because it was stopped since, may find the slot free or taken by somebody
//! else: each step looks first whether the death is still the one that was seen ([`Death::is_current`]).
//! A thread that may still run an instruction is left alone, and nobody waits for it here: others may have died
//! meanwhile.
//! Crash: every step can be repeated; the next watcher goes on where this one ended.

use super::fork::GRACE_NS;
use super::lock::Locked;
use crate::arena::Arena;
use crate::fault::fault;
use crate::mutation::without;
use crate::session::Session;
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;
use crate::sys::robust::{HEIR, OWNER_DIED, is_held};
use smallvec::SmallVec;
use std::sync::Weak;

/// The death of a process, as somebody saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Death {
    pub slot: u32,
    /// What the life word said.
    pub life: u32,
    pub generation: u32,
    /// The process is gone although its life words, or those of its threads, say otherwise.
    pub hidden: bool,
}

impl Death {
    pub fn of(arena: &Arena, slot: u32, life: u32, hidden: bool) -> Death {
        Death { slot, life, generation: arena.process(slot).generation.get(), hidden }
    }

    /// Has nobody dealt with it meanwhile?
    pub fn is_current(&self, arena: &Arena) -> bool {
        let record = arena.process(self.slot);
        record.life.word.load(Ordering::Acquire) == self.life && record.generation.get() == self.generation
    }
}

#[derive(Debug)]
pub(crate) enum Reaped {
    /// The slot is free, or somebody else has freed it.
    Done,
    /// These threads may still run; or, if there are none, a child is about to take the handles over.
    NotYet(SmallVec<[u32; 8]>),
}

impl Locked<'_> {
    /// The last step. `false`: somebody else has done it.
    fn free_slot(&mut self, death: &Death) -> bool {
        let arena = &self.session.arena;
        if !death.is_current(arena) {
            return false;
        }
        arena.header().reaped.fetch_add(1, Ordering::Relaxed);
        arena.header().hidden.fetch_add(u64::from(is_held(death.life) && death.life != HEIR), Ordering::Relaxed);
        let life = &arena.process(death.slot).life.word;
        life.compare_exchange(death.life, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

impl Session {
    /// Do what a death asks for, as the lock's owner `me`.
    pub(crate) fn reap(&self, me: u32, death: &Death) -> Reaped {
        fault!(ReapBegin);
        let (arena, slot) = (&self.arena, death.slot);
        let mut running = SmallVec::new();
        for number in self.threads_of(slot) {
            let thread = arena.thread(number);
            let seen = thread.life.word.load(Ordering::Acquire);
            if seen == 0 {
                continue;
            }
            if !death.hidden && is_held(seen) {
                running.push(number);
                continue;
            }
            let mut locked = self.lock_as(me);
            // By now somebody else may have reaped the process and a newcomer may have its slot: no thread of that one.
            if !death.is_current(arena) && !without!(SeenAgain) {
                return Reaped::Done;
            }
            if thread.process_slot() == Some(slot) {
                locked.release_dead_thread(number, seen);
            }
        }
        if !running.is_empty() {
            return Reaped::NotYet(running);
        }
        let left_ns = arena.process(slot).fork_until_ns.get().saturating_sub(now_ns());
        if (1..=GRACE_NS).contains(&left_ns) {
            return Reaped::NotYet(running); // its child is about to take its handles over
        }
        let object = loop {
            let mut locked = self.lock_as(me);
            if !death.is_current(arena) {
                return Reaped::Done;
            }
            if !locked.close_some_handles(slot) {
                let object = locked.release_process(slot);
                if without!(FreedLast) {
                    locked.free_slot(death);
                }
                break object;
            }
        };
        // All whom the death concerns are awake by now. A reaper that is stopped before that leaves the death for
        // others to go on with.
        if self.lock_as(me).free_slot(death) {
            fault!(SlotFreed);
            self.tell_watchers(slot);
        }
        for heir in self.orphaned_heirs(slot, death.generation) {
            self.heir_ended(me, heir);
        }
        // Those that wait for it watch it themselves, where they can; from another pid namespace they cannot.
        if let (Some(object), Some(session)) = (object, self.shared.get().and_then(Weak::upgrade)) {
            session.watch_object_of_dead(object);
        }
        Reaped::Done
    }

    fn threads_of(&self, process: u32) -> Vec<u32> {
        (0..self.arena.threads())
            .filter(|slot| {
                let thread = self.arena.thread(*slot);
                thread.life.word.get() != 0 && thread.process_slot() == Some(process)
            })
            .collect()
    }

    /// Threads that ended without running their destructors, or between claiming a slot and filling it.
    pub(super) fn reap_stray_threads(&self, me: u32) {
        for slot in 0..self.arena.threads() {
            let thread = self.arena.thread(slot);
            let seen = thread.life.word.get();
            if seen & OWNER_DIED == 0 {
                continue;
            }
            let life = |process| self.arena.process(process).life.word.get();
            if thread.process_slot().is_none_or(|process| life(process) & OWNER_DIED == 0) {
                self.lock_as(me).release_dead_thread(slot, seen);
            }
        }
    }
}
