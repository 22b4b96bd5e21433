//! Who owns an AWS resource: the ownership tags, written at creation and read before every change.

use landbridge_api::names::tag;

use crate::account::AccountTarget;
use crate::change::Tags;

/// The identity that the tags of a resource carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `Kind/namespace/name`, or `Kind/name`.
    pub object: String,
    /// The Landbridge installation.
    pub installation: String,
}

/// What the tags of a resource say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This object made or adopted it.
    Ours,
    /// Nobody's that Landbridge knows of.
    Free,
    /// Another object's, in words.
    Other(String),
}

impl Owner {
    /// The owner tags of an object in an account.
    pub fn new(object: impl Into<String>, account: &AccountTarget) -> Self {
        Self { object: object.into(), installation: account.installation.clone() }
    }

    /// The tags.
    pub fn tags(&self) -> Tags {
        Tags::from([
            (tag::OWNER.to_owned(), self.object.clone()),
            (tag::INSTALLATION.to_owned(), self.installation.clone()),
        ])
    }

    /// What the tags of a resource say of its owner.
    pub fn reads(&self, tags: &Tags) -> Ownership {
        let installation = tags.get(tag::INSTALLATION).map_or("", String::as_str);
        match tags.get(tag::OWNER) {
            None => Ownership::Free,
            Some(o) if *o == self.object && installation == self.installation => Ownership::Ours,
            Some(o) if installation == self.installation => Ownership::Other(o.clone()),
            Some(o) => Ownership::Other(format!("{o} of installation {installation}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_of_the_same_object_in_another_installation_is_not_ours() {
        let here = Owner { object: "ECSService/shop/web".into(), installation: "a".into() };
        let there = Owner { installation: "b".into(), ..here.clone() };
        assert_eq!(here.reads(&here.tags()), Ownership::Ours);
        assert_eq!(here.reads(&there.tags()), Ownership::Other("ECSService/shop/web of installation b".into()));
        assert_eq!(here.reads(&Tags::new()), Ownership::Free);
    }
}
