//! Files, directories, locks on them, mappings.

use crate::status::{Failure, NtResult};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub fn c_string(text: &str) -> NtResult<CString> {
    CString::new(text)
        .map_err(|_| Failure::new(crate::status::NtStatus::OBJECT_NAME_INVALID, "a path may not hold a NUL character"))
}

pub fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn owned(fd: RawFd) -> std::io::Result<OwnedFd> {
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: `fd` was just returned by the kernel and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub fn open_directory(path: &CStr) -> std::io::Result<OwnedFd> {
    // SAFETY: `path` is a NUL-terminated string.
    owned(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC) })
}

/// The same; one of our own that a strict umask, or a death before its mode was set, has closed to us is opened up.
pub fn open_own_directory(path: &CStr) -> std::io::Result<OwnedFd> {
    let refused = match open_directory(path) {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => error,
        opened => return opened,
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `path` is a NUL-terminated string.
    let place = owned(unsafe { libc::open(path.as_ptr(), flags) })?;
    let ours =
        status_of(&place).is_ok_and(|status| status.st_uid == super::process::uid() && status.st_mode & 0o700 != 0o700);
    if !ours {
        return Err(refused);
    }
    let itself = format!("/proc/self/fd/{}", place.as_raw_fd());
    std::fs::set_permissions(itself, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    open_directory(path)
}

pub fn open_at(directory: &OwnedFd, name: &CStr, flags: i32, mode: u32) -> std::io::Result<OwnedFd> {
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `name` is a NUL-terminated string.
    owned(unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags, mode) })
}

pub fn open_path(path: &CStr, flags: i32) -> std::io::Result<OwnedFd> {
    // SAFETY: `path` is a NUL-terminated string.
    owned(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) })
}

pub fn unlink_at(directory: &OwnedFd, name: &CStr) {
    // SAFETY: `name` is a NUL-terminated string; a missing file is no error here.
    unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) };
}

pub fn rename_at(directory: &OwnedFd, from: &CStr, to: &CStr) -> NtResult<()> {
    let fd = directory.as_raw_fd();
    // SAFETY: both names are NUL-terminated strings.
    match unsafe { libc::renameat(fd, from.as_ptr(), fd, to.as_ptr()) } {
        0 => Ok(()),
        _ if last_errno() == libc::EISDIR => {
            Err(Failure::damaged("a directory lies where a file of the session belongs"))
        }
        _ => Err(Failure::os("renaming a session file")),
    }
}

pub fn status_of(fd: &OwnedFd) -> NtResult<libc::stat> {
    // SAFETY: an all-zero stat is valid storage for fstat to fill.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        match libc::fstat(fd.as_raw_fd(), &raw mut status) {
            0 => Ok(status),
            _ => Err(Failure::os("fstat")),
        }
    }
}

/// Set mode and, if given, group of something just made (the umask has had its say before).
pub fn set_mode(fd: &OwnedFd, mode: u32, gid: Option<u32>) -> NtResult<()> {
    // SAFETY: plain system calls on an open descriptor.
    unsafe {
        if let Some(gid) = gid
            && libc::fchown(fd.as_raw_fd(), u32::MAX, gid) != 0
        {
            return Err(Failure::os("giving the session to its group"));
        }
        match libc::fchmod(fd.as_raw_fd(), mode) {
            0 => Ok(()),
            _ => Err(Failure::os("setting the mode of a session file")),
        }
    }
}

/// Both ends of a new pipe: to read from and to write to.
pub fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for two descriptors.
    match unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } {
        // SAFETY: the system has just given us both of them.
        0 => Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}

pub fn set_length(fd: &OwnedFd, length: u64) -> NtResult<()> {
    let Ok(length) = libc::off_t::try_from(length) else {
        return Err(crate::status::NtStatus::SECTION_TOO_BIG.into());
    };
    // SAFETY: a plain system call on an open descriptor.
    match unsafe { libc::ftruncate(fd.as_raw_fd(), length) } {
        0 => Ok(()),
        _ => Err(Failure::os("setting the length of a file")),
    }
}

/// Take the space now, so that a full file system is an error here and never SIGBUS later.
pub fn reserve(fd: &OwnedFd, offset: u64, length: u64) -> NtResult<()> {
    if cfg!(feature = "models") {
        return Ok(()); // a run of a model touches some pages of its own memory
    }
    loop {
        // SAFETY: a plain system call on an open descriptor.
        let result = unsafe { libc::fallocate(fd.as_raw_fd(), 0, offset as libc::off_t, length as libc::off_t) };
        if result == 0 {
            return Ok(());
        }
        match last_errno() {
            libc::EINTR => {}
            _ => return Err(Failure::os("reserving shared memory")),
        }
    }
}

/// Open file description locks: they belong to the descriptor, survive nothing, and change kind in one step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RangeLock {
    Unlocked,
    Shared,
    Exclusive,
}

