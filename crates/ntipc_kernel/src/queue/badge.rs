//! Badges: write ends that say whose frames are whose, and notices that a badge's last handle is gone.
//!
//! A holder of the read end makes badged write ends of its queue, each with a number of its own choosing. A frame that is put through
//! one bears it: the kernel stamps the frame, and gives the number to the taker. When the last handle to a badged end goes, by close or by a
//! death, the taker gets one notice, after all frames that bear it. A badge can be revoked: puts through it fail from then on, and
//! the calls that went through it are lost. Its frames are still taken, and its notice comes all the same.
//!
//! A badged end is an object of its own kind, which is waited for as the queue's write end. State of one:
//!
//! | field                 | meaning                                                                            | protected by |
//! | --------------------- | ----------------------------------------------------------------------------------- | --- |
//! | `word`, bit 0         | [`REVOKED`]                                                                         | dispatcher lock |
//! | `word`, bit 1         | [`NOTICED`]: in the queue's list of notices                                          | dispatcher lock |
//! | `detail`              | the number                                                                          | never changes |
//! | `quantity`, low half  | what was put through it, ever: [`cost`] of each frame, modulo 2^32                   | producer lock |
//! | `quantity`, high half | the same of what was taken, or thrown away                                           | consumer lock |
//! | `hash`                | frames that had been put when its last handle went: the notice comes after these      | dispatcher lock |
//! | `link`                | the next in the list of notices, + 1                                                 | dispatcher lock |
//!
//! Invariant: a badged end exists while it has handles, or while its notice is in the list. So a frame never bears a badge that is used again,
//! for the notice comes after it. A notice takes no room: the object that it speaks of is the room.
//! Invariant: `Queue::badges` counts the badged ends of a queue, and the body of the queue lives as long as they do.
//!
//!   N1 the last handle goes: `hash`, NOTICED, into the list; evaluate the read end      (dispatcher lock)
//!   N2 taker: consumer lock, the first notice is due? dispatcher lock, out of the list, the object is freed
//!
//! A notice is due when so many frames were taken as its `hash` says, or when none is left and nobody puts. At N1 somebody may be in the
//! middle of a put through this very badge, by a handle that is closed under its hands: then the notice comes after that frame as well.
//! The closer clears the handle, fences, and looks at the producer lock; the writer takes that lock, fences, and looks at the handle: so
//! either the closer sees the writer, or the writer sees that its handle is gone.
//! Crash: recovery rebuilds the list and the count from the objects. A taker that dies after N2 has taken the notice, as it would a frame.

use super::call::{is_under_way, serial_of};
use crate::arena::Arena;
use crate::arena::layout::{Object, Queue, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::{Kind, Type};
use crate::object::table::Initial;
use crate::process::changes::Scope;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared, fence};
use std::sync::Arc;

pub(crate) const REVOKED: u64 = 1;
pub(crate) const NOTICED: u64 = 2;

/// What a frame costs beyond its bytes, so that empty ones are bounded too.
const FRAME_COST: u32 = 64;

/// A badged write end that was made: a handle to it, and what names it for [`Session::revoke_badge`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Badge {
    pub handle: u32,
    pub object: u32,
    pub generation: u32,
}

pub(crate) fn cost(length: u32) -> u32 {
    length.saturating_add(FRAME_COST)
}

/// Which half of a badge's `quantity` counts the side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Put = 0,
    Taken = 32,
}

/// What frames that were put through a badge, and not taken yet, cost.
pub(crate) fn unread(object: &Object) -> u32 {
    half(object, Half::Put).wrapping_sub(half(object, Half::Taken))
}

/// The same, where somebody is at it: a quick reader may be ahead.
fn unread_now(object: &Object) -> u64 {
    let unread = unread(object);
    if unread > i32::MAX as u32 { 0 } else { u64::from(unread) }
}

fn half(object: &Object, which: Half) -> u32 {
    (object.quantity.get() >> which as u32) as u32
}

