//! After a death inside the dispatcher lock: finish or forget the step under way, then rebuild what follows from the
//! truth, of all that the dead were changing (`changes`): others do not wait for a look at every object there is.
//!
//! What is true: the journal, the threads' wait records, the handle tables, the objects' words and kinds.
//! What follows from it: wait lists, HAS_WAITERS, handle counts, name chains, free lists. A death in here leaves a dead
//! owner, and the next one begins again: nothing here destroys a truth before what follows from it is stored.
//! Proof: `tests/models/deaths.rs`, `models/dispatcher.pml`.

use super::changes::Scope;
use super::lock::Locked;
use crate::arena::layout::{BLOCKS, IN_FRAMES, journal, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared};

/// Handles of all objects, or of those in a scope.
enum Counts<'a> {
    All(Vec<u32>),
    /// Whether an object is one of them, by bits; and how many handles each has.
    Some(&'a Scope, Vec<u64>, Vec<u32>),
}

impl Counts<'_> {
    fn of(scope: &Scope, objects: usize) -> Counts<'_> {
        if scope.everything {
            return Counts::All(vec![0; objects]);
        }
        let mut wanted = vec![0; objects / 64 + 1];
        for object in &scope.objects {
            wanted[*object as usize / 64] |= 1 << (object % 64);
        }
        Counts::Some(scope, wanted, vec![0; scope.objects.len()])
    }

    #[inline]
    fn add(&mut self, object: u32) {
        match self {
            Counts::All(counts) => {
                if let Some(count) = counts.get_mut(object as usize) {
                    *count += 1;
                }
            }
            Counts::Some(scope, wanted, counts) => {
                let is_wanted = wanted.get(object as usize / 64).is_some_and(|bits| bits >> (object % 64) & 1 != 0);
                if is_wanted && let Ok(place) = scope.objects.binary_search(&object) {
                    counts[place] += 1;
                }
            }
        }
    }

    fn each(&self, mut store: impl FnMut(u32, u32)) {
        match self {
            Counts::All(counts) => {
                (0..).zip(counts).for_each(|(object, count)| store(object, *count));
            }
            Counts::Some(scope, _, counts) => {
                scope.objects.iter().zip(counts).for_each(|(object, count)| store(*object, *count));
            }
        }
    }
}

impl Locked<'_> {
    /// `everything`: whatever the last owner noted cannot be relied on.
    #[cold]
    pub fn recover(&mut self, everything: bool) {
        self.session.arena.header().recoveries.fetch_add(1, Ordering::Relaxed);
        if everything || crate::fault::rebuilds_everything() {
            self.note_everything();
        }
        let scope = self.scope();
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
        let named = self.named_by_waits();
        if !without!(Recount) {
            self.recount_handles(&scope);
        }
        if !without!(RefsOneByOne) {
            self.forget_empty_places();
        }
        self.recount_carried(&scope);
        fault!(RecoverCounted);
        if !without!(Relink) {
            self.relink_waits(&scope, &named);
        }
        fault!(RecoverLinked);
        let ends = self.recover_bodies(&scope);
        self.recover_badges(&scope);
        if !without!(Relist) {
            match scope.everything {
                true => self.rebuild_objects(),
                false => self.repair_objects(&scope, &named),
            }
        }
        self.count_name();
        fault!(RecoverListed);
        self.reevaluate_waits(&named);
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

    /// Objects that wait records name, in order, each once: what may be in half a list, or be waited for.
    fn named_by_waits(&self) -> Vec<u32> {
        let arena = &self.session.arena;
        let blocks = |slot| (0..self.block_count(slot)).map(move |place| self.block_of(slot, place).object.get());
        let mut named: Vec<u32> =
            (0..arena.threads()).flat_map(blocks).filter(|object| *object < arena.objects()).collect();
        named.extend(arena.header().pulse.get().checked_sub(1).filter(|object| *object < arena.objects()));
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Counted aside and stored once: nobody ever sees a passing zero.
    fn recount_handles(&mut self, scope: &Scope) {
        let arena = &self.session.arena;
        if !scope.everything && scope.objects.is_empty() {
            return; // no table was touched
        }
        let high = arena.objects() as usize;
        let mut counts = Counts::of(scope, high);
        for slot in 0..arena.processes() {
            let process = arena.process(slot);
            if process.life.word.get() == 0 && slot != IN_FRAMES || slot == IN_FRAMES && without!(InFlightCounted) {
                continue;
            }
            let mut handles = 0;
            for index in 0..arena.handles(slot) {
                if let Some(entry) = Entry::unpack(arena.handle(slot, index).get()) {
                    handles += 1;
                    counts.add(entry.object);
                }
            }
            process.handle_count.put(handles);
            for bits in &process.full {
                bits.put(0);
            }
        }
        counts.each(|object, count| {
            let record = arena.object(object);
            record.handles.put(count);
            // Files first: a section whose freeing was cut short is still marked as one.
            if count == 0 && Kind::of(record) == Some(Kind::Section) {
                self.unlink_section_file(object);
            }
        });
    }

    fn relink_waits(&mut self, scope: &Scope, named: &[u32]) {
        let arena = &self.session.arena;
        let unlink = |object: u32| {
            arena.object(object).head.put(0);
            arena.object(object).tail.put(0);
        };
        match scope.everything {
            true => (0..arena.objects()).for_each(unlink),
            false => named.iter().chain(&scope.objects).copied().for_each(unlink),
        }
        let mut waiting = Vec::new();
        for slot in 0..arena.threads() {
            let thread = arena.thread(slot);
            thread.linked.put(0);
            if thread.life.word.get() != 0 && progress::is_queued(thread.progress.get()) {
                waiting.push((thread.sequence.get(), slot));
            }
        }
        waiting.sort_unstable();
        let objects = arena.objects();
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

    fn reevaluate_waits(&mut self, named: &[u32]) {
        let arena = &self.session.arena;
        let header = arena.header();
        // A timer without waiters tells nobody; a query looks at it.
        for object in named.iter().copied().filter(|object| Kind::of(arena.object(*object)).is_some_and(Kind::is_timer))
        {
            self.tick(object);
            if !without!(TimersAgain) {
                self.tell_waiters_to_look(object); // it may have been set and its waiters not told
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
