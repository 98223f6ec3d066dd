//! The command line.

use crate::{
    api, follow,
    gateway::Gateway,
    keys::{self, Scopes},
    session::{Sessions, listeners::Listeners, outbound},
    settings::{Settings, Tls},
    store::Store,
};
use axum_server::tls_rustls::RustlsConfig;
use clap::{CommandFactory, Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use utoipa::OpenApi;

/// Coach mode over REST, websocket and webhook, on stock FreeSWITCH and Asterisk.
#[derive(Debug, Parser)]
#[command(
    name = "coach-gateway",
    version,
    after_help = "Example: coach-gateway serve --settings /etc/coach-gateway.toml"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct SettingsFile {
    /// The settings.
    #[arg(long, env = "COACH_GATEWAY_SETTINGS", default_value = "/etc/coach-gateway.toml", value_name = "FILE")]
    settings: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves requests until it is told to end (SIGTERM, SIGINT). SIGHUP reads the settings anew.
    #[command(
        after_help = "Example: coach-gateway serve --settings /etc/coach-gateway.toml\n\nSIGHUP reads accounts, applications, speech, recordings, switches \
        and the certificate anew; what it listens on for REST, and the database, change with a restart.\n\nExit codes: 0 it was told to end, 1 it could not go on, \
        2 the command line or the settings are wrong."
    )]
    Serve {
        #[command(flatten)]
        file: SettingsFile,
        /// Logs as JSON, a line each.
        #[arg(long)]
        json: bool,
    },
    /// Looks whether the settings are right, each switch can be reached and has its module, and its dialplan hands calls over safely.
    #[command(
        after_help = "Example: coach-gateway check --settings ./gateway.toml\n\nExit codes: 0 all is well, 1 something is amiss, \
        2 the command line or the settings are wrong."
    )]
    Check {
        #[command(flatten)]
        file: SettingsFile,
    },
    /// Keys of the REST interface.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Prints the OpenAPI document of the REST interface.
    #[command(after_help = "Example: coach-gateway openapi > openapi.json")]
    Openapi,
    /// Prints the tab completion of a shell.
    #[command(
        after_help = "Example: coach-gateway completion bash > /usr/share/bash-completion/completions/coach-gateway"
    )]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes a key, and prints it: it is told this once.
    #[command(
        after_help = "Example: coach-gateway key new --name console --scope read,tag,coach:agent\n\nScopes: read; tag; coach, or coach:<tag> \
        for one tag alone; barge (uncoach); moderate (mute, hold, kick, hang up); call; all."
    )]
    New {
        #[command(flatten)]
        file: SettingsFile,
        /// The account: its sid or its name. May be left out where there is only one.
        #[arg(long)]
        account: Option<String>,
        /// For whom, or for what.
        #[arg(long, default_value = "")]
        name: String,
        /// What it may do.
        #[arg(long, value_delimiter = None)]
        scope: Scopes,
    },
    /// Lists the keys; not what they are.
    #[command(after_help = "Example: coach-gateway key list")]
    List {
        #[command(flatten)]
        file: SettingsFile,
    },
    /// Makes a key invalid, at once.
    #[command(after_help = "Example: coach-gateway key revoke 3f9a01c27b44")]
    Revoke {
        #[command(flatten)]
        file: SettingsFile,
        /// The key's public part, as `key list` shows it.
        id: String,
    },
}

/// What ends a command: its exit code and its words.
struct Failure(u8, String);

impl Failure {
    fn runtime(error: impl ToString) -> Self {
        Self(1, error.to_string())
    }
}

fn settings(file: &SettingsFile) -> Result<Settings, Failure> {
    let path = file.settings.display();
    let text = std::fs::read_to_string(&file.settings).map_err(|error| Failure(2, format!("{path}: {error}")))?;
    Settings::parse(&text).map_err(|mistakes| Failure(2, format!("{path}:\n{mistakes}")))
}

fn store(path: &Path) -> Result<Arc<Store>, Failure> {
    let store = Store::open(path).map_err(|error| Failure(1, format!("{}: {error}", path.display())))?;
    Ok(Arc::new(store))
}

/// The same; while somebody else has locked it, it is waited for.
fn store_when_free(path: &Path) -> Result<Arc<Store>, Failure> {
    let mut told = false;
    loop {
        match Store::open(path) {
            Err(error) if error.is_locked() => {
                if !told {
                    tracing::error!("{}: {error}: waiting until it is free", path.display());
                    told = true;
                }
                std::thread::sleep(Duration::from_millis(250));
            }
            opened => {
                let store = opened.map_err(|error| Failure(1, format!("{}: {error}", path.display())))?;
                return Ok(Arc::new(store));
            }
        }
    }
}

/// Runs the command.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve { file, json } => serve(&file, json),
        Command::Check { file } => check(&file),
        Command::Key(command) => key(command),
        Command::Openapi => {
            api::Document::openapi().to_pretty_json().map(|text| println!("{text}")).map_err(Failure::runtime)
        }
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "coach-gateway", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, words)) => {
            eprintln!("coach-gateway: {words}");
            ExitCode::from(code)
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::runtime)
}

