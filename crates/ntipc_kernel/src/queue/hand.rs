//! What a thread has in hand of an operation on a queue, and what becomes of it when the thread dies.
//!
//! Chains, and the places of handles (`flight`):
//!
//! | commit | side held | meaning                                             | after a death                              |
//! | ------ | --------- | --------------------------------------------------- | ------------------------------------------ |
//! | IDLE   | put, none | chains are the thread's                             | given back                                 |
//! | IDLE   | take      | chains, if named, are still the queue's             | forgotten                                  |
//! | PUT    | put       | tail unchanged: chains are the thread's             | given back                                 |
//! | PUT    | put       | tail moved: published, chains are the frame's       | counters := the hand's; forgotten          |
//! | TAKE   | take      | taken: chains are the thread's                      | head, counters := the hand's; given back   |
//! | OWN    | any       | as TAKE, and head and counters are stored           | given back                                 |
//!
//! Invariant: `intent` names the queue from before its side is taken until after the waiters of the other side were told; so the
//! settlement, which evaluates both ends, loses no wake-up. Runs under the dispatcher lock and is restartable: each store is
//! absolute or undoes what is named until then, and `intent` goes last.
//! A put that is interrupted by a signal handler, which puts something itself, keeps its hand: the inner one takes another, a later
//! one. Only the innermost holds a side, and none is held while a handler runs.

use super::badge::Half;
use super::flight::forget_places;
use super::pages::{Chain, Grip};
use crate::arena::layout::{Hand, Queue};
use crate::fault::fault;
use crate::mutation::without;
use crate::process::lock::Locked;
use crate::process::lock_word::LockWord;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared, fence};

pub const IDLE: u32 = 0;
pub const PUT: u32 = 1;
pub const TAKE: u32 = 2;
pub const OWN: u32 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Put = 0,
    Take = 1,
}

/// The chain with a frame's data; the page of the row that begins or ends with the operation.
pub const DATA: u32 = 0;
pub const ROW: u32 = 1;

/// A hand of the calling thread.
#[derive(Clone, Copy)]
pub struct Held {
    pub slot: u32,
    index: u32,
}

impl Held {
    pub fn grip(self, chain: u32) -> Grip {
        Grip { thread: self.slot, hand: self.index, chain }
    }

    pub fn words(self, session: &Session) -> &Hand {
        &session.arena.thread(self.slot).hands[self.index as usize]
    }
}

pub fn lock_word(queue: &Queue, side: Side) -> &LockWord {
    match side {
        Side::Put => &queue.put_lock,
        Side::Take => &queue.take_lock,
    }
}

impl Session {
    /// A free hand of the thread in `slot`, for an operation on a queue.
    pub(super) fn take_hand(&self, slot: u32, body: u32, side: Side) -> NtResult<Held> {
        let hands = &self.arena.thread(slot).hands;
        let free = hands.iter().position(|hand| hand.intent.get() == 0).ok_or_else(|| {
            let why = "too many operations on queues are nested in signal handlers of one thread";
            Failure::new(NtStatus::INSUFFICIENT_RESOURCES, why)
        })?;
        hands[free].commit.put(IDLE);
        hands[free].correlation.put(0);
        hands[free].badge.put(0);
        hands[free].intent.put((body + 1) << 1 | side as u32);
        fault!(HandNamed);
        Ok(Held { slot, index: free as u32 })
    }

    /// The operation is over, and the waiters were told.
    pub(super) fn empty_hand(&self, held: Held) {
        held.words(self).intent.put(0);
    }
}

impl Locked<'_> {
    /// Put right what a dead thread had in hand of queues.
    pub(crate) fn settle(&mut self, slot: u32) {
        let session = self.session;
        if slot >= session.arena.threads() {
            return;
        }
        if without!(Settle) {
            return;
        }
        // The last first: a side that the thread holds is held for what is innermost, and those around it wait.
        for (index, hand) in session.arena.thread(slot).hands.iter().enumerate().rev() {
            let intent = hand.intent.get();
            if intent == 0 {
                continue;
            }
            let body = (intent >> 1).wrapping_sub(1); // of nonsense: beyond all queues
            let side = if intent & 1 == 0 { Side::Put } else { Side::Take };
            let held = Held { slot, index: index as u32 };
            if body < session.arena.queues() {
                self.settle_hand(held, hand, body, side);
            }
            if side == Side::Put && body < session.arena.queues() && !without!(SettleTurn) {
                session.leave_turn(session.arena.queue(body), slot);
            }
            fault!(SettleTurn);
            fence(Ordering::SeqCst);
            if !without!(SettleSignal) {
                self.tell_both_ends(body);
            }
            fault!(SettleTold);
            hand.intent.put(0);
        }
    }

    fn settle_hand(&mut self, held: Held, hand: &Hand, body: u32, side: Side) {
        let queue = self.session.arena.queue(body);
        let word = lock_word(queue, side);
        let mine = word.read().owner() == held.slot + 1;
        let commit = hand.commit.get();
        let mut chains_are_the_queues = mine && side == Side::Take && commit == IDLE;
        if mine && side == Side::Put && commit == PUT && queue.tail.get() != hand.before.get() {
            queue.data_in.put(hand.data.get());
            queue.frames_in.put(hand.frames.get());
            self.session.arena.count_for_badge(body, hand.badge.get(), Half::Put, hand.badge_after.get());
            chains_are_the_queues = !without!(PublishedForget);
        }
        if mine && side == Side::Take && commit == TAKE && !without!(TakeRedo) {
            queue.head.put(hand.after.get());
            queue.data_out.put(hand.data.get());
            queue.frames_out.put(hand.frames.get());
            self.session.arena.count_for_badge(body, hand.badge.get(), Half::Taken, hand.badge_after.get());
        }
        fault!(SettlePositions);
        for chain in [DATA, ROW] {
            let words = &hand.chains[chain as usize];
            match Chain::read(words) {
                Some(chain_in_hand) if !chains_are_the_queues && !without!(HandChains) => {
                    self.give(chain_in_hand, Some(held.grip(chain)))
                }
                Some(_) => words.first.put(0),
                None => {}
            }
            fault!(SettleChain);
        }
        if side == Side::Take && matches!(commit, TAKE | OWN) && hand.correlation.get() != 0 {
            self.lose_request(hand.correlation.get());
        }
        match chains_are_the_queues {
            true => forget_places(&hand.places),
            false => self.drop_places(&hand.places),
        }
        hand.commit.put(IDLE);
        if mine && !without!(SideUnlock) {
            word.release_of(held.slot + 1);
            word.wake(i32::MAX);
        }
        fault!(SettleUnlocked);
    }
}
