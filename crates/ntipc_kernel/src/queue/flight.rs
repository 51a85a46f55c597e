//! Handles that frames carry.
//!
//! Truth: they lie in a handle table like any other, that of process slot [`IN_FRAMES`], which no process has. A frame names places
//! of it; a hand does, while its thread puts or takes such a frame. So a count of handles includes these, and recovery walks no
//! frame. `carriers` says of each place in whose queue the handle lies. An end notes in `Object::a` how many of its handles lie here,
//! a read end in `Object::b` how many read ends lie in its queue: for `collect`.
//!
//! Invariant, lock free: a place that is not empty is named by one frame between head and tail of one queue, or by one hand.
//!
//!   put   F1 check every handle, find the places   F2 for each: name the place in the hand, then fill it
//!         F3 moved? clear the sources              (the frame takes the places over with the store of its tail)
//!   take  F4 find room in our own table, for all of them   F5 name the places in the hand, commit := TAKE
//!         F6 for each: store it in our table, clear the place, forget it
//!
//! F1 to F3, and F4 to F6, are one hold of the dispatcher lock each: nobody sees a part of a frame's handles, and no count passes
//! through zero. Order: the side's lock before it.
//! Crash: the places that the hand of the dead still names are cleared (`hand`); one that is named and empty, because the thread
//! died between naming and filling, or between clearing and forgetting, is forgotten by recovery before anybody may fill it again.

use super::collect::{carries_readers, is_rooted};
use super::frame::Frame;
use super::hand::{Held, TAKE};
use crate::arena::Arena;
use crate::arena::layout::{CARRIED, IN_FRAMES};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::{Entry, number, place};
use crate::object::kind::{Kind, Type};
use crate::process::changes::Scope;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Shared};
use smallvec::SmallVec;
use std::collections::HashMap;

/// Most handles that one frame carries.
pub const HANDLES_MAX: usize = CARRIED;

/// Handles of this process that go with a frame, with the rights that they have: copies of them, or themselves.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    pub handles: &'a [u32],
    pub move_them: bool,
}

/// A handle that came with a frame: it belongs to this process now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    pub handle: u32,
    pub object_type: Type,
    pub access: u32,
}

/// Places in the table, + 1, as a frame names them.
pub(super) type Carried = [u32; CARRIED];

fn refused(why: &'static str) -> Failure {
    Failure::new(NtStatus::INVALID_PARAMETER, why)
}

impl Attached<'_> {
    pub const NOTHING: Attached<'static> = Attached { handles: &[], move_them: false };

    /// What makes handles unfit for a frame, whichever queue it is for.
    pub(super) fn check(&self) -> NtResult<()> {
        let Attached { handles, move_them } = *self;
        if handles.len() > CARRIED {
            let why = format!("a message carries up to {CARRIED} handles, not {}", handles.len());
            return Err(Failure::new(NtStatus::INVALID_PARAMETER, why));
        }
        let twice =
            |(number, handle): (usize, &u32)| handles[..number].iter().any(|other| place(*other) == place(*handle));
        match move_them && handles.iter().enumerate().any(twice) {
            true => Err(refused("a handle can be moved only once")),
            false => Ok(()),
        }
    }
}

impl Session {
    /// F1 to F3: send handles off with a frame for the queue whose read end is `reader`, in `body`.
    pub(super) fn send_off(&self, held: Held, (body, reader): (u32, u32), attached: Attached<'_>) -> NtResult<Carried> {
        let Attached { handles, move_them } = attached;
        let mut locked = self.lock_as(held.slot + 1);
        self.whole()?;
        let mut entries = SmallVec::<[Entry; CARRIED]>::new();
        for handle in handles {
            let entry = self.own_entry(*handle)?;
            if entry.object == reader {
                return Err(refused(
                    "the read end of a queue cannot go into that queue: nobody could take it out again",
                ));
            }
            entries.push(Entry { flags: 0, ..entry });
        }
        let places = locked.free_places(IN_FRAMES, handles.len())?;
        self.arena.grow_carriers(places.last().map_or(0, |last| last + 1))?;
        let named = &held.words(self).places;
        let mut carried = [0; CARRIED];
        for (number, (entry, place)) in entries.iter().zip(&places).enumerate() {
            self.arena.carrier(*place).put(body + 1);
            named[number].put(place + 1);
            fault!(PutHandleNamed);
            locked.store_handle(IN_FRAMES, *place, entry.pack());
            carried[number] = place + 1;
        }
        if move_them {
            for place in handles.iter().filter_map(|handle| place(*handle)) {
                locked.take_handle_away(self.slot(), place); // never the last one
                fault!(PutHandleMoved);
            }
        }
        Ok(carried)
    }

    /// Does the frame carry an end of a queue of which nobody has the other end, or that is broken?
    pub(super) fn is_stranded(&self, frame: &Frame) -> bool {
        let carried = frame.carried.iter().take(frame.handles()).filter_map(|place| place.checked_sub(1));
        carried.filter_map(|place| Entry::unpack(self.arena.handle(IN_FRAMES, place).get())).any(|entry| {
            let end = self.arena.object(entry.object);
            let known = Kind::of(end).filter(|kind| kind.is_end()).and_then(|_| self.arena.queue_of(end));
            known.is_some_and(|(_, queue, read, write)| {
                let other = if read == entry.object { write } else { read };
                queue.broken.get() != 0 || self.arena.object(other).handles.get() == 0
            })
        })
    }

