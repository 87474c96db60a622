//! Random functions around `syscall`, run before and after they are patched, in every way in which
//! a window can be had: the results must be the same, and the entry must have seen what it should.

use core::sync::atomic::{AtomicU64, Ordering};

use iced_x86::Mnemonic;

use super::code::Code;
use super::kernel::{self, PAGE};
use super::relocate::is_nop;
use super::search::SYSCALL;
use super::window::{self, Jump};
use super::{Object, Plan, Scan, Site, Threads, maps, text};

core::arch::global_asm!(
    ".pushsection .bss.gate_fuzz_calls, \"aw\", @nobits",
    ".balign 8",
    "gate_fuzz_calls: .zero 8",
    ".popsection",
    "gate_fuzz_entry:",
    "lock inc qword ptr [rip + gate_fuzz_calls]",
    "jmp r11",
    ".globl gate_fuzz_calls",
    ".globl gate_fuzz_entry",
);

unsafe extern "C" {
    static gate_fuzz_calls: AtomicU64;
    fn gate_fuzz_entry();
}

fn calls() -> u64 {
    // SAFETY: defined above, eight bytes, aligned; changed by atomic instructions only.
    unsafe { gate_fuzz_calls.load(Ordering::SeqCst) }
}

/// How many calls a function makes.
const SITES: usize = 4;

/// A linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a>(&mut self, choices: &[&'a [u8]]) -> &'a [u8] {
        choices[self.below(choices.len())]
    }
}

/// Instructions that change rdx, rsi, rdi, r10 and flags; eax and r8d hold the number of the call.
const PLAIN: [&[u8]; 18] = [
    &[0x31, 0xd2],                                  // xor edx, edx
    &[0x01, 0xf2],                                  // add edx, esi
    &[0x48, 0x89, 0xfe],                            // mov rsi, rdi
    &[0x48, 0x83, 0xc7, 0x07],                      // add rdi, 7
    &[0x40, 0x80, 0xf6, 0x80],                      // xor sil, 0x80
    &[0x49, 0x81, 0xc2, 0x11, 0x22, 0x33, 0x00],    // add r10, 0x332211
    &[0xba, 0x0f, 0x05, 0x0f, 0x05],                // mov edx, 0x050f050f: not a syscall
    &[0x4c, 0x8d, 0x54, 0x3e, 0x10],                // lea r10, [rsi+rdi+16]
    &[0x90],                                        // nop
    &[0x66, 0x90],                                  // xchg ax, ax
    &[0x0f, 0x1f, 0x40, 0x00],                      // nop dword [rax]
    &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],    // nop dword [rax+0]
    &[0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0], // nop word cs:[rax+rax+0]
    &[0x39, 0xd6],                                  // cmp esi, edx
    &[0x48, 0xc1, 0xc6, 0x05],                      // rol rsi, 5
    &[0x48, 0x8b, 0x74, 0x24, 0xf8],                // mov rsi, [rsp-8]: the red zone
    &[0x48, 0x8d, 0x35, 0x40, 0x00, 0x00, 0x00],    // lea rsi, [rip+64]
    &[0x48, 0x03, 0x15, 0x80, 0x07, 0x00, 0x00],    // add rdx, [rip+0x780]: data behind the code
];

/// Ways to say which call is made: short ones in front of the syscall leave no room for a jump.
const NUMBER: [&[u8]; 4] = [
    &[0x44, 0x89, 0xc0],       // mov eax, r8d
    &[0x41, 0x8d, 0x40, 0x00], // lea eax, [r8]
    &[0x41, 0x50, 0x58],       // push r8; pop rax
    &[0xb8, GETPID, 0, 0, 0],  // mov eax, 39
];

const GETPID: u8 = libc::SYS_getpid as u8;

/// Sets all registers that [`PLAIN`] reads.
const PROLOGUE: &[u8] = &[
    0xba, 1, 0, 0, 0, // mov edx, 1
    0xbe, 2, 0, 0, 0, // mov esi, 2
    0xbf, 3, 0, 0, 0, // mov edi, 3
    0x41, 0xba, 4, 0, 0, 0, // mov r10d, 4
    0x41, 0xb8, GETPID, 0, 0, 0, // mov r8d, 39
    0x48, 0x89, 0x7c, 0x24, 0xf8, // mov [rsp-8], rdi
];

/// Folds what is left in the registers into the result: rax = rax * 31 + register, for each.
const EPILOGUE: &[u8] = &[
    0x48, 0x6b, 0xc0, 0x1f, 0x48, 0x01, 0xd0, // rdx
    0x48, 0x6b, 0xc0, 0x1f, 0x48, 0x01, 0xf0, // rsi
    0x48, 0x6b, 0xc0, 0x1f, 0x48, 0x01, 0xf8, // rdi
    0x48, 0x6b, 0xc0, 0x1f, 0x4c, 0x01, 0xd0, // r10
    0xc3, // ret
];

/// A function that makes [`SITES`] calls, each once on every path: some code, then the number of
/// the call, some more code, the call.
fn function(random: &mut Random) -> Vec<u8> {
    let mut code = PROLOGUE.to_vec();
    for _ in 0..SITES {
        // The entry changes the flags: cmp esi, edx.
        code.extend([0x39, 0xd6]);
        stretch(random, &mut code);
        code.extend(random.pick(&NUMBER));
        if random.below(2) == 0 {
            stretch(random, &mut code);
        }
        code.extend(SYSCALL);
    }
    code.extend(EPILOGUE);
    code
}

