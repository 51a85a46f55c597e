//! Semaphores. (NtReleaseSemaphore)

use super::signal::count;
use crate::fault::fault;
use crate::object::kind::{Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

fn sum(seen: u64, units: u32, limit: u32) -> NtResult<u64> {
    match count(seen).checked_add(units) {
        Some(total) if total <= limit => Ok(seen + u64::from(units)),
        _ => Err(Failure::new(
            NtStatus::SEMAPHORE_LIMIT_EXCEEDED,
            format!("the count is {} and the maximum {limit}", count(seen)),
        )),
    }
}

impl Session {
    /// Add units and give them to those who wait; the count before.
    #[inline]
    pub fn release_semaphore(self: &Arc<Self>, handle: u32, units: u32) -> NtResult<u32> {
        if let Some(before) = self.add_at_once(handle, units) {
            return Ok(before);
        }
        if units == 0 || units > i32::MAX as u32 {
            return Err(Failure::new(NtStatus::INVALID_PARAMETER, "a release adds 1 to 2147483647 units"));
        }
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Semaphore, access::MODIFY)?;
        let before = locked.add_units(entry.object, units)?;
        self.whole().map(|()| before)
    }

    /// Count and maximum.
    pub fn query_semaphore(&self, handle: u32) -> NtResult<(u32, u32)> {
        let (entry, _) = self.entry_of(handle, Type::Semaphore, access::QUERY)?;
        let object = self.arena.object(entry.object);
        Ok((count(object.word.get()), object.limit.get()))
    }
}

impl Locked<'_> {
    pub fn add_units(&mut self, object: u32, units: u32) -> NtResult<u32> {
        let record = self.session.arena.object(object);
        let mut seen = record.word.load(Ordering::Acquire);
        loop {
            let new = sum(seen, units, record.limit.get())?;
            match record.word.compare_exchange(seen, new, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        fault!(SemaphoreStored);
        self.evaluate_if_waited_for(object);
        Ok(count(seen))
    }
}
