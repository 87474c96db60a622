//! What the scan finds in the libraries of this machine, and in any others that
//! `PATCHALL_GATE_SCAN` lists (paths, separated by colons). Nothing is patched, and nothing of
//! those files is run.

use std::time::Instant;

use patchall::gate::{Object, ObjectKind, Plan, Reason, discover, scan};

/// Any address: the plans are never installed.
const ENTRY: usize = 0x1234_5678;

fn objects() -> Vec<Object> {
    // SAFETY: no test in this process closes a library.
    unsafe { discover() }.unwrap()
}

#[test]
fn every_site_of_libc_and_the_loader_can_be_patched_but_the_return_from_signals() {
    for (kind, least) in [(ObjectKind::Libc, 300), (ObjectKind::Loader, 20)] {
        let objects = objects();
        let object = objects.iter().find(|object| object.kind() == kind).unwrap();
        let start = Instant::now();
        let found = scan(object);
        let scanned = start.elapsed();
        let sites = found.sites.len();
        let plan = Plan::new(object, found, ENTRY).unwrap();
        println!("{}: {sites} sites, scan {scanned:?}, with plan {:?}", object.name(), start.elapsed());
        assert!(sites > least, "{kind:?}: {sites}");
        let reasons: Vec<Reason> = plan.left.iter().map(|left| left.reason).collect();
        // glibc links the signal trampoline into both.
        assert_eq!(reasons, [Reason::SignalReturn], "{kind:?}");
    }
}

#[test]
fn a_library_that_is_only_a_file_scans_as_well_as_one_that_is_loaded() {
    let objects = objects();
    let from_files = [ObjectKind::Libc, ObjectKind::Loader];
    for loaded in objects.iter().filter(|object| from_files.contains(&object.kind())) {
        let file = Object::from_file(loaded.name().as_ref()).unwrap();
        assert_eq!(file.kind(), loaded.kind());
        let (file, loaded) = (scan(&file), scan(loaded));
        assert_eq!(file.sites.len(), loaded.sites.len());
        assert_eq!(file.left.len(), loaded.left.len());
    }
}

#[test]
fn a_library_with_inline_syscalls_is_patched_whole() {
    // OpenMP's runtime has its own futex calls. Where it is not installed there is nothing to see.
    let path = "/usr/lib/x86_64-linux-gnu/libgomp.so.1";
    if let Ok(object) = Object::from_file(path.as_ref()) {
        assert_eq!(object.kind(), ObjectKind::Other);
        let plan = Plan::new(&object, scan(&object), ENTRY).unwrap();
        println!("{path}: {} sites", plan.patched());
        assert!(plan.patched() > 10);
        assert_eq!(plan.left, []);
    }
}

#[test]
fn libraries_of_other_systems() {
    let paths = std::env::var("PATCHALL_GATE_SCAN").unwrap_or_default();
    for path in paths.split(':').filter(|path| !path.is_empty()) {
        let object = Object::from_file(path.as_ref()).unwrap_or_else(|error| panic!("{path}: {error}"));
        let start = Instant::now();
        let plan = Plan::new(&object, scan(&object), ENTRY).unwrap_or_else(|error| panic!("{path}: {error}"));
        println!("{path}: {} sites, {} left, {:?}", plan.patched(), plan.left.len(), start.elapsed());
        for left in &plan.left {
            println!("  {:#x} {}", left.address, left.reason);
        }
        if object.kind() != ObjectKind::Other {
            let others = plan.left.iter().filter(|left| left.reason != Reason::SignalReturn);
            assert_eq!(others.count(), 0, "{path}");
        }
    }
}
