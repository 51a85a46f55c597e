//! The mapping, and the way from an index to a record.
// UNSAFETY: turns indices into references inside the mapping; each accessor brings its index into range first.

use super::layout::*;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, AtomicU64, Ordering, Shared};
use crate::sys::files::{self, Mapping, Protection};
use std::os::fd::OwnedFd;

/// The session's shared memory. Records hold nothing but atomics, so `&` references to them are sound whatever other processes write.
pub struct Arena {
    mapping: Mapping,
    file: OwnedFd,
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $at:ident, $count:ident;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, index: u32) -> &$type {
            const { assert!($count.is_power_of_two()) };
            // SAFETY: the index is masked into the table, which lies inside the mapping and is suitably aligned;
            // the record consists of atomics only.
            unsafe { &*self.at::<$type>($at + u64::from(index & ($count - 1)) * size_of::<$type>() as u64) }
        })*
    };
}

impl Arena {
    /// Give a new, empty file its length, its first chunks and its header.
    pub fn format(file: &OwnedFd) -> NtResult<()> {
        files::set_length(file, ARENA_SIZE)?;
        files::reserve(file, 0, PROCESSES_AT)?;
        let header = Mapping::new(file, 0, size_of::<Header>(), Protection::ReadWrite)?;
        // SAFETY: the mapping is as long as a header and page aligned.
        let header = unsafe { &*header.address.cast::<Header>() };
        header.fingerprint.put(FINGERPRINT);
        header.magic.put(MAGIC);
        Ok(())
    }

    /// Look at a file before believing it.
    pub fn verify(file: &OwnedFd) -> NtResult<()> {
        if Arena::verify_shape(file)? {
            return Err(Failure::damaged("the session's memory was found to contradict itself"));
        }
        Ok(())
    }

    /// Is it an arena of ours, and as long as one? Then, whether somebody found it damaged.
    pub fn verify_shape(file: &OwnedFd) -> NtResult<bool> {
        let status = files::status_of(file)?;
        if status.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Failure::damaged("the session's arena is no plain file"));
        }
        let size = status.st_size as u64;
        if size < size_of::<Header>() as u64 {
            return Err(Failure::damaged("the session's arena file is cut short"));
        }
        let header = Mapping::new(file, 0, size_of::<Header>(), Protection::Read)?;
        // SAFETY: the mapping is as long as a header, page aligned, and the file at least as long.
        let header = unsafe { &*header.address.cast::<Header>() };
        if header.magic.get() != MAGIC {
            return Err(Failure::damaged("the session's arena file does not begin as one"));
        }
        if header.fingerprint.get() != FINGERPRINT {
            return Err(Failure::new(
                NtStatus::REVISION_MISMATCH,
                "the session was made by another version of ntipc whose memory is laid out differently",
            ));
        }
        if size != ARENA_SIZE {
            return Err(Failure::damaged("the session's arena file has the wrong length"));
        }
        Ok(header.damaged.get() != 0)
    }

    pub fn map(file: OwnedFd, protection: Protection) -> NtResult<Arena> {
        let mapping = Mapping::new(&file, 0, ARENA_SIZE as usize, protection)?;
        // SAFETY: advice about the mapping that was just made: leave it out of core dumps.
        unsafe { libc::madvise(mapping.address.cast(), mapping.length, libc::MADV_DONTDUMP) };
        Ok(Arena { mapping, file })
    }

    #[inline(always)]
    fn at<T>(&self, offset: u64) -> *const T {
        self.mapping.address.wrapping_add(offset as usize).cast()
    }

    #[inline(always)]
    pub fn header(&self) -> &Header {
        // SAFETY: offset 0 of the mapping, page aligned; atomics only.
        unsafe { &*self.at::<Header>(0) }
    }

    table! {
        journal: JournalEntry = JOURNAL_AT, BLOCKS;
        bucket: AtomicU32 = BUCKETS_AT, BUCKETS;
        process: Process = PROCESSES_AT, PROCESSES;
        thread: Thread = THREADS_AT, THREADS;
        object: Object = OBJECTS_AT, OBJECTS;
        cell: Cell = CELLS_AT, CELLS;
    }

    /// One handle of one process.
    #[inline(always)]
    pub fn handle(&self, process: u32, index: u32) -> &AtomicU64 {
        let place = u64::from(process & (PROCESSES - 1)) * u64::from(HANDLES) + u64::from(index & (HANDLES - 1));
        // SAFETY: both indices are masked into the table inside the mapping; the offset is a multiple of 8.
        unsafe { &*self.at::<AtomicU64>(HANDLES_AT + place * 8) }
    }

    /// A wait block by its number (thread slot * BLOCKS + place).
    #[inline(always)]
    pub fn block(&self, number: u32) -> &Block {
        let number = number & (THREADS * BLOCKS - 1);
        // SAFETY: the number is masked into the table inside the mapping; the offset is a multiple of 16.
        unsafe { &*self.at::<Block>(BLOCKS_AT + u64::from(number) * 16) }
    }

    /// Reserve `count` entries of a table from the front, in chunks, and note it in `reserved`. Idempotent, needs no lock.
    fn grow(&self, at: u64, size: u64, reserved: &AtomicU32, needed: u32, limit: u32, chunk: u32) -> NtResult<()> {
        let have = reserved.load(Ordering::Acquire);
        if needed <= have {
            return Ok(());
        }
        if needed > limit {
            return Err(Failure::new(
                NtStatus::QUOTA_EXCEEDED,
                format!("the session's table of {limit} entries is full"),
            ));
        }
        let target = needed.next_multiple_of(chunk).max(have.saturating_mul(5) / 4 / chunk * chunk).min(limit);
        files::reserve(&self.file, at + u64::from(have) * size, u64::from(target - have) * size)?;
        reserved.fetch_max(target, Ordering::AcqRel);
        Ok(())
    }

    pub fn grow_processes(&self, needed: u32) -> NtResult<()> {
        self.grow(PROCESSES_AT, 512, &self.header().processes_reserved, needed, PROCESSES, 8)
    }

    pub fn grow_threads(&self, needed: u32) -> NtResult<()> {
        self.grow(THREADS_AT, 1024, &self.header().threads_reserved, needed, THREADS, 16)
    }

    pub fn grow_objects(&self, needed: u32) -> NtResult<()> {
        self.grow(OBJECTS_AT, 64, &self.header().objects_reserved, needed, OBJECTS, 1024)
    }

    pub fn grow_cells(&self, needed: u32) -> NtResult<()> {
        self.grow(CELLS_AT, 64, &self.header().cells_reserved, needed, CELLS, 1024)
    }

    pub fn grow_handles(&self, process: u32, needed: u32) -> NtResult<()> {
        let at = HANDLES_AT + u64::from(process) * u64::from(HANDLES) * 8;
        self.grow(at, 8, &self.process(process).handles_reserved, needed, HANDLES, 512)
    }

    pub fn grow_blocks(&self, thread: u32, needed: u32) -> NtResult<()> {
        let at = BLOCKS_AT + u64::from(thread) * u64::from(BLOCKS) * 16;
        self.grow(at, 16, &self.thread(thread).blocks_reserved, needed, BLOCKS, 256)
    }
}
