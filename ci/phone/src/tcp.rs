//! The bootloader's protocol over TCP (AOSP, system/core/fastboot/README.md, "TCP Protocol v1"), for tests on this machine.

use crate::config::Config;
use crate::fastboot::{self, Link};
use crate::log::say;
use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};

struct Tcp {
    stream: TcpStream,
    /// Bytes of the current message that were not read.
    left: u64,
}

impl Link for Tcp {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.left == 0 {
            let mut length = [0; 8];
            self.stream.read_exact(&mut length)?;
            self.left = u64::from_be_bytes(length);
        }
        let most = self.left.min(buffer.len() as u64) as usize;
        self.stream.read_exact(&mut buffer[..most])?;
        self.left -= most as u64;
        Ok(most)
    }
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(&(bytes.len() as u64).to_be_bytes())?;
        self.stream.write_all(bytes)
    }
}

/// Serves one client. The folder has `config`, and `expected/` with the parts that an image shall have.
pub fn run(folder: &str) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(&format!("{folder}/config"));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let (mut stream, _) = listener.accept()?;
    let mut hello = [0; 4];
    stream.read_exact(&mut hello)?;
    stream.write_all(b"FB01")?;
    if !hello.starts_with(b"FB") {
        return Err("no fastboot client".into());
    }
    let image = fastboot::serve(&mut Tcp { stream, left: 0 }, &config, &format!("{folder}/expected"))?;
    say(&format!("bootloader: boots {} bytes", image.len()));
    Ok(())
}
