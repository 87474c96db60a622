//! Which call a site makes, where its own code says so.
//!
//! `mov eax,110; syscall` can make one call only. If that is none that the entry cares for, the site is better left as it
//! is: a call that passes through then costs nothing at all.

use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

use super::Object;
use super::scan::{Scan, Site};

impl Scan {
    /// Drops the sites whose call is known and not `wanted`.
    pub(super) fn keep(&mut self, object: &Object, wanted: fn(usize) -> bool) {
        self.sites.retain(|site| number(object, site).is_none_or(wanted));
    }
}

/// The number of the one call that `site` can make; `None` when that cannot be seen. It must stand in the best window: that
/// is entered at its start only, and left at the syscall (module `window`).
fn number(object: &Object, site: &Site) -> Option<usize> {
    let window = site.windows.first()?;
    let code = object.bytes(window.start, site.address.checked_sub(window.start)?)?;
    let mut decoder = Decoder::with_ip(64, code, window.start as u64, DecoderOptions::NONE);
    let mut effects = InstructionInfoFactory::new();
    let mut number = None;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let writes =
            |access| !matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::None | OpAccess::NoMemAccess);
        let used = effects.info(&instruction).used_registers();
        if used.iter().any(|used| used.register().full_register() == Register::RAX && writes(used.access())) {
            let whole = matches!(instruction.op0_register(), Register::EAX | Register::RAX);
            let immediate = matches!(instruction.op1_kind(), OpKind::Immediate32 | OpKind::Immediate32to64);
            number = (instruction.mnemonic() == Mnemonic::Mov && whole && immediate)
                .then(|| instruction.immediate(1) as usize);
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::super::window::{Jump, Window};
    use super::*;

    fn number_of(code: &[u8]) -> Option<usize> {
        let start = code.as_ptr() as usize;
        let object = Object::of_code(start..start + code.len());
        let window = Window { start, length: 5, jump: Jump::Direct };
        number(&object, &Site { address: start + code.len() - 2, windows: vec![window] })
    }

    #[test]
    fn the_number_is_the_last_that_was_loaded() {
        let getppid = [0xb8, 110, 0, 0, 0];
        assert_eq!(number_of(&[&getppid[..], &[0x0f, 0x05]].concat()), Some(110));
        assert_eq!(number_of(&[&[0x48, 0xc7, 0xc0, 39, 0, 0, 0][..], &[0x31, 0xff, 0x0f, 0x05]].concat()), Some(39));
        assert_eq!(number_of(&[&getppid[..], &[0xb8, 102, 0, 0, 0, 0x0f, 0x05]].concat()), Some(102));
    }

    #[test]
    fn a_number_that_is_computed_is_not_known() {
        let getppid = [0xb8, 110, 0, 0, 0];
        for then in [&[0x89, 0xf8][..], &[0x04, 1], &[0xb0, 7], &[0x01, 0xf8], &[0x0f, 0x44, 0xc7], &[0x31, 0xc0]] {
            assert_eq!(number_of(&[&getppid[..], then, &[0x0f, 0x05]].concat()), None, "{then:x?}");
        }
        assert_eq!(number_of(&[0xbf, 1, 0, 0, 0, 0x0f, 0x05]), None);
    }
}
