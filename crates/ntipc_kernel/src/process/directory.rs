//! The directory of a session and its files: opened, checked, found again, missed.
//!
//! The directory holds the file `lock`, the file `arena`, and one file for each section. All belong to the owner of the
//! directory and have its mode, no matter which user makes them: root, who may take part in everybody's session, gives
//! what it makes to the owner.
//!
//! A participant keeps two descriptors, of the directory and of the arena (see `sys::kept`). They are all that survives
//! a change of user or root directory, after which the path may lead nowhere.

use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Ordering;
use crate::sys::clock::coarse_now_ns;
use crate::sys::files::{self, Belonging};
use crate::sys::process;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

pub(super) const LOCK: &CStr = c"lock";
/// How often it is tried to make or join a session that others take away meanwhile.
pub(super) const ATTEMPTS: u32 = 1000;
/// A file with which an administrator keeps the directory of a session when nobody takes part.
const PERMANENT: &str = "permanent";
/// How often a participant that is doing something looks whether its directory is still there.
const LOOK_NS: u64 = 500_000_000;
pub(crate) const REMOVED: &str = "the session's directory was removed or replaced while the session was in use";

/// Who may share a session that we make, and who must have made one that we join.
#[derive(Clone, Copy)]
pub struct Ownership {
    pub uid: u32,
    pub mode: u32,
    pub gid: Option<u32>,
    /// Join only, never make.
    pub must_exist: bool,
}

pub(super) fn refused(path: &str, why: &str) -> Failure {
    Failure::new(NtStatus::ACCESS_DENIED, format!("the session directory {path} {why}"))
}

/// Open the directory, making it if need be, and check whose it is. What could not be opened is not left behind.
pub(super) fn open_directory(path: &str, ownership: Ownership) -> NtResult<OwnedFd> {
    let mut made = false;
    let opened = open_or_make_directory(path, ownership, &mut made);
    if opened.is_err() && made {
        let _ = std::fs::remove_dir(path);
    }
    opened
}

fn open_or_make_directory(path: &str, ownership: Ownership, made: &mut bool) -> NtResult<OwnedFd> {
    let text = files::c_string(path)?;
    let may_make = !ownership.must_exist && ownership.uid == process::uid();
    let mut tries = ATTEMPTS;
    let directory = loop {
        if may_make {
            // SAFETY: `text` is a NUL-terminated string.
            *made = unsafe { libc::mkdir(text.as_ptr(), 0o700) } == 0;
            if !*made && files::last_errno() != libc::EEXIST {
                return Err(Failure::os(&format!("making the session directory {path}")));
            }
        }
        tries -= 1;
        match files::open_own_directory(&text) {
            Ok(directory) => break directory,
            Err(error) => match error.raw_os_error() {
                Some(libc::ELOOP | libc::ENOTDIR) => {
                    return Err(refused(path, "is a symbolic link or no directory; remove it"));
                }
                Some(libc::ENOENT) if may_make && tries > 0 => {} // the last participant took it away since
                _ => return Err(Failure::from_io(&format!("opening the session directory {path}"), &error)),
            },
        }
    };
    if *made {
        files::give(&directory, Belonging { mode: ownership.mode, uid: None, gid: ownership.gid })?;
    }
    let status = files::status_of(&directory)?;
    if status.st_uid != ownership.uid {
        return Err(refused(path, &format!("belongs to user {}, not to user {}", status.st_uid, ownership.uid)));
    }
    if status.st_mode & 0o002 != 0 {
        return Err(refused(path, "can be written by everybody; remove it or take that right away (chmod o-w)"));
    }
    Ok(directory)
}

/// Whose the files of a directory are to be that this process makes.
fn belonging(directory: &libc::stat) -> Belonging {
    let for_owner = process::uid() == 0 && directory.st_uid != 0;
    let shared = for_owner || directory.st_mode & 0o070 != 0;
    Belonging {
        mode: directory.st_mode & 0o666,
        uid: for_owner.then_some(directory.st_uid),
        gid: shared.then_some(directory.st_gid),
    }
}

/// Open a file of the session and check that it is a plain file of one of those who may make it.
pub(super) fn open_file(path: &str, directory: &impl AsRawFd, name: &CStr, flags: i32) -> NtResult<Option<OwnedFd>> {
    let parent = files::status_of(directory)?;
    let due = belonging(&parent);
    let opened = files::open_at(directory, name, flags, due.mode);
    let shown = name.to_string_lossy();
    let file = match opened {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error() {
                Some(libc::ENOENT) => Ok(None),
                Some(libc::ELOOP) => Err(refused(path, &format!("holds a symbolic link named {shown}; remove it"))),
                _ => Err(Failure::from_io(&format!("opening {path}/{shown}"), &error)),
            };
        }
    };
    let status = files::status_of(&file)?;
    let group_member = parent.st_mode & 0o020 != 0 && status.st_gid == parent.st_gid;
    if status.st_mode & libc::S_IFMT != libc::S_IFREG
        || status.st_nlink > 1
        || (status.st_uid != parent.st_uid && status.st_uid != process::uid() && !group_member)
    {
        return Err(refused(path, &format!("holds a file {shown} that is not a plain file of the session's users")));
    }
    let as_due = status.st_mode & 0o777 == due.mode && status.st_gid == parent.st_gid && due.uid.is_none();
    if status.st_uid == process::uid() && !as_due {
        files::give(&file, due)?;
    }
    Ok(Some(file))
}

