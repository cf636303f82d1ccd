//! Tests of rules as data: samples in, expected transitions out, in a file that users keep beside their rules.
//!
//! ```toml
//! rules_file = "config.toml"             # beside this file; left out, the rules are those in it, or those that come with tickwire
//! [[tests]]
//! name = "a busy CPU is told after ten minutes"
//! interval = "1s"                        # between samples
//! expect = ["479s cpu_high fired warning", "759s cpu_high resolved warning"]
//! [[tests.series]]
//! metric = "cpu_usage"
//! values = "95*600 10..0*300 -*60"       # a value, times how often; a ramp; - is no sample
//! ```

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    alerts::Engine,
    config::{self, Config, Overrides, rule_from_json},
    model::{
        AlertEvent, HostName, Kind, Labels, MetricName, Rule, SeriesKey, SeriesSpec, SourceId,
        Timestamp, Unit,
    },
    series::{Registry, Series},
};

/// When every test begins.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// Samples of one test, at most.
const MOST: usize = 10_000_000;
/// How long a test may be: each second of it passes.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules_file: Option<String>,
    rules: Option<Vec<Value>>,
    #[serde(default)]
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    interval: Option<String>,
    expect: Vec<String>,
    series: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    metric: String,
    host: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    unit: String,
    values: String,
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub name: String,
    /// What was expected, in order.
    pub expected: Vec<String>,
    /// What happened.
    pub happened: Vec<String>,
}

impl Verdict {
    /// Whether it is as expected.
    pub fn passed(&self) -> bool {
        self.expected == self.happened
    }
}

/// Runs the tests of a file; an error is a sentence that names what is wrong with the file.
pub fn run(path: &Path) -> Result<Vec<Verdict>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    run_text(&text, folder).map_err(|error| format!("{shown}: {error}"))
}

/// As [`run`], of a text; files it names are beside `folder`.
pub fn run_text(text: &str, folder: &Path) -> Result<Vec<Verdict>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let rules = rules(&file, folder)?;
    if file.tests.is_empty() {
        return Err("it has no [[tests]]".to_owned());
    }
    let tests = file.tests.iter();
    tests
        .map(|test| {
            let verdict = test.run(&rules);
            verdict.map_err(|error| format!("test {:?}: {error}", test.name))
        })
        .collect()
}

fn rules(file: &File, folder: &Path) -> Result<Vec<Arc<Rule>>, String> {
    match (&file.rules_file, &file.rules) {
        (Some(_), Some(_)) => Err("either rules_file or [[rules]], not both".to_owned()),
        (Some(name), None) => {
            let config = Config::load(Some(&folder.join(name)), [], &Overrides::default());
            config
                .map(|config| config.rules)
                .map_err(|faults| faults.to_string())
        }
        (None, Some(rules)) => {
            let rules = rules.iter().map(rule_from_json);
            let rules = rules.map(|rule| rule.map(Arc::new).map_err(|faults| faults.to_string()));
            rules.collect()
        }
        (None, None) => Ok(Config::default().rules),
    }
}

impl Test {
    fn run(&self, rules: &[Arc<Rule>]) -> Result<Verdict, String> {
        let interval = match &self.interval {
            None => Duration::from_secs(1),
            Some(text) => config::duration(text)
                .filter(|interval| !interval.is_zero())
                .ok_or_else(|| format!("interval = {text:?}: a duration like 1s or 100ms"))?,
        };
        let (_, mut writer) = Registry::new(self.series.len());
        let mut all: Vec<(Arc<Series>, Vec<Option<f64>>)> = Vec::new();
        for written in &self.series {
            let values = values(&written.values)?;
            let resolved = writer.resolve(&SourceId::new("test"), &[written.spec()?]);
            let series = resolved.into_iter().next().and_then(Result::ok);
            let series =
                series.ok_or_else(|| format!("the series {} is there twice", written.metric))?;
            all.push((series, values));
        }
        let length = all
            .iter()
            .map(|(_, values)| values.len())
            .max()
            .unwrap_or(0);
        if length * all.len() > MOST {
            return Err(format!("more than {MOST} samples"));
        }
        if interval.as_secs_f64() * length as f64 > LONGEST.as_secs_f64() {
            return Err("it takes more than 31 days".to_owned());
        }
        let mut engine = Engine::new(rules.to_vec(), 0, Duration::from_secs(300));
        let mut happened = Vec::new();
        let mut second = START;
        for step in 0..length {
            let now = START.plus(interval.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)));
            while second <= now {
                happened.extend(engine.tick(second));
                second = second.plus(Duration::from_secs(1));
            }
            let samples = all.iter().filter_map(|(series, values)| {
                Some((series, values.get(step).copied().flatten()?))
            });
            happened.extend(engine.observe(now, now, Some(interval), samples));
        }
        let several = all
            .iter()
            .any(|(series, _)| series.key().host != all[0].0.key().host);
        Ok(Verdict {
            name: self.name.clone(),
            expected: self.expect.iter().map(|line| normal(line)).collect(),
            happened: happened.iter().map(|event| told(event, several)).collect(),
        })
    }
}

