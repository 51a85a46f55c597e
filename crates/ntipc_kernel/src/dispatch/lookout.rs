//! Lookouts: waiters that see to it that what a told thread does not use goes to somebody who does.
//!
//! Where one of several is told (to compete for a mutant or a semaphore, to read a frame, to use room for one), the
//! others sleep on and rely on it. It may be stopped, starved, or in a long signal handler. So a thread that tells one
//! while others wait makes up to two of these lookouts: waiters of other processes than the one that was told, if there
//! are any, that sleep no longer than [`PATIENCE_NS`] from then on. When that time is over, a lookout looks: it takes
//! what it waits for if that is there, tells others of what else is there, ends a turn that is not used
//! (`queue::turn`), and sleeps on without a time-out. The thread that tells the next one makes the next lookouts. So
//! nobody wakes by time while nothing is outstanding, and no more often than that while much is.
//!
//! State: `Thread::lookout_ns` = when that thread is to look, or 0. Written under the dispatcher lock.
//!
//!   A1 lookout_ns := then   A2 progress SLEEP -> LOOK, and wake it      (under the lock, by the thread that tells
//!      somebody else)
//!   W6 progress -> SLEEP    W6a read lookout_ns      W7 sleep until then at the latest
//!   B1 the time is over: lock, lookout_ns := 0       B2 complete our own wait if it is satisfied   B3 evaluate the
//!      objects
//!
//! Invariant: if an object is signalled for somebody in its list, somebody who was told of it less than [`PATIENCE_NS`]
//! ago has not acted yet, or a lookout in its list will look within that time; unless all lookouts do not run either.
//! A1 and A2, W6 and W6a are pairs of sequentially consistent store and look: either the teller finds SLEEP and wakes
//! the sleeper, or the sleeper finds the time. A lookout that leaves the list, however, hands its duty on
//! ([`Locked::hand_on_lookout`]). A lookout that has not looked when it should does not run: then others are chosen.
//! Who begins to wait while something is outstanding already is its own lookout: for a mutant that is OFFERED, of which
//! a release tells nobody, and for room that is kept for the turn of another.
//!
//! A thread told to compete that has not done so for [`PATIENCE_NS`] stays in the list, and is passed over until it
//! does ([`Locked::is_deaf`]).
//! What was handed over, to a thread that was stopped before it took notice, is owned by that thread, as in Windows:
//! nobody's wait is satisfiable by it.
//! Crash: a death between A1 and A2 leaves a sleeper that will not look; recovery evaluates all waits, which makes
//! lookouts. A death before the wake: the sleeper is woken with those who were told.
//! Proof: `tests/models/lookouts.rs`.

