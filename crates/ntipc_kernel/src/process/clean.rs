//! Removing what the dead left: the sessions in which nobody takes part.
//!
//! A process that removes one holds SETUP and presence, as a participant that leaves last does (`attach`), so nobody
//! begins there meanwhile.

use super::attach::{SETUP, remove_if_alone};
use super::directory::{LOCK, Ownership, is_current, open_directory, open_file};
use super::presence;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sys::files::{self, RangeLock, lock_byte};
use crate::sys::process;
use std::os::fd::OwnedFd;

/// What a session came to that somebody wanted to be rid of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleaned {
    /// Somebody takes part, or is about to.
    Living,
    /// Nobody does; it occupies so many bytes of memory, and was not to be removed.
    Dead(u64),
    /// It is gone, or all that it occupied.
    Removed(u64),
}

/// Bytes that the files of a directory occupy.
fn occupied(directory: &OwnedFd) -> u64 {
    let blocks = |name: &String| {
        let file = files::open_at(directory, &files::c_string(name).ok()?, libc::O_PATH, 0).ok()?;
        Some(files::status_of(&file).ok()?.st_blocks as u64 * 512)
    };
    files::list_of(directory).iter().filter_map(blocks).sum()
}

/// Look whether nobody takes part in the session at `path`, which must belong to user `owner`; if so, and if `remove`,
/// remove it.
pub fn clean(path: &str, owner: u32, remove: bool) -> NtResult<Cleaned> {
    let directory = open_directory(path, Ownership { uid: owner, mode: 0o700, gid: None, must_exist: true })?;
    let Some(lock) = open_file(path, &directory, LOCK, libc::O_RDWR)? else {
        // Killed between making the directory and its first file, or about to make that. Removing it does no harm; one
        // with files in it stays.
        let gone = remove && std::fs::remove_dir(path).is_ok();
        return Ok(if gone { Cleaned::Removed(0) } else { Cleaned::Dead(0) });
    };
    if !lock_byte(&lock, SETUP, RangeLock::Exclusive)? || !is_current(path, &directory, &lock)? {
        return Ok(Cleaned::Living);
    }
    if !presence::is_alone(&lock)? {
        return Ok(Cleaned::Living);
    }
    let bytes = occupied(&directory);
    if !remove {
        return Ok(Cleaned::Dead(bytes));
    }
    match remove_if_alone(path, &directory, &lock) && files::list_of(&directory).iter().all(|name| name == "permanent")
    {
        true => Ok(Cleaned::Removed(bytes)),
        false => Err(Failure::new(NtStatus::ACCESS_DENIED, format!("not all in {path} can be removed"))),
    }
}

/// Remove the sessions of this user, beside the one at `path`, whose last participants were killed.
pub(super) fn sweep(path: &str) {
    let (Some((base, _)), uid) = (path.rsplit_once('/'), process::uid()) else { return };
    let prefix = format!("ntipc-{uid}-");
    for name in files::list(base).iter().filter(|name| name.starts_with(&prefix)) {
        let other = format!("{base}/{name}");
        if other != path {
            let _ = clean(&other, uid, true);
        }
    }
}
