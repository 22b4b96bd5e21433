//! What others change in AWS behind the operator's back is put back, reported, or left, as the policy says.