use super::signal::is_signalled;
use crate::arena::layout::{BLOCKS, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::sync::{Ordering, Shared};
use crate::sys::clock::{NEVER, now_ns};
use smallvec::SmallVec;

/// How long others rely on a thread that was told.
pub(crate) const PATIENCE_NS: u64 = 40_000_000;

/// Lookouts for one object, each of another process.
const LOOKOUTS: usize = 2;

/// Waiters among whom they are chosen.
const CHOICE: usize = 16;

/// Always, but in models that ask for what they would heal.
pub(super) fn are_posted() -> bool {
    #[cfg(feature = "models")]
    if !crate::models::step::has_lookouts() {
        return false;
    }
    !without!(Lookouts)
}

impl Session {
    /// When the thread in `slot` is to look; NEVER if nothing is outstanding, as far as is known.
    #[inline]
    pub(super) fn lookout_ns(&self, slot: u32) -> u64 {
        match self.arena.thread(slot).lookout_ns.load(Ordering::SeqCst) {
            0 => NEVER,
            then => then,
        }
    }

    /// Look whether the wait of the thread in `slot` is satisfiable: somebody who was told does not act, or was stopped
    /// before it told anybody.
    pub(super) fn could_go_on(&self, slot: u32) -> bool {
        let arena = &self.arena;
        let is_there = |place: u32| {
            let block = arena.block(slot * BLOCKS + place);
            let (object, channel) = (arena.object(block.object.get()), block.channel.get());
            Kind::of(object).is_some_and(|kind| {
                is_signalled(kind, arena.signal_of(object, kind, slot + 1, channel), slot + 1, channel)
            })
        };
        let mut places = 0..arena.blocks(slot);
        match arena.thread(slot).wait_all.get() {
            0 => places.any(is_there),
            _ => places.all(is_there),
        }
    }
}

impl Locked<'_> {
    /// Somebody was told of an object, the thread in `told` perhaps: others who wait for it look whether it acts.
    #[cold]
    pub(super) fn post_lookouts(&mut self, object: u32, told: Option<u32>) {
        if !are_posted() {
            return;
        }
        let arena = &self.session.arena;
        let (mut next, tail) = (arena.object(object).head.get(), arena.object(object).tail.get());
        if next == 0 || next == tail && told == Some((next - 1) / BLOCKS) {
            return; // nobody else waits
        }
        let process_of = |slot: u32| arena.thread(slot).process.get();
        let told_process = told.map(process_of);
        let now = now_ns();
        let mut beside = None;
        let mut posted = SmallVec::<[u32; LOOKOUTS]>::new();
        for _ in 0..CHOICE {
            let Some(number) = next.checked_sub(1) else { break };
            let slot = number / BLOCKS;
            if !self.is_waiting_for(object, number) {
                return; // damaged; who walks the whole list says so
            }
            next = arena.block(number).next.get();
            let thread = arena.thread(slot);
            let since = thread.lookout_ns.get();
            let does_not_run = since != 0 && now.saturating_sub(since) > PATIENCE_NS;
            if thread.progress.get() == progress::RETRY || does_not_run {
                continue;
            }
            if Some(process_of(slot)) == told_process {
                beside = beside.or(Some(slot));
            } else if !posted.contains(&process_of(slot)) {
                posted.push(process_of(slot));
                self.post(slot, now);
                if posted.len() == LOOKOUTS {
                    return;
                }
            }
        }
        if let (Some(slot), true) = (beside, posted.is_empty()) {
            self.post(slot, now);
        }
    }

    /// Make one of them, if it is none yet.
    fn post(&mut self, slot: u32, now: u64) {
        let thread = self.session.arena.thread(slot);
        let then = now + PATIENCE_NS;
        if (1..=then).contains(&thread.lookout_ns.get()) {
            return;
        }
        thread.lookout_ns.store(then, Ordering::SeqCst); // A1
        fault!(LookoutNamed);
        let asleep =
            thread.progress.compare_exchange(progress::SLEEP, progress::LOOK, Ordering::SeqCst, Ordering::SeqCst);
        if asleep.is_ok() {
            self.wake_later(slot); // A2
        }
        fault!(LookoutTold);
    }

    /// The wait of the thread in `slot`, which left the lists, may have been a lookout: then others become one.
    #[inline]
    pub(super) fn hand_on_lookout(&mut self, slot: u32) {
        if self.session.arena.thread(slot).lookout_ns.get() != 0 {
            self.hand_on(slot);
        }
    }

    #[cold]
    fn hand_on(&mut self, slot: u32) {
        self.session.arena.thread(slot).lookout_ns.put(0);
        for place in 0..if without!(LookoutHandedOn) { 0 } else { self.block_count(slot) } {
            let object = self.block_of(slot, place).object.get();
            self.post_lookouts(object, None);
        }
    }

    /// B1 to B3, for the thread in `slot`, which calls this.
    pub(super) fn look_out(&mut self, slot: u32) {
        let arena = &self.session.arena;
        arena.thread(slot).lookout_ns.put(0);
        if !progress::is_queued(arena.thread(slot).progress.get()) {
            return;
        }
        let objects: SmallVec<[u32; 4]> =
            (0..self.block_count(slot)).map(|place| self.block_of(slot, place).object.get()).collect();
        for object in &objects {
            self.close_offer(*object); // from now on a release tells somebody
            self.end_overdue_turn(*object);
        }
        self.complete_if_satisfied(slot);
        let over = !progress::is_queued(arena.thread(slot).progress.get());
        for object in objects {
            // Of an end this thread is the one who is told now, and tells the next.
            let is_end = Kind::of(arena.object(object)).is_some_and(Kind::is_end);
            if !(over && is_end) {
                self.evaluate_if_waited_for(object);
            }
        }
    }

    /// Was the thread in `slot` told to compete so long ago that nobody relies on it any more?
    pub(super) fn is_deaf(&self, slot: u32, now: u64) -> bool {
        let thread = self.session.arena.thread(slot);
        thread.progress.get() == progress::RETRY && now.saturating_sub(thread.offered_ns.get()) > PATIENCE_NS
    }

    /// Is something outstanding of an object that others wait for, and nobody will tell its waiters from now on?
    pub(super) fn is_outstanding(&self, object: u32, kind: Kind, slot: u32) -> bool {
        let arena = &self.session.arena;
        let record = arena.object(object);
        match kind {
            Kind::Mutant => record.word.get() & word::OFFERED != 0,
            Kind::WriteEnd => arena.queue_of(record).is_some_and(|(_, queue, ..)| !arena.has_turn(queue, slot + 1)),
            _ => false,
        }
    }
}
