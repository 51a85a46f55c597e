//! Files, directories, locks on them, mappings.

use crate::status::{Failure, NtResult, NtStatus};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub fn c_string(text: &str) -> NtResult<CString> {
    CString::new(text).map_err(|_| Failure::new(NtStatus::OBJECT_NAME_INVALID, "a path may not hold a NUL character"))
}

pub fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn owned(fd: RawFd) -> std::io::Result<OwnedFd> {
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: `fd` was just returned by the kernel and nobody else knows it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    // The program was started without its standard files: what it writes to these numbers must not land here.
    // SAFETY: a plain system call on an open descriptor.
    let above = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) };
    if above < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(above) })
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

pub fn open_at(directory: &impl AsRawFd, name: &CStr, flags: i32, mode: u32) -> std::io::Result<OwnedFd> {
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `name` is a NUL-terminated string.
    owned(unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags, mode) })
}

pub fn open_path(path: &CStr, flags: i32) -> std::io::Result<OwnedFd> {
    // SAFETY: `path` is a NUL-terminated string.
    owned(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) })
}

pub fn unlink_at(directory: &impl AsRawFd, name: &CStr) {
    // SAFETY: `name` is a NUL-terminated string; a missing file is no error here.
    unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) };
}

pub fn rename_at(directory: &impl AsRawFd, from: &CStr, to: &CStr) -> NtResult<()> {
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

pub fn status_of(fd: &impl AsRawFd) -> NtResult<libc::stat> {
    // SAFETY: an all-zero stat is valid storage for fstat to fill.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        match libc::fstat(fd.as_raw_fd(), &raw mut status) {
            0 => Ok(status),
            _ => Err(Failure::os("fstat")),
        }
    }
}

/// Whose a file is, and who may use it. `None`: as it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Belonging {
    pub mode: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// Set owner, group and mode of something just made (the umask has had its say before).
