//! Which Events a pass gives rise to: one for each class of change that was made, one for each turn of the conditions, and
//! what AWS told. Nothing is told twice, and progress is not told at all.

use std::time::Duration;

use jiff::Timestamp;
use landbridge_api::Condition;
use landbridge_api::condition::{self, reason};
use landbridge_plan::change::Verb;
use landbridge_plan::kind::News;
use landbridge_plan::plan::{Cause, Plan};
use landbridge_plan::render::step_line;

/// Reasons of `Ready` that are on the way, not worth an Event.
const ON_THE_WAY: [&str; 7] = [
    reason::PENDING,
    reason::PROGRESSING,
    reason::ROLLING_OUT,
    reason::WAITING,
    reason::REFERENCE_NOT_READY,
    reason::DELETING,
    reason::PAUSED,
];

/// One Event for each class among the steps that were done, with what each did.
pub fn of_steps(plan: &Plan, done: &[String]) -> Vec<News> {
    let mut classes: Vec<(&str, Vec<String>)> = Vec::new();
    for step in plan.steps.iter().filter(|s| done.contains(&s.id)) {
        let class = match (step.cause, step.change.verb()) {
            (Cause::Drift, _) => "DriftCorrected",
            (Cause::Adoption, _) => "Adopted",
            (Cause::Retention, _) => "Cleaned",
            (_, Verb::Create) => "Created",
            (_, Verb::Update) => "Updated",
            (_, Verb::Delete) => "Deleted",
        };
        let line = step_line(step);
        match classes.iter_mut().find(|(c, _)| *c == class) {
            Some((_, lines)) if !lines.contains(&line) => lines.push(line),
            Some(_) => {}
            None => classes.push((class, vec![line])),
        }
    }
    let told = |(class, lines): (&str, Vec<String>)| News {
        warning: false,
        reason: class.to_owned(),
        message: lines.join("; "),
    };
    classes.into_iter().map(told).collect()
}

/// The Events of one pass: our own, and what AWS told. What went well in AWS is not told on its own beside good news of
/// ours, and in one Event otherwise; warnings are never joined.
pub fn gathered(own: Vec<News>, heard: Vec<News>) -> Vec<News> {
    let (well, mut all): (Vec<_>, Vec<_>) = heard.into_iter().partition(|n| !n.warning);
    all.extend(own);
    for news in well {
        match all.iter_mut().rev().find(|n| !n.warning) {
            Some(told) => told.message = format!("{}; {}", told.message.trim_end_matches('.'), news.message),
            None => all.push(news),
        }
    }
    all
}

/// The Events of a turn from the old conditions to the new ones.
pub fn of_transition(old: &[Condition], new: &[Condition]) -> Vec<News> {
    let mut news = Vec::new();
    let was = condition::find(old, condition::READY);
    if let Some(ready) = condition::find(new, condition::READY) {
        let turned = was.is_none_or(|w| w.status != ready.status || w.reason != ready.reason);
        if turned && ready.status == "True" {
            news.push(told(false, ready));
        } else if turned && !ON_THE_WAY.contains(&ready.reason.as_str()) {
            news.push(told(true, ready));
        }
    }
    if let Some(drifted) = condition::find(new, condition::DRIFTED)
        && drifted.reason == reason::DRIFT_REPORTED
        && condition::find(old, condition::DRIFTED).is_none_or(|o| o.message != drifted.message)
    {
        news.push(told(true, drifted));
    }
    news
}

/// How long the object was not ready, if it has just become so; for one of which nothing was said before, since `began`.
pub fn rollout(old: &[Condition], new: &[Condition], began: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let since = match condition::find(old, condition::READY) {
        Some(was) => (was.status != "True").then_some(was.last_transition_time.0),
        None => began,
    }?;
    condition::is_true(new, condition::READY).then(|| now.duration_since(since))?.try_into().ok()
}

fn told(warning: bool, condition: &Condition) -> News {
    News { warning, reason: condition.reason.clone(), message: condition.message.clone() }
}

#[cfg(test)]
mod tests {
    use landbridge_plan::change::Change;

    use super::*;

    fn ready(status: bool, reason: &str) -> Vec<Condition> {
        vec![condition::condition(condition::READY, status, reason, "m", 1, Timestamp::UNIX_EPOCH)]
    }

    #[test]
    fn steps_of_one_class_are_one_event_with_all_their_targets() {
        let mut plan = Plan::of("ECSService/shop/web");
        plan.step("a", Cause::Spec, &[], Change::DeleteLogGroup { name: "x".into() });
        plan.step("b", Cause::Spec, &[], Change::DeleteLogGroup { name: "y".into() });
        plan.step("c", Cause::Spec, &[], Change::DeleteCluster { name: "never run".into() });
        let news = of_steps(&plan, &["b".into(), "a".into()]);
        assert_eq!(news.len(), 1);
        assert_eq!(
            (news[0].reason.as_str(), news[0].message.as_str()),
            ("Deleted", "delete log group x; delete log group y")
        );
    }

    #[test]
    fn what_went_well_in_aws_is_told_with_our_own_good_news_and_a_warning_on_its_own() {
        let of =
            |warning, reason: &str, message: &str| News { warning, reason: reason.into(), message: message.into() };
        let heard = vec![
            of(true, "PlacementFailed", "no room."),
            of(false, "TasksStarted", "web has started 1 tasks."),
            of(false, "SteadyState", "web has reached a steady state."),
        ];
        let own = vec![of(false, "Created", "create service web"), of(false, "Ready", "1 of 1 tasks run web:1")];
        let with_own = [
            of(true, "PlacementFailed", "no room."),
            of(false, "Created", "create service web"),
            of(false, "Ready", "1 of 1 tasks run web:1; web has started 1 tasks; web has reached a steady state."),
        ];
        assert_eq!(gathered(own, heard.clone()), with_own);
        let alone = [
            of(true, "PlacementFailed", "no room."),
            of(false, "TasksStarted", "web has started 1 tasks; web has reached a steady state."),
        ];
        assert_eq!(gathered(Vec::new(), heard), alone);
        assert_eq!(gathered(Vec::new(), Vec::new()), []);
    }

    #[test]
    fn becoming_ready_and_failing_are_told_and_progress_is_not() {
        let rolling = ready(false, reason::ROLLING_OUT);
        assert_eq!(of_transition(&[], &rolling), []);
        assert_eq!(of_transition(&rolling, &ready(true, reason::READY)).len(), 1);
        let failed = of_transition(&rolling, &ready(false, reason::ROLLED_BACK));
        assert!(failed[0].warning);
    }

    #[test]
    fn what_stays_as_it_is_is_not_told_again() {
        for state in [ready(true, reason::READY), ready(false, reason::ACCESS_DENIED)] {
            assert_eq!(of_transition(&state, &state), []);
        }
    }

    #[test]
    fn a_rollout_lasts_from_losing_ready_to_having_it_again() {
        let now = Timestamp::from_second(42).unwrap();
        let is_ready = ready(true, reason::READY);
        let took = rollout(&ready(false, reason::ROLLING_OUT), &is_ready, None, now);
        assert_eq!(took, Some(Duration::from_secs(42)));
        assert_eq!(rollout(&is_ready, &is_ready, None, now), None);
        assert_eq!(rollout(&[], &is_ready, Timestamp::from_second(40).ok(), now), Some(Duration::from_secs(2)));
        assert_eq!(rollout(&[], &is_ready, None, now), None, "nothing was made");
    }
}
