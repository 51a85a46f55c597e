//! fork: the child is a participant of its own, with a copy of the handle table and no mutant.
//!
//! What the parent's thread knows is wiped in a child by Linux (`membership`). So that the child can have handles of
//! its own in place of its parent's, the parent notes before each fork which it has, and to which objects
//! ([`Inheritance`]): the child takes handles to those objects, if they are still there. By the note, and not by the
//! parent's table, which may have changed since.
//!
//! A fork that Python announces: the parent waits (on a pipe) until the child has its handles, so no object can vanish
//! in between. It waits in the fork itself, with whatever lock its caller holds over it: with Python's, no other thread
//! closes a handle that the child's memory knows.
//! A fork by C code: the child takes its handles when it first needs one, or joins as a new participant. The parent may
//! be gone by then, as with `daemon`. Its watchers leave the handles of a process that has just forked alone for
//! [`GRACE_NS`], or until the child has its own. If one of the objects is gone, the child takes none: the place of the
//! missing one would be given to another object, and what its memory knows under that number would be that one. Its
//! attachment is LOST, its objects say so, and it joins the session afresh. A fork by the bare system call: no note was
//! made, so the same.

use super::lock::Locked;
use super::pidfd_watch::{Still, keep_still};
use super::thread::forget_registrations_after_fork;
use super::{helper, leader};
use crate::arena::layout::NOBODY;
use crate::completion::relay::{Roster, roster};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::object::kind::Kind;
use crate::session::{Attaching, Known, LOST, Session, attaching, locked, new_incarnation, sessions};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared};
use crate::sys::clock::now_ns;
use crate::sys::files;
use crate::sys::kept::Kept;
use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::sync::{Arc, MutexGuard, Once, TryLockError};
use std::time::Duration;

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

/// Held over a fork: no other thread attaches, or has the list of sessions or the roster of what is watched in hand
/// then, which the child would wait for in vain.
struct Held {
    roster: MutexGuard<'static, Roster>,
    _still: Still,
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

/// One fork at a time: a second one would give its child the writing end of the first one's pipe, which then stays
/// open.
extern "C" fn about_to_fork() {
    leader::note_who_forks();
    let attaching = attaching();
    let known = sessions();
    let announced = ANNOUNCED.try_with(Cell::take).unwrap_or(false);
    for session in known.iter().filter(|session| session.is_attached()) {
        session.bequeath(announced);
    }
    if announced && !known.is_empty() {
        let pipe =
            files::pipe().ok().and_then(|(reading, writing)| Kept::new(reading).ok().zip(Kept::new(writing).ok()));
        let _ = PIPE.try_with(|place| place.set(pipe));
    }
    let held = Held { roster: roster(), _still: keep_still(), known, _attaching: attaching };
    let _ = HELD.try_with(|place| place.set(Some(held)));
}

extern "C" fn has_forked() {
    let Some(held) = HELD.try_with(Cell::take).ok().flatten() else { return };
    for session in held.known.iter().filter(|session| session.is_attached()) {
        *locked(&session.inheritance) = None;
    }
    if let Ok(Some((reading, writing))) = PIPE.try_with(Cell::take) {
        drop(writing);
        wait_for_child(&reading, &held.known);
    }
}

/// In the child of a fork by the C library, before it does anything: nothing that we remember is ours any more.
extern "C" fn forked() {
    let held = HELD.try_with(Cell::take).ok().flatten();
    if let Some(mut held) = held {
        held.roster.forget();
        for session in held.known.iter() {
            session.own.forget(); // as Linux has done, where it does
        }
    }
    forget_registrations_after_fork();
}

/// Before a fork in the same thread, announced by Python. Waits until no other thread attaches, so that the fork itself
/// need not.
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
    leader::guard();
    let writing = PIPE.take().map(|(_, writing)| writing);
    let known = sessions().clone();
    let mut result = Ok(());
    for session in known {
        result = result.and(session.take_part());
        if let Some(Some(inheritance)) = session.own_inheritance().as_deref() {
            inheritance.announced.store(0, Ordering::Relaxed); // it may be tried again, and our parent waits no longer
        }
    }
    drop(writing);
    result
}

/// What a process has when it forks, as its child may take it over.
pub(crate) struct Inheritance {
    /// Process slot of the parent, and its generation.
    parent: u32,
    generation: u32,
    /// 1: the parent keeps other threads from the handles that the child knows, and waits for the child.
    announced: AtomicU32,
    handles: Vec<Inherited>,
}

struct Inherited {
    place: u32,
    packed: u64,
    /// Serial number of the object.
    serial: u64,
}

/// The answer to a call with a handle that could not be taken over.
pub(crate) fn lost() -> Failure {
    let why = "it was made before a fork, and this process, the child, could not take its parent's handles over: the fork was \
               hidden from the library, or an object was gone by then. Make or open it again";
    Failure::new(NtStatus::INVALID_HANDLE, why)
}

