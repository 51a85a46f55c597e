//! Pages of the pool: the only raw copies into and out of shared memory.
// UNSAFETY: copies bytes between this process's buffers and pages inside the mapping.

use super::known::Table;
use super::layout::{PAGE_SIZE, PAGES, PAGES_AT};
use super::memory::Arena;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU64, Ordering};

/// Pages are reserved so many at a time.
const CHUNK: u32 = 64;

impl Arena {
    pub(super) fn page_table(&self) -> Table<'_> {
        Table {
            known: &self.known.pages,
            reserved: &self.header().pages_reserved,
            at: PAGES_AT,
            size: u64::from(PAGE_SIZE),
            limit: PAGES,
        }
    }

    /// Reserve pages, and their links, up to number `needed`. Idempotent, needs no lock: reserving takes its time.
    pub fn grow_pages(&self, needed: u32) -> NtResult<()> {
        crate::fault::check_pages(needed)?;
        if needed > PAGES {
            let why = "what the queues of this session hold and are to hold is more than they can, 4 GiB together";
            return Err(Failure::new(NtStatus::QUOTA_EXCEEDED, why));
        }
        self.grow(&self.link_table(), needed, PAGE_SIZE / 4)?;
        self.grow(&self.page_table(), needed, CHUNK)
    }

    /// Pages that can be touched, as far as the header says so and there is memory.
    pub fn pages_reserved(&self) -> u32 {
        // Each table grows by steps of its own: a page without a link is no use.
        let header = self.header();
        let links = header.links_reserved.load(Ordering::Acquire);
        let reserved = header.pages_reserved.load(Ordering::Acquire).min(links).min(PAGES);
        match reserved.checked_sub(1).is_some_and(|last| self.has_page(last)) {
            true => reserved,
            false => self.known.pages.load(Ordering::Relaxed),
        }
    }

    /// Is there memory for that page?
    #[inline]
    fn has_page(&self, page: u32) -> bool {
        page < PAGES && (page < self.known.pages.load(Ordering::Relaxed) || self.learn(&self.page_table(), page))
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
        // SAFETY: the place lies inside the mapping, has memory, and is as long as `bytes`, which is memory of this process and
        // so another. Whoever follows the protocol leaves a page to its holder; what others scribble are bytes either way.
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
