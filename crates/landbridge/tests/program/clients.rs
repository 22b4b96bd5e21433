//! Clients that others wrote, from PyPI, drive deployments on `landbridge emulator`: boto3, the AWS CLI and ecs-deploy.
//! These tests are ignored unless they are asked for (`-- --ignored`). pip then puts the clients into a folder of their own in the
//! cache, or `LANDBRIDGE_CLIENTS` names a virtual environment that has them.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::bench::Ran;
use crate::emulator::Served;
use crate::pip::installed;

/// The versions whose behaviour `docs/how-to/emulator.md` describes.
const PACKAGES: [&str; 3] = ["boto3==1.44.5", "awscli==1.46.2", "ecs-deploy==1.17.0"];
/// A minute of AWS is a second.
const SPEED: [&str; 2] = ["--speed", "60"];

/// An emulated AWS and programs that talk to it.
struct Clients {
    aws: Served,
    programs: PathBuf,
}

impl Clients {
    fn start(more: &[&str]) -> Self {
        let named = env::var_os("LANDBRIDGE_CLIENTS").filter(|folder| !folder.is_empty());
        let programs = match named {
            Some(folder) => PathBuf::from(folder).join("bin"),
            None => installed("aws-clients", &PACKAGES.map(str::to_owned)),
        };
        Self { aws: Served::start(&[&SPEED, more].concat(), "{}"), programs }
    }

    fn run(&self, program: &str, args: &[&str]) -> Ran {
        let mut command = Command::new(self.programs.join(program));
        command.args(args).env_clear().env("HOME", self.aws.folder()).env("PATH", &self.programs);
        command.env("AWS_ENDPOINT_URL", &self.aws.url).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "sandbox").env("AWS_SECRET_ACCESS_KEY", "sandbox");
        Ran::of(&command.output().unwrap())
    }

    fn aws(&self, command: &str) -> Ran {
        self.run("aws", &command.split(' ').collect::<Vec<_>>())
    }
}

#[test]
#[ignore = "installs boto3, the AWS CLI and ecs-deploy with pip"]
fn boto3_sees_rolling_blue_green_canary_and_linear_deployments_to_their_ends() {
    let clients = Clients::start(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/clients/deployments.py");
    let ran = clients.run("python", &["-B", script]).ended(0);
    let ran = ran.shows("an image that cannot be pulled is rolled back").shows("everything is gone");
    eprintln!("{}", ran.out);
    clients.aws.stop();
}

#[test]
#[ignore = "installs boto3, the AWS CLI and ecs-deploy with pip"]
fn every_line_of_the_matrix_holds_as_boto3_sees_it() {
    let clients = Clients::start(&["--strict-network"]);
    let matrix = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/clients/matrix");
    let ran = clients.run("python", &["-B", matrix]).ended(0).shows("109 of 109 pass");
    eprintln!("{}", ran.out);
    clients.aws.stop();
}

#[test]
#[ignore = "installs boto3, the AWS CLI and ecs-deploy with pip"]
fn the_aws_cli_and_its_waiters_follow_a_service_from_its_creation_to_its_end() {
    let clients = Clients::start(&[]);
    clients.aws("ecs create-cluster --cluster-name prod").ended(0);
    let register = |image: &str| {
        clients.aws(&format!(
            "ecs register-task-definition --family web --network-mode awsvpc --requires-compatibilities FARGATE --cpu 256 \
             --memory 512 --query taskDefinition.taskDefinitionArn --container-definitions \
             [{{\"name\":\"web\",\"image\":\"{image}\",\"portMappings\":[{{\"containerPort\":80}}]}}]"
        ))
    };
    register("nginx:1").ended(0).shows("task-definition/web:1");
    clients
        .aws(
            "ecs create-service --cluster prod --service-name web --task-definition web --desired-count 2 --launch-type \
             FARGATE --network-configuration awsvpcConfiguration={subnets=[subnet-1],securityGroups=[sg-1]}",
        )
        .ended(0);
    clients.aws("ecs wait services-stable --cluster prod --services web").ended(0);
    register("nginx:2").ended(0);
    clients.aws("ecs update-service --cluster prod --service web --task-definition web:2").ended(0);
    clients.aws("ecs wait services-stable --cluster prod --services web").ended(0);
    let states = "ecs describe-services --cluster prod --services web --output text --query \
                  services[0].deployments[].[taskDefinition,rolloutState,runningCount]";
    clients.aws(states).ended(0).shows("task-definition/web:2\tCOMPLETED\t2");
    clients.aws("ecs delete-service --cluster prod --service web").ended(255).told("InvalidParameterException");
    clients.aws("ecs delete-service --cluster prod --service web --force").ended(0);
    clients.aws("ecs wait services-inactive --cluster prod --services web").ended(0);
    clients.aws("ecs delete-cluster --cluster prod --query cluster.status").ended(0).shows("INACTIVE");
    clients.aws.stop();
}

#[test]
#[ignore = "installs boto3, the AWS CLI and ecs-deploy with pip"]
fn ecs_deploy_deploys_an_image_scales_runs_a_task_and_says_when_an_image_does_not_start() {
    let clients = Clients::start(&[]);
    clients.aws("ecs create-cluster --cluster-name prod").ended(0);
    clients
        .aws(
            "ecs register-task-definition --family web --network-mode awsvpc --requires-compatibilities FARGATE --cpu 256 \
             --memory 512 --container-definitions [{\"name\":\"web\",\"image\":\"nginx:1\"}]",
        )
        .ended(0);
    clients
        .aws(
            "ecs create-service --cluster prod --service-name web --task-definition web --desired-count 2 --launch-type \
             FARGATE --network-configuration awsvpcConfiguration={subnets=[subnet-1]} --deployment-configuration \
             deploymentCircuitBreaker={enable=true,rollback=false}",
        )
        .ended(0);
    clients.aws("ecs wait services-stable --cluster prod --services web").ended(0);
    let ecs = |command: &str| clients.run("ecs", &command.split(' ').collect::<Vec<_>>());
    ecs("deploy prod web --image web nginx:2 --timeout 60").ended(0).shows("Deployment successful");
    ecs("scale prod web 3 --timeout 60").ended(0).shows("Scaling successful");
    ecs("deploy prod web --image web nginx:pull-error --timeout 60").ended(1).told("Deployment Failed!");
    let images = "ecs describe-services --cluster prod --services web --query services[0].deployments[].rolloutState";
    clients.aws(images).ended(0).shows("FAILED");
    clients.aws.stop();
}
