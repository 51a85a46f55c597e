//! Records of the debug log in the arena; see `debuglog`.

use crate::sync::{AtomicU32, AtomicU64};

/// Readers that a session can have at a time: a bit each.
pub const LOG_READERS: usize = 32;

/// What all writers and readers share, a cache line each for what writers change.
#[repr(C, align(64))]
pub struct LogHead {
    /// Number of the next line, above the count of numbers that were skipped.
    pub lines: AtomicU64,
    _line0: [AtomicU64; 7],
    /// Number of the next block.
    pub blocks: AtomicU64,
    _line1: [AtomicU64; 7],
    /// Readers that there are. Changed under the dispatcher lock.
    pub readers: AtomicU32,
    /// Readers that want to be told. A reader sets its bit; cleared under the dispatcher lock.
    pub waiting: AtomicU32,
    _line2: [AtomicU64; 7],
    pub reader: [LogReaderEntry; LOG_READERS],
}

/// A reader: what a writer needs to wake it. Dispatcher lock.
#[repr(C)]
pub struct LogReaderEntry {
    /// The event to set, and its serial number.
    pub bell: AtomicU64,
    pub serial: AtomicU64,
    /// Process slot, and from bit 32 on its generation.
    pub process: AtomicU64,
    _spare: AtomicU64,
}

/// One line.
#[repr(C, align(64))]
pub struct LogLine {
    /// Whose the line is and how far: see `debuglog::word`. The rest is the writer's while this says BUSY.
    pub word: AtomicU64,
    pub time_ns: AtomicU64,
    /// Thread id, and from bit 32 on process id.
    pub ids: AtomicU64,
    /// The pid namespace in which they count; 0 = unknown.
    pub namespace: AtomicU64,
    /// Bytes of text; bit 63: it was cut.
    pub length: AtomicU64,
    /// Number of the first block, if the text does not fit in here.
    pub block: AtomicU64,
    pub text: [AtomicU64; LogLine::WORDS],
}

impl LogLine {
    pub const WORDS: usize = 26;
}

/// A piece of a longer text.
#[repr(C, align(64))]
pub struct LogBlock {
    pub word: AtomicU64,
    pub text: [AtomicU64; LogBlock::WORDS],
}

impl LogBlock {
    pub const WORDS: usize = 63;
}

const _: () = assert!(size_of::<LogLine>() == 256);
const _: () = assert!(size_of::<LogBlock>() == 512);
const _: () = assert!(size_of::<LogReaderEntry>() == 32);
