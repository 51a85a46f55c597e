//! fork: the child is a participant of its own, with a copy of the handle table and no mutant.
//!
//! The parent waits (on a pipe) until the child has counted its copies, so no object can vanish in between. It waits in the fork itself,
//! with whatever lock its caller holds over it: with Python's, no other thread closes a handle, or gets its number for another
//! object, that the child's memory knows as it was. If the parent is killed meanwhile, its watchers leave its handles alone for
//! [`GRACE_NS`], or until the child has them.
//! A child of a fork that nobody announced (C code calling `fork`) finds itself in state FORKED and adopts the table when it first needs a slot.

use super::helper;
use super::lock::Locked;
use super::thread::forget_registrations_after_fork;
use crate::arena::layout::PROCESSES;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::session::{ATTACHED, Attaching, FORKED, Known, Session, attaching, locked, new_incarnation, sessions};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;
use crate::sys::files;
use crate::sys::kept::Kept;
use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Once};

/// How long the handles of a process killed in the middle of a fork wait for its child.
pub(super) const GRACE_NS: u64 = 1_000_000_000;

/// Watch for forks of any origin. Once a process.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the handlers touch atomics, a lock and this thread's registrations only.
        unsafe { libc::pthread_atfork(Some(about_to_fork), Some(has_forked), Some(forked)) };
    });
}

/// How long a parent waits for a child that does not run.
const PATIENCE_MS: i32 = 1500;

/// Held over a fork: no other thread attaches or has the list of sessions in hand then, which the child would wait for in vain.
struct Held {
    known: Known,
    _attaching: Attaching,
}

thread_local! {
    /// Python has announced the next fork of this thread.
    static ANNOUNCED: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
    /// Where the child of an announced fork says that it has its copies: the ends to read from and to close.
    static PIPE: Cell<Option<(Kept, Kept)>> = const { Cell::new(None) };
}

/// One fork at a time: a second one would give its child the writing end of the first one's pipe, which then stays open.
extern "C" fn about_to_fork() {
    let attaching = attaching();
    let known = sessions();
    if ANNOUNCED.try_with(Cell::take).unwrap_or(false) && !known.is_empty() {
        for session in known.iter().filter(|session| session.is_attached() && !without!(ForkGrace)) {
            session.arena.process(session.slot()).fork_until_ns.put(now_ns() + GRACE_NS);
        }
        let pipe =
            files::pipe().ok().and_then(|(reading, writing)| Kept::new(reading).ok().zip(Kept::new(writing).ok()));
        let _ = PIPE.try_with(|place| place.set(pipe));
    }
    let _ = HELD.try_with(|held| held.set(Some(Held { known, _attaching: attaching })));
}

extern "C" fn has_forked() {
    let held = HELD.try_with(Cell::take).ok().flatten();
    if let (Ok(Some((reading, writing))), Some(held)) = (PIPE.try_with(Cell::take), held) {
        drop(writing);
        wait_for_child(&reading, &held.known);
    }
}

/// In the child of any fork, before it does anything: nothing that we remember is ours any more.
extern "C" fn forked() {
    let held = HELD.try_with(Cell::take).ok().flatten();
    if let Some(held) = held {
        for session in held.known.iter() {
            session.state.store(FORKED, Ordering::Release);
            session.incarnation.store(new_incarnation(), Ordering::Release);
            session.known_threads.forget_all();
        }
    }
    forget_registrations_after_fork();
}

/// Before a fork in the same thread, announced by Python. Waits until no other thread attaches, so that the fork itself need not.
pub fn before() {
    drop(attaching());
    ANNOUNCED.set(true);
}

/// In the parent: wait until the child has its copies, or is dead, or for [`PATIENCE_MS`] if somebody has stopped it.
fn wait_for_child(reading: &Kept, known: &Known) {
    if let Some(reading) = reading.get() {
        let mut poll = libc::pollfd { fd: reading.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        while unsafe { libc::poll(&raw mut poll, 1, PATIENCE_MS) } < 0 && files::last_errno() == libc::EINTR {}
    }
    for session in known.iter().filter(|session| session.is_attached()) {
        session.arena.process(session.slot()).fork_until_ns.put(0);
    }
}

/// After it, in the child.
pub fn in_child() -> NtResult<()> {
    let writing = PIPE.take().map(|(_, writing)| writing);
    let known = sessions().clone();
    let mut result = Ok(());
    for session in known {
        if session.state.load(Ordering::Acquire) == FORKED {
            result = result.and(session.adopt_fork());
        }
    }
    drop(writing);
    result
}

impl Session {
    /// Become a participant of our own, in place of the parent whose memory we have a copy of.
    pub(crate) fn adopt_fork(self: &Arc<Self>) -> NtResult<()> {
        let (parent, generation) = (self.slot(), self.slot_generation.load(Ordering::Acquire));
        std::mem::forget(locked(&self.helper).take()); // that thread is the parent's
        self.alarm.store(0, Ordering::Release);
        fault!(ForkBeforeCopy);
        self.renew_presence()?;
        helper::start(self, Some((parent, generation)))?;
        self.state.store(ATTACHED, Ordering::Release);
        self.incarnation.store(new_incarnation(), Ordering::Release);
        Ok(())
    }
}

impl Locked<'_> {
    /// Give process slot `to` the handles of `from`, at the same numbers. Those that are private stay with their process.
    pub(super) fn copy_handles(&mut self, from: u32, generation: u32, to: u32) -> NtResult<()> {
        let arena = &self.session.arena;
        let parent = arena.process(from & (PROCESSES - 1));
        if parent.generation.get() != generation || parent.attached.get() == 0 {
            return Err(Failure::new(
                NtStatus::INVALID_HANDLE,
                "the parent ended before its child took over its handles",
            ));
        }
        let high = arena.handles(from);
        arena.grow_handles(to, high)?;
        for index in 0..high {
            let packed = arena.handle(from, index).get();
            match Entry::unpack(packed) {
                Some(entry) if !entry.is_private() => self.store_handle(to, index, packed),
                _ => {}
            }
        }
        fault!(ForkCopied);
        parent.fork_until_ns.put(0);
        Ok(())
    }
}
