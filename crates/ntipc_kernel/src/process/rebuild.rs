//! Part of recovery: objects that nobody uses go; names, the lists of free objects and cells, and the count of objects
//! are rebuilt.

use super::changes::Scope;
use super::lock::Locked;
use crate::arena::layout::word;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared};

impl Locked<'_> {
    /// Of every object that there is.
    pub(super) fn rebuild_objects(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        for bucket in arena.buckets() {
            arena.bucket(bucket).put(0);
        }
        let (mut free, mut live) = (0, 0);
        for object in (0..arena.objects()).rev() {
            let record = arena.object(object);
            if !self.is_used(object) {
                record.kind.put(0);
                record.link.put(free);
                free = object + 1;
                continue;
            }
            live += 1;
            self.lower_flag_of_unawaited(object);
            if record.name.get() != 0 && record.handles.get() != 0 {
                self.put_into_chain(object);
            }
        }
        header.object_free.put(free);
        header.objects_live.put(live);
        fault!(RecoverNamed);
        self.rebuild_cells();
    }

    /// Of those that were about to change, and those that wait records name.
    pub(super) fn repair_objects(&mut self, scope: &Scope, named: &[u32]) {
        let arena = &self.session.arena;
        let header = arena.header();
        let mut texts = scope.texts;
        for object in named.iter().filter(|object| !scope.has_object(**object)) {
            if Kind::of(arena.object(*object)).is_some() && !self.is_used(*object) {
                self.note_object(*object); // its last waiter was on the way out
            }
            self.lower_flag_of_unawaited(*object);
        }
        let changing = self.scope().objects;
        for object in changing.iter().copied() {
            let record = arena.object(object);
            let used = self.is_used(object);
            let is_named = used && record.name.get() != 0 && record.handles.get() != 0;
            match self.link_to(object).is_some() {
                true if !is_named => self.take_out_of_chain(object),
                false if is_named => self.put_into_chain(object),
                _ => {}
            }
            if used {
                self.lower_flag_of_unawaited(object);
                continue;
            }
            if record.kind.get() != 0 {
                texts |= record.name.get() != 0 || record.extra.get() != 0;
                if texts {
                    self.note_texts();
                }
                record.kind.put(0);
            }
        }
        let high = header.object_high.get();
        let is_free = |object: u32| arena.object(object).kind.get() == 0 && object < high;
        Self::relist(&changing, is_free, &header.object_free, |object| &arena.object(object).link);
        if !changing.is_empty() {
            header.objects_live.put(self.count_live());
        }
        fault!(RecoverNamed);
        if texts {
            self.rebuild_cells();
        }
    }

    /// Does an object have handles or waiters, or, if it is an end, a queue that decides about it?
    fn is_used(&self, object: u32) -> bool {
        let record = self.session.arena.object(object);
        Kind::of(record).is_some_and(|kind| {
            record.handles.get() != 0
                || record.head.get() != 0
                || kind.is_end() && self.has_body(object)
                || kind == Kind::BadgedEnd && self.session.arena.is_noticed_of(record)
        })
    }

    fn lower_flag_of_unawaited(&self, object: u32) {
        let (arena, record) = (&self.session.arena, self.session.arena.object(object));
        // Not of an event in the middle of a pulse: whom it has released must not set it before the pulse has cleared
        // it.
        let waited_for = record.head.get() != 0 || (arena.header().pulse.get() == object + 1 && !without!(PulseKept));
        if !waited_for && record.word.get() & word::HAS_WAITERS != 0 {
            record.word.fetch_and(!word::HAS_WAITERS, Ordering::SeqCst);
        }
    }

    /// Cells that no object's text lies in are free.
    fn rebuild_cells(&self) {
        let arena = &self.session.arena;
        let mut used = vec![false; arena.cells() as usize];
        for record in (0..arena.objects()).map(|object| arena.object(object)) {
            if Kind::of(record).is_some() {
                self.mark_text(record.name.get(), &mut used);
                self.mark_text(record.extra.get(), &mut used);
            }
        }
        let mut free = 0;
        for index in (0..used.len() as u32).rev().filter(|index| !used[*index as usize]) {
            arena.cell(index).next.put(free);
            free = index + 1;
        }
        arena.header().cell_free.put(free);
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
}
