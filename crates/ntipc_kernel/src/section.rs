//! Sections: memory that processes share. (NtCreateSection, NtMapViewOfSection)
//!
//! A page-file section is a file of the session's directory; a file section names a file and says which inode it must
//! be. `limit` holds flags, `a` the size in bytes, `b` the serial number of the session's file. A view needs nothing in
//! the arena: the mapping keeps the memory, as on NT, after name and handles are gone.
//!
//! Crash: the object exists, unnamed, before its file does, and the file is removed before the object's slot is free.
//! So there is no file without an object that answers for it.

use crate::arena::Arena;
use crate::arena::layout::{Object, word};
use crate::fault::fault;
use crate::object::kind::{Kind, Type, access};
use crate::object::names;
use crate::object::table::{Disposition, Initial, Opened};
use crate::process::lock::Locked;
use crate::session::{Session, locked};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared};
use crate::sys::files::{self, Mapping, Protection};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

pub const PAGE: u64 = 4096;
/// Views begin at multiples of it, as on NT.
pub const GRANULARITY: u64 = 65_536;

/// Memory up to this size is given back under the lock; more only after it is dropped.
const QUICKLY_FREED: u64 = 1 << 20;

const FILE: u32 = 1 << 4;
const RESERVE: u32 = 1 << 5;

/// A file, and the inode it must be.
#[derive(Clone, Debug)]
pub struct Backing {
    pub path: String,
    pub device: u64,
    pub inode: u64,
}

/// What a new section is to be.
#[derive(Clone, Debug)]
pub struct NewSection {
    pub size: u64,
    pub protection: Protection,
    /// Take the space only when it is touched.
    pub reserve: bool,
    /// None: the session keeps the memory.
    pub file: Option<Backing>,
}

#[derive(Clone, Debug)]
pub struct SectionState {
    pub size: u64,
    pub protection: Protection,
    pub reserve: bool,
    pub file: Option<String>,
}

fn encode(protection: Protection) -> u32 {
    match protection {
        Protection::Read => 0,
        Protection::ReadWrite => 1,
        Protection::Copy => 2,
    }
}

fn decode(flags: u32) -> Protection {
    match flags & 3 {
        0 => Protection::Read,
        1 => Protection::ReadWrite,
        _ => Protection::Copy,
    }
}

/// What the flags of a section say: its protection, and whether its space is taken only when touched.
pub fn flags(limit: u32) -> (Protection, bool) {
    (decode(limit), limit & RESERVE != 0)
}

/// Is it made of a file of the user's, not of one of the session's?
pub(crate) fn has_file(limit: u32) -> bool {
    limit & FILE != 0
}

fn file_name(serial: u64) -> CString {
    CString::new(format!("section.{serial}")).unwrap_or_default()
}

/// The file of a file section.
pub(crate) fn backing(arena: &Arena, object: u32) -> NtResult<Backing> {
    let bad = || Failure::damaged("a file section has no readable path");
    let text = names::read(arena, arena.object(object).extra.get()).ok_or_else(bad)?;
    let (device, rest) = text.split_first_chunk::<8>().ok_or_else(bad)?;
    let (inode, path) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
    Ok(Backing {
        path: String::from_utf8(path.to_vec()).map_err(|_| bad())?,
        device: u64::from_le_bytes(*device),
        inode: u64::from_le_bytes(*inode),
    })
}

