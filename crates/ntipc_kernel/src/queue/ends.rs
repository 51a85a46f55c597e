//! Making a queue, opening its ends, and what happens when the last handle of an end goes.
//!
//! An end is an object: its handles are counted as everybody's are, so "nobody can write any more" is a count of 0.
//! The queue's name stands with its read end, and is free again as soon as either end has no handle left.
//!
//! Crash: a body is in use once its `state` says so, and its ends exist once their kinds say so. Recovery frees an end whose body
//! does not know it, and a body whose ends are gone. Frames that nobody can read are thrown away: see `drain`.

use super::side::{leave_side, try_side};
use super::state::is_empty;
use crate::arena::layout::Queue;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::check_rights;
use crate::object::kind::{Kind, Type, access};
use crate::object::table::{Disposition, Initial};
use crate::process::changes::Scope;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared, fence};
use std::sync::Arc;

/// What a queue is made as.
#[derive(Clone, Copy, Default)]
pub struct NewQueue {
    /// Bytes of data that it holds before writers wait.
    pub quota: u64,
    /// How many handles to its read end can be had by its name; 0 = any number. Where there is a limit, the write end tells of that:
    /// it is signalled while there may be one more.
    pub readers_limit: u32,
    /// What the frames of one badge may cost before its writers wait; 0: the queue has no badges.
    pub badge_quota: u64,
    /// For the process that makes it, and kept with it.
    pub user: [u64; 2],
}

/// Handles to the two ends of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub reader: u32,
    pub writer: u32,
    pub created: bool,
}

fn initial(kind: Kind, body: u32) -> Initial {
    Initial { kind, value: 0, limit: body + 1, quantity: 0, detail: 0 }
}

fn too_many_readers() -> Failure {
    Failure::new(NtStatus::INSTANCE_NOT_AVAILABLE, "its read end has as many handles as it may have")
}

impl Session {
    /// Make a queue that holds up to `quota` bytes of data. Handles to its read end and its write end.
    pub fn create_queue(self: &Arc<Self>, name: Option<&str>, quota: u64) -> NtResult<(u32, u32)> {
        let made = self.make_queue(name, Disposition::Create, 0, NewQueue { quota, ..NewQueue::default() })?;
        Ok((made.reader, made.writer))
    }

    /// Make a queue, or open both ends of the one that has the name.
    pub fn make_queue(
        self: &Arc<Self>,
        name: Option<&str>,
        disposition: Disposition,
        rights: u32,
        new: NewQueue,
    ) -> NtResult<Ends> {
        let mut locked = self.lock()?;
        if let Some(opened) = locked.open_both_ends(name, disposition, rights)? {
            return Ok(opened);
        }
        let body = locked.take_body()?;
        let queue = self.arena.queue(body);
        let read = locked.take_object_slot()?;
        locked.fill_object(read, initial(Kind::ReadEnd, body));
        let write = match locked.take_object_slot() {
            Ok(write) => write,
            Err(failure) => {
                locked.free_object(read);
                locked.return_body(body);
                return Err(failure);
            }
        };
        locked.fill_object(write, initial(Kind::WriteEnd, body));
        // The lock words stay as they are, and the turn: somebody late may be in them, and finds out.
        queue.read_end.put(read + 1);
        queue.write_end.put(write + 1);
        queue.quota.put(new.quota);
        queue.readers_limit.put(new.readers_limit);
        queue.badge_quota.put(new.badge_quota);
        for word in [&queue.notices, &queue.last_notice, &queue.badges] {
            word.put(0);
        }
        for counter in [&queue.data_in, &queue.frames_in, &queue.data_out, &queue.frames_out, &queue.tail, &queue.head]
        {
            counter.put(0);
        }
        for (word, value) in queue.user.iter().zip(new.user) {
            word.put(value);
        }
        queue.cursor_frame.put(0);
        queue.thrown_from.put(0);
        queue.broken.put(0);
        queue.first.put(0);
        queue.state.put(1);
        fault!(QueueFilled);
        let rights = |kind: Type| kind.all_access();
        let entries = [locked.entry_to(read, rights(Type::ReadEnd)), locked.entry_to(write, rights(Type::WriteEnd))];
        let reader = locked.insert_handle(self.slot(), entries[0]);
        let writer = if reader.is_ok() { locked.insert_handle(self.slot(), entries[1]) } else { Ok(0) };
        let named = match (&reader, &writer, name) {
            (Ok(_), Ok(_), Some(name)) => locked.publish_name(read, name),
            _ => Ok(()),
        };
        drop(locked);
        match (reader, writer, named) {
            (Ok(reader), Ok(writer), Ok(())) => Ok(Ends { reader, writer, created: true }),
            (reader, writer, named) => {
                let _ = writer.as_ref().map(|handle| self.close(*handle));
                match &reader {
                    Ok(handle) => _ = self.close(*handle),
                    Err(_) => self.lock()?.end_gone(read),
                }
                Err(reader
                    .err()
                    .or(writer.err())
                    .or(named.err())
                    .unwrap_or_else(|| NtStatus::INSUFFICIENT_RESOURCES.into()))
            }
        }
    }

