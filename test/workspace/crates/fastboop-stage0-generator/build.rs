//! Takes the stage0 named by FASTBOOP_STAGE0_EMBED_PATH. The real generator builds one itself when that is unset; here
//! it has to be given, so that a build which loses the variable on its way is seen.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

const VARIABLE: &str = "FASTBOOP_STAGE0_EMBED_PATH";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    if let Err(problem) = embed() {
        eprintln!("error: {problem}");
        process::exit(1);
    }
}

fn embed() -> Result<(), String> {
    let given = env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let source = PathBuf::from(given.ok_or(format!(
        "{VARIABLE} is unset: set it to a stage0 executable"
    ))?);
    let name = source.display().to_string();
    if name.contains('\n') {
        return Err(format!(
            "{VARIABLE}: cargo can't watch a path that holds a line break"
        ));
    }
    println!("cargo:rerun-if-changed={name}");
    let bytes = fs::read(&source).map_err(|error| format!("{VARIABLE}: {name}: {error}"))?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is unset: this is a cargo build script")?;
    let write = |file: &str, bytes: &[u8]| {
        fs::write(Path::new(&out).join(file), bytes).map_err(|error| format!("{file}: {error}"))
    };
    write("stage0", &bytes)?;
    write("source", name.as_bytes())
}
