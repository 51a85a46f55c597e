//! What is done for the dead, and for a process that leaves. Runs under the dispatcher lock, restartable at every step.

use super::lock::Locked;
use crate::arena::layout::{HANDLES, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared};

/// Handles closed under one hold of the lock.
const CHUNK: u32 = 512;

impl Locked<'_> {
    /// Free a mutant that `thread` owns, as abandoned, and hand it on.
    fn abandon(&mut self, object: u32, thread: u32) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        if Kind::of(record) != Some(Kind::Mutant) {
            return;
        }
        let mine = u64::from(thread + 1) << word::OWNER_SHIFT;
        let mut seen = record.word.get();
        fault!(AbandonBefore);
        while seen & word::OWNER_MASK == mine {
            let freed = (seen & word::KEPT) | word::ABANDONED;
            match record.word.compare_exchange(seen, freed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    arena.header().abandons.fetch_add(1, Ordering::Relaxed);
                    fault!(AbandonDone);
                    self.evaluate_if_waited_for(object);
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Put right what a thread leaves behind: its wait, the result it never took, its mutants.
    /// The slot is free once the caller has set its life word to 0.
    pub fn release_thread(&mut self, slot: u32) {
        let session = self.session;
        let arena = &session.arena;
        let thread = arena.thread(slot);
        let state = thread.progress.get();
        if progress::is_queued(state) && !without!(Withdrawal) {
            self.withdraw(slot);
        } else if progress::is_done(state) && !without!(Refund) {
            self.refund(slot);
        }
        fault!(ReleaseThread);
        // After its wait, so that no chance goes to the dead.
        self.settle(slot);
        self.end_calls(slot);
        // A superset of what it owns: what it noted, and what its last wait may have given it.
        if thread.noted_overflow.get() != 0 {
            for object in 0..arena.objects() {
                self.abandon(object, slot);
            }
        } else {
            for object in thread.noted.iter().filter_map(|noted| noted.get().checked_sub(1)) {
                self.abandon(object, slot);
            }
            for place in 0..self.block_count(slot) {
                self.abandon(self.block_of(slot, place).object.get(), slot);
            }
        }
        fault!(ReleaseThreadDone);
        thread.forget_notes();
        thread.block_count.put(0);
        thread.process.put(0);
    }

    /// Release a thread slot whose life word still says `seen`, and free it. `false`: it says something else by now.
    pub fn release_dead_thread(&mut self, slot: u32, seen: u32) -> bool {
        let life = &self.session.arena.thread(slot).life.word;
        if life.get() != seen {
            return false;
        }
        self.release_thread(slot);
        life.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Close up to [`CHUNK`] handles of a process slot. `true`: more are left.
    pub fn close_some_handles(&mut self, process: u32) -> bool {
        let record = self.session.arena.process(process);
        record.attached.put(0); // nobody duplicates a handle into it any more
        let high = record.handle_high.get().min(HANDLES);
        let low = high.saturating_sub(CHUNK);
        for index in (low..high).rev() {
            self.clear_handle(process, index);
            fault!(ReleaseHandle);
        }
        record.handle_high.put(low);
        low > 0
    }

    /// Forget a process whose threads and handles are gone. The slot is free once its life word is 0. Its object, if it
    /// has one that somebody is to watch.
    pub fn release_process(&mut self, process: u32) -> Option<u32> {
        self.lose_calls_to(process);
        let object = self.slot_released(process);
        self.leave_log(process);
        let record = self.session.arena.process(process);
        record.exit_request.put(0);
        record.pid.put(0);
        record.start_time.put(0);
        record.handle_count.put(0);
        for bits in &record.full {
            bits.put(0);
        }
        fault!(ReleaseProcessDone);
        self.wake_told_sleepers();
        object
    }

    /// A signaller may have died between the lock and the wake: wake the threads that were told something.
    pub fn wake_told_sleepers(&mut self) {
        if without!(Rewake) {
            return;
        }
        self.tell_of_pages();
        let arena = &self.session.arena;
        for slot in 0..arena.threads() {
            let thread = arena.thread(slot);
            let state = thread.progress.get();
            if thread.life.word.get() != 0
                && (progress::is_done(state) || matches!(state, progress::RETRY | progress::LOOK))
            {
                self.wake_later(slot);
            }
        }
    }
}
