fn main() {
    let carried = demo_payload::stage0().map_or("no stage0".into(), |bytes| {
        format!("{} bytes of stage0", bytes.len())
    });
    println!(
        "{} carries {carried}",
        demo_wire::title("demo", env!("CARGO_PKG_VERSION"))
    );
}
