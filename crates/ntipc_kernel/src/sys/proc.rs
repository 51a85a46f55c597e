//! Reading /proc, and whether what it tells is about processes as this one numbers them.
//!
//! A container may have no /proc, or that of another pid namespace, where the number of a participant is that of a
//! stranger. So /proc is asked about a process only where [`is_ours`] says that it counts as this process does.

use super::{namespaces, process};
use crate::sync::{AtomicU64, Ordering};
use std::ffi::CStr;
use std::io::Read;
use std::sync::OnceLock;

const MAGIC: i64 = 0x9fa0;
/// A file that every /proc has which shows this process.
const OWN: &CStr = c"/proc/self/stat";
/// `STATX_MNT_ID_UNIQUE`: from Linux 6.8 on, a number that no later mount gets.
const MOUNT: u32 = 0x4000;
/// Longer than what most of its files hold.
const ROOM: usize = 4096;

/// What a file of /proc holds, in as few calls as there can be: one that reads, and one that finds the end.
pub fn text(path: &str) -> std::io::Result<String> {
    let mut text = String::with_capacity(ROOM);
    // `take` keeps the library from asking for the size first, which is 0 for every file there.
    std::fs::File::open(path)?.take(u64::MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Does /proc number processes as this process does?
///
/// To find out takes longer than all else that is asked there, so the answer is noted for the mount: a mount of /proc
/// shows one pid namespace for ever, and a process never changes its own.
pub fn is_ours() -> bool {
    let mount = mount();
    let Some(noted) = mount.and(noted_mount()) else { return is_found_ours() };
    if Some(noted.load(Ordering::Relaxed)) == mount {
        return true;
    }
    let ours = is_found_ours();
    if ours && self::mount() == mount {
        noted.store(mount.unwrap_or(0), Ordering::Relaxed); // Relaxed: the word is all there is to see
    }
    ours
}

/// It does if this process has one number there, which is its own: one of an outer namespace shows the inner number
/// after the outer one, and in any other this process is not to be seen.
fn is_found_ours() -> bool {
    namespaces::inode_on(OWN, MAGIC) != 0
        && text("/proc/self/status").is_ok_and(|status| {
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            numbers.is_some_and(|numbers| numbers.trim() == process::pid().to_string())
        })
}

/// The number of the mount that is at /proc; `None` where Linux does not tell one that is used once.
fn mount() -> Option<u64> {
    // SAFETY: a NUL-terminated string, and zeroed storage for the call to fill.
    let (done, found) = unsafe {
        let mut found: libc::statx = std::mem::zeroed();
        (libc::statx(libc::AT_FDCWD, OWN.as_ptr(), 0, MOUNT, &raw mut found), found)
    };
    (done == 0 && found.stx_mask & MOUNT != 0 && found.stx_mnt_id != 0).then_some(found.stx_mnt_id)
}

/// Where the mount is noted whose /proc is ours; it holds 0 in a child of a fork, which may be in another pid
/// namespace. `None`: Linux does not wipe memory at a fork (before 4.14).
fn noted_mount() -> Option<&'static AtomicU64> {
    static NOTED: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
    *NOTED.get_or_init(|| {
        if cfg!(feature = "models") {
            return None; // each look at the word would be a step of theirs
        }
        // SAFETY: the mapping is new and stays for good. All zeros, which it holds first and after a fork, are a valid
        // AtomicU64, for which a page is large enough and well aligned.
        unsafe {
            let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let page = libc::mmap(std::ptr::null_mut(), size_of::<AtomicU64>(), protection, flags, -1, 0);
            if page == libc::MAP_FAILED {
                return None;
            }
            let is_wiped = libc::madvise(page, size_of::<AtomicU64>(), libc::MADV_WIPEONFORK) == 0;
            is_wiped.then(|| &*page.cast::<AtomicU64>())
        }
    })
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::*;

    #[test]
    fn the_answer_that_is_noted_is_the_one_that_is_found() {
        for _ in 0..3 {
            assert_eq!(is_ours(), is_found_ours());
        }
        assert!(
            !is_ours()
                || mount().is_none()
                || noted_mount().is_none_or(|noted| Some(noted.load(Ordering::Relaxed)) == mount())
        );
    }

    #[test]
    fn a_forked_child_finds_nothing_noted() {
        if !is_ours() || mount().is_none() {
            return; // there is nothing to note
        }
        let Some(noted) = noted_mount() else { return };
        // SAFETY: the child calls nothing but what a child of a program with threads may.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let found = noted.load(Ordering::Relaxed);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(found != 0)) }
        }
        let mut status = 0;
        // SAFETY: a place for the status of the child that was just started.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }

    #[test]
    fn a_text_is_read_whole() {
        assert!(text("/proc/self/stat").is_ok_and(|stat| stat.ends_with('\n')));
        assert!(text("/proc/self/smaps").is_ok_and(|maps| maps.len() > ROOM && maps.ends_with('\n')));
        assert!(text("/proc/self/nothing").is_err());
    }
}
