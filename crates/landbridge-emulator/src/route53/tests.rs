//! Route 53 as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use super::resolve;
use crate::bench::Bench;

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok("route53", op, input)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    bench.code("route53", op, input)
}

fn zone_of(bench: &mut Bench, input: Value) -> String {
    let answer = ok(bench, "CreateHostedZone", input);
    answer["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned()
}

fn zone(bench: &mut Bench) -> String {
    zone_of(bench, json!({"Name": "Example.com", "CallerReference": "r1"}))
}

fn change(action: &str, record: Value) -> Value {
    json!({"Action": action, "ResourceRecordSet": record})
}

fn batch(zone: &str, changes: &[Value]) -> Value {
    json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}})
}

fn apply(bench: &mut Bench, zone: &str, changes: &[Value]) -> String {
    let answer = ok(bench, "ChangeResourceRecordSets", batch(zone, changes));
    answer["ChangeInfo"]["Id"].as_str().unwrap().to_owned()
}

/// The message of a batch that must be refused.
fn refused(bench: &mut Bench, zone: &str, changes: &[Value]) -> String {
    let refusal = bench.call("route53", "ChangeResourceRecordSets", batch(zone, changes)).unwrap_err();
    assert_eq!(refusal.code, "InvalidChangeBatch", "{}", refusal.message);
    refusal.message
}

fn a(name: &str, address: &str) -> Value {
    json!({"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address}]})
}

fn weighted(set: &str, weight: u8, address: &str) -> Value {
    let mut record = a("app.example.com", address);
    record["SetIdentifier"] = json!(set);
    record["Weight"] = json!(weight);
    record
}

fn names(bench: &mut Bench, zone: &str) -> Vec<String> {
    let answer = ok(bench, "ListResourceRecordSets", json!({ "HostedZoneId": zone }));
    let records = answer["ResourceRecordSets"].as_array().unwrap().iter();
    records.map(|record| format!("{} {}", record["Name"].as_str().unwrap(), record["Type"].as_str().unwrap())).collect()
}

fn shares(bench: &Bench, name: &str) -> Vec<(String, f64)> {
    let answers = resolve(&bench.world, name, "A");
    answers.into_iter().map(|it| (it.set_identifier.unwrap_or_default(), it.share.unwrap())).collect()
}

#[test]
fn a_public_zone_begins_with_four_name_servers_and_its_ns_and_soa_records() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let got = ok(&mut bench, "GetHostedZone", json!({ "Id": zone }));
    assert_eq!(
        (&got["HostedZone"]["Name"], &got["HostedZone"]["ResourceRecordSetCount"]),
        (&json!("example.com."), &json!(2))
    );
    assert_eq!(got["DelegationSet"]["NameServers"].as_array().unwrap().len(), 4);
    assert_eq!(names(&mut bench, &zone), ["example.com. NS", "example.com. SOA"]);
    let again = json!({"Name": "example.com", "CallerReference": "r1"});
    assert_eq!(code(&mut bench, "CreateHostedZone", again), "HostedZoneAlreadyExists");
    // Another zone of the same name is another zone.
    zone_of(&mut bench, json!({"Name": "example.com", "CallerReference": "r2"}));
    assert_eq!(
        code(&mut bench, "CreateHostedZone", json!({"Name": "a..b", "CallerReference": "r3"})),
        "InvalidDomainName"
    );
}

#[test]
fn a_private_zone_needs_a_vpc_that_sees_no_other_of_its_name() {
    let mut bench = Bench::new();
    let private = |reference: &str, vpc: &str| json!({"Name": "corp", "CallerReference": reference, "VPC": {"VPCRegion": "eu-west-1", "VPCId": vpc}});
    let zone = zone_of(&mut bench, private("r1", "vpc-1"));
    assert_eq!(code(&mut bench, "CreateHostedZone", private("r2", "vpc-1")), "ConflictingDomainExists");
    let got = ok(&mut bench, "GetHostedZone", json!({ "Id": zone }));
    assert_eq!(got["VPCs"], json!([{"VPCRegion": "eu-west-1", "VPCId": "vpc-1"}]));
    assert!(got.get("DelegationSet").is_none());
    let vpc = |id: &str| json!({"HostedZoneId": zone, "VPC": {"VPCRegion": "eu-west-1", "VPCId": id}});
    ok(&mut bench, "AssociateVPCWithHostedZone", vpc("vpc-2"));
    ok(&mut bench, "DisassociateVPCFromHostedZone", vpc("vpc-1"));
    assert_eq!(code(&mut bench, "DisassociateVPCFromHostedZone", vpc("vpc-2")), "LastVPCAssociation");
    assert_eq!(code(&mut bench, "DisassociateVPCFromHostedZone", vpc("vpc-3")), "VPCAssociationNotFound");
    let seen = ok(&mut bench, "ListHostedZonesByVPC", json!({"VPCId": "vpc-2", "VPCRegion": "eu-west-1"}));
    assert_eq!(seen["HostedZoneSummaries"][0]["HostedZoneId"], zone);
    let lone = json!({"Name": "x", "CallerReference": "r4", "HostedZoneConfig": {"PrivateZone": true}});
    assert_eq!(code(&mut bench, "CreateHostedZone", lone), "InvalidInput");
}

#[test]
fn a_change_is_shown_at_once_and_answered_once_it_is_in_sync() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let id = apply(&mut bench, &zone, &[change("CREATE", a("www.example.com", "192.0.2.1"))]);
    let status = |bench: &mut Bench| ok(bench, "GetChange", json!({ "Id": id }))["ChangeInfo"]["Status"].clone();
    assert_eq!(status(&mut bench), "PENDING");
    assert_eq!(names(&mut bench, &zone).len(), 3);
    assert!(resolve(&bench.world, "www.example.com", "A").is_empty());
    bench.pass(30);
    assert_eq!(status(&mut bench), "INSYNC");
    assert_eq!(resolve(&bench.world, "WWW.example.com.", "A")[0].values, ["192.0.2.1"]);
    assert_eq!(code(&mut bench, "GetChange", json!({"Id": "C1"})), "NoSuchChange");
}

