//! The library that `patchall` preloads.
