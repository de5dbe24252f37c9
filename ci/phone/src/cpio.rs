//! The archives that an initramfs is made of: newc, uncompressed, one or several after another
//! (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

use crate::sys;
use std::fs;
use std::io::Result as IoResult;
use std::os::unix::fs::{symlink, PermissionsExt};

pub struct Entry<'a> {
    pub name: String,
    pub mode: u32,
    pub device: (u32, u32),
    pub content: &'a [u8],
}

/// The entries of an archive, in order.
pub fn entries(archive: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        while archive.get(at) == Some(&0) {
            at += 1;
        }
        if at == archive.len() {
            return Ok(found);
        }
        let header = archive.get(at..at + 110).filter(|header| header.starts_with(b"070701"));
        let header = header.ok_or(format!("no newc header at byte {at} of the ramdisk"))?;
        let field = |index: usize| {
            let digits = std::str::from_utf8(&header[6 + 8 * index..14 + 8 * index]).unwrap_or("");
            u32::from_str_radix(digits, 16).map_err(|_| format!("a broken newc header at byte {at} of the ramdisk"))
        };
        let (mode, size, length) = (field(1)?, field(6)? as usize, field(11)? as usize);
        let device = (field(9)?, field(10)?);
        let name = archive.get(at + 110..at + 110 + length).ok_or("the ramdisk ends in a name")?;
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').trim_start_matches(['.', '/']).to_string();
        let start = (at + 110 + length).next_multiple_of(4);
        let content = archive.get(start..start.saturating_add(size)).ok_or("the ramdisk ends in a file")?;
        at = (start + size).next_multiple_of(4).min(archive.len());
        if name == "TRAILER!!!" || name.is_empty() {
            continue;
        }
        if name.split('/').any(|part| part == "..") {
            return Err(format!("the ramdisk has the name \"{}\"", name.escape_debug()));
        }
        found.push(Entry { name, mode, device, content });
    }
}

/// Unpacks an archive into the root folder.
pub fn unpack(archive: &[u8]) -> Result<usize, String> {
    let entries = entries(archive)?;
    for entry in &entries {
        let path = format!("/{}", entry.name);
        unpack_one(entry, &path).map_err(|error| format!("{path} can't be unpacked: {error}"))?;
    }
    Ok(entries.len())
}

fn unpack_one(entry: &Entry, path: &str) -> IoResult<()> {
    if let Some((folder, _)) = path.rsplit_once('/') {
        fs::create_dir_all(format!("{folder}/"))?;
    }
    match entry.mode & 0o170000 {
        0o040000 => fs::create_dir_all(path)?,
        0o120000 => {
            let _ = fs::remove_file(path);
            return symlink(&*String::from_utf8_lossy(entry.content), path);
        }
        0o100000 => {
            let _ = fs::remove_file(path);
            fs::write(path, entry.content)?;
        }
        _ => {
            let _ = fs::remove_file(path);
            sys::mknod(path, entry.mode, entry.device.0, entry.device.1)?;
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(entry.mode & 0o7777))
}
