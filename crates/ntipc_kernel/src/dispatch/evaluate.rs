//! Hand a signalled object to those who wait for it.
//!
//! A signal is "store the word, then a series of transactions". Each transaction ([`Locked::complete`]) takes
//! everything one waiter waits for, or nothing, and tells it:
//!
//!   T1 fill the journal with the new words   T2 mark it valid   T3 store the words
//!   T4 progress := DONE                      T5 mark it invalid T6 take the waiter out of the lists
//!
//! Invariant: every object in the journal carries HAS_WAITERS without OFFERED until T5, so no fast path changes its
//! word meanwhile, and storing the absolute words again does no harm. A death before T2 leaves nothing; from T2 to T5
//! recovery repeats T3 and T4; after T5 the thread's record says DONE and recovery does T6. A series cut short is
//! finished by recovery, which looks at every waiter.
//! T4 is sequentially consistent and swaps: the waiter goes from WAIT to SLEEP by compare-and-swap, so either it sees
//! DONE or we see SLEEP and wake it.
//!
//! A free mutant is offered rather than handed over: the first in the list is told to compete. Until that one runs,
//! others take and release the mutant without the lock, as if nobody waited, for so many releases; the last of them
//! looks whether it has waited long:
//!
//!   O1 progress := RETRY, then OFFERED   O2 it runs; lock, OFFERED := 0, progress := WAIT, look   O3 still free:
//!      complete. Else it stays
//!
//! Invariant: OFFERED is not 0 only while somebody in the list is in RETRY, who will look, or whose death or leave
//! makes the next one look. If it does neither, since it is stopped, a lookout does (`lookout`). So a release need tell
//! nobody. O2 clears it by a read-modify-write before it looks: a release came before and is seen, or fails its
//! compare-and-swap and comes for the lock. Clearing it early costs a release the way through the lock, no more.
//! Proof: `tests/models` (wait_all, deaths), `models/dispatcher.pml`, `tests/orderings.rs`.

