//! Atomic words whose every access is a step of the model. As long as the words they stand in for, and valid when all
//! zero.

use super::step;
use std::sync::atomic::{self, Ordering};

macro_rules! word {
    ($name:ident, $value:ty, $inner:ty) => {
        #[repr(transparent)]
        #[derive(Default)]
        pub struct $name($inner);

        impl $name {
            pub const fn new(value: $value) -> Self {
                $name(<$inner>::new(value))
            }

            fn place(&self) -> usize {
                self.0.as_ptr() as usize
            }

            /// A store of what is there already is no step: a death before it leaves what a death after it leaves.
            fn before_write(&self, new: $value) {
                step::before_write(self.place(), self.0.load(Ordering::Relaxed) != new);
            }

            #[inline]
            pub fn load(&self, order: Ordering) -> $value {
                step::before_read(self.place());
                self.0.load(order)
            }

            #[inline]
            pub fn store(&self, value: $value, order: Ordering) {
                self.before_write(value);
                self.0.store(value, order);
            }

            #[inline]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.before_write(value);
                self.0.swap(value, order)
            }

            #[inline]
            pub fn compare_exchange(
                &self,
                seen: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.before_write(new);
                self.0.compare_exchange(seen, new, success, failure)
            }

            /// Fails for no reason now and then, as it may.
            #[inline]
            pub fn compare_exchange_weak(
                &self,
                seen: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.before_write(new);
                if step::chance(self.place(), 16) {
                    return Err(self.0.load(failure));
                }
                self.0.compare_exchange(seen, new, success, failure)
            }

            pub fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }
        }

        word!(@modify $name, $value, fetch_add, |old, with| old.wrapping_add(with));
        word!(@modify $name, $value, fetch_sub, |old, with| old.wrapping_sub(with));
        word!(@modify $name, $value, fetch_or, |old, with| old | with);
        word!(@modify $name, $value, fetch_and, |old, with| old & with);
        word!(@modify $name, $value, fetch_max, |old, with| old.max(with));
    };
    (@modify $name:ident, $value:ty, $method:ident, |$old:ident, $with:ident| $new:expr) => {
        impl $name {
            #[inline]
            pub fn $method(&self, $with: $value, order: Ordering) -> $value {
                let $old = self.0.load(Ordering::Relaxed);
                self.before_write($new);
                self.0.$method($with, order)
            }
        }
    };
}

word!(AtomicU32, u32, atomic::AtomicU32);
word!(AtomicU64, u64, atomic::AtomicU64);

const _: () = assert!(size_of::<AtomicU32>() == 4 && size_of::<AtomicU64>() == 8 && align_of::<AtomicU64>() == 8);
