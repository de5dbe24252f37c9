/// The executable that was embedded, unchanged.
pub static STAGE0: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/stage0"));

/// The path that it came from.
pub const SOURCE: &str = include_str!(concat!(env!("OUT_DIR"), "/source"));
