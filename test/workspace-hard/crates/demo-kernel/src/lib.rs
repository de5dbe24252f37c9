#[allow(non_upper_case_globals, non_camel_case_types, dead_code)]
mod kernel {
    include!(concat!(env!("OUT_DIR"), "/kernel.rs"));
}

pub use kernel::demo_request as Request;

/// The number of getpid(2) on the architecture whose headers bindgen has read.
pub const GETPID: core::ffi::c_long = kernel::DEMO_GETPID as core::ffi::c_long;

/// Whether the number of the request has the size of its structure in it.
pub fn request_fits() -> bool {
    same(Request { tag: 1, length: 2 }, Request { tag: 1, length: 2 })
        && (kernel::DEMO_REQUEST >> 16) & 0x3fff == size_of::<Request>() as u32
}

fn same<T: PartialEq>(one: T, other: T) -> bool {
    one == other
}
