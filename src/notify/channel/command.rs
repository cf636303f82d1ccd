//! A program with arguments: never a shell, so nothing in a message can be a command. It finds the message as JSON on its
//! standard input, and the beginning of what it prints is its answer.

use std::process::Stdio;

use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use super::Outcome;
use crate::{
    model::{Attempt, Template},
    notify::message::Message,
};

pub(super) async fn run(arguments: &[Template], message: &Message<'_>) -> Outcome {
    let arguments: Vec<String> = arguments.iter().map(|a| message.render(a)).collect();
    let Some((program, arguments)) = arguments.split_first() else {
        return Outcome::Never("there is no program to run".to_owned());
    };
    let child = Command::new(program)
        .args(arguments)
        .env("TICKWIRE_DELIVERY", message.delivery.id.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // When its time is up.
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Outcome::Again(format!("cannot run {program}: {error}"), None),
    };
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let tell = async {
        if let Some(mut input) = input {
            // It need not read it.
            let _ = input.write_all(message.json().to_string().as_bytes()).await;
        }
    };
    let ((), mut said, errors) = tokio::join!(tell, beginning(output), beginning(errors));
    said.extend(errors);
    match child.wait().await {
        Ok(status) => {
            let said = format!("{status}: {}", String::from_utf8_lossy(&said));
            match status.success() {
                true => Outcome::Taken(said),
                false => Outcome::Again(said, None),
            }
        }
        Err(error) => Outcome::Again(format!("{program}: {error}"), None),
    }
}

/// The first of what it prints; the rest is read, so that it is not held up, and let go.
async fn beginning(output: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut output) = output {
        let most = 4 * Attempt::MAX_ANSWER as u64;
        let _ = (&mut output).take(most).read_to_end(&mut bytes).await;
        let _ = io::copy(&mut output, &mut io::sink()).await;
    }
    bytes
}
