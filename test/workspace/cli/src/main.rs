use fastboop_stage0_generator::{SOURCE, STAGE0};

fn main() {
    println!(
        "{} {} embeds {} bytes from {SOURCE}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        STAGE0.len()
    );
}