impl Written {
    fn spec(&self) -> Result<SeriesSpec, String> {
        let labels = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let said = |error: crate::model::InvalidName| error.to_string();
        Ok(SeriesSpec {
            key: SeriesKey {
                host: HostName::parse(self.host.as_deref().unwrap_or("host")).map_err(said)?,
                name: MetricName::parse(&self.metric).map_err(said)?,
                labels: Labels::parse(labels).map_err(said)?,
            },
            unit: Unit::parse(&self.unit).map_err(said)?,
            kind: Kind::Gauge,
        })
    }
}

/// `479s cpu_high fired warning`, and the host where there are several.
fn told(event: &AlertEvent, with_host: bool) -> String {
    let at = config::show_duration(event.timestamp.since(START));
    let transition = serde_json::to_value(event.transition).unwrap_or_default();
    let transition = transition.as_str().unwrap_or_default();
    let host = match with_host {
        true => format!(" {}", event.series.host),
        false => String::new(),
    };
    format!("{at} {} {transition} {}{host}", event.rule, event.level)
}

/// With the time as it is told, so that 60s and 1m are the same; anything else as it is.
fn normal(line: &str) -> String {
    let mut words = line.split_whitespace();
    let at = words.next().unwrap_or_default();
    let at = match config::duration(at) {
        Some(duration) => config::show_duration(duration),
        None => at.to_owned(),
    };
    let words: Vec<&str> = words.collect();
    format!("{at} {}", words.join(" "))
}

/// `95*600 10..0*300 -*60`.
fn values(text: &str) -> Result<Vec<Option<f64>>, String> {
    const TAKES: &str =
        "a number, a ramp like 0..100, or - for none, each times how often, like 95*600";
    let wrong = |word: &str| format!("values: {word:?} is not {TAKES}");
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let (what, times) = word.split_once('*').unwrap_or((word, "1"));
        let times: usize = times.parse().map_err(|_| wrong(word))?;
        if values.len() + times > MOST {
            return Err(format!("more than {MOST} samples"));
        }
        let number = |text: &str| {
            let number = text.parse().ok().filter(|n: &f64| n.is_finite());
            number.ok_or_else(|| wrong(word))
        };
        if what == "-" {
            values.extend(std::iter::repeat_n(None, times));
        } else if let Some((from, to)) = what.split_once("..") {
            let (from, to) = (number(from)?, number(to)?);
            let last = times.saturating_sub(1).max(1) as f64;
            values.extend((0..times).map(|n| Some(from + (to - from) * n as f64 / last)));
        } else {
            values.extend(std::iter::repeat_n(Some(number(what)?), times));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Vec<Verdict>, String> {
        run_text(text, Path::new("."))
    }

    const BUSY: &str = r#"
        [[tests]]
        name = "a busy CPU is told when most of ten minutes are known, and over when it is calm"
        expect = ["479s cpu_high fired warning", "759s cpu_high resolved warning"]
        [[tests.series]]
        metric = "cpu_usage"
        values = "95*600 20*300"
    "#;

    #[test]
    fn shipped_rules_can_be_tested() {
        let verdicts = run(BUSY).unwrap();
        assert!(verdicts[0].passed(), "{verdicts:?}");
    }

    #[test]
    fn what_happened_is_told_where_it_is_not_as_expected() {
        let verdicts = run(&BUSY.replace("479s", "8m")).unwrap();
        assert!(!verdicts[0].passed());
        assert_eq!(verdicts[0].happened[0], "479s cpu_high fired warning");
    }

    #[test]
    fn rules_of_its_own_ramps_and_missing_samples() {
        let verdicts = run(
            r#"
            [[rules]]
            name = "hot"
            metric = "heat"
            warning = { fire = 50, clear = 40 }
            no_data = { after = "5s" }
            [[tests]]
            name = "a ramp up, silence, and back"
            expect = ["51s hot fired warning", "105s hot no_data warning", "111s hot resolved warning"]
            [[tests.series]]
            metric = "heat"
            labels = { oven = "1" }
            values = "0..100*101 -*10 0"
            "#,
        )
        .unwrap();
        assert!(verdicts[0].passed(), "{verdicts:?}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        for (text, said) in [
            ("", "no [[tests]]"),
            ("tests = 5", "invalid type"),
            (
                &BUSY.replace("95*600", "95*many"),
                "values: \"95*many\" is not",
            ),
            (
                &BUSY.replace("expect", "expects"),
                "unknown field `expects`",
            ),
            (
                &format!("rules_file = \"nowhere.toml\"\n{BUSY}"),
                "nowhere.toml",
            ),
        ] {
            let error = run(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
