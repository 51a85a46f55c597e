//! Readable and writable: derived from positions, counters and handle counts whenever somebody looks, stored nowhere.
//!
//! Invariant: nobody sleeps in a wait for an end that is signalled.
//!
//!   publisher  P1 store the position or count   P2 fence   P3 look at HAS_WAITERS: evaluate under the dispatcher lock
//!   waiter     W1 set HAS_WAITERS (or find it set)   W2 fence   W3 look at the state   W4 sleep
//!
//! P2 and W2 forbid that P3 misses W1 and W3 misses P1. W2 is needed although W1 is a read-modify-write: who finds the flag set does
//! without one. The writers' handles are counted before the tail is read: a last frame, put before the last handle was closed, is seen.

use crate::arena::Arena;
use crate::arena::layout::{Object, Queue, Thread};
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared, fence};

/// Frames that a queue takes beyond one a byte of its quota, so that empty ones are bounded too.
const FRAMES_BEYOND: u64 = 1024;

/// Is there nothing to read? The head first: a reader that takes the last page out of a queue lets the tail go first.
pub fn is_empty(queue: &Queue) -> bool {
    let head = queue.head.get();
    let tail = queue.tail.get();
    tail == 0 || head == tail
}

/// Has the queue room for a frame of so many bytes? A frame longer than the quota goes into an empty queue.
pub fn has_room(queue: &Queue, length: u64) -> bool {
    // What was put is counted after it is published, so a quick reader may be ahead: then there is room.
    let data = behind(queue.data_in.get(), queue.data_out.get());
    let frames = behind(queue.frames_in.get(), queue.frames_out.get());
    let quota = queue.quota.get();
    (data == 0 || data.saturating_add(length) <= quota) && frames < quota.saturating_add(FRAMES_BEYOND)
}

/// How many of the `length` bytes of a stream fit. All of them where nothing ever fits (a quota of 0) and nothing is in the queue.
pub(super) fn room_for_some(queue: &Queue, length: u64) -> u64 {
    let data = behind(queue.data_in.get(), queue.data_out.get());
    match queue.quota.get() {
        0 if data == 0 => length,
        quota => length.min(quota.saturating_sub(data)),
    }
}

/// What a thread's wait for an end by channel 1 needs. By channel 0 it is a frame, or room for any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    /// A frame; room for a frame of so many bytes.
    Room(u64),
    /// That what was put before this mark, which a put has answered, is within the quota.
    Taken(u64),
    /// That so many frames have been read, since there is the queue.
    Read(u64),
}

impl Wants {
    /// As a thread's record has it.
    pub fn words(self) -> (u32, u64) {
        match self {
            Wants::Room(length) => (0, length),
            Wants::Taken(mark) => (1, mark),
            Wants::Read(frames) => (2, frames),
        }
    }

    fn of(thread: &Thread) -> Wants {
        let need = thread.queue_need.get();
        match thread.queue_wants.get() {
            1 => Wants::Taken(need),
            2 => Wants::Read(need),
            _ => Wants::Room(need),
        }
    }
}

/// How far `counter` is behind `mark`; 0 if it is not. Counters run over, and nothing is ever half their range behind.
fn behind(mark: u64, counter: u64) -> u64 {
    let behind = mark.wrapping_sub(counter);
    if behind > i64::MAX as u64 { 0 } else { behind }
}

/// Bytes and frames that wait to be read. What was read is counted before what was put, and may be ahead of it.
pub(super) fn unread(queue: &Queue) -> (u64, u64) {
    let (data_out, frames_out) = (queue.data_out.get(), queue.frames_out.get());
    (behind(queue.data_in.get(), data_out), behind(queue.frames_in.get(), frames_out))
}

/// Is so little unread of what was put before the mark that a writer need not wait for a reader?
pub fn is_taken(queue: &Queue, mark: u64) -> bool {
    behind(mark, queue.data_out.get()) <= queue.quota.get()
}

pub fn is_read(queue: &Queue, frames: u64) -> bool {
    behind(frames, queue.frames_out.get()) == 0
}

/// The same, but not if some of it was thrown away. What is thrown away is told first, and counted as read when all of it is gone.
pub(super) fn is_read_by_somebody(queue: &Queue, frames: u64) -> bool {
    let gone = is_read(queue, frames);
    fence(Ordering::SeqCst);
    let thrown = queue.thrown_from.get();
    gone && (thrown == 0 || behind(frames, thrown.wrapping_sub(1)) == 0)
}