/// True while the path still leads to the directory we opened and the lock file still lies in it.
pub(super) fn is_current(path: &str, directory: &impl AsRawFd, lock: &OwnedFd) -> NtResult<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = files::status_of(directory)?;
    let linked = files::status_of(lock)?.st_nlink == 1;
    let there = std::fs::symlink_metadata(path).is_ok_and(|now| now.ino() == ours.st_ino && now.dev() == ours.st_dev);
    Ok(linked && there)
}

pub(super) fn remove_files(path: &str, directory: &impl AsRawFd, keep_lock: bool) {
    for name in files::list(path).iter().filter(|name| !matches!(name.as_str(), PERMANENT | "lock")) {
        if let Ok(name) = files::c_string(name) {
            files::unlink_at(directory, &name);
        }
    }
    // Last: with a new lock file a newcomer would begin at once.
    if !keep_lock {
        files::unlink_at(directory, LOCK);
    }
}

impl Session {
    /// The session's directory; opened again where the program has closed the descriptor.
    pub(crate) fn directory(&self) -> NtResult<BorrowedFd<'_>> {
        let open = || {
            files::open_directory(&files::c_string(&self.path)?).map_err(|error| {
                Failure::from_io(&format!("opening the session directory {} again", self.path), &error)
            })
        };
        self.directory.get_or_open(open)?.ok_or_else(|| Failure::new(NtStatus::DATA_ERROR, REMOVED))
    }

    /// Open a file in the session's directory.
    pub(crate) fn open_at(&self, name: &CStr, flags: i32, purpose: &str) -> NtResult<OwnedFd> {
        files::open_at(&self.directory()?, name, flags, 0o600).map_err(|error| match error.raw_os_error() {
            Some(libc::EACCES) if self.owner != process::uid() => Failure::new(
                NtStatus::ACCESS_DENIED,
                format!(
                    "{purpose}: this process attached as user {} and has no right to the session's files as user {}",
                    self.owner,
                    process::uid()
                ),
            ),
            _ => Failure::from_io(purpose, &error),
        })
    }

    /// Give a file that this process has made in the session's directory to those who share the session.
    pub(crate) fn share_file(&self, file: &OwnedFd) -> NtResult<()> {
        let due = match self.belonging.get() {
            Some(due) => *due,
            None => {
                let directory = files::status_of(&self.directory()?)?;
                *self.belonging.get_or_init(|| belonging(&directory))
            }
        };
        match due.mode == 0o600 && due.uid.is_none() && files::status_of(file)?.st_mode & 0o777 == due.mode {
            true => Ok(()),
            false => files::give(file, due),
        }
    }

    /// Fails, for everybody in the session, if its directory was removed: newcomers make another session of the same
    /// name then, and the two know nothing of each other. Looks no more than twice a second.
    #[inline]
    pub(crate) fn look_for_directory(&self) -> NtResult<()> {
        let now = coarse_now_ns();
        match now.wrapping_sub(self.directory_seen_ns.load(Ordering::Relaxed)) < LOOK_NS {
            true => Ok(()),
            false => self.look_for_directory_now(now),
        }
    }

    #[cold]
    fn look_for_directory_now(&self, now: u64) -> NtResult<()> {
        self.directory_seen_ns.store(now, Ordering::Relaxed);
        match cfg!(not(feature = "models")) && self.is_directory_gone() {
            true => Err(self.damaged(REMOVED)),
            false => Ok(()),
        }
    }

    /// Was the directory removed, emptied, replaced or renamed? False where that cannot be told.
    fn is_directory_gone(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        if self.arena.is_unlinked() {
            return true;
        }
        let Some(directory) = self.directory.get() else { return false };
        let there = std::fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| self.directory.is_file(there.dev(), there.ino())) {
            return false;
        }
        // After chroot, or in another mount namespace, the path says nothing. It does if it leads to the parent of our
        // directory.
        let Some((base, _)) = self.path.rsplit_once('/') else { return false };
        let parent = files::open_at(&directory, c"..", libc::O_PATH | libc::O_DIRECTORY, 0);
        let Ok(parent) = parent.map_err(drop).and_then(|parent| files::status_of(&parent).map_err(drop)) else {
            return false;
        };
        std::fs::metadata(base).is_ok_and(|base| base.dev() == parent.st_dev && base.ino() == parent.st_ino)
    }
}