/// Set a lock on one byte. `Ok(false)`: another description holds a conflicting one.
pub fn lock_byte(fd: &OwnedFd, byte: i64, lock: RangeLock) -> NtResult<bool> {
    let kind = match lock {
        RangeLock::Unlocked => libc::F_UNLCK,
        RangeLock::Shared => libc::F_RDLCK,
        RangeLock::Exclusive => libc::F_WRLCK,
    };
    // SAFETY: an all-zero flock is valid; F_OFD_SETLK reads it only.
    let result = unsafe {
        let mut range: libc::flock = std::mem::zeroed();
        range.l_type = kind as libc::c_short;
        range.l_start = byte;
        range.l_len = 1;
        libc::fcntl(fd.as_raw_fd(), libc::F_OFD_SETLK, &raw const range)
    };
    match result {
        0 => Ok(true),
        _ if matches!(last_errno(), libc::EAGAIN | libc::EACCES | libc::EINTR) => Ok(false),
        _ => Err(Failure::os("locking the session's lock file")),
    }
}

/// Names in a directory, without `.` and `..`.
pub fn list(path: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The same of an open directory.
pub fn list_of(directory: &OwnedFd) -> Vec<String> {
    list(&format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

/// Does anybody hold a lock on that byte which keeps an exclusive one away?
pub fn is_locked(fd: &OwnedFd, byte: i64) -> NtResult<bool> {
    // SAFETY: an all-zero flock is valid; F_OFD_GETLK reads it and writes its answer into it.
    unsafe {
        let mut range: libc::flock = std::mem::zeroed();
        range.l_type = libc::F_WRLCK as libc::c_short;
        range.l_start = byte;
        range.l_len = 1;
        match libc::fcntl(fd.as_raw_fd(), libc::F_OFD_GETLK, &raw mut range) {
            0 => Ok(range.l_type != libc::F_UNLCK as libc::c_short),
            _ => Err(Failure::os("asking for locks on the session's lock file")),
        }
    }
}

/// Does the file lie in a tmpfs, where what it occupies is what was reserved?
pub fn is_in_memory(fd: &OwnedFd) -> bool {
    // SAFETY: an all-zero statfs is valid storage for fstatfs to fill.
    unsafe {
        let mut system: libc::statfs = std::mem::zeroed();
        libc::fstatfs(fd.as_raw_fd(), &raw mut system) == 0 && system.f_type == libc::TMPFS_MAGIC
    }
}

/// How a mapping may be used; the memory protection of Linux enforces it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    Read,
    ReadWrite,
    Copy,
}

/// A mapping of a file, unmapped when dropped.
pub struct Mapping {
    pub address: *mut u8,
    pub length: usize,
    /// Bytes on both sides that nobody can touch.
    guard: usize,
}

// SAFETY: the mapping is plain memory; who may touch which bytes how is the business of its users.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub fn new(fd: &OwnedFd, offset: u64, length: usize, protection: Protection) -> NtResult<Mapping> {
        // SAFETY: a fresh mapping at an address of the system's choice disturbs nothing.
        let address = unsafe { Mapping::at(std::ptr::null_mut(), 0, fd, offset, length, protection)? };
        Ok(Mapping { address, length, guard: 0 })
    }

    /// The whole file, between two stretches of addresses that lead nowhere.
    pub fn guarded(fd: &OwnedFd, length: usize, protection: Protection) -> NtResult<Mapping> {
        const GUARD: usize = 64 << 10;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at an address of the system's choice disturbs nothing.
        let whole = unsafe { libc::mmap(std::ptr::null_mut(), length + 2 * GUARD, libc::PROT_NONE, flags, -1, 0) };
        if whole == libc::MAP_FAILED {
            return Err(Failure::os("mapping memory"));
        }
        let address = whole.cast::<u8>().wrapping_add(GUARD);
        let mapping = Mapping { address, length, guard: GUARD };
        // SAFETY: the place lies in the middle of the mapping that was just made for it, and nobody knows it yet.
        unsafe { Mapping::at(address.cast(), libc::MAP_FIXED, fd, 0, length, protection)? };
        Ok(mapping)
    }

    /// SAFETY: with `MAP_FIXED`, what lies at `place` must be the caller's to replace.
    unsafe fn at(
        place: *mut libc::c_void,
        fixed: i32,
        fd: &OwnedFd,
        offset: u64,
        length: usize,
        protection: Protection,
    ) -> NtResult<*mut u8> {
        let (prot, flags) = match protection {
            Protection::Read => (libc::PROT_READ, libc::MAP_SHARED),
            Protection::ReadWrite => (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED),
            Protection::Copy => (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_NORESERVE),
        };
        // SAFETY: the caller's promise.
        let address = unsafe { libc::mmap(place, length, prot, flags | fixed, fd.as_raw_fd(), offset as libc::off_t) };
        if address == libc::MAP_FAILED {
            return Err(Failure::os("mapping memory"));
        }
        Ok(address.cast())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: address and length are those of a mapping that nobody uses any more.
        unsafe {
            libc::munmap(self.address.wrapping_sub(self.guard).cast(), self.length + 2 * self.guard);
        }
    }
}

/// Write a mapped range back to its file. `address` must lie in a mapping that stays, at a multiple of the page size.
pub fn flush(address: usize, length: usize) -> NtResult<()> {
    // SAFETY: msync fails for a range that is not mapped and touches no memory of ours.
    match unsafe { libc::msync(address as *mut libc::c_void, length, libc::MS_SYNC) } {
        0 => Ok(()),
        _ => Err(Failure::os("flushing a view")),
    }
}
