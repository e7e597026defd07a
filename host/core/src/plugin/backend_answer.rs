//! Answers of energy backends, checked: requests stay within the targets, readings are possible, texts have an end.

use super::answer::cut;
use super::backend::{Problem, Request, nonsense};
use super::bindings::energy as wit;
use super::{Fault, FaultKind};
use crate::energy::{Domain, Part, Quantity, Reading, Subject, SubjectKind};
use crate::loss::Losses;

/// Requests in one answer.
const MAX_REQUESTS: usize = 1024;
/// Readings, and problems, in one answer.
const MAX_FIGURES: usize = 50_000;
/// Longest text, bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// Longest reason of a problem, bytes.
const MAX_REASON_BYTES: usize = 40;
/// Texts of backends that were cut.
const TEXTS_CUT: &str = "backend_texts_cut";
/// Headers that steer the connection, carry secrets, or say whom a request is for: the host's alone.
const FORBIDDEN_HEADERS: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-auth-token",
    "auth-token",
];

/// A checked answer.
pub(super) struct Answer {
    pub(super) readings: Vec<Reading>,
    pub(super) problems: Vec<Problem>,
    pub(super) again_after_s: u32,
}

/// Checks what a backend wants.
pub(super) fn requests(wanted: Vec<wit::Request>, targets: &[String]) -> Result<Vec<Request>, Fault> {
    if wanted.len() > MAX_REQUESTS {
        let message = format!("{} requests in one answer, {MAX_REQUESTS} are allowed", wanted.len());
        return Err(Fault::new(FaultKind::Output, message));
    }
    let mut seen = std::collections::BTreeSet::new();
    for request in &wanted {
        let wit::Request { target, id, path, query, headers } = request;
        let wrong = |what: &str| Err(nonsense(format!("request `{id}` {what}")));
        if !targets.contains(target) {
            return wrong("is for a target that the configuration does not have");
        }
        let odd = |text: &str| text.chars().any(|c| c.is_control()) || text.len() > 16 * MAX_TEXT_BYTES;
        let escapes = path.contains(['?', '#', '\\', '%', ' ']) || path.split('/').any(|part| part == "..");
        if !path.starts_with('/') || path.starts_with("//") || escapes || odd(path) {
            return wrong("has a path that is not one below the target's address");
        }
        if query.iter().chain(headers).any(|(name, value)| name.is_empty() || odd(name) || odd(value)) {
            return wrong("has a parameter or header that is no plain text");
        }
        let forbidden = |name: &str| FORBIDDEN_HEADERS.iter().any(|one| one.eq_ignore_ascii_case(name));
        if headers
            .iter()
            .any(|(name, _)| forbidden(name) || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'))
        {
            return wrong("has a header that only the host may set");
        }
        if !seen.insert((target, id)) {
            return wrong("is there twice");
        }
    }
    let request = |request: wit::Request| {
        let wit::Request { target, id, path, query, headers } = request;
        Request { target, id, path, query, headers }
    };
    Ok(wanted.into_iter().map(request).collect())
}

/// Checks what a backend says; `source` is its id in the configuration.
pub(super) fn answer(answer: wit::Answer, source: &str, losses: &mut Losses) -> Result<Answer, Fault> {
    let wit::Answer { model, readings, problems, again_after_s } = answer;
    if readings.len().max(problems.len()) > MAX_FIGURES {
        let message = format!(
            "{} readings and {} problems in one answer, {MAX_FIGURES} of each are allowed",
            readings.len(),
            problems.len()
        );
        return Err(Fault::new(FaultKind::Output, message));
    }
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
    };
    if !is_word(&model) || model.len() > MAX_REASON_BYTES {
        return Err(nonsense(format!(
            "the model `{}` is no snake_case name",
            model.chars().take(60).collect::<String>()
        )));
    }
    if let Some(problem) =
        problems.iter().find(|problem| !is_word(&problem.reason) || problem.reason.len() > MAX_REASON_BYTES)
    {
        let reason: String = problem.reason.chars().take(60).collect();
        return Err(nonsense(format!("the reason `{reason}` of a problem is no snake_case name")));
    }
    let mut text = |mut text: String| {
        losses.add(TEXTS_CUT, u64::from(cut(&mut text, MAX_TEXT_BYTES)));
        text
    };
    let problems = problems.into_iter().map(|problem| Problem {
        target: text(problem.target),
        request: text(problem.request),
        reason: problem.reason,
        message: text(problem.message),
    });
    let problems = problems.collect();
    let mut checked = Vec::with_capacity(readings.len());
    for reading in readings {
        let unknown = |what: &str, number: u8| {
            nonsense(format!("a reading has the {what} {number}, which there is not"))
        };
        let reading = Reading {
            source: source.to_owned(),
            model: model.clone(),
            subject: Subject {
                kind: subject(reading.subject).ok_or_else(|| unknown("subject", reading.subject))?,
                name: text(reading.name),
                within: text(reading.within),
            },
            quantity: quantity(reading.quantity).ok_or_else(|| unknown("quantity", reading.quantity))?,
            low: reading.low,
            value: reading.value,
            high: reading.high,
            measured_at_ms: reading.measured_at_ms,
            interval_ms: reading.interval_ms,
            domain: domain(reading.domain).ok_or_else(|| unknown("domain", reading.domain))?,
            part: part(reading.part).ok_or_else(|| unknown("part", reading.part))?,
            estimated: reading.flags & 1 != 0,
            forecast: reading.flags & 2 != 0,
        };
        reading.check().map_err(|reason| nonsense(format!("a reading cannot be: {reason}")))?;
        checked.push(reading);
    }
    Ok(Answer { readings: checked, problems, again_after_s })
}

