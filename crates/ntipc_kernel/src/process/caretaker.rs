//! The caretaker of a session: a minute process that removes the session when the last participant was killed.
//!
//! The program is `caretaker/main.rs`, built by `build.rs`; it has no library, and none of this process's memory. A
//! participant starts it when it has made the session large ([`LARGE`]), or has taken part for a second (at each
//! look-round of its helper), unless there is one, from a thread that exists for this only. So a program that is over
//! at once, and leaves little if it is killed, has none.
//!
//! Invariant: at most one caretaker at a time. Byte [`CARETAKER`] of the lock file is locked through the description
//! that the caretaker has from its start; the participant that locks it starts one. The lock goes with the description,
//! so a caretaker that was killed is missed by the next participant that looks.
//!
//!   S1 lock CARETAKER; somebody has it? end | S2 a child that shares this process's memory, of no session of terminals
//!   S3 its child, in which only the three descriptors stay open | S4 the program | S5 the first child ends, and is
//!      waited for
//!
//! Between S2 and S4 nothing runs but system calls, and the starting thread sleeps (`CLONE_VFORK`). The first child
//! tells nobody of its end, so the program's own waits for children never see it; the second belongs to the process
//! that adopts orphans. Signals are blocked from before S2 on, for good.
//!
//! Crash: killed before S4, the lock goes with the process. Killed after it, the caretaker finds that nobody is left.
// UNSAFETY: starts a process: system calls on memory that the starting thread owns, and that stays until they are over.

use crate::session::{Session, sessions};
use crate::sync::Ordering;
use crate::sys::files::{RangeLock, is_locked, lock_byte};
use crate::sys::process::with_signals_blocked;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Weak};

const CARETAKER: i64 = 3;
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/caretaker"));

/// Sections of so many bytes make a session large.
pub const LARGE: u64 = 64 << 10;
/// So do tables and messages of so many, beside the few KiB that every session has.
pub const GROWTH: u64 = 256 << 10;
/// Set to 0 in the environment, this process starts no caretaker.
const SWITCH: &str = "NTIPC_CARETAKER";

/// Descriptors of the caretaker are copied from numbers that do not collide with those they get.
const HIGH: c_int = 64;
const STACK: usize = 32 << 10;

impl Session {
    /// The session has grown by so many bytes, which must not stay when the last participant is killed.
    #[inline]
    pub(crate) fn has_grown(self: &Arc<Self>, bytes: u64) {
        let before = self.grown.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) >= LARGE {
            self.grown.store(0, Ordering::Relaxed);
            self.call_caretaker();
        }
    }

    /// So has its arena.
    #[cold]
    pub(crate) fn arena_has_grown(&self) {
        if let Some(session) = self.shared.get().and_then(Weak::upgrade) {
            session.has_grown(LARGE);
        }
    }

    /// This process has taken part for a while. Not in one that adopts orphans, as the first of a container does: the
    /// caretaker would be its child, which a program that waits for all of its children waits for. And what kills the
    /// first of a container kills all.
    #[cold]
    pub(crate) fn see_to_caretaker(&self) {
        if !adopts_orphans()
            && let Some(session) = self.shared.get().and_then(Weak::upgrade)
        {
            session.call_caretaker();
        }
    }

    /// Make sure that there is a caretaker.
    #[cold]
    fn call_caretaker(self: &Arc<Self>) {
        if PROGRAM.is_empty() || cfg!(feature = "models") || std::env::var_os(SWITCH).is_some_and(|value| value == "0")
        {
            return;
        }
        if self.open_lock().and_then(|lock| is_locked(&lock, CARETAKER)).unwrap_or(true) {
            return;
        }
        let session = Arc::clone(self);
        // The caller does not wait for it. Where no thread can be had, there is no caretaker.
        let _ = with_signals_blocked(|| {
            std::thread::Builder::new()
                .name("ntipc-starter".into())
                .stack_size(128 << 10)
                .spawn(move || session.start_caretaker())
        });
    }

    fn start_caretaker(&self) -> Option<()> {
        let _no_fork = sessions(); // or a child would keep the lock
        let lock = self.open_lock().ok()?;
        if !lock_byte(&lock, CARETAKER, RangeLock::Exclusive).ok()? {
            return None; // S1
        }
        let directory = self.directory().ok()?;
        let path = CString::new(self.path.as_str()).ok()?;
        let program = program()?;
        let high = [lock.as_raw_fd(), directory.as_raw_fd(), program.as_raw_fd()].map(raised);
        let [Some(lock), Some(directory), Some(program)] = high else { return None };
        start(&[lock, directory, program], &path)
    }
}

