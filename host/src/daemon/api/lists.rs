//! Findings, problems and acknowledgments, in pages.

use super::params::{Filter, Query};
use super::routes::{Call, Reply};
use super::{Refusal, Shared};
use crate::daemon::acks::{Origin, today};
use crate::daemon::state::{Known, StoredFinding};
use crate::daemon::{report, wall_ns};
use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tracewatt_core::acknowledge::{Acknowledgment, Date};
use tracewatt_core::finding::StandingProblem;
use tracewatt_core::report::Problem;

/// Acknowledgments, and the day they are looked at.
pub(super) struct Accepted {
    entries: Vec<Acknowledgment>,
    today: Date,
}

impl Accepted {
    pub fn of(shared: &Shared) -> Accepted {
        Accepted { entries: report::acknowledgments(shared, &shared.generations.current()), today: today() }
    }

    /// Returns the entry by which a problem is acknowledged.
    fn of_problem(&self, problem: &Problem) -> Option<&Acknowledgment> {
        self.entries.iter().find(|entry| !entry.is_expired(self.today) && entry.selector.matches(problem))
    }
}

fn is_wanted(wanted: Option<bool>, is_acknowledged: impl FnOnce() -> bool) -> bool {
    wanted.is_none_or(|wanted| is_acknowledged() == wanted)
}

/// `GET /api/findings`: the newest first.
pub(super) fn findings(shared: &Shared, call: &Call) -> Reply {
    let (filter, limit) = (call.query.filter()?, call.query.limit());
    let before = match call.query.text("cursor") {
        None => u64::MAX,
        Some(text) => text.parse().map_err(|_| no_cursor(text))?,
    };
    let accepted = Accepted::of(shared);
    let page = shared.state.look(|known| {
        let passes = |stored: &&StoredFinding| {
            let finding = &stored.finding;
            stored.number < before
                && stored.stored_at_ms >= filter.since_ms
                && filter.passes(&finding.kind, &finding.service, &finding.source_endpoint, finding.severity)
                && is_wanted(filter.acknowledged, || is_acknowledged(known, &accepted, stored))
        };
        let found = known.findings.iter().rev().filter(passes).take(limit + 1);
        found.map(|stored| (stored.number, finding(known, &accepted, stored))).collect::<Vec<_>>()
    });
    Ok(paged("findings", page, limit, |number| number.to_string()))
}

/// `GET /api/findings/{id}`: one by its number, or those about a trace.
pub(super) fn findings_about(shared: &Shared, call: &Call) -> Reply {
    let id = call.path.as_str();
    let accepted = Accepted::of(shared);
    let found: Vec<Value> = shared.state.look(|known| {
        let of_trace = |stored: &&StoredFinding| stored.finding.trace_id.eq_ignore_ascii_case(id);
        let of_number = |stored: &&StoredFinding| id.parse() == Ok(stored.number);
        let mut found: Vec<_> = known.findings.iter().filter(of_trace).collect();
        if found.is_empty() {
            found.extend(known.findings.iter().find(of_number));
        }
        found.into_iter().map(|stored| finding(known, &accepted, stored)).collect()
    });
    if found.is_empty() {
        let message = format!(
            "no finding has the number `{id}`, or is about a trace of this id; old ones are forgotten"
        );
        return Err(Refusal::not_found(message));
    }
    Ok(Json(json!({ "findings": found, "next_cursor": null })).into_response())
}

fn is_acknowledged(known: &Known, accepted: &Accepted, stored: &StoredFinding) -> bool {
    let problem = known.standing.get(&stored.fingerprint);
    problem.is_some_and(|standing| accepted.of_problem(&standing.problem).is_some())
}

fn finding(known: &Known, accepted: &Accepted, stored: &StoredFinding) -> Value {
    let mut json = json!(stored);
    if is_acknowledged(known, accepted, stored) {
        json["finding"]["acknowledged"] = json!(true);
    }
    json
}

/// What puts a problem before others: worst first.
type Place = (Reverse<(u8, u64)>, String);

fn place(problem: &Problem) -> Place {
    (Reverse((problem.severity as u8, problem.occurrences)), problem.fingerprint.clone())
}

fn cursor_of(&(Reverse((severity, occurrences)), ref fingerprint): &Place) -> String {
    format!("{severity}-{occurrences}-{fingerprint}")
}

fn place_of(cursor: &str) -> Option<Place> {
    let mut parts = cursor.splitn(3, '-');
    let (severity, occurrences) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((Reverse((severity, occurrences)), parts.next()?.to_owned()))
}

