//! A line into the debug log: never waits for another writer, nor for a reader.

use super::word::{self, DONE, Owner, Refused, VOID};
use super::{CUT, IN_BLOCK, INLINE, LONGEST, SKIP_BITS};
use crate::arena::layout::{LOG_BLOCKS, LOG_LINES, LogLine};
use crate::fault::fault;
use crate::session::Session;
use crate::sync::{AtomicU64, Ordering, Shared, fence};
use crate::sys::clock::realtime_ns;
use crate::sys::process::tid;
use std::sync::Arc;

/// Attempts to get a number. Each that fails means that somebody else got one, or that the memory was scribbled on.
const ATTEMPTS: u32 = 10_000;
/// Attempts to get blocks in a row. One fails where a stopped writer keeps a block.
const RUNS: u32 = 8;
const ONE_LINE: u64 = 1 << SKIP_BITS;
const SKIPS: u64 = ONE_LINE - 1;

/// A line that this thread owns.
struct Claimed<'a> {
    line: &'a LogLine,
    lap: u32,
}

impl Session {
    /// Does anybody read the debug log?
    #[inline]
    pub fn log_is_read(&self) -> bool {
        self.arena.header().log.readers.load(Ordering::Acquire) != 0 // P1
    }

    /// Write a line, if anybody reads. The text is UTF-8; what is longer than [`LONGEST`] is cut between two
    /// characters.
    pub fn log(self: &Arc<Self>, text: &[u8]) {
        if self.log_is_read() {
            self.write_line(text);
        }
    }

    fn write_line(self: &Arc<Self>, text: &[u8]) {
        if self.take_part().is_err() {
            return; // a process that takes no part owns nothing
        }
        let owner = Owner::own(self);
        let mut kept = cut(text, LONGEST);
        let mut first = None;
        if kept.len() > INLINE {
            first = self.write_blocks(owner, kept); // P2
            kept = if first.is_some() { kept } else { cut(text, INLINE) };
        }
        let Some(Claimed { line, lap }) = self.claim_line(owner) else { return };
        line.time_ns.store(realtime_ns(), Ordering::Relaxed); // P5
        let process = self.arena.process(self.slot());
        line.ids.store(u64::from(process.pid.get()) << 32 | u64::from(tid()), Ordering::Relaxed);
        line.namespace.store(process.pid_namespace.get(), Ordering::Relaxed);
        line.length.store(kept.len() as u64 | if kept.len() < text.len() { CUT } else { 0 }, Ordering::Relaxed);
        match first {
            Some(first) => line.block.store(first, Ordering::Relaxed),
            None => store(&line.text, kept),
        }
        fault!(LogWritten);
        line.word.store(owner.word(lap, DONE), Ordering::Release); // P6
        fault!(LogCommitted);
        fence(Ordering::SeqCst); // P7
        if self.arena.header().log.waiting.load(Ordering::Relaxed) != 0 {
            self.tell_log_readers(); // P8
        }
    }

    /// The next line, owned and numbered.
    fn claim_line(&self, owner: Owner) -> Option<Claimed<'_>> {
        let lines = &self.arena.header().log.lines;
        let pass = |seen, by| lines.compare_exchange(seen, seen + ONE_LINE + by, Ordering::AcqRel, Ordering::Acquire);
        for _ in 0..ATTEMPTS {
            let seen = lines.load(Ordering::Acquire);
            let number = seen >> SKIP_BITS;
            let (line, lap) = (self.arena.log_line(number as u32), (number / u64::from(LOG_LINES)) as u32);
            match word::claim(&self.arena, &line.word, lap, owner) {
                // P3
                Ok(()) => {}
                Err(Refused::Passed { same: true }) => {
                    let _ = pass(seen, 0); // its owner has not yet
                    continue;
                }
                Err(Refused::Stuck) => {
                    // The number is that of our line, which is lost: its place is not to be had.
                    let skipped = if seen & SKIPS == SKIPS { 0_u64.wrapping_sub(SKIPS) } else { 1 };
                    let passed = seen.wrapping_add(ONE_LINE).wrapping_add(skipped);
                    match lines.compare_exchange(seen, passed, Ordering::AcqRel, Ordering::Relaxed) {
                        Ok(_) => return None,
                        Err(_) => continue,
                    }
                }
                Err(_) => continue,
            }
            fault!(LogClaimed);
            let passed = pass(seen, 0); // P4
            fault!(LogNumbered);
            match passed {
                Err(now) if now & SKIPS != seen & SKIPS => line.word.store(owner.word(lap, VOID), Ordering::Release),
                // By us; or by somebody who saw the claim.
                _ => return Some(Claimed { line, lap }),
            }
        }
        None
    }

    /// Put a text into blocks; the number of the first.
    fn write_blocks(&self, owner: Owner, text: &[u8]) -> Option<u64> {
        let count = text.len().div_ceil(IN_BLOCK) as u64;
        let lap = |number: u64| (number / u64::from(LOG_BLOCKS)) as u32;
        (0..RUNS).find_map(|_| {
            let first = self.arena.header().log.blocks.fetch_add(count, Ordering::Relaxed);
            let block = |place: u64| self.arena.log_block(first.wrapping_add(place) as u32);
            let claim = |place| loop {
                match word::claim(&self.arena, &block(place).word, lap(first + place), owner) {
                    Err(Refused::Changed) => {}
                    claimed => return claimed.is_ok(),
                }
            };
            let mine = (0..count).take_while(|place| claim(*place)).count() as u64;
            fault!(LogBlocksTaken);
            if mine == count {
                for (place, piece) in (0..).zip(text.chunks(IN_BLOCK)) {
                    store(&block(place).text, piece);
                }
            }
            let phase = if mine == count { DONE } else { VOID };
            for place in 0..mine {
                block(place).word.store(owner.word(lap(first + place), phase), Ordering::Release);
            }
            (mine == count).then_some(first)
        })
    }
}

/// The beginning of a text in UTF-8, so many bytes long at most, without half a character.
fn cut(text: &[u8], longest: usize) -> &[u8] {
    if text.len() <= longest {
        return text;
    }
    let begins = |byte: &u8| byte & 0xc0 != 0x80;
    let end = (0..=longest).rev().find(|place| text.get(*place).is_some_and(begins));
    &text[..end.unwrap_or(longest)]
}

fn store(words: &[AtomicU64], bytes: &[u8]) {
    for (word, piece) in words.iter().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..piece.len()].copy_from_slice(piece);
        word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
    }
}
