//! How many calls of AWS each thing takes, to the call.
