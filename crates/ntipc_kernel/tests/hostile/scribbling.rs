//! Damage, by chance but repeatable.

use ntipc_kernel::Field;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// xorshift64*: the same numbers everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// One act of damage: what and where.
pub fn scribble(dice: &mut Dice, file: &File, fields: &[Field]) {
    if dice.below(12) == 0 {
        let mut bytes = vec![0u8; 1 << dice.below(10)];
        bytes.iter_mut().for_each(|byte| *byte = dice.next() as u8);
        let tables = fields.iter().filter(|field| field.at >= 128 || field.table == "header");
        let at = tables.clone().nth(dice.below(tables.count() as u64) as usize).map_or(128, |field| field.at);
        let at = at.max(16) + dice.below(2048);
        let _ = file.write_at(&bytes, at);
        return;
    }
    let field = fields[dice.below(fields.len() as u64) as usize];
    if matches!(field.name, "magic" | "fingerprint") {
        return;
    }
    let entry = match dice.below(8) {
        0 => dice.below(field.count),
        _ => dice.below(field.count.min(40)),
    };
    let at = field.at + entry * field.stride + if field.width > 8 { dice.below(field.width / 4) * 4 } else { 0 };
    let width = field.width.min(8) as usize;
    let mut old = [0u8; 8];
    let _ = file.read_at(&mut old[..width], at);
    let old = u64::from_le_bytes(old);
    let value = match dice.below(9) {
        0 => 0,
        1 => u64::MAX,
        2 => dice.next(),
        3 => old ^ 1 << dice.below(width as u64 * 8),
        4 => old.wrapping_add(1),
        5 => old.wrapping_sub(1),
        6 => 1 << dice.below(width as u64 * 8),
        _ => dice.below(64),
    };
    let _ = file.write_at(&value.to_le_bytes()[..width], at);
}
