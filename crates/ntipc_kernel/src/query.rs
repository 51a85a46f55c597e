//! What every object tells about itself. (NtQueryObject)

use crate::arena::layout::OBJECTS;
use crate::arena::layout::word;
use crate::object::handles::INHERITABLE;
use crate::object::kind::{Kind, Type};
use crate::object::names;
use crate::session::Session;
use crate::status::{NtResult, NtStatus};
use crate::sync::Shared;

#[derive(Clone, Copy, Debug)]
pub struct Basics {
    pub index: u32,
    /// Serial number: never that of another object.
    pub serial: u64,
    pub handles: u32,
    pub waiters: u32,
    pub access: u32,
    pub inheritable: bool,
    /// Pair: low bit 1, high bit 2. Event: bit 1.
    pub signals: u32,
}

impl Session {
    /// The type of the object that a handle of this process leads to.
    pub fn type_of(&self, handle: u32) -> NtResult<Type> {
        let entry = self.own_entry(handle)?;
        let kind = Kind::of(self.arena.object(entry.object)).ok_or(NtStatus::INVALID_HANDLE)?;
        Ok(kind.object_type())
    }

    pub fn basics(&self, handle: u32, wanted: Type, rights: u32) -> NtResult<Basics> {
        let (entry, _) = self.entry_of(handle, wanted, rights)?;
        let object = self.arena.object(entry.object);
        // Counted without the lock: a walk that meets a change ends early, and is bounded in any case.
        let mut waiters = 0;
        let mut next = object.head.get();
        while next != 0 && waiters < OBJECTS {
            waiters += 1;
            let block = self.arena.block(next - 1);
            if block.object.get() != entry.object {
                break;
            }
            next = block.next.get();
        }
        Ok(Basics {
            index: entry.object,
            serial: self.arena.origin(entry.object).serial.get(),
            handles: object.handles.get(),
            waiters,
            access: entry.access,
            inheritable: entry.flags & INHERITABLE != 0,
            signals: (object.word.get() & word::VALUE & 3) as u32,
        })
    }

    /// Does the event or timer stay signalled until it is reset?
    pub fn is_manual(&self, handle: u32) -> NtResult<bool> {
        let entry = self.entry(handle)?;
        let kind = Kind::of(self.arena.object(entry.object)).ok_or(NtStatus::INVALID_HANDLE)?;
        Ok(matches!(kind, Kind::NotificationEvent | Kind::NotificationTimer))
    }

    /// The name an object has in this session.
    pub fn name_of(&self, handle: u32) -> NtResult<Option<String>> {
        let entry = self.entry(handle)?;
        let object = names::named(&self.arena, self.arena.object(entry.object));
        if Kind::of(object).is_some_and(Kind::is_life) {
            return Ok(None); // what it is found by is no name of the program's
        }
        let text = names::read(&self.arena, object.name.get());
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }
}
