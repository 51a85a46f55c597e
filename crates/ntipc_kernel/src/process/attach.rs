//! Making, joining and leaving a session.
//!
//! A session is a directory with a `lock` file, an `arena` file and one file a section. Two bytes of the lock file are locked
//! (open file description locks, which the kernel of Linux drops with their last descriptor, so nobody has to clean up):
//!
//! * byte [`SETUP`]: exclusive, held while somebody makes, joins, or takes the session away;
//! * byte [`PRESENCE`]: shared, held by every participant for as long as it takes part.
//!
//! Invariant: whoever holds SETUP and gets PRESENCE exclusively is alone: what lies in the directory belongs to nobody living.
//! A newcomer then starts from nothing; a leaver removes all of it.

use super::helper;
use crate::arena::Arena;
use crate::session::{LEFT, Session, locked, sessions};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Ordering;
use crate::sys::files::{self, Protection, RangeLock, lock_byte};
use crate::sys::robust::{OWNER_DIED, TID_MASK};
use crate::sys::{clock, process};
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

const SETUP: i64 = 0;
const PRESENCE: i64 = 1;
/// How often it is tried to make or join a session that others take away meanwhile.
const ATTEMPTS: u32 = 1000;
const LOCK: &CStr = c"lock";
/// How long the last to leave waits for the dead to be gone, who hold the session until then.
const DYING_NS: u64 = 1_000_000_000;
const ARENA: &CStr = c"arena";
const NEW_ARENA: &CStr = c"arena.new";
/// A file with which an administrator keeps the directory of a session when nobody takes part.
const PERMANENT: &str = "permanent";
/// How long to wait for somebody who makes or leaves the session. It takes them microseconds.
const PATIENCE_NS: u64 = 30_000_000_000;

/// Who may share a session that we make, and who must have made one that we join.
#[derive(Clone, Copy)]
pub struct Ownership {
    pub uid: u32,
    pub mode: u32,
    pub gid: Option<u32>,
    /// Join only, never make.
    pub must_exist: bool,
}

fn refused(path: &str, why: &str) -> Failure {
    Failure::new(NtStatus::ACCESS_DENIED, format!("the session directory {path} {why}"))
}

/// Open the directory, making it if need be, and check whose it is. What could not be opened is not left behind.
fn open_directory(path: &str, ownership: Ownership) -> NtResult<OwnedFd> {
    let mut made = false;
    let opened = open_or_make_directory(path, ownership, &mut made);
    if opened.is_err() && made {
        let _ = std::fs::remove_dir(path);
    }
    opened
}

fn open_or_make_directory(path: &str, ownership: Ownership, made: &mut bool) -> NtResult<OwnedFd> {
    let text = files::c_string(path)?;
    let may_make = !ownership.must_exist && ownership.uid == process::uid();
    let mut tries = ATTEMPTS;
    let directory = loop {
        if may_make {
            // SAFETY: `text` is a NUL-terminated string.
            *made = unsafe { libc::mkdir(text.as_ptr(), 0o700) } == 0;
            if !*made && files::last_errno() != libc::EEXIST {
                return Err(Failure::os(&format!("making the session directory {path}")));
            }
        }
        tries -= 1;
        match files::open_own_directory(&text) {
            Ok(directory) => break directory,
            Err(error) => match error.raw_os_error() {
                Some(libc::ELOOP | libc::ENOTDIR) => {
                    return Err(refused(path, "is a symbolic link or no directory; remove it"));
                }
                Some(libc::ENOENT) if may_make && tries > 0 => {} // the last participant took it away since
                _ => return Err(Failure::from_io(&format!("opening the session directory {path}"), &error)),
            },
        }
    };
    if *made {
        files::set_mode(&directory, ownership.mode, ownership.gid)?;
    }
    let status = files::status_of(&directory)?;
    if status.st_uid != ownership.uid {
        return Err(refused(path, &format!("belongs to user {}, not to user {}", status.st_uid, ownership.uid)));
    }
    if status.st_mode & 0o002 != 0 {
        return Err(refused(path, "can be written by everybody; remove it or take that right away (chmod o-w)"));
    }
    Ok(directory)
}

