//! Where the sandbox says what it is doing: a spinner with the elapsed time on a terminal, lines elsewhere, or nowhere.

use std::{
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// On anything but a terminal a detail is worth a line only this often.
const DETAIL_EVERY: Duration = Duration::from_secs(10);

/// Progress on stderr; stdout is for data. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Progress(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Spinner(ProgressBar),
    Lines { last: Arc<Mutex<Instant>>, begun: Instant },
    Silent,
}

impl Progress {
    /// A spinner when stderr is a terminal, lines when it is not.
    pub fn stderr() -> Self {
        if !stderr().is_terminal() {
            let now = Instant::now();
            return Self(Kind::Lines { last: Arc::new(Mutex::new(now)), begun: now });
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Kind::Spinner(bar))
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self(Kind::Silent)
    }

    /// A new step has begun. Always shown.
    pub fn step(&self, message: &str) {
        match &self.0 {
            Kind::Spinner(bar) => bar.set_message(message.to_owned()),
            Kind::Lines { .. } => self.line(message),
            Kind::Silent => {}
        }
    }

    /// How far a long step is. Shown as it comes on a terminal, every ten seconds elsewhere.
    pub fn detail(&self, message: &str) {
        match &self.0 {
            Kind::Spinner(bar) => bar.set_message(message.to_owned()),
            Kind::Lines { last, begun } => {
                let Ok(mut last) = last.lock() else { return };
                if last.elapsed() >= DETAIL_EVERY {
                    *last = Instant::now();
                    eprintln!("[{}] {message}", HumanDuration(begun.elapsed()));
                }
            }
            Kind::Silent => {}
        }
    }

    /// A line that stays, whatever the spinner does after it.
    pub fn line(&self, message: &str) {
        match &self.0 {
            Kind::Spinner(bar) => bar.suspend(|| eprintln!("{message}")),
            Kind::Lines { .. } => eprintln!("{message}"),
            Kind::Silent => {}
        }
    }

    /// Takes the spinner away.
    pub fn finish(&self) {
        if let Kind::Spinner(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