fn key(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::New { file, account, name, scope } => {
            let settings = settings(&file)?;
            let fits = |own: &&crate::settings::Account| match &account {
                Some(wanted) => own.sid.to_string() == *wanted || own.name == *wanted,
                None => settings.accounts.len() == 1,
            };
            let Some(account) = settings.accounts.iter().find(fits) else {
                let names: Vec<String> =
                    settings.accounts.iter().map(|own| format!("{} ({})", own.sid, own.name)).collect();
                return Err(Failure(2, format!("--account has to be one of {}", names.join(", "))));
            };
            let key =
                keys::create(&*store(&settings.database)?, account.sid, &name, &scope).map_err(Failure::runtime)?;
            println!("{key}");
        }
        KeyCommand::List { file } => {
            for key in store(&settings(&file)?.database)?.keys().map_err(Failure::runtime)? {
                let created =
                    jiff::Timestamp::from_second(key.created).map(|time| time.to_string()).unwrap_or_default();
                let revoked = if key.revoked { "  revoked" } else { "" };
                println!("{}  {}  {}  {}  {}{revoked}", key.id, key.account, created, key.scopes, key.name);
            }
        }
        KeyCommand::Revoke { file, id } => {
            if !store(&settings(&file)?.database)?.revoke_key(&id).map_err(Failure::runtime)? {
                return Err(Failure(
                    1,
                    format!("there is no key {id:?}; `coach-gateway key list` shows which there are"),
                ));
            }
        }
    }
    Ok(())
}

fn check(file: &SettingsFile) -> Result<(), Failure> {
    let settings = settings(file)?;
    println!("{}: the settings are right", file.settings.display());
    let store = store(&settings.database)?;
    runtime()?.block_on(async {
        let gateway = Gateway::start(settings, store);
        let mut problems = 0;
        for (node, switch) in gateway.nodes().iter().zip(&gateway.settings().switches) {
            let name = node.switch.name();
            let mut health = node.switch.health().await;
            for _ in 0..20 {
                if health.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                health = node.switch.health().await;
            }
            let health = match health {
                Ok(health) => health,
                Err(error) => {
                    println!("{name}: {error}");
                    problems += 1;
                    continue;
                }
            };
            println!(
                "{name}: {}, {}",
                health.version,
                if health.module.is_empty() { "no coach mode" } else { &health.module }
            );
            let dialplan = match switch.kind.hand_over() {
                Some(address) => node.switch.dialplan(address.port()).await,
                None => Ok(Vec::new()),
            };
            let dialplan = dialplan.unwrap_or_else(|error| vec![format!("its dialplan is not looked at: {error}")]);
            for problem in health.problems.iter().chain(&dialplan) {
                println!("{name}: {problem}");
                problems += 1;
            }
        }
        let reach = outbound::problems(&gateway.settings()).await;
        for problem in reach.into_iter().chain(gateway.conferences_on_several_switches().await) {
            println!("{problem}");
            problems += 1;
        }
        if problems == 0 { Ok(()) } else { Err(Failure(1, format!("{problems} problem(s)"))) }
    })
}

fn serve(file: &SettingsFile, json: bool) -> Result<(), Failure> {
    let settings = settings(file)?;
    start_logging(json);
    let store = store_when_free(&settings.database)?;
    rustls::crypto::ring::default_provider().install_default().map_err(|_| Failure::runtime("TLS cannot be used"))?;
    runtime()?.block_on(async {
        let (listen, tls, most_connections) =
            (settings.listen, certificate(&settings).await?, settings.most_connections);
        let at_address = |error: std::io::Error| Failure(1, format!("{listen}: {error}"));
        let listener = std::net::TcpListener::bind(listen).map_err(at_address)?;
        listener.set_nonblocking(true).map_err(at_address)?;
        let address = listener.local_addr().map_err(at_address)?;
        let gateway = Gateway::start(settings, store);
        let sessions = Sessions::new(gateway.clone()).map_err(Failure::runtime)?;
        let mut listeners = Listeners::default();
        listeners.apply(&sessions).await.map_err(|(address, error)| Failure(1, format!("{address}: {error}")))?;
        reload_on_hangup(gateway.clone(), sessions.clone(), listeners, tls.clone(), file.settings.clone())?;
        tracing::info!(%address, tls = tls.is_some(), "coach-gateway serves");
        let (ended, ending, handle) = (end()?, gateway.ending.clone(), axum_server::Handle::new());
        let stops = handle.clone();
        tokio::spawn(async move {
            ended.await;
            ending.cancel();
            api::serve::end(&stops);
        });
        let router = api::router(gateway, sessions);
        api::serve::serve(listener, router, tls, most_connections, handle).await.map_err(at_address)
    })
}

/// The certificate that the settings name.
async fn certificate(settings: &Settings) -> Result<Option<RustlsConfig>, Failure> {
    let Some(Tls { certificate, key }) = &settings.tls else { return Ok(None) };
    let config = RustlsConfig::from_pem_file(certificate, key).await;
    config.map(Some).map_err(|error| {
        Failure(
            2,
            format!("{} and {}: no certificate with its key, as PEM: {error}", certificate.display(), key.display()),
        )
    })
}

fn start_logging(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COACH_GATEWAY_LOG").unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { log.json().init() } else { log.init() }
}

/// Until somebody wants it to end.
fn end() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::runtime)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to end");
    })
}

fn reload_on_hangup(
    gateway: Arc<Gateway>,
    sessions: Arc<Sessions>,
    mut listeners: Listeners,
    tls: Option<RustlsConfig>,
    path: PathBuf,
) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::runtime)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match settings(&SettingsFile { settings: path.clone() }) {
                Ok(settings) => {
                    if let (Some(serving), Some(Tls { certificate, key })) = (&tls, &settings.tls)
                        && let Err(error) = serving.reload_from_pem_file(certificate, key).await
                    {
                        tracing::error!("the certificate stays as it was: {error}");
                    }
                    gateway.reload(settings);
                    follow::follow_more(&gateway);
                    if let Err((address, error)) = listeners.apply(&sessions).await {
                        tracing::error!(%address, "calls cannot be taken there: {error}");
                    }
                    tracing::info!("the settings are read anew");
                }
                Err(Failure(_, words)) => tracing::error!("the settings stay as they were: {words}"),
            }
        }
    });
    Ok(())
}
