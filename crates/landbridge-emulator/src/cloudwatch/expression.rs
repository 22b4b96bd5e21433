//! Metric math: numbers, the queries' names, `+ - * /`, parentheses and `FILL(name, number)` ("Using math expressions with
//! CloudWatch metrics"). Other functions are refused.

use std::collections::{BTreeMap, BTreeSet};

use super::invalid;
use super::query::Points;
use crate::refusal::Refusal;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Name(String),
    Fill(Box<Expression>, f64),
    Of(char, Box<Expression>, Box<Expression>),
}

/// A number for all times, or points.
enum Value {
    Number(f64),
    Points(Points),
}

/// How deep parentheses may nest; an expression is not longer than 2048 characters anyway.
const DEEPEST: usize = 50;

pub(super) fn parse(text: &str) -> Result<Expression, Refusal> {
    let wrong = |what: &str| invalid(format!("Error in expression '{text}': {what}"));
    if text.is_empty() || text.len() > 2048 {
        return Err(wrong("it has 1 to 2048 characters"));
    }
    let mut reader = Reader { rest: text.trim(), depth: 0 };
    let parsed = reader.sum().map_err(|what| wrong(&what))?;
    if reader.rest.is_empty() { Ok(parsed) } else { Err(wrong(&format!("unexpected '{}'", reader.rest))) }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest.strip_prefix(wanted);
        if let Some(rest) = found {
            self.rest = rest.trim_start();
        }
        found.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("'{wanted}' expected before '{}'", self.rest)) }
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        word
    }

    fn sum(&mut self) -> Result<Expression, String> {
        self.chain(['+', '-'], Self::product)
    }

    fn product(&mut self) -> Result<Expression, String> {
        self.chain(['*', '/'], Self::single)
    }

    fn chain(
        &mut self,
        operators: [char; 2],
        part: fn(&mut Self) -> Result<Expression, String>,
    ) -> Result<Expression, String> {
        let mut left = part(self)?;
        while let Some(operator) = operators.into_iter().find(|operator| self.take(*operator)) {
            left = Expression::Of(operator, Box::new(left), Box::new(part(self)?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it nests too deep".to_owned());
        }
        let single = self.unnested()?;
        self.depth -= 1;
        Ok(single)
    }

    fn unnested(&mut self) -> Result<Expression, String> {
        if self.take('(') {
            let inner = self.sum()?;
            self.expect(')')?;
            return Ok(inner);
        }
        if self.take('-') {
            return Ok(Expression::Of('-', Box::new(Expression::Number(0.0)), Box::new(self.single()?)));
        }
        let word = self.word();
        if let Ok(number) = word.parse::<f64>() {
            return Ok(Expression::Number(number));
        }
        if !self.rest.starts_with('(') {
            let is_name = word.starts_with(|c: char| c.is_ascii_lowercase());
            return if is_name { Ok(Expression::Name(word.to_owned())) } else { Err(format!("unexpected '{word}'")) };
        }
        if word != "FILL" {
            return Err(format!("this emulator does not know the function {word}"));
        }
        self.expect('(')?;
        let inner = self.sum()?;
        self.expect(',')?;
        let negative = self.take('-');
        let number: f64 = self.word().parse().map_err(|_| "FILL takes a number here".to_owned())?;
        self.expect(')')?;
        Ok(Expression::Fill(Box::new(inner), if negative { -number } else { number }))
    }
}

impl Expression {
    /// The queries it needs.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        match self {
            Self::Number(_) => BTreeSet::new(),
            Self::Name(name) => BTreeSet::from([name.as_str()]),
            Self::Fill(inner, _) => inner.names(),
            Self::Of(_, left, right) => left.names().into_iter().chain(right.names()).collect(),
        }
    }

    /// Its value at every time at which all it needs has one.
    pub(super) fn over(&self, known: &BTreeMap<String, Points>) -> Points {
        match self.value(known) {
            Value::Points(points) => points,
            Value::Number(_) => Points::new(),
        }
    }

    fn value(&self, known: &BTreeMap<String, Points>) -> Value {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Name(name) => Value::Points(known.get(name).cloned().unwrap_or_default()),
            Self::Fill(inner, number) => match inner.value(known) {
                Value::Points(mut points) => {
                    for time in known.values().flat_map(BTreeMap::keys) {
                        points.entry(*time).or_insert(*number);
                    }
                    Value::Points(points)
                }
                Value::Number(number) => Value::Number(number),
            },
            Self::Of(operator, left, right) => combine(*operator, left.value(known), right.value(known)),
        }
    }
}

fn combine(operator: char, left: Value, right: Value) -> Value {
    // A division by zero gives no point.
    let of = |a: f64, b: f64| {
        let result = match operator {
            '+' => a + b,
            '-' => a - b,
            '*' => a * b,
            _ => a / b,
        };
        result.is_finite().then_some(result)
    };
    let points = match (left, right) {
        (Value::Number(a), Value::Number(b)) => return Value::Number(of(a, b).unwrap_or_default()),
        (Value::Points(a), Value::Number(b)) => a.into_iter().filter_map(|(time, a)| Some((time, of(a, b)?))).collect(),
        (Value::Number(a), Value::Points(b)) => b.into_iter().filter_map(|(time, b)| Some((time, of(a, b)?))).collect(),
        (Value::Points(a), Value::Points(b)) => {
            a.into_iter().filter_map(|(time, a)| Some((time, of(a, *b.get(&time)?)?))).collect()
        }
    };
    Value::Points(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplication_binds_stronger_and_times_without_all_values_are_left_out() {
        let known = BTreeMap::from([
            ("a".to_owned(), Points::from([(0, 2.0), (60, 4.0)])),
            ("b".to_owned(), Points::from([(0, 3.0)])),
        ]);
        let over = |text: &str| parse(text).unwrap().over(&known);
        assert_eq!(over("1 + a * b"), Points::from([(0, 7.0)]));
        assert_eq!(over("(1 + a) * FILL(b, 10)"), Points::from([(0, 9.0), (60, 50.0)]));
        assert_eq!(over("100*(a/ -a)"), Points::from([(0, -100.0), (60, -100.0)]));
        assert_eq!(over("a / (b - 3)"), Points::new());
        assert_eq!(parse("a+b*a").unwrap().names(), BTreeSet::from(["a", "b"]));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for wrong in ["", "a +", "(a", "a b", "RATE(a)", "FILL(a, b)", "A", &"(".repeat(1000)] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
