//! Putting a frame into a queue.
//!
//!   P1 hand: intent      P2 longer data: a chain into the hand, filled, with no lock held
//!   P3 producer lock, look again: reader gone, broken; no room: unlock, wait, P2      P4 hand: tail, counters after; commit := PUT
//!   P5 no room in the page: a fresh one into the hand; handles: `flight`      P6 the frame and the END before it, behind the tail
//!   P7 tail := after the frame      P8 counters, hand emptied, commit := IDLE      P9 unlock, fence
//!   P10 somebody waits to read? dispatcher lock, evaluate; intent := 0
//!
//! Invariant: what lies before the tail is whole, and a frame is put whole or not at all. P7 is the one store that publishes; Release,
//! it pairs with the reader's Acquire of the tail: the frame and what its chain holds are seen with it.
//! Crash: see `hand`. Nothing fails after P5.

use super::badge::Half;
use super::flight::{Attached, forget_places};
use super::frame::{Frame, IN_LINE, OUT_OF_LINE, Place, REQUEST, footprint};
use super::hand::{DATA, IDLE, PUT, ROW, Side};
use super::message::{Message, To};
use super::operation::{Operation, Patience, Waited};
use super::pages::{Chain, pages_for};
use super::state::{Wants, has_room, room_for_some};
use super::waiting::{Poll, Waiting};
use crate::arena::layout::{CARRIED, PAGE_SIZE, Queue};
use crate::dispatch::partner::signature;
use crate::fault::fault;
use crate::object::handles::Entry;
use crate::object::kind::Type;
use crate::session::Session;
use crate::status::NtResult;
use crate::sync::{Ordering, Shared, fence};
use std::sync::Arc;

/// A stream is cut into frames no longer than this, so that its reader and its writer copy at the same time.
const STREAM_MAX: usize = 65_536;

/// What was put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Put {
    pub bytes: usize,
    /// How far the queue's data went with it, for [`Session::wait_taken`].
    pub mark: u64,
}

enum Attempt {
    Put(Put),
    NoRoom,
    /// Waited for pages.
    Waited(Waited),
}

enum Tried {
    Put(Put),
    NoRoom,
    /// The row needs a page, and the pool has none at hand.
    NoPage,
}

impl Session {
    /// Put one frame, whose data lies in several pieces. `false`: no room now.
    pub fn put_frame(self: &Arc<Self>, handle: u32, pieces: &[&[u8]], tag: u32) -> NtResult<bool> {
        Ok(self.put_wait(handle, pieces, tag, &mut Poll)?.is_some())
    }

