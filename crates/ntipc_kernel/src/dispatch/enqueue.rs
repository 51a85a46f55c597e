//! The steps of a wait that are taken under the dispatcher lock (W2 to W4 of `wait`).

use super::lookout::{PATIENCE_NS, are_posted};
use super::signal::{consume, is_signalled, owner, recursion};
use super::wait::{Resolved, Target};
use crate::arena::layout::{BLOCKS, Block, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::check_rights;
use crate::object::kind::{Kind, access};
use crate::process::lock::Locked;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;
use smallvec::SmallVec;

impl Locked<'_> {
    /// End whatever wait the thread's record speaks of, and give back what it took.
    pub(super) fn end_wait(&mut self, slot: u32) {
        let state = self.session.arena.thread(slot).progress.get();
        if progress::is_queued(state) {
            self.withdraw(slot);
        } else if progress::is_done(state) {
            self.refund(slot);
        }
    }

    /// What makes a wait fail before it begins.
    pub(super) fn check_wait(&self, slot: u32, wanted: &[Resolved], all: bool) -> NtResult<()> {
        if all && wanted.len() > 1 {
            let mut objects: SmallVec<[u32; 16]> = wanted.iter().map(|wanted| wanted.entry.object).collect();
            objects.sort_unstable();
            if objects.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(Failure::new(NtStatus::INVALID_PARAMETER_MIX, "an object stands twice in a wait for all"));
            }
        }
        for wanted in wanted.iter().filter(|wanted| wanted.kind == Kind::Mutant) {
            let seen = self.session.arena.object(wanted.entry.object).word.get();
            if owner(seen) == slot + 1 && u64::from(recursion(seen)) == word::RECURSION_MASK {
                return Err(NtStatus::MUTANT_LIMIT_EXCEEDED.into());
            }
        }
        Ok(())
    }

    /// W2, W3: record the wait, and keep the fast paths of others away from its objects.
    pub(super) fn publish(&mut self, slot: u32, wanted: &[Resolved], all: bool) {
        let arena = &self.session.arena;
        let header = arena.header();
        let thread = arena.thread(slot);
        for (place, wanted) in wanted.iter().enumerate() {
            let block = arena.block(slot * BLOCKS + place as u32);
            block.object.put(wanted.entry.object);
            block.channel.put(wanted.channel | wanted.entry.generation << Block::GENERATION_SHIFT);
        }
        thread.block_count.put(wanted.len() as u32);
        thread.wait_all.put(u32::from(all));
        thread.since_ns.put(now_ns());
        thread.told_by.store(0, Ordering::Relaxed);
        thread.told_at_ns.store(0, Ordering::Relaxed);
        thread.lookout_ns.put(0);
        header.wait_sequence.put(header.wait_sequence.get().wrapping_add(1));
        thread.sequence.put(header.wait_sequence.get());
        thread.linked.put(0);
        fault!(WaitRecorded);
        // Before the flags go up: a timer that fires may complete others, and with the last of them the flags go down.
        for wanted in wanted.iter().filter(|wanted| wanted.kind.is_timer()) {
            self.tick(wanted.entry.object);
        }
        thread.progress.store(progress::WAIT, Ordering::SeqCst);
        fault!(WaitPublished);
        if !without!(FlagFirst) {
            self.raise_flags(slot, wanted);
        }
        fault!(WaitFlagged);
    }

    fn raise_flags(&self, slot: u32, wanted: &[Resolved]) {
        let wanted = if without!(FlagEvery) { &wanted[..1] } else { wanted };
        let mut others_wait = false;
        for wanted in wanted {
            let object = self.session.arena.object(wanted.entry.object);
            if object.word.get() & word::HAS_WAITERS == 0 {
                object.word.fetch_or(word::HAS_WAITERS, Ordering::SeqCst);
            } else {
                others_wait = true;
            }
        }
        // The thread that has the turn at a write end may be about to wait.
        if others_wait || wanted.first().is_some_and(|wanted| wanted.kind == Kind::WriteEnd) {
            self.look_out_if_outstanding(slot, wanted);
        }
    }

    /// Nobody will tell a wait that begins while something is outstanding already: it is its own lookout.
    #[cold]
    fn look_out_if_outstanding(&self, slot: u32, wanted: &[Resolved]) {
        if are_posted() && wanted.iter().any(|wanted| self.is_outstanding(wanted.entry.object, wanted.kind, slot)) {
            let thread = self.session.arena.thread(slot);
            thread.lookout_ns.put(thread.since_ns.get() + PATIENCE_NS);
        }
    }

    /// Take a single object that is signalled, though others may be waiting: they have been told to look again and
    /// compete, or want more than this one. One word changes, by one compare-and-swap, so this needs neither a record
    /// nor the journal.
    pub(super) fn take_now(&mut self, slot: u32, wanted: &Resolved) -> Option<bool> {
        let object = self.session.arena.object(wanted.entry.object);
        if wanted.kind.is_timer() {
            self.tick(wanted.entry.object);
        }
        if wanted.kind == Kind::Mutant {
            self.session.note(slot, wanted.entry.object);
        }
        if wanted.kind.is_end() {
            let state = self.session.arena.signal_of(object, wanted.kind, slot + 1, wanted.channel);
            return is_signalled(wanted.kind, state, slot + 1, 0).then_some(false);
        }
        let mut seen = object.word.get();
        while is_signalled(wanted.kind, seen, slot + 1, wanted.channel) {
            let (new, abandoned) = consume(wanted.kind, seen, slot + 1, wanted.channel);
            match object.word.compare_exchange(seen, new, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => {
                    fault!(LockedTake);
                    return Some(abandoned);
                }
                Err(now) => seen = now,
            }
        }
        None
    }

    /// W4. `true`: satisfied at once, to be acknowledged.
    pub(super) fn take_or_link(&mut self, slot: u32, wanted: &[Resolved]) -> bool {
        if let Some(index) = self.satisfied(slot) {
            self.complete(slot, index);
            for wanted in wanted {
                self.lower_flag(wanted.entry.object);
            }
            return progress::is_done(self.session.arena.thread(slot).progress.get());
        }
        if without!(FlagFirst) {
            self.raise_flags(slot, wanted);
        }
        self.link(slot);
        false
    }

    /// W4 of signal-and-wait. Queued first, signalled then: the thread that the signal wakes runs at once, lock or no
    /// lock, and must find us waiting whatever it does. If the signal fails, nothing has happened.
    pub(super) fn signal_and_take(&mut self, slot: u32, signal: Target) -> NtResult<bool> {
        self.link(slot);
        if let Err(failure) = self.signal_one(slot, signal) {
            self.withdraw(slot);
            return Err(failure);
        }
        fault!(SignalBeforeWait);
        let thread = self.session.arena.thread(slot);
        if progress::is_queued(thread.progress.get())
            && let Some(index) = self.satisfied(slot)
        {
            self.complete(slot, index);
        }
        Ok(progress::is_done(thread.progress.get()))
    }

    /// The signal of signal-and-wait.
    fn signal_one(&mut self, slot: u32, target: Target) -> NtResult<()> {
        let session = self.session;
        let entry = session.entry(target.handle)?;
        let kind = Kind::of(session.arena.object(entry.object)).ok_or(NtStatus::INVALID_HANDLE)?;
        match kind {
            Kind::NotificationEvent | Kind::SynchronizationEvent => {
                check_rights(entry, access::MODIFY)?;
                self.set_signal(entry.object, 0);
                Ok(())
            }
            Kind::EventPair => {
                check_rights(entry, access::SYNCHRONIZE)?;
                self.set_signal(entry.object, target.channel & 1);
                Ok(())
            }
            Kind::Semaphore => {
                check_rights(entry, access::MODIFY)?;
                self.add_units(entry.object, 1).map(|_| ())
            }
            Kind::Mutant => self.disown(entry.object, slot),
            Kind::NotificationTimer
            | Kind::SynchronizationTimer
            | Kind::Section
            | Kind::ReadEnd
            | Kind::WriteEnd
            | Kind::BadgedEnd
            | Kind::Process
            | Kind::Thread => Err(Failure::new(
                NtStatus::OBJECT_TYPE_MISMATCH,
                "only an event, a semaphore or a mutex can be signalled in a signal-and-wait",
            )),
        }
    }
}
