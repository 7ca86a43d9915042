//! `test-authority [--port N]`: serves the control API until its standard input closes, so that it goes
//! away with the program that started it.

use std::process::ExitCode;

use test_authority::{Authority, serve_control};
use tokio::io::{AsyncReadExt, AsyncWriteExt, stdin, stdout};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(0),
        ["--port", port] => port.parse().ok(),
        _ => None,
    };
    let Some(port) = port else {
        eprintln!("usage: test-authority [--port N]");
        return ExitCode::from(2);
    };
    let authority = match Authority::bind(port).await {
        Ok(authority) => authority,
        Err(error) => {
            eprintln!("port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let announcement = serde_json::json!({"control_url": authority.control_url()});
    let mut output = stdout();
    if output.write_all(format!("{announcement}\n").as_bytes()).await.is_err()
        || output.flush().await.is_err()
    {
        return ExitCode::FAILURE;
    }
    let mut input = stdin();
    let parent_is_gone = async { while input.read(&mut [0; 256]).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        () = serve_control(authority) => {}
        () = parent_is_gone => {}
    }
    ExitCode::SUCCESS
}