#[test]
fn a_batch_is_done_whole_or_not_at_all_and_every_fault_is_told() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let good = change("CREATE", a("good.example.com", "192.0.2.1"));
    let message = refused(
        &mut bench,
        &zone,
        &[
            good.clone(),
            change("DELETE", a("none.example.com", "192.0.2.1")),
            change("CREATE", a("www.example.org", "192.0.2.1")),
            change("CREATE", a("bad.example.com", "192.0.2.300")),
        ],
    );
    assert_eq!(
        message,
        "[Tried to delete resource record set [name='none.example.com.', type='A'] but it was not found, \
         RRSet with DNS name www.example.org. is not permitted in zone example.com., \
         Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with \
         '192.0.2.300'']"
    );
    assert_eq!(names(&mut bench, &zone).len(), 2);
    apply(&mut bench, &zone, std::slice::from_ref(&good));
    let message = refused(&mut bench, &zone, &[good]);
    assert_eq!(
        message,
        "[Tried to create resource record set [name='good.example.com.', type='A'] but it already exists]"
    );
}

#[test]
fn a_deletion_names_the_record_as_it_is() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let mut record = a("www.example.com", "192.0.2.1");
    record["ResourceRecords"] = json!([{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]);
    apply(&mut bench, &zone, &[change("CREATE", record.clone())]);
    let mut other = record.clone();
    other["TTL"] = json!(61);
    let message = refused(&mut bench, &zone, &[change("DELETE", other)]);
    assert!(message.ends_with("but the values provided do not match the current values]"), "{message}");
    record["ResourceRecords"] = json!([{"Value": "192.0.2.2"}, {"Value": "192.0.2.1"}]);
    apply(&mut bench, &zone, &[change("DELETE", record)]);
    let soa =
        ok(&mut bench, "ListResourceRecordSets", json!({ "HostedZoneId": zone }))["ResourceRecordSets"][1].clone();
    assert_eq!(
        refused(&mut bench, &zone, &[change("DELETE", soa)]),
        "[A HostedZone must contain exactly one SOA record.]"
    );
}

#[test]
fn one_set_is_changed_once_in_a_batch_or_deleted_and_created() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let (one, two) = (a("www.example.com", "192.0.2.1"), a("www.example.com", "192.0.2.2"));
    let twice = [change("UPSERT", one.clone()), change("UPSERT", two.clone())];
    let message = refused(&mut bench, &zone, &twice);
    assert!(message.contains("invalid set of changes for a resource record set 'A www.example.com.'"), "{message}");
    apply(&mut bench, &zone, &[change("UPSERT", one.clone())]);
    apply(&mut bench, &zone, &[change("DELETE", one), change("CREATE", two)]);
    bench.pass(30);
    assert_eq!(resolve(&bench.world, "www.example.com", "A")[0].values, ["192.0.2.2"]);
}

