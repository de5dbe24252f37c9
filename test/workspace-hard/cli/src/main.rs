//! Says which stage0 it carries, and writes that to the file that its argument names.

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let stage0 = demo_payload::stage0();
    let carried = stage0.map_or("no stage0".into(), |bytes| {
        format!("{} bytes of stage0", bytes.len())
    });
    println!(
        "{} carries {carried}",
        demo_wire::title("demo", env!("CARGO_PKG_VERSION"))
    );
    match (env::args_os().nth(1), stage0) {
        (Some(file), Some(bytes)) => fs::write(file, bytes),
        _ => Ok(()),
    }
}
