//! `landbridge emulator`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use landbridge_emulator::{Emulator, Trouble};
use landbridge_sandbox::instructions::CREDENTIALS;
use landbridge_sandbox::signals::Signals;

use crate::cli::EmulatorArgs;
use crate::exit::Exit;

/// Serves an emulated AWS until Ctrl-C or SIGTERM, then counts the calls it was asked for. Standard output has what a
/// shell needs to use it.
pub async fn serve(args: &EmulatorArgs) -> Result<Exit> {
    let trouble = args.faults.as_deref().map(trouble).transpose()?.unwrap_or_default();
    let emulator = Emulator::builder()
        .account(&args.account)
        .region(&args.region)
        .speed(args.speed)
        .quotas(args.quotas)
        .strict_network(args.strict_network)
        .seed(args.seed)
        .build();
    emulator.trouble(trouble);
    // Before anything is printed, so that Ctrl-C is orderly from then on.
    let mut signals = Signals::listen()?;
    let advice = if args.listen.ip().is_loopback() {
        "--listen takes another port, and port 0 any free one".to_owned()
    } else {
        format!("write 127.0.0.1:{}", args.listen.port())
    };
    let listening = emulator.serve(args.listen).await;
    let server = listening.with_context(|| format!("cannot listen on {}; {advice}", args.listen))?;
    show(&server.url(), &args.region)?;
    signals.next().await;
    server.shutdown().await;
    for (action, count) in emulator.calls().by_action() {
        eprintln!("{count:>8}  {action}");
    }
    let unmet = emulator.unmet_faults();
    if !unmet.is_empty() {
        eprintln!("no call was such as these rules of the file of faults mean: {}", unmet.join(", "));
    }
    Ok(Exit::Ok)
}

fn show(url: &str, region: &str) -> Result<()> {
    let (key, secret) = CREDENTIALS;
    let text = format!(
        "export AWS_ENDPOINT_URL={url}\nexport AWS_REGION={region} AWS_DEFAULT_REGION={region}\n\
         export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}\n"
    );
    std::io::stdout().write_all(text.as_bytes()).context("writing to standard output")?;
    eprintln!("AWS is emulated at {url} until Ctrl-C; the lines above, in another shell, point the AWS CLI there");
    Ok(())
}

fn trouble(path: &Path) -> Result<Trouble> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_saphyr::from_str(&text).map_err(|error: serde_saphyr::Error| {
        // Its later lines show the place again, and its chain of causes says the same again.
        let said = error.to_string();
        let why = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        anyhow::anyhow!("{} is no file of faults: {why}; see `landbridge emulator --help`", path.display())
    })
}
