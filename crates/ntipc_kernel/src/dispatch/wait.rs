//! The life of a wait.
//!
//!   W1 try without the lock (one object, or the first of several)
//!   W2 lock, let due timers fire, write the wait record, publish it (progress := WAIT)
//!   W3 set HAS_WAITERS on every object, then look at them all
//!   W4 satisfied: complete. Else: append to the lists, unlock
//!   W5 spin a little   W6 progress WAIT -> SLEEP   W7 sleep while SLEEP, until the next look (`lookout`,
//!      `process::watch`)
//!   W8 completed: note what we own, progress := IDLE
//!
//! Invariant: no thread sleeps while its wait is satisfiable. W3 sets the flag by a read-modify-write before it looks
//! (a full fence): a fast path either changed the word before, then W3 sees it, or fails its compare-and-swap and comes
//! for the lock.
//! W6 is a compare-and-swap and T4 of `evaluate` a swap of the same word, so completion and falling asleep cannot miss
//! each other.
//! Crash: from W2 on the record speaks for the thread; before W8 the reaper refunds the result.
//! Proof: `tests/models` (fast_path, hand_over, wait_all, timeouts, deaths), `tests/orderings.rs`.

use super::at_once::Try;
use super::evaluate::HAND_OVER_NS;
use super::partner::Rest;
use super::signal::{owner, recursion};
use crate::arena::layout::{BLOCKS, Block, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::{Entry, check_rights};
use crate::object::kind::{Kind, access};
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared, spin_loop};
use crate::sys::clock::{NEVER, now_ns};
use crate::sys::futex::{self, Slept};
use smallvec::SmallVec;
use std::sync::Arc;

/// Most objects in one wait.
pub const MAXIMUM_WAIT_OBJECTS: usize = BLOCKS as usize;

/// What to wait for: a handle, and for an event pair the side (0 low, 1 high).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub handle: u32,
    pub channel: u32,
}

/// A satisfied wait: which object (0 for wait-all), and which mutants had been abandoned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub index: u32,
    pub abandoned: SmallVec<[u32; 2]>,
}

#[derive(Debug)]
pub enum Started {
    Satisfied(Outcome),
    TimedOut,
    /// Queued: go on with [`Session::spin`], [`Session::sleep`]; every path ends in an outcome, [`Session::cancel`] or
    /// [`Session::abort`].
    Queued(Queued),
}

impl Started {
    /// One object, taken without a wait.
    fn at_once(abandoned: bool) -> Started {
        let abandoned = if abandoned { SmallVec::from_slice(&[0]) } else { SmallVec::new() };
        Started::Satisfied(Outcome { index: 0, abandoned })
    }
}

/// A queued wait of the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct Queued {
    pub(super) slot: u32,
    /// Of the session: a forked child goes on with its parent's stack, but not with its waits.
    incarnation: u64,
    sequence: u64,
    count: u32,
    has_timers: bool,
}

#[derive(Debug)]
pub enum Slumber {
    /// Satisfied; and how the sleep ended, if the thread was asleep when it was.
    Satisfied(Outcome, Option<Rest>),
    /// The deadline has passed; nothing was taken.
    TimedOut,
    /// The session's memory contradicts itself; nothing was taken.
    Damaged(Failure),
    /// A signal handler ran, or the slice is over.
    Interrupted,
}

/// A handle of a wait, looked up and found fit to be waited for.
pub(super) struct Resolved {
    /// The handle's word: while it is the same, so is everything here.
    word: u64,
    pub entry: Entry,
    pub kind: Kind,
    pub channel: u32,
}

/// How long a thread stays awake for a mutant that it is to have next.
const STAND_BY_NS: u64 = 50_000;

