//! Libraries with inline system calls that come by `dlopen` and go by `dlclose`.

use std::ffi::CString;
use std::process::Command;

use patchall::gate::{Change, Gate, ObjectKind, Threads, locate};

use crate::entry::calls;

const SOURCE: &str = r#"
long ask(void) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(39L) : "rcx", "r11", "memory");
    return result;
}
"#;

/// A library of that source, compiled now; `None` without a compiler.
fn compile(directory: &str) -> Option<CString> {
    std::fs::create_dir_all(directory).unwrap();
    let (source, library) = (format!("{directory}/ask.c"), format!("{directory}/ask.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let arguments = ["-O2", "-shared", "-fPIC", "-o", &library, &source];
    let status = Command::new("cc").args(arguments).status().ok()?;
    status.success().then(|| CString::new(library).unwrap())
}

fn load(path: &CString) -> (*mut libc::c_void, extern "C" fn() -> libc::c_long) {
    // SAFETY: a library without constructors that has the function with this type.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null());
        let symbol = libc::dlsym(handle, c"ask".as_ptr());
        assert!(!symbol.is_null());
        (handle, std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> libc::c_long>(symbol))
    }
}

fn refresh(gate: &mut Gate) -> Change {
    // SAFETY: this thread alone loads and unloads.
    unsafe { gate.refresh() }.unwrap()
}

pub(crate) fn libraries_come_and_go() {
    let directory = format!("/tmp/patchall-gate-{}", std::process::id());
    let Some(path) = compile(&directory) else {
        println!("  skipped: no C compiler (cc)");
        return;
    };
    let mut gate = crate::open(Threads::One);
    assert_eq!(refresh(&mut gate), Change { came: 0, went: 0 });
    let this = libc::c_long::from(std::process::id());
    let mut areas = Vec::new();
    for _ in 0..50 {
        let (handle, ask) = load(&path);
        let before = calls();
        assert_eq!((ask(), calls() - before), (this, 0), "not patched yet");
        assert_eq!(refresh(&mut gate), Change { came: 1, went: 0 });
        let before = calls();
        assert_eq!((ask(), calls() - before), (this, 1));
        let start = ask as *const () as usize;
        let pc = (start..start + 32).find(|&pc| locate(pc).is_some()).unwrap();
        assert_eq!(locate(pc).unwrap().kind, ObjectKind::Other);
        // SAFETY: a handle of dlopen(3); nobody is in the library.
        assert_eq!(unsafe { libc::dlclose(handle) }, 0);
        assert_eq!(refresh(&mut gate), Change { came: 0, went: 1 });
        assert_eq!(locate(pc), None);
        areas.push(std::fs::read_to_string("/proc/self/maps").unwrap().lines().count());
    }
    assert_eq!(areas.first(), areas.last(), "trampolines are used again");
    // Gone and back between two looks: fresh code at the same place.
    let (handle, _) = load(&path);
    assert_eq!(refresh(&mut gate).came, 1);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::dlclose(handle) }, 0);
    let (_, ask) = load(&path);
    assert_eq!(refresh(&mut gate), Change { came: 1, went: 1 });
    let before = calls();
    assert_eq!((ask(), calls() - before), (this, 1));
    // A second libc, in a namespace of its own.
    // SAFETY: NUL-terminated name; the library stays.
    let other = unsafe { libc::dlmopen(libc::LM_ID_NEWLM, c"libc.so.6".as_ptr(), libc::RTLD_NOW) };
    assert!(!other.is_null());
    assert!(refresh(&mut gate).came >= 1);
    let patched = gate.stats().objects.iter().filter(|object| object.kind == ObjectKind::Libc).count();
    assert_eq!(patched, 2);
    std::fs::remove_dir_all(directory).unwrap();
}
