//! Taking frames out of a queue.
//!
//!   C1 nothing there? no lock. Hand: intent; consumer lock, look again
//!   C2 at the end of a page: hand: that page, the position after it; commit := TAKE; head; the page is given back
//!   C3 data in line: copy out (the frame is still there)
//!   C4 hand: the position and counters after, the frame's chain; commit := TAKE
//!   C5 head, counters; commit := OWN; unlock, fence
//!   C6 data out of line: copy out, with no lock held; give the chain back
//!   C7 somebody waits to write, or more is left and somebody waits to read? dispatcher lock, evaluate; intent := 0
//!
//! Invariant: a frame is taken once. The store to `head` is what takes it, or a part of it: position and the bytes taken before are one word.
//! Crash: see `hand`. Before C4 nothing has happened, after it the frame is lost with its taker, and nothing else is.

use super::frame::{Found, Frame, HEADER, Place};
use super::hand::{DATA, Held, IDLE, OWN, ROW, Side, TAKE};
use super::pages::Chain;
use crate::arena::layout::{Queue, word};
use crate::fault::fault;
use crate::object::kind::Type;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

/// What to do with a frame that is longer than the buffer, and whether to take it at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Take what fits; the rest comes next.
    Part,
    /// Take all of it or nothing.
    Whole,
    /// Look, and take nothing.
    Peek,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Bytes in the buffer.
    pub bytes: usize,
    /// Bytes of this frame that are left. With [`Mode::Whole`] and a buffer too small: all, and nothing was taken.
    pub left: usize,
    pub tag: u32,
    /// Process slot of the sender, and its generation.
    pub sender: (u32, u32),
}

fn no_writer() -> Failure {
    Failure::new(NtStatus::PIPE_BROKEN, "all that was written is read, and every handle to its write end is closed")
}

impl Session {
    /// Take the next frame, or a part of it. `None`: nothing there now; wait for the read end, and try again.
    pub fn take_frame(self: &Arc<Self>, handle: u32, buffer: &mut [u8], mode: Mode) -> NtResult<Option<Taken>> {
        let slot = self.thread_slot()?;
        self.check_attached()?;
        self.whole()?;
        let (entry, body, queue, other) = self.end_of(handle, Type::ReadEnd)?;
        // Before the tail: what was put before the last writer went is seen.
        let over = self.arena.object(other).handles.get() == 0;
        self.check_takable(queue)?;
        if queue.head.load(Ordering::Acquire) == queue.tail.load(Ordering::Acquire) {
            return if over { Err(no_writer()) } else { Ok(None) };
        }
        let held = self.take_hand(slot, body, Side::Take)?; // C1
        let done = self.take_with(held, handle, buffer, mode);
        for chain in [DATA, ROW] {
            self.give_pages(slot + 1, held.grip(chain));
        }
        held.words(self).commit.put(IDLE);
        let is_awaited = |object: u32| self.arena.object(object).word.load(Ordering::Relaxed) & word::HAS_WAITERS != 0;
        let more = queue.head.get() != queue.tail.get();
        if is_awaited(other) || more && is_awaited(entry.object) || self.arena.object(entry.object).handles.get() == 0 {
            self.lock_as(slot + 1).tell_both_ends(body); // C7
        }
        fault!(TakeTold);
        self.empty_hand(held);
        done
    }

    /// Bytes and frames that wait to be read.
    pub fn waiting_in_queue(&self, handle: u32) -> NtResult<(u64, u64)> {
        let (_, _, queue, _) = self.end_of(handle, Type::ReadEnd)?;
        let frames = queue.frames_in.get().wrapping_sub(queue.frames_out.get());
        Ok((queue.data_in.get().wrapping_sub(queue.data_out.get()), frames))
    }

    fn check_takable(&self, queue: &Queue) -> NtResult<()> {
        match queue.broken.get() {
            0 => Ok(()),
            status => Err(NtStatus(status).into()),
        }
    }

