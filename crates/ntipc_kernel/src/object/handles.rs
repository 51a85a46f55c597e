//! Handles: a table a process, one word a handle, so that a fast path reads object, generation and rights in one load.
//!
//! | bits  | meaning                                                         |
//! | ----- | --------------------------------------------------------------- |
//! | 0–18  | object + 1; 0 = free                                            |
//! | 19–40 | generation of the object; differs once the slot is used again   |
//! | 41–58 | rights: bits 0–12 specific, 13–17 the standard ones and SYNCHRONIZE |
//! | 59–62 | flags                                                           |
//!
//! Written under the dispatcher lock. Read without it: a stale word names a generation that the object's word no longer
//! has, and the compare-and-swap of the fast path then fails.
//! The generation comes round after 4,194,304 uses of an object's place, which take seconds. A word in a table cannot
//! be so old: its object lives for as long as the word stands there. A thread that has read a word and not used it yet
//! could be misled only if another thread of its process closed the handle, and the place was used a whole number of
//! rounds, between the two instructions; no program that keeps a handle open while it uses it is at risk. The same goes
//! for the generation in a wait block, which is compared while the handles that were waited for are open. What leaves a
//! process (a pickle) names its object by the serial number, which never repeats.
//! The number that people see is (place + 1) * 4, as on Windows, where the two low bits mean nothing.

pub use crate::arena::layout::HANDLES;
use crate::arena::layout::{CARRIED, FULL_WORDS, IN_FRAMES, PROCESSES, word};
use crate::fault::fault;
use crate::object::kind::{Kind, Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use smallvec::SmallVec;
use std::sync::{Arc, Weak};

pub const INHERITABLE: u32 = 1;
/// A reference in flight: held by its sender until the receiver claims it, no handle that anybody can use.
pub const IN_FLIGHT: u32 = 2;
/// Belongs to a thread of the process: nobody can close, copy or inherit it.
pub const HIDDEN: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub object: u32,
    pub generation: u32,
    pub access: u32,
    pub flags: u32,
}

impl Entry {
    pub fn pack(self) -> u64 {
        let rights = (self.access & access::SPECIFIC) | (self.access >> 16 & 0x1f) << 13;
        u64::from(self.object.wrapping_add(1) & 0x7_ffff)
            | u64::from(self.generation & 0x3f_ffff) << 19
            | u64::from(rights) << 41
            | u64::from(self.flags & 0xf) << 59
    }

    #[inline(always)]
    pub fn unpack(packed: u64) -> Option<Entry> {
        let object = ((packed & 0x7_ffff) as u32).checked_sub(1)?;
        let rights = (packed >> 41) as u32 & 0x3_ffff;
        Some(Entry {
            object,
            generation: (packed >> 19) as u32 & 0x3f_ffff,
            access: (rights & access::SPECIFIC) | (rights >> 13) << 16,
            flags: (packed >> 59) as u32 & 0xf,
        })
    }

    /// Which object it leads to: its place is used again, under another generation.
    #[inline(always)]
    pub fn identity(self) -> (u32, u32) {
        (self.object, self.generation)
    }

    /// Not a handle that its process has a number for.
    pub fn is_private(self) -> bool {
        self.flags & (IN_FLIGHT | HIDDEN) != 0
    }

    pub fn in_flight(self) -> bool {
        self.flags & IN_FLIGHT != 0
    }
}

/// What a pickle knows of its object: which one it is, and where its sender keeps it alive until it has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// Process slot of the sender, its generation there, and the handle that is the reference in flight.
    pub sender: u32,
    pub sender_generation: u32,
    pub parked: u32,
    pub object: u32,
    /// Serial number of the object.
    pub serial: u64,
    pub access: u32,
}

#[inline(always)]
pub(crate) fn place(handle: u32) -> Option<u32> {
    let index = (handle >> 2).wrapping_sub(1);
    (index < HANDLES).then_some(index)
}

pub fn number(place: u32) -> u32 {
    (place + 1) << 2
}

pub(super) fn invalid() -> Failure {
    Failure::new(NtStatus::INVALID_HANDLE, "")
}

