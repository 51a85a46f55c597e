//! After a death inside the dispatcher lock: finish or forget the step under way, then rebuild everything derived.
//!
//! What is true: the journal, the threads' wait records, the handle tables, the objects' words and kinds.
//! What is rebuilt from it: wait lists, HAS_WAITERS, handle counts, name chains, free lists. A death in here leaves a dead
//! owner, and the next one begins again: nothing here destroys a truth before what follows from it is stored.
//! Proof: `tests/models/deaths.rs`, `models/dispatcher.pml`.

use super::lock::Locked;
use crate::arena::layout::{BLOCKS, BUCKETS, IN_FRAMES, journal, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared};

impl Locked<'_> {
    #[cold]
    pub fn recover(&mut self) {
        self.session.arena.header().recoveries.fetch_add(1, Ordering::Relaxed);
        if without!(PoolRedo) {
            self.session.arena.header().page_step.valid.put(0);
        }
        self.redo_page_step();
        if without!(DrainRedo) {
            self.session.arena.header().queue_busy.put(0);
        }
        self.redo_drain();
        self.redo_journal();
        fault!(RecoverRedone);
        if !without!(Recount) {
            self.recount_handles();
        }
        if !without!(RefsOneByOne) {
            self.forget_empty_places();
        }
        self.recount_carried();
        fault!(RecoverCounted);
        if !without!(Relink) {
            self.relink_waits();
        }
        fault!(RecoverLinked);
        let ends = self.recover_bodies();
        if !without!(Relist) {
            self.rebuild_objects();
        }
        fault!(RecoverListed);
        self.reevaluate_everything();
        self.recover_losses(&ends);
        fault!(RecoverEvaluated);
        self.wake_told_sleepers();
    }

    fn redo_journal(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        let kind = header.journal_valid.get();
        if kind == 0 {
            return;
        }
        if !self.journal_is_whole() {
            self.session.damaged("the journal holds a step that does not exist");
            header.journal_valid.put(0);
            return;
        }
        header.redone.fetch_add(1, Ordering::Relaxed);
        if without!(JournalRedo) {
            header.journal_valid.put(0);
            return;
        }
        self.apply_journal();
        let thread = arena.thread(header.journal_thread.get());
        if kind == journal::REFUND {
            thread.progress.put(progress::IDLE);
        } else if progress::is_queued(thread.progress.get()) {
            thread.progress.store(header.journal_result.get(), Ordering::SeqCst);
        }
        header.journal_valid.put(0);
    }

    /// Is it one step, of a thread that there is, for objects that there are?
    fn journal_is_whole(&self) -> bool {
        let arena = &self.session.arena;
        let header = arena.header();
        let thread = header.journal_thread.get();
        let (objects, blocks) =
            (arena.objects(), thread.saturating_mul(BLOCKS)..thread.saturating_add(1).saturating_mul(BLOCKS));
        matches!(header.journal_valid.get(), journal::COMPLETE | journal::REFUND)
            && thread < arena.threads()
            && header.journal_count.get() <= BLOCKS
            && (0..header.journal_count.get()).all(|index| {
                let entry = arena.journal(index);
                entry.object.get() < objects
                    && blocks.contains(&(entry.block.get() & !(journal::ABANDONED | journal::PULSED)))
            })
    }

    fn objects_high(&self) -> u32 {
        self.session.arena.objects()
    }

    /// Counted aside and stored once: nobody ever sees a passing zero.
    fn recount_handles(&mut self) {
        let arena = &self.session.arena;
        let mut counts = vec![0u32; self.objects_high() as usize];
        for slot in 0..arena.processes() {
            let process = arena.process(slot);
            if process.life.word.get() == 0 && slot != IN_FRAMES || slot == IN_FRAMES && without!(InFlightCounted) {
                continue;
            }
            let mut handles = 0;
            for index in 0..arena.handles(slot) {
                if let Some(entry) = Entry::unpack(arena.handle(slot, index).get()) {
                    handles += 1;
                    if let Some(count) = counts.get_mut(entry.object as usize) {
                        *count += 1;
                    }
                }
            }
            process.handle_count.put(handles);
            for bits in &process.full {
                bits.put(0);
            }
        }
        for (object, count) in counts.iter().enumerate() {
            let record = arena.object(object as u32);
            record.handles.put(*count);
            record.head.put(0);
            record.tail.put(0);
            // Files first: a section whose freeing was cut short is still marked as one.
            if *count == 0 && Kind::of(record) == Some(Kind::Section) {
                self.unlink_section_file(object as u32);
            }
        }
    }

    fn relink_waits(&mut self) {
        let arena = &self.session.arena;
        let mut waiting = Vec::new();
        for slot in 0..arena.threads() {
            let thread = arena.thread(slot);
            thread.linked.put(0);
            if thread.life.word.get() != 0 && progress::is_queued(thread.progress.get()) {
                waiting.push((thread.sequence.get(), slot));
            }
        }
        waiting.sort_unstable();
        let objects = self.objects_high();
        for (_, slot) in waiting {
            let leads_to_one = |place| self.block_of(slot, place).object.get() < objects;
            if !(0..self.block_count(slot)).all(leads_to_one) {
                self.session.damaged("a wait is in the list of another object, or in none");
                continue;
            }
            for place in 0..self.block_count(slot) {
                let object = arena.object(self.block_of(slot, place).object.get());
                object.word.fetch_or(word::HAS_WAITERS, Ordering::SeqCst);
            }
            self.link(slot);
        }
    }

    /// Free what has neither handles nor waiters, chain the names, list the free slots and cells.
    fn rebuild_objects(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        for bucket in 0..BUCKETS {
            arena.bucket(bucket).put(0);
        }
        let mut used = vec![false; arena.cells() as usize];
        let (mut free, mut live) = (0, 0);
        for object in (0..self.objects_high()).rev() {
            let record = arena.object(object);
            let kept = Kind::of(record).is_some_and(Kind::is_end) && self.has_body(object);
            if record.handles.get() == 0 && record.head.get() == 0 && !kept {
                record.kind.put(0);
            }
            if Kind::of(record).is_none() {
                record.kind.put(0);
                record.link.put(free);
                free = object + 1;
                continue;
            }
            live += 1;
            // Not of an event in the middle of a pulse: whom it has released must not set it before the pulse has cleared it.
            let waited_for = record.head.get() != 0 || (header.pulse.get() == object + 1 && !without!(PulseKept));
            if !waited_for && record.word.get() & word::HAS_WAITERS != 0 {
                record.word.fetch_and(!word::HAS_WAITERS, Ordering::SeqCst);
            }
            for cell in [record.name.get(), record.extra.get()] {
                self.mark_text(cell, &mut used);
            }
            if record.name.get() != 0 && record.handles.get() != 0 {
                let bucket = arena.bucket(record.hash.get());
                record.link.put(bucket.get());
                bucket.put(object + 1);
            }
        }
        header.object_free.put(free);
        header.objects_live.put(live);
        fault!(RecoverNamed);
        let mut free = 0;
        for index in (0..used.len() as u32).rev().filter(|index| !used[*index as usize]) {
            arena.cell(index).next.put(free);
            free = index + 1;
        }
        header.cell_free.put(free);
    }

    /// Mark the cells of a text as used.
    fn mark_text(&self, first: u32, used: &mut [bool]) {
        let mut cell = first;
        while let Some(flag) = cell.checked_sub(1).and_then(|index| used.get_mut(index as usize)) {
            if std::mem::replace(flag, true) {
                break; // a cycle, or two owners: damaged memory must not keep us here
            }
            cell = self.session.arena.cell(cell - 1).next.get();
        }
    }

    fn reevaluate_everything(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        for object in 0..self.objects_high() {
            if Kind::of(arena.object(object)).is_some_and(Kind::is_timer) {
                self.tick(object);
                if !without!(TimersAgain) {
                    self.tell_waiters_to_look(object); // it may have been set and its waiters not told
                }
            }
        }
        let mut waiting = Vec::new();
        for slot in 0..arena.threads() {
            let thread = arena.thread(slot);
            if thread.linked.get() != 0 && progress::is_queued(thread.progress.get()) {
                waiting.push((thread.sequence.get(), slot));
            }
        }
        waiting.sort_unstable();
        for (_, slot) in waiting {
            if without!(Reevaluation) {
                break;
            }
            if let Some(index) = self.satisfied(slot) {
                self.complete(slot, index);
            }
        }
        if let Some(object) = header.pulse.get().checked_sub(1) {
            if !without!(PulseEnd) {
                arena.object(object).word.fetch_and(!1, Ordering::SeqCst);
            }
            header.pulse.put(0);
            self.lower_flag(object);
        }
    }
}
