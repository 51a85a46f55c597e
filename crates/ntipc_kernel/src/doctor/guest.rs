//! A process that looks under the dispatcher lock without taking part: a thread slot that belongs to no process.
//!
//! Such a slot is what a participant's thread has between claiming it and filling it, so everybody can deal with it: if
//! this thread dies, a watcher frees the slot, and the next thread that needs the lock takes it over.

use crate::arena::Arena;
use crate::arena::layout::{THREADS, progress};
use crate::process::lock::{self, Watching};
use crate::sync::{Ordering, Shared};
use crate::sys::namespaces::pid_namespace;
use crate::sys::process::tid;
use crate::sys::robust::{self, Linked};

pub struct Guest<'a> {
    arena: &'a Arena,
    slot: u32,
    linked: Linked,
}

impl<'a> Guest<'a> {
    /// Only for a thread that takes part in nothing. `None`: there is no slot to be had.
    pub fn new(arena: &'a Arena) -> Option<Guest<'a>> {
        let mut linked = Linked::default();
        for slot in 0..THREADS {
            arena.grow_threads(slot + 1).ok()?;
            let thread = arena.thread(slot);
            if thread.life.word.load(Ordering::Relaxed) != 0 || !robust::claim(&thread.life, &mut linked).ok()? {
                continue;
            }
            thread.process.put(0);
            thread.tid.put(tid());
            thread.pid_namespace.put(pid_namespace());
            thread.generation.put(thread.generation.get().wrapping_add(1));
            thread.progress.put(progress::IDLE);
            for field in [&thread.block_count, &thread.linked] {
                field.put(0);
            }
            thread.forget_notes();
            arena.header().thread_high.fetch_max(slot + 1, Ordering::AcqRel);
            return Some(Guest { arena, slot, linked });
        }
        None
    }

    pub fn slot(&self) -> u32 {
        self.slot
    }

    pub fn lock(&self, deadline_ns: u64) -> Option<Watching<'a>> {
        lock::lock_to_look(self.arena, self.slot + 1, deadline_ns)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let life = &self.arena.thread(self.slot).life;
        let announced = robust::announce(Some(life)).is_ok();
        robust::unlink(life, &mut self.linked);
        life.word.store(0, Ordering::Release);
        if announced {
            let _ = robust::announce(None);
        }
    }
}
