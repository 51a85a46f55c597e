//! Looking at what a queue holds.
//!
//! Invariant: what was copied lay in the queue at one moment. The consumer lock is held for [`PIECE`] bytes at a time; frames stay
//! where they are as long as nobody takes anything, which the counters tell. Else the look begins again, and another thread made progress.

use super::frame::{Found, Frame, Place};
use super::operation::Operation;
use super::pages::Cursor;
use super::take::{PIECE, Taken, stamp};
use crate::arena::layout::Queue;
use crate::fault::fault;
use crate::status::NtResult;
use crate::sync::Shared;

/// Where a look goes on.
struct Spot {
    place: Place,
    frame: Frame,
    /// Bytes of the frame that were taken or copied.
    done: usize,
    cursor: Option<Cursor>,
}

impl Operation<'_> {
    /// Copy what is there; with `across` over several frames. `None`: nothing there any more.
    pub(super) fn peek(&self, handle: u32, queue: &Queue, buffer: &mut [u8], across: bool) -> NtResult<Option<Taken>> {
        'anew: loop {
            let mut all: Option<Taken> = None;
            let mut spot = None;
            let mut began = None;
            loop {
                self.session.lock_side(&queue.take_lock, self.held);
                fault!(TakeLocked);
                let seen = stamp(queue);
                let same = *began.get_or_insert(seen) == seen;
                let copied = match same {
                    true => self.peek_locked(handle, queue, buffer, across, &mut all, &mut spot),
                    false => Ok(false),
                };
                self.session.unlock_side(&queue.take_lock, self.held.slot);
                fault!(TakeUnlocked);
                match copied? {
                    _ if !same => continue 'anew,
                    true => {}
                    false => return Ok(all),
                }
            }
        }
    }

    /// A piece more. `false`: that was all.
    fn peek_locked(
        &self,
        handle: u32,
        queue: &Queue,
        buffer: &mut [u8],
        across: bool,
        all: &mut Option<Taken>,
        spot: &mut Option<Spot>,
    ) -> NtResult<bool> {
        let session = self.session;
        self.check_side(handle, queue)?;
        if spot.is_none() {
            let Some((place, frame, done)) = self.next_frame(queue)? else { return Ok(false) };
            *all = Some(Taken::nothing_of(&frame));
            *spot = Some(Spot { place, frame, done, cursor: None });
        }
        let (Some(all), Some(spot)) = (all, spot) else { return Ok(false) };
        let mut room = PIECE;
        loop {
            let left = (spot.frame.length as usize).checked_sub(spot.done);
            let left = left.ok_or_else(|| session.damaged("the frames of a queue contradict themselves"))?;
            let bytes = left.min(buffer.len() - all.bytes).min(room);
            let into = &mut buffer[all.bytes..all.bytes + bytes];
            match spot.frame.chain {
                Some(chain) => {
                    let cursor = spot.cursor.get_or_insert_with(|| Cursor::of(queue, chain));
                    session.read_on(chain, cursor, spot.done, into)?;
                }
                None => session.read_in_line(spot.place.after(spot.frame.data_at() + spot.done as u32), into)?,
            }
            spot.done += bytes;
            all.bytes += bytes;
            all.left = left - bytes;
            room -= bytes;
            if all.bytes == buffer.len() || all.left == 0 && !across {
                return Ok(false);
            }
            if all.left == 0 {
                match self.frame_after(queue, spot.place.after(spot.frame.footprint))? {
                    Some((place, frame)) => *spot = Spot { place, frame, done: 0, cursor: None },
                    None => return Ok(false),
                }
            }
            if room == 0 {
                return Ok(true);
            }
            room -= 1; // so that empty frames come to an end
        }
    }

    /// The frame at or after a place, if it is before the tail.
    fn frame_after(&self, queue: &Queue, place: Place) -> NtResult<Option<(Place, Frame)>> {
        let mut place = place;
        loop {
            if place.position() == queue.tail.get() {
                return Ok(None);
            }
            match self.session.frame_at(place)? {
                Found::Frame(frame) => return Ok(Some((place, frame))),
                Found::Next(next) => place = Place { page: next, offset: 0 },
            }
        }
    }
}
