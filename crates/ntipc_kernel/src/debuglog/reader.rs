//! Lines out of the debug log. What a reader knows of its place in the log is its own, in private memory.

use super::word::{BUSY, DONE, EMPTY, VOID, laps_until, owner_lives, phase};
use super::{CUT, IN_BLOCK, INLINE, LONGEST, SKIP_BITS};
use crate::arena::Arena;
use crate::arena::layout::{LOG_BLOCKS, LOG_LINES, LogLine};
use crate::mutation::without;
use crate::session::{Session, locked};
use crate::status::NtResult;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence, spin_loop};
use std::sync::{Arc, Mutex};

/// Looks at a line whose writer is in the middle of it, before later ones are read first.
const LOOKS: u32 = if cfg!(feature = "models") { 1 } else { 50 };

/// A line as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub time_ns: u64,
    /// `None`: they count in another pid namespace.
    pub ids: Option<(u32, u32)>,
    /// UTF-8, unless somebody scribbled there.
    pub text: Vec<u8>,
    /// The text was longer.
    pub is_cut: bool,
}

/// What became of a number.
enum Fate {
    Ready(u64),
    /// Its writer is in the middle of it.
    Late,
    /// Its writer is dead, and has not finished it.
    Absent,
    Lost,
}

/// How far a reader is.
#[derive(Default)]
struct Position {
    next: u64,
    /// Earlier numbers whose lines come late, in order.
    late: Vec<u64>,
    lost: u64,
}

/// A reader of the debug log; it belongs to the process that made it.
pub struct LogReader {
    pub(super) session: Arc<Session>,
    pub(super) incarnation: u64,
    /// Which of the readers it is, and the handle of the event that it sleeps on.
    pub(super) place: u32,
    pub(super) bell: u32,
    /// 1: closed.
    pub(super) closed: AtomicU32,
    position: Mutex<Position>,
}

impl LogReader {
    pub(super) fn new(session: &Arc<Session>, place: u32, bell: u32, kept: bool) -> LogReader {
        let end = session.arena.header().log.lines.load(Ordering::Acquire) >> SKIP_BITS;
        let next = if kept { end.saturating_sub(u64::from(LOG_LINES)) } else { end };
        LogReader {
            session: Arc::clone(session),
            incarnation: session.own.incarnation.load(Ordering::Relaxed),
            place,
            bell,
            closed: AtomicU32::new(0),
            position: Mutex::new(Position { next, ..Position::default() }),
        }
    }

    /// Lines that were written since this reader was made and that it will never read.
    pub fn lost(&self) -> u64 {
        locked(&self.position).lost
    }

    /// Take the next line that is there.
    pub fn read(&self) -> NtResult<Option<Line>> {
        self.check()?;
        let (arena, mut position) = (&self.session.arena, locked(&self.position));
        while let Some((number, word)) = position.find(arena) {
            position.take(number);
            match copy(arena, number, word) {
                Some(line) => return Ok(Some(line)),
                None => position.lost += 1,
            }
        }
        Ok(None)
    }

    /// Is there a line to read? If not, the reader's event will be set when there is; if so, it is set now.
    pub fn arm(&self) -> NtResult<bool> {
        self.check()?;
        self.session.clear_event(self.bell)?; // A1
        self.session.arena.header().log.waiting.fetch_or(1 << self.place, Ordering::SeqCst); // A2
        fence(Ordering::SeqCst); // A3
        let found = !without!(LogArmLooks) && locked(&self.position).find(&self.session.arena).is_some(); // A4
        if found {
            self.session.set_event(self.bell)?;
        }
        Ok(found)
    }
}

impl Position {
    /// The number of a line to read next, and its word.
    fn find(&mut self, arena: &Arena) -> Option<(u64, u64)> {
        if let Some(found) = self.find_late(arena) {
            return Some(found);
        }
        let end = arena.header().log.lines.load(Ordering::Acquire) >> SKIP_BITS; // R1
        let gone = end.saturating_sub(u64::from(LOG_LINES));
        if self.next < gone {
            self.lost += gone - self.next;
            self.next = gone;
        }
        while self.next < end {
            let mut fate = look(arena, self.next);
            for _ in 0..LOOKS {
                if !matches!(fate, Fate::Late) {
                    break;
                }
                spin_loop();
                fate = look(arena, self.next);
            }
            match fate {
                // A line of the same thread that was late then is ready now, and goes first.
                Fate::Ready(word) => return Some(self.find_late(arena).unwrap_or((self.next, word))),
                Fate::Late => self.late.push(self.next),
                Fate::Absent => {}
                Fate::Lost => self.lost += 1,
            }
            self.next += 1;
        }
        None
    }

