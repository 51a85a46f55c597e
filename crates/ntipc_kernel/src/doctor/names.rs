//! Names: chains of objects, and the cells that their text lies in.

use super::look::Look;
use crate::arena::layout::{BUCKETS, Cell};
use crate::object::names;
use crate::sync::Shared;
use std::collections::{HashMap, HashSet};

const CELLS: &str = "the list of free cells";

impl Look<'_> {
    pub fn all_names(&mut self) {
        let mut chained = HashSet::new();
        let mut known = HashMap::new();
        for bucket in self.arena.buckets() {
            let mut next = self.arena.bucket(bucket).get();
            while let Some(index) = next.checked_sub(1) {
                let subject = format!("name chain {bucket}");
                let Some((record, _)) = self.object(index) else {
                    self.find(
                        "name",
                        &subject,
                        format!("The {subject} leads to object {index}, which does not exist."),
                    );
                    break;
                };
                if !chained.insert(index) {
                    self.find("name", &subject, format!("The {subject} runs in a circle or into another chain."));
                    break;
                }
                let title = self.object_title(index);
                let name = self.text(record.name.get());
                let hash = name.as_ref().and_then(|name| std::str::from_utf8(name).ok()).map(names::hash);
                if hash != Some(record.hash.get()) || record.hash.get() & (BUCKETS - 1) != bucket {
                    self.find("name", &title, format!("{title} is in {subject}, where its name does not belong."));
                }
                if let Some(other) = name.and_then(|name| known.insert(name, index)) {
                    self.find("name", &title, format!("{title} has the same name as object {other}."));
                }
                next = record.link.get();
            }
        }
        for index in 0..self.objects {
            let Some((record, _)) = self.object(index) else { continue };
            let named = record.name.get() != 0 && record.handles.get() != 0;
            if self.locked && named && !chained.contains(&index) {
                let title = self.object_title(index);
                self.find("name", &title, format!("{title} has a name by which it cannot be found."));
            }
        }
        self.cells();
    }

    fn cells(&mut self) {
        let mut used = vec![false; self.cells as usize];
        for index in 0..self.objects {
            let Some((record, _)) = self.object(index) else { continue };
            for first in [record.name.get(), record.extra.get()] {
                if first != 0 && !self.chain_of(first, &mut used) {
                    let title = self.object_title(index);
                    self.find("cells", &title, format!("The text of {title} is cut off, or shared with another one."));
                }
            }
        }
        let mut next = self.arena.header().cell_free.get();
        while let Some(index) = next.checked_sub(1) {
            match used.get_mut(index as usize) {
                Some(flag) if !*flag => *flag = true,
                _ => {
                    let text =
                        format!("The list of free cells leads to cell {index}, which is not free, or in a circle.");
                    self.find("cells", CELLS, text);
                    return;
                }
            }
            next = self.arena.cell(index).next.get();
        }
        let lost = used.iter().filter(|flag| !**flag).count();
        self.find_if(self.locked && lost > 0, "cells", CELLS, || {
            format!("{lost} cells hold no text and are not in the list of free ones.")
        });
    }

    /// The cells of one text are as many as its length asks for, and nobody else's.
    fn chain_of(&self, first: u32, used: &mut [bool]) -> bool {
        let mut left = None;
        let mut next = first;
        loop {
            let Some(flag) = next.checked_sub(1).and_then(|index| used.get_mut(index as usize)) else {
                return left == Some(0) && next == 0;
            };
            let cell = self.arena.cell(next - 1);
            let length = || (cell.text[0].get() as usize + 4).min(names::TEXT_MAX + 64);
            let bytes: usize = left.unwrap_or_else(length);
            if std::mem::replace(flag, true) || bytes == 0 {
                return false;
            }
            left = Some(bytes.saturating_sub(Cell::WORDS * 4));
            next = cell.next.get();
        }
    }
}
