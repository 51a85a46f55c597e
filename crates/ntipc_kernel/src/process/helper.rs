//! The helper thread: every participant has one. It holds the life word and the bells of its process, and watches its
//! neighbours.
//!
//! It lives as long as the process takes part, and executes nothing of the program. So its words are marked when the
//! process ends, however it ends: the kernel of Linux does so before it frees the victim's memory, and at `exec` as at
//! a death. Which watchers are told is in `neighbours`, what a helper does when a watched process dies, in `watch` and `reap`.
//!
//! Order: the life word is held before the process has anything that others would miss, and is the last that it gives
//! back. The bells stand behind it in the list of the thread, so a watcher that a bell wakes finds the life word
//! marked.

use super::fork::Inheritance;
use super::lock::helper_owner;
use super::watch::watch;
use crate::arena::layout::{IN_FRAMES, PROCESSES};
use crate::fault::{self, fault};
use crate::mutation::without;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::robust::{self, Linked, OWNER_DIED, TID_MASK};
use crate::sys::{namespaces, process};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// The helper thread of the process that started it. In a child of a fork this is a thread that the child does not
/// have: the C library may have given its memory back there, so nothing is done with it.
pub(crate) struct HelperThread {
    handle: Option<JoinHandle<()>>,
    pid: u32,
}

impl HelperThread {
    fn new(handle: JoinHandle<()>) -> HelperThread {
        HelperThread { handle: Some(handle), pid: process::pid() }
    }

    /// In a child of a fork, of its parent's.
    pub fn forget(mut self) {
        std::mem::forget(self.handle.take());
    }

    /// Wait until it has ended.
    fn join(mut self) {
        if self.pid == process::pid()
            && let Some(handle) = self.handle.take()
        {
            let _ = handle.join();
        }
    }
}

impl Drop for HelperThread {
    fn drop(&mut self) {
        if self.pid != process::pid() {
            std::mem::forget(self.handle.take());
        }
    }
}

/// Start the helper thread; returns when this process is a participant.
pub fn start(session: &Arc<Session>, inherited: Option<Arc<Inheritance>>) -> NtResult<()> {
    session.arena.check_clock()?;
    session.own.wipe_on_fork();
    let _ = session.shared.set(Arc::downgrade(session));
    let (ready, answer) = channel();
    let shared = Arc::clone(session);
    session.stop.store(0, Ordering::Release);
    let spawned = process::with_signals_blocked(|| {
        std::thread::Builder::new()
            .name("ntipc-helper".into())
            .stack_size(256 << 10)
            .spawn(move || run(&shared, inherited.as_deref(), &ready))
    });
    let handle = spawned.map_err(|error| Failure::from_io("starting the helper thread", &error))?;
    match answer.recv() {
        Ok(Ok(())) => {
            *crate::session::locked(&session.helper) = Some(HelperThread::new(handle));
            Ok(())
        }
        Ok(Err(failure)) => {
            let _ = handle.join();
            Err(failure)
        }
        Err(_) => Err(Failure::new(NtStatus::INSUFFICIENT_RESOURCES, "the helper thread ended at once")),
    }
}

pub(crate) fn run(session: &Arc<Session>, inherited: Option<&Inheritance>, ready: &Sender<NtResult<()>>) {
    let mut linked = Linked::default();
    let (slot, is_heir) = match claim_slot(session, inherited.is_some(), &mut linked) {
        Ok(taken) => taken,
        Err(failure) => {
            let _ = ready.send(Err(failure));
            return;
        }
    };
    let attached = match is_heir {
        true => session.arena.limit_pages(),
        false => session.attach_slot(slot, inherited),
    };
    if without!(LifeFirst) {
        let _ = robust::link_held(&session.arena.process(slot).life, &mut linked);
    }
    let failed = attached.is_err();
    if !failed {
        session.held_slot.store(slot, Ordering::Release);
        session.own.generation.store(session.arena.process(slot).generation.get(), Ordering::Release);
        session.own.slot.store(slot, Ordering::Release);
    }
    let _ = ready.send(attached);
    if !failed {
        watch(session, slot);
    }
    // Nobody else of this process takes part any more: do for ourselves what a watcher does for the dead.
    session.arena.process(slot).watches.put(0);
    session.release_slot(slot);
    let record = session.arena.process(slot);
    let _ = robust::announce(Some(&record.life));
    for word in record.bells.iter().chain([&record.life]) {
        robust::unlink(word, &mut linked);
        word.word.store(0, Ordering::Release);
    }
    let _ = robust::announce(None);
    fault!(SlotFreed);
    session.tell_watchers(slot);
}