impl Session {
    #[inline]
    fn waitable(&self, target: Target) -> NtResult<Resolved> {
        let word = self.handle_word(target.handle);
        let entry = Entry::unpack(word).filter(|entry| !entry.in_flight()).ok_or(NtStatus::INVALID_HANDLE)?;
        let kind = Kind::of(self.arena.object(entry.object)).ok_or(NtStatus::INVALID_HANDLE)?;
        if matches!(kind, Kind::Section | Kind::BadgedEnd) {
            return self.unbadged(Resolved { word, entry, kind, channel: target.channel & 1 });
        }
        check_rights(entry, access::SYNCHRONIZE)?;
        Ok(Resolved { word, entry, kind, channel: target.channel & 1 })
    }

    /// A badged end is waited for as the write end of its queue.
    #[cold]
    #[inline(never)]
    fn unbadged(&self, badged: Resolved) -> NtResult<Resolved> {
        if badged.kind == Kind::Section {
            return Err(Failure::new(NtStatus::OBJECT_TYPE_MISMATCH, "a section cannot be waited for"));
        }
        check_rights(badged.entry, access::SYNCHRONIZE)?;
        let (_, _, _, write) =
            self.arena.queue_of(self.arena.object(badged.entry.object)).ok_or(NtStatus::INVALID_HANDLE)?;
        let generation = word::generation(self.arena.object(write).word.get());
        let entry = Entry { object: write, generation, ..badged.entry };
        Ok(Resolved { entry, kind: Kind::WriteEnd, ..badged })
    }

    /// Begin a wait; with `signal`, signal that object in the same step. Never blocks but for the lock.
    pub fn start_wait(
        self: &Arc<Self>,
        targets: &[Target],
        all: bool,
        poll: bool,
        signal: Option<Target>,
    ) -> NtResult<Started> {
        if targets.is_empty() || targets.len() > MAXIMUM_WAIT_OBJECTS {
            let why = format!("a wait takes 1 to {MAXIMUM_WAIT_OBJECTS} objects, not {}", targets.len());
            return Err(Failure::new(NtStatus::INVALID_PARAMETER, why));
        }
        let slot = self.thread_slot()?;
        if let ([only], None) = (targets, signal) {
            match self.take_at_once(*only) {
                Try::Taken(abandoned) => return Ok(Started::at_once(abandoned)),
                Try::Unsignalled if poll => return Ok(Started::TimedOut),
                _ => {}
            }
        }
        // Every handle is checked before anything is taken. Here, to be quick under the lock.
        let mut wanted = SmallVec::<[Resolved; 8]>::with_capacity(targets.len());
        for target in targets {
            wanted.push(self.waitable(*target)?);
        }
        self.arena.grow_blocks(slot, targets.len() as u32)?;
        let mut locked = self.lock_whole(slot)?;
        // A signal handler that waits while its own thread waits: the outer wait is withdrawn, and begins again
        // afterwards.
        locked.end_wait(slot);
        if self.arena.thread(slot).linked.get() != 0 {
            return Err(self.damaged("a wait is in a state that does not exist"));
        }
        for (wanted, target) in wanted.iter_mut().zip(targets) {
            if self.handle_word(target.handle) != wanted.word {
                *wanted = self.waitable(*target)?;
            }
        }
        locked.check_wait(slot, &wanted, all)?;
        if let ([only], None) = (&wanted[..], signal)
            && let Some(abandoned) = locked.take_now(slot, only)
        {
            return Ok(Started::at_once(abandoned));
        }
        let has_timers = wanted.iter().any(|wanted| wanted.kind.is_timer());
        locked.publish(slot, &wanted, all);
        let satisfied = match signal {
            None => locked.take_or_link(slot, &wanted),
            Some(signal) => locked.signal_and_take(slot, signal)?,
        };
        if !satisfied && poll {
            locked.withdraw(slot);
            return self.whole().map(|()| Started::TimedOut);
        }
        let (sequence, count) = (self.arena.thread(slot).sequence.get(), targets.len() as u32);
        let incarnation = self.own.incarnation.load(Ordering::Relaxed);
        drop(locked);
        if !satisfied && wanted.iter().any(|wanted| wanted.kind.is_life()) {
            wanted.iter().for_each(|wanted| self.watch_object(wanted.entry, 0, None));
        }
        match satisfied {
            true => Ok(Started::Satisfied(self.acknowledge(slot, count))),
            false => Ok(Started::Queued(Queued { slot, incarnation, sequence, count, has_timers })),
        }
    }

