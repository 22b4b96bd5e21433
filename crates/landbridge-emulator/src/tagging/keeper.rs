//! Who keeps the tags of a resource, and what the operations that change them are called there.

use serde_json::{Map, Value, json};

use super::Change;
use crate::refusal::Refusal;
use crate::world::{Cx, World};
use crate::{
    cloud_map, cloudwatch, ec2, ecr, ecs, eks, elbv2, events, logs, route53, scaling, scheduler, secrets, sqs, ssm,
};

type Call = fn(&mut World, &Cx, &str, &Value) -> Result<Value, Refusal>;

/// How tags are written.
#[derive(Clone, Copy)]
enum Form {
    /// `{key: value}`.
    Map,
    /// `[{"key": key, "value": value}]`, with these names.
    List(&'static str, &'static str),
}

const LIST: Form = Form::List("Key", "Value");

/// The operations of a service that tag and untag.
struct Keeper {
    call: Call,
    operations: [&'static str; 2],
    /// The member that names the resource, and its value.
    resource: (&'static str, Value),
    /// Members with the tags to add, and with the keys of those to remove.
    members: [&'static str; 2],
    form: Form,
}

impl Keeper {
    /// A service whose operations are TagResource and UntagResource.
    fn new(call: Call, resource: (&'static str, Value), members: [&'static str; 2], form: Form) -> Self {
        Self { call, operations: ["TagResource", "UntagResource"], resource, members, form }
    }

    fn named(mut self, tag: &'static str, untag: &'static str) -> Self {
        self.operations = [tag, untag];
        self
    }

    fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, region) = (parts.next()?, parts.next()?);
        let (account, id) = (parts.next()?, parts.next()?);
        let whole = || json!(arn);
        Some(match service {
            "ecs" => Self::new(ecs::call, ("resourceArn", whole()), ["tags", "tagKeys"], Form::List("key", "value")),
            "ecr" => Self::new(ecr::call, ("resourceArn", whole()), ["tags", "tagKeys"], LIST),
            "logs" => Self::new(logs::call, ("resourceArn", whole()), ["tags", "tagKeys"], Form::Map),
            "eks" => Self::new(eks::call, ("resourceArn", whole()), ["tags", "tagKeys"], Form::Map),
            "elasticloadbalancing" => Self::new(elbv2::call, ("ResourceArns", json!([arn])), ["Tags", "TagKeys"], LIST)
                .named("AddTags", "RemoveTags"),
            "servicediscovery" => Self::new(cloud_map::call, ("ResourceARN", whole()), ["Tags", "TagKeys"], LIST),
            "cloudwatch" => Self::new(cloudwatch::call, ("ResourceARN", whole()), ["Tags", "TagKeys"], LIST),
            "events" => Self::new(events::call, ("ResourceARN", whole()), ["Tags", "TagKeys"], LIST),
            "scheduler" => Self::new(scheduler::call, ("ResourceArn", whole()), ["Tags", "TagKeys"], LIST),
            "application-autoscaling" => {
                Self::new(scaling::call, ("ResourceARN", whole()), ["Tags", "TagKeys"], Form::Map)
            }
            "secretsmanager" => Self::new(secrets::call, ("SecretId", whole()), ["Tags", "TagKeys"], LIST),
            "ssm" => Self::new(ssm::call, ("ResourceId", whole()), ["Tags", "TagKeys"], LIST)
                .named("AddTagsToResource", "RemoveTagsFromResource"),
            "sqs" => {
                let url = format!("https://sqs.{region}.amazonaws.com/{account}/{id}");
                Self::new(sqs::call, ("QueueUrl", json!(url)), ["Tags", "TagKeys"], Form::Map)
                    .named("TagQueue", "UntagQueue")
            }
            "ec2" => Self::new(ec2::call, ("ResourceId", json!([last(id)])), ["Tag", "Tag"], LIST)
                .named("CreateTags", "DeleteTags"),
            "route53" => Self::new(route53::call, ("ResourceId", json!(last(id))), ["AddTags", "RemoveTagKeys"], LIST)
                .named("ChangeTagsForResource", "ChangeTagsForResource"),
            _ => return None,
        })
    }

    fn input(self, arn: &str, change: &Change) -> (Call, &'static str, Value) {
        let list = |key: &str, value: &str, tags: &[(String, String)]| -> Value {
            let one = |(k, v): &(String, String)| {
                Value::Object(Map::from_iter([(key.to_owned(), json!(k)), (value.to_owned(), json!(v))]))
            };
            tags.iter().map(one).collect()
        };
        let (operation, member, value) = match (change, self.form) {
            (Change::Tag(tags), Form::Map) => {
                let map: Map<String, Value> = tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
                (self.operations[0], self.members[0], map.into())
            }
            (Change::Tag(tags), Form::List(key, of)) => (self.operations[0], self.members[0], list(key, of, tags)),
            // EC2 takes keys as tags without values.
            (Change::Untag(keys), _) if self.members[1] == self.members[0] => {
                let tags = keys.iter().map(|key| json!({ "Key": key })).collect();
                (self.operations[1], self.members[1], tags)
            }
            (Change::Untag(keys), _) => (self.operations[1], self.members[1], json!(keys)),
        };
        let (name, resource) = self.resource;
        let mut input = Map::from_iter([(name.to_owned(), resource), (member.to_owned(), value)]);
        let kind = match arn.split(':').nth(2) {
            Some("ssm") => Some("Parameter"),
            Some("route53") => arn.rsplit(':').next().and_then(|id| id.split('/').next()),
            _ => None,
        };
        if let Some(kind) = kind {
            input.insert("ResourceType".to_owned(), json!(kind));
        }
        (self.call, operation, Value::Object(input))
    }
}

/// What follows the type in `vpc/vpc-1`.
fn last(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, last)| last)
}

/// Lets the service that keeps them change the tags of one resource: "You can only tag resources that are located in the
/// specified AWS Region" (TagResources), which is us-east-1 for those of global services.
pub(super) fn change(world: &mut World, cx: &Cx, arn: &str, change: &Change) -> Result<Value, Refusal> {
    let Some(keeper) = Keeper::of(arn) else {
        let message = format!("{arn} is of no service whose tags this emulator knows");
        return Err(Refusal::new("InvalidParameterException", message));
    };
    let region = arn.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or("us-east-1");
    if region != cx.region {
        let message = format!("{arn} is in {region}, and this request is for {}", cx.region);
        return Err(Refusal::new("InvalidParameterException", message));
    }
    let (call, operation, input) = keeper.input(arn, change);
    call(world, cx, operation, &input)
}