#[test]
fn weighted_sets_share_the_answers_by_their_weights_and_shift_together() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let (ecs, eks) = (weighted("ecs", 255, "192.0.2.1"), weighted("eks", 0, "192.0.2.2"));
    apply(&mut bench, &zone, &[change("CREATE", ecs), change("CREATE", eks)]);
    bench.pass(30);
    assert_eq!(shares(&bench, "app.example.com"), [("ecs".to_owned(), 1.0), ("eks".to_owned(), 0.0)]);
    let shift =
        [change("UPSERT", weighted("ecs", 30, "192.0.2.1")), change("UPSERT", weighted("eks", 10, "192.0.2.2"))];
    apply(&mut bench, &zone, &shift);
    assert_eq!(shares(&bench, "app.example.com")[0], ("ecs".to_owned(), 1.0), "not in force yet");
    bench.pass(30);
    assert_eq!(shares(&bench, "app.example.com"), [("ecs".to_owned(), 0.75), ("eks".to_owned(), 0.25)]);
    let none = [change("UPSERT", weighted("ecs", 0, "192.0.2.1")), change("UPSERT", weighted("eks", 0, "192.0.2.2"))];
    apply(&mut bench, &zone, &none);
    bench.pass(30);
    assert_eq!(shares(&bench, "app.example.com")[1], ("eks".to_owned(), 0.5), "all weights zero: all alike");
}

#[test]
fn sets_of_one_name_keep_company_only_with_their_like() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    apply(&mut bench, &zone, &[change("CREATE", a("app.example.com", "192.0.2.1"))]);
    let message = refused(&mut bench, &zone, &[change("CREATE", weighted("ecs", 1, "192.0.2.1"))]);
    assert_eq!(
        message,
        "[RRSet with DNS name app.example.com., type A, SetIdentifier ecs cannot be created as a non-weighted set exists with \
         the same name and type.]"
    );
    let cname =
        |name: &str| json!({"Name": name, "Type": "CNAME", "TTL": 1, "ResourceRecords": [{"Value": "x.example.org"}]});
    let message = refused(&mut bench, &zone, &[change("CREATE", cname("app.example.com"))]);
    assert!(message.contains("conflicts with other records with the same DNS name in zone example.com."), "{message}");
    let message = refused(&mut bench, &zone, &[change("CREATE", cname("example.com"))]);
    assert!(message.contains("is not permitted at apex in zone example.com."), "{message}");
    let simple = a("app.example.com", "192.0.2.1");
    apply(&mut bench, &zone, &[change("DELETE", simple.clone()), change("CREATE", weighted("ecs", 1, "192.0.2.1"))]);
    let message = refused(&mut bench, &zone, &[change("CREATE", simple)]);
    assert!(message.contains("cannot be created as other RRSets exist"), "{message}");
    let mut slow = weighted("eks", 1, "192.0.2.2");
    slow["TTL"] = json!(300);
    let message = refused(&mut bench, &zone, &[change("CREATE", slow)]);
    assert!(message.contains("weighted sets must contain the same TTL"), "{message}");
}

#[test]
fn the_form_of_a_set_is_checked_before_anything_else() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let mut wrong = Vec::new();
    for (member, value) in
        [("TTL", Value::Null), ("Weight", json!(1)), ("SetIdentifier", json!("x")), ("Weight", json!(256))]
    {
        let mut record = a("www.example.com", "192.0.2.1");
        record[member] = value;
        wrong.push(record);
    }
    let mut both = a("www.example.com", "192.0.2.1");
    both["AliasTarget"] = json!({"HostedZoneId": zone, "DNSName": "example.com", "EvaluateTargetHealth": false});
    wrong.push(both);
    wrong.push(json!({"Name": "www.example.com", "Type": "WKS", "TTL": 1, "ResourceRecords": [{"Value": "x"}]}));
    for record in wrong {
        let input = batch(&zone, &[change("CREATE", record.clone())]);
        assert_eq!(code(&mut bench, "ChangeResourceRecordSets", input), "InvalidInput", "{record}");
    }
    assert_eq!(code(&mut bench, "ChangeResourceRecordSets", batch(&zone, &[])), "InvalidInput");
    let unknown = batch("Z1", &[change("CREATE", a("www.example.com", "192.0.2.1"))]);
    assert_eq!(code(&mut bench, "ChangeResourceRecordSets", unknown), "NoSuchHostedZone");
    let mut checked = a("www.example.com", "192.0.2.1");
    checked["HealthCheckId"] = json!("none");
    let input = batch(&zone, &[change("CREATE", checked)]);
    assert_eq!(code(&mut bench, "ChangeResourceRecordSets", input), "NoSuchHealthCheck");
}

