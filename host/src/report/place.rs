//! A file of the repository for every problem: code scanning, annotations and code quality reports take
//! nothing without one, and spans seldom carry one.

use super::{RenderOptions, clean, model};

/// Longest path taken from a span, bytes.
const MAX_PATH: usize = 1000;

/// Where a problem is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path relative to the repository's root, with `/`.
    pub path: String,
    /// Line, from 1; only with a path that spans named.
    pub line: Option<u32>,
    /// Where the path comes from.
    pub origin: Origin,
}

/// Where a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The spans named the file.
    Spans,
    /// The configuration file stands in.
    ConfigFile,
    /// A made-up path of the service stands in.
    Service,
}

impl Place {
    /// Returns the sentence that keeps a reader from looking for the problem in a stand-in file.
    pub fn note(&self) -> Option<&'static str> {
        match self.origin {
            Origin::Spans => None,
            Origin::ConfigFile => {
                Some("The spans name no source file, so the configuration file stands in for it.")
            }
            Origin::Service => {
                Some("The spans name no source file, so a path of the service stands in for it.")
            }
        }
    }
}

/// Returns the place of a problem: its source file when the path can be trusted, else a stand-in.
pub fn of(problem: &model::Problem, options: &RenderOptions<'_>) -> Place {
    let code = problem.code_location.as_ref();
    let path = code.and_then(|code| code.filepath.as_deref());
    if let Some(path) = path.and_then(|path| relative(path, options.source_root)) {
        let line = code.and_then(|code| code.lineno).filter(|line| (1..=i32::MAX as u32).contains(line));
        return Place { path, line, origin: Origin::Spans };
    }
    if let Some(path) = options.config_file.and_then(|path| relative(path, options.source_root)) {
        return Place { path, line: None, origin: Origin::ConfigFile };
    }
    Place { path: format!("services/{}", slug(&problem.service)), line: None, origin: Origin::Service }
}

/// Returns a path that stays inside the repository, or nothing: absolute paths outside of `root`, schemes,
/// drives, parent folders, escapes and hostile characters are refused, never repaired.
pub fn relative(path: &str, root: Option<&str>) -> Option<String> {
    let path = path.replace('\\', "/");
    let path = match root.filter(|root| !root.is_empty()).map(|root| root.replace('\\', "/")) {
        Some(root) => below(&path, root.trim_end_matches('/')).unwrap_or(&path),
        None => &path,
    };
    let refused =
        |c: char| clean::is_hostile(c) || matches!(c, ':' | '%' | '<' | '>' | '|' | '?' | '*' | '"');
    if path.starts_with('/') || path.len() > MAX_PATH || path.contains(refused) {
        return None;
    }
    let segments: Vec<&str> =
        path.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect();
    if segments.is_empty() || segments.contains(&"..") {
        return None;
    }
    Some(segments.join("/"))
}

fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    path.strip_prefix(root)?.strip_prefix('/')
}

/// Returns a path as a URI reference (RFC 3986): everything but unreserved characters and `/` is escaped.
pub fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte as char)
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// Returns a service's name as one path segment.
fn slug(service: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let slug: String = service.chars().take(100).map(safe).collect();
    if slug.is_empty() { "unknown".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_repository() {
        for (path, root, expect) in [
            ("src/main.rs", None, Some("src/main.rs")),
            ("./src//a/./b.py", None, Some("src/a/b.py")),
            ("src\\Shop\\Orders.cs", None, Some("src/Shop/Orders.cs")),
            ("/app/src/main.py", Some("/app"), Some("src/main.py")),
            ("/app/src/main.py", Some("/app/"), Some("src/main.py")),
            ("C:\\ci\\repo\\src\\a.cs", Some("C:\\ci\\repo"), Some("src/a.cs")),
            ("/application/main.py", Some("/app"), None),
            ("/app/../etc/passwd", Some("/app"), None),
            ("/app//etc/passwd", Some("/app"), None),
            ("/etc/passwd", Some(""), None),
            ("/etc/passwd", None, None),
            ("C:/x.cs", None, None),
            ("//host/share/x", None, None),
            ("../x", None, None),
            ("a/../../x", None, None),
            ("file:///etc/passwd", None, None),
            ("webpack://app/x.js", None, None),
            ("a/%2e%2e/x", None, None),
            ("<string>", None, None),
            ("a\u{202e}b.rs", None, None),
            ("a\nb.rs", None, None),
            ("", None, None),
            (".", None, None),
        ] {
            assert_eq!(relative(path, root).as_deref(), expect, "{path:?} below {root:?}");
        }
        assert_eq!(relative(&"a".repeat(2000), None), None);
    }

    #[test]
    fn there_is_always_a_place() {
        let problem = model::Problem { service: "shop/../x y".into(), ..Default::default() };
        let plain = RenderOptions::default();
        assert_eq!(of(&problem, &plain).path, "services/shop----x-y");
        let options = RenderOptions { config_file: Some("ci/tracewatt.toml"), ..plain.clone() };
        let place = of(&problem, &options);
        assert_eq!((place.path.as_str(), place.origin), ("ci/tracewatt.toml", Origin::ConfigFile));
        let outside = RenderOptions { config_file: Some("/etc/tracewatt.toml"), ..plain };
        assert_eq!(of(&problem, &outside).origin, Origin::Service);
    }

    #[test]
    fn uris_are_escaped() {
        assert_eq!(uri("src/a b/ü#.rs"), "src/a%20b/%C3%BC%23.rs");
    }
}
