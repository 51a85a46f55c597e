//! This process's attachment to one session: the mapping, the files, and which slot of the process table is ours.

use crate::arena::Arena;
use crate::arena::layout::NOBODY;
use crate::process::fork;
use crate::process::fork::Inheritance;
use crate::process::helper::HelperThread;
use crate::process::lives::EndedLife;
use crate::process::membership::Membership;
use crate::process::presence::Presence;
use crate::section::Anchors;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::coarse_now_ns;
use crate::sys::files::Belonging;
use crate::sys::kept::Kept;
use crate::sys::{futex, process};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// `Session::state`. Attached, unless forked off ([`Membership`]).
pub const ATTACHED: u32 = 1;
/// Forked off, and the handles cannot be had any more.
pub const LOST: u32 = 2;
pub const LEFT: u32 = 3;

pub struct Session {
    pub path: String,
    pub(crate) arena: Arena,
    pub(crate) directory: Kept,
    /// As whom this process attached.
    pub(crate) owner: u32,
    /// Whose the session's files are, as the directory says.
    pub(crate) belonging: OnceLock<Belonging>,
    /// When the directory was last seen to be there.
    pub(crate) directory_seen_ns: AtomicU64,
    pub(crate) anchors: Anchors,
    /// Keeps the presence lock; replaced in a forked child.
    pub(crate) presence: Mutex<Option<Presence>>,
    pub(crate) own: Membership,
    pub(crate) state: AtomicU32,
    /// The process slot that the helper thread holds, or held last.
    pub(crate) held_slot: AtomicU32,
    /// What a forked child may take over, and who does so at a time.
    pub(crate) inheritance: Mutex<Option<Arc<Inheritance>>>,
    /// The session itself.
    pub(crate) shared: OnceLock<Weak<Session>>,
    /// Tells the helper thread to stop.
    pub(crate) stop: AtomicU32,
    pub(crate) helper: Mutex<Option<HelperThread>>,
    /// 1: a thread of ours has seen a death in the table, and our helper shall make sure that somebody deals with it.
    pub(crate) alarm: AtomicU32,
    /// Ends of processes and threads that our helper is to note.
    pub(crate) ended_lives: Mutex<Vec<EndedLife>>,
    /// Bytes by which this process has made the session larger since it last looked for a caretaker.
    pub(crate) grown: AtomicU64,
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

/// Held by a thread that attaches, so that no two attach to one session. Apart from the list: attaching may wait for
/// others, and a fork waits for the list.
static ATTACHING: Mutex<()> = Mutex::new(());

/// The right to attach, while nobody else has it.
pub(crate) type Attaching = MutexGuard<'static, ()>;

pub(crate) fn attaching() -> Attaching {
    locked(&ATTACHING)
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(crate) fn new(path: String, arena: Arena, directory: Kept, presence: Option<Presence>) -> Session {
        Session {
            path,
            arena,
            directory,
            owner: process::uid(),
            belonging: OnceLock::new(),
            anchors: Anchors::default(),
            directory_seen_ns: AtomicU64::new(coarse_now_ns()),
            presence: Mutex::new(presence),
            own: Membership::new(),
            state: AtomicU32::new(ATTACHED),
            held_slot: AtomicU32::new(NOBODY),
            inheritance: Mutex::new(None),
            shared: OnceLock::new(),
            stop: AtomicU32::new(0),
            helper: Mutex::new(None),
            alarm: AtomicU32::new(0),
            ended_lives: Mutex::default(),
            grown: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> u32 {
        self.own.slot.load(Ordering::Relaxed)
    }

    pub fn is_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == LEFT
    }

    /// Was this process forked off, and could not take its handles over? Then it is a participant through another
    /// attachment, if any.
    pub fn is_lost(&self) -> bool {
        self.state.load(Ordering::Acquire) == LOST
    }

    pub(crate) fn check_attached(&self) -> NtResult<()> {
        match self.state.load(Ordering::Acquire) {
            ATTACHED => Ok(()),
            _ => Err(self.not_attached()),
        }
    }

    #[cold]
    #[inline(never)]
    fn not_attached(&self) -> Failure {
        match self.is_lost() {
            true => fork::lost(),
            false => Failure::new(NtStatus::PROCESS_IS_TERMINATING, "this process has left the session"),
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
