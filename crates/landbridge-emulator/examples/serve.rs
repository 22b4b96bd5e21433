//! An emulated AWS on a loopback port, for a look with the AWS CLI:
//! `cargo run -p landbridge-emulator --example serve -- [SPEED]`, then `AWS_ENDPOINT_URL=<url> aws ecs ...`.

use std::net::SocketAddr;

use landbridge_emulator::Emulator;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let speed = std::env::args().nth(1).and_then(|speed| speed.parse().ok()).unwrap_or(10.0);
    let emulator = Emulator::builder().speed(speed).build();
    let server = emulator.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", server.url());
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
