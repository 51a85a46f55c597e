//! Names: a hash table of objects, and text kept in cells of 60 bytes.

use crate::arena::layout::{BUCKETS, CELLS, Cell, Object};
use crate::fault::fault;
use crate::object::kind::Kind;
use crate::process::lock::Locked;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared};

/// Longest text in bytes: 32,766 UTF-16 units are at most that many bytes of UTF-8.
pub const TEXT_MAX: usize = 32_766 * 3;
const CELL_BYTES: usize = Cell::WORDS * 4;

pub fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The object that bears the name by which this one is known: that of a queue stands with its read end.
pub fn named<'a>(arena: &'a crate::arena::Arena, object: &'a Object) -> &'a Object {
    match Kind::of(object) {
        Some(Kind::WriteEnd | Kind::BadgedEnd) => arena
            .queue_of(object)
            .filter(|(_, _, read, _)| *read < arena.objects())
            .map_or(object, |(_, _, read, _)| arena.object(read)),
        _ => object,
    }
}

/// Read a text out of its cells. `None`: no text, or damaged.
pub fn read(arena: &crate::arena::Arena, first: u32) -> Option<Vec<u8>> {
    read_within(arena, first, CELLS)
}

/// The same, looking at the first `cells` cells only.
pub fn read_within(arena: &crate::arena::Arena, first: u32, cells: u32) -> Option<Vec<u8>> {
    let length = arena.cell(first.checked_sub(1).filter(|index| *index < cells)?).text[0].get() as usize;
    if length > TEXT_MAX + 64 {
        return None;
    }
    // Whole cells are copied, so the last one may stand out.
    let mut text = Vec::with_capacity(length + CELL_BYTES);
    let mut cell = first;
    let mut skip = 4; // the length
    while text.len() < length {
        let record = arena.cell(cell.checked_sub(1).filter(|index| *index < cells)?);
        for word in &record.text[skip / 4..] {
            text.extend_from_slice(&word.get().to_le_bytes());
        }
        skip = 0;
        cell = record.next.get();
    }
    text.truncate(length);
    Some(text)
}

impl Locked<'_> {
    /// Find a named object.
    pub fn look_up(&self, name: &str) -> NtResult<Option<u32>> {
        let arena = &self.session.arena;
        let hash = hash(name);
        let mut next = arena.bucket(hash & (BUCKETS - 1)).get();
        let high = arena.objects();
        for _ in 0..=high {
            let Some(object) = next.checked_sub(1) else { return Ok(None) };
            let record = arena.object(object);
            if object >= high || Kind::of(record).is_none() {
                return Err(self.session.damaged("a name leads to no object"));
            }
            if record.hash.get() == hash && read(arena, record.name.get()).is_some_and(|known| known == name.as_bytes())
            {
                return Ok(Some(object));
            }
            next = record.link.get();
        }
        Err(self.session.damaged("the name table runs in a circle"))
    }

    /// Make the name of an object known.
    pub fn publish_name(&mut self, object: u32, name: &str) -> NtResult<()> {
        let hash = hash(name);
        self.session.arena.grow_buckets(hash)?;
        self.note_object(object);
        let cells = self.store_text(name.as_bytes())?;
        let arena = &self.session.arena;
        let record = arena.object(object);
        let bucket = arena.bucket(hash & (BUCKETS - 1));
        record.hash.put(hash);
        record.link.put(bucket.get());
        record.name.put(cells);
        fault!(NameLinked);
        bucket.put(object + 1);
        self.count_name();
        Ok(())
    }

    /// Somebody who looked in vain for a name is to look again. After the name is there, and after a death that came
    /// between.
    pub(crate) fn count_name(&self) {
        self.session.arena.header().names_published.fetch_add(1, Ordering::Release);
    }

    /// The word that leads to an object in the chain of its hash, if it is there.
    pub(crate) fn link_to(&self, object: u32) -> Option<&AtomicU32> {
        let arena = &self.session.arena;
        let mut link = arena.bucket(arena.object(object).hash.get() & (BUCKETS - 1));
        for _ in 0..=arena.objects() {
            match link.get().checked_sub(1)? {
                found if found == object => return Some(link),
                other => link = &arena.object(other).link,
            }
        }
        None
    }

    pub(crate) fn take_out_of_chain(&self, object: u32) {
        if let Some(link) = self.link_to(object) {
            link.put(self.session.arena.object(object).link.get());
        }
    }

    pub(crate) fn put_into_chain(&self, object: u32) {
        let record = self.session.arena.object(object);
        let bucket = self.session.arena.bucket(record.hash.get() & (BUCKETS - 1));
        record.link.put(bucket.get());
        bucket.put(object + 1);
    }

    /// The name is free at once.
    pub fn forget_name(&mut self, object: u32) {
        let arena = &self.session.arena;
        let record = arena.object(object);
        if record.name.get() == 0 {
            return;
        }
        self.note_object(object);
        self.take_out_of_chain(object);
        let cells = record.name.get();
        record.name.put(0);
        self.free_text(cells);
    }

    /// Put a text into cells; returns the first, + 1.
    pub fn store_text(&mut self, text: &[u8]) -> NtResult<u32> {
        if text.len() > TEXT_MAX {
            return Err(Failure::new(NtStatus::OBJECT_NAME_INVALID, "the name is longer than 32,766 characters"));
        }
        self.note_texts();
        let arena = &self.session.arena;
        let header = arena.header();
        let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(text);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let (mut first, mut last) = (0, 0);
        for chunk in bytes.chunks(CELL_BYTES) {
            let cell = match header.cell_free.get().checked_sub(1) {
                Some(cell) if cell >= arena.cells() => {
                    return Err(self.session.damaged("the counts of its tables are impossible"));
                }
                Some(cell) => {
                    header.cell_free.put(arena.cell(cell).next.get());
                    cell
                }
                None => {
                    let cell = header.cell_high.get();
                    if let Err(failure) = arena.grow_cells(cell.saturating_add(1)) {
                        self.free_text(first);
                        return Err(failure);
                    }
                    header.cell_high.put(cell + 1);
                    cell
                }
            };
            let record = arena.cell(cell);
            record.next.put(0);
            for (word, four) in record.text.iter().zip(chunk.chunks(4)) {
                let mut value = [0; 4];
                value.copy_from_slice(four);
                word.put(u32::from_le_bytes(value));
            }
            match last {
                0 => first = cell + 1,
                _ => arena.cell(last - 1).next.put(cell + 1),
            }
            last = cell + 1;
            fault!(TextStored);
        }
        Ok(first)
    }

    /// Give back as many cells as the length of the text asks for, and no more: what follows may be anything.
    pub fn free_text(&mut self, first: u32) {
        let Some(index) = first.checked_sub(1) else { return };
        self.note_texts();
        let arena = &self.session.arena;
        let header = arena.header();
        let high = arena.cells();
        let length = arena.cell(index).text[0].get() as usize;
        let count = (length.min(TEXT_MAX + 64) + 4).div_ceil(CELL_BYTES);
        let mut cell = first;
        for _ in 0..count {
            match cell.checked_sub(1) {
                Some(index) if index < high => {
                    cell = arena.cell(index).next.get();
                    arena.cell(index).next.put(header.cell_free.get());
                    header.cell_free.put(index + 1);
                    fault!(TextFreed);
                }
                Some(_) => break,
                None => return, // cut short when its text was stored; the rest is free already
            }
        }
        if cell != 0 {
            self.session.damaged("a text runs on beyond its end");
        }
    }
}
