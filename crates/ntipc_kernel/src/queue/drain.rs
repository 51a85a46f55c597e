//! Frames that nobody will take are thrown away, and what they hold with them.
//!
//!   D1 name what the frame holds, and where the head goes      D2 mark it valid      D3 head := there; its badge counts it as taken
//!   D4 pages back      D5 handles dropped, a request's caller told      D6 mark it invalid
//!
//! Invariant: the reading side is held by the holder of the dispatcher lock, so head and frames are his, and the taken half of each badge's
//! count. A writer that has published a frame and not counted it yet may be overtaken here: each half is stored by its own side, as an
//! absolute value, so both agree once that writer has counted.
//! Nobody keeps the lock for as long as a long queue takes: after [`CHUNK`] frames it is released, and the thread that had it takes it again, and
//! goes on (`Losses::later`). Its identity stands in the header meanwhile (`undrained`): if that thread dies, a watcher of its process goes on.
//! Crash: before D2 nothing has happened. From D2 to D6 recovery does D3 and D4 once more at its beginning, since they are about positions,
//! counts and pages, and D5 at its end, when handles are counted. What dropping a handle leads to is done after D6: see `collect`.

use super::badge::Half;
use super::collect::is_rooted;
use super::frame::{Found, Frame, Place, REQUEST};
use super::pages::{Chain, DRAINED};
use super::side::{leave_side, try_side};
use super::state::is_empty;
use crate::fault::fault;
use crate::mutation::without;
use crate::process::lock::{Locked, is_dead};
use crate::process::lock_word::OWNER_MAX;
use crate::session::Session;
use crate::sync::{Ordering, Shared};

/// Frames, and handles in them, that are thrown away under one hold of the lock. Few where tests want to see what becomes of the rest.
const CHUNK: u32 = if cfg!(feature = "faults") { 16 } else { 512 };

/// In `undrained`: who left something last is done, and somebody else may not be. No owner of the lock has that number.
const SOMEBODY: u64 = OWNER_MAX as u64;

impl Session {
    /// Go on with queues in which something was left, each under a hold of its own.
    pub(crate) fn go_on_draining(&self, owner: u32, later: &mut Vec<u32>) {
        while let Some(body) = later.pop() {
            let mut locked = self.lock_as(owner);
            locked.tell_both_ends(body);
            later.append(&mut locked.losses.later);
        }
        self.arena.header().undrained.put(SOMEBODY);
    }

    /// Go on with what dead threads have left of queues.
    pub(crate) fn finish_drains(&self, owner: u32) {
        let undrained = &self.arena.header().undrained;
        let seen = undrained.get();
        if seen == 0 || !is_dead(&self.arena, seen) {
            return;
        }
        // Several may find that owner dead. One goes on, under its own name: if it dies at that, the next one finds it dead.
        let mine = {
            let locked = self.lock_as(owner);
            if undrained.get() != seen {
                return;
            }
            undrained.put(locked.identity());
            locked.identity()
        };
        let left = |body: &u32| {
            let queue = self.arena.queue(*body);
            let Some(read) = queue.read_end.get().checked_sub(1).filter(|_| queue.state.get() != 0) else {
                return false;
            };
            let rooted = is_rooted(self.arena.object(read));
            !is_empty(queue) && (queue.broken.get() != 0 || !rooted)
        };
        let mut left: Vec<u32> = (0..self.arena.queues()).filter(left).collect();
        match left.is_empty() {
            // Unless somebody has left something since.
            true => _ = undrained.compare_exchange(mine, 0, Ordering::AcqRel, Ordering::Relaxed),
            false => self.go_on_draining(owner, &mut left),
        }
    }
}

