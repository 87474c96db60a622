//! Two searches over the raw bytes of code, fast enough for a whole libc: for `syscall`
//! instructions, and for branches that land in given places. They see every byte position, so they
//! find all that is there and a little more (a pattern inside an operand).
//!
//! Unsafe: vector loads. SSE2 is part of x86-64.

use core::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
};
use core::ops::Range;

/// The two bytes of the `syscall` instruction.
pub(super) const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// The offsets of all `0F 05`.
pub(super) fn syscalls(code: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let scan = |first: __m128i, second: __m128i| {
        // SAFETY: SSE2 is always there.
        unsafe { _mm_and_si128(equals(first, SYSCALL[0]), equals(second, SYSCALL[1])) }
    };
    each_match(code, 2, scan, |offset| {
        if code[offset..].starts_with(&SYSCALL) {
            found.push(offset);
        }
    });
    found
}

/// Calls `report(from, to)` for each position of `code` (which is at address `base`) that reads as
/// a jump or conditional jump with a 32-bit displacement (calls lead to functions, not into them)
/// and whose target lies in one of `places` (sorted, disjoint); `from` is the address of its
/// opcode.
pub(super) fn branches_into(code: &[u8], base: usize, places: &[Range<usize>], mut report: impl FnMut(usize, usize)) {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return;
    };
    let (low, high) = (first.start, last.end);
    // One bit per 64 bytes answers most questions.
    let mut lines = vec![0u64; ((high - low) >> 12) + 1];
    for place in places {
        for line in (place.start - low) >> 6..=(place.end - 1 - low) >> 6 {
            lines[line >> 6] |= 1 << (line & 63);
        }
    }
    let scan = |first: __m128i, second: __m128i| {
        // SAFETY: SSE2 is always there.
        unsafe {
            let near = equals(first, 0xe9);
            let high_nibble = _mm_and_si128(second, _mm_set1_epi8(0xf0_u8 as i8));
            _mm_or_si128(near, _mm_and_si128(equals(first, 0x0f), equals(high_nibble, 0x80)))
        }
    };
    each_match(code, 5, scan, |offset| {
        let displacement_at = match code[offset] {
            0xe9 => offset + 1,
            0x0f if code[offset + 1] & 0xf0 == 0x80 => offset + 2,
            _ => return,
        };
        let Some(&bytes) = code[displacement_at..].first_chunk() else {
            return;
        };
        let target = (base + displacement_at + 4).wrapping_add_signed(i32::from_le_bytes(bytes) as isize);
        if !(low..high).contains(&target) || lines[(target - low) >> 12] >> ((target - low) >> 6 & 63) & 1 == 0 {
            return;
        }
        let index = places.partition_point(|place| place.end <= target);
        if places[index].contains(&target) {
            report(base + offset, target);
        }
    });
}

/// Calls `report` with the target of each position of `code` (which is at address `base`) that reads as a direct `call`,
/// where that lies in `code`, too.
pub(super) fn calls(code: &[u8], base: usize, mut report: impl FnMut(usize)) {
    const CALL: u8 = 0xe8;
    let scan = |first: __m128i, _| equals(first, CALL);
    each_match(code, 5, scan, |offset| {
        if let [CALL, displacement @ ..] = &code[offset..]
            && let Some(&bytes) = displacement.first_chunk()
        {
            let target = (base + offset + 5).wrapping_add_signed(i32::from_le_bytes(bytes) as isize);
            if (base..base + code.len()).contains(&target) {
                report(target);
            }
        }
    });
}

fn equals(bytes: __m128i, value: u8) -> __m128i {
    // SAFETY: SSE2 is always there.
    unsafe { _mm_cmpeq_epi8(bytes, _mm_set1_epi8(value as i8)) }
}

/// Calls `found` for each offset, in order, at which `scan`, given 16 bytes and the 16 that start
/// one later, sets the lane; only for offsets with at least `tail` bytes from there on. Near the
/// end every offset is reported, so `found` looks for itself.
fn each_match(code: &[u8], tail: usize, scan: impl Fn(__m128i, __m128i) -> __m128i, mut found: impl FnMut(usize)) {
    let mut offset = 0;
    while offset + 16 + tail <= code.len() {
        // SAFETY: both loads end at or before `offset + 17`, inside the slice, since `tail` is at
        // least 2.
        let mut mask = unsafe {
            let at = code.as_ptr().add(offset);
            _mm_movemask_epi8(scan(_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(1).cast())))
        };
        while mask != 0 {
            found(offset + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
        offset += 16;
    }
    (offset..(code.len() + 1).saturating_sub(tail)).for_each(found);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed sequence of bytes with many hits.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        (0..length).map(|_| [0x0f, 0x05, 0xe8, 0xe9, 0x84, 0x00, 0x01, 0xff][next() % 8]).collect()
    }

    #[test]
    fn every_syscall_is_found_at_every_alignment() {
        let code = noise(5000);
        for start in 0..40 {
            for end in [start, start + 1, start + 2, start + 17, start + 33, 5000] {
                let code = &code[start..end];
                let expected: Vec<usize> = (0..code.len()).filter(|&at| code[at..].starts_with(&SYSCALL)).collect();
                assert_eq!(syscalls(code), expected);
            }
        }
    }

    #[test]
    fn every_branch_is_found() {
        let code = noise(5000);
        let base = 0x1000_0000;
        let places = [base + 100..base + 110, base + 1000..base + 1300, base + 4990..base + 5400];
        let mut expected = Vec::new();
        for at in 0..code.len() - 4 {
            let skip = match code[at] {
                0xe9 => 1,
                0x0f if code[at + 1] >> 4 == 8 => 2,
                _ => continue,
            };
            let Some(&bytes) = code[at + skip..].first_chunk() else {
                continue;
            };
            let displacement = i32::from_le_bytes(bytes);
            let target = (base + at + skip + 4).wrapping_add_signed(displacement as isize);
            if places.iter().any(|place| place.contains(&target)) {
                expected.push((base + at, target));
            }
        }
        let mut found = Vec::new();
        branches_into(&code, base, &places, |from, to| found.push((from, to)));
        assert!(!expected.is_empty());
        assert_eq!(found, expected);
    }
}
