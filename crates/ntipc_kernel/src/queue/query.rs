//! What a queue tells about itself, and who sent a frame.

use super::state::unread;
use crate::arena::Arena;
use crate::arena::layout::{Object, PROCESSES};
use crate::object::handles::check_rights;
use crate::object::kind::{Type, access};
use crate::session::Session;
use crate::status::{NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::robust::OWNER_DIED;

#[derive(Clone, Copy, Debug)]
pub struct QueueFacts {
    /// Bytes of data that it holds before writers wait.
    pub quota: u64,
    /// Bytes and frames that wait to be read.
    pub data: u64,
    pub frames: u64,
    /// Handles to each end.
    pub readers: u32,
    pub writers: u32,
    /// Non-zero: both ends fail with this status.
    pub broken: u32,
    /// How many badged ends it has, if it may have some: those whose notice nobody has taken are among them.
    pub badges: Option<u32>,
    /// What its maker gave it.
    pub user: [u64; 2],
    /// The object of the other end.
    pub other: u32,
    /// The objects' reading end, which has the name.
    pub reader: u32,
}

impl Arena {
    /// What is known of the queue that an end belongs to. Counted without a lock: the numbers may be of different moments.
    pub fn queue_facts(&self, end: &Object) -> Option<QueueFacts> {
        let (_, queue, read, write) = self.queue_of(end)?;
        let objects = self.objects();
        if read >= objects || write >= objects {
            return None;
        }
        let (data, frames) = unread(queue);
        Some(QueueFacts {
            quota: queue.quota.get(),
            data,
            frames,
            readers: self.object(read).handles.get(),
            writers: self.object(write).handles.get(),
            broken: queue.broken.get(),
            badges: (queue.badge_quota.get() != 0).then(|| queue.badges.get()),
            user: [queue.user[0].get(), queue.user[1].get()],
            other: if std::ptr::eq(self.object(read), end) { write } else { read },
            reader: read,
        })
    }
}

impl Session {
    /// What is known of the queue that a handle to one of its ends leads to.
    pub fn query_queue(&self, handle: u32, end: Type) -> NtResult<QueueFacts> {
        check_rights(self.entry(handle)?, access::QUERY)?;
        self.end_facts(handle, end)
    }

    /// The same, for our own use: needs no right.
    pub fn end_facts(&self, handle: u32, end: Type) -> NtResult<QueueFacts> {
        let (entry, _) = self.entry_of(handle, end, 0)?;
        let facts = self.arena.queue_facts(self.arena.object(entry.object));
        facts.ok_or_else(|| NtStatus::INVALID_HANDLE.into())
    }

    /// Does that process still take part? At `exec` Linux marks the life word before the new program has its user.
    fn is_attached_as(&self, slot: u32, generation: u32) -> bool {
        slot < PROCESSES.min(self.arena.processes())
            && self.arena.process(slot).attached.get() != 0
            && self.arena.process(slot).generation.get() == generation
            && self.arena.process(slot).life.word.load(Ordering::SeqCst) & OWNER_DIED == 0
    }

    /// Process id of who sent a frame. `None`: it takes no part any more, or its id means nothing in our pid namespace.
    pub fn sender_pid(&self, slot: u32, generation: u32) -> Option<u32> {
        let pid = (slot < PROCESSES).then(|| self.pid_of(slot)).flatten();
        pid.filter(|_| self.is_attached_as(slot, generation))
    }

    /// The same, 0 if it means nothing here; and when the process started, in clock ticks that no time namespace shifts, or 0 if that is
    /// unknown. `None`: it takes no part any more. Reads memory alone.
    pub fn process_identity(&self, slot: u32, generation: u32) -> Option<(u32, u64)> {
        if slot >= PROCESSES {
            return None;
        }
        let pid = self.pid_of(slot).unwrap_or(0);
        let start = self.arena.process(slot).start_time.get();
        self.is_attached_as(slot, generation).then_some((pid, start))
    }
}
