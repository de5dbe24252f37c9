//! What the run wants of the machine: lines of `name=value` in a file of the initramfs.

use std::collections::HashMap;

pub struct Config(HashMap<String, String>);

impl Config {
    /// Reads the file; one that is not there has no lines.
    pub fn read(path: &str) -> Config {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Config(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether the run asks for this fault.
    pub fn fault(&self, name: &str) -> bool {
        self.get("fault") == name
    }
}
