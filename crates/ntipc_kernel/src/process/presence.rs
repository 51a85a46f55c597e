//! The presence lock: held by a participant for as long as it takes part.
//!
//! It is a shared lock on one byte of the session's lock file, of the kind that belongs to an open file description:
//! Linux drops it with the last descriptor *or mapping* of that description, so nobody has to clean up. A participant
//! keeps a mapping and no descriptor. Thus a program that closes all its descriptors still takes part, and nobody takes
//! the session's memory for that of the dead.
//!
//! A forked child inherits the mapping, and with it its parent's lock, until it has one of its own or ends. It goes on
//! with the inherited one if it has lost the right to open the file.

use crate::status::{Failure, NtResult, NtStatus};
use crate::sys::files::{self, Mapping, RangeLock, lock_byte};
use crate::sys::kept::Kept;
use std::os::fd::{AsRawFd, OwnedFd};

const PRESENCE: i64 = 1;
/// The caretaker waits for this one. A process that looks whether it is alone takes the other, under SETUP, and a
/// caretaker that awakes holds this one without that, for a moment.
const WITNESS: i64 = 2;
/// How often it is tried to get it beside such a caretaker, which may be stopped. It makes sure of the other one
/// itself.
const ATTEMPTS: u32 = 100;

/// The lock, held.
pub(crate) struct Presence {
    _mapping: Mapping,
    /// On file systems on file systems (overlays) a mapping is of the lower file and does not keep the lock.
    _descriptor: Option<Kept>,
}

impl Presence {
    /// Keep the lock that [`announce`] has taken through this description of the lock file.
    pub fn keep(lock: OwnedFd) -> NtResult<Presence> {
        let mapping = Mapping::anchor(&lock)?;
        let descriptor = if files::is_in_memory(&lock) { None } else { Some(Kept::new(lock)?) };
        Ok(Presence { _mapping: mapping, _descriptor: descriptor })
    }
}

/// Take the presence lock.
pub(super) fn announce(lock: &impl AsRawFd) -> NtResult<()> {
    match lock_byte(lock, PRESENCE, RangeLock::Shared)? {
        true => {
            for _ in 0..ATTEMPTS {
                if lock_byte(lock, WITNESS, RangeLock::Shared)? {
                    break;
                }
                std::thread::yield_now();
            }
            Ok(())
        }
        false => Err(Failure::new(NtStatus::DEVICE_BUSY, "the session's lock file is locked by a foreign program")),
    }
}

/// Give it up, through the description by which it was taken.
pub(super) fn withdraw(lock: &impl AsRawFd) {
    let _ = lock_byte(lock, PRESENCE, RangeLock::Unlocked);
    let _ = lock_byte(lock, WITNESS, RangeLock::Unlocked);
}

/// Does nobody take part? If so, nobody can begin to while this description is open.
pub(super) fn is_alone(lock: &impl AsRawFd) -> NtResult<bool> {
    lock_byte(lock, PRESENCE, RangeLock::Exclusive)
}

/// Does anybody take part? Changes nothing.
pub(super) fn is_announced(lock: &impl AsRawFd) -> NtResult<bool> {
    files::is_locked(lock, PRESENCE)
}
