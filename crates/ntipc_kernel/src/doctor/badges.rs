//! Badges: whose they are, the lists of notices, what they count.

use super::look::Look;
use crate::arena::layout::Queue;
use crate::object::kind::Kind;
use crate::queue::badge::{NOTICED, unread};
use crate::sync::Shared;
use std::collections::{HashMap, HashSet};

/// The badged ends of each queue.
pub type Badged = HashMap<u32, Vec<u32>>;

/// What the frames of one badge cost that lie in a queue, by the badge, + 1.
pub type Costs = HashMap<u32, u32>;

impl Look<'_> {
    /// All of it changes under the dispatcher lock, and is looked at under it only.
    pub fn all_badges(&mut self) -> Badged {
        let mut badged = Badged::new();
        for index in 0..self.objects {
            let Some((record, _)) = self.object(index).filter(|(_, kind)| *kind == Kind::BadgedEnd) else { continue };
            match self.arena.queue_of(record).filter(|(body, ..)| *body < self.queues) {
                Some((body, ..)) => badged.entry(body).or_default().push(index),
                None => {
                    let title = self.object_title(index);
                    self.find_if(self.locked, "badge", &title, || format!("{title} belongs to no queue."));
                }
            }
        }
        for body in 0..if self.locked { self.queues } else { 0 } {
            let queue = self.arena.queue(body);
            if queue.state.get() != 0 {
                self.badges_of(body, queue, badged.get(&body).map_or(&[], Vec::as_slice));
            }
        }
        badged
    }

    fn badges_of(&mut self, body: u32, queue: &Queue, own: &[u32]) {
        let title = format!("queue {body}");
        let noted = queue.badges.get();
        self.find_if(noted as usize != own.len(), "count", &title, || {
            format!("{title} has {} badges and its count says {noted}.", own.len())
        });
        let listed = self.notices(body, queue, &title);
        let reader = queue.read_end.get().checked_sub(1).and_then(|index| self.object(index));
        let is_read = reader.is_some_and(|(record, _)| record.handles.get() != 0);
        for index in own {
            let record = self.arena.object(*index);
            let title = self.object_title(*index);
            let (noticed, has_handles) = (record.word.get() & NOTICED != 0, record.handles.get() != 0);
            self.find_if(noticed != listed.contains(index), "notice", &title, || match noticed {
                true => format!("{title} is marked as one whose notice waits, and no list of notices has it."),
                false => format!("{title} is in a list of notices, and not marked as such."),
            });
            self.find_if(noticed && has_handles, "notice", &title, || {
                format!("The notice that {title} has no handles waits, and it has some.")
            });
            self.find_if(!noticed && !has_handles && is_read, "notice", &title, || {
                format!("{title} has no handles, and nobody will be told.")
            });
        }
    }

    /// The list of notices of a queue.
    fn notices(&mut self, body: u32, queue: &Queue, title: &str) -> HashSet<u32> {
        let mut seen = HashSet::new();
        let (mut next, mut last) = (queue.notices.get(), 0);
        while let Some(index) = next.checked_sub(1) {
            let known =
                self.object(index).filter(|(record, kind)| *kind == Kind::BadgedEnd && record.limit.get() == body + 1);
            let Some((record, _)) = known else {
                let text = format!("The notices of {title} lead to object {index}, which is no badge of it.");
                self.find("notice", title, text);
                return seen;
            };
            if !seen.insert(index) {
                self.find("notice", title, format!("The notices of {title} run in a circle."));
                return seen;
            }
            last = next;
            next = record.link.get();
        }
        self.find_if(last != 0 && queue.last_notice.get() != last, "notice", title, || {
            format!("The notices of {title} end with another one than the queue says.")
        });
        seen
    }

    /// Of a queue that nobody is at: each frame's badge is one of its own, and each badge counts what lies there of it.
    pub fn costs(&mut self, body: u32, title: &str, own: Option<&Vec<u32>>, lying: &Costs) {
        if !self.locked {
            return;
        }
        let own = own.map_or(&[][..], Vec::as_slice);
        for badge in lying.keys() {
            self.find_if(!own.contains(&badge.wrapping_sub(1)), "badge", &format!("badge {badge} of {title}"), || {
                format!("A frame in {title} bears a badge that no end of it has.")
            });
        }
        for index in own {
            let (counted, there) = (unread(self.arena.object(*index)), lying.get(&(index + 1)).copied().unwrap_or(0));
            let title = self.object_title(*index);
            self.find_if(counted != there, "count", &title, || {
                format!("What lies of {title} in queue {body} costs {there}, and it counts {counted}.")
            });
        }
    }
}
