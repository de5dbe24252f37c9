//! The machine's first process: it is the bootloader, and becomes what the bootloader received.

use crate::config::Config;
use crate::image::BootImage;
use crate::log::{self, say};
use crate::{cpio, fastboot, sys, usb};
use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Boots as a phone does. Returns only when that fails, and the machine is off before.
pub fn run() -> Result<(), Box<dyn Error>> {
    if let Err(error) = boot() {
        say(&format!("machine: {error}"));
        sys::power_off();
    }
    Ok(())
}

fn boot() -> Result<(), Box<dyn Error>> {
    // Below /box: what is at the root belongs to stage0, which wants it free.
    sys::mount("devtmpfs", "/box/dev")?;
    log::open("/box/dev/kmsg");
    sys::mount("proc", "/box/proc")?;
    sys::mount("sysfs", "/box/sys")?;
    let config = Config::read("/box/config");
    for path in std::fs::read_to_string("/box/modules")?.lines() {
        sys::load_module(path).map_err(|error| format!("{path} can't be loaded: {error}"))?;
    }
    sys::mount("configfs", "/box/sys/kernel/config")?;
    let mut usb = usb::plug_in(&config)?;
    Command::new("/box/init").arg0("/box/init").arg("beside").spawn()?;
    let served = fastboot::serve(&mut usb, &config, "/box/expected");
    if served.is_ok() {
        // The host reads the last answer before the device goes.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    usb::unplug(usb)?;
    let image = match served {
        Ok(image) => image,
        Err(error) => {
            say(&format!("bootloader: the cable's other end: {error}"));
            // The process beside says how the other end ended, and switches off.
            loop {
                std::thread::park();
            }
        }
    };
    let ramdisk = BootImage::parse(&image)?.ramdisk;
    let count = cpio::unpack(ramdisk)?;
    say(&format!("machine: {count} files of the ramdisk unpacked"));
    if config.get("break") != "" {
        // stage0's own setting for a shell before it switches the root; fastboop hands none over.
        std::fs::write("/etc/stage0/smoo.break", "1")?;
    }
    tell_settings();
    if config.fault("no-controller") {
        // Whatever stage0 binds to is gone.
        std::fs::write("/box/sys/bus/platform/drivers/dummy_udc/unbind", "dummy_udc.0")?;
    }
    drop(image);
    say("machine: starts /init");
    let error = Command::new("/init").arg0("/init").exec();
    Err(format!("/init can't be executed: {error}").into())
}

/// Says the settings that stage0 gets.
fn tell_settings() {
    let Ok(folder) = std::fs::read_dir("/etc/stage0") else { return };
    let mut lines: Vec<String> = folder
        .flatten()
        .filter_map(|entry| {
            let value = std::fs::read(entry.path()).ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some(format!("machine: setting {}={}", name.escape_debug(), value.trim_ascii().escape_ascii()))
        })
        .collect();
    lines.sort();
    for line in lines {
        say(&line);
    }
}
