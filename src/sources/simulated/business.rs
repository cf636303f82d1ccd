//! A simulated shop: people come and go, look at pages, and some buy. More people means more of everything.

use super::noise::{Episode, Noise, Wander};
use crate::sources::{metric::MetricDoc, recorder::Recorder};

const USERS: MetricDoc = MetricDoc::gauge("shop_users", "", &[], 0, "People in the shop now.");
const VIEWS: MetricDoc = MetricDoc::rate("shop_views", "/s", &[], 1, "Pages looked at.");
const REQUESTS: MetricDoc =
    MetricDoc::rate("shop_requests", "/s", &[], 1, "Calls to the shop's API.");
const SALES: MetricDoc = MetricDoc::rate("shop_sales", "/s", &[], 2, "Orders paid.");
const REVENUE: MetricDoc = MetricDoc::rate("shop_revenue", "USD/s", &[], 2, "Money taken.");

/// What this part records.
pub const METRICS: &[MetricDoc] = &[USERS, VIEWS, REQUESTS, SALES, REVENUE];

/// The state of the shop.
#[derive(Debug)]
pub(super) struct Business {
    noise: Noise,
    users: Wander,
    campaign: Episode,
}

impl Business {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed, "business"),
            users: Wander::new(420.0, 60.0, 120.0),
            campaign: Episode::new(300.0, (30.0, 90.0)),
        }
    }

    /// `seconds` later.
    pub(super) fn step(&mut self, seconds: f64, out: &mut Recorder) {
        let noise = &mut self.noise;
        let campaign = self.campaign.step(seconds, noise);
        let users = (self.users.step(seconds, noise) * (1.0 + 0.8 * campaign)).max(1.0);
        let views = noise.count(users * 0.12 * seconds);
        let requests = noise.count(views * 3.5);
        let sales = noise.count(users * (0.002 + 0.003 * campaign) * seconds);
        // Prices of many orders vary less than those of one.
        let revenue = sales * 38.0 * (1.0 + 0.3 * noise.normal() / sales.max(1.0).sqrt()).max(0.1);
        USERS.record(out, [], users);
        VIEWS.record(out, [], views / seconds);
        REQUESTS.record(out, [], requests / seconds);
        SALES.record(out, [], sales / seconds);
        REVENUE.record(out, [], revenue / seconds);
    }
}
