//! Taking frames out of a queue.
//!
//!   C1 nothing there? no lock; wait, C1. Hand: intent; consumer lock, look again
//!   C2 at the end of a page: hand: that page, the position after it; commit := TAKE; head; the page is given back
//!   C3 data in line, or a part of what lies out of line: copy out (the frame is still there)
//!   C4 hand: the position and counters after, the frame's chain; commit := TAKE
//!   C5 head, counters; commit := OWN; unlock, fence
//!   C6 the rest of what lies out of line: tell the waiters for room; copy out, with no lock held; give the chain back
//!   C7 somebody waits to write, or more is left and somebody waits to read? dispatcher lock, evaluate; intent := 0
//!
//! Invariant: a frame is taken once. The store to `head` is what takes it, or a part of it: position and the bytes taken before are one word.
//! A long part is taken as several, none of them longer than [`PIECE`], so that nobody holds the consumer lock for long; a call
//! whose next piece somebody else was quicker to take ends there. The same holds for a stream that is taken over several frames.
//! Crash: see `hand`. Before C4 nothing has happened, after it the frame is lost with its taker, and nothing else is.

use super::badge::{Badge, Half};
use super::flight::Received;
use super::frame::{Found, Frame, Place, REQUEST};
use super::hand::{DATA, IDLE, OWN, ROW, Side, TAKE};
use super::operation::{Operation, Patience, Waited};
use super::pages::{Chain, Cursor};
use super::state::{Wants, is_empty, unread};
use super::waiting::{Poll, Waiting};
use crate::arena::layout::{Queue, word};
use crate::dispatch::partner::signature;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::kind::Type;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

/// Most bytes that are copied while the consumer lock is held.
pub(super) const PIECE: usize = 65_536;

/// What to do with a frame that is longer than the buffer, and whether to take it at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Take what fits; the rest comes next.
    Part,
    /// Take all of it or nothing.
    Whole,
    /// Take over as many frames as fill the buffer: their ends mean nothing.
    Stream,
    /// Take a frame that carries an end of a queue which leads nowhere, as far as it fits; else nothing, and all of it is left.
    Stranded,
    /// Look at a frame, and take nothing.
    Peek,
    /// Look over as many frames as fill the buffer, and take nothing.
    PeekStream,
}

impl Mode {
    fn is_peek(self) -> bool {
        matches!(self, Mode::Peek | Mode::PeekStream)
    }

    /// May it take a notice? Else only frames are there for it.
    fn takes_notices(self) -> bool {
        !self.is_peek() && self != Mode::Stranded
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Bytes in the buffer.
    pub bytes: usize,
    /// Bytes that are left of the last frame that it came from. With [`Mode::Whole`] and a buffer too small, or [`Mode::Stranded`]
    /// and a frame that is not: all, at least 1, and nothing was taken.
    pub left: usize,
    /// Of the first frame.
    pub tag: u32,
    /// Process slot of the sender of the first frame, and its generation.
    pub sender: (u32, u32),
    /// Of the first frame: not 0 if its sender waits for a reply, which [`Session::reply`] gives.
    pub correlation: u64,
    /// Handles that came with the frame, or frames: with the last part of each, and never by a peek.
    pub handles: Vec<Received>,
    /// Of a first frame that bears a badge. Apart, for few do.
    pub(super) badged: Option<Box<Badged>>,
}

/// What a frame with a badge says more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Badged {
    number: u64,
    badge: Badge,
    closed: bool,
}

impl Taken {
    /// The number of the badge that the first frame bears, and what names the badge for [`Session::revoke_badge`].
    pub fn badge(&self) -> Option<(u64, Badge)> {
        self.badged.as_ref().map(|badged| (badged.number, badged.badge))
    }

    /// It is no frame but the notice that nobody has a handle with that badge any more.
    pub fn closed(&self) -> bool {
        self.badged.as_ref().is_some_and(|badged| badged.closed)
    }

    pub(super) fn nothing_of(frame: &Frame) -> Taken {
        Taken {
            bytes: 0,
            left: 0,
            tag: frame.tag,
            sender: (frame.sender, frame.sender_generation),
            correlation: frame.correlation,
            handles: Vec::new(),
            badged: None,
        }
    }
}

/// The counters of what was taken, which tell whether anybody has taken anything since.
pub(super) type Stamp = (u64, u64);

pub(super) fn stamp(queue: &Queue) -> Stamp {
    (queue.data_out.get(), queue.frames_out.get())
}

