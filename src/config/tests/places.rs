//! File, environment and flags: which stands over which, and how each is named in a fault.

use std::{net::SocketAddr, path::Path, time::Duration};

use super::*;

#[test]
fn every_variable_takes_the_default_as_it_is_written() {
    for key in keys() {
        let (Some(env), Some(default)) = (key.env, key.default) else {
            continue;
        };
        let text = default.trim_matches(['[', ']']).replace('"', "");
        assert_eq!(
            parse("", &[(&env, &text)]),
            Ok(Config::default()),
            "{env}={text}"
        );
    }
}

#[test]
fn the_environment_stands_over_the_file_and_flags_over_both() {
    let file =
        "[server]\nlisten = \"127.0.0.1:1\"\ndata = \"a\"\n[sources.host]\ninterval = \"2s\"";
    let environment = [
        ("TICKWIRE_SERVER_LISTEN", "127.0.0.1:2"),
        ("TICKWIRE_SERVER_ALLOWED_HOSTS", "a.example, B.example"),
        ("TICKWIRE_SOURCES_HOST_INTERVAL", "250ms"),
        ("TICKWIRE_WINDOWS_POINTS", "100"),
        ("TICKWIRE_CONFIG", "elsewhere.toml"),
        ("TICKWIRE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PATH", "/bin"),
    ];
    let config = parse(file, &environment).unwrap();
    assert_eq!(config.server.listen, SocketAddr::from(([127, 0, 0, 1], 2)));
    assert_eq!(config.server.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!(config.sources.host.interval, Duration::from_millis(250));
    assert_eq!(config.windows.points, 100);
    let flags = Overrides {
        listen: Some("localhost:3".to_owned()),
        data: Some("b".into()),
        demo: true,
    };
    let environment = environment.map(|(n, v)| (n.to_owned(), v.to_owned()));
    let config = Config::parse("config.toml", file, environment, &flags).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.data, Path::new("b"));
    assert!(config.sources.simulated.enabled);
}

#[test]
fn a_bad_variable_is_named_and_so_is_an_unknown_one() {
    let environment = [
        ("TICKWIRE_SERVER_WORKERS", "many"),
        ("TICKWIRE_SERVER_LISTN", "127.0.0.1:1"),
        ("TICKWIRE_RULES", "[]"),
    ];
    assert_eq!(
        faults("", &environment),
        [
            "environment: TICKWIRE_SERVER_WORKERS = \"many\": a whole number from 0 to 256",
            "environment: TICKWIRE_RULES = (not shown): unknown; a key of the file as TICKWIRE_<SECTION>_<KEY>, except rules",
            "environment: TICKWIRE_SERVER_LISTN = (not shown): unknown, did you mean TICKWIRE_SERVER_LISTEN? a key of the file as TICKWIRE_<SECTION>_<KEY>, except rules",
        ]
    );
}

#[test]
fn an_address_that_others_reach_is_refused_where_it_was_given() {
    let by_variable = faults("", &[("TICKWIRE_SERVER_LISTEN", "0.0.0.0:80")]);
    assert!(
        by_variable[0].starts_with("environment: TICKWIRE_SERVER_LISTEN"),
        "{by_variable:?}"
    );
    let flags = Overrides {
        listen: Some("[::]:80".to_owned()),
        ..Overrides::default()
    };
    let by_flag = Config::parse("", "", [], &flags).unwrap_err().to_string();
    assert!(
        by_flag.starts_with("command line: --listen = \"[::]:80\""),
        "{by_flag}"
    );
    assert!(
        by_flag.contains("server.allow_unauthenticated = true"),
        "{by_flag}"
    );
    let open = "server.allow_unauthenticated = true";
    assert!(Config::parse("", open, [], &flags).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let variable = ("TICKWIRE_LOG_LEVEL".to_owned(), "loud".to_owned());
    let faults = Config::load(Some(&missing), [variable], &Overrides::default()).unwrap_err();
    let files: Vec<_> = faults.iter().map(|fault| fault.file.clone()).collect();
    assert_eq!(
        files,
        [missing.display().to_string(), "environment".to_owned()]
    );
}

#[test]
fn no_fault_shows_what_may_be_a_secret() {
    let secret = "hunter2-hunter2";
    let channel = "[[channels]]\nname = \"a\"\ntype = \"webhook\"\n";
    for line in [
        format!("url = {secret}"),
        format!("url = \"{secret}\""),
        format!("url = \"http://a/{secret}\"\nurl = \"http://a/{secret}\""),
        format!("url = \"http://a\"\npasword = \"{secret}\""),
        format!("url = \"http://a\"\npassword = \"{secret}\""),
        format!("url = \"http://a\"\nbody = '{secret}'"),
        format!("url = {{ env = \"{secret}\", file = \"b\" }}"),
    ] {
        let found = faults(&format!("{channel}{line}"), &[]).join("\n");
        assert!(!found.contains(secret), "{line}: {found}");
        assert!(found.contains("config.toml:"), "{found}");
    }
    let url = "url = { env = \"TICKWIRE_HOOK\" }";
    let environment = [("TICKWIRE_HOOK", secret)];
    let found = faults(&format!("{channel}{url}"), &environment).join("\n");
    assert!(!found.contains(secret), "{found}");
}