    /// Put one frame, whose data lies in several pieces, as soon as there is room for it. `None`: there was none in time.
    /// A frame longer than the quota goes into the queue once nothing else is in it.
    pub fn put_wait<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        pieces: &[&[u8]],
        tag: u32,
        waiting: &mut W,
    ) -> Result<Option<Put>, W::Error> {
        self.put_attached(handle, pieces, tag, Attached::NOTHING, waiting)
    }

    /// The same, with handles. They arrive with the frame, or are dropped with it; those that are moved are gone from here once it
    /// is put.
    pub fn put_attached<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        pieces: &[&[u8]],
        tag: u32,
        attached: Attached<'_>,
        waiting: &mut W,
    ) -> Result<Option<Put>, W::Error> {
        self.put_any(To::Handle(handle), &Message::new(pieces, tag, attached)?, waiting)
    }

    /// Put one frame, be there room for it or not, so that only the pool of pages may have to be waited for. `None`: it had none in time.
    pub fn put_beyond<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        pieces: &[&[u8]],
        tag: u32,
        waiting: &mut W,
    ) -> Result<Option<Put>, W::Error> {
        let message = Message { beyond: true, ..Message::new(pieces, tag, Attached::NOTHING)? };
        self.put_any(To::Handle(handle), &message, waiting)
    }

    /// Put as much of a stream as there is room for, up to 64 KiB, as soon as there is room for any. `None`: there was none in time.
    pub fn put_some<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        data: &[u8],
        tag: u32,
        waiting: &mut W,
    ) -> Result<Option<Put>, W::Error> {
        let data = &data[..data.len().min(STREAM_MAX)];
        if data.is_empty() {
            let (_, _, queue, reader) = self.end_of(handle, Type::WriteEnd)?;
            self.check_puttable(queue, reader)?;
            return Ok(Some(Put { bytes: 0, mark: queue.data_in.get() }));
        }
        let pieces = [data];
        let message = Message { some: true, ..Message::new(&pieces, tag, Attached::NOTHING)? };
        self.put_any(To::Handle(handle), &message, waiting)
    }

    /// Can frames be put through a handle to a write end, as far as it is not a matter of room? Fails with the reason.
    pub fn check_writer(&self, handle: u32) -> NtResult<()> {
        let (_, _, queue, reader) = self.end_of(handle, Type::WriteEnd)?;
        self.check_puttable(queue, reader)
    }

    pub(super) fn put_any<W: Waiting>(
        self: &Arc<Self>,
        to: To,
        message: &Message<'_>,
        waiting: &mut W,
    ) -> Result<Option<Put>, W::Error> {
        let mut patience = Patience::default();
        let mut first = None;
        loop {
            let slot = self.thread_slot()?;
            self.check_attached()?;
            self.whole()?;
            let (entry, body, queue, reader) = self.way(to)?;
            if *first.get_or_insert(entry.identity()) != entry.identity() {
                return Err(to.gone().into()); // closed, and used again
            }
            let badge = if let (To::Handle(handle), 1..) = (to, queue.badge_quota.get()) {
                self.badge_through(handle)?
            } else {
                0
            };
            self.check_way(to, queue, reader)?;
            self.check_turn(queue, body, slot);
            if waiting.polls() && !self.may_put(queue, slot, message, badge, message.need()) {
                return Ok(None); // known before anything is copied
            }
            let mut operation = self.begin(slot, body, Side::Put)?; // P1
            operation.badge = badge;
            operation.end = entry.identity();
            let mut filled = None;
            loop {
                patience.spend(self)?;
                let waited = match operation.put(to, queue, message, &mut filled, waiting)? {
                    Attempt::Put(put) => return Ok(Some(put)),
                    Attempt::NoRoom if waiting.polls() => return Ok(None),
                    Attempt::NoRoom => {
                        self.check_turn(queue, body, slot);
                        operation.finds_no_room(queue, message);
                        let To::Handle(handle) = to else { return Ok(None) };
                        operation.wait_for_room();
                        operation.wait(handle, entry.object, Wants::Room(message.need()), waiting)?
                    }
                    Attempt::Waited(waited) => waited,
                };
                match waited {
                    // Perhaps because nobody reads any more, or of damage, and not because there is room.
                    Waited::Again if self.way_still_leads_to(to, entry, body)? => {
                        self.check_way(to, queue, reader)?;
                    }
                    Waited::TooLate => return Ok(None),
                    Waited::Anew if message.flags & REQUEST != 0 => return Ok(None), // it is another thread's
                    Waited::Again | Waited::Anew => break,
                }
            }
        }
    }

    #[inline(always)]
    fn may_put(&self, queue: &Queue, slot: u32, message: &Message<'_>, badge: u32, length: u64) -> bool {
        match badge {
            badge if message.beyond => badge == 0 || self.arena.badge_has_room_beyond(queue, badge, length),
            0 => self.arena.has_turn(queue, slot + 1) && has_room(queue, length),
            badge => self.arena.badge_has_room(queue, badge, length),
        }
    }

    /// After a wait: is the handle to the same queue as before?
    pub(super) fn still_leads_to(&self, handle: u32, end: Type, entry: Entry, body: u32) -> NtResult<bool> {
        self.whole()?;
        let (now, now_body, ..) = self.end_of(handle, end)?;
        Ok(now_body == body && now.identity() == entry.identity())
    }
}