fn table_full(process: u32) -> Failure {
    let who = if process == IN_FRAMES { "frames carry" } else { "the process has" };
    let text = format!("{who} {HANDLES} handles already, the most that one table holds");
    Failure::new(NtStatus::QUOTA_EXCEEDED, text)
}

impl Session {
    /// The word of a handle of this process; 0 = no such place, or free.
    #[inline(always)]
    pub(crate) fn handle_word(&self, handle: u32) -> u64 {
        place(handle).map_or(0, |index| self.arena.handle(self.slot(), index).load(Ordering::Acquire))
    }

    /// What a handle of this process leads to, if it is open. No lock: the answer may be old by the time it is used,
    /// see above.
    #[inline(always)]
    pub(crate) fn open_entry(&self, handle: u32) -> Option<Entry> {
        let entry = Entry::unpack(self.handle_word(handle))?;
        (!entry.in_flight()).then_some(entry)
    }

    /// The same; in a forked child that has its copies of handles to come, with those.
    #[inline(always)]
    fn found_entry(&self, handle: u32) -> Option<Entry> {
        match self.open_entry(handle) {
            None => Entry::unpack(self.handle_word_after_fork(handle)).filter(|entry| !entry.in_flight()),
            found => found,
        }
    }

    #[cold]
    #[inline(never)]
    fn handle_word_after_fork(&self, handle: u32) -> u64 {
        match self.shared.get().and_then(Weak::upgrade) {
            Some(shared) if !self.is_attached() && shared.take_part().is_ok() => self.handle_word(handle),
            _ => 0,
        }
    }

    /// Why a handle leads nowhere.
    #[cold]
    #[inline(never)]
    fn no_handle(&self) -> Failure {
        match self.shared.get().and_then(Weak::upgrade).map(|shared| shared.take_part()) {
            Some(Err(failure)) if !self.is_left() => failure,
            _ => invalid(),
        }
    }

    #[inline]
    pub(crate) fn entry(&self, handle: u32) -> NtResult<Entry> {
        self.found_entry(handle).ok_or_else(|| self.no_handle())
    }

    /// The same, of a handle that the program may do with as it likes.
    pub(crate) fn own_entry(&self, handle: u32) -> NtResult<Entry> {
        self.found_entry(handle).filter(|entry| !entry.is_private()).ok_or_else(|| self.no_handle())
    }

    /// The same, of a given type and with the rights needed.
    #[inline]
    pub(crate) fn entry_of(&self, handle: u32, wanted: Type, rights: u32) -> NtResult<(Entry, Kind)> {
        let entry = self.entry(handle)?;
        match Kind::of(self.arena.object(entry.object)) {
            Some(kind) if kind.object_type() == wanted => {
                check_rights(entry, rights)?;
                Ok((entry, kind))
            }
            Some(kind) => Err(Failure::new(
                NtStatus::OBJECT_TYPE_MISMATCH,
                format!("the handle leads to an object of type {}, not {}", kind.object_type().name(), wanted.name()),
            )),
            None => Err(invalid()),
        }
    }

    /// Which object a handle of this process leads to, in a number; 0: it leads nowhere.
    #[inline]
    pub fn identity_of(&self, handle: u32) -> u64 {
        self.open_entry(handle).map_or(0, |entry| u64::from(entry.object + 1) | u64::from(entry.generation) << 32)
    }

    pub fn close(self: &Arc<Self>, handle: u32) -> NtResult<()> {
        self.close_same(handle, 0)
    }

    /// Close a handle, unless it leads to another object than `identity` says, if that is not 0: another process has
    /// moved the handle away, and its number was given to somebody else since.
    pub fn close_same(self: &Arc<Self>, handle: u32, identity: u64) -> NtResult<()> {
        let index = place(handle).ok_or_else(invalid)?;
        if self.is_left() {
            return Err(invalid());
        }
        if self.own.incarnation.load(Ordering::Acquire) == 0 && self.close_inherited(index) {
            return Ok(());
        }
        let mut locked = match self.lock() {
            Ok(locked) => locked,
            // Nothing can be closed any more, and nobody can do anything about it: the handle is as good as gone.
            Err(failure) if failure.status == NtStatus::DATA_ERROR => return Ok(()),
            Err(failure) => return Err(failure),
        };
        if identity != 0 && self.identity_of(handle) != identity {
            return Ok(());
        }
        let packed = self.arena.handle(self.slot(), index).get();
        match Entry::unpack(packed) {
            Some(entry) if !entry.is_private() => locked.forget_access(entry.object),
            _ => return Err(invalid()),
        }
        locked.clear_handle(self.slot(), index);
        Ok(())
    }