#[test]
fn a_batch_has_at_most_a_thousand_records_and_an_upsert_counts_twice() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let many = |action: &str, count: usize| -> Vec<Value> {
        (0..count).map(|n| change(action, a(&format!("n{n}.example.com"), "192.0.2.1"))).collect()
    };
    let message = refused(&mut bench, &zone, &many("UPSERT", 501));
    assert_eq!(message, "[Number of records limit of 1000 exceeded.]");
    apply(&mut bench, &zone, &many("CREATE", 1000));
    assert_eq!(names(&mut bench, &zone).len(), 300, "the largest page");
}

#[test]
fn records_are_listed_from_the_last_label_to_the_first_in_pages() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let made = ["z.example.com", "*.example.com", "a.www.example.com", "www.example.com"];
    let changes: Vec<Value> = made.iter().map(|name| change("CREATE", a(name, "192.0.2.1"))).collect();
    apply(&mut bench, &zone, &changes);
    let all = names(&mut bench, &zone);
    assert_eq!(all[2..], ["\\052.example.com. A", "www.example.com. A", "a.www.example.com. A", "z.example.com. A"]);
    let mut seen = Vec::new();
    let mut input = json!({"HostedZoneId": zone, "MaxItems": "2"});
    loop {
        let page = ok(&mut bench, "ListResourceRecordSets", input.clone());
        seen.extend(
            page["ResourceRecordSets"].as_array().unwrap().iter().map(|it| it["Name"].as_str().unwrap().to_owned()),
        );
        if page["IsTruncated"] == false {
            break;
        }
        input["StartRecordName"] = page["NextRecordName"].clone();
        input["StartRecordType"] = page["NextRecordType"].clone();
    }
    assert_eq!(seen.len(), 6);
    bench.pass(30);
    assert_eq!(resolve(&bench.world, "other.example.com", "A").len(), 1, "the wildcard answers");
    assert!(resolve(&bench.world, "b.www.example.com", "A").is_empty(), "but not below a name that is there");
}

#[test]
fn an_alias_answers_what_its_target_does_and_needs_it_in_its_own_zone() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let alias = |zone: &str, target: &str| {
        let target = json!({"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": false});
        json!({"Name": "www.example.com", "Type": "A", "AliasTarget": target})
    };
    let message = refused(&mut bench, &zone, &[change("CREATE", alias(&zone, "app.example.com"))]);
    assert_eq!(
        message,
        format!(
            "[Tried to create an alias that targets app.example.com., type A in zone {zone}, but that target was not found]"
        )
    );
    let both = [change("CREATE", weighted("ecs", 1, "192.0.2.1")), change("CREATE", alias(&zone, "app.example.com"))];
    apply(&mut bench, &zone, &both);
    bench.pass(30);
    assert_eq!(resolve(&bench.world, "www.example.com", "A")[0].values, ["192.0.2.1"]);
    apply(&mut bench, &zone, &[change("UPSERT", alias("Z32O12XQLNTSW2", "lb.eu-west-1.elb.amazonaws.com"))]);
    bench.pass(30);
    assert_eq!(resolve(&bench.world, "www.example.com", "A")[0].values, ["lb.eu-west-1.elb.amazonaws.com."]);
}

