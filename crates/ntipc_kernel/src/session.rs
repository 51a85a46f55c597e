//! This process's attachment to one session: the mapping, the files, and which slot of the process table is ours.

use crate::arena::Arena;
use crate::process::known_threads::KnownThreads;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::{files, futex};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// `Session::state`.
pub const ATTACHED: u32 = 1;
/// Forked off, and not yet a participant of its own.
pub const FORKED: u32 = 2;
pub const LEFT: u32 = 3;

pub struct Session {
    pub path: String,
    pub(crate) arena: Arena,
    pub(crate) directory: OwnedFd,
    /// Mode of the session's files, and whose group they are, as the directory says.
    file_mode: OnceLock<(u32, Option<u32>)>,
    /// Keeps the presence lock; replaced in a forked child.
    pub(crate) presence: Mutex<Option<OwnedFd>>,
    /// Changes with every attachment and every fork, never repeats in a process: what waits and registrations are held against.
    pub(crate) incarnation: AtomicU64,
    pub(crate) known_threads: KnownThreads,
    pub(crate) state: AtomicU32,
    /// Our process slot.
    pub(crate) slot: AtomicU32,
    /// Generation of that slot when it became ours.
    pub(crate) slot_generation: AtomicU32,
    /// Tells the helper thread to stop.
    pub(crate) stop: AtomicU32,
    pub(crate) helper: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// 1: a thread of ours has seen a death in the table, and our helper shall make sure that somebody deals with it.
    pub(crate) alarm: AtomicU32,
}

static INCARNATIONS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn new_incarnation() -> u64 {
    INCARNATIONS.fetch_add(1, Ordering::Relaxed)
}

/// Every attachment of this process that has not been left.
static SESSIONS: Mutex<Vec<Arc<Session>>> = Mutex::new(Vec::new());

/// The list, while nobody else has it.
pub(crate) type Known = MutexGuard<'static, Vec<Arc<Session>>>;

pub(crate) fn sessions() -> Known {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(crate) fn new(path: String, arena: Arena, directory: OwnedFd, presence: OwnedFd) -> Session {
        Session {
            path,
            arena,
            directory,
            file_mode: OnceLock::new(),
            presence: Mutex::new(Some(presence)),
            incarnation: AtomicU64::new(new_incarnation()),
            known_threads: KnownThreads::new(),
            state: AtomicU32::new(ATTACHED),
            slot: AtomicU32::new(0),
            slot_generation: AtomicU32::new(0),
            stop: AtomicU32::new(0),
            helper: Mutex::new(None),
            alarm: AtomicU32::new(0),
        }
    }

    pub(crate) fn file_mode(&self) -> NtResult<(u32, Option<u32>)> {
        if let Some(known) = self.file_mode.get() {
            return Ok(*known);
        }
        let directory = files::status_of(&self.directory)?;
        let group = (directory.st_mode & 0o070 != 0).then_some(directory.st_gid);
        Ok(*self.file_mode.get_or_init(|| (directory.st_mode & 0o666, group)))
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> u32 {
        self.slot.load(Ordering::Relaxed)
    }

    pub fn is_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == LEFT
    }

    pub(crate) fn check_attached(&self) -> NtResult<()> {
        match self.is_left() {
            true => Err(Failure::new(NtStatus::PROCESS_IS_TERMINATING, "this process has left the session")),
            false => Ok(()),
        }
    }

    /// Note that the session's memory contradicts itself, and say so.
    #[cold]
    pub(crate) fn damaged(&self, what: &'static str) -> Failure {
        self.arena.damaged(what)
    }

    pub(crate) fn stop_helper(&self) {
        self.stop.store(1, Ordering::Release);
        futex::wake(&self.stop, i32::MAX);
    }
}

/// The attachments, if nobody else has them in hand (in a forked child the holder does not exist any more).
pub(crate) fn try_sessions() -> Result<Known, ()> {
    match SESSIONS.try_lock() {
        Ok(known) => Ok(known),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => Err(()),
    }
}
