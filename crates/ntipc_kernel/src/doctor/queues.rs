//! Queues: bodies and ends, what lies in them, the locks of their sides.

use super::badges::{Badged, Costs};
use super::look::{Life, Look, life};
use super::pool::Pages;
use super::waits::PATIENCE_NS;
use crate::arena::layout::{BLOCKS, PAGE_SIZE, Queue};
use crate::object::kind::Kind;
use crate::process::lock_word::Seen;
use crate::queue::badge::cost;
use crate::queue::frame::{Found, HEADER, Place, REQUEST};
use crate::queue::side::DISPATCHER;
use crate::sync::Shared;
use std::collections::HashSet;

/// What lies between head and tail.
#[derive(Default)]
struct Row {
    frames: u64,
    bytes: u64,
    costs: Costs,
}

/// Everything that changes with an operation on either side.
fn stamp(queue: &Queue) -> [u64; 6] {
    [&queue.head, &queue.tail, &queue.data_in, &queue.data_out, &queue.frames_in, &queue.frames_out].map(Shared::get)
}

fn is_at_rest(queue: &Queue) -> bool {
    queue.put_lock.read().is_free() && queue.take_lock.read().is_free()
}

impl Look<'_> {
    pub fn all_queues(&mut self) {
        let mut pages = self.pool();
        let free = self.free_bodies();
        let badged = self.all_badges();
        let mut missing = 0;
        for body in 0..self.queues {
            let queue = self.arena.queue(body);
            match queue.state.get() {
                0 => missing += u32::from(!free.contains(&body)),
                _ => self.queue(body, queue, &mut pages, &badged),
            }
        }
        self.find_if(self.locked && missing > 0, "free-list", "the list of free queues", || {
            format!("{missing} queues are free and not in the list of free ones.")
        });
        self.ends();
        self.hands(&mut pages);
        self.each_page_is_once(&pages);
        self.each_handle_is_carried_once(&pages.1);
        self.all_calls(&pages.2);
    }

    fn free_bodies(&mut self) -> HashSet<u32> {
        const LIST: &str = "the list of free queues";
        let mut seen = HashSet::new();
        let mut next = self.arena.header().queue_free.get();
        while let Some(body) = next.checked_sub(1).filter(|_| self.locked) {
            if body >= self.queues || self.arena.queue(body).state.get() != 0 {
                self.find("free-list", LIST, format!("The list of free queues leads to queue {body}, which is none."));
                break;
            }
            if !seen.insert(body) {
                self.find("free-list", LIST, "The list of free queues runs in a circle.".to_owned());
                break;
            }
            next = self.arena.queue(body).link.get();
        }
        seen
    }

    /// Ends that belong to no queue.
    fn ends(&mut self) {
        for index in 0..self.objects {
            let Some((record, kind)) = self.object(index).filter(|(_, kind)| kind.is_end()) else { continue };
            let known = self.arena.queue_of(record).is_some_and(|(body, _, read, write)| {
                body < self.queues && index == if kind == Kind::ReadEnd { read } else { write }
            });
            let title = self.object_title(index);
            self.find_if(self.locked && !known, "queue", &title, || format!("{title} belongs to no queue."));
        }
    }

    fn turn_is_nobodys(&self, body: u32, turn: Seen) -> bool {
        let owner = turn.owner().wrapping_sub(1);
        let intent = (body + 1) << 1; // to put
        !turn.is_free()
            && (owner >= self.threads || self.arena.thread(owner).hands.iter().all(|hand| hand.intent.get() != intent))
    }

    /// A turn that is not used keeps others from putting, and they should have ended it.
    fn unused_turn(&mut self, queue: &Queue, title: &str) {
        let (turn, since_ns) = (queue.turn.read(), queue.turn_usable_ns.get());
        if !self.locked || turn.is_free() || since_ns == 0 || since_ns.saturating_add(PATIENCE_NS) > self.now_ns {
            return;
        }
        let end = queue.write_end.get().checked_sub(1).and_then(|index| self.object(index));
        let first = end.and_then(|(record, _)| record.head.get().checked_sub(1)).map(|number| number / BLOCKS);
        if let Some(waiter) = first.filter(|slot| *slot < self.threads && self.sleeps_in_wait(self.arena.thread(*slot)))
        {
            let (owner, waiter) = (self.thread_title(turn.owner().wrapping_sub(1)), self.thread_title(waiter));
            let text = format!("{waiter} waits to put into {title}, which is kept for {owner}, and that does not put.");
            self.find("turn", title, text);
        }
    }

    fn queue(&mut self, body: u32, queue: &Queue, pages: &mut Pages, badged: &Badged) {
        let title = format!("queue {body}");
        for (end, kind) in [(&queue.read_end, Kind::ReadEnd), (&queue.write_end, Kind::WriteEnd)] {
            let object = end.get().checked_sub(1).and_then(|index| self.object(index));
            let knows = object.is_some_and(|(record, is)| is == kind && record.limit.get() == body + 1);
            self.find_if(self.locked && !knows, "queue", &title, || {
                format!("An end of {title} does not belong to it.")
            });
        }
        // Neither is changed under the lock that we hold: who is in doubt is asked thrice.
        let nobodys = (0..3).all(|_| self.turn_is_nobodys(body, queue.turn.read()));
        self.find_if(self.locked && nobodys, "turn", &title, || {
            format!("Nobody may put into {title}: it is the turn of a thread that has nothing to put.")
        });
        self.unused_turn(queue, &title);
        self.side(body, queue.put_lock.read(), 0, &format!("the writers' side of {title}"));
        self.side(body, queue.take_lock.read(), 1, &format!("the readers' side of {title}"));
        let (before, rest) = (stamp(queue), is_at_rest(queue));
        let row = self.row(queue, pages);
        if !rest || !is_at_rest(queue) || stamp(queue) != before {
            return; // somebody is at it
        }
        let Some(row) = row else {
            let subject = format!("the frames of {title}");
            self.find("queue", &subject, format!("The frames of {title} do not lead to their end."));
            return;
        };
        let begun = queue.head.get() >> 32;
        let (bytes, frames) = (
            queue.data_in.get().wrapping_sub(queue.data_out.get()),
            queue.frames_in.get().wrapping_sub(queue.frames_out.get()),
        );
        // What is being thrown away is counted at the end.
        let thrown_away = queue.broken.get() != 0 || self.arena.header().undrained.get() != 0;
        if !thrown_away && (row.bytes.wrapping_sub(begun), row.frames) != (bytes, frames) {
            let text = format!(
                "In {title} lie {} frames of {} bytes, of which {begun} are read; it counts {frames} and {bytes}.",
                row.frames, row.bytes
            );
            self.find("count", &format!("the counts of {title}"), text);
        }
        if !thrown_away {
            self.costs(body, &title, badged.get(&body), &row.costs);
        }
    }

    /// The holder of a side is alive, and its own record says so.
    fn side(&mut self, body: u32, word: Seen, side: u32, title: &str) {
        let owner = word.owner();
        if owner == 0 {
            self.find_if(word.is_contended(), "side", title, || format!("{title} is locked by nobody: {word:#x}."));
            return;
        }
        if owner == DISPATCHER {
            self.find_if(self.locked, "side", title, || format!("{title} is locked by a step that nobody is at."));
            return;
        }
        let slot = owner - 1;
        let whose = self.thread_title(slot);
        let busy = slot < self.threads && {
            let thread = self.arena.thread(slot);
            life(thread.life.word.get()) != Life::Free
                && thread.hands.iter().any(|hand| hand.intent.get() == (body + 1) << 1 | side)
        };
        self.find_if(!busy, "side", title, || format!("{title} is locked by {whose}, which is not at it."));
    }

    /// Walk from head to tail. `None`: the way leads elsewhere.
    fn row(&self, queue: &Queue, pages: &mut Pages) -> Option<Row> {
        let (head, tail) = (queue.head.get(), queue.tail.get());
        let mut row = Row::default();
        if tail == 0 {
            return Some(row);
        }
        let mut position = match head & u64::from(u32::MAX) {
            0 => u64::from(queue.first.get()),
            position => position,
        };
        let most = pages.count() as u64 * u64::from(PAGE_SIZE / HEADER);
        if !pages.found(Place::of(position).page) {
            return None;
        }
        for _ in 0..most {
            if position == tail {
                return Some(row);
            }
            let place = Place::of(position);
            position = match self.arena.frame_at(place)? {
                Found::Frame(frame) => {
                    if !frame.chain.is_none_or(|chain| self.chain(chain, pages)) {
                        return None;
                    }
                    pages.1.found(&frame.carried);
                    if frame.flags & REQUEST != 0 {
                        pages.2.found(frame.correlation);
                    }
                    row.frames += 1;
                    row.bytes += u64::from(frame.length);
                    if frame.badge != 0 {
                        let costs = row.costs.entry(frame.badge).or_default();
                        *costs = costs.wrapping_add(cost(frame.length));
                    }
                    place.after(frame.footprint).position()
                }
                Found::Next(next) => {
                    if !pages.found(next) {
                        return None;
                    }
                    Place { page: next, offset: 0 }.position()
                }
            };
        }
        None
    }
}