/// A frame or a part of it.
struct Piece {
    taken: Taken,
    /// The rest of a chain, which is ours, and from where on.
    later: Option<(Chain, usize)>,
    after: Stamp,
    /// There may be more for this call.
    goes_on: bool,
}

fn no_writer() -> Failure {
    Failure::new(NtStatus::PIPE_BROKEN, "every handle to its write end is closed")
}

impl Session {
    /// Take the next frame, or a part of it. `None`: nothing there now.
    pub fn take_frame(self: &Arc<Self>, handle: u32, buffer: &mut [u8], mode: Mode) -> NtResult<Option<Taken>> {
        self.take_wait(handle, buffer, mode, &mut Poll)
    }

    /// Take the next frame, or a part of it, as soon as there is one. `None`: there was none in time.
    pub fn take_wait<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        buffer: &mut [u8],
        mode: Mode,
        waiting: &mut W,
    ) -> Result<Option<Taken>, W::Error> {
        let mut patience = Patience::default();
        let mut first = None;
        loop {
            let slot = self.thread_slot()?;
            self.check_attached()?;
            self.whole()?;
            let (entry, body, queue, writer) = self.end_of(handle, Type::ReadEnd)?;
            if *first.get_or_insert(entry.identity()) != entry.identity() {
                return Err(Failure::from(NtStatus::INVALID_HANDLE).into()); // closed, and used again
            }
            let mut operation = None;
            loop {
                patience.spend(self)?;
                // Before the tail: what was put before the last writer went is seen.
                let over = self.arena.object(writer).handles.get() == 0;
                self.check_takable(queue)?;
                let due = self.arena.notice_is_due(queue);
                let empty = is_empty(queue) && !(due && mode.takes_notices());
                if empty && over && !due {
                    return Err(no_writer().into());
                }
                // The end is set for a notice: one that looks only for frames does not wait.
                if empty && (waiting.polls() || due && !mode.takes_notices()) {
                    return Ok(None);
                }
                let operation = match &mut operation {
                    Some(begun) => begun,
                    none => {
                        let begun = none.insert(self.begin(slot, body, Side::Take)?); // C1
                        begun.end = entry.identity();
                        begun
                    }
                };
                if !empty {
                    match operation.take(handle, queue, buffer, mode, waiting)? {
                        Some(taken) => return Ok(Some(taken)),
                        None => continue,
                    }
                }
                match operation.wait(handle, entry.object, Wants::Room(0), waiting)? {
                    Waited::Again if self.still_leads_to(handle, Type::ReadEnd, entry, body)? => {}
                    Waited::TooLate => return Ok(None),
                    Waited::Again | Waited::Anew => break,
                }
            }
        }
    }

    /// Bytes and frames that wait to be read.
    pub fn waiting_in_queue(&self, handle: u32) -> NtResult<(u64, u64)> {
        let (_, _, queue, _) = self.end_of(handle, Type::ReadEnd)?;
        Ok(unread(queue))
    }

    /// How many frames have been taken since there is the queue.
    pub fn taken_from_queue(&self, handle: u32) -> NtResult<u64> {
        let (_, _, queue, _) = self.end_of(handle, Type::ReadEnd)?;
        Ok(queue.frames_out.get())
    }

    fn check_takable(&self, queue: &Queue) -> NtResult<()> {
        match queue.broken.get() {
            0 => Ok(()),
            status => Err(NtStatus(status).into()),
        }
    }
}

