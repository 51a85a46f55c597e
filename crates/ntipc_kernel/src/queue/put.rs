//! Putting a frame into a queue.
//!
//!   P1 hand: intent      P2 longer data: a chain into the hand, filled, with no lock held
//!   P3 producer lock, look again: reader gone, broken, no room      P4 hand: tail, counters after; commit := PUT
//!   P5 no room in the page: a fresh one into the hand      P6 the frame and the END before it, behind the tail
//!   P7 tail := after the frame      P8 counters, hand emptied, commit := IDLE      P9 unlock, fence
//!   P10 somebody waits to read? dispatcher lock, evaluate; intent := 0
//!
//! Invariant: what lies before the tail is whole, and a frame is put whole or not at all. P7 is the one store that publishes; Release,
//! it pairs with the reader's Acquire of the tail: the frame and what its chain holds are seen with it.
//! Crash: see `hand`. Nothing fails after P5.

use super::frame::{Frame, IN_LINE, LENGTH_MAX, OUT_OF_LINE, Place, footprint};
use super::hand::{DATA, Held, IDLE, PUT, ROW, Side};
use super::pages::pages_for;
use super::state::has_room;
use crate::arena::layout::{PAGE_SIZE, Queue, word};
use crate::fault::fault;
use crate::object::handles::{Entry, check_rights};
use crate::object::kind::{Kind, Type, access};
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use std::sync::Arc;

fn no_reader() -> Failure {
    Failure::new(NtStatus::PIPE_CLOSING, "nobody can read it any more: every handle to its read end is closed")
}

impl Session {
    /// What a handle to an end leads to.
    pub(super) fn end_of(&self, handle: u32, end: Type) -> NtResult<(Entry, u32, &Queue, u32)> {
        let (entry, kind) = self.entry_of(handle, end, 0)?;
        check_rights(entry, access::MODIFY)?;
        let record = self.arena.object(entry.object);
        match self.arena.queue_of(record) {
            Some((body, queue, read, write)) if word::generation(record.word.get()) == entry.generation => {
                let (mine, other) = if kind == Kind::ReadEnd { (read, write) } else { (write, read) };
                if mine != entry.object {
                    return Err(self.damaged("an end belongs to no queue"));
                }
                Ok((entry, body, queue, other))
            }
            _ => Err(NtStatus::INVALID_HANDLE.into()),
        }
    }

    /// Put one frame, whose data lies in several pieces. `false`: no room now; wait for the write end, by channel 1, and try
    /// again.
    pub fn put_frame(self: &Arc<Self>, handle: u32, pieces: &[&[u8]], tag: u32) -> NtResult<bool> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if length > LENGTH_MAX {
            return Err(Session::too_long(length));
        }
        let slot = self.thread_slot()?;
        self.check_attached()?;
        self.whole()?;
        let (_, body, queue, other) = self.end_of(handle, Type::WriteEnd)?;
        self.check_puttable(queue, other)?;
        self.arena.thread(slot).queue_need.put(length as u64);
        if !has_room(queue, length as u64) {
            return Ok(false); // known before anything is copied
        }
        let held = self.take_hand(slot, body, Side::Put)?; // P1
        let done = self.put_with(held, handle, pieces, length, tag);
        for chain in [DATA, ROW] {
            self.give_pages(slot + 1, held.grip(chain)); // what the frame did not take over
        }
        if self.arena.object(other).word.load(Ordering::Relaxed) & word::HAS_WAITERS != 0
            || self.arena.object(other).handles.get() == 0
        {
            self.lock_as(slot + 1).tell_both_ends(body); // P10
        }
        fault!(PutTold);
        self.empty_hand(held);
        done
    }

    fn check_puttable(&self, queue: &Queue, reader: u32) -> NtResult<()> {
        match queue.broken.get() {
            0 if self.arena.object(reader).handles.get() == 0 => Err(no_reader()),
            0 => Ok(()),
            status => Err(NtStatus(status).into()),
        }
    }

    fn put_with(&self, held: Held, handle: u32, pieces: &[&[u8]], length: usize, tag: u32) -> NtResult<bool> {
        let mut chain = None;
        if length > IN_LINE {
            let taken = self.take_pages(held.slot + 1, pages_for(length), held.grip(DATA))?; // P2
            self.fill_chain(taken, pieces)?;
            chain = Some(taken);
        }
        let (_, _, queue, _) = self.end_of(handle, Type::WriteEnd)?;
        self.lock_side(&queue.put_lock, held.slot); // P3
        fault!(PutLocked);
        let frame = Frame {
            length: length as u32,
            footprint: footprint(length),
            flags: if chain.is_some() { OUT_OF_LINE } else { 0 },
            tag,
            sender: self.slot(),
            sender_generation: self.slot_generation.load(Ordering::Relaxed),
            correlation: 0,
            chain,
        };
        let done = self.put_locked(held, handle, queue, &frame, pieces);
        held.words(self).commit.put(IDLE);
        fault!(PutForgotten);
        self.unlock_side(&queue.put_lock); // P9
        fault!(PutUnlocked);
        done
    }

    fn put_locked(&self, held: Held, handle: u32, queue: &Queue, frame: &Frame, pieces: &[&[u8]]) -> NtResult<bool> {
        let (_, body, again, reader) = self.end_of(handle, Type::WriteEnd)?;
        let hand = held.words(self);
        if !std::ptr::eq(queue, again) || (body + 1) << 1 != hand.intent.get() {
            return Err(NtStatus::INVALID_HANDLE.into());
        }
        self.check_puttable(queue, reader)?;
        if !has_room(queue, u64::from(frame.length)) {
            return Ok(false);
        }
        let tail = queue.tail.get();
        hand.before.put(tail);
        hand.data.put(queue.data_in.get().wrapping_add(u64::from(frame.length)));
        hand.frames.put(queue.frames_in.get().wrapping_add(1));
        hand.commit.put(PUT); // P4
        fault!(PutRecorded);
        let old = Place::of(tail);
        let mut place = old;
        if old.page == 0 || old.offset + frame.footprint + 8 > PAGE_SIZE {
            let page = self.take_pages(held.slot + 1, 1, held.grip(ROW))?; // P5
            place = Place { page: page.first, offset: 0 };
        }
        fault!(PutPaged);
        self.write_header(place, frame)?; // P6
        if frame.chain.is_none() {
            let mut at = place.after(super::frame::HEADER);
            for piece in pieces {
                if !self.arena.copy_in(at.page, at.offset, piece) {
                    return Err(self.damaged("the frames of a queue contradict themselves"));
                }
                at = at.after(piece.len() as u32);
            }
        }
        if place.page != old.page {
            match old.page {
                0 => queue.first.put(place.position() as u32),
                _ => self.write_end(old, place.page)?,
            }
        }
        fault!(PutWritten);
        queue.tail.store(place.after(frame.footprint).position(), Ordering::Release); // P7
        fault!(PutPublished);
        queue.data_in.put(hand.data.get()); // P8
        queue.frames_in.put(hand.frames.get());
        fault!(PutCounted);
        for chain in &hand.chains {
            chain.first.put(0);
        }
        Ok(true)
    }
}
