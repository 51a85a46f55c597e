//! The readers of the debug log, and the event by which each is woken for a line: its bell. Everything here holds the dispatcher lock.
//!
//! A reader has an event of its own, its bell. A writer has no handle to it; it finds the event by its place and its
//! serial number, which no other object ever has.

use super::reader::LogReader;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::{Kind, Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

fn identity(slot: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(slot)
}

/// The readers of a set of bits.
fn places(mut bits: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (place < u32::BITS).then_some(place)
    })
}

impl Session {
    /// Make a reader that is told of lines by `bell`, the handle of a manual-reset event. It reads what is written from
    /// now on; with `kept` also what is still there.
    pub fn read_log(self: &Arc<Self>, bell: u32, kept: bool) -> NtResult<LogReader> {
        self.arena.grow_log()?;
        let locked = self.lock()?;
        let (event, _) = self.entry_of(bell, Type::Event, access::MODIFY)?;
        let log = &self.arena.header().log;
        let place = log.readers.get().trailing_ones();
        let Some(entry) = log.reader.get(place as usize) else {
            let why = format!("the debug log of a session has at most {} readers at a time", log.reader.len());
            return Err(Failure::new(NtStatus::QUOTA_EXCEEDED, why));
        };
        entry.bell.put(u64::from(event.object));
        entry.serial.put(self.arena.origin(event.object).serial.get());
        entry.process.put(identity(self.slot(), self.own.generation.load(Ordering::Relaxed)));
        fault!(LogReaderNamed);
        log.readers.fetch_or(1 << place, Ordering::SeqCst);
        fault!(LogReaderListed);
        drop(locked);
        Ok(LogReader::new(self, place, bell, kept))
    }

    /// Counts names that were given to objects: as long as it stays, nobody has come who could be found by name.
    pub fn names_published(&self) -> u32 {
        self.arena.header().names_published.load(Ordering::Acquire)
    }

    /// Tell every reader that wants to be told.
    #[cold]
    pub(super) fn tell_log_readers(self: &Arc<Self>) {
        let Ok(mut locked) = self.lock() else { return };
        let waiting = self.arena.header().log.waiting.get();
        locked.ring(waiting);
    }
}

impl LogReader {
    /// Fails once it is closed, and in a forked child: the reader is its parent's.
    pub(super) fn check(&self) -> NtResult<()> {
        let is_own = self.session.own.incarnation.load(Ordering::Acquire) == self.incarnation;
        match is_own && !self.session.is_left() && self.closed.load(Ordering::Acquire) == 0 {
            true => Ok(()),
            false => Err(NtStatus::INVALID_HANDLE.into()),
        }
    }

    /// Read no more.
    pub fn close(&self) {
        if self.check().is_err() {
            return; // the thread that released the process has done so
        }
        let Ok(locked) = self.session.lock() else { return };
        if self.closed.swap(1, Ordering::AcqRel) == 0 {
            locked.forget_log_reader(self.place);
        }
    }
}

impl Locked<'_> {
    fn forget_log_reader(&self, place: u32) {
        let log = &self.session.arena.header().log;
        log.readers.fetch_and(!(1 << place), Ordering::SeqCst);
        fault!(LogReaderGone);
        log.waiting.fetch_and(!(1 << place), Ordering::SeqCst);
    }

    /// Set the events of these readers.
    fn ring(&mut self, readers: u32) {
        let arena = &self.session.arena;
        let log = &arena.header().log;
        for place in places(readers) {
            log.waiting.fetch_and(!(1 << place), Ordering::SeqCst);
            fault!(LogRung);
            let entry = &log.reader[place as usize];
            let bell = entry.bell.get() as u32;
            if log.readers.get() & 1 << place != 0
                && bell < arena.objects()
                && arena.origin(bell).serial.get() == entry.serial.get()
                && Kind::of(arena.object(bell)) == Some(Kind::NotificationEvent)
            {
                self.set_signal(bell, 0);
            }
        }
    }

    /// A process takes part no more: its readers are none any more; and it may have written a line and told nobody.
    pub(crate) fn leave_log(&mut self, slot: u32) {
        let arena = &self.session.arena;
        let log = &arena.header().log;
        let readers = log.readers.get();
        if readers == 0 {
            return;
        }
        let gone = identity(slot, arena.process(slot).generation.get());
        for place in places(readers) {
            if log.reader[place as usize].process.get() == gone {
                self.forget_log_reader(place);
            }
        }
        if !without!(LogBells) {
            self.ring(log.readers.get());
        }
    }
}
