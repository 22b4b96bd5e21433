//! One page of a listing. What its members are called, how many items it has and which tokens are refused is each service's
//! own business.

/// At most `most` of the items whose keys come after `after`, and the key of the last if more follow. Items come in the order
/// of their keys, so that those that come or go between two pages neither repeat nor hide others.
pub(crate) fn by_key<K: AsRef<str>, T>(
    items: impl Iterator<Item = (K, T)>,
    after: Option<&str>,
    most: usize,
) -> (Vec<T>, Option<K>) {
    let mut rest = items.filter(|(key, _)| after.is_none_or(|after| key.as_ref() > after)).peekable();
    let (mut page, mut last) = (Vec::new(), None);
    while page.len() < most
        && let Some((key, item)) = rest.next()
    {
        last = Some(key);
        page.push(item);
    }
    let more = rest.peek().is_some();
    (page, last.filter(|_| more))
}

/// At most `most` of the items behind the first `given`, and how many are given then if more follow.
pub(crate) fn by_number<T>(items: Vec<T>, given: usize, most: usize) -> (Vec<T>, Option<String>) {
    let total = items.len();
    let page: Vec<T> = items.into_iter().skip(given).take(most).collect();
    let next = given + page.len();
    (page, (next < total).then(|| next.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_key_go_on_after_the_last_key_also_when_that_is_gone() {
        let items = |keys: [&'static str; 3]| keys.into_iter().map(|key| (key, key));
        assert_eq!(by_key(items(["a", "b", "c"]), None, 2), (vec!["a", "b"], Some("b")));
        assert_eq!(by_key(items(["a", "c", "d"]), Some("b"), 2), (vec!["c", "d"], None));
    }

    #[test]
    fn pages_by_number_go_on_after_what_was_given() {
        assert_eq!(by_number(vec![1, 2, 3], 0, 2), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(by_number(vec![1, 2, 3], 2, 2), (vec![3], None));
        assert_eq!(by_number(vec![1, 2, 3], 9, 2), (vec![], None));
    }
}