/// Remove the sessions of this user, beside the one at `path`, whose last participants were killed.
fn sweep(path: &str) {
    let (Some((base, _)), uid) = (path.rsplit_once('/'), process::uid()) else { return };
    let prefix = format!("ntipc-{uid}-");
    for name in files::list(base).iter().filter(|name| name.starts_with(&prefix)) {
        let other = format!("{base}/{name}");
        let ownership = Ownership { uid, mode: 0o700, gid: None, must_exist: true };
        if other == path {
            continue;
        }
        let Ok(directory) = open_directory(&other, ownership) else { continue };
        match open_file(&other, &directory, LOCK, libc::O_RDWR) {
            Ok(Some(lock)) => {
                if lock_byte(&lock, SETUP, RangeLock::Exclusive).unwrap_or(false)
                    && is_current(&other, &directory, &lock).unwrap_or(false)
                {
                    remove_if_alone(&other, &directory, &lock);
                }
            }
            // Killed between making the directory and its first file; one with files in it stays.
            Ok(None) => drop(std::fs::remove_dir(&other)),
            Err(_) => {}
        }
    }
}

/// Open a file of the session and check that it is a plain file of one of those who may make it.
fn open_file(path: &str, directory: &OwnedFd, name: &CStr, flags: i32) -> NtResult<Option<OwnedFd>> {
    let parent = files::status_of(directory)?;
    let mode = parent.st_mode & 0o666;
    let opened = files::open_at(directory, name, flags, mode);
    let shown = name.to_string_lossy();
    let file = match opened {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error() {
                Some(libc::ENOENT) => Ok(None),
                Some(libc::ELOOP) => Err(refused(path, &format!("holds a symbolic link named {shown}; remove it"))),
                _ => Err(Failure::from_io(&format!("opening {path}/{shown}"), &error)),
            };
        }
    };
    let status = files::status_of(&file)?;
    let group_member = parent.st_mode & 0o020 != 0 && status.st_gid == parent.st_gid;
    if status.st_mode & libc::S_IFMT != libc::S_IFREG
        || status.st_nlink > 1
        || (status.st_uid != parent.st_uid && status.st_uid != process::uid() && !group_member)
    {
        return Err(refused(path, &format!("holds a file {shown} that is not a plain file of the session's users")));
    }
    if status.st_uid == process::uid() && (status.st_mode & 0o777 != mode || status.st_gid != parent.st_gid) {
        files::set_mode(&file, mode, (parent.st_mode & 0o070 != 0).then_some(parent.st_gid))?;
    }
    Ok(Some(file))
}

