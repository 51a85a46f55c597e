//! Frames: a header of four words, then the data or the chain of pages that holds it.
//!
//! | word | bits                                                                                   |
//! | ---- | -------------------------------------------------------------------------------------- |
//! | 0    | length (32) · footprint in line (16) · flags (8) · handles carried (8)                 |
//! | 1    | tag (32) · process slot of the sender (12) · badge, + 1 (20)                            |
//! | 2    | generation of that slot (32) · first page of the chain (32)                            |
//! | 3    | correlation number                                                                     |
//! | 4    | places of the handles carried, + 1, two a word                                         |
//! | then | the data; of a frame that lies out of line: last page (32) · count of pages (32)       |
//!
//! A position is page << 9 | offset / 8. A frame never crosses the end of a page; length [`END`] says that the row goes
//! on at the beginning of the page that this one links to, and eight bytes are always left for that. What lies before
//! the tail is whole. Nothing of it is believed: each part is read once, and brought into bounds.

use super::pages::{Chain, pages_for, up_to};
use crate::arena::Arena;
use crate::arena::layout::{CARRIED, HANDLES, OBJECTS, PAGE_SIZE, PROCESSES};
use crate::session::Session;
use crate::status::NtResult;
use crate::sync::Shared;

/// Longest frame.
pub const LENGTH_MAX: usize = (1 << 30) - 1;
/// Longer data lies out of line.
pub const IN_LINE: usize = 2048;
pub const HEADER: u32 = 32;
const END: u32 = u32::MAX;
/// Flag: the data lies in a chain of its own.
pub const OUT_OF_LINE: u32 = 1;
/// Where the badge begins, above the sender's slot.
const BADGE_SHIFT: u32 = 44;
const _: () = assert!(PROCESSES <= 1 << (BADGE_SHIFT - 32) && OBJECTS < 1 << (64 - BADGE_SHIFT));
/// Flag: its sender waits for a reply.
pub const REQUEST: u32 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub page: u32,
    pub offset: u32,
}

impl Place {
    pub fn of(position: u64) -> Place {
        let position = position as u32;
        Place { page: position >> 9, offset: (position & 511) << 3 }
    }

    pub fn position(self) -> u64 {
        u64::from(self.page) << 9 | u64::from(self.offset >> 3)
    }

    pub fn after(self, bytes: u32) -> Place {
        Place { page: self.page, offset: self.offset + bytes }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    pub length: u32,
    pub footprint: u32,
    pub flags: u32,
    pub tag: u32,
    pub sender: u32,
    pub sender_generation: u32,
    pub correlation: u64,
    /// The badge that it bears, + 1; 0: none.
    pub badge: u32,
    /// Where the data lies, if out of line.
    pub chain: Option<Chain>,
    /// Handles carried: places in the table of [`crate::arena::layout::IN_FRAMES`], + 1, and then zeros.
    pub carried: [u32; CARRIED],
}

impl Frame {
    pub fn handles(&self) -> usize {
        self.carried.iter().take_while(|place| **place != 0).count()
    }

    /// Where in the frame the data, or the rest of the chain, begins.
    pub fn data_at(&self) -> u32 {
        data_at(self.handles())
    }
}

#[derive(Debug)]
pub enum Found {
    Frame(Frame),
    /// The row goes on in that page.
    Next(u32),
}

fn data_at(handles: usize) -> u32 {
    HEADER + (handles as u32 * 4).next_multiple_of(8)
}

/// Bytes that a frame takes in line.
pub fn footprint(length: usize, handles: usize) -> u32 {
    match length {
        0..=IN_LINE => data_at(handles) + (length as u32).next_multiple_of(8),
        _ => data_at(handles) + 8,
    }
}

impl Arena {
    /// What lies at a place before the tail. `None`: nothing that makes sense.
    pub fn frame_at(&self, place: Place) -> Option<Found> {
        let word_at = |place: Place| match place.page {
            0 => None,
            page => self.page_word(page, place.offset).map(Shared::get),
        };
        let first = word_at(place)?;
        let length = first as u32;
        if length == END {
            let next = self.link(place.page).get();
            return (next != 0).then_some(Found::Next(next));
        }
        let (footprint, flags) = ((first >> 32) as u32 & 0xffff, (first >> 48) as u32 & 0xff);
        let handles = (first >> 56) as usize;
        let out = flags & OUT_OF_LINE != 0;
        if length as usize > LENGTH_MAX
            || handles > CARRIED
            || footprint != self::footprint(length as usize, handles)
            || out != (length as usize > IN_LINE)
            || place.offset + footprint + 8 > PAGE_SIZE
        {
            return None;
        }
        let (second, third) = (word_at(place.after(8))?, word_at(place.after(16))?);
        let mut chain = None;
        if out {
            let rest = word_at(place.after(data_at(handles)))?;
            let found = Chain { first: (third >> 32) as u32, last: rest as u32, count: (rest >> 32) as u32 };
            if found.first == 0 || found.count != pages_for(length as usize) {
                return None;
            }
            chain = Some(found);
        }
        let mut carried = [0; CARRIED];
        for (number, known) in carried[..handles].iter_mut().enumerate() {
            let pair = word_at(place.after(HEADER + number as u32 / 2 * 8))?;
            *known = (pair >> (number % 2 * 32)) as u32;
            if *known == 0 || *known > HANDLES {
                return None;
            }
        }
        Some(Found::Frame(Frame {
            length,
            footprint,
            flags,
            tag: second as u32,
            sender: (second >> 32) as u32 & (PROCESSES - 1),
            badge: (second >> BADGE_SHIFT) as u32,
            sender_generation: third as u32,
            correlation: word_at(place.after(24))?,
            chain,
            carried,
        }))
    }
}

impl Arena {
    /// Write a frame that has nothing but its data, which lies in line: header and data. `false`: there is no such
    /// place.
    #[inline]
    pub(super) fn write_plain(&self, place: Place, bytes: &[u8], sender: u32, generation: u32) -> bool {
        let words = [
            bytes.len() as u64 | u64::from(footprint(bytes.len(), 0)) << 32,
            u64::from(sender) << 32,
            u64::from(generation),
            0,
        ];
        for (number, value) in words.into_iter().enumerate() {
            match self.page_word(place.page, place.offset + number as u32 * 8) {
                Some(word) => word.put(value),
                None => return false,
            }
        }
        self.copy_in(place.page, place.offset + HEADER, bytes)
    }

