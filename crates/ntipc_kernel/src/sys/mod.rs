//! The only system calls of the kernel.
// UNSAFETY: every function here wraps one call of libc; pointers given to it are references that outlive the call.

pub mod clock;
pub mod eventfd;
pub mod files;
pub mod foreign;
pub mod futex;
pub mod kept;
pub mod namespaces;
pub mod parcels;
pub mod pidfd;
pub mod proc;
pub mod process;
pub mod robust;
