//! Pages of the pool: the only raw copies into and out of shared memory.
// UNSAFETY: copies bytes between this process's buffers and pages inside the mapping.

use super::known::Table;
use super::layout::{PAGE_SIZE, PAGES, PAGES_AT};
use super::memory::Arena;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU64, Ordering};

/// Pages are reserved so many at a time at least.
const CHUNK: u32 = 4;

impl Arena {
    pub(super) fn page_table(&self) -> Table<'_> {
        Table {
            known: &self.known.pages,
            reserved: &self.header().pages_reserved,
            at: PAGES_AT,
            size: u64::from(PAGE_SIZE),
            limit: self.pages_mapped,
        }
    }

    /// Reserve pages, and their links, up to number `needed`. Idempotent, needs no lock: reserving takes its time.
    pub fn grow_pages(&self, needed: u32) -> NtResult<()> {
        crate::fault::check_pages(needed)?;
        let limit = self.pages_limit();
        if needed > limit && limit < PAGES {
            let why = format!(
                "a participant may not have more address space (ulimit -v), so what the queues of this session hold and are to hold \
                 is bounded to {} MiB together",
                (u64::from(limit) * u64::from(PAGE_SIZE)) >> 20
            );
            return Err(Failure::new(NtStatus::QUOTA_EXCEEDED, why));
        }
        if needed > PAGES {
            let why = "what the queues of this session hold and are to hold is more than they can, 4 GiB together";
            return Err(Failure::new(NtStatus::QUOTA_EXCEEDED, why));
        }
        self.grow(&self.link_table(), needed, PAGE_SIZE / 4)?;
        self.grow(&self.page_table(), needed, CHUNK)
    }

    /// The most pages that the pool may have, so that each participant can reach all of them.
    pub fn pages_limit(&self) -> u32 {
        match self.header().pages_limit.load(Ordering::Acquire) {
            0 => PAGES,
            limit => limit.min(PAGES),
        }
    }

    /// Bound the pool to the pages that this process has mapped. Fails if it has more by now. Dispatcher lock.
    pub fn limit_pages(&self) -> NtResult<()> {
        let high = self.header().page_high.load(Ordering::Acquire);
        if high > self.pages_mapped {
            let why = "the queues of the session hold more than this process can reach with the address space it may have (ulimit -v)";
            return Err(Failure::new(NtStatus::INSUFFICIENT_RESOURCES, why));
        }
        if self.pages_mapped < self.pages_limit() {
            self.header().pages_limit.store(self.pages_mapped, Ordering::Release);
        }
        Ok(())
    }

    /// Pages that can be touched, as far as the header says so and there is memory.
    pub fn pages_reserved(&self) -> u32 {
        // Each table grows by steps of its own: a page without a link is no use.
        let header = self.header();
        let links = header.links_reserved.load(Ordering::Acquire);
        let reserved = header.pages_reserved.load(Ordering::Acquire).min(links).min(self.pages_limit());
        match reserved.checked_sub(1).is_some_and(|last| self.has_page(last)) {
            true => reserved,
            false => self.known.pages.load(Ordering::Relaxed),
        }
    }

    /// Is there memory for that page?
    #[inline]
    fn has_page(&self, page: u32) -> bool {
        page < self.pages_mapped
            && (page < self.known.pages.load(Ordering::Relaxed) || self.learn(&self.page_table(), page))
    }

    #[inline]
    fn in_page(&self, page: u32, offset: u32, length: usize) -> Option<*mut u8> {
        let fits = offset as usize + length <= PAGE_SIZE as usize && offset <= PAGE_SIZE;
        let place = PAGES_AT + u64::from(page) * u64::from(PAGE_SIZE) + u64::from(offset);
        (fits && self.has_page(page)).then(|| self.at::<u8>(place).cast_mut())
    }

    /// A word of a page, at a multiple of 8.
    #[inline]
    pub fn page_word(&self, page: u32, offset: u32) -> Option<&AtomicU64> {
        let place = self.in_page(page, offset & !7, 8)?;
        // SAFETY: inside the mapping, which has memory there; a multiple of 8 in a page; an atomic.
        Some(unsafe { &*place.cast::<AtomicU64>() })
    }

    /// Copy into a page. `false`: there is no such place.
    #[inline]
    pub fn copy_in(&self, page: u32, offset: u32, bytes: &[u8]) -> bool {
        let Some(place) = self.in_page(page, offset, bytes.len()) else { return false };
        // SAFETY: the place lies inside the mapping, has memory, and is as long as `bytes`, which is memory of this
        // process and so another. A participant that follows the protocol leaves a page to its holder; what others
        // scribble are bytes either way.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        true
    }

    /// Copy out of a page. `false`: there is no such place.
    #[inline]
    pub fn copy_out(&self, page: u32, offset: u32, bytes: &mut [u8]) -> bool {
        let Some(place) = self.in_page(page, offset, bytes.len()) else { return false };
        // SAFETY: as in `copy_in`, the other way round.
        unsafe { std::ptr::copy_nonoverlapping(place, bytes.as_mut_ptr(), bytes.len()) };
        true
    }
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::super::layout::PAGES;
    use crate::process::attach::{Ownership, attach};
    use crate::status::NtStatus;
    use crate::sync::{Ordering, Shared};
    use crate::sys::process::uid;

    /// A participant that has mapped fewer pages could not read what others put into the rest.
    #[test]
    fn the_pool_ends_where_a_participant_cannot_follow() -> crate::NtResult<()> {
        let path = format!("/dev/shm/ntipc-rust-{}-bounded", std::process::id());
        let session = attach(&path, Ownership { uid: uid(), mode: 0o700, gid: None, must_exist: false })?;
        let (_, writer) = session.create_queue(None, 1 << 30)?;
        session.put_frame(writer, &[&[1; 100_000]], 0)?;
        let header = session.arena.header();
        header.pages_limit.store(header.page_high.get() + 64, Ordering::Release);
        session.put_frame(writer, &[&[2; 100_000]], 0)?;
        let refused = session.put_frame(writer, &[&[3; 1 << 20]], 0);
        assert_eq!(refused.err().map(|failure| failure.status), Some(NtStatus::QUOTA_EXCEEDED));
        assert!(session.arena.limit_pages().is_ok());
        header.page_high.put(PAGES + 1);
        assert_eq!(
            session.arena.limit_pages().err().map(|failure| failure.status),
            Some(NtStatus::INSUFFICIENT_RESOURCES)
        );
        session.leave(true)
    }
}
