//! Frames of posted messages. What one says is checked here, byte for byte: others can write what they like into a
//! queue.

/// A frame of a posted message: kind and flags (1 byte), window (8), number (4), parameters (8, 8), time (8), without
/// gaps.
pub const POST_SIZE: usize = 37;
/// The low bits of the first byte say what a frame is.
const KIND: u8 = 0x0f;
const POST: u8 = 1;
/// A parameter is 2**63 or more.
pub const WIDE_WPARAM: u8 = 0x10;
pub const WIDE_LPARAM: u8 = 0x20;

/// A posted message, as its frame has it.
#[derive(Clone, Copy, Default)]
pub struct Post {
    /// Which parameters are 2**63 or more.
    pub wide: u8,
    pub hwnd: u64,
    pub msg: u32,
    pub wparam: u64,
    pub lparam: u64,
    pub time: f64,
}

/// The next field.
fn field<const SIZE: usize>(bytes: &mut &[u8]) -> Option<[u8; SIZE]> {
    let (field, rest) = bytes.split_first_chunk::<SIZE>()?;
    *bytes = rest;
    Some(*field)
}

impl Post {
    /// What a frame says, if it is one of a posted message. One that is too short for that is a message of zeros.
    pub fn of(frame: &[u8]) -> Option<Post> {
        let (kind, mut rest) = frame.split_first()?;
        (kind & KIND == POST).then(|| Post::read(*kind, &mut rest).unwrap_or_default())
    }

    fn read(kind: u8, rest: &mut &[u8]) -> Option<Post> {
        Some(Post {
            wide: kind & (WIDE_WPARAM | WIDE_LPARAM),
            hwnd: u64::from_le_bytes(field(rest)?),
            msg: u32::from_le_bytes(field(rest)?),
            wparam: u64::from_le_bytes(field(rest)?),
            lparam: u64::from_le_bytes(field(rest)?),
            time: f64::from_le_bytes(field(rest)?),
        })
    }
}

/// Make the frame of a posted message whose parameters are below 2**63.
pub fn post_frame(hwnd: u64, msg: u32, wparam: i64, lparam: i64, time: f64) -> [u8; POST_SIZE] {
    let mut frame = [POST; POST_SIZE];
    frame[1..9].copy_from_slice(&hwnd.to_le_bytes());
    frame[9..13].copy_from_slice(&msg.to_le_bytes());
    frame[13..21].copy_from_slice(&wparam.to_le_bytes());
    frame[21..29].copy_from_slice(&lparam.to_le_bytes());
    frame[29..37].copy_from_slice(&time.to_le_bytes());
    frame
}
