//! Short frames, put and taken in one go: what most messages need, and nothing in between.
//!
//! These are the steps P1, P3, P4 and P6 to P10 of `put`, and C1, C3 to C5 and C7 of `take`, with the same hand, in the
//! same order. They leave out what has nothing to do for a frame that fits into the page at hand, has only data, and
//! goes into a queue where nobody has a turn. Whatever else there is (no room, a full page, a badge, handles, a
//! request, an end that has gone, damage) is for the whole operation, which begins from the start; so nothing here
//! waits for anything but a side, and nothing makes a failure.
//!
//! Several frames are taken as one: head and counters go behind the last of them by one commit.
//!
//! Invariant: as of `put` and `take`. A turn is not given up here: it is looked for before, and again with the side
//! held, and while it is somebody's this way is closed, also to the thread that has it for a wait around this call.
//! Crash: see `hand`. The chains and places in the hand are empty all the time, as `hand::take_hand` finds them. A
//! thread that dies after C4 takes all the frames of that step with it.
//! Proof: `tests/models/short_frames.rs`, `tests/queue_deaths/short.rs`.

use super::collect::is_rooted;
use super::frame::{HEADER, IN_LINE, Place, footprint};
use super::hand::{Held, IDLE, OWN, PUT, Side, TAKE};
use super::state::{has_room, is_empty};
use crate::arena::layout::{PAGE_SIZE, Queue, word};
use crate::dispatch::partner::signature;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::object::kind::{Kind, access};
use crate::session::Session;
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

/// An open end of a queue whose other end is open, too.
struct End<'a> {
    identity: (u32, u32),
    body: u32,
    queue: &'a Queue,
}

impl End<'_> {
    fn is_same(&self, other: &End<'_>) -> bool {
        self.identity == other.identity && self.body == other.body
    }
}

