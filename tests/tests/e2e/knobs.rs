//! The knobs every kind has: adoption, deletion, drift, pause, reconcile-now.
