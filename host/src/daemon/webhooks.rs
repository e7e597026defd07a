//! Tells others of problems: signed requests, tried again when they fail, each in a queue of its own, so that one
//! receiver that is slow holds up no other.
//!
//! ```text
//! POST url
//! tracewatt-event: problem.new
//! tracewatt-delivery: the same for every attempt at one event
//! tracewatt-timestamp: seconds since the epoch
//! tracewatt-signature: v1=HMAC-SHA256(secret, timestamp + "." + body), in hex
//! {"event": ..., "delivery": ..., "problem": as /api/problems has it}
//! ```

use super::Shared;
use super::wall_ns;
use crate::config::{HookEvent, WebhookConfig};
use anyhow::{Context, Result};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracewatt_core::finding::{Standing, StandingStatus};

/// Events that may wait for one receiver.
const AHEAD: usize = 256;
/// Attempts at one event: the last comes about two minutes after the first.
const ATTEMPTS: u32 = 8;
/// Pause behind the first attempt; it doubles each time, and up to half of it is added by chance.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long attempts go on once the daemon is to end.
const GRACE: Duration = Duration::from_secs(5);
/// Nanoseconds of an hour.
const HOUR_NS: u64 = 3_600_000_000_000;

/// An event for one receiver.
struct Job {
    name: &'static str,
    delivery: String,
    body: String,
    hook: WebhookConfig,
}

/// What a receiver was told of a problem.
#[derive(Clone, Copy, Debug)]
struct Told {
    status: StandingStatus,
    at_ns: u64,
}

/// What one receiver was told, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    told: BTreeMap<String, Told>,
}

impl Alerts {
    /// Returns what a receiver is to be told now, by fingerprint. `is_accepted` says which problems somebody has
    /// acknowledged: of those only the end is told, if the beginning was.
    pub fn due(
        &mut self,
        hook: &WebhookConfig,
        standing: &Standing,
        is_accepted: impl Fn(&tracewatt_core::report::Problem) -> bool,
        now_ns: u64,
    ) -> Vec<(String, HookEvent)> {
        let mut due = Vec::new();
        for problem in standing.reported().filter(|one| one.problem.severity >= hook.severity) {
            let fingerprint = &problem.problem.fingerprint;
            let status = problem.status(now_ns, standing.options());
            let told = self.told.get(fingerprint).copied();
            let event = match (told, status) {
                (None | Some(Told { status: StandingStatus::Resolved, .. }), StandingStatus::Resolved) => {
                    None
                }
                (Some(_), StandingStatus::Resolved) => Some(HookEvent::Resolved),
                (None, StandingStatus::New) => Some(HookEvent::New),
                (None, StandingStatus::Existing) => Some(HookEvent::Ongoing),
                (None | Some(Told { status: StandingStatus::Resolved, .. }), _) => Some(HookEvent::Regressed),
                (Some(told), _) => {
                    let pause_ns = hook.realert_hours.saturating_mul(HOUR_NS);
                    let is_seen = problem.last_seen_ns > told.at_ns;
                    let is_late = pause_ns > 0 && now_ns.saturating_sub(told.at_ns) >= pause_ns;
                    (is_seen && is_late).then_some(HookEvent::Ongoing)
                }
            };
            let is_told = |event: &HookEvent| *event == HookEvent::Resolved || !is_accepted(&problem.problem);
            if let Some(event) = event.filter(is_told) {
                self.told.insert(fingerprint.clone(), Told { status, at_ns: now_ns });
                due.extend(hook.events.contains(&event).then(|| (fingerprint.clone(), event)));
            }
        }
        self.told.retain(|fingerprint, _| standing.get(fingerprint).is_some());
        due
    }

    /// Takes everything that stands now as told: a daemon that starts anew does not tell it again.
    pub fn start(&mut self, standing: &Standing, now_ns: u64) {
        for problem in standing.reported() {
            let status = problem.status(now_ns, standing.options());
            self.told.insert(problem.problem.fingerprint.clone(), Told { status, at_ns: now_ns });
        }
    }
}