    pub fn set_inheritable(self: &Arc<Self>, handle: u32, inheritable: bool) -> NtResult<()> {
        let _locked = self.lock()?;
        let mut entry = self.own_entry(handle)?;
        entry.flags = if inheritable { entry.flags | INHERITABLE } else { entry.flags & !INHERITABLE };
        if let Some(index) = place(handle) {
            self.arena.handle(self.slot(), index).put(entry.pack());
        }
        Ok(())
    }

    /// Make a reference in flight.
    pub fn park(self: &Arc<Self>, handle: u32) -> NtResult<Token> {
        let mut locked = self.lock()?;
        let entry = Entry { flags: IN_FLIGHT, ..self.own_entry(handle)? };
        let slot = self.slot();
        let parked = locked.insert_handle(slot, entry)?;
        let generation = self.arena.process(slot).generation.get();
        let serial = self.arena.origin(entry.object).serial.get();
        Ok(Token {
            sender: slot,
            sender_generation: generation,
            parked,
            object: entry.object,
            serial,
            access: entry.access,
        })
    }

    /// Turn a reference in flight into a handle of this process. A second claim works as long as the object lives.
    pub fn claim(self: &Arc<Self>, token: Token, wanted: Type) -> NtResult<u32> {
        let Token { sender, sender_generation, parked, object, serial, access } = token;
        let gone =
            || Failure::new(NtStatus::OBJECT_NAME_NOT_FOUND, "the object that was sent is gone: its sender ended");
        let mut locked = self.lock()?;
        if object >= self.arena.objects() {
            return Err(gone());
        }
        let record = self.arena.object(object);
        let kind = Kind::of(record).ok_or_else(gone)?;
        if self.arena.origin(object).serial.get() != serial || record.handles.get() == 0 {
            return Err(gone());
        }
        let entry = Entry { object, generation: word::generation(record.word.get()), access, flags: 0 };
        if kind.object_type() != wanted {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH.into());
        }
        let handle = locked.insert_handle(self.slot(), entry)?;
        if sender < PROCESSES
            && let Some(index) = place(parked)
            && self.arena.process(sender).generation.get() == sender_generation
            && self.arena.handle(sender, index).get() == (Entry { flags: IN_FLIGHT, ..entry }).pack()
        {
            locked.clear_handle(sender, index);
        }
        drop(locked);
        if wanted == Type::Section {
            self.keep_access(handle, None);
        }
        Ok(handle)
    }
}

#[inline]
pub(crate) fn check_rights(entry: Entry, rights: u32) -> NtResult<()> {
    match entry.access & rights == rights {
        true => Ok(()),
        false => Err(lacks(entry, rights)),
    }
}

#[cold]
fn lacks(entry: Entry, rights: u32) -> Failure {
    let missing = rights & !entry.access;
    let names = [
        (access::SYNCHRONIZE, "SYNCHRONIZE"),
        (access::QUERY, "QUERY (QUERY_STATE)"),
        (access::MODIFY, "MODIFY_STATE (of a section: MAP_WRITE)"),
        (access::SECTION_MAP_READ, "MAP_READ"),
    ];
    let name = names.iter().find(|(right, _)| missing & right != 0).map_or("needed", |(_, name)| name);
    Failure::new(NtStatus::ACCESS_DENIED, format!("the handle lacks the right {name}, {missing:#x}"))
}

