//! Making, joining and leaving a session.
//!
//! Four bytes of the session's lock file are locked (open file description locks, which the kernel of Linux drops with
//! the last descriptor or mapping, so nobody has to clean up):
//!
//! * byte [`SETUP`]: exclusive, held while somebody makes, joins, or takes the session away;
//! * the byte of `presence`: shared, held by every participant for as long as it takes part;
//! * and behind it that of its witness, by which the caretaker sleeps (`caretaker`), with a byte of its own.
//!
//! Invariant: a process that holds SETUP and gets presence exclusively is alone: what lies in the directory belongs to
//! nobody living. A newcomer then starts from nothing; a leaver removes all of it.

use super::clean::sweep;
use super::directory::{ATTEMPTS, LOCK, is_current, open_directory, open_file, refused, remove_files};
use super::helper;
use super::presence::{self, Presence};
use crate::arena::Arena;
use crate::arena::layout::NOBODY;
use crate::completion::relay;
use crate::session::{LEFT, Session, attaching, locked, sessions};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Ordering;
use crate::sys::clock;
use crate::sys::files::{self, Protection, RangeLock, lock_byte};
use crate::sys::kept::Kept;
use crate::sys::robust::{HEIR, OWNER_DIED, TID_MASK};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

pub use super::directory::Ownership;

pub(super) const SETUP: i64 = 0;
/// How long the last to leave waits for the dead to be gone, who hold the session until then.
const DYING_NS: u64 = 1_000_000_000;
/// How long it waits, before it gives the session up, for children that it has started with handles and that have not
/// joined.
const JOINING_NS: u64 = 10_000_000_000;
const ARENA: &CStr = c"arena";
const NEW_ARENA: &CStr = c"arena.new";
/// How long to wait for somebody who makes or leaves the session. It takes them microseconds.
const PATIENCE_NS: u64 = 30_000_000_000;

/// Does anybody take part in the session of that directory? Read only, changes nothing.
pub(crate) fn is_inhabited(directory: &OwnedFd) -> NtResult<bool> {
    match files::open_at(directory, LOCK, libc::O_RDONLY | libc::O_NONBLOCK, 0) {
        Ok(lock) => presence::is_announced(&lock),
        Err(error) => Err(Failure::from_io("opening the session's lock file", &error)),
    }
}

fn lock_setup(path: &str, lock: &OwnedFd) -> NtResult<()> {
    let give_up = clock::now_ns() + PATIENCE_NS;
    let mut pause_us = 20;
    while !lock_byte(lock, SETUP, RangeLock::Exclusive)? {
        if clock::now_ns() > give_up {
            let why =
                format!("somebody has been making or leaving the session {path} for 30 s; is a process stopped in it?");
            return Err(Failure::new(NtStatus::DEVICE_BUSY, why));
        }
        std::thread::sleep(std::time::Duration::from_micros(pause_us));
        pause_us = (pause_us * 2).min(2000);
    }
    Ok(())
}

/// With SETUP held: announce our presence, and give the arena of this session, a new one if nobody else is here.
fn enter(path: &str, directory: &OwnedFd, lock: &OwnedFd) -> NtResult<Arena> {
    if presence::is_alone(lock)? {
        remove_files(path, directory, true);
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let file = open_file(path, directory, NEW_ARENA, flags)?.ok_or_else(|| refused(path, "vanished"))?;
        if let Err(failure) = Arena::format(&file) {
            files::unlink_at(directory, NEW_ARENA);
            return Err(failure);
        }
        files::rename_at(directory, NEW_ARENA, ARENA)?;
        sweep(path);
    }
    presence::announce(lock)?;
    let file = open_file(path, directory, ARENA, libc::O_RDWR)?
        .ok_or_else(|| Failure::damaged("the session's arena file is gone while it is in use"))?;
    Arena::verify(&file)?;
    Arena::map(file, &format!("{path}/arena"), Protection::ReadWrite)
}

/// This process's attachment to the session at `path`. One that a forked child has a copy of and cannot take over is
/// forgotten.
fn attachment(path: &str) -> NtResult<Option<Arc<Session>>> {
    let found = sessions().iter().find(|session| session.path == path).map(Arc::clone);
    let Some(session) = found else { return Ok(None) };
    match session.take_part() {
        Err(failure) if !session.is_lost() => Err(failure),
        Err(_) => {
            sessions().retain(|other| !Arc::ptr_eq(other, &session));
            Ok(None)
        }
        Ok(()) => Ok(Some(session)),
    }
}

