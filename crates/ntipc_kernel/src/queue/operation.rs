//! One operation of a thread on one side of a queue, from its intent to the last who is told of it. It may wait in between.
//!
//! Invariant: an operation that ends, however it ends, gives back what is left in its hand, tells the threads that may go on now, and empties
//! the hand last. In a child that a signal handler has forked off, and after the session was left in one, the hand is no longer
//! this thread's: then it is not touched.

use super::collect::is_rooted;
use super::hand::{DATA, Held, IDLE, ROW, Side};
use super::message::Message;
use super::state::{Wants, is_empty};
use super::turn::insists;
use super::waiting::{Waiting, Wanted};
use crate::arena::layout::{Queue, word};
use crate::dispatch::wait::Target;
use crate::fault::fault;
use crate::mutation::without;
use crate::session::Session;
use crate::status::NtResult;
use crate::sync::{Ordering, Shared, fence};
use crate::sys::clock::now_ns;
use std::sync::Arc;

pub(super) struct Operation<'a> {
    pub session: &'a Arc<Session>,
    pub held: Held,
    pub body: u32,
    /// The end that its handle led to when it began, and that object's generation: the handle may be closed meanwhile, and its number,
    /// the object's place and the queue's body be used again.
    pub end: (u32, u32),
    /// The badge, + 1, that it puts with; 0: none.
    pub badge: u32,
    side: Side,
    incarnation: u64,
    /// The waiters for the room that it made were told, before a copy that takes time.
    pub told_of_room: bool,
    /// It was told once that it may go on: if it does not, somebody else may. 0, or when it first waited.
    waited_since_ns: u64,
}

/// A thread looks, waits because there is nothing, is told that there is, and looks again. So many turns of that at once, with nobody
/// there who could be quicker each time, take somebody who scribbles.
#[derive(Default)]
pub(super) struct Patience {
    turns: u32,
    since_ns: u64,
}

const TURNS: u32 = 1 << 14;
/// A turn in which anything happens takes longer.
const TURN_NS: u64 = 50_000;

impl Patience {
    /// Go round once more.
    #[inline]
    pub fn spend(&mut self, session: &Session) -> NtResult<()> {
        self.turns += 1;
        if self.turns % TURNS == 2 { self.look(session) } else { Ok(()) }
    }

    #[cold]
    fn look(&mut self, session: &Session) -> NtResult<()> {
        let (now, before) = (now_ns(), self.since_ns);
        self.since_ns = now;
        if self.turns > TURNS && now.saturating_sub(before) < u64::from(TURNS) * TURN_NS {
            return Err(session.damaged("an end of a queue is set for what is not there"));
        }
        self.turns = 2;
        Ok(())
    }
}

/// How a wait in an operation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Look again.
    Again,
    TooLate,
    /// The hand is not ours any more: begin again.
    Anew,
}

impl Session {
    pub(super) fn begin(self: &Arc<Self>, slot: u32, body: u32, side: Side) -> NtResult<Operation<'_>> {
        let incarnation = self.own.incarnation.load(Ordering::Acquire);
        Ok(Operation {
            session: self,
            held: self.take_hand(slot, body, side)?,
            body,
            end: (0, 0),
            badge: 0,
            side,
            incarnation,
            told_of_room: false,
            waited_since_ns: 0,
        })
    }

    /// Does what the thread in `slot` began in that incarnation still belong to the calling thread?
    pub(super) fn is_mine(self: &Arc<Self>, incarnation: u64, slot: u32) -> bool {
        self.own.incarnation.load(Ordering::Acquire) == incarnation
            && !self.is_left()
            && self.thread_slot().is_ok_and(|now| now == slot)
    }

    pub(super) fn is_awaited(&self, object: u32) -> bool {
        self.arena.object(object).word.load(Ordering::Relaxed) & word::HAS_WAITERS != 0
    }
}

