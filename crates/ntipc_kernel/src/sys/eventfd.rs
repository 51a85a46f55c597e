//! An eventfd that is looked at before it is used.
//!
//! All eventfds are one file to `fstat`, so [`Kept`] alone cannot tell ours from one of the program's that has got our
//! number after the program closed it. Linux gives each a number of its own, which /proc shows (since 5.2): that one is
//! compared too.

use super::files::{last_errno, owned};
use super::kept::Kept;
use crate::status::{Failure, NtResult};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

pub struct EventFd {
    kept: Kept,
    /// What Linux calls it; `None` where /proc cannot be read.
    id: Option<u64>,
}

/// What Linux calls the eventfd behind a descriptor. `None`: that cannot be told; `Some(None)`: it is no eventfd.
fn id_of(fd: &impl AsRawFd) -> Option<Option<u64>> {
    let facts = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    Some(facts.lines().find_map(|line| line.strip_prefix("eventfd-id:")?.trim().parse().ok()))
}

impl EventFd {
    pub fn new() -> NtResult<EventFd> {
        // SAFETY: takes no pointers.
        let fd = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) });
        let fd = fd.map_err(|error| Failure::from_io("eventfd", &error))?;
        let id = id_of(&fd).flatten();
        Ok(EventFd { kept: Kept::new(fd)?, id })
    }

    /// The descriptor, if it still leads to this eventfd: for what would harm another one.
    fn get(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.kept.get()?;
        let is_ours = self.id.is_none() || id_of(&fd).is_none_or(|id| id == self.id);
        if !is_ours {
            self.kept.forget();
        }
        is_ours.then_some(fd)
    }

    /// The number; by a quick look, which takes another eventfd under that number for this one until [`EventFd::raise`]
    /// finds out.
    pub fn number(&self) -> Option<RawFd> {
        self.kept.get().map(|fd| fd.as_raw_fd())
    }

    /// Make it readable. `false`: the program has closed it.
    pub fn raise(&self) -> bool {
        let Some(fd) = self.get() else { return false };
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes to read from.
        let written = unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        written >= 0 || last_errno() == libc::EAGAIN // full, and so readable
    }

    /// Make it unreadable. Called by a loop that found it readable, so the quick look is enough.
    pub fn lower(&self) {
        if let Some(fd) = self.kept.get() {
            let mut count = [0; 8];
            // SAFETY: room for eight bytes.
            unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        }
    }

    /// Close it, if it is there. No other thread may use it meanwhile.
    pub fn close(&self) {
        let _ = self.get(); // another one's number is forgotten, not closed
        self.kept.close();
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        self.close();
    }
}