    /// F4 to F6: the handles of a frame become ours, and with the same step the frame does.
    pub(super) fn receive(&self, held: Held, carried: &[u32]) -> NtResult<Vec<Received>> {
        let mut locked = self.lock_as(held.slot + 1);
        self.whole()?;
        let broken = || self.damaged("the handles of a frame contradict themselves");
        let mut entries = SmallVec::<[(Entry, Type); CARRIED]>::new();
        for (number, place) in carried.iter().enumerate() {
            let entry = Entry::unpack(self.arena.handle(IN_FRAMES, place - 1).get()).ok_or_else(broken)?;
            let kind = Kind::of(self.arena.object(entry.object)).ok_or_else(broken)?;
            if carried[..number].contains(place) {
                return Err(broken());
            }
            entries.push((entry, kind.object_type()));
        }
        let places = locked.free_places(self.slot(), carried.len())?;
        let hand = held.words(self);
        for (named, place) in hand.places.iter().zip(carried) {
            named.put(*place);
        }
        hand.commit.put(TAKE);
        fault!(TakeCommitted);
        let mut received = Vec::with_capacity(carried.len());
        for (number_in_frame, ((entry, object_type), place)) in entries.iter().zip(&places).enumerate() {
            locked.store_handle(self.slot(), *place, entry.pack());
            fault!(TakeHandleStored);
            locked.clear_handle(IN_FRAMES, carried[number_in_frame] - 1);
            fault!(TakeHandleMoved);
            hand.places[number_in_frame].put(0);
            received.push(Received { handle: number(*place), object_type: *object_type, access: entry.access });
        }
        Ok(received)
    }

    /// The frame is put. If it carries a read end that now lies in frames only, nobody may be able to reach it any more.
    pub(super) fn look_after(&self, held: Held, carried: &Carried) {
        let suspicious = |place: &u32| {
            let entry = place.checked_sub(1).and_then(|place| Entry::unpack(self.arena.handle(IN_FRAMES, place).get()));
            entry.is_some_and(|entry| {
                let record = self.arena.object(entry.object);
                carries_readers(record) && !is_rooted(record)
            })
        };
        if carried.iter().any(suspicious) {
            self.lock_as(held.slot + 1).look_for_unreachable();
        }
    }

    /// A put that failed: the handles that its hand names go nowhere.
    pub(super) fn drop_carried(&self, held: Held) {
        let places = &held.words(self).places;
        if places.iter().any(|place| place.get() != 0) {
            self.lock_as(held.slot + 1).drop_places(places);
        }
    }
}

/// Every handle that lies in a frame, and its place.
pub(super) fn all_carried(arena: &Arena) -> impl Iterator<Item = (u32, Entry)> + '_ {
    let entry = |place| Entry::unpack(arena.handle(IN_FRAMES, place).get()).map(|entry| (place, entry));
    (0..arena.handles(IN_FRAMES)).filter_map(entry)
}

/// The frame has taken the places over, or still has them.
pub(super) fn forget_places(places: &[AtomicU32; CARRIED]) {
    for place in places {
        place.put(0);
    }
}

impl Locked<'_> {
    /// Drop the handles at these places, and forget the places. May be repeated, but see [`Locked::forget_empty_places`].
    pub(super) fn drop_places(&mut self, places: &[AtomicU32; CARRIED]) {
        for place in places {
            if let Some(index) = place.get().checked_sub(1) {
                if !without!(HandRefs) {
                    self.clear_handle(IN_FRAMES, index);
                }
                fault!(PlaceDropped);
                place.put(0);
            }
        }
    }

    /// A handle comes into the table, or leaves it.
    pub(crate) fn note_carried(&mut self, index: u32, object: u32, change: fn(u64) -> u64) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        let Some(kind) = Kind::of(record).filter(|kind| kind.is_end()) else { return };
        record.quantity.put(change(record.quantity.get()));
        if kind == Kind::ReadEnd
            && let Some(body) = arena.carrier(index).get().checked_sub(1)
            && let Some(carrier) = arena.queue(body).read_end.get().checked_sub(1)
        {
            self.note_object(carrier);
            let carrier = arena.object(carrier);
            carrier.detail.put(change(carrier.detail.get()));
        }
    }

    /// Part of recovery: what ends note of the table. Counted aside and stored once.
    pub(crate) fn recount_carried(&mut self, scope: &Scope) {
        let arena = &self.session.arena;
        let mut counts: HashMap<u32, (u64, u64)> = HashMap::new();
        for (place, entry) in all_carried(arena) {
            let Some(kind) = Kind::of(arena.object(entry.object)).filter(|kind| kind.is_end()) else { continue };
            counts.entry(entry.object).or_default().0 += 1;
            let body = arena.carrier(place).get().checked_sub(1);
            let carrier = body.and_then(|body| arena.queue(body).read_end.get().checked_sub(1));
            if let (Kind::ReadEnd, Some(carrier)) = (kind, carrier) {
                counts.entry(carrier).or_default().1 += 1;
            }
        }
        let recount = |object: u32| {
            let record = arena.object(object);
            if Kind::of(record).is_some_and(Kind::is_end) {
                let (lie_there, carries) = counts.get(&object).copied().unwrap_or_default();
                record.quantity.put(lie_there);
                record.detail.put(carries);
            }
        };
        match scope.everything {
            true => (0..arena.objects()).for_each(recount),
            false => scope.objects.iter().copied().for_each(recount),
        }
    }

    /// Part of recovery: each place that a hand names and that is empty is nobody's.
    pub(crate) fn forget_empty_places(&mut self) {
        let arena = &self.session.arena;
        for slot in 0..arena.threads() {
            for place in arena.thread(slot).hands.iter().flat_map(|hand| &hand.places) {
                if let Some(index) = place.get().checked_sub(1)
                    && arena.handle(IN_FRAMES, index).get() == 0
                {
                    place.put(0);
                }
            }
        }
    }
}
