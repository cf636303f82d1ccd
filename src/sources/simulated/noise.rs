//! Numbers that look like chance and are not: the same seed gives the same numbers on every machine and in every
//! version, because the generator (ChaCha8) and what is made of it are fixed here.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// A stream of numbers of one part of the simulation. Parts have streams of their own, so that one that draws more does
/// not change the others.
#[derive(Debug)]
pub(super) struct Noise(ChaCha8Rng);

impl Noise {
    /// `part` names the part; its first 24 bytes count.
    pub(super) fn new(seed: u64, part: &str) -> Self {
        let mut key = [0; 32];
        let bytes = seed.to_le_bytes().into_iter().chain(part.bytes());
        for (place, byte) in key.iter_mut().zip(bytes) {
            *place = byte;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// From 0 up to 1, every number as likely as the others.
    pub(super) fn unit(&mut self) -> f64 {
        const BITS: u32 = f64::MANTISSA_DIGITS;
        (self.0.next_u64() >> (u64::BITS - BITS)) as f64 / (1u64 << BITS) as f64
    }

    /// From `low` up to `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normally distributed around 0 with deviation 1 (Box and Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// How many of independent events happen when `mean` are expected: counted (Knuth) when few, else as good as normal.
    pub(super) fn count(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let limit = (-mean).exp();
        let (mut events, mut product) = (0.0, self.unit());
        while product > limit {
            events += 1.0;
            product *= self.unit();
        }
        events
    }
}

/// A value that is pushed about and always drawn back to its mean (Ornstein and Uhlenbeck).
#[derive(Debug)]
pub(super) struct Wander {
    pub(super) value: f64,
    mean: f64,
    /// The standard deviation in the long run.
    spread: f64,
    /// The time after which a third of a deviation is left.
    memory_seconds: f64,
}

impl Wander {
    pub(super) fn new(mean: f64, spread: f64, memory_seconds: f64) -> Self {
        Self {
            value: mean,
            mean,
            spread,
            memory_seconds,
        }
    }

    /// The value `seconds` later.
    pub(super) fn step(&mut self, seconds: f64, noise: &mut Noise) -> f64 {
        let kept = (-seconds / self.memory_seconds).exp();
        let push = self.spread * (1.0 - kept * kept).sqrt() * noise.normal();
        self.value = self.mean + (self.value - self.mean) * kept + push;
        self.value
    }
}

/// Something that happens now and then, lasts a while, and comes and goes softly.
#[derive(Debug)]
pub(super) struct Episode {
    every_seconds: f64,
    lasts_seconds: (f64, f64),
    left_seconds: f64,
    target: f64,
    strength: f64,
}

impl Episode {
    /// About once in `every_seconds`, for a time in the range `lasts_seconds`.
    pub(super) fn new(every_seconds: f64, lasts_seconds: (f64, f64)) -> Self {
        Self {
            every_seconds,
            lasts_seconds,
            left_seconds: 0.0,
            target: 0.0,
            strength: 0.0,
        }
    }

    /// How strong it is `seconds` later, from 0 to 1.
    pub(super) fn step(&mut self, seconds: f64, noise: &mut Noise) -> f64 {
        const SOFTNESS_SECONDS: f64 = 2.0;
        self.left_seconds -= seconds;
        if self.left_seconds <= 0.0 {
            self.target = 0.0;
            if noise.unit() < seconds / self.every_seconds {
                self.left_seconds = noise.between(self.lasts_seconds.0, self.lasts_seconds.1);
                self.target = noise.between(0.4, 1.0);
            }
        }
        let kept = (-seconds / SOFTNESS_SECONDS).exp();
        self.strength = self.target + (self.strength - self.target) * kept;
        self.strength
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut noise = Noise::new(42, "part");
        let first: Vec<f64> = (0..3).map(|_| noise.unit()).collect();
        assert_eq!(
            first,
            [0.92019736205369, 0.021570994695463308, 0.9710049516046049]
        );
    }

    #[test]
    fn parts_have_streams_of_their_own() {
        assert_ne!(Noise::new(42, "a").unit(), Noise::new(42, "b").unit());
        assert_ne!(Noise::new(42, "a").unit(), Noise::new(43, "a").unit());
    }

    #[test]
    fn means_and_deviations_are_as_asked_for() {
        const N: u32 = 20_000;
        let mut noise = Noise::new(1, "statistics");
        let normal: f64 = (0..N).map(|_| noise.normal().powi(2)).sum();
        assert!((normal / f64::from(N) - 1.0).abs() < 0.05);
        for mean in [0.3, 4.0, 80.0] {
            let counted: f64 = (0..N).map(|_| noise.count(mean)).sum();
            assert!((counted / f64::from(N) / mean - 1.0).abs() < 0.05);
        }
        let mut wander = Wander::new(10.0, 2.0, 5.0);
        let squares: f64 = (0..N)
            .map(|_| (wander.step(1.0, &mut noise) - 10.0).powi(2))
            .sum();
        assert!((squares / f64::from(N) - 4.0).abs() < 0.6);
    }
}