/// Does anybody take part in the session of that directory? Read only, changes nothing.
pub(crate) fn is_inhabited(directory: &OwnedFd) -> NtResult<bool> {
    match files::open_at(directory, LOCK, libc::O_RDONLY | libc::O_NONBLOCK, 0) {
        Ok(lock) => files::is_locked(&lock, PRESENCE),
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

/// True while the path still leads to the directory we opened and the lock file still lies in it.
fn is_current(path: &str, directory: &OwnedFd, lock: &OwnedFd) -> NtResult<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = files::status_of(directory)?;
    let linked = files::status_of(lock)?.st_nlink == 1;
    let there = std::fs::symlink_metadata(path).is_ok_and(|now| now.ino() == ours.st_ino && now.dev() == ours.st_dev);
    Ok(linked && there)
}

fn remove_files(path: &str, directory: &OwnedFd, keep_lock: bool) {
    for name in files::list(path).iter().filter(|name| !matches!(name.as_str(), PERMANENT | "lock")) {
        if let Ok(name) = files::c_string(name) {
            files::unlink_at(directory, &name);
        }
    }
    // Last: with a new lock file a newcomer would begin at once.
    if !keep_lock {
        files::unlink_at(directory, LOCK);
    }
}

/// With SETUP held: take PRESENCE, and give the arena of this session, a new one if nobody else is here.
fn enter(path: &str, directory: &OwnedFd, lock: &OwnedFd) -> NtResult<Arena> {
    if lock_byte(lock, PRESENCE, RangeLock::Exclusive)? {
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
    if !lock_byte(lock, PRESENCE, RangeLock::Shared)? {
        return Err(Failure::new(NtStatus::DEVICE_BUSY, "the session's lock file is locked by a foreign program"));
    }
    let file = open_file(path, directory, ARENA, libc::O_RDWR)?
        .ok_or_else(|| Failure::damaged("the session's arena file is gone while it is in use"))?;
    Arena::verify(&file)?;
    Arena::map(file, Protection::ReadWrite)
}

/// Join the session at `path`, making it if nobody did.
pub fn attach(path: &str, ownership: Ownership) -> NtResult<Arc<Session>> {
    let mut known = sessions();
    if let Some(session) = known.iter().find(|session| session.path == path) {
        return Ok(Arc::clone(session));
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
                let _ = lock_byte(&lock, PRESENCE, RangeLock::Unlocked);
                remove_if_alone(path, &directory, &lock);
                return Err(failure);
            }
        };
        let session = Arc::new(Session::new(path.to_owned(), arena, directory, lock));
        let started = helper::start(&session, None);
        if let Some(lock) = locked(&session.presence).as_ref() {
            lock_byte(lock, SETUP, RangeLock::Unlocked)?;
        }
        if let Err(failure) = started {
            session.take_away();
            return Err(failure);
        }
        known.push(Arc::clone(&session));
        return Ok(session);
    }
    Err(Failure::new(
        NtStatus::DEVICE_BUSY,
        format!("the session directory {path} comes and goes; trying was given up"),
    ))
}

/// With SETUP held: remove everything if nobody takes part. Whether that is so.
fn remove_if_alone(path: &str, directory: &OwnedFd, lock: &OwnedFd) -> bool {
    let alone = lock_byte(lock, PRESENCE, RangeLock::Exclusive).unwrap_or(false);
    if alone {
        remove_files(path, directory, false);
        let _ = std::fs::remove_dir(path);
    }
    alone
}

impl Session {
    /// Stop taking part: every handle of this process in the session is closed. The last one takes the session away.
    ///
    /// Fails if another thread of this process waits in the session, unless `at_exit`: then its slot ends with the process.
    pub fn leave(self: &Arc<Self>, at_exit: bool) -> NtResult<()> {
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

    /// Give up the presence lock; whoever is last removes the directory.
    fn take_away(&self) {
        let Some(lock) = locked(&self.presence).take() else { return };
        let give_up = clock::now_ns() + DYING_NS;
        loop {
            if lock_setup(&self.path, &lock).is_err() {
                return;
            }
            let _ = lock_byte(&lock, PRESENCE, RangeLock::Unlocked);
            let current = is_current(&self.path, &self.directory, &lock).unwrap_or(false);
            // The death of a process is told before Linux gives its memory back, and its files are closed after that.
            if !current
                || remove_if_alone(&self.path, &self.directory, &lock)
                || self.somebody_lives()
                || clock::now_ns() > give_up
            {
                return;
            }
            let _ = lock_byte(&lock, SETUP, RangeLock::Unlocked);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn somebody_lives(&self) -> bool {
        let lives = |life: u32| life & OWNER_DIED == 0 && life & TID_MASK != 0;
        (0..self.arena.processes()).any(|slot| lives(self.arena.process(slot).life.word.load(Ordering::Acquire)))
    }

    /// A forked child: a presence lock of its own instead of the one shared with its parent.
    pub(super) fn renew_presence(&self) -> NtResult<()> {
        let fresh = open_file(&self.path, &self.directory, LOCK, libc::O_RDWR)?
            .ok_or_else(|| Failure::damaged("the session's lock file is gone while it is in use"))?;
        if !lock_byte(&fresh, PRESENCE, RangeLock::Shared)? {
            return Err(Failure::new(NtStatus::DEVICE_BUSY, "the session's lock file is locked by a foreign program"));
        }
        *locked(&self.presence) = Some(fresh);
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