pub fn give(fd: &impl AsRawFd, to: Belonging) -> NtResult<()> {
    let fd = fd.as_raw_fd();
    // SAFETY: plain system calls on an open descriptor.
    unsafe {
        if (to.uid.is_some() || to.gid.is_some())
            && libc::fchown(fd, to.uid.unwrap_or(u32::MAX), to.gid.unwrap_or(u32::MAX)) != 0
        {
            return Err(Failure::os("giving a session file to those who share the session"));
        }
        match libc::fchmod(fd, to.mode) {
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
        0 => {
            let writing = owned(ends[1]);
            Ok((owned(ends[0])?, writing?))
        }
        _ => Err(std::io::Error::last_os_error()),
    }
}

pub fn set_length(fd: &impl AsRawFd, length: u64) -> NtResult<()> {
    let Ok(length) = libc::off_t::try_from(length) else {
        return Err(NtStatus::SECTION_TOO_BIG.into());
    };
    // SAFETY: a plain system call on an open descriptor.
    match unsafe { libc::ftruncate(fd.as_raw_fd(), length) } {
        0 => Ok(()),
        _ => Err(Failure::os("setting the length of a file")),
    }
}

/// Take the space now, so that a full file system is an error here and never SIGBUS later.
pub fn reserve(fd: &impl AsRawFd, offset: u64, length: u64) -> NtResult<()> {
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
pub fn lock_byte(fd: &impl AsRawFd, byte: i64, lock: RangeLock) -> NtResult<bool> {
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
pub fn list_of(directory: &impl AsRawFd) -> Vec<String> {
    list(&format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

/// Does anybody hold a lock on that byte which keeps an exclusive one away?
pub fn is_locked(fd: &impl AsRawFd, byte: i64) -> NtResult<bool> {
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
pub fn is_in_memory(fd: &impl AsRawFd) -> bool {
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
    pub fn new(fd: &impl AsRawFd, offset: u64, length: usize, protection: Protection) -> NtResult<Mapping> {
        let (prot, flags) = match protection {
            Protection::Read => (libc::PROT_READ, libc::MAP_SHARED),
            Protection::ReadWrite => (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED),
            Protection::Copy => (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_NORESERVE),
        };
        let fd = fd.as_raw_fd();
        // SAFETY: a fresh mapping at an address of the system's choice disturbs nothing.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, prot, flags, fd, offset as libc::off_t) };
        match address == libc::MAP_FAILED {
            true => Err(Failure::os("mapping memory")),
            false => Ok(Mapping { address: address.cast(), length, guard: 0 }),
        }
    }

    /// A page of the file that nobody touches. It keeps the open file description, and memory can be mapped through it
    /// later.
    pub fn anchor(fd: &impl AsRawFd) -> NtResult<Mapping> {
        let length = 1;
        // SAFETY: a fresh mapping at an address of the system's choice disturbs nothing.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        match address == libc::MAP_FAILED {
            true => Err(Failure::os("mapping memory")),
            false => Ok(Mapping { address: address.cast(), length, guard: 0 }),
        }
    }

    /// Map more of the file of an anchor: as its descriptor allowed when the anchor was made, whatever the process may
    /// do by now.
    pub fn through(anchor: &Mapping, offset: u64, length: usize, protection: Protection) -> NtResult<Mapping> {
        let prot = match protection {
            Protection::Read => libc::PROT_READ,
            Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Protection::Copy => {
                let why =
                    "private copies of pages need the right to open the section's file, which this process has lost";
                return Err(Failure::new(NtStatus::ACCESS_DENIED, why));
            }
        };
        let Some(whole) = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(length)) else {
            return Err(NtStatus::INVALID_VIEW_SIZE.into());
        };
        // SAFETY: an old length of 0 leaves the anchor as it is and maps its pages, and those that follow in the file,
        // once more at a free address; the part before `offset` is nobody's by then.
        unsafe {
            let address = libc::mremap(anchor.address.cast(), 0, whole, libc::MREMAP_MAYMOVE);
            if address == libc::MAP_FAILED {
                return Err(Failure::os("mapping memory"));
            }
            let front = whole - length;
            if front > 0 {
                libc::munmap(address, front);
            }
            let mapping = Mapping { address: address.cast::<u8>().wrapping_add(front), length, guard: 0 };
            match libc::mprotect(mapping.address.cast(), length, prot) {
                0 => Ok(mapping),
                _ => Err(Failure::os("mapping memory")),
            }
        }
    }

    /// The file from its beginning, between two stretches of addresses that lead nowhere. Linux populates none of it,
    /// not even for a program that locks all its future memory (`mlockall`): most of such a file is a hole.
    pub fn guarded(fd: &impl AsRawFd, length: usize, protection: Protection) -> NtResult<Mapping> {
        const GUARD: usize = 64 << 10;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at an address of the system's choice disturbs nothing.
        let whole = unsafe { libc::mmap(std::ptr::null_mut(), length + 2 * GUARD, libc::PROT_NONE, flags, -1, 0) };
        if whole == libc::MAP_FAILED {
            return Err(Failure::os("mapping memory"));
        }
        let address = whole.cast::<u8>().wrapping_add(GUARD);
        let mapping = Mapping { address, length, guard: GUARD };
        let prot = if protection == Protection::Read { libc::PROT_READ } else { libc::PROT_READ | libc::PROT_WRITE };
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: the place lies in the middle of the mapping that was just made for it, and nobody knows it yet. What
        // cannot be accessed is not populated; it is no longer locked when it can be.
        unsafe {
            if libc::mmap(address.cast(), length, libc::PROT_NONE, flags, fd.as_raw_fd(), 0) == libc::MAP_FAILED
                || libc::munlock(whole, length + 2 * GUARD) != 0 && last_errno() != libc::ENOMEM
                || libc::mprotect(address.cast(), length, prot) != 0
            {
                return Err(Failure::os("mapping memory"));
            }
        }
        Ok(mapping)
    }
}

impl Mapping {
    /// Take memory for a range of a shared mapping, as [`reserve`] does. `None`: this Linux cannot (before 5.14).
    pub fn populate(&self, offset: usize, length: usize) -> Option<NtResult<()>> {
        const PAGE: usize = 4096;
        let (first, end) = (offset / PAGE * PAGE, offset.checked_add(length)?);
        if end > self.length {
            return None;
        }
        // SAFETY: the range lies in the mapping; the advice changes nothing that is there.
        let result =
            unsafe { libc::madvise(self.address.wrapping_add(first).cast(), end - first, libc::MADV_POPULATE_WRITE) };
        match (result, last_errno()) {
            (0, _) => Some(Ok(())),
            (_, libc::EINVAL) => None,
            _ => Some(Err(Failure::new(NtStatus::DISK_FULL, "reserving shared memory: there is none left"))),
        }
    }
}

impl Mapping {
    /// Give the memory behind a range of a shared mapping back, in whole pages; it reads as 0 in every mapping from
    /// then on.
    pub fn give_back(&self, offset: usize, length: usize) -> NtResult<()> {
        const PAGE: usize = 4096;
        let end = offset.checked_add(length).filter(|end| *end <= self.length && offset % PAGE == 0);
        let Some(end) = end else {
            return Err(Failure::new(
                NtStatus::INVALID_PARAMETER,
                "the range does not lie in the mapping in whole pages",
            ));
        };
        if end == offset {
            return Ok(());
        }
        // SAFETY: the range lies in the mapping; others find zeros there.
        match unsafe { libc::madvise(self.address.wrapping_add(offset).cast(), length, libc::MADV_REMOVE) } {
            0 => Ok(()),
            _ => Err(Failure::os("giving shared memory back")),
        }
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
