//! Where every page of the pool is: in the list of free ones, in one queue, or in one hand.

use super::carried::{Places, Requests};
use super::look::{Life, Look, life};
use crate::arena::layout::Hand;
use crate::queue::pages::Chain;
use crate::sync::Shared;

/// So many pages are told one by one.
const TOLD: usize = 20;

/// How often each page was found, each handle in a frame, each request.
pub(super) struct Pages(Vec<u8>, pub Places, pub Requests);

impl Pages {
    /// `false`: there is no such page.
    pub fn found(&mut self, page: u32) -> bool {
        match self.0.get_mut(page as usize) {
            Some(times) if page != 0 => {
                *times = times.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Look<'_> {
    /// All pages that were ever given, those that are free found.
    pub(super) fn pool(&mut self) -> Pages {
        let header = self.arena.header();
        let mut pages =
            Pages(vec![0; self.pages as usize], Places::default(), Requests::before(self.sleeping_callers()));
        let free = header.pages_free.get();
        let whole = self.chain(Chain { first: header.page_free.get(), last: 0, count: free }, &mut pages);
        self.find_if(self.locked && !whole, "free-list", "the list of free pages", || {
            format!("The list of free pages does not have the {free} pages that it should.")
        });
        let half_done = [&header.page_step.valid, &header.drained.first, &header.queue_busy];
        self.find_if(self.locked && half_done.iter().any(|word| word.get() != 0), "step", "the pool's step", || {
            "A step of the page pool, or the emptying of a queue, is noted as under way though nobody is at it."
                .to_owned()
        });
        pages
    }

    /// Count the pages of a chain. `false`: it leads elsewhere.
    pub(super) fn chain(&self, chain: Chain, pages: &mut Pages) -> bool {
        let mut page = chain.first;
        (0..chain.count.min(pages.count() as u32 + 1)).all(|_| {
            let found = pages.found(page);
            page = if found { self.arena.link(page).get() } else { 0 };
            found
        })
    }

    /// Every hand: of a thread that is there, on a queue that is there.
    pub(super) fn hands(&mut self, pages: &mut Pages) {
        for slot in 0..self.threads {
            let thread = self.arena.thread(slot);
            let is_free = life(thread.life.word.get()) == Life::Free;
            for hand in &thread.hands {
                self.hand(slot, hand, is_free, pages);
            }
        }
    }

    fn hand(&mut self, slot: u32, hand: &Hand, is_free: bool, pages: &mut Pages) {
        let (intent, commit) = (hand.intent.get(), hand.commit.get());
        let chains = hand.chains.iter().filter_map(Chain::read);
        if is_free {
            self.find_if(intent != 0, "hand", &self.thread_title(slot), || {
                format!("Thread slot {slot} is free, and what its thread had in hand of a queue was never settled.")
            });
            return;
        }
        for chain in chains {
            self.chain(chain, pages);
        }
        pages.1.found_in_hand(&hand.places);
        pages.2.found(hand.correlation.get());
        let title = self.thread_title(slot);
        let body = (intent >> 1).wrapping_sub(1);
        let known = intent == 0 || body < self.queues && self.arena.queue(body).state.get() != 0;
        self.find_if(!known, "hand", &title, || {
            format!("{title} is busy with queue {}, which does not exist.", body as i32)
        });
        self.find_if(commit > crate::queue::hand::OWN, "hand", &title, || {
            format!("{title} is at step {commit} of its work on a queue, which does not exist.")
        });
    }

    pub(super) fn each_page_is_once(&mut self, pages: &Pages) {
        if !self.locked {
            return;
        }
        let strange = pages.0.iter().enumerate().skip(1).filter(|(_, times)| **times != 1);
        for (page, times) in strange.take(TOLD) {
            let text = match times {
                0 => format!("Page {page} is neither free nor in use."),
                _ => format!("Page {page} is in more than one place."),
            };
            self.find("pages", &format!("page {page}"), text);
        }
    }
}