fn set_half(object: &Object, which: Half, value: u32) {
    let shift = which as u32;
    let mut seen = object.quantity.get();
    // The other half is the other side's, which may be at it.
    loop {
        let new = seen & !(0xffff_ffff << shift) | u64::from(value) << shift;
        match object.quantity.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}

impl Arena {
    /// A badged end of that queue by its number + 1.
    pub(super) fn badge(&self, body: u32, badge: u32) -> Option<(u32, &Object)> {
        let index = badge.checked_sub(1)?;
        let record = self.object(index);
        let is_one = Kind::of(record) == Some(Kind::BadgedEnd) && record.limit.get() == body + 1;
        is_one.then_some((index, record))
    }

    /// Is there room for a frame of so many bytes with that badge? Also where there is no such badge, or it was revoked: a writer that looks
    /// finds that out.
    #[cold]
    #[inline(never)]
    pub(super) fn badge_has_room(&self, queue: &Queue, badge: u32, length: u64) -> bool {
        let record = self.object(badge.wrapping_sub(1));
        if Kind::of(record) != Some(Kind::BadgedEnd) || record.word.get() & REVOKED != 0 || record.handles.get() == 0 {
            return true;
        }
        let unread = unread_now(record);
        unread == 0 || unread.saturating_add(length).saturating_add(u64::from(FRAME_COST)) <= queue.badge_quota.get()
    }

    /// What a side's counter of a badge is after one more frame.
    #[cold]
    pub(super) fn badge_after(&self, badge: u32, which: Half, length: u32) -> u32 {
        match badge.checked_sub(1) {
            Some(index) => half(self.object(index), which).wrapping_add(cost(length)),
            None => 0,
        }
    }

    /// Store it; once more, if need be.
    #[cold]
    pub(super) fn count_for_badge(&self, body: u32, badge: u32, which: Half, after: u32) {
        if let Some((_, record)) = self.badge(body, badge) {
            set_half(record, which, after);
        }
    }

    /// Is there room for a frame that is put beyond the quota (`Message::beyond`)? Each badge has as much again for those: a client that
    /// gives up calls without end takes no more of the pool than that.
    #[cold]
    #[inline(never)]
    pub(super) fn badge_has_room_beyond(&self, queue: &Queue, badge: u32, length: u64) -> bool {
        let record = self.object(badge.wrapping_sub(1));
        let unread = unread_now(record);
        unread.saturating_add(length) <= queue.badge_quota.get().saturating_mul(2)
    }

    /// Is a notice of that queue due?
    #[inline]
    pub(super) fn notice_is_due(&self, queue: &Queue) -> bool {
        match queue.notices.load(Ordering::Acquire) {
            0 => false,
            first => self.first_notice_is_due(queue, first),
        }
    }

    #[cold]
    fn first_notice_is_due(&self, queue: &Queue, first: u32) -> bool {
        let behind = self.object(first - 1).hash.get().wrapping_sub(queue.frames_out.get() as u32);
        let taken = behind == 0 || behind > i32::MAX as u32;
        taken || super::state::is_empty(queue) && queue.put_lock.read().is_free()
    }

    /// Does a badged end without handles wait for its notice to be taken?
    pub(crate) fn is_noticed_of(&self, object: &Object) -> bool {
        self.queue_of(object).is_some_and(|(_, _, read, _)| self.object(read).handles.get() != 0)
    }
}

impl Session {
    /// Make a write end of the queue that puts with a badge of that number. Through a handle to the read end.
    pub fn make_badge(self: &Arc<Self>, reader: u32, number: u64) -> NtResult<Badge> {
        let mut locked = self.lock()?;
        let (_, body, queue, _) = self.end_of(reader, Type::ReadEnd)?;
        if queue.badge_quota.get() == 0 {
            return Err(Failure::new(NtStatus::INVALID_PARAMETER, "the queue was made without a quota for badges"));
        }
        let object = locked.take_object_slot()?;
        locked.note_body(body);
        let initial = Initial { kind: Kind::BadgedEnd, value: 0, limit: body + 1, quantity: 0, detail: number };
        locked.fill_object(object, initial);
        queue.badges.put(queue.badges.get().wrapping_add(1));
        fault!(BadgeMade);
        let entry = locked.entry_to(object, Type::WriteEnd.all_access());
        match locked.insert_handle(self.slot(), entry) {
            Ok(handle) => Ok(Badge { handle, object, generation: entry.generation }),
            Err(failure) => {
                locked.free_badge(body, object);
                Err(failure)
            }
        }
    }

    /// Puts through that badge fail from now on, and the calls that went through it are lost. Nothing happens if it is gone. Through a
    /// handle to the read end.
    pub fn revoke_badge(self: &Arc<Self>, reader: u32, badge: Badge, number: u64) -> NtResult<()> {
        let mut locked = self.lock()?;
        let (_, body, queue, _) = self.end_of(reader, Type::ReadEnd)?;
        let Some((object, record)) = self.arena.badge(body, badge.object.wrapping_add(1)) else { return Ok(()) };
        if word::generation(record.word.get()) != badge.generation || record.detail.get() != number {
            return Ok(());
        }
        record.word.fetch_or(REVOKED, Ordering::SeqCst);
        fault!(BadgeRevoked);
        locked.lose_calls_through(object);
        if let Some(write) = queue.write_end.get().checked_sub(1) {
            locked.evaluate_if_waited_for(write);
        }
        self.whole()
    }

    /// Has anybody a handle with that badge, or is its notice still to come? Through a handle to the read end.
    pub fn has_badge(&self, reader: u32, badge: Badge, number: u64) -> NtResult<bool> {
        let (_, body, _, _) = self.end_of(reader, Type::ReadEnd)?;
        let known = self.arena.badge(body, badge.object.wrapping_add(1));
        Ok(known.is_some_and(|(_, record)| {
            word::generation(record.word.get()) == badge.generation && record.detail.get() == number
        }))
    }

    /// The badge, + 1, that a handle to a write end puts with; 0: none. Fails if it was revoked.
    pub(super) fn badge_of(&self, record: &Object, object: u32) -> NtResult<u32> {
        match record.word.get() & REVOKED {
            0 => Ok(object + 1),
            _ => Err(Failure::new(NtStatus::PORT_DISCONNECTED, "the other side has ended the connection")),
        }
    }
}

impl Locked<'_> {
    /// The last handle to a badged end has gone (N1). May be repeated.
    pub(crate) fn badge_gone(&mut self, object: u32) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        let Some((body, queue, read, write)) = arena.queue_of(record) else {
            self.free_object(object);
            return;
        };
        self.note_body(body);
        self.note_object(object);
        if !arena.is_noticed_of(record) {
            self.free_badge(body, object);
            return;
        }
        if record.word.get() & NOTICED != 0 {
            return;
        }
        self.mark_notice(queue, object);
        self.append_notice(queue, object);
        fence(Ordering::SeqCst);
        if !without!(NoticeTold) {
            self.evaluate_if_waited_for(read);
        }
        self.evaluate_if_waited_for(write); // a thread may wait for room through the handle that was closed
    }

    /// Say after which frames the notice comes.
    fn mark_notice(&mut self, queue: &Queue, object: u32) {
        let record = self.session.arena.object(object);
        fence(Ordering::SeqCst); // the handle is cleared before the lock is looked at
        // The lock first: a frame that was put before is counted, or its writer still has the side.
        let putting = u32::from(!queue.put_lock.read().is_free() && !without!(NoticeCountsPut));
        fence(Ordering::SeqCst);
        record.hash.put((queue.frames_in.get() as u32).wrapping_add(putting));
        record.word.fetch_or(NOTICED, Ordering::SeqCst);
        fault!(NoticeMarked);
    }

    fn append_notice(&mut self, queue: &Queue, object: u32) {
        let arena = &self.session.arena;
        arena.object(object).link.put(0);
        match queue.last_notice.get().checked_sub(1).filter(|_| queue.notices.get() != 0) {
            Some(last) => arena.object(last).link.put(object + 1),
            None => queue.notices.store(object + 1, Ordering::SeqCst),
        }
        queue.last_notice.put(object + 1);
        fault!(NoticeListed);
    }

    /// Take the first notice of a queue (N2): the number of its badge. The reading side is held.
    pub(super) fn take_notice(&mut self, body: u32, queue: &Queue) -> NtResult<Option<u64>> {
        let arena = &self.session.arena;
        let first = queue.notices.get();
        if first == 0 {
            return Ok(None);
        }
        let known = arena.badge(body, first).filter(|(_, record)| record.word.get() & NOTICED != 0);
        let (object, record) =
            known.ok_or_else(|| self.session.damaged("a notice of a queue leads to no badge of it"))?;
        let number = record.detail.get();
        self.note_body(body);
        self.note_object(object);
        queue.notices.store(record.link.get(), Ordering::SeqCst);
        fault!(NoticeTaken);
        self.free_badge(body, object);
        Ok(Some(number))
    }

    /// Nobody reads that queue any more: its notices are for nobody. The caller looks afterwards whether the queue is still needed.
    pub(super) fn drop_notices(&mut self, body: u32, queue: &Queue) {
        let arena = &self.session.arena;
        while let Some((object, record)) = arena.badge(body, queue.notices.get()) {
            if record.word.get() & NOTICED == 0 {
                break;
            }
            self.note_body(body);
            self.note_object(object);
            queue.notices.store(record.link.get(), Ordering::SeqCst);
            fault!(NoticeTaken);
            self.uncount_badge(body, object);
        }
        queue.notices.put(0);
    }

    fn uncount_badge(&mut self, body: u32, object: u32) {
        let queue = self.session.arena.queue(body);
        self.note_body(body);
        queue.badges.put(queue.badges.get().saturating_sub(1));
        fault!(BadgeCounted);
        self.free_object(object);
    }

    fn free_badge(&mut self, body: u32, object: u32) {
        self.uncount_badge(body, object);
        let queue = self.session.arena.queue(body);
        if queue.badges.get() == 0
            && let Some(read) = queue.read_end.get().checked_sub(1)
            && self.session.arena.object(read).handles.get() == 0
        {
            self.end_gone(read); // the queue was kept for its badges
        }
    }

    /// Calls whose requests went through that badge.
    fn lose_calls_through(&mut self, object: u32) {
        let arena = &self.session.arena;
        let generation = word::generation(arena.object(object).word.get());
        for slot in 0..arena.threads() {
            let thread = arena.thread(slot);
            let call = thread.call.load(Ordering::SeqCst);
            let through = thread.call_badge.get() == object + 1 && thread.call_badge_generation.get() == generation;
            if through && is_under_way(call) {
                self.lose_call(slot, serial_of(call));
            }
        }
    }

    /// Part of recovery, before unused objects go: the lists of notices, and the counts of badges, of the queues that may have been
    /// changed. Badged ends without handles whose notice nobody has listed yet come after those that are.
    pub(crate) fn recover_badges(&mut self, scope: &Scope) {
        let arena = &self.session.arena;
        let of_object = |object: &u32| {
            let record = arena.object(*object);
            (Kind::of(record) == Some(Kind::BadgedEnd)).then(|| record.limit.get().wrapping_sub(1))
        };
        let mut bodies: Vec<u32> = match scope.everything {
            true => (0..arena.queues()).collect(),
            false => scope.bodies.iter().copied().chain(scope.objects.iter().filter_map(of_object)).collect(),
        };
        bodies.retain(|body| *body < arena.queues() && arena.queue(*body).badge_quota.get() != 0);
        bodies.sort_unstable();
        bodies.dedup();
        if bodies.is_empty() {
            return;
        }
        let mut badged: Vec<(u32, u32)> = (0..arena.objects())
            .filter_map(|object| of_object(&object).map(|body| (body, object)))
            .filter(|(body, _)| bodies.binary_search(body).is_ok())
            .collect();
        badged.sort_unstable();
        for body in bodies {
            let queue = arena.queue(body);
            let first = badged.partition_point(|(of, _)| *of < body);
            let own = badged[first..].iter().take_while(|(of, _)| *of == body).map(|(_, object)| *object);
            let (mut alive, mut gone) = (0, Vec::new());
            for object in own {
                let record = arena.object(object);
                let has_handles = record.handles.get() != 0;
                if !has_handles && arena.is_noticed_of(record) {
                    gone.push(object);
                }
                alive += u32::from(has_handles || arena.is_noticed_of(record));
            }
            let listed = |object: &u32| arena.object(*object).word.get() & NOTICED != 0;
            let since =
                |object: &u32| arena.object(*object).hash.get().wrapping_sub(queue.frames_out.get() as u32) as i32;
            let (mut known, fresh): (Vec<u32>, Vec<u32>) = gone.into_iter().partition(listed);
            known.sort_by_key(since);
            queue.badges.put(alive);
            queue.notices.put(0);
            queue.last_notice.put(0);
            for object in known {
                self.append_notice(queue, object);
            }
            for object in fresh {
                self.mark_notice(queue, object);
                self.append_notice(queue, object);
            }
        }
    }
}
