//! The signals that end a program that runs until it is stopped in an orderly way.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Doing, Result};

/// Ctrl-C, and what a terminal that closes or a service manager sends.
#[derive(Debug)]
pub struct Signals([Signal; 3]);

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The system has no more room for handlers.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).doing(|| "listening for signals");
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    /// Returns at the next of them.
    pub async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
