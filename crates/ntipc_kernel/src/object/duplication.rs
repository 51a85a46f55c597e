//! Handles from one process to another: any participant may copy or move them between any two, itself included.
//!
//! A move is a copy and a close in one step under the dispatcher lock: nobody finds the object without a handle in
//! between, and of a death in the middle recovery makes a copy, or nothing.

use super::handles::{Entry, INHERITABLE, invalid, place};
use super::kind::{Kind, Type};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Shared;
use std::sync::Arc;

/// A process, as programs name it: its id in our pid namespace, and its start time if they know it, else 0. Id 0 is
/// this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Participant {
    pub pid: u32,
    pub start_time: u64,
}

/// What becomes of a handle that is duplicated.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Rights; `None` for those of the source.
    pub access: Option<u32>,
    pub inheritable: bool,
    pub close_source: bool,
}

impl Terms {
    fn entry(self, session: &Session, source: Entry) -> NtResult<Entry> {
        let mut entry = Entry { flags: if self.inheritable { INHERITABLE } else { 0 }, ..source };
        if let Some(access) = self.access {
            let kind = Kind::of(session.arena.object(source.object)).ok_or_else(invalid)?;
            entry.access = access & kind.object_type().all_access();
        }
        Ok(entry)
    }
}

impl Session {
    /// Another handle to the same object, here or in the participant that has process id `pid` in our pid namespace.
    pub fn duplicate(
        self: &Arc<Self>,
        handle: u32,
        pid: Option<u32>,
        access: Option<u32>,
        inheritable: bool,
    ) -> NtResult<u32> {
        let mut locked = self.lock()?;
        let source = self.own_entry(handle)?;
        let process = match pid {
            None => self.slot(),
            Some(pid) => locked.participant(Participant { pid, start_time: 0 })?,
        };
        let entry = Terms { access, inheritable, close_source: false }.entry(self, source)?;
        let copy = locked.insert_handle(process, entry)?;
        drop(locked);
        self.keep_if_section(process, copy, entry);
        Ok(copy)
    }

    /// A handle in the table of `target` to the object of a handle in the table of `source`; its number there.
    ///
    /// A source that is to be closed is closed whatever else becomes of the call, once it is found. Within one process
    /// the number stays.
    pub fn duplicate_between(
        self: &Arc<Self>,
        source: Participant,
        handle: u32,
        target: Participant,
        terms: Terms,
    ) -> NtResult<u32> {
        let mut locked = self.lock()?;
        let from = locked.participant(source)?;
        let index = place(handle).filter(|index| *index < self.arena.handles(from)).ok_or_else(invalid)?;
        let found = Entry::unpack(self.arena.handle(from, index).get()).filter(|entry| !entry.is_private());
        let found = found.ok_or_else(invalid)?;
        let copied = locked.participant(target).and_then(|to| {
            let entry = terms.entry(self, found)?;
            if to == from && terms.close_source {
                self.arena.handle(from, index).put(entry.pack());
                return Ok((to, super::handles::number(index), entry));
            }
            locked.insert_handle(to, entry).map(|copy| (to, copy, entry))
        });
        let stays = matches!(copied, Ok((to, ..)) if to == from);
        if terms.close_source && !stays {
            if from == self.slot() {
                locked.forget_access(found.object);
            }
            locked.clear_handle(from, index);
        }
        drop(locked);
        let (to, copy, entry) = copied?;
        self.keep_if_section(to, copy, entry);
        Ok(copy)
    }

    fn keep_if_section(self: &Arc<Self>, process: u32, copy: u32, entry: Entry) {
        if process == self.slot()
            && Kind::of(self.arena.object(entry.object)).map(Kind::object_type) == Some(Type::Section)
        {
            self.keep_access(copy, None);
        }
    }
}

impl Locked<'_> {
    /// The slot of a living participant.
    fn participant(&self, who: Participant) -> NtResult<u32> {
        let arena = &self.session.arena;
        if who.pid == 0 {
            return Ok(self.session.slot());
        }
        let is_it = |slot: &u32| {
            let process = arena.process(*slot);
            process.pid.get() == who.pid
                && self.session.pid_of(*slot) == Some(who.pid)
                && (who.start_time == 0 || process.start_time.get() == who.start_time)
                && process.attached.get() != 0
                && process.life.word.get() & crate::sys::robust::OWNER_DIED == 0
                && process.life.word.get() != 0
        };
        (0..arena.processes()).find(is_it).ok_or_else(|| {
            let why = "takes no part in this session as far as its pid tells here: it may have ended, or be in another pid namespace";
            Failure::new(NtStatus::INVALID_PARAMETER, format!("process {} {why}", who.pid))
        })
    }
}