impl Session {
    /// Open the section of that name, or make one.
    pub fn create_section(
        self: &Arc<Self>,
        name: Option<&str>,
        disposition: Disposition,
        rights: u32,
        wanted: &NewSection,
    ) -> NtResult<Opened> {
        if let Some(opened) = self.lock()?.open_existing(name, disposition, rights, Type::Section)? {
            self.keep_access(opened.handle, None);
            return Ok(opened);
        }
        let size = wanted.size;
        if size == 0 {
            return Err(Failure::new(NtStatus::INVALID_PARAMETER, "a new section needs a size of at least 1 byte"));
        }
        if size > i64::MAX as u64 - PAGE {
            return Err(NtStatus::SECTION_TOO_BIG.into());
        }
        let limit = encode(wanted.protection)
            | if wanted.reserve { RESERVE } else { 0 }
            | if wanted.file.is_some() { FILE } else { 0 };
        let serial = self.arena.header().section_serial.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let initial = Initial { kind: Kind::Section, value: 0, limit, quantity: size, detail: serial };
        let unnamed = self.create(None, Disposition::Create, rights, initial, false)?;
        let published = self.furnish(unnamed.handle, serial, wanted).and_then(|()| {
            let Some(name) = name else { return Ok(unnamed) };
            let mut locked = self.lock()?;
            if let Some(opened) = locked.open_existing(Some(name), disposition, rights, Type::Section)? {
                drop(locked);
                self.keep_access(opened.handle, None);
                return Ok(opened); // somebody was quicker
            }
            let entry = self.entry(unnamed.handle)?;
            locked.publish_name(entry.object, name)?;
            fault!(SectionPublished);
            Ok(unnamed)
        });
        if !published.as_ref().is_ok_and(|opened| opened.created) {
            let _ = self.close(unnamed.handle);
        }
        published
    }

    /// Give a new section its memory.
    fn furnish(self: &Arc<Self>, handle: u32, serial: u64, wanted: &NewSection) -> NtResult<()> {
        if let Some(backing) = &wanted.file {
            let mut text = backing.device.to_le_bytes().to_vec();
            text.extend_from_slice(&backing.inode.to_le_bytes());
            text.extend_from_slice(backing.path.as_bytes());
            let mut locked = self.lock()?;
            let entry = self.entry(handle)?;
            locked.note_object(entry.object);
            let cells = locked.store_text(&text)?;
            self.arena.object(entry.object).extra.put(cells);
            drop(locked);
            self.keep_access(handle, None);
            return Ok(());
        }
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let file = self.open_at(&file_name(serial), flags, "making the section's file")?;
        fault!(SectionFileMade);
        self.share_file(&file)?;
        let length = wanted.size.next_multiple_of(PAGE);
        self.has_grown(length);
        match wanted.reserve {
            true => files::set_length(&file, length)?,
            false => files::reserve(&file, 0, length)?,
        }
        fault!(SectionReserved);
        self.keep_access(handle, Some(&file));
        Ok(())
    }

    pub fn query_section(&self, handle: u32, rights: u32) -> NtResult<SectionState> {
        let (entry, _) = self.entry_of(handle, Type::Section, rights)?;
        let object = self.arena.object(entry.object);
        let (protection, reserve) = flags(object.limit.get());
        let file = match object.limit.get() & FILE {
            0 => None,
            _ => Some(backing(&self.arena, entry.object)?.path),
        };
        Ok(SectionState { size: object.quantity.get(), protection, reserve, file })
    }

    fn open_memory(&self, object: u32, writable: bool) -> NtResult<(OwnedFd, u64)> {
        // Without waiting: what lies there may be a pipe.
        let flags = libc::O_NONBLOCK | if writable { libc::O_RDWR } else { libc::O_RDONLY };
        let record = self.arena.object(object);
        if record.limit.get() & FILE == 0 {
            let file = self.open_at(&file_name(record.detail.get()), flags, "opening the section's file")?;
            let length = files::status_of(&file)?.st_size as u64;
            return Ok((file, length));
        }
        let backing = backing(&self.arena, object)?;
        let file = files::open_path(&files::c_string(&backing.path)?, flags)
            .map_err(|error| Failure::from_io(&format!("opening {}", backing.path), &error))?;
        let status = files::status_of(&file)?;
        if status.st_dev != backing.device || status.st_ino != backing.inode {
            let why = format!("{} is not the file any more that the section was made of", backing.path);
            return Err(Failure::new(NtStatus::FILE_INVALID, why));
        }
        Ok((file, status.st_size as u64))
    }