/// Is so little unread, or thrown away, of what was put before the mark that a writer need not wait for a reader?
pub(super) fn is_taken_by_somebody(queue: &Queue, mark: u64) -> bool {
    let gone = is_taken(queue, mark);
    fence(Ordering::SeqCst);
    gone && (queue.thrown_from.get() == 0 || behind(mark, queue.thrown_data.get()) <= queue.quota.get())
}

impl Arena {
    /// Does the thread in `slot`, if it waits for a write end by channel 1, wait for room?
    pub(crate) fn wants_room(&self, slot: u32) -> bool {
        matches!(Wants::of(self.thread(slot)), Wants::Room(_))
    }

    /// Can nothing change any more for the waiters of that end: one of the two is gone, or both are broken?
    pub fn end_is_over(&self, object: &Object) -> bool {
        self.queue_of(object).is_none_or(|(_, queue, read, write)| {
            queue.broken.get() != 0 || [read, write].iter().any(|end| self.object(*end).handles.get() == 0)
        })
    }

    /// May its name lead to one more handle to its read end?
    pub(super) fn may_have_one_more_reader(&self, queue: &Queue, read: u32) -> bool {
        let limit = queue.readers_limit.get();
        limit == 0 || self.object(read).handles.get() < limit
    }

    /// Is there on the writers' side what the thread in `slot` waits for?
    pub(super) fn has_what_is_wanted(&self, queue: &Queue, slot: u32) -> bool {
        match Wants::of(self.thread(slot)) {
            Wants::Room(length) => match self.thread(slot).queue_badge.get() {
                0 => self.has_turn(queue, slot + 1) && has_room(queue, length),
                badge => self.badge_has_room(queue, badge, length),
            },
            Wants::Taken(mark) => is_taken(queue, mark),
            Wants::Read(frames) => is_read(queue, frames),
        }
    }

    /// The body that an end belongs to, and the objects of its read end and its write end.
    pub fn queue_of(&self, end: &Object) -> Option<(u32, &Queue, u32, u32)> {
        let body = end.limit.get().checked_sub(1)?;
        let queue = self.queue(body);
        let (read, write) = (queue.read_end.get().checked_sub(1)?, queue.write_end.get().checked_sub(1)?);
        (body < self.queues() && queue.state.get() != 0).then_some((body, queue, read, write))
    }

    /// What `signal::is_signalled` looks at: the word of an object, or what an end's would say. With channel 1 a write end is
    /// signalled once there is what the thread with slot + 1 `me` wants of it, with channel 0 once there is room for a byte, or for one
    /// more reader if they are limited.
    #[inline]
    pub fn signal_of(&self, object: &Object, kind: Kind, me: u32, channel: u32) -> u64 {
        match kind.is_end() {
            true => u64::from(self.end_is_signalled(object, kind, me, channel)),
            false => object.word.get(),
        }
    }

    /// Is that body, + 1, the queue for replies of the thread with slot + 1 `me`, whose call nobody will answer?
    fn is_lost(&self, me: u32, body: u32) -> bool {
        let Some(slot) = me.checked_sub(1) else { return false };
        let thread = self.thread(slot);
        let lost = thread.lost.get();
        lost != 0 && thread.reply_queue.get() == body && u64::from(lost) == thread.call.get() >> 32
    }

    fn end_is_signalled(&self, object: &Object, kind: Kind, me: u32, channel: u32) -> bool {
        fence(Ordering::SeqCst); // W2
        let Some((_, queue, read, write)) = self.queue_of(object) else { return true };
        if queue.broken.get() != 0 || object.handles.get() == 0 {
            return true; // who still waits for an end that was closed meanwhile can do nothing with it
        }
        if kind == Kind::ReadEnd {
            return self.object(write).handles.get() == 0
                || !is_empty(queue)
                || self.is_lost(me, object.limit.get())
                || self.notice_is_due(queue);
        }
        self.object(read).handles.get() == 0
            || match me {
                _ if me == 0 || channel & 1 == 0 => match queue.readers_limit.get() {
                    0 => self.has_turn(queue, me) && has_room(queue, 1),
                    _ => self.may_have_one_more_reader(queue, read),
                },
                _ => self.has_what_is_wanted(queue, me - 1),
            }
    }
}
