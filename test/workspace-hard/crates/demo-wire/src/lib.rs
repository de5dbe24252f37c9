pub fn title(name: &str, version: &str) -> String {
    format!("{name} {version} {}", std::env::consts::ARCH)
}

/// Name, version, architecture and process id, and how each of the findings turned out.
pub fn line(name: &str, version: &str, pid: u32, findings: &[(&str, bool)]) -> String {
    let words: Vec<String> = findings
        .iter()
        .map(|(what, fits)| format!("{what} {}", if *fits { "ok" } else { "WRONG" }))
        .collect();
    format!("{} pid {pid}: {}\n", title(name, version), words.join(", "))
}