    /// The file that holds the section's bytes, for a program that maps it by itself.
    pub fn section_descriptor(&self, handle: u32, writable: bool) -> NtResult<OwnedFd> {
        let rights = if writable { access::SECTION_MAP_WRITE } else { access::SECTION_MAP_READ };
        let (entry, _) = self.entry_of(handle, Type::Section, rights)?;
        if writable && decode(self.arena.object(entry.object).limit.get()) != Protection::ReadWrite {
            return Err(Failure::new(NtStatus::ACCESS_DENIED, "the section was made for reading, not for writing"));
        }
        Ok(self.open_memory(entry.object, writable)?.0)
    }

    /// The most that the handle and the section allow.
    pub fn best_protection(&self, handle: u32) -> NtResult<Protection> {
        let (entry, _) = self.entry_of(handle, Type::Section, 0)?;
        Ok(match decode(self.arena.object(entry.object).limit.get()) {
            Protection::ReadWrite if entry.access & access::SECTION_MAP_WRITE == 0 => Protection::Read,
            protection => protection,
        })
    }

    /// Map a part of a section. `None`: to its end.
    ///
    /// A view may go beyond the size of the section up to the end of its last page, as on NT, unless what is written
    /// there would be lost: of a file that ends there. With `rounded` NT's rule holds for files as well.
    pub fn map_view(
        &self,
        handle: u32,
        offset: u64,
        size: Option<u64>,
        protection: Protection,
        rounded: bool,
    ) -> NtResult<Mapping> {
        let rights = match protection {
            Protection::ReadWrite => access::SECTION_MAP_WRITE,
            Protection::Read | Protection::Copy => access::SECTION_MAP_READ,
        };
        if offset % GRANULARITY != 0 {
            let why = format!("a view begins at a multiple of {GRANULARITY} bytes, not at {offset}");
            return Err(Failure::new(NtStatus::MAPPED_ALIGNMENT, why));
        }
        let (entry, _) = self.entry_of(handle, Type::Section, rights)?;
        let record = self.arena.object(entry.object);
        let (total, flags) = (record.quantity.get(), record.limit.get());
        if protection == Protection::ReadWrite && decode(flags) != Protection::ReadWrite {
            return Err(Failure::new(NtStatus::ACCESS_DENIED, "the section was made for reading, not for writing"));
        }
        let outside = || {
            let why = format!("the view does not lie in the section, which has {total} bytes");
            Failure::new(NtStatus::INVALID_VIEW_SIZE, why)
        };
        let length = match size {
            None | Some(0) => total.checked_sub(offset).filter(|rest| *rest > 0).ok_or_else(outside)?,
            Some(size) => size,
        };
        let end = offset.checked_add(length).ok_or_else(outside)?;
        let length = usize::try_from(length).map_err(|_| outside())?;
        let (last, rounded) = (total.checked_next_multiple_of(PAGE).unwrap_or(total), rounded || flags & FILE == 0);
        let anchor = self.anchors.of(record.detail.get());
        let memory = match self.open_memory(entry.object, protection == Protection::ReadWrite) {
            Err(failure) if failure.status == NtStatus::ACCESS_DENIED && anchor.is_some() => None,
            opened => Some(opened?),
        };
        let bound = match &memory {
            Some((_, length)) if rounded => length.saturating_add(PAGE - 1) / PAGE * PAGE,
            Some((_, length)) => *length,
            None => total,
        };
        if end > last {
            return Err(outside());
        }
        if end > bound {
            let why = match bound.saturating_add(PAGE - 1) / PAGE * PAGE < total {
                true => (NtStatus::FILE_INVALID, "the file is shorter than its section by now".to_owned()),
                false => {
                    let text = format!(
                        "the view ends at byte {end} of a file that has {bound}: what is written beyond is lost"
                    );
                    (NtStatus::INVALID_VIEW_SIZE, text)
                }
            };
            return Err(Failure::new(why.0, why.1));
        }
        if word::generation(record.word.get()) != entry.generation {
            return Err(NtStatus::INVALID_HANDLE.into());
        }
        match (memory, anchor) {
            (Some((file, _)), _) => Mapping::new(&file, offset, length, protection),
            (None, Some(anchor)) => Mapping::through(&anchor, offset, length, protection),
            (None, None) => Err(NtStatus::ACCESS_DENIED.into()),
        }
    }

