//! What is put, and where it goes.

use super::call::mismatch;
use super::flight::Attached;
use super::frame::{LENGTH_MAX, REQUEST};
use crate::arena::layout::{Queue, word};
use crate::object::handles::{Entry, check_rights};
use crate::object::kind::{Kind, Type, access};
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Shared;

/// What is to be put.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub pieces: &'a [&'a [u8]],
    pub length: usize,
    pub tag: u32,
    /// A part of it will do.
    pub some: bool,
    /// It needs no room: the quota and turns are for others.
    pub beyond: bool,
    pub attached: Attached<'a>,
    pub flags: u32,
    pub correlation: u64,
}

/// Where it goes.
#[derive(Clone, Copy)]
pub(super) enum To {
    /// Through a handle to a write end.
    Handle(u32),
    /// To the caller that waits for the reply with that correlation number.
    Caller(u64),
}

impl To {
    /// The queue is not what it was.
    pub fn gone(self) -> Failure {
        match self {
            To::Handle(_) => NtStatus::INVALID_HANDLE.into(),
            To::Caller(_) => mismatch(),
        }
    }
}

impl<'a> Message<'a> {
    pub fn new(pieces: &'a [&'a [u8]], tag: u32, attached: Attached<'a>) -> NtResult<Message<'a>> {
        let length = pieces.iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.len()));
        if length > LENGTH_MAX {
            return Err(Session::too_long(length));
        }
        attached.check()?;
        Ok(Message { pieces, length, tag, some: false, beyond: false, attached, flags: 0, correlation: 0 })
    }

    pub fn asking(self, correlation: u64) -> Self {
        Message { flags: REQUEST, correlation, ..self }
    }

    pub fn answering(self, correlation: u64) -> Self {
        Message { correlation, ..self }
    }

    /// The least room that helps.
    pub fn need(&self) -> u64 {
        if self.some { 1 } else { self.length as u64 }
    }
}

fn no_reader() -> Failure {
    Failure::new(NtStatus::PIPE_CLOSING, "nobody has a handle to it any more")
}

impl Session {
    /// The badge, + 1, that is put with through a handle to a write end; 0: none.
    #[cold]
    pub(super) fn badge_through(&self, handle: u32) -> NtResult<u32> {
        let (entry, kind) = self.entry_of(handle, Type::WriteEnd, 0)?;
        match kind {
            Kind::BadgedEnd => self.badge_of(self.arena.object(entry.object), entry.object),
            _ => Ok(0),
        }
    }

    /// What a handle to an end leads to: of a badged end, to the write end of its queue.
    #[inline]
    pub(super) fn end_of(&self, handle: u32, end: Type) -> NtResult<(Entry, u32, &Queue, u32)> {
        let (entry, kind) = self.entry_of(handle, end, 0)?;
        check_rights(entry, access::MODIFY)?;
        let record = self.arena.object(entry.object);
        match self.arena.queue_of(record) {
            // One that no handle leads to, as far as it knows, is closed by now, or scribbled over: all its waits end at once.
            Some((body, queue, read, write))
                if word::generation(record.word.get()) == entry.generation && record.handles.get() != 0 =>
            {
                if kind == Kind::BadgedEnd {
                    return self.badged_end(entry, (body, queue, read, write));
                }
                let (mine, other) = if kind == Kind::ReadEnd { (read, write) } else { (write, read) };
                if mine != entry.object {
                    return Err(self.damaged("an end belongs to no queue"));
                }
                Ok((entry, body, queue, other))
            }
            _ => Err(NtStatus::INVALID_HANDLE.into()),
        }
    }

    #[cold]
    #[inline(never)]
    fn badged_end<'a>(
        &self,
        entry: Entry,
        (body, queue, read, write): (u32, &'a Queue, u32, u32),
    ) -> NtResult<(Entry, u32, &'a Queue, u32)> {
        self.badge_of(self.arena.object(entry.object), entry.object)?;
        Ok((Entry { object: write, ..entry }, body, queue, read))
    }

    #[inline(always)]
    pub(super) fn way(&self, to: To) -> NtResult<(Entry, u32, &Queue, u32)> {
        match to {
            To::Handle(handle) => self.end_of(handle, Type::WriteEnd),
            To::Caller(correlation) => self.way_to_caller(correlation),
        }
    }

    pub(super) fn way_still_leads_to(&self, to: To, entry: Entry, body: u32) -> NtResult<bool> {
        self.whole()?;
        let (now, now_body, ..) = self.way(to)?;
        Ok(now_body == body && now.identity() == entry.identity())
    }

    pub(super) fn check_way(&self, to: To, queue: &Queue, reader: u32) -> NtResult<()> {
        self.check_puttable(queue, reader).map_err(|failure| match to {
            To::Handle(_) => failure,
            To::Caller(_) => to.gone(),
        })
    }

    pub(super) fn check_puttable(&self, queue: &Queue, reader: u32) -> NtResult<()> {
        match queue.broken.get() {
            0 if self.arena.object(reader).handles.get() == 0 => Err(no_reader()),
            0 => Ok(()),
            status => Err(NtStatus(status).into()),
        }
    }
}