impl Operation<'_> {
    fn is_mine(&self) -> bool {
        self.session.is_mine(self.incarnation, self.held.slot)
    }

    /// There is no room, and it is about to wait for so much. Was it told that there is, and somebody else was quicker? Then others
    /// may look, who need less.
    pub fn finds_no_room(&self, queue: &Queue, message: &Message<'_>) {
        let has_waited = self.waited_since_ns != 0;
        // Each badge has a room of its own, so nobody is kept from putting by others.
        if self.badge == 0 && insists(queue, message.need(), self.waited_since_ns) {
            self.session.want(self.held.slot, Wants::Room(message.need())); // others see what the turn is for
            self.session.take_turn(queue, self.held.slot);
        } else if has_waited && queue.write_end.get().checked_sub(1).is_some_and(|end| self.session.is_awaited(end)) {
            self.session.lock_as(self.held.slot + 1).tell_both_ends(self.body);
        }
    }

    /// What follows is a wait for the room of its badge, or of the queue.
    pub fn wait_for_room(&self) {
        self.session.arena.thread(self.held.slot).queue_badge.put(self.badge);
    }

    /// The writers' side was held and is free, and the operation goes on without it: a notice may be due by now.
    pub fn tell_of_notices(&self, queue: &Queue) {
        fence(Ordering::SeqCst);
        if queue.notices.load(Ordering::Acquire) != 0 {
            self.session.lock_as(self.held.slot + 1).tell_both_ends(self.body);
        }
    }

    /// Wait for our end of the queue, which is the object `end`, through `handle`.
    pub fn wait<W: Waiting>(
        &mut self,
        handle: u32,
        end: u32,
        wants: Wants,
        waiting: &mut W,
    ) -> Result<Waited, W::Error> {
        let slot = self.held.slot;
        self.session.want(slot, wants);
        if self.waited_since_ns == 0 {
            self.waited_since_ns = now_ns();
        }
        let wanted = Wanted { target: Target { handle, channel: 1 }, slot, end, body: self.body };
        if without!(IntentBeforeWait) {
            self.session.empty_hand(self.held);
        }
        let again = waiting.wait(self.session, &wanted)?;
        if without!(IntentBeforeWait) {
            self.held.words(self.session).intent.put((self.body + 1) << 1 | self.side as u32);
        }
        Ok(self.after(again))
    }

    /// It is about to wait for pages, and there may be none for long. What it has others may need: two that each have some and want
    /// more would wait for each other. Where it was told to go on, or has the turn, others may go on that need none. Whether it had any.
    pub fn stand_back(&self) -> bool {
        let (session, held) = (self.session, self.held);
        let had = [DATA, ROW].map(|chain| session.give_pages(held.slot + 1, held.grip(chain)));
        let queue = session.arena.queue(self.body);
        let turn = session.leave_turn(queue, held.slot);
        fence(Ordering::SeqCst);
        if (self.waited_since_ns != 0 || turn)
            && queue.write_end.get().checked_sub(1).is_some_and(|end| session.is_awaited(end))
        {
            session.lock_as(held.slot + 1).tell_both_ends(self.body);
        }
        had.contains(&true)
    }

    /// Wait for pages of the pool.
    pub fn wait_for_pages<W: Waiting>(&mut self, seen: u32, waiting: &mut W) -> Result<Waited, W::Error> {
        let again = waiting.wait_for_pages(self.session, seen)?;
        Ok(self.after(again))
    }

    fn after(&self, again: bool) -> Waited {
        match again {
            _ if !self.is_mine() => Waited::Anew,
            true => Waited::Again,
            false => Waited::TooLate,
        }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if cfg!(feature = "models") && std::thread::panicking() {
            return; // killed: the dead do nothing more
        }
        if !self.is_mine() {
            return;
        }
        let (session, held) = (self.session, self.held);
        let arena = &session.arena;
        for chain in [DATA, ROW] {
            session.give_pages(held.slot + 1, held.grip(chain)); // what the frame did not take over, or what was taken
        }
        session.drop_carried(held);
        held.words(session).commit.put(IDLE);
        let queue = arena.queue(self.body);
        let (read, write) = (queue.read_end.get().wrapping_sub(1), queue.write_end.get().wrapping_sub(1));
        let more = !is_empty(queue) || queue.notices.load(Ordering::Relaxed) != 0;
        let turn = self.side == Side::Put && session.leave_turn(queue, held.slot);
        if turn {
            fence(Ordering::SeqCst);
            fault!(TurnLeft);
        }
        let told = match self.side {
            Side::Put => session.is_awaited(read) || (self.waited_since_ns != 0 || turn) && session.is_awaited(write),
            Side::Take => session.is_awaited(write) && !self.told_of_room || more && session.is_awaited(read),
        };
        let reader = arena.object(read);
        let lost = match self.side {
            Side::Put => reader.handles.get() == 0,
            Side::Take => !is_rooted(reader), // its handle was closed under our hands
        };
        if told || lost || more && queue.broken.get() != 0 {
            session.lock_as(held.slot + 1).tell_both_ends(self.body);
        }
        match self.side {
            Side::Put => {
                fault!(PutTold);
            }
            Side::Take => {
                fault!(TakeTold);
            }
        }
        session.empty_hand(held);
    }
}