#[test]
fn an_alias_that_is_evaluated_is_as_healthy_as_the_best_of_what_it_leads_to() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let config = json!({"Type": "HTTP", "FullyQualifiedDomainName": "a.example.com"});
    let input = json!({"CallerReference": "h1", "HealthCheckConfig": config});
    let id = ok(&mut bench, "CreateHealthCheck", input)["HealthCheck"]["Id"].as_str().unwrap().to_owned();
    let checked = |set, address| {
        let mut record = weighted(set, 1, address);
        record["HealthCheckId"] = json!(id);
        record
    };
    let entry = |role: &str, alias: Value| json!({"Name": "www.example.com", "Type": "A", "SetIdentifier": role, "Failover": role, "AliasTarget": alias});
    let alias = |evaluated: bool| json!({"HostedZoneId": zone, "DNSName": "app.example.com", "EvaluateTargetHealth": evaluated});
    let away = json!({"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": "lb.eu-west-1.elb.amazonaws.com", "EvaluateTargetHealth": true});
    let made = [
        change("CREATE", checked("one", "192.0.2.1")),
        change("CREATE", weighted("two", 1, "192.0.2.2")),
        change("CREATE", entry("PRIMARY", alias(true))),
        change("CREATE", entry("SECONDARY", away)),
    ];
    apply(&mut bench, &zone, &made);
    bench.pass(30);
    let is_primary = |bench: &Bench| {
        let answers = resolve(&bench.world, "www.example.com", "A");
        let mut given = answers.iter().filter(|it| it.share > Some(0.0));
        given.all(|it| it.set_identifier.as_deref() == Some("PRIMARY"))
    };
    super::set_health_check(&mut bench.world, &id, false);
    assert!(is_primary(&bench), "one of two is healthy");
    apply(&mut bench, &zone, &[change("UPSERT", checked("two", "192.0.2.2"))]);
    bench.pass(30);
    assert!(!is_primary(&bench), "none is");
    apply(&mut bench, &zone, &[change("UPSERT", entry("PRIMARY", alias(false)))]);
    bench.pass(30);
    assert!(is_primary(&bench), "nobody looks");
}

#[test]
fn health_checks_decide_over_failover_and_weights_until_none_is_healthy() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let config = json!({"Type": "HTTP", "FullyQualifiedDomainName": "a.example.com"});
    let input = json!({"CallerReference": "h1", "HealthCheckConfig": config});
    let check = ok(&mut bench, "CreateHealthCheck", input.clone())["HealthCheck"].clone();
    assert_eq!(check["HealthCheckConfig"]["FailureThreshold"], 3);
    assert_eq!(
        ok(&mut bench, "CreateHealthCheck", input)["HealthCheck"]["Id"],
        check["Id"],
        "the same again is the same"
    );
    let id = check["Id"].as_str().unwrap().to_owned();
    let record = |set: &str, address: &str, failover: &str, check: Option<&str>| {
        let mut record = a("db.example.com", address);
        record["SetIdentifier"] = json!(set);
        record["Failover"] = json!(failover);
        if let Some(check) = check {
            record["HealthCheckId"] = json!(check);
        }
        record
    };
    let pair = [record("one", "192.0.2.1", "PRIMARY", Some(&id)), record("two", "192.0.2.2", "SECONDARY", None)];
    apply(&mut bench, &zone, &pair.map(|record| change("CREATE", record)));
    bench.pass(30);
    assert_eq!(shares(&bench, "db.example.com"), [("one".to_owned(), 1.0), ("two".to_owned(), 0.0)]);
    assert!(super::set_health_check(&mut bench.world, &id, false));
    assert_eq!(shares(&bench, "db.example.com"), [("one".to_owned(), 0.0), ("two".to_owned(), 1.0)]);
    let second = [change("CREATE", record("three", "192.0.2.3", "PRIMARY", None))];
    assert!(refused(&mut bench, &zone, &second).contains("a PRIMARY failover set exists"));
    let input = json!({"HealthCheckId": id, "HealthCheckVersion": 7, "Port": 8080});
    assert_eq!(code(&mut bench, "UpdateHealthCheck", input), "HealthCheckVersionMismatch");
    let updated =
        ok(&mut bench, "UpdateHealthCheck", json!({"HealthCheckId": id, "Port": "8080"}))["HealthCheck"].clone();
    assert_eq!((&updated["HealthCheckConfig"]["Port"], &updated["HealthCheckVersion"]), (&json!(8080), &json!(2)));
    ok(&mut bench, "DeleteHealthCheck", json!({ "HealthCheckId": id }));
    assert_eq!(code(&mut bench, "GetHealthCheck", json!({ "HealthCheckId": id })), "NoSuchHealthCheck");
}

