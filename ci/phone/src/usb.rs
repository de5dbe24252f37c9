//! The bootloader's end of the cable: a gadget in configfs with one interface in FunctionFS
//! (Linux, Documentation/usb/gadget_configfs.rst, functionfs.rst and functionfs-desc.rst).

use crate::config::Config;
use crate::fastboot::Link;
use crate::{log::say, sys};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Result, Write};

const GADGET: &str = "/box/sys/kernel/config/usb_gadget/bootloader";
const FUNCTIONFS: &str = "/box/ffs";

/// A gadget that is on the cable.
pub struct Usb {
    /// The interface lives as long as this is open.
    _control: File,
    to_host: File,
    from_host: File,
}

impl Link for Usb {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.from_host.read(buffer)
    }
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.to_host.write_all(bytes)
    }
}

/// Makes the gadget and puts it on the cable.
pub fn plug_in(config: &Config) -> Result<Usb> {
    let write = |name: &str, value: &str| fs::write(format!("{GADGET}/{name}"), value);
    for folder in ["strings/0x409", "configs/c.1", "functions/ffs.bootloader"] {
        fs::create_dir_all(format!("{GADGET}/{folder}"))?;
    }
    write("idVendor", config.get("vendor"))?;
    write("idProduct", config.get("device"))?;
    write("strings/0x409/manufacturer", "stage0 distribution")?;
    write("strings/0x409/product", "emulated bootloader")?;
    write("strings/0x409/serialnumber", config.get("serial"))?;
    std::os::unix::fs::symlink(
        format!("{GADGET}/functions/ffs.bootloader"),
        format!("{GADGET}/configs/c.1/ffs.bootloader"),
    )?;
    sys::mount_functionfs("bootloader", FUNCTIONFS)?;
    let open = |name: &str| OpenOptions::new().read(true).write(true).open(format!("{FUNCTIONFS}/{name}"));
    let mut control = open("ep0")?;
    control.write_all(&descriptors())?;
    control.write_all(&strings())?;
    let (to_host, from_host) = (open("ep1")?, open("ep2")?);
    let controller = controller().ok_or(std::io::Error::other("there is no USB controller"))?;
    write("UDC", &controller)?;
    say(&format!("bootloader: bound to {controller}"));
    Ok(Usb { _control: control, to_host, from_host })
}

/// Takes the gadget off the cable and removes it.
pub fn unplug(usb: Usb) -> Result<()> {
    fs::write(format!("{GADGET}/UDC"), "\n")?;
    drop(usb);
    sys::umount(FUNCTIONFS)?;
    fs::remove_file(format!("{GADGET}/configs/c.1/ffs.bootloader"))?;
    for folder in ["configs/c.1", "functions/ffs.bootloader", "strings/0x409", ""] {
        fs::remove_dir(format!("{GADGET}/{folder}"))?;
    }
    say("bootloader: gadget removed");
    Ok(())
}

/// The name of the first controller.
pub fn controller() -> Option<String> {
    let entry = fs::read_dir("/box/sys/class/udc").ok()?.next()?.ok()?;
    Some(entry.file_name().to_string_lossy().into_owned())
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Fastboot's interface (class FF, subclass 42, protocol 03) with a bulk endpoint each way, for full and high speed.
fn descriptors() -> Vec<u8> {
    let of_speed = |packet: u16| {
        let [low, high] = packet.to_le_bytes();
        let interface = [9, 4, 0, 0, 2, 0xff, 0x42, 0x03, 1];
        let endpoint = |address: u8| [7, 5, address, 2, low, high, 0];
        [&interface[..], &endpoint(0x81), &endpoint(0x02)].concat()
    };
    let body = [words(&[3, 3]), of_speed(64), of_speed(512)].concat();
    [words(&[3, 12 + body.len() as u32, 3]), body].concat()
}

fn strings() -> Vec<u8> {
    let body = [&[0x09, 0x04][..], b"fastboot\0"].concat();
    [words(&[2, 16 + body.len() as u32, 1, 1]), body].concat()
}