/// A chain in the hand that holds that much of the message.
struct Filled {
    chain: Chain,
    length: usize,
}

impl Operation<'_> {
    /// Put it if there is room.
    fn put<W: Waiting>(
        &mut self,
        to: To,
        queue: &Queue,
        message: &Message<'_>,
        filled: &mut Option<Filled>,
        waiting: &mut W,
    ) -> Result<Attempt, W::Error> {
        let session = self.session;
        let length = match message.some {
            true => room_for_some(queue, message.length as u64) as usize,
            false => message.length,
        };
        if length < message.length.min(1) || !session.may_put(queue, self.held.slot, message, self.badge, length as u64)
        {
            return Ok(Attempt::NoRoom);
        }
        if filled.as_ref().is_some_and(|filled| filled.length != length) {
            session.give_pages(self.held.slot + 1, self.held.grip(DATA));
            *filled = None;
        }
        if length > IN_LINE && filled.is_none() {
            match self.take_pages(length, DATA, waiting)? {
                Ok(chain) => {
                    let mut done = Ok(());
                    waiting.beside(length, &mut || done = session.fill_chain(chain, message.pieces, length)); // P2
                    done?;
                    *filled = Some(Filled { chain, length });
                }
                Err(waited) => return Ok(Attempt::Waited(waited)),
            }
        }
        let frame = Frame {
            length: length as u32,
            footprint: footprint(length, message.attached.handles.len()),
            flags: message.flags | if filled.is_some() { OUT_OF_LINE } else { 0 },
            tag: message.tag,
            sender: session.slot(),
            sender_generation: session.own.generation.load(Ordering::Relaxed),
            correlation: message.correlation,
            badge: self.badge,
            chain: filled.as_ref().map(|filled| filled.chain),
            carried: [0; CARRIED],
        };
        loop {
            session.lock_side(&queue.put_lock, self.held); // P3
            fault!(PutLocked);
            let tried = self.put_locked(to, queue, frame, message);
            self.held.words(session).commit.put(IDLE);
            if let Ok(Tried::NoPage) = tried {
                session.unlock_side(&queue.put_lock, self.held.slot);
                self.tell_of_notices(queue);
                match self.take_pages(1, ROW, waiting)? {
                    Ok(_) => continue,
                    Err(waited) => {
                        *filled = None;
                        return Ok(Attempt::Waited(waited));
                    }
                }
            }
            fault!(PutForgotten);
            session.unlock_side(&queue.put_lock, self.held.slot); // P9
            fault!(PutUnlocked);
            return match tried? {
                Tried::Put(put) => Ok(Attempt::Put(put)),
                _ => {
                    self.tell_of_notices(queue);
                    Ok(Attempt::NoRoom)
                }
            };
        }
    }

    /// Pages for so many bytes into the hand. `Err`: there were none, and it was waited for some, with none in the hand.
    fn take_pages<W: Waiting>(
        &mut self,
        bytes: usize,
        place: u32,
        waiting: &mut W,
    ) -> Result<Result<Chain, Waited>, W::Error> {
        let session = self.session;
        let (slot, grip) = (self.held.slot, self.held.grip(place));
        let mut taken = Ok(Chain::default());
        waiting.beside(bytes, &mut || taken = session.take_pages(slot + 1, pages_for(bytes), grip));
        match taken {
            Ok(chain) => return Ok(Ok(chain)),
            Err(failure) if !session.is_for_want_of_pages(&failure) || waiting.polls() => return Err(failure.into()),
            Err(_) => {}
        }
        // Said before the next look, under the lock of those who give: none is missed.
        let seen = session.want_pages();
        waiting.beside(bytes, &mut || {
            session.reclaim_pages(slot + 1);
            taken = session.take_pages(slot + 1, pages_for(bytes), grip);
        });
        match taken {
            Ok(chain) => Ok(Ok(chain)),
            Err(failure) if !session.is_for_want_of_pages(&failure) => Err(failure.into()),
            Err(failure) => {
                let seen = if self.stand_back() { session.want_pages() } else { seen };
                match self.wait_for_pages(seen, waiting)? {
                    Waited::TooLate => Err(failure.into()),
                    waited => Ok(Err(waited)),
                }
            }
        }
    }

    fn put_locked(&self, to: To, queue: &Queue, mut frame: Frame, message: &Message<'_>) -> NtResult<Tried> {
        let (session, held) = (self.session, self.held);
        if self.badge != 0 {
            fence(Ordering::SeqCst); // the lock is ours before the handle is looked at: see `badge`
        }
        let (entry, body, again, reader) = session.way(to)?;
        if !std::ptr::eq(queue, again) || body != self.body || entry.identity() != self.end {
            return Err(to.gone());
        }
        session.check_way(to, queue, reader)?;
        if let (To::Handle(handle), 1..) = (to, self.badge)
            && session.badge_through(handle)? != self.badge
        {
            return Err(to.gone());
        }
        if !session.may_put(queue, held.slot, message, self.badge, u64::from(frame.length)) {
            return Ok(Tried::NoRoom);
        }
        let hand = held.words(session);
        let tail = queue.tail.get();
        let old = Place::of(tail);
        let mut place = old;
        let needs_page = old.page == 0 || old.offset + frame.footprint + 8 > PAGE_SIZE;
        if !needs_page {
            // From P7 on all that is in the hand is the queue's; another writer may have brought a page meanwhile.
            session.give_pages(held.slot + 1, held.grip(ROW));
        }
        hand.before.put(tail);
        hand.data.put(queue.data_in.get().wrapping_add(u64::from(frame.length)));
        hand.frames.put(queue.frames_in.get().wrapping_add(1));
        if frame.badge != 0 {
            hand.badge.put(frame.badge);
            hand.badge_after.put(session.arena.badge_after(frame.badge, Half::Put, frame.length));
        }
        hand.commit.put(PUT); // P4
        fault!(PutRecorded);
        if needs_page {
            let in_hand = Chain::read(&hand.chains[ROW as usize]);
            let page = match in_hand {
                None => session.cut_pages(held.slot + 1, 1, held.grip(ROW))?, // P5
                known => known,
            };
            let Some(page) = page else { return Ok(Tried::NoPage) };
            place = Place { page: page.first, offset: 0 };
        }
        fault!(PutPaged);
        if !message.attached.handles.is_empty() {
            frame.carried = session.send_off(held, (body, reader), message.attached)?; // nothing fails after it
        }
        session.write_header(place, &frame)?; // P6
        if frame.chain.is_none() {
            session.write_in_line(place.after(frame.data_at()), message.pieces, frame.length as usize)?;
        }
        if place.page != old.page {
            match old.page {
                0 => queue.first.put(place.position() as u32),
                _ => session.write_end(old, place.page)?,
            }
        }
        queue.put_by.store(signature(held.slot + 1), Ordering::Relaxed);
        fault!(PutWritten);
        queue.tail.store(place.after(frame.footprint).position(), Ordering::Release); // P7
        fault!(PutPublished);
        queue.data_in.put(hand.data.get()); // P8
        queue.frames_in.put(hand.frames.get());
        if frame.badge != 0 {
            session.arena.count_for_badge(body, frame.badge, Half::Put, hand.badge_after.get());
        }
        fault!(PutCounted);
        for chain in &hand.chains {
            chain.first.put(0);
        }
        if !message.attached.handles.is_empty() {
            forget_places(&hand.places);
            session.look_after(held, &frame.carried);
        }
        Ok(Tried::Put(Put { bytes: frame.length as usize, mark: hand.data.get() }))
    }
}
