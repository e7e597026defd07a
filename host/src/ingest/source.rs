//! Which inputs there are: names and patterns from the command line into files and standard input.

use super::IngestError;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// Returns the name that reports and messages use: the path, or `-`.
    pub fn name(&self) -> String {
        match self {
            Source::Stdin => "-".to_owned(),
            Source::File(path) => path.display().to_string(),
        }
    }

    /// Returns the path of a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::Stdin => None,
            Source::File(path) => Some(path),
        }
    }

    /// Returns how many bytes a file holds; `None` for what is no regular file.
    pub fn bytes(&self) -> Option<u64> {
        let metadata = std::fs::metadata(self.path()?).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Opens the input.
    ///
    /// # Errors
    /// What the operating system says, with the name.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, IngestError> {
        match self {
            Source::Stdin => Ok(Box::new(io::stdin())),
            Source::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(IngestError::Missing { name: self.name() })
                }
                Err(reason) => Err(IngestError::Io { name: self.name(), reason }),
            },
        }
    }
}

/// Returns the inputs that names and patterns stand for, in the order given; the files of one pattern
/// are sorted by path. An input that is named twice is read once.
///
/// # Errors
/// A file that does not exist, a pattern that matches no file, a directory.
pub fn expand(inputs: &[String]) -> Result<Vec<Source>, IngestError> {
    let mut sources = Vec::new();
    for input in inputs {
        for source in expand_one(input)? {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    Ok(sources)
}

fn expand_one(input: &str) -> Result<Vec<Source>, IngestError> {
    let path = Path::new(input);
    if input == "-" {
        Ok(vec![Source::Stdin])
    } else if path.is_dir() {
        let advice = path.join("*.json").display().to_string();
        Err(IngestError::Directory { name: input.to_owned(), advice })
    } else if path.exists() {
        Ok(vec![Source::File(path.to_owned())])
    } else if input.contains(['*', '?', '[']) {
        expand_pattern(input)
    } else {
        Err(IngestError::Missing { name: input.to_owned() })
    }
}

fn expand_pattern(pattern: &str) -> Result<Vec<Source>, IngestError> {
    let invalid = |reason: String| IngestError::Pattern { name: pattern.to_owned(), reason };
    let mut paths = Vec::new();
    for path in glob::glob(pattern).map_err(|error| invalid(error.to_string()))? {
        let path = path.map_err(|error| IngestError::Io {
            name: error.path().display().to_string(),
            reason: error.into(),
        })?;
        if !path.is_dir() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(IngestError::NoMatch { name: pattern.to_owned() });
    }
    paths.sort();
    Ok(paths.into_iter().map(Source::File).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", "a.json", "c.txt", "odd[1].json"] {
            std::fs::write(folder.path().join(name), "[]").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.json")).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let check = |inputs: &[&str], expect: Result<&[&str], &str>| {
            let inputs: Vec<String> =
                inputs.iter().map(|i| if *i == "-" { "-".into() } else { at(i) }).collect();
            let got = expand(&inputs).map(|sources| sources.iter().map(Source::name).collect::<Vec<_>>());
            match expect {
                Ok(names) => {
                    let names: Vec<_> =
                        names.iter().map(|n| if *n == "-" { "-".into() } else { at(n) }).collect();
                    assert_eq!(got.unwrap(), names);
                }
                Err(part) => {
                    let message = got.unwrap_err().to_string();
                    assert!(message.contains(part), "{message}");
                }
            }
        };
        check(&["c.txt", "-"], Ok(&["c.txt", "-"]));
        check(&["*.json"], Ok(&["a.json", "b.json", "odd[1].json"]));
        check(&["b.json", "?.json", "-", "-"], Ok(&["b.json", "a.json", "-"]));
        check(&["odd[1].json"], Ok(&["odd[1].json"]));
        check(&["none*.json"], Err("no file matches"));
        check(&["none.json"], Err("no such file"));
        check(&["d.json"], Err("*.json`"));
        check(&["a[.json"], Err("not a valid file pattern"));
    }
}