    fn take_with(&self, held: Held, handle: u32, buffer: &mut [u8], mode: Mode) -> NtResult<Option<Taken>> {
        let (_, _, queue, _) = self.end_of(handle, Type::ReadEnd)?;
        self.lock_side(&queue.take_lock, held.slot);
        fault!(TakeLocked);
        let mut later = None;
        let done = self.take_locked(held, handle, queue, buffer, mode, &mut later);
        self.unlock_side(&queue.take_lock); // C5
        fault!(TakeUnlocked);
        if let (Some((chain, skip)), Ok(Some(taken))) = (later, &done) {
            self.read_chain(chain, skip, &mut buffer[..taken.bytes])?; // C6
            fault!(TakeCopiedOut);
        }
        done
    }

    fn take_locked(
        &self,
        held: Held,
        handle: u32,
        queue: &Queue,
        buffer: &mut [u8],
        mode: Mode,
        later: &mut Option<(Chain, usize)>,
    ) -> NtResult<Option<Taken>> {
        let (_, body, again, _) = self.end_of(handle, Type::ReadEnd)?;
        let hand = held.words(self);
        if !std::ptr::eq(queue, again) || (body + 1) << 1 | 1 != hand.intent.get() {
            return Err(NtStatus::INVALID_HANDLE.into());
        }
        self.check_takable(queue)?;
        let Some((place, frame, done)) = self.next_frame(held, queue)? else { return Ok(None) };
        let left = (frame.length as usize).checked_sub(done);
        let left = left.ok_or_else(|| self.damaged("the frames of a queue contradict themselves"))?;
        let bytes = left.min(buffer.len());
        let mut taken =
            Taken { bytes, left: left - bytes, tag: frame.tag, sender: (frame.sender, frame.sender_generation) };
        if mode == Mode::Whole && taken.left > 0 {
            (taken.bytes, taken.left) = (0, left);
            return Ok(Some(taken));
        }
        let ends = taken.left == 0;
        match frame.chain {
            Some(chain) if ends && mode != Mode::Peek => *later = Some((chain, done)),
            Some(chain) => self.read_chain(chain, done, &mut buffer[..bytes])?,
            None => {
                let from = place.after(HEADER + done as u32);
                if !self.arena.copy_out(from.page, from.offset, &mut buffer[..bytes]) {
                    return Err(self.damaged("the frames of a queue contradict themselves"));
                }
            }
        }
        fault!(TakeCopied); // C3
        if mode == Mode::Peek || bytes == 0 && !ends {
            return Ok(Some(taken));
        }
        let after = match ends {
            true => place.after(frame.footprint).position(),
            false => place.position() | ((done + bytes) as u64) << 32,
        };
        if ends && let Some(chain) = frame.chain {
            chain.write(&hand.chains[DATA as usize]);
        }
        let frames = queue.frames_out.get().wrapping_add(u64::from(ends));
        self.advance(held, queue, after, queue.data_out.get().wrapping_add(bytes as u64), frames);
        Ok(Some(taken))
    }

    /// C4, C5: the head goes to `after`, and what the hand names is ours.
    fn advance(&self, held: Held, queue: &Queue, after: u64, data: u64, frames: u64) {
        let hand = held.words(self);
        hand.after.put(after);
        hand.data.put(data);
        hand.frames.put(frames);
        hand.commit.put(TAKE);
        fault!(TakeCommitted);
        queue.head.store(after, Ordering::Release);
        queue.data_out.put(data);
        queue.frames_out.put(frames);
        fault!(TakeMoved);
        hand.commit.put(OWN);
        fault!(TakeOwned);
    }

    /// The frame at the head, where it lies, and how much of it was taken before. Steps over the ends of pages (C2).
    fn next_frame(&self, held: Held, queue: &Queue) -> NtResult<Option<(Place, Frame, usize)>> {
        let hand = held.words(self);
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
            match self.frame_at(place)? {
                Found::Frame(frame) => return Ok(Some((place, frame, (head >> 32) as usize))),
                Found::Next(next) => {
                    let page = Chain { first: place.page, last: place.page, count: 1 };
                    page.write(&hand.chains[ROW as usize]);
                    let after = Place { page: next, offset: 0 }.position();
                    self.advance(held, queue, after, queue.data_out.get(), queue.frames_out.get());
                    self.give_pages(held.slot + 1, held.grip(ROW));
                    hand.commit.put(IDLE);
                }
            }
        }
    }
}
