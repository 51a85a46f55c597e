//! Memory of other processes: `process_vm_readv` and `process_vm_writev`.
//!
//! Linux copies from the front and stops at the first page that it may not touch, in the middle of a piece if need be.
//! It takes at most 1,024 pieces and 2 GiB at once; so a call is repeated for the rest until all is copied or one
//! copies nothing.

use super::files::last_errno;

/// A part of the other process's memory.
#[derive(Clone, Copy)]
pub struct Piece {
    pub address: usize,
    pub size: usize,
}

/// How far it came: all, or as far as the error number says why no farther.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    pub copied: usize,
    pub errno: i32,
}

const MOST_PIECES: usize = 1024;

/// Read pieces, one behind the other, into `buffer`, which has room for them.
pub fn read(pid: i32, buffer: &mut [u8], pieces: &[Piece]) -> Outcome {
    let wanted = pieces.iter().map(|piece| piece.size).sum::<usize>().min(buffer.len());
    repeat(wanted, pieces, |done, there| {
        let rest = &mut buffer[done..wanted];
        let here = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        // SAFETY: the local range is memory of ours that is lent to be written; what is at the other addresses is
        // Linux's business.
        unsafe { libc::process_vm_readv(pid, &raw const here, 1, there.as_ptr(), there.len() as libc::c_ulong, 0) }
    })
}

/// Write `data`, each to its piece, which has its size.
pub fn write(pid: i32, data: &[&[u8]], pieces: &[Piece]) -> Outcome {
    let wanted = pieces.iter().map(|piece| piece.size).sum();
    repeat(wanted, pieces, |done, there| {
        let all =
            data.iter().map(|slice| libc::iovec { iov_base: slice.as_ptr().cast_mut().cast(), iov_len: slice.len() });
        let here = rest_of(all, done);
        // SAFETY: the local ranges are memory that is lent to be read; what is at the other addresses is Linux's
        // business.
        unsafe {
            let (count, others) = (here.len() as libc::c_ulong, there.len() as libc::c_ulong);
            libc::process_vm_writev(pid, here.as_ptr(), count, there.as_ptr(), others, 0)
        }
    })
}

fn repeat(wanted: usize, pieces: &[Piece], mut copy: impl FnMut(usize, &[libc::iovec]) -> isize) -> Outcome {
    let mut copied = 0;
    loop {
        let all = pieces
            .iter()
            .map(|piece| libc::iovec { iov_base: piece.address as *mut libc::c_void, iov_len: piece.size });
        let there = rest_of(all, copied);
        if copied >= wanted && wanted > 0 {
            return Outcome { copied, errno: 0 };
        }
        match copy(copied, &there) {
            -1 => return Outcome { copied, errno: last_errno() },
            0 => return Outcome { copied, errno: if wanted == 0 { 0 } else { libc::EFAULT } },
            more => copied += more as usize,
        }
    }
}

/// As many of the ranges, without the first `done` bytes, as Linux takes at once.
fn rest_of(ranges: impl Iterator<Item = libc::iovec>, mut done: usize) -> Vec<libc::iovec> {
    let rest = ranges.filter_map(|range| {
        let skipped = done.min(range.iov_len);
        done -= skipped;
        let left = range.iov_len - skipped;
        (left > 0)
            .then(|| libc::iovec { iov_base: range.iov_base.cast::<u8>().wrapping_add(skipped).cast(), iov_len: left })
    });
    rest.take(MOST_PIECES).collect()
}