#[test]
fn a_zone_with_records_of_its_own_is_not_deleted() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let record = a("www.example.com", "192.0.2.1");
    apply(&mut bench, &zone, &[change("CREATE", record.clone())]);
    assert_eq!(code(&mut bench, "DeleteHostedZone", json!({ "Id": zone })), "HostedZoneNotEmpty");
    apply(&mut bench, &zone, &[change("DELETE", record)]);
    let id = ok(&mut bench, "DeleteHostedZone", json!({ "Id": zone }))["ChangeInfo"]["Id"].clone();
    assert_eq!(code(&mut bench, "GetHostedZone", json!({ "Id": zone })), "NoSuchHostedZone");
    bench.pass(30);
    assert_eq!(ok(&mut bench, "GetChange", json!({ "Id": id }))["ChangeInfo"]["Status"], "INSYNC");
}

#[test]
fn while_route_53_works_at_a_batch_the_zone_takes_no_other() {
    let mut bench = Bench::new();
    bench.world.timings.dns_change = std::time::Duration::from_secs(1);
    let zone = zone(&mut bench);
    apply(&mut bench, &zone, &[change("CREATE", a("one.example.com", "192.0.2.1"))]);
    let second = batch(&zone, &[change("CREATE", a("two.example.com", "192.0.2.1"))]);
    assert_eq!(code(&mut bench, "ChangeResourceRecordSets", second.clone()), "PriorRequestNotComplete");
    bench.pass(1);
    ok(&mut bench, "ChangeResourceRecordSets", second);
}

#[test]
fn zones_are_listed_by_id_and_by_name_in_pages() {
    let mut bench = Bench::new();
    for name in ["b.org", "a.org", "x.com"] {
        zone_of(&mut bench, json!({"Name": name, "CallerReference": name}));
    }
    assert_eq!(ok(&mut bench, "GetHostedZoneCount", json!({}))["HostedZoneCount"], 3);
    let first = ok(&mut bench, "ListHostedZones", json!({"MaxItems": "2"}));
    assert_eq!((first["HostedZones"].as_array().unwrap().len(), &first["IsTruncated"]), (2, &json!(true)));
    let second = ok(&mut bench, "ListHostedZones", json!({"Marker": first["NextMarker"]}));
    assert_eq!(second["HostedZones"].as_array().unwrap().len(), 1);
    let by_name = ok(&mut bench, "ListHostedZonesByName", json!({"MaxItems": "2"}));
    let names: Vec<&Value> = by_name["HostedZones"].as_array().unwrap().iter().map(|zone| &zone["Name"]).collect();
    assert_eq!(names, [&json!("x.com."), &json!("a.org.")]);
    let from = json!({"DNSName": by_name["NextDNSName"], "HostedZoneId": by_name["NextHostedZoneId"]});
    assert_eq!(ok(&mut bench, "ListHostedZonesByName", from)["HostedZones"][0]["Name"], "b.org.");
}

#[test]
fn zones_and_health_checks_have_tags() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    let of = json!({"ResourceType": "hostedzone", "ResourceId": zone});
    let mut tag = of.clone();
    tag["AddTags"] = json!([{"Key": "team", "Value": "shop"}, {"Key": "x", "Value": "y"}]);
    ok(&mut bench, "ChangeTagsForResource", tag);
    let mut untag = of.clone();
    untag["RemoveTagKeys"] = json!(["x"]);
    ok(&mut bench, "ChangeTagsForResource", untag);
    let tags = ok(&mut bench, "ListTagsForResource", of.clone())["ResourceTagSet"].clone();
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "shop"}]));
    let many = ok(&mut bench, "ListTagsForResources", json!({"ResourceType": "hostedzone", "ResourceIds": [zone]}));
    assert_eq!(many["ResourceTagSets"][0], tags);
    assert_eq!(code(&mut bench, "ChangeTagsForResource", of), "InvalidInput");
    let none = json!({"ResourceType": "healthcheck", "ResourceId": "none"});
    assert_eq!(code(&mut bench, "ListTagsForResource", none), "NoSuchHealthCheck");
}

#[test]
fn accounts_do_not_see_each_other_s_zones() {
    let mut bench = Bench::new();
    let zone = zone(&mut bench);
    bench.account = "444455556666".to_owned();
    assert_eq!(code(&mut bench, "GetHostedZone", json!({ "Id": zone })), "NoSuchHostedZone");
    assert_eq!(ok(&mut bench, "ListHostedZones", json!({}))["HostedZones"], json!([]));
}

