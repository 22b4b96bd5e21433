//! A cluster with services, and how quickly they are made and read.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Client;
use crate::program::Program;

/// How quickly reads are answered.
pub struct Rate {
    each_second: f64,
    p50: Duration,
    p99: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "{:.0} ({:.2} ms, {:.2} ms)", self.each_second, ms(self.p50), ms(self.p99))
    }
}

/// A cluster on an emulator.
pub struct Shop {
    client: Client,
    network: Value,
    made: usize,
    answer: usize,
}

impl Shop {
    /// Makes the cluster and the task definition.
    pub async fn open(program: &Program) -> anyhow::Result<Self> {
        let mut client = program.client().await?;
        let network = network(&mut client).await;
        client.ecs("CreateCluster", &json!({"clusterName": "prod"})).await?;
        let container =
            json!({"name": "web", "image": "nginx:1", "essential": true, "portMappings": [{"containerPort": 80}]});
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [container],
        });
        client.ecs("RegisterTaskDefinition", &definition).await?;
        Ok(Self { client, network, made: 0, answer: 0 })
    }

    /// Makes so many services more. Says how many a second.
    pub async fn create(&mut self, more: usize) -> anyhow::Result<f64> {
        let began = Instant::now();
        for number in self.made..self.made + more {
            let service = json!({
                "cluster": "prod", "serviceName": format!("s{number:05}"), "taskDefinition": "web", "desiredCount": 1,
                "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": self.network},
                "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
                "tags": [{"key": "team", "value": "shop"}],
            });
            self.client.ecs("CreateService", &service).await?;
        }
        self.made += more;
        Ok(u32::try_from(more).map(f64::from)? / began.elapsed().as_secs_f64())
    }

    /// Reads ten services, again and again for so long.
    pub async fn describe(&mut self, time: Duration) -> anyhow::Result<Rate> {
        let (began, mut took, step) = (Instant::now(), Vec::new(), self.made / 10);
        while began.elapsed() < time {
            let names: Vec<String> = (0..10).map(|nth| format!("s{:05}", nth * step + took.len() % step)).collect();
            let asked = Instant::now();
            let answer = self.client.ecs("DescribeServices", &json!({"cluster": "prod", "services": names})).await?;
            took.push(asked.elapsed());
            self.answer = answer.len();
        }
        let each_second = u32::try_from(took.len()).map(f64::from)? / began.elapsed().as_secs_f64();
        took.sort_unstable();
        Ok(Rate { each_second, p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] })
    }

    /// Size of the last answer.
    pub fn answer_bytes(&self) -> usize {
        self.answer
    }
}

/// A subnet and a security group: those that are there, since some emulators know which there are.
async fn network(client: &mut Client) -> Value {
    let subnet = first(client.ec2("DescribeSubnets").await, "subnetId").unwrap_or_else(|| "subnet-1".to_owned());
    let group = first(client.ec2("DescribeSecurityGroups").await, "groupId").unwrap_or_else(|| "sg-1".to_owned());
    json!({"subnets": [subnet], "securityGroups": [group], "assignPublicIp": "ENABLED"})
}

fn first(answer: anyhow::Result<Bytes>, element: &str) -> Option<String> {
    let text = String::from_utf8(answer.ok()?.to_vec()).ok()?;
    Some(text.split(&format!("<{element}>")).nth(1)?.split('<').next()?.to_owned())
}
