//! The library that `patchall` preloads.

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod compat;
mod note;
