//! Queues: bodies and ends, and where every page of the pool is.

use super::look::{Life, Look, life};
use crate::arena::layout::{PAGE_SIZE, Queue};
use crate::object::kind::Kind;
use crate::process::lock::NUMBER_MASK;
use crate::queue::frame::{Found, HEADER, Place};
use crate::queue::pages::Chain;
use crate::sync::Shared;

const POOL: &str = "the pool of pages";

/// How often each page was found.
struct Pages(Vec<u32>);

impl Pages {
    /// `false`: there is no such page.
    fn found(&mut self, page: u32) -> bool {
        match self.0.get_mut(page as usize) {
            Some(times) if page != 0 => {
                *times = times.saturating_add(1);
                true
            }
            _ => false,
        }
    }
}

impl Look<'_> {
    pub fn all_queues(&mut self) {
        let header = self.arena.header();
        let high = header.page_high.get();
        let known = self.arena.pages_reserved();
        self.find_if(high > known, "bounds", POOL, || format!("{high} pages are in use and {known} have memory."));
        let mut pages = Pages(vec![0; high.min(known) as usize]);
        let free = header.pages_free.get();
        let whole = self.chain(Chain { first: header.page_free.get(), last: 0, count: free }, &mut pages);
        self.find_if(self.locked && !whole, "pages", "the list of free pages", || {
            format!("The list of free pages does not have the {free} pages that it should.")
        });
        for body in 0..self.arena.queues() {
            let queue = self.arena.queue(body);
            if queue.state.get() != 0 {
                self.queue(body, queue, &mut pages);
            }
        }
        for slot in 0..self.threads {
            let thread = self.arena.thread(slot);
            if life(thread.life.word.get()) == Life::Free {
                continue;
            }
            for chain in thread.hands.iter().flat_map(|hand| &hand.chains).filter_map(Chain::read) {
                self.chain(chain, &mut pages);
            }
        }
        let count = |times: fn(u32) -> bool| pages.0.iter().skip(1).filter(|found| times(**found)).count();
        let (lost, doubled) = (count(|times| times == 0), count(|times| times > 1));
        self.find_if(self.locked && lost > 0, "pages", POOL, || format!("{lost} pages are neither free nor in use."));
        self.find_if(self.locked && doubled > 0, "pages", "pages used twice", || {
            format!("{doubled} pages are in more than one place.")
        });
    }

    /// Count the pages of a chain. `false`: it leads elsewhere.
    fn chain(&self, chain: Chain, pages: &mut Pages) -> bool {
        let mut page = chain.first;
        (0..chain.count.min(pages.0.len() as u32)).all(|_| {
            let found = pages.found(page);
            page = self.arena.link(page).get();
            found
        })
    }

    fn turn_is_nobodys(&self, body: u32, turn: u32) -> bool {
        let owner = (turn & NUMBER_MASK).wrapping_sub(1);
        let intent = (body + 1) << 1; // to put
        turn != 0
            && (owner >= self.threads || self.arena.thread(owner).hands.iter().all(|hand| hand.intent.get() != intent))
    }

    fn queue(&mut self, body: u32, queue: &Queue, pages: &mut Pages) {
        let title = format!("queue {body}");
        for (end, kind) in [(&queue.read_end, Kind::ReadEnd), (&queue.write_end, Kind::WriteEnd)] {
            let object = end.get().checked_sub(1).and_then(|index| self.object(index));
            let knows = object.is_some_and(|(record, is)| is == kind && record.limit.get() == body + 1);
            self.find_if(self.locked && !knows, "queue", &title, || {
                format!("An end of {title} does not belong to it.")
            });
        }
        // Neither is changed under the lock that we hold: who is in doubt is asked thrice.
        let nobodys = (0..3).all(|_| self.turn_is_nobodys(body, queue.turn.get()));
        self.find_if(self.locked && nobodys, "turn", &title, || {
            format!("Nobody may put into {title}: it is the turn of a thread that has nothing to put.")
        });
        let tail = queue.tail.get();
        let mut position = queue.head.get() & u64::from(u32::MAX);
        if position == 0 {
            position = u64::from(queue.first.get());
        }
        if tail == 0 {
            return;
        }
        let most = pages.0.len() as u64 * u64::from(PAGE_SIZE / HEADER);
        let mut whole = pages.found(Place::of(position).page);
        for _ in 0..most {
            if position == tail || !whole {
                break;
            }
            let place = Place::of(position);
            position = match self.arena.frame_at(place) {
                Some(Found::Frame(frame)) => {
                    whole = frame.chain.is_none_or(|chain| self.chain(chain, pages));
                    place.after(frame.footprint).position()
                }
                Some(Found::Next(next)) => {
                    whole = pages.found(next);
                    Place { page: next, offset: 0 }.position()
                }
                None => {
                    whole = false;
                    position
                }
            };
        }
        self.find_if(!whole || position != tail, "queue", &format!("the frames of {title}"), || {
            format!("The frames of {title} do not lead to their end.")
        });
    }
}