/// A private DNS namespace with one service and one instance in it; (namespace, service, zone).
fn cloud_map(bench: &mut Bench) -> (String, String, String) {
    bench.ok("servicediscovery", "CreatePrivateDnsNamespace", json!({"Name": "shop.internal", "Vpc": "vpc-1"}));
    bench.pass(3);
    let namespace = bench.ok("servicediscovery", "ListNamespaces", json!({}))["Namespaces"][0].clone();
    let id = namespace["Id"].as_str().unwrap().to_owned();
    let dns = json!({"DnsRecords": [{"Type": "A", "TTL": 10}, {"Type": "SRV", "TTL": 20}]});
    let input = json!({"Name": "web", "NamespaceId": id, "DnsConfig": dns});
    let service = bench.ok("servicediscovery", "CreateService", input)["Service"]["Id"].as_str().unwrap().to_owned();
    let attributes = json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"});
    let input = json!({"ServiceId": service, "InstanceId": "i1", "Attributes": attributes});
    bench.ok("servicediscovery", "RegisterInstance", input);
    bench.pass(3);
    let zone = namespace["Properties"]["DnsProperties"]["HostedZoneId"].as_str().unwrap().to_owned();
    (id, service, zone)
}

#[test]
fn a_cloud_map_namespace_has_a_zone_with_its_instances_that_only_cloud_map_changes() {
    let mut bench = Bench::new();
    let (namespace, service, zone) = cloud_map(&mut bench);
    let shown = ok(&mut bench, "GetHostedZone", json!({ "Id": zone }));
    assert_eq!(shown["HostedZone"]["LinkedService"]["ServicePrincipal"], "servicediscovery.amazonaws.com");
    assert_eq!(shown["VPCs"][0]["VPCId"], "vpc-1");
    let records = [
        "shop.internal. NS",
        "shop.internal. SOA",
        "web.shop.internal. A",
        "web.shop.internal. SRV",
        "i1.web.shop.internal. A",
    ];
    assert_eq!(names(&mut bench, &zone), records);
    assert_eq!(resolve(&bench.world, "web.shop.internal", "A")[0].values, ["10.0.0.1"]);
    assert_eq!(resolve(&bench.world, "web.shop.internal", "SRV")[0].values, ["1 1 80 i1.web.shop.internal."]);
    let record = batch(&zone, &[change("CREATE", a("x.shop.internal", "192.0.2.1"))]);
    let refusal = bench.call("route53", "ChangeResourceRecordSets", record).unwrap_err();
    let arn = format!("arn:aws:servicediscovery:eu-west-1:123456789012:namespace/{namespace}");
    assert_eq!(
        refusal.message,
        format!("The resource hostedzone/{zone} can only be managed through AWS Cloud Map ({arn})")
    );
    assert_eq!((refusal.code.as_ref(), refusal.http_status), ("AccessDenied", 403));
    assert_eq!(code(&mut bench, "DeleteHostedZone", json!({ "Id": zone })), "AccessDenied");
    bench.ok("servicediscovery", "DeregisterInstance", json!({"ServiceId": service, "InstanceId": "i1"}));
    bench.pass(3);
    assert!(resolve(&bench.world, "web.shop.internal", "A").is_empty());
    bench.ok("servicediscovery", "DeleteService", json!({ "Id": service }));
    bench.ok("servicediscovery", "DeleteNamespace", json!({ "Id": namespace }));
    bench.pass(3);
    assert_eq!(code(&mut bench, "GetHostedZone", json!({ "Id": zone })), "NoSuchHostedZone");
}

#[test]
fn a_namespace_fails_whose_vpc_sees_a_zone_of_that_name() {
    let mut bench = Bench::new();
    let vpc = json!({"VPCRegion": "eu-west-1", "VPCId": "vpc-1"});
    zone_of(&mut bench, json!({"Name": "shop.internal", "CallerReference": "r1", "VPC": vpc}));
    let input = json!({"Name": "shop.internal", "Vpc": "vpc-1"});
    let operation = bench.ok("servicediscovery", "CreatePrivateDnsNamespace", input)["OperationId"].clone();
    bench.pass(3);
    let operation =
        bench.ok("servicediscovery", "GetOperation", json!({ "OperationId": operation }))["Operation"].clone();
    assert_eq!((&operation["Status"], &operation["ErrorCode"]), (&json!("FAIL"), &json!("CANNOT_CREATE_HOSTED_ZONE")));
    assert_eq!(bench.ok("servicediscovery", "ListNamespaces", json!({}))["Namespaces"], json!([]));
}