    /// W5: wait `budget_ns` without giving up the processor.
    pub fn spin(&self, wait: Queued, budget_ns: u64) -> Option<Outcome> {
        let thread = self.arena.thread(wait.slot);
        let end = now_ns() + budget_ns;
        loop {
            for _ in 0..30 {
                let state = thread.progress.load(Ordering::Acquire);
                if progress::is_done(state) {
                    return Some(self.acknowledge(wait.slot, wait.count));
                }
                if state == progress::RETRY {
                    return self.retry(wait);
                }
                spin_loop();
            }
            if now_ns() >= end {
                return None;
            }
        }
    }

    /// Told to compete: take it if it is still there, else stay in the queue.
    fn retry(&self, wait: Queued) -> Option<Outcome> {
        let slot = wait.slot;
        let thread = self.arena.thread(slot);
        {
            let mut locked = self.lock_as(slot + 1);
            if thread.progress.get() == progress::RETRY {
                if !without!(OfferEnds) {
                    locked.close_offer(self.arena.block(slot * BLOCKS).object.get());
                }
                thread.progress.store(progress::WAIT, Ordering::SeqCst);
                if wait.has_timers {
                    locked.tick_all(slot);
                }
                if !without!(RetryLooks) {
                    locked.complete_if_satisfied(slot);
                }
            }
        }
        progress::is_done(thread.progress.get()).then(|| self.acknowledge(slot, wait.count))
    }

    /// Told to compete, and another owns the mutant again: a waiter that has waited for so long that it is handed over
    /// stays awake for a moment, since the next release hands it over to one that runs rather than to a sleeper.
    fn stand_by(&self, wait: Queued, deadline_ns: u64) -> Option<Outcome> {
        let now = now_ns();
        let insists = now.saturating_sub(self.arena.thread(wait.slot).since_ns.get()) >= HAND_OVER_NS;
        match insists && !cfg!(feature = "models") {
            true => self.spin(wait, STAND_BY_NS.min(deadline_ns.saturating_sub(now))),
            false => None,
        }
    }

