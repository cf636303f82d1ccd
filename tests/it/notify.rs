//! Telling people: real receivers that take, fail, hang and lie; a real mail server; restarts and outages in between.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Server,
    http::problem,
    process::Process,
    receiver::{Answer, MailServer, Received, Receiver},
    rules::CPU_HIGH,
    within,
};

fn webhook(receiver: &Receiver, more: &str) -> String {
    let url = receiver.url();
    format!("{CPU_HIGH}\n[[channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"{url}\"\n{more}")
}

fn told(what: &str) -> Vec<(String, String)> {
    vec![(what.to_owned(), "cpu_high".to_owned())]
}

async fn ledger(server: &Server, query: &str) -> Vec<Value> {
    let ledger = server.json(&format!("/api/notifications?{query}")).await;
    ledger["notifications"].as_array().unwrap().clone()
}

/// The ledger, once this many deliveries are over.
async fn over(server: &Server, count: usize) -> Vec<Value> {
    let all_over = async {
        loop {
            let entries = ledger(server, "").await;
            if entries.iter().filter(|e| e["state"] != "queued").count() >= count {
                return entries;
            }
        }
    };
    within("the ledger", all_over).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_has_what_fires_and_what_is_over_once_each_and_the_ledger_says_so() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&webhook(&receiver, "")).await;
    for value in [95, 96, 94] {
        server.sample("cpu", value).await;
    }
    let fired = receiver.next().await;
    assert_eq!(fired.told(), told("firing"));
    let body = fired.json();
    assert_eq!(body["title"], "Warning: cpu at 95 on push");
    assert_eq!(body["alerts"][0]["value"], 95.0);
    let id = body["alerts"][0]["id"].as_str().unwrap();
    assert_eq!(body["link"], server.url(&format!("/alerts/{id}")));
    assert_eq!(fired.header("x-tickwire-delivery"), body["delivery"]);
    server.sample("cpu", 50).await;
    let resolved = receiver.next().await;
    assert_eq!(resolved.told(), told("resolved"));
    assert_eq!(resolved.json()["alerts"][0]["id"], id);
    let entries = over(&server, 2).await;
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        assert_eq!(
            (&entry["state"], &entry["channel"]),
            (&json!("sent"), &json!("ops"))
        );
        assert_eq!(entry["answer"], "200 OK: thank you");
        assert_eq!(entry["attempts"].as_array().unwrap().len(), 1);
    }
    assert_eq!(ledger(&server, "state=failed").await.len(), 0);
    assert_eq!(
        ledger(&server, &format!("alert={id}&channel=ops"))
            .await
            .len(),
        2
    );
    assert!(receiver.rest().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_of_the_time_and_the_body() {
    let mut receiver = Receiver::start().await;
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), "a key\n").unwrap();
    let more = format!("secret = {{ file = \"{}\" }}", key_file.path().display());
    let server = Server::with(&webhook(&receiver, &more)).await;
    server.sample("cpu", 95).await;
    let fired = receiver.next().await;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a key");
    let timestamp = fired.header("x-tickwire-timestamp");
    let signed = ring::hmac::sign(&key, format!("{timestamp}.{}", fired.body).as_bytes());
    let hex: String = signed.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(fired.header("x-tickwire-signature"), format!("v1={hex}"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ones_own_stays_json_whatever_is_in_the_alert() {
    let mut receiver = Receiver::start().await;
    let body =
        r#"body = '{"text": "{{ title }} / {{ labels.disk }}", "n": 1, "list": ["{{ level }}"]}'"#;
    let server = Server::with(&webhook(&receiver, body)).await;
    let evil = "\"}, {\"x\": \"{{ link }}\\ $(reboot) `id`";
    server
        .push(json!({ "name": "cpu", "value": 95, "labels": { "disk": evil } }))
        .await;
    let fired = receiver.next().await.json();
    assert_eq!(
        fired,
        json!({ "text": format!("Warning: cpu at 95 on push / {evil}"), "n": 1, "list": ["warning"] })
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_under_the_same_id_and_what_never_works_is_not() {
    let mut receiver = Receiver::start().await;
    receiver
        .answer([
            Answer::Status(500, "broken"),
            Answer::Later(2),
            Answer::Status(200, "ok"),
            Answer::Status(404, "no such hook"),
        ])
        .await;
    let server = Server::with(&webhook(&receiver, "")).await;
    server.sample("cpu", 95).await;
    let tries = [
        receiver.next().await,
        receiver.next().await,
        receiver.next().await,
    ];
    let ids: Vec<_> = tries
        .iter()
        .map(|t| t.header("x-tickwire-delivery").to_owned())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    server.sample("cpu", 50).await;
    receiver.next().await;
    let entries = over(&server, 2).await;
    let states: Vec<_> = entries
        .iter()
        .map(|e| e["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["failed", "sent"], "newest first");
    let attempts: Vec<_> = entries[1]["attempts"].as_array().unwrap().iter().collect();
    let answers: Vec<_> = attempts
        .iter()
        .map(|a| a["answer"].as_str().unwrap())
        .collect();
    assert_eq!(
        answers,
        [
            "500 Internal Server Error: broken",
            "503 Service Unavailable",
            "200 OK: ok"
        ]
    );
    assert_eq!(entries[0]["answer"], "404 Not Found: no such hook");
    let status = server.json("/api/channels").await["channels"][0].clone();
    assert_eq!(
        (&status["sent"], &status["failed"], &status["waiting"]),
        (&json!(1), &json!(1), &json!(0))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_or_sends_us_elsewhere_holds_up_nobody_else() {
    let (mut slow, mut good) = (Receiver::start().await, Receiver::start().await);
    slow.answer([Answer::Hang, Answer::Elsewhere("http://127.0.0.1:1/")])
        .await;
    let other = format!(
        "timeout = \"1s\"\n[[channels]]\nname = \"good\"\ntype = \"slack\"\nurl = \"{}\"",
        good.url()
    );
    let server = Server::with(&webhook(&slow, &other)).await;
    server.sample("cpu", 95).await;
    assert!(
        good.next().await.json()["text"]
            .as_str()
            .unwrap()
            .starts_with("Warning")
    );
    slow.next().await;
    slow.next().await;
    let entries = over(&server, 2).await;
    let of_slow = entries.iter().find(|e| e["channel"] == "ops").unwrap();
    let answers: Vec<_> = of_slow["attempts"].as_array().unwrap().iter().collect();
    assert_eq!(answers[0]["answer"], "no answer within 1s");
    assert_eq!(
        (&answers[1]["answer"], &of_slow["state"]),
        (&json!("302 Found"), &json!("failed"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_both_sides_loses_nothing() {
    let receiver = Receiver::start().await;
    let address = receiver.address.to_string();
    let config = webhook(&receiver, "");
    drop(receiver);
    let server = Server::with(&config).await;
    server.sample("cpu", 95).await;
    // It was tried in vain, and waits.
    let tried = async {
        while ledger(&server, "")
            .await
            .first()
            .is_none_or(|e| e["attempts"].as_array().unwrap().is_empty())
        {}
    };
    within("an attempt", tried).await;
    let folder = server.stop().await;
    let server = Server::on(&folder, &config).await;
    server.sample("cpu", 50).await;
    let mut receiver = Receiver::at(&address).await;
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!(
        (first.told(), second.told()),
        (told("firing"), told("resolved"))
    );
    let entries = over(&server, 2).await;
    assert!(entries.iter().all(|e| e["state"] == "sent"));
    assert!(entries[1]["attempts"].as_array().unwrap().len() >= 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_together_is_one_message_and_what_is_over_does_not_wait() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&webhook(&receiver, "group = \"1h\"")).await;
    let all = |value: u32| -> Vec<Value> {
        (0..5)
            .map(|n| json!({ "name": "cpu", "value": value, "host": format!("web{n}") }))
            .collect()
    };
    server.push(all(95)).await;
    let fired = receiver.next().await;
    assert_eq!(fired.json()["title"], "5 alerts");
    // Another one is gathered for an hour, unless something is over.
    server
        .push(json!({ "name": "cpu", "value": 95, "host": "web9" }))
        .await;
    server
        .push(json!({ "name": "cpu", "value": 10, "host": "web0" }))
        .await;
    let both = receiver.next().await;
    let mut words: Vec<_> = both.told().into_iter().map(|(what, _)| what).collect();
    words.sort();
    assert_eq!(words, ["firing", "resolved"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_at_once_is_told_also_where_the_log_keeps_less() {
    for group in ["0s", "1s"] {
        let mut receiver = Receiver::start().await;
        let config = webhook(&receiver, &format!("group = \"{group}\""));
        let server = Server::with(&format!("{config}\n[stream]\nalerts_kept = 100")).await;
        let names: BTreeSet<String> = (0..200).map(|n| format!("web{n}")).collect();
        for (value, word) in [(95, "firing"), (10, "resolved")] {
            let sample = |host| json!({ "name": "cpu", "value": value, "host": host });
            server
                .push(names.iter().map(sample).collect::<Vec<_>>())
                .await;
            let mut told = BTreeSet::new();
            while told.len() < names.len() {
                let received = receiver.next().await;
                for alert in received.json()["alerts"].as_array().unwrap() {
                    assert_eq!(alert["what"], word);
                    let host = alert["host"].as_str().unwrap().to_owned();
                    assert!(told.insert(host), "told twice: {alert}");
                }
            }
            assert_eq!(told, names);
        }
        assert_eq!(server.metric("tickwire_log_evicted_total").await, 300.0);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_go_by_rule_label_tag_and_level() {
    let (mut db, mut night) = (Receiver::start().await, Receiver::start().await);
    let config = format!(
        r#"
        [[rules]]
        name = "slow"
        metric = "latency"
        warning = {{ fire = 1 }}
        critical = {{ fire = 10 }}
        tags = {{ team = "db" }}
        [[rules]]
        name = "loud"
        metric = "noise"
        warning = {{ fire = 1 }}
        notify = ["night"]
        [[channels]]
        name = "db"
        type = "webhook"
        url = "{}"
        [[channels]]
        name = "night"
        type = "webhook"
        url = "{}"
        [[routes]]
        levels = ["critical"]
        channels = ["night"]
        continue = true
        [[routes]]
        tags = {{ team = "db" }}
        channels = ["db"]
        [[routes]]
        channels = []
        "#,
        db.url(),
        night.url()
    );
    let server = Server::with(&config).await;
    server.sample("latency", 5).await;
    assert_eq!(
        db.next().await.told(),
        [("firing".to_owned(), "slow".to_owned())]
    );
    server.sample("latency", 20).await;
    assert_eq!(
        night.next().await.told(),
        [("firing".to_owned(), "slow".to_owned())]
    );
    // Whoever was told is told the end, the others are not.
    server.sample("noise", 5).await;
    assert_eq!(
        night.next().await.told(),
        [("firing".to_owned(), "loud".to_owned())]
    );
    server.sample("noise", 0).await;
    assert_eq!(
        night.next().await.told(),
        [("resolved".to_owned(), "loud".to_owned())]
    );
    over(&server, 5).await;
    assert!(
        db.rest()
            .iter()
            .all(|received| received.told()[0].1 == "slow")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_is_silenced_until_it_is_not_and_goes_on() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&webhook(&receiver, "group = \"0s\"")).await;
    server.sample("cpu", 95).await;
    receiver.next().await;
    let silence = json!({ "rules": "*", "for": "1h" }).to_string();
    let (_, made) = server.tell("/api/silences", silence).await;
    // One that was told before is over within the silence: that is told.
    server.sample("cpu", 50).await;
    assert_eq!(receiver.next().await.told(), told("resolved"));
    // One that begins within it is not, and nor is its end.
    for value in [95, 50, 95] {
        server.sample("cpu", value).await;
    }
    let path = format!("/api/silences/{}", made["id"].as_str().unwrap());
    let ended = server.http.delete(server.url(&path)).send();
    within("an answer", ended).await.unwrap();
    assert_eq!(receiver.next().await.told(), told("firing"));
    over(&server, 3).await;
    assert!(receiver.rest().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_reaches_a_real_server_once() {
    let mail = MailServer::start().await;
    let channel = format!(
        r#"{CPU_HIGH}
        [[channels]]
        name = "mail"
        type = "mail"
        server = "127.0.0.1"
        port = {}
        tls = "none"
        from = "tickwire <tickwire@example.org>"
        to = ["ops@example.org", "night@example.org"]
        "#,
        mail.port
    );
    let server = Server::with(&channel).await;
    let body = json!({ "name": "cpu", "value": 95, "unit": "°C", "host": "web1" });
    server.push(body).await;
    let letter = mail.next().await;
    assert!(
        letter.contains("X-Recipients: ops@example.org night@example.org"),
        "{letter}"
    );
    assert!(letter.contains("Subject: "), "{letter}");
    assert!(
        letter.contains("To: ops@example.org, night@example.org"),
        "{letter}"
    );
    let entries = over(&server, 1).await;
    assert_eq!(entries[0]["state"], "sent");
    assert!(letter.contains(&format!(
        "Message-ID: <{}@example.org>",
        entries[0]["id"].as_str().unwrap()
    )));
    assert_eq!(mail.waiting(), 0);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_its_arguments_whole_and_the_message_on_its_input() {
    let folder = tempfile::TempDir::new().unwrap();
    let (program, out) = (folder.path().join("page"), folder.path().join("out"));
    let script = format!(
        "#!/bin/sh\n{{ printf '%s\\n' \"$#\" \"$@\"; cat; }} > {0}.part\nmv {0}.part {0}\necho done\n",
        out.display()
    );
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let config = format!(
        "{CPU_HIGH}\n[[channels]]\nname = \"page\"\ntype = \"command\"\ncommand = [\"{}\", \"--level={{{{ level }}}}\", \"{{{{ labels.disk }}}}\"]",
        program.display()
    );
    let server = Server::with(&config).await;
    let evil = "a b; touch /tmp/never $(id) 'x";
    server
        .push(json!({ "name": "cpu", "value": 95, "labels": { "disk": evil } }))
        .await;
    let entries = over(&server, 1).await;
    assert_eq!(
        (&entries[0]["state"], &entries[0]["answer"]),
        (&json!("sent"), &json!("done: done"))
    );
    let written = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines[..3], ["2", "--level=warning", evil]);
    let message: Value = serde_json::from_str(lines[3]).unwrap();
    assert_eq!(message["alerts"][0]["labels"]["disk"], evil);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_can_be_tried() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&webhook(&receiver, "")).await;
    receiver
        .answer([Answer::Status(200, "ok"), Answer::Status(403, "wrong key")])
        .await;
    let (status, attempt) = server.tell("/api/channels/ops/test", "").await;
    assert_eq!(
        (status, &attempt["state"]),
        (200, &json!("sent")),
        "{attempt}"
    );
    assert_eq!(receiver.next().await.json()["test"], true);
    let refused = server.post("/api/channels/ops/test", "").await;
    let refused = problem(refused, 502).await;
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("403 Forbidden: wrong key"),
        "{refused}"
    );
    problem(server.post("/api/channels/nobody/test", "").await, 404).await;
    server.stop().await;
}

/// One of each.
fn chats(receiver: &Receiver) -> String {
    let url = receiver.url();
    let mut config = CPU_HIGH.to_owned();
    for kind in ["slack", "mattermost", "discord", "teams", "ntfy"] {
        config.push_str(&format!(
            "\n[[channels]]\nname = \"{kind}\"\ntype = \"{kind}\"\nurl = \"{url}\"\ngroup = \"0s\"\n"
        ));
        if kind == "ntfy" {
            config.push_str("topic = \"alerts\"\ntoken = \"tk_secret\"\n");
        }
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn four_tests_are_the_most_and_a_configuration_takes_effect_during_them() {
    let mut hanging = Receiver::start().await;
    hanging.answer(vec![Answer::Hang; 5]).await;
    let config = webhook(&hanging, "timeout = \"60s\"\ngroup = \"0s\"");
    let process = Process::start(&config).await;
    let post = |path: &str| process.http.post(process.url(path)).send();
    let tests: Vec<_> = (0..4)
        .map(|_| tokio::spawn(post("/api/channels/ops/test")))
        .collect();
    for _ in &tests {
        assert_eq!(hanging.next().await.json()["test"], true);
    }
    let one_more = within("a refusal", post("/api/channels/ops/test")).await;
    let refused = problem(one_more.unwrap(), 503).await;
    let why = refused["detail"].as_str().unwrap();
    assert!(
        why.starts_with("4 tests of channels are under way"),
        "{why}"
    );

    // One message is on its way, and the next waits for it.
    process.sample("cpu", 95).await;
    hanging.next().await;
    process.sample("cpu", 50).await;
    let mut good = Receiver::start().await;
    let other = webhook(&good, "").replace("\"ops\"", "\"good\"");
    std::fs::write(process.folder.path().join("config.toml"), other).unwrap();
    within("a reload", post("/api/config/reload"))
        .await
        .unwrap();
    let dropped = async {
        loop {
            let path = process.url("/api/notifications?channel=ops&state=dropped");
            let ledger: Value = process
                .http
                .get(path)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            if ledger["notifications"].as_array().unwrap().len() == 2 {
                return;
            }
        }
    };
    within("what waited to be dropped", dropped).await;

    drop(hanging);
    for test in tests {
        let answer = within("the end of a test", test).await.unwrap();
        problem(answer.unwrap(), 502).await;
    }
    let works = within("a test", post("/api/channels/good/test")).await;
    assert_eq!(works.unwrap().status(), 200);
    assert_eq!(good.next().await.json()["test"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chat_gets_what_it_understands() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&chats(&receiver)).await;
    server
        .push(json!({ "name": "cpu", "value": 99, "host": "<!channel> **x**" }))
        .await;
    let mut received: Vec<Received> = Vec::new();
    for _ in 0..5 {
        received.push(receiver.next().await);
    }
    let bodies: Vec<Value> = received.iter().map(Received::json).collect();
    let find = |key: &str| bodies.iter().find(|body| !body[key].is_null()).unwrap();
    let ntfy = find("topic");
    assert_eq!(
        (&ntfy["priority"], &ntfy["topic"]),
        (&json!(5), &json!("alerts"))
    );
    assert!(received.iter().any(|r| {
        r.headers
            .get("authorization")
            .is_some_and(|v| v == "Bearer tk_secret")
    }));
    assert_eq!(find("embeds")["allowed_mentions"], json!({ "parse": [] }));
    let card = bodies
        .iter()
        .find(|body| body["type"] == "message")
        .unwrap();
    assert_eq!(card["attachments"][0]["content"]["type"], "AdaptiveCard");
    let slack = bodies.iter().find(|body| {
        body["text"]
            .as_str()
            .is_some_and(|t| t.contains("&lt;!channel&gt;"))
    });
    assert!(slack.is_some(), "{bodies:?}");
    server.stop().await;
}

/// Title and text of a message to a chat, which are no longer than that takes; and how long the text may be.
fn texts(received: &Received) -> (String, String, usize) {
    let body = received.json();
    let units = |text: &str| text.encode_utf16().count();
    let (title, text, most, measure, all): (_, _, _, fn(&str) -> usize, _) =
        if !body["embeds"].is_null() {
            let embed = &body["embeds"][0];
            (
                &embed["title"],
                &embed["description"],
                (256, 4096),
                units,
                6000 * 4,
            )
        } else if !body["topic"].is_null() {
            (
                &body["title"],
                &body["message"],
                (1000, 4096),
                str::len,
                8192,
            )
        } else if body["type"] == "message" {
            let card = &body["attachments"][0]["content"]["body"];
            (
                &card[0]["text"],
                &card[1]["text"],
                (3000, 3000),
                units,
                21_000,
            )
        } else {
            let text = &body["attachments"][0]["text"];
            (&body["text"], text, (3000, 3000), units, 7900)
        };
    let [title, text] = [title, text].map(|part| part.as_str().unwrap().to_owned());
    assert!(
        measure(&title) <= most.0 && measure(&text) <= most.1,
        "{body}"
    );
    assert!(received.body.len() <= all, "{}", received.body.len());
    (title, text, most.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_chat_is_as_long_as_it_takes_and_no_escape_is_broken() {
    let mut receiver = Receiver::start().await;
    let server = Server::with(&chats(&receiver)).await;
    let high = |n: u32| {
        let host = format!("web{n}{}", "*<\"&".repeat(40));
        json!({ "name": "cpu", "value": 95, "host": host })
    };
    let many: Vec<Value> = (0..50).map(high).collect();
    server.push(many).await;
    for _ in 0..5 {
        let (title, text, most) = texts(&receiver.next().await);
        assert_eq!(title, "50 alerts");
        let cut = text.strip_suffix('…').expect("a text that was cut");
        assert!(
            text.len() > most * 9 / 10,
            "as much as may be: {}",
            text.len()
        );
        let backslashes = cut.len() - cut.trim_end_matches('\\').len();
        assert_eq!(backslashes % 2, 0, "{cut}");
        let (_, last) = cut.rsplit_once('&').expect("one");
        assert!(!text.contains("&amp;") || last.contains(';'), "{cut}");
    }
    // A title that has to be cut is in the text as a whole.
    server.push(high(99)).await;
    for _ in 0..5 {
        let received = receiver.next().await;
        let (title, text, _) = texts(&received);
        assert!(title.starts_with("Warning: cpu at 95"), "{title}");
        let is_cut = title.ends_with('…');
        assert_eq!(is_cut, received.body.contains("embeds"));
        assert_eq!(is_cut, text.starts_with(&title[..100]), "{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_anywhere() {
    let receiver = Receiver::start().await;
    let secret = "hunter2-hunter2";
    let config = format!(
        "{CPU_HIGH}\n[[channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/{secret}\"\nsecret = \"{secret}\""
    );
    let server = Server::with(&config).await;
    let _ = receiver;
    server.sample("cpu", 95).await;
    let refused = server.post("/api/channels/ops/test", "").await;
    let mut shown = vec![within("a body", refused.text()).await.unwrap()];
    for path in [
        "/api/channels",
        "/api/notifications",
        "/api/config",
        "/metrics",
        "/alerts",
        "/status",
        "/",
    ] {
        shown.push(within(path, server.get(path).await.text()).await.unwrap());
    }
    let feed = server.json("/api/alerts").await.to_string();
    shown.push(feed);
    assert!(shown.iter().all(|text| !text.contains(secret)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_messages_is_streamed_and_read_again_from_the_past() {
    let mut receiver = Receiver::start().await;
    receiver
        .answer([Answer::Status(500, "broken"), Answer::Status(200, "ok")])
        .await;
    let server = Server::with(&webhook(&receiver, "")).await;
    let mut live = server.stream("/api/events/notifications").await;
    let mut socket = server.socket().await;
    socket
        .ask(json!({ "type": "subscribe", "id": 1, "topics": ["notifications"] }))
        .await;
    server.sample("cpu", 95).await;
    let alert = server.open_alerts().await[0]["id"].clone();
    let mut seen = Vec::new();
    for (state, attempts, answer) in [
        ("queued", 0, ""),
        ("queued", 1, "500 Internal Server Error: broken"),
        ("sent", 2, "200 OK: ok"),
    ] {
        let event = live.event("notification").await;
        let told = &event.data;
        assert_eq!(
            (&told["state"], &told["attempts"], &told["answer"]),
            (&json!(state), &json!(attempts), &json!(answer))
        );
        assert_eq!(told["again"].is_string(), attempts == 1, "{told}");
        assert_eq!(told["alerts"], json!([alert]));
        assert_eq!(told["title"], "Warning: cpu at 95 on push");
        let by_socket = socket.frame("notification").await;
        assert_eq!(
            (&by_socket["id"], &by_socket["state"]),
            (&told["id"], &told["state"])
        );
        seen.push(told.clone());
    }
    let id = seen[0]["id"].clone();
    assert!(seen.iter().all(|told| told["id"] == id));
    assert_eq!(over(&server, 1).await[0]["id"], id);
    while let Some(received) = receiver.rest().pop() {
        assert_eq!(json!(received.header("x-tickwire-delivery")), id);
    }
    // After a restart they come from the store.
    let folder = server.stop().await;
    let server = Server::on(&folder, &webhook(&receiver, "")).await;
    let past = server
        .stream("/api/events/notifications?since=earliest&limit=3")
        .await;
    let past = past.rest().await;
    let past = past.iter().filter(|event| event.event == "notification");
    let past: Vec<_> = past.map(|event| event.data.clone()).collect();
    assert_eq!(past, seen);
    let page = server.get("/channels").await.text().await.unwrap();
    assert!(page.contains("Warning: cpu at 95 on push"), "{page}");

    // What a server that is killed has written down and not told is told by the next one.
    let folder = server.stop().await;
    let database = rusqlite::Connection::open(folder.path().join("tickwire.db")).unwrap();
    let lost = "DELETE FROM delivery_events WHERE event LIKE '%\"sent\"%'";
    assert_eq!(database.execute(lost, []).unwrap(), 1);
    drop(database);
    let server = Server::on(&folder, &webhook(&receiver, "")).await;
    let past = server
        .stream("/api/events/notifications?since=earliest&limit=3")
        .await;
    let past = past.rest().await;
    let told: Vec<_> = past
        .iter()
        .filter(|event| event.event == "notification")
        .map(|event| (event.data["state"].clone(), event.data["attempts"].clone()))
        .collect();
    assert_eq!(told[2], (json!("sent"), json!(2)));
    server.stop().await;
}
