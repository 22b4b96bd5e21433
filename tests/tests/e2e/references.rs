//! What an object refers to: missing, forbidden, changed, in use.
