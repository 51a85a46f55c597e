//! The object table: creating, opening, freeing.

use super::handles::{Entry, check_rights};
use super::kind::{Kind, Type, access};
use crate::arena::layout::word;
use crate::fault::fault;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    OpenOrCreate,
    Create,
    Open,
}

/// What a new object begins as.
#[derive(Clone, Copy)]
pub struct Initial {
    pub kind: Kind,
    /// Low 40 bits of the word.
    pub value: u64,
    pub limit: u32,
    pub quantity: u64,
    pub detail: u64,
}

/// The answer to create and open.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    pub handle: u32,
    pub created: bool,
}

impl Session {
    /// Open the object of that name, or make it.
    pub fn create(
        self: &Arc<Self>,
        name: Option<&str>,
        disposition: Disposition,
        rights: u32,
        initial: Initial,
        own_it: bool,
    ) -> NtResult<Opened> {
        let wanted = initial.kind.object_type();
        let mut locked = self.lock()?;
        if let Some(opened) = locked.open_existing(name, disposition, rights, wanted)? {
            return Ok(opened);
        }
        // A mutant that is owned from the start: noted before it exists, since a note too many does no harm.
        let mut initial = initial;
        let object = locked.take_object_slot()?;
        if own_it {
            let thread = locked.owner() - 1;
            initial.value = u64::from(thread + 1) << word::OWNER_SHIFT | 1;
            self.note(thread, object);
        }
        locked.fill_object(object, initial);
        let rights = if rights == 0 { wanted.all_access() } else { rights & wanted.all_access() };
        let entry = locked.entry_to(object, rights);
        let handle = match locked.insert_handle(self.slot(), entry) {
            Ok(handle) => handle,
            Err(failure) => {
                locked.free_object(object);
                return Err(failure);
            }
        };
        if let Some(name) = name
            && let Err(failure) = locked.publish_name(object, name)
        {
            drop(locked);
            let _ = self.close(handle);
            return Err(failure);
        }
        fault!(ObjectPublished);
        Ok(Opened { handle, created: true })
    }
}

impl Locked<'_> {
    /// `None`: there is no such object and the caller wants it made.
    pub fn open_existing(
        &mut self,
        name: Option<&str>,
        disposition: Disposition,
        rights: u32,
        wanted: Type,
    ) -> NtResult<Option<Opened>> {
        let Some(name) = name else {
            return match disposition {
                Disposition::Open => {
                    Err(Failure::new(NtStatus::INVALID_PARAMETER, "only a named object can be opened"))
                }
                _ => Ok(None),
            };
        };
        let Some(object) = self.look_up(name)? else {
            return match disposition {
                Disposition::Open => Err(NtStatus::OBJECT_NAME_NOT_FOUND.into()),
                _ => Ok(None),
            };
        };
        if disposition == Disposition::Create {
            return Err(NtStatus::OBJECT_NAME_COLLISION.into());
        }
        let kind = Kind::of(self.session.arena.object(object)).map(Kind::object_type);
        match kind {
            Some(kind) if kind != wanted => {
                return Err(Failure::new(
                    NtStatus::OBJECT_TYPE_MISMATCH,
                    format!("the name belongs to an object of type {}", kind.name()),
                ));
            }
            None => return Err(self.session.damaged("a name leads to no object")),
            _ => {}
        }
        let rights = if rights == 0 { wanted.all_access() } else { rights & wanted.all_access() };
        let entry = self.entry_to(object, rights);
        check_rights(entry, 0)?;
        let handle = self.insert_handle(self.session.slot(), entry)?;
        Ok(Some(Opened { handle, created: false }))
    }

    pub fn entry_to(&self, object: u32, rights: u32) -> Entry {
        let generation = word::generation(self.session.arena.object(object).word.get());
        Entry {
            object,
            generation,
            access: rights & (access::SPECIFIC | access::STANDARD | access::SYNCHRONIZE),
            flags: 0,
        }
    }

    /// A free slot of the table; it stays free until [`Locked::fill_object`] gives it a kind.
    pub fn take_object_slot(&mut self) -> NtResult<u32> {
        let arena = &self.session.arena;
        let header = arena.header();
        if let Some(object) = header.object_free.get().checked_sub(1) {
            if object >= arena.objects() || arena.object(object).kind.get() != 0 {
                return Err(self.session.damaged("the free list leads to an object in use"));
            }
            self.note_object(object);
            header.object_free.put(arena.object(object).link.get());
            fault!(ObjectTaken);
            return Ok(object);
        }
        let object = header.object_high.get();
        arena.grow_objects(object.saturating_add(1))?;
        if arena.object(object).kind.get() != 0 {
            return Err(self.session.damaged("the count of objects leads to an object in use"));
        }
        self.note_object(object);
        header.object_high.put(object + 1);
        fault!(ObjectTaken);
        Ok(object)
    }

    pub fn fill_object(&mut self, object: u32, initial: Initial) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        let generation = word::generation(record.word.get()).wrapping_add(1) & 0x3f_ffff;
        record.limit.put(initial.limit);
        for field in [&record.head, &record.tail, &record.handles, &record.link, &record.name, &record.extra] {
            field.put(0);
        }
        self.note_origin(object);
        record.quantity.put(initial.quantity);
        record.detail.put(initial.detail);
        let value = initial.value & word::VALUE;
        record.word.put(u64::from(generation) << word::GENERATION_SHIFT | value);
        fault!(ObjectFilled);
        record.kind.put(initial.kind as u32);
        let live = &arena.header().objects_live;
        live.put(live.get().wrapping_add(1));
    }

    /// Give an object its serial number, and note who makes it.
    fn note_origin(&self, object: u32) {
        let arena = &self.session.arena;
        let (origin, slot) = (arena.origin(object), self.session.slot());
        let serial = arena.header().object_serial.get().wrapping_add(1);
        arena.header().object_serial.put(serial);
        origin.serial.put(serial);
        origin.creator.put(u64::from(slot) | u64::from(arena.process(slot).generation.get()) << 32);
    }

    /// The name goes with the last handle, the object with the last waiter.
    pub fn last_handle_gone(&mut self, object: u32) {
        match Kind::of(self.session.arena.object(object)) {
            Some(kind) if kind.is_end() => return self.end_gone(object),
            Some(Kind::BadgedEnd) => return self.badge_gone(object),
            _ => {}
        }
        self.forget_name(object);
        fault!(FreeUnnamed);
        if self.session.arena.object(object).head.get() == 0 {
            self.free_object(object);
        }
    }

    pub fn free_object(&mut self, object: u32) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        self.note_object(object);
        if Kind::of(record) == Some(Kind::Section) {
            self.unlink_section_file(object);
        }
        for text in [&record.extra, &record.name] {
            let cells = text.get();
            text.put(0);
            self.free_text(cells);
        }
        record.kind.store(0, Ordering::Release);
        fault!(FreeMarked);
        let header = arena.header();
        record.link.put(header.object_free.get());
        header.object_free.put(object + 1);
        fault!(FreeListed);
        header.objects_live.put(header.objects_live.get().saturating_sub(1));
    }
}