    /// The length of a frame at a place before the tail, if it has nothing but its data, which lies in line. `None`: it
    /// has more, or what lies there makes no sense.
    #[inline]
    pub(super) fn plain_at(&self, place: Place) -> Option<usize> {
        let word_at = |offset| self.page_word(place.page, place.offset + offset).map(Shared::get);
        let first = word_at(0).filter(|_| place.page != 0)?;
        let length = first as u32 as usize;
        // Neither flags nor handles: the footprint is all that stands above the length.
        let is_plain = length <= IN_LINE
            && first >> 32 == u64::from(footprint(length, 0))
            && place.offset + footprint(length, 0) + 8 <= PAGE_SIZE
            && word_at(8)? & !(u64::from(PROCESSES - 1) << 32) == 0
            && word_at(24)? == 0;
        is_plain.then_some(length)
    }
}

impl Session {
    /// The same; nonsense is damage.
    pub(super) fn frame_at(&self, place: Place) -> NtResult<Found> {
        self.arena.frame_at(place).ok_or_else(|| self.damaged("the frames of a queue contradict themselves"))
    }

    fn set_word(&self, place: Place, value: u64) -> NtResult<()> {
        match self.arena.page_word(place.page, place.offset) {
            Some(word) => {
                word.put(value);
                Ok(())
            }
            None => Err(self.damaged("the frames of a queue contradict themselves")),
        }
    }

    /// Write the header of a frame behind the tail.
    pub(super) fn write_header(&self, place: Place, frame: &Frame) -> NtResult<()> {
        let handles = frame.handles();
        let first = u64::from(frame.length)
            | u64::from(frame.footprint) << 32
            | u64::from(frame.flags) << 48
            | (handles as u64) << 56;
        let chain = frame.chain.unwrap_or_default();
        self.set_word(place, first)?;
        self.set_word(
            place.after(8),
            u64::from(frame.tag) | u64::from(frame.sender) << 32 | u64::from(frame.badge) << BADGE_SHIFT,
        )?;
        self.set_word(place.after(16), u64::from(frame.sender_generation) | u64::from(chain.first) << 32)?;
        self.set_word(place.after(24), frame.correlation)?;
        for (number, pair) in frame.carried[..handles.next_multiple_of(2)].chunks(2).enumerate() {
            self.set_word(place.after(HEADER + number as u32 * 8), u64::from(pair[0]) | u64::from(pair[1]) << 32)?;
        }
        if frame.chain.is_some() {
            self.set_word(place.after(frame.data_at()), u64::from(chain.last) | u64::from(chain.count) << 32)?;
        }
        Ok(())
    }

    /// Write the first `length` bytes of several pieces behind the header.
    pub(super) fn write_in_line(&self, place: Place, pieces: &[&[u8]], length: usize) -> NtResult<()> {
        let mut at = place;
        for piece in up_to(pieces, length) {
            if !self.arena.copy_in(at.page, at.offset, piece) {
                return Err(self.damaged("the frames of a queue contradict themselves"));
            }
            at = at.after(piece.len() as u32);
        }
        Ok(())
    }

    /// Copy data that lies in line.
    pub(super) fn read_in_line(&self, place: Place, bytes: &mut [u8]) -> NtResult<()> {
        match self.arena.copy_out(place.page, place.offset, bytes) {
            true => Ok(()),
            false => Err(self.damaged("the frames of a queue contradict themselves")),
        }
    }

    /// Say at `place` that the row goes on in `next`.
    pub(super) fn write_end(&self, place: Place, next: u32) -> NtResult<()> {
        self.arena.link(place.page).put(next);
        self.set_word(place, u64::from(END))
    }
}
