//! Events and event pairs: a bit that is set, cleared or pulsed. (NtSetEvent, NtResetEvent, NtPulseEvent,
//! NtSetHighEventPair, ...)

use crate::arena::layout::word;
use crate::fault::fault;
use crate::object::kind::{Kind, Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::NtResult;
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

impl Session {
    /// Set an event; the state before.
    #[inline]
    pub fn set_event(self: &Arc<Self>, handle: u32) -> NtResult<bool> {
        self.signal_bit(handle, Type::Event, access::MODIFY, 0)
    }

    /// Set one side (0 low, 1 high) of an event pair.
    pub fn set_pair(self: &Arc<Self>, handle: u32, side: u32) -> NtResult<bool> {
        self.signal_bit(handle, Type::EventPair, access::SYNCHRONIZE, side & 1)
    }

    #[inline]
    fn signal_bit(self: &Arc<Self>, handle: u32, wanted: Type, rights: u32, bit: u32) -> NtResult<bool> {
        let is_kind = if wanted == Type::Event { Kind::is_event } else { |kind| kind == Kind::EventPair };
        if let Some(before) = self.signal_at_once(handle, is_kind, rights, bit) {
            return Ok(before);
        }
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, wanted, rights)?;
        let before = locked.set_signal(entry.object, bit);
        self.whole().map(|()| before)
    }

    /// Clear an event; the state before.
    #[inline]
    pub fn clear_event(self: &Arc<Self>, handle: u32) -> NtResult<bool> {
        if let Some(before) = self.clear_at_once(handle) {
            return Ok(before);
        }
        let _locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Event, access::MODIFY)?;
        Ok(self.arena.object(entry.object).word.fetch_and(!1, Ordering::SeqCst) & 1 != 0)
    }

    /// Release the threads that wait now, and leave the event clear. Returns the state before.
    pub fn pulse_event(self: &Arc<Self>, handle: u32) -> NtResult<bool> {
        if let Some(before) = self.clear_at_once(handle) {
            return Ok(before); // nobody waits
        }
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Event, access::MODIFY)?;
        let header = self.arena.header();
        // Recovery clears the event that is named here, after it has looked at every waiter.
        header.pulse.put(entry.object + 1);
        fault!(PulseMarked);
        let before = locked.set_signal(entry.object, 0);
        fault!(PulseSet);
        let object = self.arena.object(entry.object);
        object.word.fetch_and(!1, Ordering::SeqCst);
        fault!(PulseReset);
        header.pulse.put(0);
        locked.lower_flag(entry.object);
        self.whole().map(|()| before)
    }

    /// Is the event set? Takes nothing.
    pub fn event_is_set(&self, handle: u32) -> NtResult<bool> {
        let (entry, _) = self.entry_of(handle, Type::Event, access::QUERY)?;
        Ok(self.arena.object(entry.object).word.get() & 1 != 0)
    }
}

impl Locked<'_> {
    /// Set a bit of an object and give it to the threads that wait for it. Returns the state before.
    pub fn set_signal(&mut self, object: u32, bit: u32) -> bool {
        let before = self.session.arena.object(object).word.fetch_or(1 << bit, Ordering::SeqCst);
        fault!(EventStored);
        if before & word::HAS_WAITERS != 0 {
            self.evaluate(object);
        }
        before >> bit & 1 != 0
    }
}
