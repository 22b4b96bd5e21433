//! Identifiers in the alphabets that AWS uses, drawn from the world's seed.

use crate::world::Rng;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Lower-case letters and digits, as in `ns-abcdefgh2345abcd`.
pub(crate) fn lower(rng: &mut Rng, length: usize) -> String {
    drawn(rng, LOWER, length)
}

/// Upper-case letters and digits, as in the `AROA...` of a role.
pub(crate) fn upper(rng: &mut Rng, length: usize) -> String {
    drawn(rng, UPPER, length)
}

fn drawn(rng: &mut Rng, alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[rng.below(alphabet.len() as u64) as usize])).collect()
}