impl Session {
    /// What a handle leads to, if it is such an end, without a badge. `None`: look closer.
    #[inline(always)]
    fn plain_end(&self, handle: u32, end: Kind) -> Option<End<'_>> {
        let entry: Entry = self.open_entry(handle).filter(|entry| entry.access & access::MODIFY != 0)?;
        let record = self.arena.object(entry.object);
        if Kind::of(record) != Some(end) {
            return None;
        }
        let (body, queue, read, write) = self.arena.queue_of(record)?;
        let (mine, other) = if end == Kind::ReadEnd { (read, write) } else { (write, read) };
        let is_open = mine == entry.object
            && word::generation(record.word.get()) == entry.generation
            && record.handles.get() != 0
            && queue.broken.get() == 0
            && self.arena.object(other).handles.get() != 0;
        is_open.then_some(End { identity: entry.identity(), body, queue })
    }

    /// The slot of the calling thread, if it has one and the session is sound.
    #[inline(always)]
    fn slot_if_sound(&self) -> Option<u32> {
        let slot = self.known_thread_slot()?;
        (self.is_attached() && self.arena.header().damaged.get() == 0).then_some(slot)
    }

    /// Put a frame of a few bytes, if nothing is in the way. `false`: nothing has happened, and another call must
    /// decide.
    pub fn put_short(self: &Arc<Self>, handle: u32, bytes: &[u8]) -> bool {
        self.try_put(handle, bytes).is_some()
    }

    #[inline(always)]
    fn try_put(self: &Arc<Self>, handle: u32, bytes: &[u8]) -> Option<()> {
        let slot = self.slot_if_sound().filter(|_| bytes.len() <= IN_LINE)?;
        let end = self.plain_end(handle, Kind::WriteEnd)?;
        let queue = end.queue;
        if !queue.turn.read().is_free() || !has_room(queue, bytes.len() as u64) {
            return None;
        }
        let incarnation = self.own.incarnation.load(Ordering::Acquire);
        let held = self.take_hand(slot, end.body, Side::Put).ok()?; // P1
        self.lock_side(&queue.put_lock, held); // P3
        fault!(PutLocked);
        let put = self.put_with_side(handle, &end, held, bytes);
        held.words(self).commit.put(IDLE);
        fault!(PutForgotten);
        self.unlock_side(&queue.put_lock, slot); // P9
        fault!(PutUnlocked);
        if !self.is_mine(incarnation, slot) {
            return put;
        }
        let (read, lost) = (queue.read_end.get().wrapping_sub(1), queue.broken.get() != 0 && !is_empty(queue));
        if self.is_awaited(read) || lost || self.arena.object(read).handles.get() == 0 {
            self.lock_as(slot + 1).tell_both_ends(end.body); // P10
        }
        fault!(PutTold);
        self.empty_hand(held);
        put
    }

    #[inline(always)]
    fn put_with_side(&self, handle: u32, end: &End<'_>, held: Held, bytes: &[u8]) -> Option<()> {
        let again = self.plain_end(handle, Kind::WriteEnd).filter(|again| again.is_same(end))?;
        let queue = again.queue;
        if !queue.turn.read().is_free() || !has_room(queue, bytes.len() as u64) {
            return None;
        }
        let (tail, size) = (queue.tail.get(), footprint(bytes.len(), 0));
        let place = Place::of(tail);
        if place.page == 0 || place.offset + size + 8 > PAGE_SIZE {
            return None;
        }
        let hand = held.words(self);
        hand.before.put(tail);
        hand.data.put(queue.data_in.get().wrapping_add(bytes.len() as u64));
        hand.frames.put(queue.frames_in.get().wrapping_add(1));
        hand.commit.put(PUT); // P4
        fault!(PutRecorded);
        let generation = self.own.generation.load(Ordering::Relaxed);
        if !self.arena.write_plain(place, bytes, self.slot(), generation) {
            return None; // P6; nothing is there before P7
        }
        queue.put_by.store(signature(held.slot + 1), Ordering::Relaxed);
        fault!(PutWritten);
        queue.tail.store(place.after(size).position(), Ordering::Release); // P7
        fault!(PutPublished);
        queue.data_in.put(hand.data.get()); // P8
        queue.frames_in.put(hand.frames.get());
        fault!(PutCounted);
        Some(())
    }

    /// Take the next frames, as long as they have only data, fit into `buffer` and lie in one page: one behind the
    /// other, with the length of each in `lengths`, of which no more are taken than that has room for. How many, 0 if
    /// nothing is there now. `None`: nothing has happened, and another call must decide.
    pub fn take_short(self: &Arc<Self>, handle: u32, buffer: &mut [u8], lengths: &mut [u32]) -> Option<usize> {
        let slot = self.slot_if_sound()?;
        let end = self.plain_end(handle, Kind::ReadEnd)?;
        let queue = end.queue;
        if queue.notices.load(Ordering::Acquire) != 0 {
            return None;
        }
        if is_empty(queue) {
            return Some(0);
        }
        let incarnation = self.own.incarnation.load(Ordering::Acquire);
        let held = self.take_hand(slot, end.body, Side::Take).ok()?; // C1
        self.lock_side(&queue.take_lock, held);
        fault!(TakeLocked);
        let taken = self.take_with_side(handle, &end, held, buffer, lengths);
        self.unlock_side(&queue.take_lock, slot); // C5
        fault!(TakeUnlocked);
        held.words(self).commit.put(IDLE);
        if !self.is_mine(incarnation, slot) {
            return taken;
        }
        let (read, write) = (queue.read_end.get().wrapping_sub(1), queue.write_end.get().wrapping_sub(1));
        let more = !is_empty(queue) || queue.notices.load(Ordering::Relaxed) != 0;
        let told = self.is_awaited(write) || more && (self.is_awaited(read) || queue.broken.get() != 0);
        if told || !is_rooted(self.arena.object(read)) {
            self.lock_as(slot + 1).tell_both_ends(end.body); // C7
        }
        fault!(TakeTold);
        self.empty_hand(held);
        taken
    }

    #[inline(always)]
    fn take_with_side(
        &self,
        handle: u32,
        end: &End<'_>,
        held: Held,
        buffer: &mut [u8],
        lengths: &mut [u32],
    ) -> Option<usize> {
        let again = self.plain_end(handle, Kind::ReadEnd).filter(|again| again.is_same(end))?;
        let queue = again.queue;
        let (head, tail) = (queue.head.get(), queue.tail.load(Ordering::Acquire));
        if tail == 0 || head >> 32 != 0 {
            return None; // nothing is there, or of the next frame a part was taken
        }
        let mut place = Place::of(if head == 0 { u64::from(queue.first.get()) } else { head });
        let (mut count, mut bytes) = (0, 0);
        while count < lengths.len() && place.position() != tail {
            let Some(length) = self.arena.plain_at(place) else { break };
            let Some(room) = buffer[bytes..].get_mut(..length) else { break };
            if !self.arena.copy_out(place.page, place.offset + HEADER, room) {
                break;
            }
            lengths[count] = length as u32;
            place = place.after(footprint(length, 0));
            (count, bytes) = (count + 1, bytes + length);
        }
        if count == 0 {
            return None;
        }
        fault!(TakeCopied); // C3
        let hand = held.words(self);
        hand.after.put(place.position());
        hand.data.put(queue.data_out.get().wrapping_add(bytes as u64));
        hand.frames.put(queue.frames_out.get().wrapping_add(count as u64));
        hand.commit.put(TAKE); // C4
        fault!(TakeCommitted);
        queue.taken_by.store(signature(held.slot + 1), Ordering::Relaxed);
        queue.head.store(hand.after.get(), Ordering::Release);
        queue.data_out.put(hand.data.get());
        queue.frames_out.put(hand.frames.get());
        fault!(TakeMoved);
        hand.commit.put(if without!(OwnChain) { IDLE } else { OWN });
        fault!(TakeOwned);
        Some(count)
    }
}
