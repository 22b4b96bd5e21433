//! Twice reconciled is once written: with everything Ready, further passes and a restart write nothing.
