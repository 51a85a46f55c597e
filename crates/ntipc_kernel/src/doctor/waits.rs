//! Wait lists, and threads that sleep although they need not.

use super::look::{Look, life};
use crate::arena::layout::{BLOCKS, THREADS, progress, word};
use crate::dispatch::signal::is_signalled;
use crate::object::kind::Kind;
use crate::sync::Shared;
use std::collections::HashSet;

/// A thread that is to look at something, a timer that is due, an object whose offer is not used, does so at the latest
/// so long after.
pub(super) const PATIENCE_NS: u64 = 500_000_000;

impl Look<'_> {
    pub fn all_waits(&mut self) {
        let mut linked = HashSet::new();
        for index in 0..self.objects {
            self.list_of(index, &mut linked);
        }
        for slot in 0..self.threads {
            let queued = self.is_queued(slot);
            if !queued || Some(slot) == self.guest {
                continue;
            }
            let missing = (0..self.blocks[slot as usize]).find(|place| !linked.contains(&(slot * BLOCKS + place)));
            if let (Some(place), true) = (missing, self.locked) {
                let (title, object) = (self.thread_title(slot), self.block_object(slot, place));
                let what = self.object_title(object);
                self.find("list", &title, format!("{title} waits for {what} and is not in its list."));
            }
            self.could_go_on(slot);
        }
    }

    fn is_queued(&self, slot: u32) -> bool {
        let thread = self.arena.thread(slot);
        life(thread.life.word.get()) != super::look::Life::Free && progress::is_queued(thread.progress.get())
    }

    pub(super) fn block_object(&self, slot: u32, place: u32) -> u32 {
        self.arena.block(slot * BLOCKS + place).object.get()
    }

    /// Walk one list; `linked` gathers the blocks of all lists.
    fn list_of(&mut self, index: u32, linked: &mut HashSet<u32>) {
        let Some((record, kind)) = self.object(index) else { return };
        let title = self.object_title(index);
        let flagged = record.word.get() & word::HAS_WAITERS != 0;
        let (head, tail) = (record.head.get(), record.tail.get());
        self.find_if(self.locked && flagged != (head != 0), "flag", &title, || {
            format!("{title} is marked as {}waited for, and its list is {}.", not(flagged), empty(head == 0))
        });
        let offered = kind == Kind::Mutant && record.word.get() & word::OFFERED != 0;
        self.find_if(self.locked && offered && !self.is_offered(index, kind, u64::MAX), "offer", &title, || {
            format!("{title} is marked as offered, and nobody was told to compete for it.")
        });
        let (mut next, mut previous, mut newest) = (head, 0, 0);
        while let Some(number) = next.checked_sub(1) {
            let (slot, place) = (number / BLOCKS, number % BLOCKS);
            if slot >= THREADS.min(self.threads) || place >= self.blocks[slot as usize] {
                self.find(
                    "list",
                    &title,
                    format!("The list of {title} leads to wait block {number}, which is no wait's."),
                );
                return;
            }
            if !linked.insert(number) {
                self.find("list", &title, format!("The list of {title} runs in a circle or into another list."));
                return;
            }
            let (block, whose) = (self.arena.block(number), self.thread_title(slot));
            if block.object.get() != index || !self.is_queued(slot) {
                self.find("list", &title, format!("{whose} is in the list of {title}, and does not wait for it."));
                return;
            }
            self.find_if(self.locked && block.previous.get() != previous, "list", &title, || {
                format!("The list of {title} does not lead back from {whose} to where it came from.")
            });
            let sequence = self.arena.thread(slot).sequence.get();
            self.find_if(self.locked && sequence < newest, "order", &title, || {
                format!("{whose} began to wait for {title} before those who stand in front of it.")
            });
            newest = sequence;
            previous = next;
            next = block.next.get();
        }
        self.find_if(self.locked && tail != previous, "list", &title, || {
            format!("The list of {title} ends at block {previous} and its end is noted as {tail}.")
        });
        let due = record.quantity.get();
        if kind.is_timer() && head != 0 && due != 0 && due.saturating_add(PATIENCE_NS) < self.now_ns {
            let asleep =
                self.arena.thread((head - 1) / BLOCKS).process_slot().is_some_and(|slot| !self.is_stopped(slot));
            self.find_if(asleep, "timer", &title, || format!("{title} has long been due, and its waiters sleep on."));
        }
    }

    /// Nobody stays queued whose wait is satisfiable, unless somebody was told to compete for the object and has not
    /// answered yet.
    fn could_go_on(&mut self, slot: u32) {
        let thread = self.arena.thread(slot);
        let all = thread.wait_all.get() != 0;
        let places = self.blocks[slot as usize];
        let mut signalled = 0;
        for place in 0..places {
            let index = self.block_object(slot, place);
            let Some((record, kind)) = self.object(index) else { return };
            let channel = self.arena.block(slot * BLOCKS + place).channel.get();
            if is_signalled(kind, self.arena.signal_of(record, kind, slot + 1, channel), slot + 1, channel) {
                signalled += 1;
                if kind.is_competed_for() && self.is_offered(index, kind, PATIENCE_NS) {
                    return;
                }
            }
        }
        let satisfiable = if all { signalled == places } else { signalled > 0 };
        let offered = thread.progress.get() == progress::RETRY;
        let stopped = thread.process_slot().is_some_and(|process| self.is_stopped(process));
        if satisfiable && places > 0 && !offered && !stopped && self.locked {
            let title = self.thread_title(slot);
            let what = self.object_title(self.block_object(slot, 0));
            let text = format!("{title} waits for {places} objects, the first {what}, and could go on.");
            self.find("satisfiable", &title, text);
        }
    }

    /// Was somebody told to compete for the object, no longer ago than that?
    fn is_offered(&self, index: u32, kind: Kind, ago_ns: u64) -> bool {
        let Some((record, _)) = self.object(index).filter(|(_, now)| *now == kind) else { return false };
        let mut next = record.head.get();
        for _ in 0..self.threads * 4 {
            let Some(number) = next.checked_sub(1) else { return false };
            let (slot, place) = (number / BLOCKS, number % BLOCKS);
            if slot >= self.threads || place >= self.blocks[slot as usize] {
                return false;
            }
            let thread = self.arena.thread(slot);
            let told_ago_ns = self.now_ns.saturating_sub(thread.offered_ns.get());
            if thread.progress.get() == progress::RETRY && told_ago_ns <= ago_ns {
                return true;
            }
            next = self.arena.block(number).next.get();
        }
        false
    }
}

fn not(flagged: bool) -> &'static str {
    if flagged { "" } else { "not " }
}

fn empty(empty: bool) -> &'static str {
    if empty { "empty" } else { "not empty" }
}
