//! Service Quotas: what AWS publishes as default quotas of the services around ECS. Nobody raised any, so the quotas that
//! apply are the defaults; increases are not modelled.
//!
//! Values of ECS and Fargate: "Amazon ECS endpoints and quotas" in the AWS General Reference. Codes, and what is said of Elastic Load
//! Balancing and Cloud Map, are from lists that others published of their accounts; which of them can be raised is not checked
//! against AWS. What DescribeAccountLimits of Elastic Load Balancing says is another table, in AWS's other words.

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Code, name, value, and whether it can be raised.
type Quota = (&'static str, &'static str, f64, bool);

struct Service {
    code: &'static str,
    name: &'static str,
    quotas: &'static [Quota],
}

const SERVICES: [Service; 4] = [
    Service {
        code: "AWSCloudMap",
        name: "AWS Cloud Map",
        quotas: &[
            ("L-76CF203B", "DiscoverInstances operation per account burst rate", 2000.0, true),
            ("L-514A639A", "DiscoverInstances operation per account steady rate", 1000.0, true),
            ("L-0BA10AAE", "DiscoverInstancesRevision operation per account rate", 3000.0, true),
            ("L-D95E8A57", "Instances per namespace", 2000.0, true),
            ("L-0FE3F50E", "Namespaces per Region", 50.0, true),
        ],
    },
    Service {
        code: "ecs",
        name: "Amazon Elastic Container Service (Amazon ECS)",
        quotas: &[
            ("L-A24B7D58", "Capacity providers per cluster", 20.0, false),
            ("L-E4A1E1D7", "Classic Load Balancers per service", 1.0, false),
            ("L-21C621EB", "Clusters per account", 10_000.0, true),
            ("L-86C34207", "Container instances per cluster", 5000.0, false),
            ("L-B9151B48", "Revisions per task definition family", 1_000_000.0, false),
            ("L-9EF96962", "Services per cluster", 5000.0, false),
            ("L-2D029656", "Services per namespace", 300.0, false),
            ("L-A04A77EF", "Target groups per service", 5.0, false),
            ("L-B7718569", "Tasks in PROVISIONING state per cluster", 500.0, false),
            ("L-92E49DE3", "Tasks per service", 5000.0, false),
        ],
    },
    Service {
        code: "elasticloadbalancing",
        name: "Elastic Load Balancing (ELB)",
        quotas: &[
            ("L-53DA6B97", "Application Load Balancers per Region", 50.0, true),
            ("L-9365A611", "Certificates per Application Load Balancer", 25.0, true),
            ("L-B6DF7632", "Listeners per Application Load Balancer", 50.0, true),
            ("L-69A177A2", "Network Load Balancers per Region", 50.0, true),
            ("L-7EED9B64", "Rules per Application Load Balancer", 100.0, true),
            ("L-B22855CB", "Target Groups per Region", 3000.0, true),
            ("L-7E6692B2", "Targets per Application Load Balancer", 1000.0, true),
            ("L-EEF1AD04", "Targets per Network Load Balancer", 3000.0, true),
            ("L-A0D0B863", "Targets per Target Group per Region", 1000.0, true),
        ],
    },
    Service {
        code: "fargate",
        name: "AWS Fargate",
        quotas: &[
            ("L-3032A538", "Fargate On-Demand vCPU resource count", 6.0, true),
            ("L-36FBB829", "Fargate Spot vCPU resource count", 6.0, true),
        ],
    },
];

impl Service {
    fn show(&self, cx: &Cx, (code, name, value, adjustable): &Quota, is_default: bool) -> Value {
        // A default is the same in every account.
        let account = if is_default { "" } else { cx.account.as_str() };
        json!({
            "ServiceCode": self.code, "ServiceName": self.name, "QuotaCode": code, "QuotaName": name, "Value": value,
            "QuotaArn": format!("arn:aws:servicequotas:{}:{account}:{}/{code}", cx.region, self.code),
            "Unit": "None", "Adjustable": adjustable, "GlobalQuota": false, "QuotaAppliedAtLevel": "ACCOUNT",
        })
    }
}

/// Cloud Map has another code here than in its API, which is understood too.
fn service(input: Input<'_>) -> Result<&'static Service, Refusal> {
    let code = input.required("ServiceCode")?;
    let code = if code == "servicediscovery" { "AWSCloudMap" } else { code };
    let found = SERVICES.iter().find(|service| service.code == code);
    found.ok_or_else(|| no_such("The request failed because the specified service does not exist."))
}

fn no_such(message: &str) -> Refusal {
    Refusal::new("NoSuchResourceException", message)
}

/// Answers one operation.
pub(crate) fn call(_world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "IllegalArgumentException");
    match op {
        "ListServices" => {
            let services = SERVICES.iter().map(|it| json!({ "ServiceCode": it.code, "ServiceName": it.name }));
            page(input, "Services", services.collect())
        }
        "ListServiceQuotas" => list(cx, input, false),
        "ListAWSDefaultServiceQuotas" => list(cx, input, true),
        "GetServiceQuota" => one(cx, input, false),
        "GetAWSDefaultServiceQuota" => one(cx, input, true),
        _ => Err(Refusal::unknown_operation()),
    }
}

fn list(cx: &Cx, input: Input<'_>, is_default: bool) -> Result<Value, Refusal> {
    let (service, code) = (service(input)?, input.text("QuotaCode")?);
    let wanted = service.quotas.iter().filter(|quota| code.is_none_or(|code| quota.0 == code));
    page(input, "Quotas", wanted.map(|quota| service.show(cx, quota, is_default)).collect())
}

fn one(cx: &Cx, input: Input<'_>, is_default: bool) -> Result<Value, Refusal> {
    let (service, code) = (service(input)?, input.required("QuotaCode")?);
    let quota = service.quotas.iter().find(|quota| quota.0 == code);
    let quota = quota.ok_or_else(|| no_such("The request failed because the specified quota does not exist."))?;
    Ok(json!({ "Quota": service.show(cx, quota, is_default) }))
}

fn page(input: Input<'_>, field: &str, items: Vec<Value>) -> Result<Value, Refusal> {
    let most = input.number_within("MaxResults", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| Refusal::new("InvalidPaginationTokenException", "Invalid pagination token."))?;
    let (page, next) = page::by_number(items, after, most);
    let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
    answer.extend(next.map(|next| ("NextToken".to_owned(), json!(next))));
    Ok(answer.into())
}
