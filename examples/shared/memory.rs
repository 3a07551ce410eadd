//! How much memory this process has and had: Linux only.

use std::{fs, io};

/// A number of KiB that Linux says of this process: `VmRSS:` now, `VmHWM:` at its peak.
pub(crate) fn status(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

/// Lets the peak begin anew.
pub(crate) fn forget_peak() -> io::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
}
