//! STS: who is calling, and temporary credentials for roles.
//!
//! Credentials given out are remembered, so that calls made with them are the role session's in the call log and count
//! for the role's account. No signature is checked. Long-term credentials may do everything, with these access keys set
//! apart for tests: `EXPIRED...`, `DENIED...` and `INVALID...` are refused as their names say, and an access key of
//! twelve digits belongs to the account of that number.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::later;
use crate::iam::{self, Principal, TrustRequest};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const API_VERSION: &str = "2011-06-15";

/// The sessions that are or were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sts {
    /// By access key.
    sessions: BTreeMap<String, Session>,
}

#[derive(Debug, Clone)]
struct Session {
    account: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    arn: String,
    role_arn: String,
    /// `AROA...:SESSION`.
    user_id: String,
    expires: Timestamp,
}

impl Sts {
    /// Everything remembered, for a look from outside; nothing that could be used to sign.
    pub(crate) fn dump(&self) -> Value {
        let session = |s: &Session| json!({"arn": s.arn, "role": s.role_arn, "expires": s.expires.to_string()});
        self.sessions.values().map(session).collect()
    }

    /// The sessions of the principal `arn`, newest last; any of them answers for it.
    fn session_of(&self, arn: &str) -> Option<&Session> {
        self.sessions.values().find(|session| session.arn == arn)
    }
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationError");
    match op {
        "GetCallerIdentity" => Ok(caller_identity(world, cx)),
        "AssumeRole" => assume_role(world, cx, input),
        "AssumeRoleWithWebIdentity" => assume_role_with_web_identity(world, cx, input),
        _ => Err(Refusal::invalid_action(op, API_VERSION)),
    }
}

/// Who a set of credentials belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) arn: String,
}

/// Who calls with this access key: none if it is not one that was issued here.
///
/// Errors: credentials that are expired, denied or invalid, with the codes of the JSON protocols ("Common errors" of the
/// Amazon ECS API reference); `wire::dialect` respells them.
pub(crate) fn caller(world: &World, access_key: &str) -> Result<Option<Caller>, Refusal> {
    let expired = || {
        let message = "The security token included in the request is expired";
        Refusal::new("ExpiredTokenException", message).status(403)
    };
    let invalid = || {
        let message = "The security token included in the request is invalid.";
        Refusal::new("UnrecognizedClientException", message).status(403)
    };
    if access_key.starts_with("EXPIRED") {
        return Err(expired());
    }
    if access_key.starts_with("DENIED") {
        let message = format!(
            "User: arn:aws:iam::{}:user/denied is not authorized to perform this action because no identity-based policy \
             allows it",
            world.account
        );
        return Err(Refusal::new("AccessDeniedException", message).status(400));
    }
    if access_key.starts_with("INVALID") {
        return Err(invalid());
    }
    let Some(session) = world.services.sts.sessions.get(access_key) else {
        // Only STS gives out keys of this prefix ("IAM identifiers", reference_identifiers.html).
        return if access_key.starts_with("ASIA") { Err(invalid()) } else { Ok(None) };
    };
    if session.expires <= world.now {
        return Err(expired());
    }
    Ok(Some(Caller { account: session.account.clone(), arn: session.arn.clone() }))
}

/// The identity the gateway found (GetCallerIdentity, STS API reference).
fn caller_identity(world: &World, cx: &Cx) -> Value {
    let session = world.services.sts.session_of(&cx.principal);
    let user_id = session.map_or_else(|| "AIDALANDBRIDGEEMULATOR".to_owned(), |session| session.user_id.clone());
    json!({"UserId": user_id, "Account": cx.account, "Arn": cx.principal})
}

fn access_denied(who: &str, action: &str, role_arn: &str) -> Refusal {
    let message = format!("User: {who} is not authorized to perform: {action} on resource: {role_arn}");
    Refusal::new("AccessDenied", message).status(403)
}

/// What both ways of assuming a role ask for.
struct Wanted<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    seconds: Option<i64>,
}

impl<'a> Wanted<'a> {
    fn read(input: Input<'a>) -> Result<Self, Refusal> {
        let role_arn = input.required("RoleArn")?;
        if iam::account_of(role_arn).is_none() || !role_arn.contains(":role/") {
            return Err(input.refuse(format!("{role_arn} is invalid")));
        }
        let session_name = input.required("RoleSessionName")?;
        let fits = (2..=64).contains(&session_name.len());
        if !fits || !session_name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
            return Err(input.refuse(format!(
                "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]{{2,64}}"
            )));
        }
        Ok(Self { role_arn, session_name, seconds: input.number_within("DurationSeconds", 900, 43200)? })
    }
}