/// Take a free process slot: the life word first, everything else after, so that no death goes untold.
/// The watchers know of the slot before it has anything. True: one that a parent has filled with handles.
fn claim_slot(session: &Session, is_forked: bool, linked: &mut Linked) -> NtResult<(u32, bool)> {
    let arena = &session.arena;
    let (pid, start_time, namespace) =
        (process::pid(), process::start_time(process::pid()), namespaces::pid_namespace());
    // Nothing waits for the child of a fork; and its parent, which waits for the child, may be about to start another
    // one.
    if !is_forked && let Some(slot) = session.take_own_heir(linked)? {
        let record = arena.process(slot);
        for bell in &record.bells {
            robust::hold_last(bell, linked)?;
        }
        record.watches.put(u32::from(fault::is_eligible()));
        session.tell_watchers(slot);
        return Ok((slot, true));
    }
    for slot in IN_FRAMES + 1..PROCESSES {
        arena.grow_processes(slot + 1)?;
        let record = arena.process(slot);
        let seen = record.life.word.load(Ordering::Relaxed);
        if seen != 0 {
            if seen & OWNER_DIED != 0 {
                session.tell_watchers(slot); // it may have died before it told them itself
            }
            continue;
        }
        let won = match without!(LifeFirst) {
            true => robust::hold_unlinked(&record.life, 0),
            false => robust::claim(&record.life, linked)?,
        };
        if !won {
            continue;
        }
        fault!(LifeHeld);
        for bell in &record.bells {
            robust::hold_last(bell, linked)?;
        }
        record.generation.put(record.generation.get().wrapping_add(1));
        record.fork_until_ns.put(0);
        record.exit_request.put(0);
        record.start_time.put(start_time);
        record.pid_namespace.put(namespace);
        record.pid.put(pid); // last: a look-round that sees it sees the rest
        record.watches.put(u32::from(fault::is_eligible()));
        arena.header().process_high.fetch_max(slot + 1, Ordering::AcqRel);
        fault!(SlotClaimed);
        session.tell_watchers(slot);
        return Ok((slot, false));
    }
    Err(Failure::new(NtStatus::QUOTA_EXCEEDED, format!("the session has {} participants already", PROCESSES - 1)))
}

/// Told to stop, and no other thread of this process needs the slot any more.
pub(super) fn must_stop(session: &Session) -> bool {
    if session.stop.load(Ordering::Acquire) == 0 {
        return false;
    }
    if session.other_threads() > 0 {
        session.stop.store(0, Ordering::Release); // the last of them says it again
        return session.other_threads() == 0;
    }
    true
}

/// A process that is gone although its life word says otherwise: memory that was scribbled on may hide a death from
/// Linux.
///
/// A life word that is held is a life, unless Linux itself knows no process of that number, in the pid namespace where
/// the number was given; or knows no thread by the name in the word, and the process of that number began at another
/// time. A start time alone says nothing: it differs in a time namespace, and after a process was restored from a
/// checkpoint.
pub(super) fn is_hidden_death(session: &Session, slot: u32) -> bool {
    let record = session.arena.process(slot);
    let (pid, tid) = (record.pid.get(), record.life.word.get() & TID_MASK);
    if record.is_heir() {
        return session.is_heir_gone(slot);
    }
    if pid == 0 || !namespaces::is_own_pid_namespace(record.pid_namespace.get()) {
        return false;
    }
    process::is_gone(pid)
        || process::is_no_thread(Some(pid), tid)
            && process::is_other_start(record.start_time.get(), process::start_time(pid))
}

impl Session {
    /// Become a participant: with the handles of the process we were forked from, if any.
    pub(crate) fn attach_slot(&self, slot: u32, inherited: Option<&Inheritance>) -> NtResult<()> {
        let mut locked = self.lock_as(helper_owner(slot));
        self.arena.limit_pages()?;
        let record = self.arena.process(slot);
        record.handle_high.put(0);
        record.handle_count.put(0);
        for bits in &record.full {
            bits.put(0);
        }
        let copied = match inherited {
            Some(inherited) => locked.take_over_handles(inherited, slot),
            None => Ok(()),
        };
        record.attached.put(1);
        fault!(SlotAttached);
        copied
    }

    /// Give up our own slot. No thread of this process is left in the session but this one.
    fn release_slot(&self, slot: u32) {
        let me = helper_owner(slot);
        while self.lock_as(me).close_some_handles(slot) {}
        let _ = self.lock_as(me).release_process(slot); // this process lives on: waiters for its end watch it
    }

    pub(crate) fn wait_for_helper(&self) {
        let helper = crate::session::locked(&self.helper).take();
        if let Some(helper) = helper {
            helper.join();
        }
    }
}