    /// W6, W7: sleep until satisfied, `deadline_ns`, a signal handler, or `slice_ns` (absolute, as the deadline).
    pub fn sleep(&self, wait: Queued, deadline_ns: u64, slice_ns: u64) -> Slumber {
        let slot = wait.slot;
        let thread = self.arena.thread(slot);
        let mut rest = None;
        let since_ns = thread.since_ns.get();
        let mut next_look_ns = Session::first_look_ns(since_ns);
        for turn in 0_u32.. {
            let state = thread.progress.load(Ordering::Acquire);
            if !self.is_current(wait) {
                return Slumber::Interrupted;
            }
            if progress::is_done(state) {
                return Slumber::Satisfied(self.acknowledge(slot, wait.count), rest);
            }
            if !progress::is_queued(state) {
                self.damaged("a wait is in a state that does not exist");
            }
            if let Some(failure) = self.arena.damage() {
                self.abort(wait);
                return Slumber::Damaged(failure);
            }
            // So many turns without a sleep take somebody who scribbles; time goes on all the same.
            if turn % 1024 == 1023 && now_ns() >= deadline_ns.min(slice_ns) {
                break;
            }
            if state == progress::RETRY {
                match self.retry(wait).or_else(|| self.stand_by(wait, deadline_ns)) {
                    Some(outcome) => return Slumber::Satisfied(outcome, rest),
                    None => continue,
                }
            }
            let due_ns = if wait.has_timers { self.earliest_due(slot) } else { NEVER };
            if matches!(state, progress::WAIT | progress::LOOK) {
                fault!(WaitBeforeSleep);
                let slept =
                    thread.progress.compare_exchange(state, progress::SLEEP, Ordering::SeqCst, Ordering::Acquire); // W6
                if slept.is_err() {
                    if !without!(SleepExchange) {
                        continue;
                    }
                    thread.progress.store(progress::SLEEP, Ordering::SeqCst);
                }
            }
            let look_ns = next_look_ns.min(self.lookout_ns(slot)); // W6a
            let until_ns = deadline_ns.min(due_ns).min(slice_ns).min(look_ns);
            let slept = futex::wait(&thread.progress, progress::SLEEP, until_ns); // W7
            fault!(WaitWoken);
            match slept {
                Slept::Woken => rest = self.note_wake_up(slot),
                Slept::Changed => {}
                Slept::Interrupted => return Slumber::Interrupted,
                Slept::TimedOut => {
                    let now = now_ns();
                    if now >= due_ns {
                        self.lock_as(slot + 1).tick_all(slot);
                    }
                    if now >= look_ns {
                        if now >= next_look_ns {
                            self.look_for_the_dead();
                            next_look_ns = Session::next_look_ns(since_ns, now);
                        }
                        self.look(slot, now);
                    }
                    if now >= deadline_ns {
                        break;
                    }
                    if now >= slice_ns {
                        return Slumber::Interrupted;
                    }
                }
            }
        }
        if now_ns() < deadline_ns {
            return Slumber::Interrupted;
        }
        match self.cancel(wait) {
            Some(outcome) => Slumber::Satisfied(outcome, None),
            None => Slumber::TimedOut,
        }
    }

    /// W6, for a thread that waits in several sessions and sleeps on the words of all: the word to sleep on while it is
    /// SLEEP, and when to look at the latest. `None`: something has happened, which [`Session::sleep`] tells.
    pub(crate) fn doze(&self, wait: Queued) -> Option<(&AtomicU32, u64)> {
        let thread = self.arena.thread(wait.slot);
        let state = thread.progress.load(Ordering::Acquire);
        if !self.is_current(wait) || self.arena.damage().is_some() {
            return None;
        }
        if matches!(state, progress::WAIT | progress::LOOK) {
            fault!(WaitBeforeSleep);
            thread.progress.compare_exchange(state, progress::SLEEP, Ordering::SeqCst, Ordering::Acquire).ok()?; // W6
        } else if state != progress::SLEEP {
            return None;
        }
        let (since_ns, now) = (thread.since_ns.get(), now_ns());
        let first_ns = Session::first_look_ns(since_ns);
        let look_ns = if now < first_ns { first_ns } else { Session::next_look_ns(since_ns, now) };
        let due_ns = if wait.has_timers { self.earliest_due(wait.slot) } else { NEVER };
        Some((&thread.progress, look_ns.min(self.lookout_ns(wait.slot)).min(due_ns))) // W6a
    }

    /// A thread that waits, in `slot`, looks: does somebody who was told of one of its objects not act?
    #[cold]
    fn look(&self, slot: u32, now: u64) {
        if self.lookout_ns(slot) <= now || self.could_go_on(slot) {
            self.lock_as(slot + 1).look_out(slot);
        }
    }

    /// Look at the objects once more, after a signal handler has run in the midst of the wait. What others do to them
    /// they tell; but a mutant that the handler has come to own is signalled for its thread from then on, and nobody
    /// else knows.
    pub fn look_again(&self, wait: Queued) -> Option<Outcome> {
        let (arena, slot) = (&self.arena, wait.slot);
        let has_come_to_own = |place| {
            let object = arena.object(arena.block(slot * BLOCKS + place).object.get());
            let seen = object.word.get();
            Kind::of(object) == Some(Kind::Mutant)
                && owner(seen) == slot + 1
                && u64::from(recursion(seen)) < word::RECURSION_MASK
        };
        if !(0..wait.count).any(has_come_to_own) {
            return None;
        }
        {
            let mut locked = self.lock_as(slot + 1);
            if wait.has_timers {
                locked.tick_all(slot);
            }
            locked.complete_if_satisfied(slot);
        }
        progress::is_done(arena.thread(slot).progress.get()).then(|| self.acknowledge(slot, wait.count))
    }

