//! What makes this process a participant, in memory that Linux itself wipes at a fork.
//!
//! A forked child has a copy of all that its parent knew: a process slot, the slots of its threads. Acting by them, it
//! would act as its parent, and later as a stranger in the same slot. So they lie in pages that a child finds filled
//! with zeros (`MADV_WIPEONFORK`), whichever way it was made: by the C library, or by a system call that runs no
//! handlers. The zeros name nobody: slot [`NOBODY`] has no handles, no thread is known, incarnation 0 is none. Each
//! fast path reads one of them, and so fails in a child without a look of its own; the slow path behind it finds that
//! the process was forked, and `fork` makes it a participant or says why not.
//!
//! Where Linux does not wipe (before 4.14, or in an emulation), the handlers that the C library runs do
//! ([`Membership::forget`]). A child that shares the memory itself (`vfork`, `CLONE_VM`) is its parent here, as it is
//! to the C library.
// UNSAFETY: advice to Linux about the pages that the structure itself fills.

use super::known_threads::KnownThreads;
use crate::arena::layout::NOBODY;
use crate::session::new_incarnation;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Whole pages, where pages have 4 KiB; elsewhere they may have up to 64.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
pub(crate) struct Membership {
    pub known_threads: KnownThreads,
    /// Changes with every attachment and every fork, never repeats in a process: what waits and registrations are held
    /// against. 0: this process takes no part, for it was forked off.
    pub incarnation: AtomicU64,
    /// Our process slot, and the table of our handles; [`NOBODY`] if we have none.
    pub slot: AtomicU32,
    /// Generation of that slot when it became ours.
    pub generation: AtomicU32,
}

impl Membership {
    pub fn new() -> Membership {
        Membership {
            known_threads: KnownThreads::new(),
            incarnation: AtomicU64::new(new_incarnation()),
            slot: AtomicU32::new(NOBODY),
            generation: AtomicU32::new(0),
        }
    }

    /// Have Linux wipe it in children. Only where it stays for good: not on the stack.
    pub fn wipe_on_fork(&self) {
        self.advise(libc::MADV_WIPEONFORK);
    }

    fn advise(&self, advice: libc::c_int) {
        // SAFETY: sysconf only reads.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(usize::MAX);
        if align_of::<Membership>() % page == 0 {
            // SAFETY: the structure begins with a page, and its size is a multiple of its alignment: nothing else lies
            // in its pages. In this process the advice changes nothing; in a child all zeros are valid values of every
            // field.
            unsafe { libc::madvise(std::ptr::from_ref(self).cast_mut().cast(), size_of::<Membership>(), advice) };
        }
    }

    /// What the wiping does.
    pub fn forget(&self) {
        self.incarnation.store(0, Ordering::Release);
        self.slot.store(NOBODY, Ordering::Release);
        self.generation.store(0, Ordering::Release);
        self.known_threads.forget_all();
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.advise(libc::MADV_KEEPONFORK); // the allocator's memory again
    }
}
