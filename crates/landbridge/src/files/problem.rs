//! What is wrong with a file, where, and what to do.

use std::fmt;

/// One mistake in one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File, or `stdin`.
    pub file: String,
    /// Line at which the document starts, or at which the mistake is; counted from one.
    pub line: usize,
    /// The object, as `ECSService shop/web`, when that much could be read.
    pub object: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Every mistake that was found; never empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More lines than this help nobody; the count says how many there are.
        const SHOWN: usize = 50;
        for problem in self.0.iter().take(SHOWN) {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => write!(f, "1 mistake; nothing was done"),
            n if n > SHOWN => write!(f, "… and {} more: {n} mistakes; nothing was done", n - SHOWN),
            n => write!(f, "{n} mistakes; nothing was done"),
        }
    }
}

impl std::error::Error for Problems {}
