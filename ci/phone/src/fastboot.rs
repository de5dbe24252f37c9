//! A bootloader's side of fastboot (AOSP, system/core/fastboot/README.md): getvar, download, boot.

use crate::config::Config;
use crate::image::{self, BootImage};
use crate::log::say;
use std::io::{Error, ErrorKind, Result};

/// What carries packets: USB's bulk endpoints, or TCP.
pub trait Link {
    /// Reads at most one packet. A packet that fills the buffer may have more.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize>;
    fn send(&mut self, bytes: &[u8]) -> Result<()>;
}

/// The longest command, and a reply's longest text (fastboot's own limits).
const COMMAND: usize = 4096;
const REPLY: usize = 252;
/// The largest download, in bytes: above any boot image, below the machine's memory.
const DOWNLOAD: u32 = 512 << 20;
const PIECE: usize = 64 << 10;

/// Answers commands until one says `boot` with an image that is whole. Its parts are then compared with what is expected.
/// The end of the link is an error; so is a download that stops, but not the last word: the next command may come.
pub fn serve(link: &mut impl Link, config: &Config, expected: &str) -> Result<Vec<u8>> {
    let mut image: Vec<u8> = Vec::new();
    // Whole packets of USB's fit.
    let mut buffer = vec![0; 2 * COMMAND];
    loop {
        let count = link.receive(&mut buffer)?;
        let command = &buffer[..count];
        let shown = show(command);
        let answer = if count > COMMAND {
            // The rest of it is no command.
            let mut rest = vec![0; buffer.len()];
            let mut last = count;
            while last == rest.len() {
                last = link.receive(&mut rest)?;
            }
            Err(format!("a command of more than {COMMAND} bytes"))
        } else if let Some(name) = command.strip_prefix(b"getvar:") {
            getvar(name, config)
        } else if let Some(size) = command.strip_prefix(b"download:") {
            match download_size(size) {
                Ok(size) => {
                    say(&format!("bootloader: got \"{shown}\""));
                    image = download(link, size, config)?;
                    say(&format!("bootloader: {} bytes downloaded", image.len()));
                    link.send(b"OKAY")?;
                    continue;
                }
                Err(reason) => Err(reason),
            }
        } else if command == b"boot" {
            if config.fault("fail-boot") { Err("no".into()) } else { BootImage::parse(&image).map(|_| String::new()) }
        } else {
            Err("unknown command".into())
        };
        match &answer {
            Ok(value) => say(&format!("bootloader: got \"{shown}\", answered OKAY{value}")),
            Err(reason) => say(&format!("bootloader: got \"{shown}\", answered FAIL{reason}")),
        }
        let (word, text) = match &answer {
            Ok(value) => ("OKAY", value),
            Err(reason) => ("FAIL", reason),
        };
        let reply = format!("{word}{text}");
        link.send(&reply.as_bytes()[..reply.len().min(4 + REPLY)])?;
        if command == b"boot" && answer.is_ok() {
            image::compare(&BootImage::parse(&image).map_err(Error::other)?, expected);
            return Ok(image);
        }
    }
}

fn getvar(name: &[u8], config: &Config) -> std::result::Result<String, String> {
    match name {
        b"product" => Ok(config.get("product").into()),
        b"version" => Ok("0.4".into()),
        _ => Err("no such variable".into()),
    }
}

/// Eight hexadecimal digits, nothing else.
fn download_size(digits: &[u8]) -> std::result::Result<u32, String> {
    let text = std::str::from_utf8(digits).unwrap_or("");
    if text.len() != 8 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("the size is not 8 hexadecimal digits".into());
    }
    match u32::from_str_radix(text, 16) {
        Ok(size) if (1..=DOWNLOAD).contains(&size) => Ok(size),
        _ => Err(format!("the size is not from 1 to {DOWNLOAD}")),
    }
}

fn download(link: &mut impl Link, size: u32, config: &Config) -> Result<Vec<u8>> {
    link.send(format!("DATA{size:08x}").as_bytes())?;
    let size = size as usize;
    let mut data: Vec<u8> = Vec::new();
    let mut piece = vec![0; PIECE];
    while data.len() < size {
        // What is asked for is never more than what is left: a read of less would wait for ever.
        let most = PIECE.min(size - data.len());
        let read = link.receive(&mut piece[..most]);
        let count = read.and_then(|count| if count > 0 { Ok(count) } else { Err(ErrorKind::UnexpectedEof.into()) });
        let count = count.map_err(|error| {
            say(&format!("bootloader: the download stopped after {} of {size} bytes: {error}", data.len()));
            error
        })?;
        data.extend_from_slice(&piece[..count]);
        if config.fault("half-download") && data.len() > size / 2 {
            say(&format!("bootloader: leaves after {} of {size} bytes", data.len()));
            return Err(ErrorKind::ConnectionAborted.into());
        }
    }
    Ok(data)
}

/// A command as it can be printed.
fn show(command: &[u8]) -> String {
    let end = command.len().min(64);
    format!("{}{}", command[..end].escape_ascii(), if command.len() > end { "…" } else { "" })
}
