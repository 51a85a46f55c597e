//! A thread's slot: taken when the thread first needs an identity (to wait, to own, to lock), given back when it ends.

use super::lock::Locked;
use crate::arena::layout::{THREADS, Thread, progress};
use crate::fault::fault;
use crate::session::{ATTACHED, Session};
use crate::status::{NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::process::tid;
use crate::sys::robust::{self, Linked};
use std::cell::RefCell;
use std::sync::Arc;

/// One slot of the calling thread in one session. Keeps the mapping, in which its list node lies.
struct Registration {
    session: Arc<Session>,
    incarnation: u64,
    slot: u32,
}

#[derive(Default)]
struct Registrations {
    slots: Vec<Registration>,
    linked: Linked,
}

thread_local! {
    static REGISTRATIONS: RefCell<Registrations> = RefCell::default();
}

impl Registrations {
    /// Forget what this thread's copy of memory has from before a fork, where no handler has done so. Those words are
    /// its parent's, in its parent's list: nothing of them is touched.
    fn part_from_parent(&mut self) {
        if self.slots.iter().any(|registration| !registration.is_current()) {
            self.linked = Linked::default();
            self.slots.retain(Registration::is_current);
        }
    }
}

impl Drop for Registrations {
    /// The thread ends: its mutants are abandoned, its slots free.
    fn drop(&mut self) {
        self.part_from_parent();
        for registration in std::mem::take(&mut self.slots) {
            registration.give_back(&mut self.linked);
        }
    }
}

impl Registration {
    fn is_current(&self) -> bool {
        self.session.own.incarnation.load(Ordering::Acquire) == self.incarnation
    }

    fn give_back(self, linked: &mut Linked) {
        self.session.own.known_threads.forget();
        let thread = self.session.arena.thread(self.slot);
        if !self.is_current() {
            return; // forked off: the slot is the parent's
        }
        // Announced, so that a death while the node is in no list any more is told as well.
        let announced = robust::announce(Some(&thread.life)).is_ok();
        robust::unlink(&thread.life, linked);
        self.session.lock_as(self.slot + 1).release_thread(self.slot);
        thread.life.word.store(0, Ordering::Release);
        if announced {
            let _ = robust::announce(None);
        }
        if self.session.is_left() {
            self.session.stop_helper(); // it may have waited for this thread
        }
    }
}

impl Session {
    /// The slot of the calling thread, if it has one here already.
    #[inline(always)]
    pub(crate) fn known_thread_slot(&self) -> Option<u32> {
        #[cfg(feature = "models")]
        if let Some(slot) = crate::models::step::thread_slot() {
            return Some(slot);
        }
        self.own.known_threads.get()
    }

    /// The slot of the calling thread.
    #[inline]
    pub(crate) fn thread_slot(self: &Arc<Self>) -> NtResult<u32> {
        match self.known_thread_slot() {
            Some(slot) => Ok(slot),
            None => self.find_thread_slot(),
        }
    }

    #[cold]
    fn find_thread_slot(self: &Arc<Self>) -> NtResult<u32> {
        self.take_part()?;
        let found = REGISTRATIONS.try_with(|registrations| {
            let mut registrations = registrations.borrow_mut();
            registrations.part_from_parent();
            let Registrations { slots, linked } = &mut *registrations;
            // Give back what belongs to sessions that were left.
            let stale: Vec<usize> = (0..slots.len()).rev().filter(|i| slots[*i].session.is_left()).collect();
            for i in stale {
                slots.swap_remove(i).give_back(linked);
            }
            let incarnation = self.own.incarnation.load(Ordering::Acquire);
            if let Some(known) = slots.iter().find(|known| known.incarnation == incarnation) {
                return Ok(known.slot);
            }
            let slot = self.claim_thread(linked)?;
            let registration = Registration { session: Arc::clone(self), incarnation, slot };
            if let Err(left) = self.check_attached() {
                registration.give_back(linked); // meanwhile; the helper may not have counted this thread
                return Err(left);
            }
            slots.push(registration);
            Ok(slot)
        });
        match found {
            Ok(Ok(slot)) => {
                self.own.known_threads.set(slot);
                Ok(slot)
            }
            Ok(Err(failure)) => Err(failure),
            // The thread is ending and its registrations are gone already.
            Err(_) => Err(NtStatus::PROCESS_IS_TERMINATING.into()),
        }
    }

    fn claim_thread(&self, linked: &mut Linked) -> NtResult<u32> {
        let header = self.arena.header();
        for slot in 0..THREADS {
            self.arena.grow_threads(slot + 1)?;
            let thread = self.arena.thread(slot);
            if thread.life.word.load(Ordering::Relaxed) != 0 || !robust::claim(&thread.life, linked)? {
                continue;
            }
            self.fill(thread);
            header.thread_high.fetch_max(slot + 1, Ordering::AcqRel);
            fault!(ThreadClaimed);
            return Ok(slot);
        }
        Err(crate::status::Failure::new(NtStatus::QUOTA_EXCEEDED, "every thread slot of the session is taken"))
    }

    pub(crate) fn fill(&self, thread: &Thread) {
        thread.tid.put(tid());
        thread.generation.put(thread.generation.get().wrapping_add(1));
        thread.progress.put(progress::IDLE);
        thread.block_count.put(0);
        thread.linked.put(0);
        thread.forget_notes();
        thread.alertable.put(0);
        thread.forget_calls();
        thread.pid_namespace.put(self.arena.process(self.slot()).pid_namespace.get());
        thread.process.put(self.slot() + 1);
    }

    /// Take the dispatcher lock as the calling thread.
    pub(crate) fn lock(self: &Arc<Self>) -> NtResult<Locked<'_>> {
        let slot = self.thread_slot()?;
        self.check_attached()?;
        self.lock_whole(slot)
    }

    /// Take the dispatcher lock as the thread in `slot`, unless what it protects was found to contradict itself.
    pub(crate) fn lock_whole(&self, slot: u32) -> NtResult<Locked<'_>> {
        self.look_for_directory()?;
        let locked = self.lock_as(slot + 1);
        self.whole().map(|()| locked)
    }

    /// Fails if the session's memory was found to contradict itself, by this call or before.
    pub(crate) fn whole(&self) -> NtResult<()> {
        self.arena.damage().map_or(Ok(()), Err)
    }

    /// Give the calling thread's slot back before its end.
    pub(crate) fn forget_thread(&self) {
        let _ = REGISTRATIONS.try_with(|registrations| {
            let mut registrations = registrations.borrow_mut();
            registrations.part_from_parent();
            let Registrations { slots, linked } = &mut *registrations;
            if let Some(place) = slots.iter().position(|known| std::ptr::eq(&raw const *known.session, self)) {
                slots.swap_remove(place).give_back(linked);
            }
        });
    }

    /// Slots of threads of this process other than the calling one.
    pub(crate) fn other_threads(&self) -> usize {
        let (me, held) = (tid(), self.held_slot.load(Ordering::Relaxed));
        let high = self.arena.threads();
        (0..high)
            .map(|slot| self.arena.thread(slot))
            .filter(|thread| {
                thread.life.word.get() != 0 && thread.process_slot() == Some(held) && thread.tid.get() != me
            })
            .count()
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.own.incarnation.load(Ordering::Acquire) != 0 && self.state.load(Ordering::Acquire) == ATTACHED
    }
}

/// In a forked child, before anything else: the list of the C library is empty there, so ours are no longer in it.
pub(crate) fn forget_registrations_after_fork() {
    let _ = REGISTRATIONS.try_with(|registrations| {
        let mut registrations = registrations.borrow_mut();
        for registration in &registrations.slots {
            registration.session.own.known_threads.forget_all();
        }
        registrations.linked = Linked::default();
        registrations.slots.clear();
    });
}

impl Session {
    /// Threads of this process other than the calling one that wait in the session.
    pub(crate) fn waiting_threads(&self) -> usize {
        let (me, held) = (tid(), self.held_slot.load(Ordering::Relaxed));
        let high = self.arena.threads();
        (0..high)
            .map(|slot| self.arena.thread(slot))
            .filter(|thread| {
                thread.life.word.get() != 0
                    && thread.process_slot() == Some(held)
                    && thread.tid.get() != me
                    && progress::is_queued(thread.progress.get())
            })
            .count()
    }
}