    fn find_late(&mut self, arena: &Arena) -> Option<(u64, u64)> {
        let (mut found, mut lost) = (None, 0);
        self.late.retain(|number| {
            if found.is_some() {
                return true;
            }
            match look(arena, *number) {
                Fate::Ready(word) => found = Some((*number, word)),
                Fate::Late => {}
                Fate::Absent => return false,
                Fate::Lost => {
                    lost += 1;
                    return false;
                }
            }
            true
        });
        self.lost += lost;
        found
    }

    fn take(&mut self, number: u64) {
        match number == self.next {
            true => self.next += 1,
            false => self.late.retain(|late| *late != number),
        }
    }
}

/// What became of a number below `lines`.
fn look(arena: &Arena, number: u64) -> Fate {
    let word = arena.log_line(number as u32).word.load(Ordering::Acquire); // R2
    match laps_until(word, (number / u64::from(LOG_LINES)) as u32) {
        1.. => Fate::Lost, // its place was not to be had
        _ if phase(word) == EMPTY => Fate::Lost,
        0 => match phase(word) {
            DONE => Fate::Ready(word),
            BUSY if owner_lives(arena, word) => Fate::Late,
            VOID => Fate::Lost,
            // Its last store came before its death, which this look has seen.
            BUSY if arena.log_line(number as u32).word.load(Ordering::Acquire) != word => look(arena, number),
            _ => Fate::Absent,
        },
        _ => Fate::Lost,
    }
}

fn copy(arena: &Arena, number: u64, seen: u64) -> Option<Line> {
    let line = arena.log_line(number as u32);
    let length = line.length.load(Ordering::Relaxed);
    let bytes = (length & !CUT) as usize;
    if bytes > LONGEST {
        return None; // somebody else's by now, or scribbled on
    }
    // A cut text may be so short that it lies in its line.
    let in_blocks = bytes > INLINE;
    let (ids, namespace) = (line.ids.load(Ordering::Relaxed), line.namespace.load(Ordering::Relaxed));
    let time_ns = line.time_ns.load(Ordering::Relaxed);
    let mut text = Vec::with_capacity(bytes);
    if in_blocks {
        copy_blocks(arena, line, bytes, &mut text)?;
    } else {
        load(&line.text, bytes, &mut text); // R3
    }
    fence(Ordering::Acquire);
    if line.word.load(Ordering::Relaxed) != seen && !without!(LogChecked) {
        return None; // R4
    }
    let ids = arena.counts_here(namespace).then_some(((ids >> 32) as u32, ids as u32));
    Some(Line { time_ns, ids, text, is_cut: length & CUT != 0 })
}

fn copy_blocks(arena: &Arena, line: &LogLine, bytes: usize, text: &mut Vec<u8>) -> Option<()> {
    let first = line.block.load(Ordering::Relaxed);
    let count = bytes.div_ceil(IN_BLOCK) as u64;
    let is_whole = |place: u64, word: u64| {
        phase(word) == DONE && laps_until(word, (first.wrapping_add(place) / u64::from(LOG_BLOCKS)) as u32) == 0
    };
    let block = |place: u64| arena.log_block(first.wrapping_add(place) as u32);
    for place in 0..count {
        if !is_whole(place, block(place).word.load(Ordering::Acquire)) {
            return None;
        }
        load(&block(place).text, (bytes - text.len()).min(IN_BLOCK), text);
    }
    fence(Ordering::Acquire);
    (0..count).all(|place| is_whole(place, block(place).word.load(Ordering::Relaxed))).then_some(())
}

fn load(words: &[AtomicU64], bytes: usize, into: &mut Vec<u8>) {
    let end = into.len() + bytes;
    for word in &words[..bytes.div_ceil(8).min(words.len())] {
        into.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    into.truncate(end);
}