impl Operation<'_> {
    /// Take what is there; `None`: somebody else was quicker.
    fn take<W: Waiting>(
        &mut self,
        handle: u32,
        queue: &Queue,
        buffer: &mut [u8],
        mode: Mode,
        waiting: &mut W,
    ) -> Result<Option<Taken>, W::Error> {
        if mode.is_peek() {
            return Ok(self.peek(handle, queue, buffer, mode == Mode::PeekStream)?);
        }
        let session = self.session;
        let mut all: Option<Taken> = None;
        let mut before = None;
        loop {
            let filled = all.as_ref().map_or(0, |all| all.bytes);
            session.lock_side(&queue.take_lock, self.held);
            fault!(TakeLocked);
            let piece = self.take_locked(handle, queue, &mut buffer[filled..], mode, before);
            self.told_of_room = false;
            session.unlock_side(&queue.take_lock, self.held.slot); // C5
            fault!(TakeUnlocked);
            let mut piece = match (piece, &all) {
                (Ok(Some(piece)), _) => piece,
                (Err(failure), None) => return Err(failure.into()),
                (Ok(None) | Err(_), _) => return Ok(all), // what was taken counts; it will fail again
            };
            if let Some((chain, skip)) = piece.later {
                let write = queue.write_end.get().wrapping_sub(1);
                self.told_of_room = session.is_awaited(write);
                if self.told_of_room {
                    // They need not wait until the rest is copied: this thread may be stopped at that.
                    session.lock_as(self.held.slot + 1).tell_both_ends(self.body);
                }
                let rest = &mut buffer[filled..filled + piece.taken.bytes];
                let length = rest.len();
                let mut done = Ok(());
                waiting.beside(length, &mut || done = session.read_chain(chain, skip, rest)); // C6
                done?;
                fault!(TakeCopiedOut);
                session.give_pages(self.held.slot + 1, self.held.grip(DATA));
            }
            self.held.words(session).commit.put(IDLE);
            match &mut all {
                None => all = Some(piece.taken),
                Some(all) => {
                    all.bytes += piece.taken.bytes;
                    all.left = piece.taken.left;
                    all.handles.append(&mut piece.taken.handles);
                }
            }
            let full = all.as_ref().is_some_and(|all| all.bytes == buffer.len());
            if !piece.goes_on || full || is_empty(queue) {
                return Ok(all);
            }
            before = Some(piece.after);
        }
    }

    /// The frame at the head, or as much of it as may be taken in one go. `None`: there is none, or what was there `before` this
    /// call went on is not all there any more.
    fn take_locked(
        &self,
        handle: u32,
        queue: &Queue,
        buffer: &mut [u8],
        mode: Mode,
        before: Option<Stamp>,
    ) -> NtResult<Option<Piece>> {
        let session = self.session;
        self.check_side(handle, queue)?;
        if before.is_some_and(|before| before != stamp(queue)) {
            return Ok(None);
        }
        if before.is_none() && session.arena.notice_is_due(queue) && mode.takes_notices() {
            return self.take_notice(queue);
        }
        let Some((place, frame, done)) = self.next_frame(queue)? else { return Ok(None) };
        let left = (frame.length as usize).checked_sub(done);
        let left = left.ok_or_else(|| session.damaged("the frames of a queue contradict themselves"))?;
        let mut piece = Piece { taken: Taken::nothing_of(&frame), later: None, after: stamp(queue), goes_on: false };
        if mode == Mode::Whole && left > buffer.len() || mode == Mode::Stranded && !session.is_stranded(&frame) {
            piece.taken.left = left.max(1);
            return Ok(Some(piece));
        }
        if buffer.is_empty() && (left > 0 || mode == Mode::Stream) {
            piece.taken.left = left;
            return Ok(Some(piece));
        }
        if let Some(index) = frame.badge.checked_sub(1) {
            let known = session.arena.badge(self.body, frame.badge).filter(|_| index < session.arena.objects());
            let (_, record) = known.ok_or_else(|| session.damaged("the frames of a queue contradict themselves"))?;
            let generation = word::generation(record.word.get());
            let badge = Badge { handle: 0, object: index, generation };
            piece.taken.badged = Some(Box::new(Badged { number: record.detail.get(), badge, closed: false }));
        }
        let ends = left <= buffer.len();
        let bytes = match frame.chain {
            Some(_) if !ends => PIECE.min(buffer.len()),
            _ => left.min(buffer.len()),
        };
        (piece.taken.bytes, piece.taken.left) = (bytes, left - bytes);
        piece.goes_on = mode == Mode::Stream || !ends;
        match frame.chain {
            Some(chain) if ends => piece.later = Some((chain, done)),
            Some(chain) => {
                let mut cursor = Cursor::of(queue, chain);
                session.read_on(chain, &mut cursor, done, &mut buffer[..bytes])?;
                cursor.keep(queue);
            }
            None => session.read_in_line(place.after(frame.data_at() + done as u32), &mut buffer[..bytes])?,
        }
        fault!(TakeCopied); // C3
        let after = match ends {
            true => place.after(frame.footprint).position(),
            false => place.position() | ((done + bytes) as u64) << 32,
        };
        if ends && let Some(chain) = frame.chain {
            chain.write(&self.held.words(session).chains[DATA as usize]);
        }
        piece.after = (piece.after.0.wrapping_add(bytes as u64), piece.after.1.wrapping_add(u64::from(ends)));
        piece.taken.handles = self.advance(queue, after, piece.after, ends.then_some(&frame)).inspect_err(|_| {
            self.held.words(session).chains[DATA as usize].first.put(0); // still the frame's
        })?;
        Ok(Some(piece))
    }

    /// The notice that is due.
    fn take_notice(&self, queue: &Queue) -> NtResult<Option<Piece>> {
        let mut locked = self.session.lock_as(self.held.slot + 1);
        self.session.whole()?;
        let number = locked.take_notice(self.body, queue)?;
        Ok(number.map(|number| {
            let taken = Taken {
                bytes: 0,
                left: 0,
                tag: 0,
                sender: (0, 0),
                correlation: 0,
                handles: Vec::new(),
                badged: Some(Box::new(Badged {
                    number,
                    badge: Badge { handle: 0, object: 0, generation: 0 },
                    closed: true,
                })),
            };
            Piece { taken, later: None, after: stamp(queue), goes_on: false }
        }))
    }

    /// The side is ours; is the queue still what the handle leads to?
    pub(super) fn check_side(&self, handle: u32, queue: &Queue) -> NtResult<()> {
        let (entry, body, again, _) = self.session.end_of(handle, Type::ReadEnd)?;
        if !std::ptr::eq(queue, again) || body != self.body || entry.identity() != self.end {
            return Err(NtStatus::INVALID_HANDLE.into());
        }
        self.session.check_takable(queue)
    }

    /// C4, C5: the head goes to `after`, and what the hand names is ours, as are the handles of the `whole` frame, and the duty to
    /// answer it. Fails, and takes nothing, if there is no room for the handles.
    fn advance(
        &self,
        queue: &Queue,
        after: u64,
        (data, frames): Stamp,
        whole: Option<&Frame>,
    ) -> NtResult<Vec<Received>> {
        let hand = self.held.words(self.session);
        hand.after.put(after);
        hand.data.put(data);
        hand.frames.put(frames);
        let carried = whole.map_or(&[][..], |frame| &frame.carried[..frame.handles()]);
        let request = whole.filter(|frame| frame.flags & REQUEST != 0).map_or(0, |frame| frame.correlation);
        hand.correlation.put(request);
        let badge = whole.map_or(0, |frame| frame.badge);
        hand.badge.put(badge);
        if let Some(frame) = whole.filter(|_| badge != 0) {
            hand.badge_after.put(self.session.arena.badge_after(badge, Half::Taken, frame.length));
        }
        let mut received = Vec::new();
        if carried.is_empty() {
            hand.commit.put(TAKE);
            fault!(TakeCommitted);
        } else {
            received = self.session.receive(self.held, carried)?;
        }
        if request != 0 {
            self.session.take_request(request);
        }
        queue.taken_by.store(signature(self.held.slot + 1), Ordering::Relaxed);
        queue.head.store(after, Ordering::Release);
        queue.data_out.put(data);
        queue.frames_out.put(frames);
        if badge != 0 {
            self.session.arena.count_for_badge(self.body, badge, Half::Taken, hand.badge_after.get());
        }
        fault!(TakeMoved);
        hand.commit.put(if without!(OwnChain) { IDLE } else { OWN });
        fault!(TakeOwned);
        Ok(received)
    }

    /// The frame at the head, where it lies, and how much of it was taken before. Steps over the ends of pages (C2).
    pub(super) fn next_frame(&self, queue: &Queue) -> NtResult<Option<(Place, Frame, usize)>> {
        let (session, held) = (self.session, self.held);
        let hand = held.words(session);
        loop {
            let (head, tail) = (queue.head.get(), queue.tail.load(Ordering::Acquire));
            if head == tail {
                return Ok(None);
            }
            let position = match head & u64::from(u32::MAX) {
                0 => u64::from(queue.first.get()),
                position => position,
            };
            let place = Place::of(position);
            match session.frame_at(place)? {
                Found::Frame(frame) => return Ok(Some((place, frame, (head >> 32) as usize))),
                Found::Next(next) => {
                    let page = Chain { first: place.page, last: place.page, count: 1 };
                    page.write(&hand.chains[ROW as usize]);
                    self.advance(queue, Place { page: next, offset: 0 }.position(), stamp(queue), None)?;
                    session.give_pages(held.slot + 1, held.grip(ROW));
                    hand.commit.put(IDLE);
                }
            }
        }
    }
}
