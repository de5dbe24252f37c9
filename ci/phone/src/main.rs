//! The programs of the emulated phone (docs/phone.md), in one static file whose name or argument says which one it is:
//! the machine's first process with its bootloader, the process beside it that runs `fastboop boot`, and the init of the
//! root file system. `phone tcp` speaks the bootloader's protocol on this machine, for tests.

mod beside;
mod config;
mod cpio;
mod fastboot;
mod image;
mod log;
mod machine;
mod rootfs;
mod sha256;
mod sys;
mod tcp;
mod usb;

fn main() {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let word = |index: usize| arguments.get(index).map_or("", String::as_str);
    let end = match (word(0), word(1)) {
        ("/box/init", "beside") => beside::run(),
        ("/box/init", _) => machine::run(),
        (_, "tcp") => tcp::run(word(2)),
        _ if std::process::id() == 1 => rootfs::run(),
        _ => Err("usage: phone tcp FOLDER".into()),
    };
    if let Err(error) = end {
        log::say(&format!("phone: {error}"));
        std::process::exit(1);
    }
}
