//! Waiting for a reader: until what was put is within the quota, or until all of it is read.
//!
//! Both follow from the counters of what was taken, so nothing is stored for it. A taker tells those that wait for the
//! write end, as it does for room.

use super::hand::Side;
use super::operation::{Patience, Waited};
use super::state::{Wants, is_read_by_somebody, is_taken_by_somebody};
use super::waiting::Waiting;
use crate::arena::layout::Queue;
use crate::object::kind::Type;
use crate::session::Session;
use crate::status::{Failure, NtStatus};
use crate::sync::Shared;
use std::sync::Arc;

impl Session {
    /// Wait until no more than the quota is unread of what was put up to `mark`, which a put has answered. A frame within the
    /// quota is so at once; of a longer one, and of any if the quota is 0, enough must be read. `false`: it was not in time. It stays
    /// so when the last reader goes.
    pub fn wait_taken<W: Waiting>(self: &Arc<Self>, handle: u32, mark: u64, waiting: &mut W) -> Result<bool, W::Error> {
        self.wait_for_readers(handle, |_| Wants::Taken(mark), waiting)
    }

    /// Wait until all that has been put by now is read. `false`: it was not in time. It stays read when the last reader goes.
    pub fn flush_queue<W: Waiting>(self: &Arc<Self>, handle: u32, waiting: &mut W) -> Result<bool, W::Error> {
        self.wait_for_readers(handle, |queue| Wants::Read(queue.frames_in.get()), waiting)
    }

    fn wait_for_readers<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        wants: impl Fn(&Queue) -> Wants,
        waiting: &mut W,
    ) -> Result<bool, W::Error> {
        let (entry, first, queue, _) = self.end_of(handle, Type::WriteEnd)?;
        let wants = wants(queue);
        let mut patience = Patience::default();
        loop {
            patience.spend(self)?;
            let slot = self.thread_slot()?;
            self.check_attached()?;
            self.whole()?;
            let (now, body, queue, reader) = self.end_of(handle, Type::WriteEnd)?;
            if body != first || now.identity() != entry.identity() {
                return Err(Failure::from(NtStatus::INVALID_HANDLE).into()); // closed, and reused
            }
            let done = match wants {
                Wants::Taken(mark) => is_taken_by_somebody(queue, mark),
                Wants::Read(frames) => queue.broken.get() == 0 && is_read_by_somebody(queue, frames),
                Wants::Room(_) => true,
            };
            if done {
                return Ok(true);
            }
            self.check_puttable(queue, reader)?;
            if waiting.polls() {
                return Ok(false);
            }
            let mut operation = self.begin(slot, body, Side::Put)?;
            if operation.wait(handle, entry.object, wants, waiting)? == Waited::TooLate {
                return Ok(false);
            }
        }
    }
}
