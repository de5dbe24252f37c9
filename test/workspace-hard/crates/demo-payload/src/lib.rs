/// The executable that FASTBOOP_STAGE0_EMBED_PATH named when this was compiled.
pub fn stage0() -> Option<&'static [u8]> {
    #[cfg(feature = "embed-stage0")]
    return Some(include_bytes!(env!("FASTBOOP_STAGE0_EMBED_PATH")));
    #[cfg(not(feature = "embed-stage0"))]
    None
}
