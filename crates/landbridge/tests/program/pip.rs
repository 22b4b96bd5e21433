//! Python programs of others, each set in a virtual environment of its own below the cache.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The `bin` folder in which these packages are installed, which pip fetches where they are not there yet.
pub fn installed(name: &str, packages: &[String]) -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache"))).unwrap();
    let folder = cache.join("landbridge").join(name);
    // Written last: an installation that was interrupted is begun anew.
    let whole = folder.join("complete");
    if !whole.is_file() {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status().unwrap();
        assert!(made.success(), "python3 -m venv failed");
        let pip = Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(packages).status().unwrap();
        assert!(pip.success(), "pip install {} failed", packages.join(" "));
        std::fs::write(whole, "").unwrap();
    }
    folder.join("bin")
}
