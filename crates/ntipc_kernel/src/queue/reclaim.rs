//! Pages of empty queues go back to the pool when there are no others.
//!
//! Each queue that was ever used keeps the page in which its row ends, also when it is empty: so a queue in use needs the pool once
//! a page. Of 100,000 queues that is 400 MB. Who finds the pool empty, and may wait, takes those back.
//!
//! Invariant: only of a queue whose sides are both free, and which is empty. A thread that looks without a lock never sees it as anything
//! else: the tail goes to 0 first, which means empty, then the head, and a look reads the head first.
//! Crash: the page and the queue are named in the header before anything changes; see `drain`.

use super::side::{leave_side, try_side};
use super::state::is_empty;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::sync::Shared;

/// Queues that are looked at under one hold of the dispatcher lock.
const CHUNK: u32 = 256;

impl Session {
    pub(super) fn reclaim_pages(&self, owner: u32) {
        let all = self.arena.queues();
        for first in (0..all).step_by(CHUNK as usize) {
            let mut locked = self.lock_as(owner);
            (first..all.min(first + CHUNK)).for_each(|body| locked.reclaim(body));
        }
    }
}

impl Locked<'_> {
    fn reclaim(&mut self, body: u32) {
        let arena = &self.session.arena;
        let queue = arena.queue(body);
        let unused = || queue.state.get() != 0 && is_empty(queue) && queue.tail.get() != 0;
        if !unused() {
            return;
        }
        self.note_body(body);
        if !try_side(&queue.take_lock) {
            return;
        }
        if try_side(&queue.put_lock) {
            if unused() {
                self.give_last_page(body);
            }
            leave_side(&queue.put_lock);
        }
        leave_side(&queue.take_lock);
    }
}
