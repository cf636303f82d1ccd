//! The command line: flags in, log set up, exit code out.

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use tickwire::{
    app::App,
    backtest::{Asked, Report, Trial, unit},
    config::{Config, Faults, LogFormat, Overrides, Source, lint, notify::Channel},
    history::{
        export::{self as history, ExportError},
        query::{self, Format},
    },
    model::{Clock, Rule, quantity},
    notify::{self, channel::Outcome},
    store::care::{self, Verified},
};
use tokio::signal::unix::{SignalKind, signal};

/// A fault in the configuration or the command line.
const EXIT_FAULT: u8 = 2;

/// Samples this machine every second and streams it: pages, SSE, WebSocket, alerts.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server; what happens without a command.
    Serve(Serve),
    /// Check the configuration and print every fault in it.
    Check(Check),
    /// Copy all that is remembered to a new file, also while a server works on it.
    Backup {
        /// The new file; as tickwire.db in an empty folder a server goes on from there.
        #[arg(value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        of: Folder,
    },
    /// Write the past of some series as GET /api/history answers it, also while a server works on it.
    Export(Box<Export>),
    /// Read all that is remembered and print what is damaged, also while a server works on it.
    Verify(Folder),
    /// Try a rule on what is remembered, also while a server works on it.
    Backtest(Backtest),
    /// Run tests of rules: samples in, expected transitions out. See docs/operations.md.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Tell people: for now, to try the channels of the configuration.
    Notify(NotifyArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
struct Serve {
    /// The configuration; ./config.toml if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, like 127.0.0.1:8080.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The folder for what is remembered.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Run the simulated sources as well.
    #[arg(long)]
    demo: bool,
}

#[derive(Args)]
struct Folder {
    /// The configuration that says where it is; ./config.toml if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for what is remembered.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The parameters are those of `GET /api/history`, and take the same.
#[derive(Args)]
struct Export {
    #[command(flatten)]
    of: Folder,
    /// From this time on: RFC 3339, a duration back from now like 1h, or unix seconds or milliseconds; an hour before --to
    /// if left out.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this time; now if left out.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Names or patterns of metrics, separated by commas.
    #[arg(long, value_name = "GLOBS")]
    names: Option<String>,
    /// Names or patterns of hosts, separated by commas.
    #[arg(long, value_name = "GLOBS")]
    hosts: Option<String>,
    /// Values or patterns of a label, separated by commas; once for each label.
    #[arg(long, value_name = "NAME=GLOBS")]
    label: Vec<String>,
    /// The length of a stretch like 10s, or raw for every sample.
    #[arg(long, value_name = "DURATION")]
    step: Option<String>,
    /// About so many stretches; 500 if neither is said.
    #[arg(long, value_name = "NUMBER")]
    points: Option<String>,
    /// Of each stretch: avg, min, max, last, sum, count, separated by commas.
    #[arg(long, value_name = "FIGURES")]
    agg: Option<String>,
    /// json, ndjson or csv; json if left out.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// A new file to write to, instead of the standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct Backtest {
    #[command(flatten)]
    of: Folder,
    /// A rule of the configuration by name, or a file with [[rules]].
    #[arg(long, value_name = "NAME|FILE")]
    rule: String,
    /// From this time on: RFC 3339, a duration back from now like 7d, or unix seconds or milliseconds.
    #[arg(long, value_name = "TIME", default_value = "1d")]
    from: String,
    /// Up to this time; now if left out.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Find a threshold that tells people at most so often a week.
    #[arg(long, value_name = "NUMBER")]
    per_week: Option<u32>,
    /// Print what POST /api/rules/backtest answers.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum RulesCommand {
    /// Run the tests of some files; the exit code is 1 if one is not as expected.
    Test {
        /// Files with [[tests]].
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
struct NotifyArgs {
    /// Send a test message to this channel, or to all; the exit code is 1 if one did not take it.
    #[arg(long, value_name = "CHANNEL", num_args = 0..=1, default_missing_value = "", required = true)]
    test: String,
    /// The configuration; ./config.toml if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Check {
    /// The configuration; ./config.toml if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Check(check) => check_config(check.config),
        Command::Backup { to, of } => with_folder(of, |folder| {
            care::backup(folder, &to)?;
            println!("{} has all that is in {}", to.display(), folder.display());
            Ok(ExitCode::SUCCESS)
        }),
        Command::Export(export) => export_history(*export),
        Command::Backtest(backtest) => try_rules(backtest),
        Command::Rules(RulesCommand::Test { files }) => test_rules(&files),
        Command::Notify(notify) => try_channels(&notify.test, notify.config),
        Command::Verify(of) => with_folder(of, verify),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "tickwire",
                &mut std::io::stdout(),
            );
            ExitCode::SUCCESS
        }
        Command::Serve(serve) => run(serve),
    }
}

/// Does something with the data folder of a configuration.
fn with_folder(of: Folder, work: impl FnOnce(&Path) -> anyhow::Result<ExitCode>) -> ExitCode {
    let overrides = Overrides {
        data: of.data,
        ..Overrides::default()
    };
    let file = config_file(of.config);
    match Config::load(file.as_deref(), environment(), &overrides) {
        Ok(config) => work(&config.server.data).unwrap_or_else(|error| {
            eprintln!("tickwire: {error:#}");
            ExitCode::FAILURE
        }),
        Err(faults) => report(&faults),
    }
}

fn verify(folder: &Path) -> anyhow::Result<ExitCode> {
    let verified = care::verify(folder)?;
    let Verified {
        blocks,
        rows,
        samples,
        faults,
    } = verified;
    for fault in &faults {
        println!("{fault}");
    }
    println!(
        "{}: {samples} samples in {blocks} blocks and {rows} rows of the journal, {} faults",
        folder.display(),
        faults.len()
    );
    Ok(match faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn export_history(export: Export) -> ExitCode {
    let mut parameters = Vec::new();
    let plain = [
        ("from", export.from),
        ("to", export.to),
        ("names", export.names),
        ("hosts", export.hosts),
        ("step", export.step),
        ("points", export.points),
        ("agg", export.agg),
        ("format", export.format),
    ];
    let given = |(name, value): (&str, Option<String>)| Some((name.to_owned(), value?));
    parameters.extend(plain.into_iter().filter_map(given));
    for label in export.label {
        let (name, value) = label.split_once('=').unwrap_or((&label, ""));
        parameters.push((format!("label.{name}"), value.to_owned()));
    }
    let query = match query::parse(parameters, Format::Json, Clock::default().now()) {
        Ok(query) => query,
        Err(fault) => {
            eprintln!("tickwire: {fault}");
            return ExitCode::from(EXIT_FAULT);
        }
    };
    with_folder(export.of, |folder| {
        let left_out = match &export.output {
            None => history::export(folder, query, &mut BufWriter::new(std::io::stdout().lock())),
            Some(file) => {
                let shown = || format!("cannot write {}", file.display());
                let new = File::create_new(file).with_context(shown)?;
                let done = history::export(folder, query, &mut BufWriter::new(new));
                if done.is_err() {
                    // A part of it is not what was asked for.
                    std::fs::remove_file(file).with_context(shown)?;
                }
                done
            }
        };
        match left_out {
            Ok(0) => Ok(ExitCode::SUCCESS),
            Ok(count) => {
                eprintln!(
                    "tickwire: {count} stretches of the past are damaged and were left out; tickwire verify says which"
                );
                Ok(ExitCode::FAILURE)
            }
            // Who reads has had enough.
            Err(ExportError::Unwritable(error)) if error.kind() == ErrorKind::BrokenPipe => {
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Err(error.into()),
        }
    })
}

fn check_config(file: Option<PathBuf>) -> ExitCode {
    let file = config_file(file);
    match Config::load(file.as_deref(), environment(), &Overrides::default()) {
        Ok(config) => {
            let shown = file.map_or("the built-in configuration".to_owned(), |f| {
                f.display().to_string()
            });
            println!("{shown} is good: {} rules", config.rules.len());
            for remark in lint::config(&config) {
                println!("{shown}: remark: {remark}");
            }
            ExitCode::SUCCESS
        }
        Err(faults) => report(&faults),
    }
}

/// Tries a rule, or those of a file, on the past.
fn try_rules(backtest: Backtest) -> ExitCode {
    let now = Clock::default().now();
    let time = |text: &str| query::time(text.strip_prefix('-').unwrap_or(text), now);
    let (from, to) = (
        time(&backtest.from),
        backtest.to.as_deref().map_or(Some(now), time),
    );
    let (Some(from), Some(to)) = (from, to) else {
        eprintln!("tickwire: --from and --to take {}", query::TIME);
        return ExitCode::from(EXIT_FAULT);
    };
    let overrides = Overrides {
        data: backtest.of.data,
        ..Overrides::default()
    };
    let file = config_file(backtest.of.config);
    let config = match Config::load(file.as_deref(), environment(), &overrides) {
        Ok(config) => config,
        Err(faults) => return report(&faults),
    };
    let is_named = |rule: &&Arc<Rule>| *rule.name == *backtest.rule;
    let rules: Vec<Arc<Rule>> = match config.rules.iter().find(is_named) {
        Some(rule) => vec![rule.clone()],
        None => match Config::load(Some(Path::new(&backtest.rule)), [], &Overrides::default()) {
            Ok(of_file) => of_file.rules,
            Err(faults) => {
                eprintln!(
                    "tickwire: no rule is called {:?}, and as a file it has faults",
                    backtest.rule
                );
                return report(&faults);
            }
        },
    };
    for rule in rules {
        let name = rule.name.clone();
        let asked = Asked {
            rule,
            saved: None,
            from,
            to,
            per_week: backtest.per_week,
            only: None,
        };
        let read = care::read(&config.server.data, |stored, position| {
            Trial::read_stored(stored, position.epoch.boot, asked)
        });
        let tried = read
            .map_err(anyhow::Error::from)
            .and_then(|trial| Ok(trial?.run()));
        match tried {
            Ok(tried) if backtest.json => println!("{}", serde_json::json!(tried)),
            Ok(tried) => print!("{}", told(&name, &tried)),
            Err(error) => {
                eprintln!("tickwire: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// What came of a trial, for people.
fn told(name: &str, tried: &Report) -> String {
    let of = &tried.rule;
    let lasting = |seconds: f64| quantity::human(seconds, "s");
    let mut text = format!(
        "{name}: {} to {}, {} samples of {} series\n  {} alerts, {} notifications; critical for {}, warning for {}, info for {}\n",
        tried.from,
        tried.to,
        tried.samples,
        tried.series,
        of.alerts,
        of.notifications,
        lasting(of.firing_seconds.critical),
        lasting(of.firing_seconds.warning),
        lasting(of.firing_seconds.info),
    );
    for event in &of.first {
        let transition = serde_json::json!(event.transition);
        text.push_str(&format!(
            "  {} {} {} {}\n",
            event.timestamp,
            transition.as_str().unwrap_or_default(),
            event.level,
            event.message
        ));
    }
    if of.transitions > of.first.len() {
        text.push_str(&format!("  and {} more\n", of.transitions - of.first.len()));
    }
    if let Some(suggested) = &tried.suggested {
        text.push_str(&format!(
            "  at most {} a week: {}\n",
            suggested.per_week,
            serde_json::json!(suggested)
        ));
    }
    text
}

/// Runs tests of rules.
fn test_rules(files: &[PathBuf]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let verdicts = match unit::run(file) {
            Ok(verdicts) => verdicts,
            Err(error) => {
                eprintln!("tickwire: {error}");
                return ExitCode::from(EXIT_FAULT);
            }
        };
        for verdict in verdicts {
            let word = if verdict.passed() { "ok" } else { "FAILED" };
            println!("{}: {} ... {word}", file.display(), verdict.name);
            if !verdict.passed() {
                code = ExitCode::FAILURE;
                let list = |lines: &[String]| match lines.is_empty() {
                    true => "    nothing".to_owned(),
                    false => format!("    {}", lines.join("\n    ")),
                };
                println!("  expected\n{}", list(&verdict.expected));
                println!("  happened\n{}", list(&verdict.happened));
            }
        }
    }
    code
}

/// Sends a test message to a channel, or to all where none is named.
fn try_channels(name: &str, file: Option<PathBuf>) -> ExitCode {
    let file = config_file(file);
    let config = match Config::load(file.as_deref(), environment(), &Overrides::default()) {
        Ok(config) => config,
        Err(faults) => return report(&faults),
    };
    let notify = &config.notify;
    let wanted = |channel: &&Arc<Channel>| name.is_empty() || *channel.name == *name;
    let channels: Vec<_> = notify.channels.iter().filter(wanted).collect();
    if channels.is_empty() {
        let known: Vec<_> = notify.channels.iter().map(|c| &*c.name).collect();
        match known.is_empty() {
            true => eprintln!("tickwire: the configuration has no [[channels]]"),
            false => eprintln!(
                "tickwire: no channel is called {name:?}; there are {}",
                known.join(", ")
            ),
        }
        return ExitCode::from(EXIT_FAULT);
    }
    let base = notify.url.clone();
    let base = base.unwrap_or_else(|| format!("http://{}", config.server.listen));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tickwire: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut code = ExitCode::SUCCESS;
    for channel in channels {
        match runtime.block_on(notify::channel::test(
            channel,
            &base,
            Clock::default().now(),
        )) {
            Outcome::Taken(answer) => println!("{}: sent: {answer}", channel.name),
            Outcome::Again(why, _) | Outcome::Never(why) => {
                println!("{}: not sent: {why}", channel.name);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn report(faults: &Faults) -> ExitCode {
    eprintln!("{faults}");
    ExitCode::from(EXIT_FAULT)
}

/// The file that is asked for, by flag or by `TICKWIRE_CONFIG`, or the one that lies here.
fn config_file(flag: Option<PathBuf>) -> Option<PathBuf> {
    let asked = flag.or_else(|| std::env::var_os("TICKWIRE_CONFIG").map(PathBuf::from));
    asked.or_else(|| {
        Path::new("config.toml")
            .is_file()
            .then(|| "config.toml".into())
    })
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn run(serve: Serve) -> ExitCode {
    let file = config_file(serve.config);
    let overrides = Overrides {
        listen: serve.listen,
        data: serve.data,
        demo: serve.demo,
    };
    let source = Source {
        file,
        environment: environment().collect(),
        overrides,
    };
    let config = match source.load() {
        Ok(config) => config,
        Err(faults) => return report(&faults),
    };
    log_to_stderr(&config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| {
            let served = runtime.block_on(until_signalled(config, source));
            // What did not end in time is not waited for again.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tickwire: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr(config: &Config) {
    let level = config.log.level.as_str();
    // What actix-http calls an error is a client that sent no request, and was told so: not one line for each of those.
    let filter = format!("{level},actix_server=warn,actix_http::h1::dispatcher=off");
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.with_target(false).init(),
    }
}

async fn until_signalled(config: Config, source: Source) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let file = source.file.as_ref();
    let file = file.map_or("built-in".to_owned(), |f| f.display().to_string());
    let app = App::start(config, source).await?;
    let address = app.address();
    tracing::info!(%address, config = file, version = env!("CARGO_PKG_VERSION"), "tickwire runs");
    greet(address);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            // What comes of it is in the log and the feed.
            _ = hang_up.recv() => app.control().reload().ask(),
        }
    }
    tracing::info!("stopping; a second signal forces it");
    tokio::select! {
        () = app.stop() => Ok(ExitCode::SUCCESS),
        // At once, whatever still runs: leaving in order would wait for it.
        _ = interrupt.recv() => std::process::exit(1),
        _ = terminate.recv() => std::process::exit(1),
    }
}

/// Says where to look. Nobody has to read it: a closed pipe is no reason to stop.
fn greet(address: std::net::SocketAddr) {
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        std::io::stdout(),
        "tickwire {version} on http://{address}\n\
         \x20 open   http://{address}/\n\
         \x20 curl   curl -N http://{address}/api/events/metrics\n\
         \x20 push   curl -d '{{\"name\":\"my_metric\",\"value\":42}}' http://{address}/api/ingest"
    );
}
