use std::ffi::{CString, c_char};

unsafe extern "C" {
    fn demo_checksum(text: *const c_char) -> u32;
}

pub fn checksum(text: &str) -> u32 {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: the text ends with a NUL and lives through the call.
    unsafe { demo_checksum(text.as_ptr()) }
}

/// The same without C, to compare with.
pub fn checksum_in_rust(text: &str) -> u32 {
    text.bytes().fold(0, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    })
}
