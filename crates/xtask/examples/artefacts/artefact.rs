//! One generated file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A path below the workspace's root and what belongs there.
pub struct Artefact {
    /// Path with forward slashes.
    pub path: String,
    /// The whole file.
    pub content: String,
}

impl Artefact {
    /// A generated file.
    pub fn new(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self { path: path.into(), content: content.into() }
    }

    /// Writes the file if it differs.
    pub fn write(&self, root: &Path) -> Result<()> {
        if self.is_current(root) {
            return Ok(());
        }
        let path = root.join(&self.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        fs::write(&path, &self.content).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", self.path);
        Ok(())
    }

    /// Whether the file on disk is this one.
    pub fn is_current(&self, root: &Path) -> bool {
        fs::read_to_string(root.join(&self.path)).is_ok_and(|found| found == self.content)
    }
}