fn subject(number: u8) -> Option<SubjectKind> {
    use SubjectKind::{Container, Host, Pod, Process, Service, Zone};
    [Service, Container, Pod, Process, Host, Zone].get(usize::from(number)).copied()
}

fn quantity(number: u8) -> Option<Quantity> {
    use Quantity::{Energy, Intensity, MarginalIntensity, Power};
    [Energy, Power, Intensity, MarginalIntensity].get(usize::from(number)).copied()
}

fn domain(number: u8) -> Option<Domain> {
    use Domain::{Cpu, CpuDram, Dram, Gpu, Platform, Unknown, Wall};
    [Unknown, Cpu, CpuDram, Dram, Gpu, Platform, Wall].get(usize::from(number)).copied()
}

fn part(number: u8) -> Option<Part> {
    [Part::Total, Part::Active, Part::Idle].get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> wit::Request {
        wit::Request {
            target: "a".to_owned(),
            id: "metrics".to_owned(),
            path: "/metrics".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn requests_stay_within_the_targets() {
        let check = |change: &dyn Fn(&mut wit::Request), expect: &str| {
            let mut request = wanted();
            change(&mut request);
            let fault = requests(vec![request], &["a".to_owned()]).unwrap_err();
            assert_eq!(fault.message, format!("request `metrics` {expect}"));
        };
        assert_eq!(requests(vec![wanted()], &["a".to_owned()]).unwrap().len(), 1);
        check(
            &|request| request.target = "b".to_owned(),
            "is for a target that the configuration does not have",
        );
        for path in ["metrics", "//evil/x", "/../x", "/x?y", "/x%2e", "/x\r\ny", "/x y"] {
            let change = |request: &mut wit::Request| request.path = path.to_owned();
            check(&change, "has a path that is not one below the target's address");
        }
        for name in ["Authorization", "X-Auth-Token", "Host", "a b", "é"] {
            let change =
                |request: &mut wit::Request| request.headers = vec![(name.to_owned(), "x".to_owned())];
            check(&change, "has a header that only the host may set");
        }
        let change = |request: &mut wit::Request| {
            request.headers = vec![("Accept".to_owned(), "x\r\nHost: y".to_owned())]
        };
        check(&change, "has a parameter or header that is no plain text");
        let twice = requests(vec![wanted(), wanted()], &["a".to_owned()]).unwrap_err();
        assert_eq!(twice.message, "request `metrics` is there twice");
    }

    fn given() -> wit::Answer {
        let reading = wit::Reading {
            subject: 4,
            name: "host".to_owned(),
            within: String::new(),
            quantity: 1,
            low: 1.0,
            value: 2.0,
            high: 3.0,
            measured_at_ms: 5,
            interval_ms: 0,
            domain: 6,
            part: 2,
            flags: 0xffff_fffe,
        };
        wit::Answer {
            model: "meter".to_owned(),
            readings: vec![reading],
            problems: Vec::new(),
            again_after_s: 0,
        }
    }

    #[test]
    fn readings_that_cannot_be_are_faults() {
        let mut losses = Losses::default();
        let fine = answer(given(), "meter", &mut losses).unwrap().readings.remove(0);
        assert_eq!(
            (fine.subject.kind, fine.domain, fine.part),
            (SubjectKind::Host, Domain::Wall, Part::Idle)
        );
        assert!(fine.forecast && !fine.estimated);
        let mut check = |change: &dyn Fn(&mut wit::Answer), expect: &str| {
            let mut given = given();
            change(&mut given);
            let fault = answer(given, "meter", &mut losses).err().unwrap();
            assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Answer, expect));
        };
        check(&|given| given.readings[0].subject = 6, "a reading has the subject 6, which there is not");
        check(&|given| given.readings[0].quantity = 9, "a reading has the quantity 9, which there is not");
        check(
            &|given| given.readings[0].value = f64::NAN,
            "a reading cannot be: power 1 to NaN to 3 holds a number below 0 or none at all",
        );
        check(&|given| given.model = "My model".to_owned(), "the model `My model` is no snake_case name");
        let problem = |given: &mut wit::Answer| {
            let (target, request, message) = (String::new(), String::new(), String::new());
            given.problems = vec![wit::Problem { target, request, reason: "it broke".to_owned(), message }];
        };
        check(&problem, "the reason `it broke` of a problem is no snake_case name");
    }
}
