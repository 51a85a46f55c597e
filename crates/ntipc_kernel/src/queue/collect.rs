//! What becomes unreachable: ends without handles, and queues whose read ends lie only in frames of one another.
//!
//! A frame dies with the last handle to its queue's read end. A read end that lies in a frame is a handle, so two queues whose read ends
//! lie in each other's frames would live for ever, though nobody can take anything out. A queue is *rooted* if some handle to its
//! read end is in the table of a process; what a rooted queue's frames carry can be reached, and so on. The frames of
//! the others are thrown away; counting does the rest.
//!
//! Looked for when a read end that lies in frames has lost its last handle elsewhere, when a frame with such a read end was put, and after a death inside the lock. Only a queue that carries read ends itself can be in a circle, and only what
//! is in one becomes unreachable without losing its last handle: for all others nobody looks. The look goes over the handles
//! that lie in frames, not over queues.
//!
//! What follows from losing a handle may lead to losing more: that is a list of work, not recursion.
//! Crash: recovery looks for ends without handles and for unreachable queues by itself.

use super::flight::all_carried;
use super::side::{leave_side, try_side};
use crate::arena::layout::Object;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Kind;
use crate::process::lock::Locked;
use crate::sync::Shared;
use std::collections::BTreeSet;

/// Can somebody take a handle to that end out of his own table?
pub(super) fn is_rooted(end: &Object) -> bool {
    u64::from(end.handles.get()) > end.quantity.get()
}

/// Is it the read end of a queue in whose frames read ends lie?
pub(super) fn carries_readers(end: &Object) -> bool {
    Kind::of(end) == Some(Kind::ReadEnd) && end.detail.get() != 0
}

/// What the holder of the lock has still to do.
#[derive(Default)]
pub(crate) struct Losses {
    /// Ends without handles.
    gone: Vec<u32>,
    /// Some queue may be unreachable.
    suspicion: bool,
    at_it: bool,
    /// Frames thrown away under this hold of the lock, and the queues in which some are left for the next.
    pub(super) drained: u32,
    pub(crate) later: Vec<u32>,
}

impl Locked<'_> {
    /// An end has no handles any more, or nobody waits any more for one that had none. May be repeated.
    pub(crate) fn end_gone(&mut self, end: u32) {
        self.losses.gone.push(end);
        self.follow_losses(|_| ());
    }

    /// An object has lost a handle and has others. What then: a read end may be out of reach, or there is room for one more reader.
    pub(crate) fn suspect(&mut self, object: u32) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        if Kind::of(record) == Some(Kind::ReadEnd)
            && let Some((_, queue, _, write)) = arena.queue_of(record)
            && queue.readers_limit.get() != 0
        {
            self.evaluate_if_waited_for(write);
        }
        if carries_readers(record) && !is_rooted(record) {
            self.look_for_unreachable();
        }
    }

    pub(crate) fn look_for_unreachable(&mut self) {
        self.losses.suspicion = true;
        self.follow_losses(|_| ());
    }

    /// Do `first`, by which frames may be thrown away, and then whatever follows from it.
    pub(crate) fn follow_losses(&mut self, first: impl FnOnce(&mut Self)) {
        if std::mem::replace(&mut self.losses.at_it, true) {
            return first(self);
        }
        first(self);
        loop {
            if let Some(end) = self.losses.gone.pop() {
                self.clean_up(end);
            } else if std::mem::take(&mut self.losses.suspicion) {
                self.collect();
            } else {
                break;
            }
        }
        self.losses.at_it = false;
    }

    /// (carrier, carried): bodies of the queues in whose frames a read end lies, and of the queue that it is of.
    fn carried_readers(&self) -> Vec<(u32, u32)> {
        let arena = &self.session.arena;
        let carried = all_carried(arena).filter_map(|(place, entry)| {
            let record = arena.object(entry.object);
            let body = record.limit.get().checked_sub(1)?;
            let carrier = arena.carrier(place).get().checked_sub(1)?;
            (Kind::of(record) == Some(Kind::ReadEnd)).then_some((carrier, body))
        });
        let mut carried: Vec<(u32, u32)> = carried.collect();
        carried.sort_unstable();
        carried
    }

    /// Throw away the frames of queues that cannot be reached.
    fn collect(&mut self) {
        let arena = &self.session.arena;
        let carried = self.carried_readers();
        if carried.is_empty() || without!(Collect) {
            return;
        }
        let is_root = |body: u32| {
            let read = arena.queue(body).read_end.get().checked_sub(1);
            read.is_some_and(|read| is_rooted(arena.object(read)))
        };
        let mut reached = BTreeSet::new();
        let spread = |reached: &mut BTreeSet<u32>, mut fresh: Vec<u32>| {
            while let Some(body) = fresh.pop() {
                if reached.insert(body) {
                    let first = carried.partition_point(|(carrier, _)| *carrier < body);
                    fresh.extend(
                        carried[first..].iter().take_while(|(carrier, _)| *carrier == body).map(|(_, body)| body),
                    );
                }
            }
        };
        let bodies: BTreeSet<u32> = carried.iter().flat_map(|(carrier, body)| [*carrier, *body]).collect();
        spread(&mut reached, bodies.iter().copied().filter(|body| is_root(*body)).collect());
        // A queue whose reading side is held: somebody who closed the handle under his own hands may still take something out. He
        // looks again on his way out.
        let mut taken = Vec::new();
        for body in bodies.difference(&reached.clone()).copied().filter(|body| *body < arena.queues()) {
            self.note_body(body);
            match try_side(&arena.queue(body).take_lock) {
                true => taken.push(body),
                false => spread(&mut reached, vec![body]),
            }
        }
        for body in &taken {
            fault!(CollectTaken);
            if !reached.contains(body) {
                self.drain(*body);
            }
        }
        for body in taken {
            leave_side(&arena.queue(body).take_lock);
        }
    }
}