/// AssumeRole (STS API reference): refused alike for a role that is not there, not there yet, or does not trust the
/// caller. Chained sessions last an hour at most ("Role chaining", id_roles_terms-and-concepts.html).
fn assume_role(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let wanted = Wanted::read(input)?;
    let mut arns = vec![cx.principal.clone()];
    let chained = world.services.sts.session_of(&cx.principal);
    arns.extend(chained.map(|session| session.role_arn.clone()));
    if chained.is_some() && wanted.seconds.is_some_and(|seconds| seconds > 3600) {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(input.refuse(message));
    }
    let mut context = vec![
        ("aws:PrincipalArn".to_owned(), arns.last().cloned().unwrap_or_default()),
        ("aws:PrincipalAccount".to_owned(), cx.account.clone()),
        ("sts:RoleSessionName".to_owned(), wanted.session_name.to_owned()),
    ];
    context.extend(input.text("ExternalId")?.map(|id| ("sts:ExternalId".to_owned(), id.to_owned())));
    let principal = Principal::Aws { arns, account: cx.account.clone() };
    let request = TrustRequest { action: "sts:AssumeRole", principal, context };
    let denied = access_denied(&cx.principal, "sts:AssumeRole", wanted.role_arn);
    start_session(world, cx, input, &wanted, &request, denied)
}

/// AssumeRoleWithWebIdentity (STS API reference). The token is read, its signature is not checked; the identity provider
/// is the one that the token's issuer names in the role's account.
fn assume_role_with_web_identity(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let wanted = Wanted::read(input)?;
    let claims = claims(input.required("WebIdentityToken")?)?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (issuer, subject, audience) = (claim("iss"), claim("sub"), audience(&claims));
    if claims.get("exp").and_then(Value::as_i64).is_some_and(|expires| expires <= cx.now.as_second()) {
        return Err(Refusal::new(
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration",
        ));
    }
    let host = issuer.strip_prefix("https://").unwrap_or(&issuer).to_owned();
    let account = iam::account_of(wanted.role_arn).unwrap_or_default();
    let provider = format!("arn:aws:iam::{account}:oidc-provider/{host}");
    let context = vec![(format!("{host}:sub"), subject.clone()), (format!("{host}:aud"), audience.clone())];
    let principal = Principal::Federated(provider.clone());
    let request = TrustRequest { action: "sts:AssumeRoleWithWebIdentity", principal, context };
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let denied = Refusal::new("AccessDenied", message).status(403);
    let mut answer = start_session(world, cx, input, &wanted, &request, denied)?;
    answer["SubjectFromWebIdentityToken"] = json!(subject);
    answer["Audience"] = json!(audience);
    answer["Provider"] = json!(provider);
    Ok(answer)
}

/// The payload of a JSON Web Token.
fn claims(token: &str) -> Result<Value, Refusal> {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let claims: Option<Value> = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    claims.filter(|claims| claims.get("iss").is_some()).ok_or_else(|| {
        Refusal::new("InvalidIdentityToken", "The ID Token provided is not a valid JWT with an issuer (iss)")
    })
}

