//! What the holder of the dispatcher lock is changing: for recovery to look at that, and at nothing else.
//!
//! State: a row of notes, each an object (and whether it existed before) or the body of a queue; flags for what a note
//! cannot say; how many objects there were before the first note. All of it goes when the lock is released.
//!
//! Invariant: before the count of an object's handles changes, its kind, its name, or its place in the list of free
//! ones, it is noted; so is a body before it leaves or enters its list, or a side of it is taken. Wait lists need no
//! notes: the threads' wait records name the objects whose lists may be half linked. So whatever is neither noted nor
//! named by a wait record was whole when the lock was taken, and is.
//! Crash: a note too many does no harm. Recovery adds notes of its own, and takes none away before it is done.
//! More changes than there are notes or memory for them, or a lock that was scribbled on: recovery looks at everything.

use super::lock::Locked;
use crate::arena::layout::CHANGES;
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared};

const BODY: u32 = 1 << 30;
const EXISTED: u32 = 1 << 31;

/// Flags.
const EVERYTHING: u32 = 1;
const TEXTS: u32 = 2;

/// Where recovery has to look.
pub(crate) struct Scope {
    pub everything: bool,
    /// The cells of some text may have been on their way.
    pub texts: bool,
    /// Objects in order, each once.
    pub objects: Vec<u32>,
    pub bodies: Vec<u32>,
    /// Which of `objects` existed, and how many objects did.
    existed: Vec<bool>,
    live_before: u32,
}

impl Scope {
    pub fn has_object(&self, object: u32) -> bool {
        self.objects.binary_search(&object).is_ok()
    }
}

impl Locked<'_> {
    fn note(&mut self, what: u32) {
        let (arena, header) = (&self.session.arena, self.session.arena.header());
        let count = header.changes.get();
        if count == 0 {
            header.live_before.put(header.objects_live.get());
        } else if arena.change(count - 1).get() | EXISTED == what | EXISTED {
            return;
        }
        if count >= CHANGES || arena.grow_changes(count + 1).is_err() {
            return self.note_flag(EVERYTHING);
        }
        arena.change(count).put(what);
        header.changes.put(count + 1);
    }

    fn note_flag(&mut self, flag: u32) {
        let flags = &self.session.arena.header().change_flags;
        flags.put(flags.get() | flag);
    }

    /// Something of this object is about to change.
    pub(crate) fn note_object(&mut self, object: u32) {
        let header = self.session.arena.header();
        let exists = Kind::of(self.session.arena.object(object)).is_some();
        if !exists && object + 1 != header.object_free.get() && object != header.object_high.get() {
            return self.note_flag(EVERYTHING); // nobody changes one in the midst of the free ones
        }
        self.note(object | if exists { EXISTED } else { 0 });
    }

    /// So is the body of a queue, or a side of it.
    pub(crate) fn note_body(&mut self, body: u32) {
        self.note(body | BODY);
    }

    /// So are cells of text.
    pub(crate) fn note_texts(&mut self) {
        self.note_flag(TEXTS);
    }

    pub(super) fn note_everything(&mut self) {
        self.note_flag(EVERYTHING);
    }

    /// All is whole.
    pub(super) fn forget_changes(&mut self) {
        let header = self.session.arena.header();
        if header.changes.get() != 0 {
            header.changes.put(0);
        }
        if header.change_flags.get() != 0 {
            header.change_flags.put(0);
        }
    }

    pub(super) fn scope(&self) -> Scope {
        let (arena, header) = (&self.session.arena, self.session.arena.header());
        let count = header.changes.get();
        let flags = header.change_flags.get();
        let have = header.changes_reserved.load(Ordering::Acquire).min(CHANGES);
        let mut scope = Scope {
            everything: flags & EVERYTHING != 0 || count > have,
            texts: flags & TEXTS != 0,
            objects: Vec::new(),
            bodies: Vec::new(),
            existed: Vec::new(),
            live_before: header.live_before.get(),
        };
        let mut objects = Vec::new();
        for place in 0..count.min(have) {
            let change = arena.change(place).get();
            let number = change & !(BODY | EXISTED);
            match change & BODY {
                0 if number < arena.objects() => objects.push((number, place, change & EXISTED != 0)),
                0 => {}
                _ if number < arena.queues() => scope.bodies.push(number),
                _ => {}
            }
        }
        objects.sort_unstable();
        objects.dedup_by_key(|(number, ..)| *number); // the first note of each tells what was
        (scope.objects, scope.existed) = objects.into_iter().map(|(number, _, existed)| (number, existed)).unzip();
        scope.bodies.sort_unstable();
        scope.bodies.dedup();
        scope
    }

    /// How many objects there are now, if all that has changed is noted.
    pub(super) fn count_live(&self) -> u32 {
        let scope = self.scope();
        let exists = |object: &u32| Kind::of(self.session.arena.object(*object)).is_some();
        let now = scope.objects.iter().filter(|object| exists(object)).count() as u32;
        let before = scope.existed.iter().filter(|existed| **existed).count() as u32;
        scope.live_before.wrapping_add(now).wrapping_sub(before)
    }

    /// Put what is free, of these, back into a list of free ones: `first` begins it, `next` leads on. Those that were
    /// put back since the notes began are on top of it, whatever was in it before below them.
    pub(crate) fn relist<'a>(
        members: &[u32],
        is_free: impl Fn(u32) -> bool,
        first: &crate::sync::AtomicU32,
        next: impl Fn(u32) -> &'a crate::sync::AtomicU32,
    ) {
        let mut listed = Vec::new();
        let mut at = first.get();
        while let Some(member) = at.checked_sub(1) {
            if members.binary_search(&member).is_err() || listed.contains(&member) {
                break;
            }
            listed.push(member);
            at = next(member).get();
        }
        for member in members.iter().filter(|member| is_free(**member) && !listed.contains(member)) {
            next(*member).put(first.get());
            first.put(member + 1);
        }
    }
}