impl Locked<'_> {
    /// Throw away what lies in a queue, unless a thread is at a side of it; that thread looks again on its way out. A writer in the midst
    /// of a put would count a frame when it is gone.
    pub(super) fn throw_away(&mut self, body: u32) {
        self.follow_losses(|locked| {
            let queue = locked.session.arena.queue(body);
            locked.note_body(body);
            if try_side(&queue.take_lock) {
                if try_side(&queue.put_lock) {
                    locked.drain(body);
                    leave_side(&queue.put_lock);
                }
                leave_side(&queue.take_lock);
            }
        });
    }

    /// The same, with the reading side held, for a caller that follows losses. `false`: something is left for later.
    pub(super) fn drain(&mut self, body: u32) -> bool {
        let arena = &self.session.arena;
        let queue = arena.queue(body);
        let tail = queue.tail.get();
        let mut position = queue.head.get() & u64::from(u32::MAX);
        if position == 0 && tail != 0 {
            position = u64::from(queue.first.get()); // before the first tail it may name a page that went with a dead writer
        }
        while position != tail && position != 0 {
            if self.losses.drained >= CHUNK {
                self.session.arena.header().undrained.put(self.identity());
                self.losses.later.push(body);
                fault!(DrainLeft);
                return false;
            }
            self.losses.drained += 1;
            let place = Place::of(position);
            position = match self.session.frame_at(place) {
                Ok(Found::Frame(frame)) => {
                    let next = place.after(frame.footprint).position();
                    self.losses.drained += frame.carried.iter().filter(|place| **place != 0).count() as u32;
                    self.dispose(body, next, frame.chain, Some(&frame));
                    next
                }
                Ok(Found::Next(page)) => {
                    let next = Place { page, offset: 0 }.position();
                    let passed = Chain { first: place.page, last: place.page, count: 1 };
                    self.dispose(body, next, Some(passed), None);
                    next
                }
                Err(_) => return true,
            };
        }
        queue.data_out.put(queue.data_in.get());
        queue.frames_out.put(queue.frames_in.get());
        true
    }

    /// The page in which the row of a drained queue ends. Both sides are held.
    pub(super) fn give_last_page(&mut self, body: u32) {
        let last = Place::of(self.session.arena.queue(body).tail.get()).page;
        if last != 0 {
            // No position any more: neither side leads to the page that goes.
            self.dispose(body, 0, Some(Chain { first: last, last, count: 1 }), None);
        }
    }

    /// D1 to D6 of one frame or one page.
    fn dispose(&mut self, body: u32, to: u64, chain: Option<Chain>, frame: Option<&Frame>) {
        let header = self.session.arena.header();
        let carried = frame.map_or([0; _], |frame| frame.carried);
        let request = frame.filter(|frame| frame.flags & REQUEST != 0).map_or(0, |frame| frame.correlation);
        let queue = self.session.arena.queue(body);
        if frame.is_some() && queue.thrown_from.get() == 0 {
            queue.thrown_data.put(queue.data_out.get());
            queue.thrown_from.put(queue.frames_out.get().wrapping_add(1));
        }
        let badge = frame.map_or(0, |frame| frame.badge);
        if chain.is_none() && carried[0] == 0 && request == 0 && badge == 0 {
            queue.head.put(to);
            fault!(DrainMoved);
            return;
        }
        header.drained_to.put(to);
        chain.unwrap_or_default().write(&header.drained);
        header.drained_request.put(request);
        header.drained_badge.put(badge);
        let length = frame.map_or(0, |frame| frame.length);
        header.drained_badge_after.put(self.session.arena.badge_after(badge, Half::Taken, length));
        for (place, carried) in header.drained_places.iter().zip(carried) {
            place.put(carried);
        }
        header.queue_busy.put(body + 1); // D2
        fault!(DrainNamed);
        self.redo_drain();
        self.finish_drain();
    }

    /// D3, D4, once more if need be.
    pub(crate) fn redo_drain(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        let Some(body) = header.queue_busy.get().checked_sub(1).filter(|body| *body < arena.queues()) else { return };
        let (queue, to) = (arena.queue(body), header.drained_to.get());
        if to == 0 {
            queue.tail.put(0);
            queue.first.put(0);
        }
        queue.head.put(to);
        fault!(DrainMoved);
        let badge = header.drained_badge.get();
        if badge != 0 && !without!(DrainCount) {
            arena.count_for_badge(body, badge, Half::Taken, header.drained_badge_after.get());
        }
        if let Some(chain) = Chain::read(&header.drained) {
            self.give(chain, Some(DRAINED));
        }
    }

    /// D5, D6, once more if need be.
    fn finish_drain(&mut self) {
        let header = self.session.arena.header();
        if header.queue_busy.get() != 0 {
            self.drop_places(&header.drained_places);
            if header.drained_request.get() != 0 {
                self.lose_request(header.drained_request.get());
            }
            header.queue_busy.put(0); // D6
        }
    }

    /// Last part of recovery: what the dead holder of the lock was throwing away, ends without handles, and queues that nobody can
    /// reach.
    pub(crate) fn recover_losses(&mut self, gone: &[u32]) {
        self.follow_losses(Self::finish_drain);
        for end in gone {
            self.end_gone(*end);
        }
        self.look_for_unreachable();
    }
}