/// Up to 6 instructions, and jumps forward among them, at the furthest to the end.
fn stretch(random: &mut Random, code: &mut Vec<u8>) {
    // Jumps whose targets come later: where the displacement is, and after how many instructions.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for _ in 0..random.below(7) {
        close(&mut open, code, |left| left == 0);
        open.iter_mut().for_each(|jump| jump.1 -= 1);
        match random.below(6) {
            0 => {
                code.extend([0x70 | random.below(16) as u8, 0]);
                open.push((code.len() - 1, random.below(4)));
            }
            1 => {
                let padding = random.below(14);
                code.extend([0xeb, padding as u8]);
                code.extend(core::iter::repeat_n(0x90, padding));
            }
            _ => code.extend(random.pick(&PLAIN)),
        }
    }
    close(&mut open, code, |_| true);
}

/// Lets those jumps that are `due` land here.
fn close(open: &mut Vec<(usize, usize)>, code: &mut [u8], due: impl Fn(usize) -> bool) {
    open.retain(|&(at, left)| {
        if due(left) {
            code[at] = (code.len() - at - 1) as u8;
        }
        !due(left)
    });
}

/// A page of code that can be called.
struct Page(usize);

impl Page {
    fn new(code: &[u8]) -> Page {
        let page = kernel::map(0, PAGE).unwrap();
        // SAFETY: fresh memory, larger than any of the functions.
        unsafe {
            for word in 0..PAGE / 8 {
                (page as *mut usize).add(word).write(word.wrapping_mul(0x9e37_79b9));
            }
            core::ptr::copy_nonoverlapping(code.as_ptr(), page as *mut u8, code.len());
            kernel::make_code(page, PAGE).unwrap();
        }
        Page(page)
    }

    fn run(&self) -> u64 {
        // SAFETY: the page begins with a function that keeps the C ABI.
        unsafe { core::mem::transmute::<usize, extern "C" fn() -> u64>(self.0)() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: made by `new`; nobody runs in it any more.
        unsafe { kernel::unmap(self.0, PAGE) };
    }
}

/// What a case had in it.
#[derive(Default)]
struct Seen {
    direct: usize,
    hop: usize,
    borrowed: usize,
    left: usize,
}

fn check(seed: u64, seen: &mut Seen) {
    let code_bytes = function(&mut Random(seed));
    let page = Page::new(&code_bytes);
    let range = page.0..page.0 + code_bytes.len();
    let object = Object::of_code(page.0..page.0 + PAGE);
    let code = Code::decode(&object, range.clone()).unwrap();
    let mut scan = Scan::default();
    let found = code.instructions.iter().enumerate();
    for (index, instruction) in found.filter(|found| found.1.mnemonic() == Mnemonic::Syscall) {
        let windows = window::choices(&code, index, || window::holes_inside(&code));
        match windows.first().map(|window| window.jump) {
            None => seen.left += 1,
            Some(Jump::Direct) => seen.direct += 1,
            Some(Jump::Hop(_)) => seen.hop += 1,
            Some(Jump::Borrowed) => seen.borrowed += 1,
        }
        if !windows.is_empty() {
            scan.sites.push(Site { address: instruction.ip() as usize, windows });
        }
    }
    let expected = page.run();
    let entry = gate_fuzz_entry as *const () as usize;
    let plan = Plan::with_map(&object, scan, entry, &maps::regions().unwrap()).unwrap();
    let threads = if seed.is_multiple_of(2) { Threads::One } else { Threads::Many };
    // SAFETY: the plan is for this page, in which only this thread runs.
    unsafe { text::apply(&plan.patches, core::slice::from_ref(&range), threads).unwrap() };
    let before = calls();
    assert_eq!(page.run(), expected, "seed {seed}");
    assert_eq!(calls() - before, plan.patched() as u64, "seed {seed}: every call, and once");
    one_instruction_each(seed, &code, &code_bytes, plan.patched());
    // SAFETY: as above.
    unsafe { text::revert(&plan.patches, core::slice::from_ref(&range), threads).unwrap() };
    let before = calls();
    assert_eq!((page.run(), calls() - before), (expected, 0), "seed {seed}");
}

/// The rule of `window`: of all instructions in the function, only one for each site changed (and
/// for a hop, nops); a thread that was about to run any other finds it as it was.
fn one_instruction_each(seed: u64, code: &Code, original: &[u8], sites: usize) {
    let mut changed = 0;
    for instruction in &code.instructions {
        let offset = instruction.ip() as usize - code.range.start;
        let bytes = offset..offset + instruction.len();
        // SAFETY: the function lies in a page that is mapped and readable.
        let now = unsafe { core::slice::from_raw_parts(instruction.ip() as *const u8, instruction.len()) };
        changed += usize::from(now != &original[bytes] && !is_nop(instruction));
    }
    assert!(changed <= sites, "seed {seed}");
}

#[test]
fn patched_functions_do_what_they_did() {
    let mut seen = Seen::default();
    (0..1500).for_each(|seed| check(seed, &mut seen));
    let Seen { direct, hop, borrowed, left } = seen;
    println!("direct {direct}, hop {hop}, borrowed {borrowed}, left {left}");
    assert!(direct > 500 && hop > 50 && borrowed > 50, "all kinds of windows are tried");
}