    /// Open one end of the queue of that name, unless it is the read end and has as many handles as it may.
    pub fn open_queue(self: &Arc<Self>, name: &str, end: Type, rights: u32) -> NtResult<u32> {
        let mut locked = self.lock()?;
        let object = locked.look_up(name)?.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        let record = self.arena.object(object);
        if Kind::of(record) != Some(Kind::ReadEnd) {
            return Err(Failure::new(NtStatus::OBJECT_TYPE_MISMATCH, "the name belongs to no queue"));
        }
        let (_, queue, read, write) =
            self.arena.queue_of(record).ok_or_else(|| self.damaged("an end belongs to no queue"))?;
        let wanted = if end == Type::WriteEnd { write } else { read };
        if end == Type::ReadEnd && !self.arena.may_have_one_more_reader(queue, read) {
            return Err(too_many_readers());
        }
        let rights = if rights == 0 { end.all_access() } else { rights & end.all_access() };
        let entry = locked.entry_to(wanted, rights);
        locked.insert_handle(self.slot(), entry)
    }
}

impl Session {
    /// From now on both ends fail with `status`, and what was not read is thrown away. Through a handle to either end.
    pub fn break_queue(self: &Arc<Self>, handle: u32, status: NtStatus) -> NtResult<()> {
        let mut locked = self.lock()?;
        let entry = self.entry(handle)?;
        check_rights(entry, access::MODIFY)?;
        let record = self.arena.object(entry.object);
        let known = Kind::of(record).filter(|kind| kind.is_end()).and_then(|_| self.arena.queue_of(record));
        let Some((body, queue, _, _)) = known else {
            return Err(Failure::new(NtStatus::OBJECT_TYPE_MISMATCH, "the handle leads to no end of a queue"));
        };
        queue.broken.put(status.0);
        fault!(QueueBroken);
        fence(Ordering::SeqCst);
        locked.tell_both_ends(body);
        self.whole()
    }
}