    /// Keep a way to the memory of the section behind a new handle, by which this process maps it after it has given up
    /// its privileges. Only root has any to give up. The way ends with the handle. `file`: the section's, if it is open
    /// to read and write.
    #[cold]
    pub(crate) fn keep_access(&self, handle: u32, file: Option<&OwnedFd>) {
        if self.owner != 0 {
            return;
        }
        let Ok((entry, _)) = self.entry_of(handle, Type::Section, 0) else { return };
        let serial = self.arena.object(entry.object).detail.get();
        let writable = file.is_some() || self.best_protection(handle).is_ok_and(|best| best == Protection::ReadWrite);
        if self.anchors.share(serial, writable) {
            return;
        }
        let anchor = match file {
            Some(file) => Mapping::anchor(file),
            None => self.open_memory(entry.object, writable).and_then(|(file, _)| Mapping::anchor(&file)),
        };
        if let Ok(mapping) = anchor {
            self.anchors.add(serial, mapping, writable);
        }
    }
}

struct Anchor {
    mapping: Arc<Mapping>,
    writable: bool,
    /// Handles of this process that have it.
    handles: u32,
}

/// Anchors in the memory of sections, by the serial numbers of those.
#[derive(Default)]
pub(crate) struct Anchors {
    kept: Mutex<BTreeMap<u64, Anchor>>,
    /// Have there ever been any? Relaxed: a thread that closes a handle knows of it from the thread that opened it.
    any: AtomicU32,
}

impl Anchors {
    /// One more handle to a section, if it has an anchor that serves.
    fn share(&self, serial: u64, writable: bool) -> bool {
        match locked(&self.kept).get_mut(&serial).filter(|anchor| anchor.writable || !writable) {
            Some(anchor) => {
                anchor.handles += 1;
                true
            }
            None => false,
        }
    }

    fn add(&self, serial: u64, mapping: Mapping, writable: bool) {
        self.any.store(1, Ordering::Relaxed);
        let mut kept = locked(&self.kept);
        let handles = kept.get(&serial).map_or(0, |before| before.handles) + 1;
        kept.insert(serial, Anchor { mapping: Arc::new(mapping), writable, handles });
    }

    fn of(&self, serial: u64) -> Option<Arc<Mapping>> {
        match self.any.load(Ordering::Relaxed) {
            0 => None,
            _ => locked(&self.kept).get(&serial).map(|anchor| Arc::clone(&anchor.mapping)),
        }
    }

    /// A handle to a section is closed.
    #[cold]
    #[inline(never)]
    fn forget(&self, object: &Object) {
        if Kind::of(object) != Some(Kind::Section) {
            return;
        }
        let serial = object.detail.get();
        let mut kept = locked(&self.kept);
        if let Some(anchor) = kept.get_mut(&serial) {
            anchor.handles = anchor.handles.saturating_sub(1);
            if anchor.handles == 0 {
                kept.remove(&serial);
            }
        }
    }

    /// All handles are closed.
    pub fn clear(&self) {
        locked(&self.kept).clear();
    }
}

impl Locked<'_> {
    /// A handle of this process is about to be closed.
    #[inline]
    pub fn forget_access(&self, object: u32) {
        if self.session.anchors.any.load(Ordering::Relaxed) != 0 {
            self.session.anchors.forget(self.session.arena.object(object));
        }
    }

    /// Remove the file of a section; a missing one is no error.
    pub fn unlink_section_file(&mut self, object: u32) {
        let record = self.session.arena.object(object);
        if record.limit.get() & FILE != 0 {
            return;
        }
        let name = file_name(record.detail.get());
        match record.quantity.get() {
            0..=QUICKLY_FREED => {
                if let Ok(directory) = self.session.directory() {
                    files::unlink_at(&directory, &name);
                }
            }
            _ => self.unlink_later(&name),
        }
    }
}
