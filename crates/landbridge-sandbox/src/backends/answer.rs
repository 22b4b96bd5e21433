//! How a server answers, by words in its image's name or tag: the ones by which the emulated AWS decides how targets answer
//! health checks, so that a release that is bad there is bad here too.

use std::time::Duration;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Answers with this HTTP status after this time.
    Status(u16, Duration),
    /// Never answers.
    Never,
}

impl Answer {
    /// `target-503` answers so, `target-timeout` and `unhealthy` never; `delay-250ms` takes so long. Otherwise 200 at once,
    /// also for what only becomes `unhealthy-after-30s`.
    pub(super) fn of<'a>(images: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut status, mut delay) = (200, Duration::ZERO);
        for image in images {
            if image.contains("target-timeout") || (image.contains("unhealthy") && !image.contains("unhealthy-after")) {
                return Self::Never;
            }
            if let Some(code) = number_after(image, "target-").filter(|code| (200..=599).contains(code)) {
                status = code as u16;
            }
            if let Some(milliseconds) = number_after(image, "delay-") {
                delay = Duration::from_millis(milliseconds);
            }
        }
        Self::Status(status, delay)
    }
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let rest = text.split_once(word)?.1;
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_images_say_how_a_server_answers() {
        let at_once = |status| Answer::Status(status, Duration::ZERO);
        for (image, answer) in [
            ("nginx:1.29", at_once(200)),
            ("shop/web:target-503", at_once(503)),
            ("shop/web:target-99999", at_once(200)),
            ("shop/web:target-", at_once(200)),
            ("shop/web:target-timeout", Answer::Never),
            ("shop/unhealthy:2", Answer::Never),
            ("shop/unhealthy-after-30s:2", at_once(200)),
            ("shop/web:delay-250ms", Answer::Status(200, Duration::from_millis(250))),
            ("shop/target-500-delay-5ms:1", Answer::Status(500, Duration::from_millis(5))),
        ] {
            assert_eq!(Answer::of([image]), answer, "{image}");
        }
        assert_eq!(Answer::of(["envoy:1", "shop/web:target-502"]), at_once(502), "any container of it");
    }
}