fn no_cursor(text: &str) -> Refusal {
    Refusal::bad(format!("`cursor` is none that an answer gave: `{text}`"))
}

/// `GET /api/problems`: worst first, or sums per group.
pub(super) fn problems(shared: &Shared, call: &Call) -> Reply {
    let Call { query, .. } = call;
    let (filter, limit) = (query.filter()?, query.limit());
    let behind = match query.text("cursor") {
        None => None,
        Some(text) => Some(place_of(text).ok_or_else(|| no_cursor(text))?),
    };
    if let Some(group_by) = query.text("group_by") {
        if query.text("cursor").is_some() || query.text("limit").is_some() {
            return Err(Refusal::bad("`group_by` gives all groups at once: leave `limit` and `cursor` out"));
        }
        return Ok(groups(shared, query, &filter, group_by));
    }
    let (accepted, now_ns) = (Accepted::of(shared), wall_ns());
    let page = shared.state.look(|known| {
        let mut found: Vec<_> = matching(known, query, &filter, &accepted, now_ns)
            .map(|standing| (place(&standing.problem), standing))
            .filter(|(place, _)| behind.as_ref().is_none_or(|behind| place > behind))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.truncate(limit + 1);
        let one = |(place, standing)| (place, problem(known, &accepted, standing, now_ns));
        found.into_iter().map(one).collect::<Vec<_>>()
    });
    Ok(paged("problems", page, limit, cursor_of))
}

fn matching<'a>(
    known: &'a Known,
    query: &'a Query,
    filter: &'a Filter,
    accepted: &'a Accepted,
    now_ns: u64,
) -> impl Iterator<Item = &'a StandingProblem> {
    let wanted = query.text("status");
    known.standing.reported().filter(move |standing| {
        let status = || standing.status(now_ns, known.standing.options()).word();
        standing.last_seen_ns / 1_000_000 >= filter.since_ms
            && filter.passes_problem(&standing.problem)
            && wanted.is_none_or(|wanted| status() == wanted)
            && is_wanted(filter.acknowledged, || accepted.of_problem(&standing.problem).is_some())
    })
}

/// `GET /api/problems/{fingerprint}`: one with its worst findings.
pub(super) fn one_problem(shared: &Shared, call: &Call) -> Reply {
    let id = call.path.as_str();
    let (accepted, now_ns) = (Accepted::of(shared), wall_ns());
    let found = shared.state.look(|known| {
        let named = |standing: &&StandingProblem| {
            let Problem { id: short, fingerprint, signature, .. } = &standing.problem;
            [short, fingerprint, signature].into_iter().any(|name| name == id)
        };
        let standing = known.standing.reported().find(named)?;
        let mut json = problem(known, &accepted, standing, now_ns);
        json["findings"] = json!(standing.findings);
        Some(json)
    });
    let message = || format!("no problem has the fingerprint, id or signature `{id}`");
    found.map(|found| Json(found).into_response()).ok_or_else(|| Refusal::not_found(message()))
}

/// Returns a problem as the API has it.
pub(in crate::daemon) fn problem_json(known: &Known, standing: &StandingProblem, now_ns: u64) -> Value {
    json!({
        "status": standing.status(now_ns, known.standing.options()).word(),
        "first_seen_ms": standing.first_seen_ns / 1_000_000,
        "last_seen_ms": standing.last_seen_ns / 1_000_000,
        "problem": standing.problem,
    })
}

fn problem(known: &Known, accepted: &Accepted, standing: &StandingProblem, now_ns: u64) -> Value {
    let mut json = problem_json(known, standing, now_ns);
    let entry = accepted.of_problem(&standing.problem);
    json["acknowledged"] = json!(entry.is_some());
    if let Some(entry) = entry {
        json["acknowledgment"] = ack(entry, origin(entry), accepted.today);
    }
    json
}

/// Sums of one group.
#[derive(Default)]
struct Group {
    problems: u64,
    instances: u64,
    occurrences: u64,
    avoidable: u64,
    energy_joules: f64,
    carbon_gco2: f64,
}