impl Inheritance {
    /// Note what that process has. No lock: what another thread changes meanwhile is found gone later, or is not the
    /// child's.
    pub fn of(session: &Session, announced: bool) -> Inheritance {
        let (arena, slot) = (&session.arena, session.slot());
        let mut handles = Vec::new();
        for place in 0..arena.handles(slot) {
            let packed = arena.handle(slot, place).load(Ordering::Acquire);
            if let Some(entry) = Entry::unpack(packed).filter(|entry| !entry.is_private()) {
                let serial = arena.origin(entry.object).serial.load(Ordering::Acquire);
                if arena.handle(slot, place).load(Ordering::Acquire) == packed {
                    handles.push(Inherited { place, packed, serial });
                }
            }
        }
        Inheritance {
            parent: slot,
            generation: arena.process(slot).generation.get(),
            announced: AtomicU32::new(announced.into()),
            handles,
        }
    }
}

impl Session {
    /// About to fork: note what the child may take over, and have it kept for a while even if we end.
    fn bequeath(&self, announced: bool) {
        if !without!(ForkGrace) {
            self.arena.process(self.slot()).fork_until_ns.put(now_ns() + GRACE_NS);
        }
        *locked(&self.inheritance) = Some(Arc::new(Inheritance::of(self, announced)));
    }

    /// Make sure that this process takes part, if it was forked off: as a participant of its own, in place of the
    /// parent whose memory it has a copy of.
    ///
    /// Fails if that is impossible for now, and for good with the attachment LOST if the handles cannot be had any
    /// more.
    #[inline]
    pub fn take_part(self: &Arc<Self>) -> NtResult<()> {
        match self.own.incarnation.load(Ordering::Acquire) {
            0 => self.take_part_after_fork(),
            _ => self.check_attached(),
        }
    }

    #[cold]
    fn take_part_after_fork(self: &Arc<Self>) -> NtResult<()> {
        let inheritance = self.own_inheritance();
        self.check_attached()?;
        if self.is_attached() {
            return Ok(()); // another thread of ours was quicker
        }
        let taken = match inheritance.as_ref().and_then(|inheritance| inheritance.as_ref()) {
            Some(inheritance) => self.adopt_fork(inheritance),
            None => Err(lost()),
        };
        match (&taken, inheritance) {
            (Ok(()), Some(mut inheritance)) => *inheritance = None,
            (Err(failure), _) if failure.status == NtStatus::INVALID_HANDLE => {
                self.state.store(LOST, Ordering::Release);
                if let Ok(mut presence) = self.presence.try_lock() {
                    *presence = None; // the parent's, which it keeps itself for as long as it takes part
                }
            }
            _ => {}
        }
        taken
    }

    /// What we may take over, while no other thread of ours does. A thread that is only our parent's may seem to have
    /// it in hand for ever.
    fn own_inheritance(&self) -> Option<MutexGuard<'_, Option<Arc<Inheritance>>>> {
        let give_up = now_ns() + PATIENCE_MS as u64 * 1_000_000;
        loop {
            match self.inheritance.try_lock() {
                Ok(inheritance) => return Some(inheritance),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if now_ns() < give_up => std::thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }

    fn adopt_fork(self: &Arc<Self>, inheritance: &Arc<Inheritance>) -> NtResult<()> {
        if let Some(parents) = locked(&self.helper).take() {
            parents.forget();
        }
        self.alarm.store(0, Ordering::Release);
        fault!(ForkBeforeCopy);
        self.renew_presence()?;
        helper::start(self, Some(Arc::clone(inheritance)))?;
        self.own.incarnation.store(new_incarnation(), Ordering::Release);
        Ok(())
    }

    /// Close a handle of a forked child that has not taken it over yet: it will not. `false`: it has, by now.
    #[cold]
    pub(crate) fn close_inherited(&self, place: u32) -> bool {
        let inheritance = self.own_inheritance();
        if self.is_attached() {
            return false;
        }
        if let Some(mut inheritance) = inheritance
            && let Some(inheritance) = inheritance.as_mut().and_then(Arc::get_mut)
        {
            inheritance.handles.retain(|inherited| inherited.place != place);
        }
        true
    }
}

impl Locked<'_> {
    /// Give process slot `to` handles to the objects that are noted, at the same numbers.
    pub(super) fn take_over_handles(&mut self, inheritance: &Inheritance, to: u32) -> NtResult<()> {
        let arena = &self.session.arena;
        let lives = |inherited: &&Inherited| {
            let object = Entry::unpack(inherited.packed).map(|entry| entry.object).filter(|it| *it < arena.objects());
            object.is_some_and(|object| {
                let record = arena.object(object);
                arena.origin(object).serial.get() == inherited.serial
                    && record.handles.get() != 0
                    && Kind::of(record).is_some()
            })
        };
        // Where the parent keeps all that the child's memory knows, what is gone was another thread's, in the middle of
        // a call.
        if inheritance.announced.load(Ordering::Relaxed) == 0
            && inheritance.handles.iter().any(|inherited| !lives(&inherited))
        {
            return Err(lost());
        }
        arena.grow_handles(to, inheritance.handles.last().map_or(0, |last| last.place + 1))?;
        for inherited in inheritance.handles.iter().filter(lives) {
            self.store_handle(to, inherited.place, inherited.packed);
        }
        fault!(ForkCopied);
        let parent = arena.process(inheritance.parent);
        if parent.generation.get() == inheritance.generation && inheritance.parent != NOBODY {
            parent.fork_until_ns.put(0);
        }
        Ok(())
    }
}
