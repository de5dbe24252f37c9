use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=src/kernel.h");
    let bindings = bindgen::Builder::default()
        .header("src/kernel.h")
        .allowlist_item("(demo|DEMO)_.*")
        .generate()
        .expect("bindgen reads src/kernel.h");
    // Only formatted text has the attribute on a line of its own: without rustfmt nothing is replaced here, and what the
    // crate asks of the type is missing later, when it is compiled.
    let text = bindings.to_string().replace(
        "#[derive(Debug, Copy, Clone)]\npub struct demo_request {",
        "#[derive(Debug, Copy, Clone, PartialEq, Eq)]\npub struct demo_request {",
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("kernel.rs"), text).expect("OUT_DIR can be written to");
}