use super::partner::signature;
use super::signal::{consume, is_signalled};
use crate::arena::layout::{BLOCKS, journal, progress, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::process::lock::Locked;
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;

/// A waiter that has waited so long for a mutant or a semaphore gets it handed over; one that has not competes for it.
/// Strict hand-over costs an order of magnitude of throughput under contention, pure competition starves.
pub const HAND_OVER_NS: u64 = 1_000_000;

/// So long it has to wait if it sleeps, and the object is a mutant. Before, it is woken and stays awake for a moment
/// (`wait::stand_by`): to one that runs a mutant is handed over at once, while a sleeper wakes up nobody has it.
const HAND_OVER_ASLEEP_NS: u64 = 3_000_000;

/// How long a waiter in that state competes for an object of that kind.
fn competes_for_ns(kind: Kind, state: u32) -> u64 {
    match kind {
        Kind::Mutant if state != progress::WAIT => HAND_OVER_ASLEEP_NS,
        _ => HAND_OVER_NS,
    }
}

/// Releases from one look at who was offered the mutant to the next.
const OFFERS: u64 = if cfg!(feature = "models") { 2 } else { 63 };

impl Locked<'_> {
    /// The index at which that queued wait is satisfied now (0 for wait-all).
    pub fn satisfied(&self, slot: u32) -> Option<u32> {
        let arena = &self.session.arena;
        let all = arena.thread(slot).wait_all.get() != 0;
        let count = self.block_count(slot);
        for place in 0..count {
            let block = self.block_of(slot, place);
            let number = block.object.get();
            let object = arena.object(number);
            let kind = Kind::of(object)?;
            let channel = block.channel.get();
            let look = || is_signalled(kind, arena.signal_of(object, kind, slot + 1, channel), slot + 1, channel);
            let signalled = look() && (!self.close_offer(number) || look() || without!(OfferLooks));
            if signalled != all {
                return signalled.then_some(place);
            }
        }
        (all && count > 0).then_some(0)
    }

    /// Complete the wait of the thread in `slot` if it is queued, and satisfied by now.
    pub fn complete_if_satisfied(&mut self, slot: u32) {
        if progress::is_queued(self.session.arena.thread(slot).progress.get())
            && let Some(index) = self.satisfied(slot)
        {
            self.complete(slot, index);
        }
    }

    /// The transaction: take what the wait waits for, and tell its thread.
    pub fn complete(&mut self, slot: u32, index: u32) {
        let arena = &self.session.arena;
        let header = arena.header();
        let thread = arena.thread(slot);
        let (first, end) = match thread.wait_all.get() {
            0 => (index, (index + 1).min(self.block_count(slot))),
            _ => (0, self.block_count(slot)),
        };
        if first >= end || !progress::is_queued(thread.progress.get()) {
            self.session.damaged("a wait list leads to a thread that does not wait for the object");
            return;
        }
        let mut any_abandoned = 0;
        for (entry, place) in (first..end).enumerate() {
            let number = slot * BLOCKS + place;
            let block = arena.block(number);
            let object = arena.object(block.object.get());
            let Some(kind) = Kind::of(object) else {
                self.session.damaged("a wait list leads to a thread that does not wait for the object");
                return;
            };
            let (new, abandoned) = consume(kind, object.word.get(), slot + 1, block.channel.get());
            let entry = arena.journal(entry as u32);
            entry.object.put(block.object.get());
            let pulsed = header.pulse.get() == block.object.get() + 1;
            let marks = if abandoned { journal::ABANDONED } else { 0 } | if pulsed { journal::PULSED } else { 0 };
            entry.block.put(number | marks);
            entry.word.put(new);
            if abandoned {
                any_abandoned = progress::ABANDONED;
            }
        }
        fault!(JournalFilled); // T1
        let result = progress::DONE | index | any_abandoned;
        header.journal_thread.put(slot);
        header.journal_result.put(result);
        header.journal_count.put(end - first);
        header.journal_valid.put(journal::COMPLETE); // T2
        fault!(JournalValid);
        self.apply_journal(); // T3
        self.note_partner(slot);
        let before = thread.progress.swap(result, Ordering::SeqCst); // T4
        #[cfg(feature = "models")]
        crate::models::step::handed_over(
            slot,
            Kind::of(arena.object(self.block_of(slot, first).object.get())).is_some_and(Kind::is_end),
        );
        fault!(JournalTold);
        header.journal_valid.put(0); // T5
        fault!(JournalCleared);
        if progress::may_sleep(before) {
            self.wake_later(slot);
        }
        self.unlink(slot); // T6
    }

    /// Store the words of the journal. Idempotent.
    pub fn apply_journal(&mut self) {
        let arena = &self.session.arena;
        for index in 0..arena.header().journal_count.get().min(BLOCKS) {
            let entry = arena.journal(index);
            arena.object(entry.object.get()).word.store(entry.word.get(), Ordering::SeqCst);
            let marks = entry.block.get() & (journal::ABANDONED | journal::PULSED);
            if marks != 0 {
                arena.block(entry.block.get()).channel.fetch_or(marks, Ordering::Release);
            }
            fault!(JournalApplied);
        }
    }

    pub fn evaluate_if_waited_for(&mut self, object: u32) {
        if self.session.arena.object(object).word.get() & word::HAS_WAITERS != 0 {
            self.evaluate(object);
        }
    }

    /// Give an object to its waiters, first come first served, for as long as it is signalled. If the last waiter of an
    /// end without handles leaves, the end goes. That is done afterwards, since it wakes others, perhaps of this list.
    pub fn evaluate(&mut self, object: u32) {
        self.follow_losses(|locked| locked.tell_waiters(object));
    }

    fn tell_waiters(&mut self, object: u32) {
        let Some(kind) = Kind::of(self.session.arena.object(object)) else { return };
        self.close_offer(object);
        let kept = kind == Kind::WriteEnd && self.end_overdue_turn(object);
        let told = self.tell_some(object, kind);
        if told != 0 || kept {
            self.post_lookouts(object, told.checked_sub(1));
        }
    }

    /// Slot + 1 of the last thread that was told of the object and may not act; 0 = nobody was.
    #[inline(always)]
    fn tell_some(&mut self, object: u32, kind: Kind) -> u32 {
        let arena = &self.session.arena;
        let record = arena.object(object);
        let now = if kind.is_competed_for() { now_ns() } else { 0 };
        let (mut offered, mut deaf) = (0, false);
        let mut told = 0;
        let mut next = record.head.get();
        for _ in 0..=arena.threads() {
            let Some(number) = next.checked_sub(1) else {
                if deaf && kind == Kind::Mutant {
                    self.open_offer(object); // they will look, some time
                }
                return told;
            };
            let slot = number / BLOCKS;
            if !self.is_waiting_for(object, number) {
                self.session.damaged("a wait list leads to a thread that does not wait for the object");
                return 0;
            }
            let block = arena.block(number);
            let channel = block.channel.get();
            // Further blocks of the same wait follow directly; the next waiter must be known before this one is taken
            // out.
            next = block.next.get();
            for _ in 0..BLOCKS {
                if next == 0 || (next - 1) / BLOCKS != slot {
                    break;
                }
                next = arena.block(next - 1).next.get();
            }
            if kind == Kind::EventPair || kind.is_end() {
                // Two signals in one object: this waiter may want the other one, and so may the next. Or an end, of
                // which each may need something else.
                let mut operates = kind.is_end() && self.operates(slot, channel);
                if operates && kind == Kind::WriteEnd {
                    operates = arena.wants_room(slot); // and not to know what was read, which all may know
                    if told == 0 {
                        self.offer_turn(record.limit.get().wrapping_sub(1), slot);
                    }
                }
                let passed_by = operates && told != 0 && (!arena.end_is_over(record) || without!(EndTellsAll));
                if !passed_by && let Some(index) = self.satisfied(slot) {
                    self.complete(slot, index);
                    told = if operates { slot + 1 } else { told };
                }
                continue;
            }
            let seen = record.word.get();
            if !is_signalled(kind, seen, 0, channel) {
                return told;
            }
            let thread = arena.thread(slot);
            if kind.is_competed_for() && self.is_deaf(slot, now) {
                deaf = true;
            } else if thread.wait_all.get() != 0 {
                if self.satisfied(slot).is_some() {
                    self.complete(slot, 0);
                }
            } else if kind.is_competed_for()
                && thread.block_count.get() == 1
                && now.saturating_sub(thread.since_ns.get()) < competes_for_ns(kind, thread.progress.get())
            {
                self.offer(slot, now);
                told = slot + 1;
                if kind == Kind::Mutant {
                    self.open_offer(object);
                    return told;
                }
                offered += 1;
                if offered >= super::signal::count(seen) {
                    return told;
                }
            } else {
                if kind.is_competed_for() {
                    arena.header().handed_over.fetch_add(1, Ordering::Relaxed);
                }
                self.complete(slot, number % BLOCKS);
            }
            if arena.header().damaged.get() != 0 {
                return 0;
            }
        }
        self.session.damaged("a wait list runs in a circle");
        0
    }

    /// Does that thread wait for an end of a queue to put or to take itself? Of those, one at a time is told: a thread
    /// that has taken something and leaves more, or takes nothing, tells the next (`queue::operation`). Of those who
    /// want to put, one has the turn.
    fn operates(&self, slot: u32, channel: u32) -> bool {
        channel & 1 != 0 && self.session.arena.thread(slot).block_count.get() == 1
    }

    /// Is that wait block one of a queued wait, for that object?
    pub fn is_waiting_for(&self, object: u32, number: u32) -> bool {
        let slot = number / BLOCKS;
        slot < self.session.arena.threads()
            && number % BLOCKS < self.block_count(slot)
            && self.session.arena.block(number).object.get() == object
            && progress::is_queued(self.session.arena.thread(slot).progress.get())
    }

    /// Let fast paths have a mutant for some releases: somebody in its list will look (O1).
    fn open_offer(&self, object: u32) {
        self.session.arena.object(object).word.fetch_or(OFFERS << word::OFFERED_SHIFT, Ordering::SeqCst);
    }

    /// Keep fast paths away from a mutant that is offered to somebody (O2). Whether it was: then its word may have
    /// changed.
    pub fn close_offer(&self, object: u32) -> bool {
        let word = &self.session.arena.object(object).word;
        word.get() & word::OFFERED != 0 && word.fetch_and(!word::OFFERED, Ordering::SeqCst) & word::OFFERED != 0
    }

    /// Note who completes the wait of that thread, and when, if it sleeps. A thread that completes its own wait keeps
    /// what is noted: it was told to compete before, or a timer is due and nobody has told it.
    fn note_partner(&self, slot: u32) {
        let thread = self.session.arena.thread(slot);
        if self.owner() == slot + 1 {
            return;
        }
        thread.told_by.store(signature(self.owner()), Ordering::Relaxed);
        if matches!(thread.progress.load(Ordering::Relaxed), progress::SLEEP | progress::LOOK) {
            thread.told_at_ns.store(now_ns(), Ordering::Relaxed);
        }
    }

    /// Tell a queued thread to look again; it keeps its place.
    pub fn offer(&mut self, slot: u32, now: u64) {
        self.note_partner(slot);
        let thread = self.session.arena.thread(slot);
        if thread.progress.get() != progress::RETRY {
            thread.offered_ns.put(now);
        }
        let before = thread.progress.swap(progress::RETRY, Ordering::SeqCst);
        fault!(RetryMarked);
        if before != progress::RETRY && progress::may_sleep(before) {
            self.wake_later(slot);
        }
    }
}
