//! Descriptors that stay open for long, and what becomes of them when the program closes them.
//!
//! Programs close descriptors that are not theirs: daemons close all of them, `dup2` takes any number. The number then
//! leads nowhere, or to a file of the program's own. So a kept descriptor is compared with the file it was opened for
//! before every use, and before it is closed; one that leads elsewhere is forgotten, never closed, and its file is
//! opened again.
//!
//! A thread that closes the number between the comparison and the use can still mislead that one use. Closing the
//! descriptors of running code is a fault of the program that no library can mend.

use super::files;
use crate::status::NtResult;
use crate::sync::{AtomicU32, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

const NONE: u32 = u32::MAX;

/// A descriptor that is looked at before it is used.
pub struct Kept {
    /// The number, or [`NONE`]. Relaxed: it is only ever a guess, which `fstat` confirms.
    number: AtomicU32,
    device: u64,
    inode: u64,
}

impl Kept {
    pub fn new(fd: OwnedFd) -> NtResult<Kept> {
        let status = files::status_of(&fd)?;
        let number = AtomicU32::new(fd.into_raw_fd() as u32);
        Ok(Kept { number, device: status.st_dev, inode: status.st_ino })
    }

    /// Does the descriptor lead to the same file as this one did when it was opened?
    pub fn is_same(&self, fd: &impl AsRawFd) -> bool {
        files::status_of(fd).is_ok_and(|status| self.is_file(status.st_dev, status.st_ino))
    }

    /// Is it the file of that number on that device?
    pub fn is_file(&self, device: u64, inode: u64) -> bool {
        (device, inode) == (self.device, self.inode)
    }

    /// The descriptor, if it still leads to its file.
    pub fn get(&self) -> Option<BorrowedFd<'_>> {
        let number = self.number.load(Ordering::Relaxed);
        if number == NONE {
            return None;
        }
        let number = number as RawFd;
        if !self.is_same(&number) {
            // The program's by now. Another thread may have put a new one in its place meanwhile.
            let _ = self.number.compare_exchange(number as u32, NONE, Ordering::Relaxed, Ordering::Relaxed);
            return None;
        }
        // SAFETY: the number leads to an open file, and stays ours while `self` lives.
        Some(unsafe { BorrowedFd::borrow_raw(number) })
    }

    /// The descriptor; where the program has closed it, what `open` gives, if that is the same file. `None`: it is
    /// another one.
    pub fn get_or_open(&self, open: impl FnOnce() -> NtResult<OwnedFd>) -> NtResult<Option<BorrowedFd<'_>>> {
        if let Some(fd) = self.get() {
            return Ok(Some(fd));
        }
        let fresh = open()?;
        if !self.is_same(&fresh) {
            return Ok(None);
        }
        let number = fresh.as_raw_fd() as u32;
        if self.number.compare_exchange(NONE, number, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let _ = fresh.into_raw_fd();
        }
        Ok(self.get()) // another thread's, if that was quicker
    }
}

impl Kept {
    /// The number is the program's by now: neither use it nor close it.
    pub fn forget(&self) {
        self.number.store(NONE, Ordering::Relaxed);
    }

    /// Close the descriptor before its time. A later use opens the file again.
    pub fn close(&self) {
        if let Some(fd) = self.get() {
            let number = fd.as_raw_fd();
            if self.number.compare_exchange(number as u32, NONE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                // SAFETY: the number leads to the file that we opened, and it is this thread that has taken it away.
                drop(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.close();
    }
}