impl Locked<'_> {
    /// The lowest free place of a table from `from` on, as NT hands them out.
    fn free_place(&self, process: u32, from: u32) -> Option<u32> {
        let arena = &self.session.arena;
        let record = arena.process(process);
        let mut passed = (1_u64 << (from / 64 % 64)) - 1;
        for group in from / 4096..FULL_WORDS as u32 {
            loop {
                let full = record.full[group as usize].get() | passed;
                let bit = (!full).trailing_zeros();
                if bit == 64 {
                    break;
                }
                let first = (group * 64 + bit) * 64;
                let high = record.handle_high.get();
                let is_free = |index: u32| index >= high || arena.handle(process, index).get() == 0;
                if let Some(index) = (first.max(from)..first + 64).find(|index| is_free(*index)) {
                    return Some(index);
                }
                match first < from {
                    true => passed |= 1 << bit, // what lies before was not looked at
                    false => record.full[group as usize].put(record.full[group as usize].get() | 1 << bit),
                }
            }
            passed = 0;
        }
        None
    }

    /// The `count` lowest free places of a table, with memory. They stay free.
    pub(crate) fn free_places(&mut self, process: u32, count: usize) -> NtResult<SmallVec<[u32; CARRIED]>> {
        let mut places = SmallVec::new();
        let mut from = 0;
        for _ in 0..count {
            let place = self.free_place(process, from).ok_or_else(|| table_full(process))?;
            places.push(place);
            from = place + 1;
        }
        self.session.arena.grow_handles(process, from)?;
        Ok(places)
    }

    pub fn insert_handle(&mut self, process: u32, entry: Entry) -> NtResult<u32> {
        let index = self.free_place(process, 0).ok_or_else(|| table_full(process))?;
        self.session.arena.grow_handles(process, index + 1)?;
        self.store_handle(process, index, entry.pack());
        Ok(number(index))
    }

    /// Store into a free, reserved place. Recovery counts handles from the tables, so a death before the count is put
    /// right.
    pub fn store_handle(&mut self, process: u32, index: u32, packed: u64) {
        let arena = &self.session.arena;
        let record = arena.process(process);
        if record.handle_high.get() <= index {
            for hole in record.handle_high.get()..index {
                arena.handle(process, hole).put(0);
            }
            arena.handle(process, index).put(0);
            record.handle_high.put(index + 1);
        }
        if let Some(entry) = Entry::unpack(packed) {
            self.note_object(entry.object);
        }
        arena.handle(process, index).put(packed);
        fault!(HandleBeforeCount);
        record.handle_count.put(record.handle_count.get().wrapping_add(1));
        if let Some(entry) = Entry::unpack(packed) {
            let object = arena.object(entry.object);
            object.handles.put(object.handles.get().wrapping_add(1));
            if process == IN_FRAMES {
                self.note_carried(index, entry.object, |count| count.wrapping_add(1));
            }
        }
        fault!(HandleStored);
    }

    /// Take a handle away; the object goes with its last one, unless somebody still waits for it.
    pub fn clear_handle(&mut self, process: u32, index: u32) {
        if let Some((object, left)) = self.take_handle_away(process, index) {
            match left {
                0 => self.last_handle_gone(object),
                _ => self.suspect(object),
            }
        }
    }

    /// The same, whatever follows from it. Which object the handle led to, and how many handles that one has left.
    pub(crate) fn take_handle_away(&mut self, process: u32, index: u32) -> Option<(u32, u32)> {
        let arena = &self.session.arena;
        let place = arena.handle(process, index);
        let entry = Entry::unpack(place.get())?;
        self.note_object(entry.object);
        place.put(0);
        fault!(CloseCleared);
        let record = arena.process(process);
        record.handle_count.put(record.handle_count.get().saturating_sub(1));
        let bits = &record.full[(index / 4096) as usize & (FULL_WORDS - 1)];
        bits.put(bits.get() & !(1 << (index / 64 % 64)));
        let object = arena.object(entry.object);
        if process == IN_FRAMES {
            self.note_carried(index, entry.object, |count| count.saturating_sub(1));
        }
        let left = object.handles.get().saturating_sub(1);
        object.handles.put(left);
        fault!(CloseCounted);
        Some((entry.object, left))
    }
}