/// One receiver and its thread.
struct Hook {
    alerts: Alerts,
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

/// All receivers, by address.
#[derive(Default)]
pub(super) struct Webhooks {
    hooks: BTreeMap<String, Hook>,
    ending: Arc<AtomicBool>,
    has_looked: bool,
}

impl Webhooks {
    /// Looks which receivers are to be told of what, and queues that. The configuration in force says who they are.
    pub fn look(&mut self, shared: &Arc<Shared>) -> Result<()> {
        let generation = shared.generations.current();
        let configured = &generation.session.config.daemon.webhooks;
        let is_start = !std::mem::replace(&mut self.has_looked, true);
        self.hooks.retain(|url, _| configured.iter().any(|hook| hook.url == *url));
        let accepted = super::report::acknowledgments(shared, &generation);
        let today = super::acks::today();
        for config in configured {
            if !self.hooks.contains_key(&config.url) {
                let mut hook = Hook::start(shared.clone(), self.ending.clone())?;
                if is_start {
                    shared.state.look(|known| hook.alerts.start(&known.standing, wall_ns()));
                }
                self.hooks.insert(config.url.clone(), hook);
            }
            let Some(hook) = self.hooks.get_mut(&config.url) else { continue };
            let now_ns = wall_ns();
            let is_accepted = |problem: &tracewatt_core::report::Problem| {
                accepted.iter().any(|entry| !entry.is_expired(today) && entry.selector.matches(problem))
            };
            let due = shared.state.look(|known| {
                let due = hook.alerts.due(config, &known.standing, is_accepted, now_ns);
                let one = |(fingerprint, event): (String, HookEvent)| {
                    let standing = known.standing.get(&fingerprint)?;
                    let problem = super::api::problem_json(known, standing, now_ns);
                    Some(job(config, event, &fingerprint, &problem, now_ns))
                };
                due.into_iter().filter_map(one).collect::<Vec<_>>()
            });
            for job in due {
                if let Err(TrySendError::Full(_)) = hook.jobs.try_send(job) {
                    shared.metrics.webhook("dropped");
                }
            }
        }
        Ok(())
    }

