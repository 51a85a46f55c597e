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
use crate::arena::layout::{Object, Queue};
use crate::object::kind::Kind;
use crate::sync::{Ordering, Shared, fence};

/// Frames that a queue takes beyond one a byte of its quota, so that empty ones are bounded too.
const FRAMES_BEYOND: u64 = 1024;

/// Has the queue room for a frame of so many bytes? A frame longer than the quota goes into an empty queue.
pub fn has_room(queue: &Queue, length: u64) -> bool {
    let data = queue.data_in.get().wrapping_sub(queue.data_out.get());
    let frames = queue.frames_in.get().wrapping_sub(queue.frames_out.get());
    let quota = queue.quota.get();
    // What was put is counted after it is published, so a quick reader may be ahead: then there is room.
    let data = if data > i64::MAX as u64 { 0 } else { data };
    let frames = if frames > i64::MAX as u64 { 0 } else { frames };
    (data == 0 || data.saturating_add(length) <= quota) && frames < quota.saturating_add(FRAMES_BEYOND)
}

impl Arena {
    /// The body that an end belongs to, and the objects of its read end and its write end.
    pub fn queue_of(&self, end: &Object) -> Option<(u32, &Queue, u32, u32)> {
        let body = end.limit.get().checked_sub(1)?;
        let queue = self.queue(body);
        let (read, write) = (queue.read_end.get().checked_sub(1)?, queue.write_end.get().checked_sub(1)?);
        (body < self.queues() && queue.state.get() != 0).then_some((body, queue, read, write))
    }

    /// What `signal::is_signalled` looks at: the word of an object, or what an end's would say. With channel 1 a write end is
    /// signalled once there is room for what the thread with slot + 1 `me` could not put, with channel 0 once there is any.
    #[inline]
    pub fn signal_of(&self, object: &Object, kind: Kind, me: u32, channel: u32) -> u64 {
        match kind.is_end() {
            true => u64::from(self.end_is_signalled(object, kind, me, channel)),
            false => object.word.get(),
        }
    }

    fn end_is_signalled(&self, object: &Object, kind: Kind, me: u32, channel: u32) -> bool {
        fence(Ordering::SeqCst); // W2
        let Some((_, queue, read, write)) = self.queue_of(object) else { return true };
        if queue.broken.get() != 0 {
            return true;
        }
        if kind == Kind::ReadEnd {
            return self.object(write).handles.get() == 0 || queue.head.get() != queue.tail.get();
        }
        let need = if me == 0 || channel & 1 == 0 { 1 } else { self.thread(me - 1).queue_need.get() };
        self.object(read).handles.get() == 0 || has_room(queue, need)
    }
}
