//! What a team does with a service, from its first ten lines to its deletion.