/// Join the session at `path`, making it if nobody did.
pub fn attach(path: &str, ownership: Ownership) -> NtResult<Arc<Session>> {
    if let Some(session) = attachment(path)? {
        return Ok(session);
    }
    let _alone = attaching();
    if let Some(session) = attachment(path)? {
        return Ok(session); // by another thread, meanwhile
    }
    for _ in 0..ATTEMPTS {
        let directory = open_directory(path, ownership)?;
        let flags = libc::O_RDWR | if ownership.must_exist { 0 } else { libc::O_CREAT };
        let opened = open_file(path, &directory, LOCK, flags).inspect_err(|_| {
            let _ = std::fs::remove_dir(path); // an empty one: we may have made it, or nobody needs it
        });
        let Some(lock) = opened? else {
            if ownership.must_exist {
                return Err(Failure::new(NtStatus::OBJECT_NAME_NOT_FOUND, format!("there is no session at {path}")));
            }
            continue; // the last participant took the directory away under our hands
        };
        lock_setup(path, &lock)?;
        if !is_current(path, &directory, &lock)? {
            continue;
        }
        let entered = enter(path, &directory, &lock);
        let arena = match entered {
            Ok(arena) => arena,
            Err(failure) => {
                presence::withdraw(&lock);
                remove_if_alone(path, &directory, &lock);
                return Err(failure);
            }
        };
        let session = Arc::new(Session::new(path.to_owned(), arena, Kept::new(directory)?, None));
        let started = helper::start(&session, None);
        lock_byte(&lock, SETUP, RangeLock::Unlocked)?;
        *locked(&session.presence) = Some(Presence::keep(lock)?);
        if let Err(failure) = started {
            session.take_away();
            return Err(failure);
        }
        sessions().push(Arc::clone(&session));
        return Ok(session);
    }
    Err(Failure::new(
        NtStatus::DEVICE_BUSY,
        format!("the session directory {path} comes and goes; trying was given up"),
    ))
}

/// With SETUP held: remove everything if nobody takes part. Whether that is so.
pub(super) fn remove_if_alone(path: &str, directory: &impl AsRawFd, lock: &OwnedFd) -> bool {
    let alone = presence::is_alone(lock).unwrap_or(false);
    if alone {
        remove_files(path, directory, false);
        let _ = std::fs::remove_dir(path);
    }
    alone
}

impl Session {
    /// Stop taking part: every handle of this process in the session is closed. The last one takes the session away.
    ///
    /// Fails if another thread of this process waits in the session, unless `at_exit`: then its slot ends with the
    /// process.
    pub fn leave(self: &Arc<Self>, at_exit: bool) -> NtResult<()> {
        relay::leave(self);
        {
            let mut known = sessions();
            let Some(place) = known.iter().position(|session| Arc::ptr_eq(session, self)) else { return Ok(()) };
            if !at_exit && self.waiting_threads() > 0 {
                return Err(Failure::new(NtStatus::DEVICE_BUSY, "other threads of this process wait in the session"));
            }
            known.swap_remove(place);
        }
        if !self.is_attached() {
            self.state.store(LEFT, Ordering::Release); // forked off and never adopted: nothing here is ours
            return Ok(());
        }
        let slot = self.slot();
        if let Ok(me) = self.thread_slot() {
            self.state.store(LEFT, Ordering::Release);
            while self.lock_as(me + 1).close_some_handles(slot) {}
            self.own.slot.store(NOBODY, Ordering::Release); // others may have the place, and its table, before long
            self.forget_thread();
        }
        self.state.store(LEFT, Ordering::Release);
        let others = self.other_threads() > 0;
        self.stop_helper();
        if !others {
            self.wait_for_helper();
        }
        self.take_away();
        Ok(())
    }

    /// Give up the presence lock; the last participant removes the directory.
    fn take_away(&self) {
        self.anchors.clear();
        if let Some(presence) = locked(&self.presence).take() {
            self.wait_for_heirs(clock::now_ns() + JOINING_NS);
            self.take_away_if_last(presence);
        }
        self.directory.close();
        self.arena.close_file();
    }

    fn take_away_if_last(&self, presence: Presence) {
        let mut presence = Some(presence);
        let give_up = clock::now_ns() + DYING_NS;
        loop {
            // Fails where the directory is gone, or the right to it: then there is nothing that we could remove.
            let Ok(lock) = self.open_lock() else { return };
            let Ok(directory) = self.directory() else { return };
            if lock_setup(&self.path, &lock).is_err() {
                return;
            }
            drop(presence.take());
            let current = is_current(&self.path, &directory, &lock).unwrap_or(false);
            // The death of a process is told before Linux gives its memory back, and its files are closed after that.
            if !current
                || remove_if_alone(&self.path, &directory, &lock)
                || self.somebody_lives()
                || clock::now_ns() > give_up
            {
                return;
            }
            drop(lock);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    pub(super) fn open_lock(&self) -> NtResult<OwnedFd> {
        open_file(&self.path, &self.directory()?, LOCK, libc::O_RDWR)?
            .ok_or_else(|| Failure::damaged("the session's lock file is gone while it is in use"))
    }

    fn somebody_lives(&self) -> bool {
        let lives = |life: u32| life & OWNER_DIED == 0 && life & TID_MASK != 0 && life != HEIR;
        (0..self.arena.processes()).any(|slot| lives(self.arena.process(slot).life.word.load(Ordering::Acquire)))
    }

    /// A forked child: a presence lock of its own instead of the one inherited from its parent, if it may open the
    /// file.
    pub(super) fn renew_presence(&self) -> NtResult<()> {
        let lock = match self.open_lock() {
            Ok(lock) => lock,
            Err(failure) if failure.status == NtStatus::ACCESS_DENIED && locked(&self.presence).is_some() => {
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        presence::announce(&lock)?;
        *locked(&self.presence) = Some(Presence::keep(lock)?);
        Ok(())
    }
}

/// Leave every session, at the end of the process.
pub fn leave_all() {
    let all: Vec<Arc<Session>> = sessions().clone();
    for session in all {
        let _ = session.leave(true);
    }
}