impl Locked<'_> {
    /// The same as [`Locked::open_existing`], of both ends of a queue.
    fn open_both_ends(&mut self, name: Option<&str>, disposition: Disposition, rights: u32) -> NtResult<Option<Ends>> {
        let Some(reader) = self.open_existing(name, disposition, rights, Type::ReadEnd)? else { return Ok(None) };
        let (session, slot) = (self.session, self.session.slot());
        let read = session.entry(reader.handle)?.object;
        let (_, queue, _, write) = (session.arena.queue_of(session.arena.object(read)))
            .ok_or_else(|| session.damaged("an end belongs to no queue"))?;
        let all = Type::WriteEnd.all_access();
        let entry = self.entry_to(write, if rights == 0 { all } else { rights & all });
        let limit = queue.readers_limit.get();
        let writer = match limit != 0 && session.arena.object(read).handles.get() > limit {
            true => Err(too_many_readers()),
            false => self.insert_handle(slot, entry),
        };
        match writer {
            Ok(writer) => Ok(Some(Ends { reader: reader.handle, writer, created: false })),
            Err(failure) => {
                self.clear_handle(slot, crate::object::handles::place(reader.handle).unwrap_or_default());
                Err(failure)
            }
        }
    }

    /// A free body; it stays free until its `state` says otherwise.
    fn take_body(&mut self) -> NtResult<u32> {
        let arena = &self.session.arena;
        let header = arena.header();
        if let Some(body) = header.queue_free.get().checked_sub(1) {
            if body >= arena.queues() || arena.queue(body).state.get() != 0 {
                return Err(self.session.damaged("the free list leads to an object in use"));
            }
            self.note_body(body);
            header.queue_free.put(arena.queue(body).link.get());
            return Ok(body);
        }
        let body = header.queue_high.get();
        arena.grow_queues(body.saturating_add(1))?;
        self.note_body(body);
        header.queue_high.put(body + 1);
        Ok(body)
    }

    fn return_body(&mut self, body: u32) {
        self.note_body(body);
        let header = self.session.arena.header();
        self.session.arena.queue(body).link.put(header.queue_free.get());
        header.queue_free.put(body + 1);
    }

    /// Let those who wait for either end look again.
    pub(super) fn tell_both_ends(&mut self, body: u32) {
        let arena = &self.session.arena;
        if body >= arena.queues() || arena.queue(body).state.get() == 0 {
            return;
        }
        let queue = arena.queue(body);
        for end in [queue.read_end.get(), queue.write_end.get()] {
            if let Some(object) = end.checked_sub(1) {
                self.evaluate_if_waited_for(object);
            }
        }
        if queue.broken.get() != 0 && !is_empty(queue) {
            self.throw_away(body); // put or half taken when it broke
        }
        if let Some(read) = queue.read_end.get().checked_sub(1) {
            match arena.object(read).handles.get() {
                0 => self.end_gone(read),
                _ => self.suspect(read),
            }
        }
    }

    /// An end has no handles any more, or the last waiter of such an end has gone: tell the other side, and clean up.
    /// What cannot be done because a side is busy is done by the holder of the side when it releases it.
    pub(super) fn clean_up(&mut self, end: u32) {
        let arena = &self.session.arena;
        let record = arena.object(end);
        let Some((body, queue, read, write)) = arena.queue_of(record) else { return };
        if read != end && write != end {
            self.session.damaged("an end belongs to no queue");
            return;
        }
        self.forget_name(read);
        fault!(EndUnnamed);
        if !without!(EndTold) {
            self.evaluate_if_waited_for(read);
            self.evaluate_if_waited_for(write);
        }
        let gone = |object: u32| arena.object(object).handles.get() == 0;
        self.note_body(body);
        if gone(read) {
            self.drop_notices(body, queue);
        }
        if queue.state.get() == 0 || !gone(read) || !try_side(&queue.take_lock) {
            return;
        }
        let drained = self.drain(body);
        let unused = |object: u32| gone(object) && arena.object(object).head.get() == 0 && queue.badges.get() == 0;
        if drained && unused(read) && unused(write) && try_side(&queue.put_lock) {
            // With what was put until now.
            if self.drain(body) {
                self.free_queue(body, queue, read, write);
            }
            leave_side(&queue.put_lock);
        }
        leave_side(&queue.take_lock);
    }

    fn free_queue(&mut self, body: u32, queue: &Queue, read: u32, write: u32) {
        self.give_last_page(body);
        self.note_object(read);
        self.note_object(write);
        queue.state.put(0);
        fault!(QueueFreed);
        self.free_object(read);
        self.free_object(write);
        self.return_body(body);
    }

    /// Part of recovery, when handles are counted: ends without a body go, and bodies without ends. Returns ends without handles.
    pub(crate) fn recover_bodies(&mut self, scope: &Scope) -> Vec<u32> {
        let arena = &self.session.arena;
        let header = arena.header();
        let mut gone = Vec::new();
        if scope.everything {
            header.queue_free.put(0);
            for body in (0..arena.queues()).rev() {
                if !self.recover_body(body, &mut gone) {
                    arena.queue(body).link.put(header.queue_free.get());
                    header.queue_free.put(body + 1);
                }
            }
            return gone;
        }
        let is_end = |object: &u32| Kind::of(arena.object(*object)).is_some_and(Kind::is_end);
        let without_handles = |object: &u32| arena.object(*object).handles.get() == 0;
        gone.extend(scope.objects.iter().copied().filter(|object| is_end(object) && without_handles(object)));
        let free: Vec<u32> = scope.bodies.iter().copied().filter(|body| !self.recover_body(*body, &mut gone)).collect();
        let is_free = |body| free.binary_search(&body).is_ok() && body < header.queue_high.get();
        Self::relist(&scope.bodies, is_free, &header.queue_free, |body| &arena.queue(body).link);
        gone
    }

    /// One of them. `false`: it is free.
    fn recover_body(&self, body: u32, gone: &mut Vec<u32>) -> bool {
        let arena = &self.session.arena;
        let queue = arena.queue(body);
        let leads_back = |end: u32, kind: Kind| {
            end.checked_sub(1).is_some_and(|object| {
                let record = arena.object(object);
                Kind::of(record) == Some(kind) && record.limit.get() == body + 1
            })
        };
        for side in [&queue.put_lock, &queue.take_lock] {
            leave_side(side); // a dead thread may have one; that is settled later
        }
        let (read, write) = (queue.read_end.get(), queue.write_end.get());
        if queue.state.get() != 0 && !(leads_back(read, Kind::ReadEnd) && leads_back(write, Kind::WriteEnd)) {
            queue.state.put(0);
        }
        if queue.state.get() == 0 {
            return false;
        }
        gone.extend([read, write].iter().map(|end| end - 1).filter(|end| arena.object(*end).handles.get() == 0));
        true
    }

    /// Is it an end that recovery keeps, handles or not? [`Locked::end_gone`] decides about it.
    pub(crate) fn has_body(&self, end: u32) -> bool {
        let record = self.session.arena.object(end);
        let known = self.session.arena.queue_of(record);
        known.is_some_and(|(_, _, read, write)| read == end || write == end)
    }
}