    /// Stop waiting; whatever was satisfied by then counts.
    pub fn cancel(&self, wait: Queued) -> Option<Outcome> {
        let thread = self.arena.thread(wait.slot);
        {
            let mut locked = self.lock_as(wait.slot + 1);
            if wait.has_timers {
                locked.tick_all(wait.slot);
            }
            if thread.progress.get() == progress::RETRY
                && let Some(index) = locked.satisfied(wait.slot)
            {
                locked.complete(wait.slot, index);
            } else if progress::is_queued(thread.progress.get()) || without!(CancelLooks) {
                locked.withdraw(wait.slot);
                return None;
            }
        }
        progress::is_done(thread.progress.get()).then(|| self.acknowledge(wait.slot, wait.count))
    }

    /// Stop waiting and take nothing: an exception is on its way and nobody would learn of what was taken.
    pub fn abort(&self, wait: Queued) {
        if self.is_current(wait) {
            self.lock_as(wait.slot + 1).end_wait(wait.slot);
        }
    }

    /// End whatever wait the calling thread, in `slot`, is in the midst of: it is about to begin one inside it.
    pub(crate) fn end_wait(&self, slot: u32) {
        if self.arena.thread(slot).progress.get() != progress::IDLE {
            self.lock_as(slot + 1).end_wait(slot);
        }
    }

    /// False once a wait inside a signal handler has put this one aside, or the handler forked and this is the child:
    /// it must be started again.
    pub fn is_current(&self, wait: Queued) -> bool {
        let thread = self.arena.thread(wait.slot);
        self.own.incarnation.load(Ordering::Acquire) == wait.incarnation
            && thread.sequence.get() == wait.sequence
            && thread.progress.get() != progress::IDLE
    }

    /// W8: the result is ours. Of a wait for `count` objects.
    fn acknowledge(&self, slot: u32, count: u32) -> Outcome {
        let arena = &self.arena;
        let thread = arena.thread(slot);
        let state = thread.progress.load(Ordering::Acquire);
        let all = thread.wait_all.get() != 0;
        let index = if all { 0 } else { state & progress::INDEX_MASK };
        if index >= count || thread.block_count.get() != count {
            self.damaged("a wait ended with an impossible result");
        }
        let index = index.min(count.saturating_sub(1));
        let mut outcome = Outcome { index, abandoned: SmallVec::new() };
        let places = if all { 0..count } else { index..(index + 1).min(count) };
        for place in places {
            let block = arena.block(slot * BLOCKS + place);
            let number = block.object.get();
            let object = arena.object(number);
            if Kind::of(object) == Some(Kind::Mutant) {
                let seen = object.word.get();
                if owner(seen) == slot + 1 {
                    self.note(slot, number);
                }
            }
            // Of whatever kind by now: a mutant without handles is gone once its last waiter has it.
            if block.channel.get() & Block::ABANDONED != 0 {
                outcome.abandoned.push(place);
            }
        }
        fault!(AckBeforeIdle);
        thread.progress.put(progress::IDLE);
        fault!(AckDone);
        outcome
    }

    /// When the first timer of a wait is due. Read without the lock: a thread that sets a timer tells its waiters to
    /// look again.
    fn earliest_due(&self, slot: u32) -> u64 {
        (0..self.arena.blocks(slot))
            .map(|place| self.arena.object(self.arena.block(slot * BLOCKS + place).object.get()))
            .filter(|object| Kind::of(object).is_some_and(Kind::is_timer))
            .map(|timer| timer.quantity.get())
            .filter(|due| *due != 0)
            .min()
            .unwrap_or(NEVER)
    }
}