    /// Sends what waits, for a short while, and ends.
    pub fn end(self) {
        let Webhooks { hooks, ending, .. } = self;
        let started = Instant::now();
        let threads: Vec<JoinHandle<()>> = hooks.into_values().map(|hook| hook.thread).collect();
        while threads.iter().any(|thread| !thread.is_finished()) && started.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What is still under way ends with the process.
        ending.store(true, Ordering::Relaxed);
    }
}

fn job(hook: &WebhookConfig, event: HookEvent, fingerprint: &str, problem: &Value, now_ns: u64) -> Job {
    let name = event.name();
    let delivery = format!("{fingerprint}-{name}-{}", now_ns / 1_000_000);
    let body = json!({ "event": name, "delivery": delivery, "problem": problem }).to_string();
    Job { name, delivery, body, hook: hook.clone() }
}

impl Hook {
    fn start(shared: Arc<Shared>, ending: Arc<AtomicBool>) -> Result<Hook> {
        let (jobs, waiting) = sync_channel(AHEAD);
        let work = move || deliver(&shared, &waiting, &ending);
        let thread = std::thread::Builder::new().name("tracewatt-hook".to_owned());
        let thread = thread.spawn(work).context("cannot start the thread of a webhook")?;
        Ok(Hook { alerts: Alerts::default(), jobs, thread })
    }
}

/// Delivers to one receiver, in order, until there is no more.
fn deliver(shared: &Shared, waiting: &Receiver<Job>, ending: &AtomicBool) {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .new_agent();
    for job in waiting {
        let mut attempt = 1;
        loop {
            let result = send(&agent, &job);
            if matches!(result, Sent::Again) && attempt < ATTEMPTS && !ending.load(Ordering::Relaxed) {
                shared.metrics.webhook("retried");
                std::thread::sleep(pause(attempt, wall_ns()));
                attempt += 1;
                continue;
            }
            shared.metrics.webhook(if matches!(result, Sent::Yes) { "sent" } else { "given_up" });
            break;
        }
    }
}

/// What came of an attempt.
#[derive(Debug)]
enum Sent {
    Yes,
    /// It may go well another time.
    Again,
    /// It never will.
    No,
}

fn send(agent: &ureq::Agent, job: &Job) -> Sent {
    let timestamp = (wall_ns() / 1_000_000_000).to_string();
    let mut request = agent
        .post(&job.hook.url)
        .content_type("application/json")
        .header("tracewatt-event", job.name)
        .header("tracewatt-delivery", &job.delivery)
        .header("tracewatt-timestamp", &timestamp);
    match job.hook.secret() {
        Ok(None) => {}
        Ok(Some(secret)) => {
            let signature = format!("v1={}", signature(secret.as_bytes(), &timestamp, &job.body));
            request = request.header("tracewatt-signature", signature);
        }
        // A file that cannot be read now may be there again soon; nothing is sent without a signature.
        Err(_) => return Sent::Again,
    }
    match request.send(&job.body[..]).map(|response| response.status().as_u16()) {
        Ok(200..=299) => Sent::Yes,
        Ok(408 | 425 | 429 | 500..=599) => Sent::Again,
        Ok(_) => Sent::No,
        Err(_) => Sent::Again,
    }
}

/// Returns the pause behind an attempt, the first being 1.
fn pause(attempt: u32, chance: u64) -> Duration {
    let pause = PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let share = (chance.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1u32 << 24);
    pause.mul_f64(1.0 + share / 2.0)
}

/// Returns the signature of a body at a time, in hex.
fn signature(secret: &[u8], timestamp: &str, body: &str) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    for part in [timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::finding::{Distribution, ProblemPart, StandingOptions};
    use tracewatt_core::report::{Problem, Severity};

    const A: &str = "tw1:aaaaaaaa1000";

    fn hook() -> WebhookConfig {
        WebhookConfig {
            url: "http://localhost/".to_owned(),
            events: HookEvent::ALL.to_vec(),
            severity: Severity::Warning,
            secret: None,
            realert_hours: 1,
        }
    }

    fn part(severity: Severity) -> ProblemPart {
        let problem = Problem {
            id: "aaaaaaaa".to_owned(),
            fingerprint: A.to_owned(),
            occurrences: 1,
            severity,
            ..Problem::default()
        };
        ProblemPart { problem, findings: Vec::new(), quorum: 1, durations: Distribution::default() }
    }

    fn standing() -> Standing {
        let (resolved_after_ns, new_for_ns) = (10 * HOUR_NS, HOUR_NS);
        Standing::new(StandingOptions {
            max_problems: 9,
            findings_per_problem: 1,
            resolved_after_ns,
            new_for_ns,
        })
    }

    #[test]
    fn a_problem_is_told_once_again_while_it_goes_on_and_at_its_end() {
        let (mut standing, mut alerts) = (standing(), Alerts::default());
        let mut look = |standing: &Standing, at: u64| -> Vec<HookEvent> {
            alerts.due(&hook(), standing, |_| false, at).into_iter().map(|(_, event)| event).collect()
        };
        standing.add(vec![part(Severity::Warning)], 1);
        assert_eq!(look(&standing, 2), [HookEvent::New]);
        assert_eq!(look(&standing, HOUR_NS + 2), [], "nobody has seen it since");
        standing.add(vec![part(Severity::Warning)], HOUR_NS / 2);
        assert_eq!(look(&standing, HOUR_NS), [], "not an hour has passed");
        assert_eq!(look(&standing, HOUR_NS + 2), [HookEvent::Ongoing]);
        assert_eq!(look(&standing, 2 * HOUR_NS + 3), []);
        assert_eq!(look(&standing, 11 * HOUR_NS), [HookEvent::Resolved]);
        assert_eq!(look(&standing, 12 * HOUR_NS), []);
        standing.add(vec![part(Severity::Warning)], 13 * HOUR_NS);
        assert_eq!(look(&standing, 13 * HOUR_NS), [HookEvent::Regressed]);
    }

    #[test]
    fn what_is_accepted_or_slight_or_old_is_not_told() {
        let mut standing = standing();
        standing.add(vec![part(Severity::Info)], 1);
        assert_eq!(Alerts::default().due(&hook(), &standing, |_| false, 2), []);
        standing.add(vec![part(Severity::Critical)], 1);
        let mut alerts = Alerts::default();
        assert_eq!(alerts.due(&hook(), &standing, |_| true, 2), []);
        let only_ends = WebhookConfig { events: vec![HookEvent::Resolved], ..hook() };
        assert_eq!(alerts.due(&only_ends, &standing, |_| false, 3), []);
        assert_eq!(
            alerts.due(&only_ends, &standing, |_| false, 20 * HOUR_NS),
            [(A.to_owned(), HookEvent::Resolved)]
        );
        let mut restarted = Alerts::default();
        restarted.start(&standing, 2);
        assert_eq!(restarted.due(&hook(), &standing, |_| false, 3), []);
    }

    /// RFC 4231, test case 2, cut where the point stands: the key `Jefe`.
    #[test]
    fn signatures_are_hmac_sha256_over_time_and_body() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, known);
        let mut mac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        mac.update(b"17.{}");
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signature(b"key", "17", "{}"), hex);
    }

    #[test]
    fn pauses_double_and_vary() {
        for attempt in 1..ATTEMPTS {
            let least = PAUSE * 2u32.pow(attempt - 1);
            for chance in [0, 1, u64::MAX, 12_345_678_901] {
                let pause = pause(attempt, chance);
                assert!((least..=least.mul_f64(1.5)).contains(&pause), "{attempt} {chance}: {pause:?}");
            }
        }
    }
}