fn adopts_orphans() -> bool {
    let mut reaper: c_int = 0;
    // SAFETY: Linux writes one number there.
    let told = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut reaper) };
    crate::sys::process::pid() == 1 || told == 0 && reaper != 0
}

/// A copy of a descriptor, with a high number.
fn raised(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: makes a new descriptor, or fails.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, HIGH) };
    // SAFETY: it is new, and nobody else's.
    (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy) })
}

/// The program as a file: in memory, or where that cannot be executed, nowhere.
fn program() -> Option<OwnedFd> {
    const MAY_EXECUTE: libc::c_uint = 0x10; // MFD_EXEC, unknown before Linux 6.3
    let made = [libc::MFD_CLOEXEC | MAY_EXECUTE, libc::MFD_CLOEXEC].into_iter().find_map(|flags| {
        // SAFETY: a name that ends with a NUL; gives a new descriptor, or fails.
        let fd = unsafe { libc::memfd_create(c"ntipc-caretaker".as_ptr(), flags) };
        // SAFETY: it is new, and nobody else's.
        (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    })?;
    // SAFETY: as many bytes as there are.
    let written = unsafe { libc::write(made.as_raw_fd(), PROGRAM.as_ptr().cast(), PROGRAM.len()) };
    (written == PROGRAM.len() as isize).then_some(made)
}

/// What the children need, in memory that they share with the thread that starts them.
struct Orders {
    descriptors: [RawFd; 3],
    arguments: [*const c_char; 3],
    environment: [*const c_char; 1],
    /// The end of the second child's stack.
    stack: *mut c_void,
}

fn start(descriptors: &[OwnedFd; 3], path: &CStr) -> Option<()> {
    let mut stacks = vec![0_u128; 2 * STACK / 16];
    let end = |which: usize| stacks.as_ptr().wrapping_add(which * STACK / 16).cast_mut().cast::<c_void>();
    let orders = Orders {
        descriptors: [0, 1, 2].map(|place: usize| descriptors[place].as_raw_fd()),
        arguments: [c"ntipc-caretaker".as_ptr(), path.as_ptr(), std::ptr::null()],
        environment: [std::ptr::null()],
        stack: end(2),
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK; // and no signal: nobody is told of its end
    // SAFETY: the stack is large enough, aligned, and stays until the child has ended, for which this thread sleeps.
    let child = unsafe { libc::clone(first_child, end(1), flags, (&raw const orders).cast_mut().cast()) }; // S2
    if child > 0 {
        let mut status = 0;
        // SAFETY: waits for that child alone.
        while unsafe { libc::waitpid(child, &raw mut status, libc::__WCLONE) } < 0
            && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
        {} // S5
    }
    stacks.clear();
    (child > 0).then_some(())
}

extern "C" fn first_child(orders: *mut c_void) -> c_int {
    // SAFETY: system calls, and a stack of its own for the second child, which this one sleeps for.
    unsafe {
        libc::syscall(libc::SYS_setsid);
        let stack = (*orders.cast::<Orders>()).stack;
        let child = libc::clone(second_child, stack, libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, orders); // S3
        libc::syscall(libc::SYS_exit_group, c_int::from(child < 0));
    }
    1
}

extern "C" fn second_child(orders: *mut c_void) -> c_int {
    // SAFETY: system calls on descriptors, which are copies of the starter's, and on memory that stays until the
    // program runs.
    unsafe {
        let orders = &*orders.cast::<Orders>();
        for (to, from) in (0..).zip(orders.descriptors) {
            libc::syscall(libc::SYS_dup3, from, to, if to == 2 { libc::O_CLOEXEC } else { 0 });
        }
        if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, 0) != 0 {
            for other in 3..4096 {
                libc::syscall(libc::SYS_close, other); // before Linux 5.9
            }
        }
        let (arguments, environment) = (orders.arguments.as_ptr(), orders.environment.as_ptr());
        libc::syscall(libc::SYS_execveat, 2, c"".as_ptr(), arguments, environment, libc::AT_EMPTY_PATH); // S4
        libc::syscall(libc::SYS_exit_group, 1);
    }
    1
}
