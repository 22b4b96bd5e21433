//! The ordinary path against an AWS that others wrote: moto (PyPI `moto[server]`). The test is ignored unless it is asked for
//! (`-- --ignored`). pip then puts moto into a folder of its own in the cache, or `LANDBRIDGE_MOTO` names a `moto_server`.

use std::env;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::bench::{Ran, program, sample};
use crate::pip::installed;

/// The version whose behaviour `docs/explanation/other-emulators.md` describes.
const VERSION: &str = "5.2.1";

struct Moto {
    process: Child,
    address: SocketAddr,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    fn start() -> Self {
        let server = server();
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(server);
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        command.env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true").stdout(Stdio::null()).stderr(Stdio::null());
        let mut moto = Self { process: command.spawn().unwrap(), address };
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(address).is_err() {
            assert!(moto.process.try_wait().unwrap().is_none(), "moto_server ended before it listened");
            assert!(Instant::now() < deadline, "moto_server does not listen");
            std::thread::yield_now();
        }
        moto
    }

    /// Values of an element in the answer of an EC2 action, which the program itself never calls.
    fn ec2(&self, action: &str, element: &str) -> Vec<String> {
        let answer = self.post(&format!("Action={action}&Version=2016-11-15")).unwrap();
        let open = format!("<{element}>");
        answer.split(&open).skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
    }

    fn post(&self, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/ec2/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// The moto_server that is named, or one that pip installs.
fn server() -> PathBuf {
    let named = env::var_os("LANDBRIDGE_MOTO").filter(|path| !path.is_empty()).map(PathBuf::from);
    let packages = [format!("moto[server]=={VERSION}")];
    named.unwrap_or_else(|| installed(&format!("moto-{VERSION}"), &packages).join("moto_server"))
}

/// The sample files with subnets and a security group that moto has.
fn files(moto: &Moto) -> TempDir {
    let (subnets, groups) = (moto.ec2("DescribeSubnets", "subnetId"), moto.ec2("DescribeSecurityGroups", "groupId"));
    assert!(subnets.len() >= 2 && !groups.is_empty(), "moto has no default VPC: {subnets:?} {groups:?}");
    let folder = TempDir::new().unwrap();
    for file in ["platform.yaml", "orders.yaml", "web.yaml"] {
        let text = fs::read_to_string(sample().join(file)).unwrap();
        let text =
            text.replace("subnet-0a1b2c3d4e5f60001", &subnets[0]).replace("subnet-0a1b2c3d4e5f60002", &subnets[1]);
        fs::write(folder.path().join(file), text.replace("sg-0a1b2c3d4e5f60001", &groups[0])).unwrap();
    }
    folder
}

#[test]
#[ignore = "installs moto with pip"]
fn the_ordinary_path_holds_against_moto_as_well() {
    let moto = Moto::start();
    let folder = files(&moto);
    let endpoint = format!("http://{}", moto.address);
    let run = |args: &[&str]| Ran::of(&program(&endpoint, folder.path(), args).output().unwrap());
    run(&["plan", "--detailed-exitcode", "-f", "."]).ended(2).shows("Plan: 10 to create");
    run(&["apply", "--timeout", "60s", "-f", "."]).ended(0).told("✓ ECSService/shop/web: applied");
    run(&["plan", "--detailed-exitcode", "-f", "."]).ended(0).shows("No changes. AWS is as the files say.");
    run(&["apply", "--timeout", "60s", "-f", "."]).ended(0).told("Nothing was written to AWS.");
    let web = folder.path().join("web.yaml");
    fs::write(&web, fs::read_to_string(&web).unwrap().replace("nginx:1.29", "nginx:1.30")).unwrap();
    run(&["apply", "--timeout", "60s", "-f", "."]).ended(0).told("2 writes to AWS.");
    // moto starts no tasks, so a rollout is never over, and that is said.
    run(&["apply", "--wait", "--timeout", "1s", "-f", "."])
        .ended(1)
        .told("the time is over (--timeout); last: RollingOut");
    run(&["delete", "--timeout", "60s", "-f", "."]).ended(0).told("✓ ECSCluster/prod: gone");
    run(&["delete", "--timeout", "60s", "-f", "."]).ended(0).told("Nothing was written to AWS.");
}
