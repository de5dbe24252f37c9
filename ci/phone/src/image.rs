//! An Android boot image with a header of version 2 (AOSP, system/tools/mkbootimg), as it came over the cable.

use crate::cpio;
use crate::log::say;

pub struct BootImage<'a> {
    pub kernel: &'a [u8],
    pub ramdisk: &'a [u8],
    pub dtb: &'a [u8],
    pub command_line: &'a [u8],
}

impl BootImage<'_> {
    /// Cuts an image into its parts. What does not fit is an error, in words.
    pub fn parse(image: &[u8]) -> Result<BootImage<'_>, String> {
        let at = |offset: usize| -> usize {
            let bytes = image.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize)
        };
        if image.is_empty() {
            return Err("nothing was downloaded".into());
        }
        if image.len() < 1660 || !image.starts_with(b"ANDROID!") {
            return Err("no boot image".into());
        }
        if at(40) != 2 {
            return Err(format!("header version {}, not 2", at(40)));
        }
        let page = at(36);
        if ![2048, 4096, 8192, 16384].contains(&page) {
            return Err(format!("a page size of {page}"));
        }
        let mut offset = page;
        let mut part = |name: &str, size: usize| {
            let bytes = image.get(offset..offset.saturating_add(size)).ok_or(format!("the {name} does not fit in"))?;
            offset += size.div_ceil(page) * page;
            Ok::<&[u8], String>(bytes)
        };
        let (kernel, ramdisk) = (part("kernel", at(8))?, part("ramdisk", at(16))?);
        part("second stage", at(24))?;
        part("recovery overlay", at(1632))?;
        let dtb = part("device tree", at(1648))?;
        let text = &image[64..576];
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        Ok(BootImage { kernel, ramdisk, dtb, command_line: &text[..end] })
    }
}

/// Says of each part whether it is byte for byte what the files in a folder have. A file that is not there is not compared.
pub fn compare(image: &BootImage, folder: &str) {
    say(&format!("bootloader: command line \"{}\"", image.command_line.escape_ascii()));
    let init = cpio::entries(image.ramdisk).ok().and_then(|entries| {
        let entry = entries.into_iter().filter(|entry| entry.name == "init").last();
        entry.map(|entry| entry.content)
    });
    for (name, got) in [("kernel", Some(image.kernel)), ("device tree", Some(image.dtb)), ("/init", init)] {
        let Ok(want) = std::fs::read(format!("{folder}/{}", name.trim_start_matches('/').replace(' ', "-"))) else {
            say(&format!("bootloader: {name} not compared"));
            continue;
        };
        let verdict = match got {
            None => "missing".into(),
            Some(got) if got == want => format!("equal, {} bytes", got.len()),
            Some(got) => {
                let same = got.iter().zip(&want).take_while(|(one, other)| one == other).count();
                format!("differs at byte {same}, {} bytes instead of {}", got.len(), want.len())
            }
        };
        say(&format!("bootloader: {name} {verdict}"));
    }
}
