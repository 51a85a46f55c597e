//! Which slot the calling thread has, found in two loads: every fast path of a mutant asks.
//!
//! A table in each attachment, indexed by the thread pointer of the C library, which is the address of a living
//! thread's own memory and so belongs to one thread at a time. It answers for what `thread` has registered; a place
//! that another thread has taken costs the way through the registrations, no more.
//!
//! Invariant: a place names the slot of the living thread with that thread pointer, or nobody's. A thread clears its
//! own place before it gives its slot back; a forked child clears them all. Each thread reads only what it stored
//! itself, so no ordering is needed.

use crate::sync::{AtomicU64, Ordering};
use crate::sys::process::thread_pointer;

const PLACES: usize = 128;

pub(crate) struct KnownThreads {
    /// Thread pointer << 16 | slot + 1; 0 = nobody.
    places: [AtomicU64; PLACES],
}

impl KnownThreads {
    pub fn new() -> KnownThreads {
        KnownThreads { places: [const { AtomicU64::new(0) }; PLACES] }
    }

    #[inline(always)]
    fn place(&self, pointer: u64) -> &AtomicU64 {
        // Thread pointers differ by the size of a stack, or less where a program makes small ones.
        &self.places[(pointer >> 6 ^ pointer >> 12) as usize % PLACES]
    }

    /// The slot of the calling thread, if it is known.
    #[inline(always)]
    pub fn get(&self) -> Option<u32> {
        let pointer = thread_pointer();
        let difference = self.place(pointer).load(Ordering::Relaxed) ^ pointer << 16;
        // Another thread's, or nobody's: the upper bits differ.
        (difference < 1 << 16 && difference != 0).then(|| difference as u32 - 1)
    }

    pub fn set(&self, slot: u32) {
        let pointer = thread_pointer();
        self.place(pointer).store(pointer << 16 | u64::from(slot + 1), Ordering::Relaxed);
    }

    /// Forget the calling thread.
    pub fn forget(&self) {
        if self.get().is_some() {
            self.place(thread_pointer()).store(0, Ordering::Relaxed);
        }
    }

    pub fn forget_all(&self) {
        for place in &self.places {
            place.store(0, Ordering::Relaxed);
        }
    }
}
