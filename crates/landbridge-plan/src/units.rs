//! Sizes as ECS spells them: CPU units and mebibytes, `1 vCPU` and `2 GB`.

/// CPU units (1,024 are one vCPU) of `256`, `1 vCPU` or `.5vcpu`; none when the text is neither.
pub fn cpu(text: &str) -> Option<i64> {
    size(text, "vcpu")
}

/// Mebibytes of `512`, `2 GB` or `0.5gb`; none when the text is neither.
pub fn memory(text: &str) -> Option<i64> {
    size(text, "gb")
}

/// A whole number as it is, or a decimal number of `unit`, which stands for 1,024.
fn size(text: &str, unit: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return (number >= 0).then_some(number);
    }
    let split = text.len().checked_sub(unit.len()).filter(|at| text.is_char_boundary(*at))?;
    let (number, suffix) = text.split_at(split);
    if !suffix.eq_ignore_ascii_case(unit) {
        return None;
    }
    let number = number.trim_end();
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let total = number.parse::<f64>().ok()? * 1024.0;
    // Beyond this a double no longer tells whole numbers apart; no machine is that large.
    (total.fract() == 0.0 && total < 9e15).then_some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_size_is_one_number() {
        for text in ["1024", " 1024 ", "1 vCPU", "1vcpu", "1.0 VCPU", "1. vCPU"] {
            assert_eq!(cpu(text), Some(1024), "{text:?}");
        }
        for text in ["512", "0.5 GB", ".5gb", "0.50GB"] {
            assert_eq!(memory(text), Some(512), "{text:?}");
        }
        assert_eq!(memory("244 GB"), Some(249_856));
    }

    #[test]
    fn what_is_no_size_gives_none() {
        for text in ["", "vCPU", "GB", "-1", "-1 vCPU", "1 GB", "0.3 vCPU", "1e3 vCPU", "inf vCPU", "½ vCPU", "é"] {
            assert_eq!(cpu(text), None, "{text:?}");
        }
        for text in ["512 MB", "2 GiB", "1 vCPU", "0x10", "1..5 GB", "99999999999999999999 GB"] {
            assert_eq!(memory(text), None, "{text:?}");
        }
    }
}
