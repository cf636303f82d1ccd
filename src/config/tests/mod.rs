//! The configuration as a whole, through its public door.

mod files;
mod places;
mod shipped;

use super::*;

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let environment = environment.iter();
    let environment = environment.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("config.toml", text, environment, &Overrides::default())
}

fn faults(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let faults = parse(text, environment).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}
