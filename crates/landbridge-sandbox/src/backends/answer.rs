//! How a server answers. A pod's by words in its images' names or tags, the ones by which the emulated AWS decides how the
//! targets of a task answer health checks; a task's as the emulated AWS says itself.

use std::time::Duration;

use landbridge_emulator::TargetFate;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// What the caller meets. `Failed` is a connection that is refused: nothing listens.
    pub(super) fate: TargetFate,
    /// How long the answer takes.
    pub(super) delay: Duration,
}

impl Answer {
    /// Of a pod with these images: `target-503` answers so, `target-timeout` never, `unhealthy` refuses connections, and
    /// `delay-250ms` takes so long. Otherwise 200 at once, also for what only becomes `unhealthy-after-30s`.
    pub(super) fn of_pod(images: &[&str]) -> Self {
        let fates = images.iter().map(|image| fate_of(image));
        let fate = fates.into_iter().find(|fate| *fate != TargetFate::Healthy).unwrap_or(TargetFate::Healthy);
        Self { fate, delay: delay_of(images) }
    }

    /// What a health check meets that takes nothing but 200, which is what they do by default.
    pub(super) fn health(self) -> TargetFate {
        if self.fate == TargetFate::Code(200) { TargetFate::Healthy } else { self.fate }
    }

    /// Of a task whose programs have this fate.
    pub(super) fn of_task(fate: TargetFate, images: &[&str]) -> Self {
        Self { fate, delay: delay_of(images) }
    }
}

fn fate_of(image: &str) -> TargetFate {
    if image.contains("unhealthy") && !image.contains("unhealthy-after") {
        return TargetFate::Failed;
    }
    if image.contains("target-timeout") {
        return TargetFate::Timeout;
    }
    match number_after(image, "target-") {
        Some(code) if (100..=999).contains(&code) => TargetFate::Code(code as u16),
        _ => TargetFate::Healthy,
    }
}

fn delay_of(images: &[&str]) -> Duration {
    images.iter().find_map(|image| number_after(image, "delay-")).map_or(Duration::ZERO, Duration::from_millis)
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
        for (images, fate, milliseconds) in [
            (&["nginx:1.29"][..], TargetFate::Healthy, 0),
            (&["shop/web:target-503"], TargetFate::Code(503), 0),
            (&["shop/web:target-99999"], TargetFate::Healthy, 0),
            (&["shop/web:target-"], TargetFate::Healthy, 0),
            (&["shop/web:target-timeout"], TargetFate::Timeout, 0),
            (&["shop/unhealthy:2"], TargetFate::Failed, 0),
            (&["shop/unhealthy-after-30s:2"], TargetFate::Healthy, 0),
            (&["shop/web:delay-250ms"], TargetFate::Healthy, 250),
            (&["shop/target-500-delay-5ms:1"], TargetFate::Code(500), 5),
            (&["envoy:1", "shop/web:target-502"], TargetFate::Code(502), 0),
        ] {
            let answer = Answer { fate, delay: Duration::from_millis(milliseconds) };
            assert_eq!(Answer::of_pod(images), answer, "{images:?}");
        }
    }
}
