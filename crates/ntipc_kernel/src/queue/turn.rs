//! Whose turn it is to put: a frame that waits for much room must not starve behind small ones that fit.
//!
//! State: `Queue::turn`, 0 or a thread as a lock word names it. While it names a thread, there is room for nobody else, whatever fits.
//! That is slow: a full queue runs empty while the one whose turn it is wakes up. So writers compete, as for a mutant, and a turn is
//! only for who needs much of the quota, or has waited as long as a mutant is waited for before it is handed over.
//! It is taken by compare-and-swap from 0: by who finds no room and is about to wait, or on behalf of the first who waits, by whoever
//! evaluates the end under the dispatcher lock. Its thread gives it up when its operation ends, however it ends,
//! and before it waits for pages.
//!
//! Invariant: nobody sleeps with the turn who could put. So whoever evaluates gives it to the first only, and not after it has told
//! somebody who has none: that one would find the turn taken, and sleep again with its telling.
//! Invariant: `turn` names a thread that has an operation on this queue in hand. So a turn is settled with the hand of a thread that
//! died, and one that names anybody else was scribbled and is taken away by whoever it keeps from putting.

use super::hand::Side;
use crate::arena::Arena;
use crate::arena::layout::Queue;
use crate::dispatch::evaluate::HAND_OVER_NS;
use crate::fault::fault;
use crate::process::lock::{Locked, NUMBER_MASK, named, owner_is_dead};
use crate::session::Session;
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;

/// Is one who needs so much room, and has waited since then (0: not yet), to have a turn?
pub(super) fn insists(queue: &Queue, need: u64, since_ns: u64) -> bool {
    need.saturating_mul(4) > queue.quota.get() || since_ns != 0 && now_ns().saturating_sub(since_ns) >= HAND_OVER_NS
}

impl Arena {
    /// What the turn says while it is the thread's in `slot`.
    fn turn_of(&self, slot: u32) -> u32 {
        named(slot + 1, self.thread(slot).generation.load(Ordering::Relaxed))
    }

    /// May the thread with slot + 1 `me` (0 = one that does not wait) put now, as far as turns go?
    pub(super) fn has_turn(&self, queue: &Queue, me: u32) -> bool {
        match queue.turn.get() {
            0 => true,
            turn => me != 0 && turn & NUMBER_MASK == me && turn == self.turn_of(me - 1),
        }
    }
}

impl Session {
    /// Take the turn for the thread in `slot`, if it is nobody's.
    pub(super) fn take_turn(&self, queue: &Queue, slot: u32) {
        let mine = self.arena.turn_of(slot);
        if queue.turn.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            fault!(TurnTaken);
        }
    }

    /// Give the turn up, if it is that of the thread in `slot`. Whether it was.
    pub(super) fn leave_turn(&self, queue: &Queue, slot: u32) -> bool {
        let mine = self.arena.turn_of(slot);
        queue.turn.get() == mine && queue.turn.compare_exchange(mine, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// Somebody else has the turn: make sure that there is such a thread, which will put, or give it up.
    pub(super) fn check_turn(&self, queue: &Queue, body: u32, slot: u32) {
        let turn = queue.turn.get();
        let (arena, number) = (&self.arena, turn & NUMBER_MASK);
        if turn == 0 || number == slot + 1 {
            return;
        }
        let dead = owner_is_dead(arena, turn);
        let intent = (body + 1) << 1 | Side::Put as u32;
        let has_it_in_hand =
            |hands: &[crate::arena::layout::Hand]| hands.iter().any(|hand| hand.intent.get() == intent);
        if !dead && number <= arena.threads() && has_it_in_hand(&arena.thread(number - 1).hands) {
            return;
        }
        let mut locked = self.lock_as(slot + 1);
        if dead && queue.turn.get() == turn {
            locked.settle(number.wrapping_sub(1));
        }
        let _ = queue.turn.compare_exchange(turn, 0, Ordering::AcqRel, Ordering::Relaxed);
        locked.tell_both_ends(body);
    }
}

impl Locked<'_> {
    /// The thread in `slot`, which waits for room in that queue before all others, has the turn if it insists and nobody has it.
    pub(crate) fn offer_turn(&mut self, body: u32, slot: u32) {
        let arena = &self.session.arena;
        let thread = arena.thread(slot);
        if body < arena.queues()
            && arena.wants_room(slot)
            && insists(arena.queue(body), thread.queue_need.get(), thread.since_ns.get())
            // One that is dead, and waits until the reaper comes, may be settled already: nobody would take the turn away any more.
            && !owner_is_dead(arena, arena.turn_of(slot))
        {
            self.session.take_turn(arena.queue(body), slot);
        }
    }
}
