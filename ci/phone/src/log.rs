//! What is said goes into the kernel's log, which gives it a time and the serial console; on a machine of one's own to stderr.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;

static KMSG: OnceLock<File> = OnceLock::new();

/// The kernel cuts a record of more.
const LONGEST: usize = 900;

/// Lets `say` write to a /dev/kmsg.
pub fn open(path: &str) {
    if let Ok(file) = OpenOptions::new().write(true).open(path) {
        let _ = KMSG.set(file);
    }
}

/// Says a line. Bytes of others come escaped.
pub fn say(line: &str) {
    let mut rest = line;
    loop {
        let mut cut = rest.len().min(LONGEST);
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (piece, next) = rest.split_at(cut);
        match KMSG.get() {
            // One write is one record.
            Some(mut file) => drop(file.write_all(format!("<6>{piece}\n").as_bytes())),
            None => eprintln!("{piece}"),
        }
        if next.is_empty() {
            return;
        }
        rest = next;
    }
}