fn groups(shared: &Shared, query: &Query, filter: &Filter, group_by: &str) -> axum::response::Response {
    let (accepted, now_ns) = (Accepted::of(shared), wall_ns());
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    shared.state.look(|known| {
        for standing in matching(known, query, filter, &accepted, now_ns) {
            let problem = &standing.problem;
            let value = match group_by {
                "severity" => crate::report::words::severity(problem.severity),
                "service" => &problem.service,
                "endpoint" => &problem.source_endpoint,
                "status" => standing.status(now_ns, known.standing.options()).word(),
                _ => &problem.kind,
            };
            let (group, impact) = (groups.entry(value.to_owned()).or_default(), &problem.green_impact);
            group.problems += 1;
            group.instances += problem.instances;
            group.occurrences += problem.occurrences;
            group.avoidable += impact.estimated_extra_io_ops;
            group.energy_joules += impact.energy_joules.map_or(0.0, |energy| energy.mid);
            group.carbon_gco2 += impact.carbon_gco2.map_or(0.0, |carbon| carbon.mid);
        }
    });
    let one = |(value, group): (String, Group)| {
        json!({
            group_by: value,
            "problems": group.problems,
            "instances": group.instances,
            "occurrences": group.occurrences,
            "estimated_extra_io_ops": group.avoidable,
            "energy_joules": group.energy_joules,
            "carbon_gco2": group.carbon_gco2,
        })
    };
    let groups: Vec<Value> = groups.into_iter().map(one).collect();
    Json(json!({ "groups": groups, "next_cursor": null })).into_response()
}

/// `GET /api/acks`: those of the file, then those made here.
pub(super) fn acks(shared: &Shared, call: &Call) -> Reply {
    let limit = call.query.limit();
    let start: usize = match call.query.text("cursor") {
        None => 0,
        Some(text) => text.parse().map_err(|_| no_cursor(text))?,
    };
    let accepted = Accepted::of(shared);
    let page = accepted.entries.iter().enumerate().skip(start).take(limit + 1);
    let page = page.map(|(at, entry)| (at + 1, ack(entry, origin(entry), accepted.today))).collect();
    Ok(paged("acks", page, limit, |at| at.to_string()))
}

/// Lines of a file start at 1.
fn origin(entry: &Acknowledgment) -> Origin {
    if entry.line == 0 { Origin::Daemon } else { Origin::File }
}

/// Returns an acknowledgment as the API has it.
pub(super) fn ack(entry: &Acknowledgment, origin: Origin, today: Date) -> Value {
    let selector = &entry.selector;
    let mut json = json!({ "source": origin.word() });
    if origin == Origin::Daemon {
        json["id"] = json!(entry.entry);
    }
    let pattern = |pattern: &Option<tracewatt_core::acknowledge::NamePattern>| {
        pattern.as_ref().map(|pattern| pattern.as_str().to_owned())
    };
    let parts = [
        ("problem", selector.identity.clone()),
        ("type", pattern(&selector.kind)),
        ("service", pattern(&selector.service)),
        ("endpoint", pattern(&selector.endpoint)),
        ("expires_at", entry.expires_at.map(|last| last.to_string())),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            json[name] = json!(value);
        }
    }
    json["reason"] = json!(entry.reason);
    json["acknowledged_by"] = json!(entry.acknowledged_by);
    json["acknowledged_at"] = json!(entry.acknowledged_at);
    json["expired"] = json!(entry.is_expired(today));
    json
}

/// Returns a page: of one entry more than the limit, the last is only a sign that there are more.
fn paged<K>(
    name: &str,
    mut page: Vec<(K, Value)>,
    limit: usize,
    cursor: impl Fn(&K) -> String,
) -> axum::response::Response {
    let has_more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| has_more).map(|(place, _)| cursor(place));
    let entries: Vec<Value> = page.into_iter().map(|(_, entry)| entry).collect();
    Json(json!({ name: entries, "next_cursor": next })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let place: Place = (Reverse((2, 17)), "tw1:ab-cd".to_owned());
        assert_eq!(place_of(&cursor_of(&place)), Some(place));
        for bad in ["", "1", "1-2", "x-2-f", "1-y-f"] {
            assert_eq!(place_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn places_are_worst_first() {
        let of = |severity, occurrences, fingerprint: &str| {
            (Reverse((severity, occurrences)), fingerprint.to_owned())
        };
        let mut places: Vec<Place> = vec![of(1, 9, "b"), of(2, 1, "c"), of(1, 9, "a"), of(1, 10, "d")];
        places.sort();
        let names: Vec<&str> = places.iter().map(|(_, fingerprint)| &fingerprint[..]).collect();
        assert_eq!(names, ["c", "d", "a", "b"]);
    }
}