fn audience(claims: &Value) -> String {
    let audience = claims.get("aud");
    let first = audience.and_then(|audience| audience.get(0)).or(audience);
    first.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn start_session(
    world: &mut World,
    cx: &Cx,
    input: Input<'_>,
    wanted: &Wanted<'_>,
    request: &TrustRequest,
    denied: Refusal,
) -> Result<Value, Refusal> {
    let usable = world.services.iam.by_arn(wanted.role_arn).filter(|role| role.usable_at <= cx.now);
    let Some(role) = usable.filter(|role| role.trust_at(cx.now).allows(request)) else { return Err(denied) };
    let seconds = wanted.seconds.unwrap_or(3600);
    if seconds > role.max_session {
        return Err(input.refuse("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    let account = iam::account_of(wanted.role_arn).unwrap_or_default().to_owned();
    let session = Session {
        arn: format!("arn:aws:sts::{account}:assumed-role/{}/{}", role.name, wanted.session_name),
        account,
        role_arn: role.arn.clone(),
        user_id: format!("{}:{}", role.id, wanted.session_name),
        expires: later(cx.now, std::time::Duration::from_secs(seconds.unsigned_abs())),
    };
    let access_key = format!("ASIA{}", identifier::upper(&mut world.rng, 16));
    let answer = json!({
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretAccessKey": identifier::lower(&mut world.rng, 40),
            "SessionToken": identifier::lower(&mut world.rng, 120),
            "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": 0,
    });
    let now = cx.now;
    let sessions = &mut world.services.sts.sessions;
    // Expired sessions are kept for a while so that their use is refused as expired, not as unknown.
    sessions.retain(|_, old| later(old.expires, std::time::Duration::from_hours(24)) > now);
    sessions.insert(access_key, session);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]

    use super::*;
    use crate::bench::Bench;

    const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";

    fn bench_with_role(trust: &Value) -> Bench {
        let mut bench = Bench::new();
        bench.account = "111122223333".to_owned();
        bench.ok("iam", "CreateRole", json!({"RoleName": "deploy", "AssumeRolePolicyDocument": trust.to_string()}));
        bench
    }

    fn trusting(principal: Value, condition: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"],
            "Condition": condition,
        }]})
    }

    fn assume(bench: &mut Bench, extra: Value) -> Result<Value, Refusal> {
        let mut input = json!({"RoleArn": ROLE, "RoleSessionName": "landbridge"});
        for (key, value) in extra.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        bench.call("sts", "AssumeRole", input)
    }

    #[test]
    fn an_assumed_role_is_the_caller_until_its_session_expires() {
        let mut bench = bench_with_role(&trusting(json!({"AWS": "111122223333"}), json!({})));
        let answer = assume(&mut bench, json!({"DurationSeconds": "900"})).unwrap();
        let key = answer["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned();
        let who = caller(&bench.world, &key).unwrap().unwrap();
        assert_eq!(who.arn, "arn:aws:sts::111122223333:assumed-role/deploy/landbridge");
        assert_eq!(who.account, "111122223333");
        bench.principal = who.arn.clone();
        let identity = bench.ok("sts", "GetCallerIdentity", json!({}));
        assert_eq!(identity["Arn"], json!(who.arn));
        assert!(identity["UserId"].as_str().unwrap().ends_with(":landbridge"));
        bench.pass(900);
        assert_eq!(caller(&bench.world, &key).unwrap_err().code, "ExpiredTokenException");
    }

    #[test]
    fn an_unknown_role_and_a_role_that_does_not_trust_the_caller_are_refused_alike() {
        let mut bench = bench_with_role(&trusting(json!({"Service": "ecs-tasks.amazonaws.com"}), json!({})));
        let untrusted = assume(&mut bench, json!({})).unwrap_err();
        let unknown = assume(&mut bench, json!({"RoleArn": "arn:aws:iam::111122223333:role/nobody"})).unwrap_err();
        assert_eq!((untrusted.code.as_ref(), untrusted.http_status), ("AccessDenied", 403));
        assert_eq!(unknown.code, "AccessDenied");
    }

    #[test]
    fn the_external_id_must_be_the_one_that_the_trust_policy_names() {
        let external = json!({"StringEquals": {"sts:ExternalId": "tenant-7"}});
        let mut bench = bench_with_role(&trusting(json!({"AWS": "arn:aws:iam::444455556666:root"}), external));
        bench.account = "444455556666".to_owned();
        assert_eq!(assume(&mut bench, json!({})).unwrap_err().code, "AccessDenied");
        assert_eq!(assume(&mut bench, json!({"ExternalId": "tenant-8"})).unwrap_err().code, "AccessDenied");
        assert!(assume(&mut bench, json!({"ExternalId": "tenant-7"})).is_ok());
    }

    #[test]
    fn a_session_longer_than_the_role_allows_and_a_bad_session_name_are_validation_errors() {
        let mut bench = bench_with_role(&trusting(json!("*"), json!({})));
        for extra in [
            json!({"DurationSeconds": 7200}),
            json!({"DurationSeconds": 60}),
            json!({"RoleSessionName": "a b"}),
            json!({"RoleSessionName": "a"}),
            json!({"RoleArn": "deploy"}),
        ] {
            assert_eq!(assume(&mut bench, extra.clone()).unwrap_err().code, "ValidationError", "{extra}");
        }
    }

    fn token(claims: &Value) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_web_identity_is_let_in_by_issuer_subject_and_audience() {
        let provider = json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/X"});
        let condition = json!({"StringEquals": {
            "oidc.example/id/X:sub": "system:serviceaccount:shop:web", "oidc.example/id/X:aud": "sts.amazonaws.com",
        }});
        let mut bench = bench_with_role(&trusting(provider, condition));
        let mut ask = |subject: &str, expires: i64| {
            let claims = json!({"iss": "https://oidc.example/id/X", "sub": subject, "aud": ["sts.amazonaws.com"],
                                "exp": expires});
            let input = json!({"RoleArn": ROLE, "RoleSessionName": "pod", "WebIdentityToken": token(&claims)});
            bench.call("sts", "AssumeRoleWithWebIdentity", input)
        };
        let far = 4_000_000_000;
        let answer = ask("system:serviceaccount:shop:web", far).unwrap();
        assert_eq!(answer["SubjectFromWebIdentityToken"], "system:serviceaccount:shop:web");
        assert_eq!(ask("system:serviceaccount:shop:other", far).unwrap_err().code, "AccessDenied");
        assert_eq!(ask("system:serviceaccount:shop:web", 1).unwrap_err().code, "ExpiredTokenException");
        let garbage = json!({"RoleArn": ROLE, "RoleSessionName": "pod", "WebIdentityToken": "nonsense"});
        let refusal = bench.call("sts", "AssumeRoleWithWebIdentity", garbage).unwrap_err();
        assert_eq!(refusal.code, "InvalidIdentityToken");
    }

    #[test]
    fn credentials_set_apart_for_tests_are_refused_as_their_names_say() {
        let bench = Bench::new();
        for (key, code) in [
            ("EXPIREDKEY", "ExpiredTokenException"),
            ("DENIEDKEY", "AccessDeniedException"),
            ("INVALIDKEY", "UnrecognizedClientException"),
            ("ASIAUNKNOWN", "UnrecognizedClientException"),
        ] {
            assert_eq!(caller(&bench.world, key).unwrap_err().code, code);
        }
        assert_eq!(caller(&bench.world, "AKIAANYTHING"), Ok(None));
    }
}
