//! Wait records and wait lists. A thread's blocks lie in a row of its own, so a place needs no allocation.
//!
//! Truth: the thread's record (blocks, count, all or any, sequence) and `progress`. The lists, `linked` and HAS_WAITERS
//! follow from it. Invariant, lock free: HAS_WAITERS is set exactly on objects whose list is not empty.

use crate::arena::layout::{BLOCKS, Block, Object, word};
use crate::arena::layout::{journal, progress};
use crate::dispatch::signal;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::process::lock::Locked;
use crate::sync::{Ordering, Shared};

impl Locked<'_> {
    pub fn block_count(&self, slot: u32) -> u32 {
        self.session.arena.blocks(slot)
    }

    pub fn block_of(&self, slot: u32, place: u32) -> &Block {
        self.session.arena.block(slot * BLOCKS + place)
    }

    /// Append the blocks of a recorded wait to the lists of their objects.
    pub fn link(&mut self, slot: u32) {
        let arena = &self.session.arena;
        for place in 0..self.block_count(slot) {
            let number = slot * BLOCKS + place + 1;
            let block = arena.block(number - 1);
            let object = arena.object(block.object.get());
            let last = object.tail.get();
            block.next.put(0);
            block.previous.put(last);
            fault!(WaitLinkHalf);
            match last {
                0 => object.head.put(number),
                _ => arena.block(last - 1).next.put(number),
            }
            object.tail.put(number);
        }
        arena.thread(slot).linked.put(1);
        fault!(WaitLinked);
    }

    /// Take the blocks of a wait out of the lists. Objects that nobody holds or waits for any more go.
    pub fn unlink(&mut self, slot: u32) {
        let arena = &self.session.arena;
        if arena.thread(slot).linked.get() == 0 {
            return;
        }
        for place in 0..self.block_count(slot) {
            let block = arena.block(slot * BLOCKS + place);
            let number = block.object.get();
            let object = arena.object(number);
            let (previous, next) = (block.previous.get(), block.next.get());
            if !self.is_linked(object, slot * BLOCKS + place + 1, previous, next) {
                self.session.damaged("a wait is in the list of another object, or in none");
                continue;
            }
            match previous {
                0 => object.head.put(next),
                _ => arena.block(previous - 1).next.put(next),
            }
            fault!(UnlinkHalf);
            match next {
                0 => object.tail.put(previous),
                _ => arena.block(next - 1).previous.put(previous),
            }
            self.lower_flag(number);
        }
        arena.thread(slot).linked.put(0);
        fault!(UnlinkDone);
        self.hand_on_lookout(slot);
    }

    /// Do its neighbours lead to this block, so that it can be taken out?
    fn is_linked(&self, object: &Object, number: u32, previous: u32, next: u32) -> bool {
        let arena = &self.session.arena;
        let before = match previous {
            0 => object.head.get(),
            _ => arena.block(previous - 1).next.get(),
        };
        let after = match next {
            0 => object.tail.get(),
            _ => arena.block(next - 1).previous.get(),
        };
        before == number && after == number
    }

    /// Nobody waits any more? Then fast paths may go on, and an object without handles ends.
    pub fn lower_flag(&mut self, object: u32) {
        let record = self.session.arena.object(object);
        if record.head.get() != 0 || record.word.get() & word::HAS_WAITERS == 0 {
            return;
        }
        if self.session.arena.header().pulse.get() == object.wrapping_add(1) && !without!(PulseGuard) {
            return; // a thread that the pulse woke must not set the event before the pulse has cleared it
        }
        record.word.fetch_and(!word::HAS_WAITERS, Ordering::SeqCst);
        if record.handles.get() == 0
            && let Some(kind) = Kind::of(record)
        {
            match kind.is_end() {
                true => self.end_gone(object),
                false => self.free_object(object),
            }
        }
    }

    /// End a queued wait that got nothing.
    pub fn withdraw(&mut self, slot: u32) {
        let arena = &self.session.arena;
        let thread = arena.thread(slot);
        let told_to_retry = thread.progress.get() == progress::RETRY;
        for place in 0..if told_to_retry { self.block_count(slot) } else { 0 } {
            self.close_offer(self.block_of(slot, place).object.get());
        }
        thread.progress.put(progress::IDLE);
        fault!(WaitWithdrawn);
        self.unlink(slot);
        if told_to_retry && !without!(OfferAgain) {
            // The chance that was offered to this thread goes to the next one.
            for place in 0..self.block_count(slot) {
                let object = self.block_of(slot, place).object.get();
                self.evaluate_if_waited_for(object);
            }
        }
    }

    /// Give back what a completed wait took and its thread will never use: as one journalled step.
    pub fn refund(&mut self, slot: u32) {
        let arena = &self.session.arena;
        let header = arena.header();
        let thread = arena.thread(slot);
        let (first, end) = self.taken(slot);
        // HAS_WAITERS keeps fast paths away while the journal holds absolute words.
        for place in first..end {
            let object = self.block_of(slot, place).object.get();
            arena.object(object).word.fetch_or(word::HAS_WAITERS, Ordering::SeqCst);
            self.close_offer(object);
        }
        fault!(RefundFlagged);
        for (index, place) in (first..end).enumerate() {
            let block = self.block_of(slot, place);
            let object = arena.object(block.object.get());
            let (seen, channel) = (object.word.get(), block.channel.get());
            let abandoned = channel & Block::ABANDONED != 0;
            let generation = channel >> Block::GENERATION_SHIFT & word::GENERATION_MAX;
            let new = match Kind::of(object) {
                // Closed and used again meanwhile: what was taken is gone with the object it belonged to.
                _ if word::generation(seen) != generation && !without!(RefundGeneration) => seen,
                // What a pulse gave was for the threads that waited then; it must not stay for later ones.
                Some(Kind::SynchronizationEvent) if channel & Block::PULSED != 0 => seen,
                Some(kind) => signal::give_back(kind, seen, object.limit.get(), slot + 1, channel, abandoned),
                None => seen,
            };
            let entry = arena.journal(index as u32);
            entry.object.put(block.object.get());
            entry.block.put(slot * BLOCKS + place);
            entry.word.put(new);
        }
        header.refunds.fetch_add(1, Ordering::Relaxed);
        header.journal_thread.put(slot);
        header.journal_result.put(progress::IDLE);
        header.journal_count.put(end - first);
        header.journal_valid.put(if without!(RefundTag) { journal::COMPLETE } else { journal::REFUND });
        fault!(RefundValid);
        self.apply_journal();
        thread.progress.put(progress::IDLE);
        fault!(RefundApplied);
        header.journal_valid.put(0);
        for place in first..end {
            let object = self.block_of(slot, place).object.get();
            self.evaluate(object);
            self.lower_flag(object);
        }
    }

    /// Places of the blocks whose objects a completed wait took.
    pub fn taken(&self, slot: u32) -> (u32, u32) {
        let thread = self.session.arena.thread(slot);
        let count = self.block_count(slot);
        if thread.wait_all.get() != 0 {
            return (0, count);
        }
        let index = (thread.progress.get() & progress::INDEX_MASK).min(count.saturating_sub(1));
        (index, (index + 1).min(count))
    }
}
