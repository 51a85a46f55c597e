//! Whose turn it is to put: a frame that waits for much room must not starve behind small ones that fit.
//!
//! State: `Queue::turn`, which names nobody or a thread as a lock word does (`process::lock_word`). While it names a thread, there is room
//! for nobody else, whatever fits.
//! That is slow: a full queue runs empty while the one whose turn it is wakes up. So writers compete, as for a mutant, and a turn is
//! only for a writer that needs much of the quota, or has waited as long as a mutant is waited for before it is handed over.
//! It is taken by compare-and-swap while it is nobody's: by a writer that finds no room and is about to wait, or on behalf of the
//! first waiter, by the thread that evaluates the end under the dispatcher lock. Its thread gives it up when its operation ends, however it ends,
//! and before it waits for pages.
//!
//! Invariant: no thread that could put sleeps with the turn. So the thread that evaluates gives it to the first only, and not after it has told
//! somebody who has none: that one would find the turn taken, and sleep again with its telling.
//! A turn ends when its thread could have put for [`PATIENCE_NS`] and has not: it is stopped, or slow. Then a writer whose message fits
//! may put it, and that thread waits like others when it goes on. `turn_usable_ns` says since when it could; a writer that looks at a turn that
//! keeps it from putting brings that up to date (`Session::is_overdue`). Two who do so at the same time, or one who looks at the turn
//! of a moment ago, may end a turn early or late by as much: it is a matter of fairness, and nothing else.
//! Invariant: `turn` names a thread that has an operation on this queue in hand. So a turn is settled with the hand of a thread that
//! died, and one that names anybody else was scribbled and is taken away by the writer that it keeps from putting.

use super::hand::Side;
use super::state::has_room;
use crate::arena::Arena;
use crate::arena::layout::{BLOCKS, Queue, progress};
use crate::dispatch::evaluate::HAND_OVER_NS;
use crate::dispatch::lookout::PATIENCE_NS;
use crate::fault::fault;
use crate::mutation::without;
use crate::process::lock::{Locked, owner_is_dead};
use crate::process::lock_word::Seen;
use crate::session::Session;
use crate::sync::Shared;
use crate::sys::clock::now_ns;

/// Is one who needs so much room, and has waited since then (0: not yet), to have a turn?
pub(super) fn insists(queue: &Queue, need: u64, since_ns: u64) -> bool {
    need.saturating_mul(4) > queue.quota.get() || since_ns != 0 && now_ns().saturating_sub(since_ns) >= HAND_OVER_NS
}

impl Arena {
    /// May the thread with slot + 1 `me` (0 = one that does not wait) put now, as far as turns go?
    pub(crate) fn has_turn(&self, queue: &Queue, me: u32) -> bool {
        match queue.turn.read().owner() {
            0 => true,
            owner => owner == me,
        }
    }

    /// Could the thread in `slot`, whose turn it is, put now? What it needs is known while it waits.
    fn can_use_turn(&self, queue: &Queue, slot: u32) -> bool {
        let thread = self.thread(slot);
        let waits_for_room = progress::is_queued(thread.progress.get())
            && self.blocks(slot) == 1
            && self.block(slot * BLOCKS).object.get() + 1 == queue.write_end.get()
            && self.wants_room(slot);
        has_room(queue, if waits_for_room { thread.queue_need.get() } else { 1 })
    }
}

impl Session {
    /// Take the turn for the thread in `slot`, if it is nobody's.
    pub(super) fn take_turn(&self, queue: &Queue, slot: u32) {
        if queue.turn.try_acquire(slot + 1).is_some() {
            queue.turn_usable_ns.put(0);
            fault!(TurnTaken);
        }
    }

    /// Give the turn up, if it is that of the thread in `slot`. Whether it was.
    pub(super) fn leave_turn(&self, queue: &Queue, slot: u32) -> bool {
        queue.turn.release_of(slot + 1).is_some()
    }

    /// Has that turn, which is somebody's, been of no use for too long?
    fn is_overdue(&self, queue: &Queue, turn: Seen) -> bool {
        if !self.arena.can_use_turn(queue, turn.owner().wrapping_sub(1)) {
            queue.turn_usable_ns.put(0);
            return false;
        }
        let (now, since) = (now_ns(), queue.turn_usable_ns.get());
        if since == 0 || since > now {
            queue.turn_usable_ns.put(now);
        }
        since != 0 && now.saturating_sub(since) >= PATIENCE_NS && !without!(TurnEnds)
    }

    /// Somebody else has the turn: make sure that there is such a thread, which will put in time, or give it up.
    pub(super) fn check_turn(&self, queue: &Queue, body: u32, slot: u32) {
        let turn = queue.turn.read();
        let (arena, number) = (&self.arena, turn.owner());
        if number == 0 || number == slot + 1 {
            return;
        }
        let dead = owner_is_dead(arena, number);
        let intent = (body + 1) << 1 | Side::Put as u32;
        let has_it_in_hand =
            |hands: &[crate::arena::layout::Hand]| hands.iter().any(|hand| hand.intent.get() == intent);
        if !dead
            && number <= arena.threads()
            && has_it_in_hand(&arena.thread(number - 1).hands)
            && !self.is_overdue(queue, turn)
        {
            return;
        }
        let mut locked = self.lock_as(slot + 1);
        if dead && queue.turn.read() == turn {
            locked.settle(number - 1);
        }
        queue.turn.take_from(turn);
        locked.tell_both_ends(body);
    }
}

impl Locked<'_> {
    /// End the turn of the queue with that write end if its thread does not use it. Whether there is one that could be used.
    pub(crate) fn end_overdue_turn(&mut self, end: u32) -> bool {
        let arena = &self.session.arena;
        let record = arena.object(end);
        let Some((_, queue, _, write)) = arena.queue_of(record) else { return false };
        let turn = queue.turn.read();
        if write != end || turn.is_free() {
            return false;
        }
        if self.session.is_overdue(queue, turn) {
            queue.turn.take_from(turn);
            return false;
        }
        queue.turn_usable_ns.get() != 0
    }

    /// The thread in `slot`, which waits for room in that queue before all others, has the turn if it insists and nobody has it.
    pub(crate) fn offer_turn(&mut self, body: u32, slot: u32) {
        let arena = &self.session.arena;
        let thread = arena.thread(slot);
        if body < arena.queues()
            && arena.wants_room(slot)
            && thread.queue_badge.get() == 0
            && insists(arena.queue(body), thread.queue_need.get(), thread.since_ns.get())
            // One that is dead, and waits until the reaper comes, may be settled already: nobody would take the turn away any more.
            && !owner_is_dead(arena, slot + 1)
        {
            self.session.take_turn(arena.queue(body), slot);
        }
    }
}
