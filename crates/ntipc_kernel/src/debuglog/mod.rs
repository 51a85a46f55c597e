//! The debug log: a ring of lines that any thread writes without waiting for anybody, and that any number of readers
//! read, each all of it. (OutputDebugString, and what a viewer sees)
//!
//! | module   | owns                                                      |
//! | -------- | --------------------------------------------------------- |
//! | `word`   | the word of a line or a block: lap, owner, phase          |
//! | `writer` | a line in: text, number, commit                           |
//! | `reader` | lines out: what is there, what comes late, what is lost   |
//! | `bells`  | the readers, and how a sleeping one is told               |
//!
//! Lines are numbered from 0 on. Line `i` lies in place `i % LOG_LINES`, on lap `i / LOG_LINES`; its word says so. A
//! text that does not fit in its line lies in blocks, which are numbered in the same way.
//!
//! Invariant (one owner): only the thread that made a word BUSY, by compare-and-swap from a word of an earlier lap,
//! stores in that record, until it makes the word DONE or VOID. Nobody takes a BUSY record from an owner that lives,
//! however long it is stopped. Invariant (no number without a word): `lines` goes from `i` to `i + 1` after line `i`'s
//! word says lap(i); or, as a *skip*, when that place is BUSY with an earlier lap and its owner lives. Then the line of
//! the writer that skips is lost, and has the number. A skip is counted in the low bits of `lines`, so the writer that
//! claims number `i` too late sees it, and gives the number up (VOID). So a reader that finds `i < lines` learns from
//! the word of its place what became of line `i`: an earlier lap, VOID, a later lap: lost;
//! DONE: here it is; BUSY: it comes, or if the owner is dead, never.
//!
//!   writer  P1 does anybody read? | P2 blocks: number, claim, text, DONE | P3 claim line i: compare-and-swap to BUSY |
//!   P4 lines := i + 1
//!           P5 text | P6 DONE | P7 fence | P8 does a reader want to be told? lock, its bit := 0, its event is set
//!   reader  R1 i < lines? | R2 word DONE | R3 copy | R4 fence, word and blocks still the same: a line; else lost
//!   arming  A1 event := clear | A2 bit := 1 | A3 fence | A4 a line is there? event := set | A5 sleep on the event
//!
//! P3 takes with Acquire, and a Release fence follows: a store of P5 is never seen with the word of before. P6 Release
//! pairs with R2 Acquire. R4: an Acquire fence, then the word: a copy in which a later owner's store is seen is thrown
//! away. P4 is AcqRel and R1 Acquire: who sees `i < lines` sees the claim of `i`.
//! P7 and A3 are SeqCst fences: either P8 sees the bit or A4 sees the line.
//! In P8 the bit goes before the event is set, under the dispatcher lock: a reader that arms in between is told once
//! too often, never too seldom.
//!
//! Crash: before P3 nothing is there. From P3 to P6 the line's word names a dead owner: it is absent, and the next lap
//! takes its place. Between P6 and the end of P8 a reader may sleep beside its line: the reaper of the dead process
//! sets the events of all readers (`Locked::leave_log`). A reader that dies leaves its bits: the same function takes
//! them away.
//! Proof: `tests/models/debuglog.rs`, and in Python the sweep of deaths and `tests/behaviour/test_debuglog.py`.

mod bells;
mod reader;
mod word;
mod writer;

pub use reader::{Line, LogReader};

use crate::arena::layout::{LogBlock, LogLine};

/// Bytes of text that fit in a line.
const INLINE: usize = LogLine::WORDS * 8;
/// Bytes of text that a block takes.
const IN_BLOCK: usize = LogBlock::WORDS * 8;
/// Longest text in bytes; more is cut.
pub const LONGEST: usize = if cfg!(feature = "models") { 2 * IN_BLOCK } else { 32 << 10 };
/// In `LogLine::length`: the text was longer.
const CUT: u64 = 1 << 63;
/// `LogHead::lines`: bits that count skips.
const SKIP_BITS: u32 = 14;
