//! The launcher as a program: every option, error and exit code, and what it does to the program it becomes.
//!
//! The library is known to be preloaded when it stands in the program's /proc/self/maps, not when a variable says so.

mod arguments;
mod documents;
mod library;
mod native;
mod support;
mod transparent;
