//! The bits of words in records that hold more than one thing.

/// The word of a dispatcher header:
///
/// | bits  | meaning                                                                                        |
/// | ----- | ---------------------------------------------------------------------------------------------- |
/// | 63    | HAS_WAITERS: only the holder of the dispatcher lock may change the word, unless it is OFFERED   |
/// | 62    | ABANDONED, of a mutant                                                                         |
/// | 61–40 | generation of the slot, changed at each reuse                                                  |
/// | 39–0  | mutant: OFFERED (39–34), owner's slot + 1 (33–20), recursion (19–0); semaphore: count (31–0);   |
/// |       | event: 1 = set; timer: 1 = fired; event pair: 1 = low, 2 = high                                 |
pub mod word {
    pub const HAS_WAITERS: u64 = 1 << 63;
    pub const ABANDONED: u64 = 1 << 62;
    pub const GENERATION_SHIFT: u32 = 40;
    pub const GENERATION_MAX: u32 = (1 << 22) - 1;
    pub const GENERATION_MASK: u64 = ((1 << 22) - 1) << GENERATION_SHIFT;
    pub const VALUE: u64 = (1 << GENERATION_SHIFT) - 1;
    pub const OWNER_SHIFT: u32 = 20;
    pub const OWNER_MASK: u64 = 0x3fff << OWNER_SHIFT;
    /// Releases, less one, that nobody need be told of: somebody in the list was told to compete, has not looked yet,
    /// and will.
    pub const OFFERED: u64 = 0x3f << OFFERED_SHIFT;
    pub const OFFERED_SHIFT: u32 = 34;
    pub const ONE_OFFER: u64 = 1 << OFFERED_SHIFT;
    /// What every change of a mutant's owner leaves as it is.
    pub const KEPT: u64 = HAS_WAITERS | OFFERED | GENERATION_MASK;
    pub const RECURSION_MASK: u64 = (1 << OWNER_SHIFT) - 1;

    pub fn generation(word: u64) -> u32 {
        ((word & GENERATION_MASK) >> GENERATION_SHIFT) as u32
    }
}

/// What a thread's wait is doing; the word it sleeps on.
///
/// | value        | meaning                                          | left by |
/// | ------------ | ------------------------------------------------ | ------- |
/// | IDLE         | no wait                                          | its thread, under the lock |
/// | WAIT         | queued, not asleep yet                           | its thread (SLEEP), a signaller under the lock |
/// | RETRY        | queued, told to compete for the object           | its thread, under the lock; a signaller |
/// | SLEEP        | queued, asleep or about to be                    | a signaller under the lock; its thread, under the lock |
/// | LOOK         | queued, told to sleep with a time-out; asleep still, perhaps | its thread (SLEEP), a signaller under the lock |
/// | DONE + index | completed; the result waits to be acknowledged   | its thread; the reaper (refund)    |
pub mod progress {
    pub const IDLE: u32 = 0;
    pub const WAIT: u32 = 1;
    pub const RETRY: u32 = 2;
    pub const SLEEP: u32 = 3;
    pub const LOOK: u32 = 4;
    pub const DONE: u32 = 0x8000_0000;
    pub const ABANDONED: u32 = 0x4000_0000;
    // 0x2000_0000 is kept for alertable waits: ended by an APC or an alert instead of an object.
    pub const INDEX_MASK: u32 = 0xffff;

    pub fn is_queued(progress: u32) -> bool {
        matches!(progress, WAIT | RETRY | SLEEP | LOOK)
    }
    /// May the thread of a queued wait in that state be asleep, so that a change of the state has to wake it?
    pub fn may_sleep(progress: u32) -> bool {
        matches!(progress, RETRY | SLEEP | LOOK)
    }
    pub fn is_done(progress: u32) -> bool {
        progress & DONE != 0
    }
}

/// `Object::detail` of a process or a thread.
///
/// | bits  | meaning                                                                             |
/// | ----- | ----------------------------------------------------------------------------------- |
/// | 63–40 | of a thread: the id of its process                                                   |
/// | 34    | ASKED: somebody has asked its helper to end it, with the code in the bits below       |
/// | 33    | ENDED: Linux says that it has ended; signalled once the session has nothing of it     |
/// | 32    | KNOWN: the code is that with which it ended                                           |
/// | 31–0  | exit code                                                                            |
pub mod ending {
    pub const KNOWN: u64 = 1 << 32;
    pub const ENDED: u64 = 1 << 33;
    pub const ASKED: u64 = 1 << 34;
    pub const CODE: u64 = 0xffff_ffff;
    pub const PROCESS_SHIFT: u32 = 40;
    /// In `Process::exit_request`, above the code.
    pub const REQUEST: u64 = 0x6578_6974 << 32;
}
