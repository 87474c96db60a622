//! What differs from one processor to another: the way in and out of the engine, FS, the vector state.

mod x86_64;
pub(crate) use x86_64::*;
