//! Where a round trip ran: from what a span, the settings and the tables say to one place with or
//! without a known grid.

use super::grid::{Grid, GridPoint};
use super::options::GreenOptions;
use crate::trace::{Span, TextId, Texts};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Name of the place of spans for which nobody names a region.
const UNKNOWN: &str = "unknown";

/// One region, and what is known of its grid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Region in lower case, or `unknown`.
    pub region: String,
    /// What is known of it.
    pub grid: PlaceGrid,
}

/// What is known of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PlaceGrid {
    /// In the tables.
    Known(GridPoint),
    /// Named, but in no table.
    OutOfTable,
    /// Not even named.
    Unresolved,
}

impl Place {
    pub fn point(&self) -> Option<&GridPoint> {
        match &self.grid {
            PlaceGrid::Known(point) => Some(point),
            PlaceGrid::OutOfTable | PlaceGrid::Unresolved => None,
        }
    }

    /// Returns the word of the report.
    pub fn status(&self) -> &'static str {
        match self.grid {
            PlaceGrid::Known(_) => "known",
            PlaceGrid::OutOfTable => "out_of_table",
            PlaceGrid::Unresolved => "unresolved",
        }
    }
}

/// How the region of a span was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    /// Number of the place.
    pub place: usize,
    /// Whether the span names a region that cannot be one, which is passed over.
    pub bad_region: bool,
}

/// Every place of an analysis, found once per pair of service and region.
#[derive(Clone, Debug)]
pub(super) struct Places {
    grid: Grid,
    places: Vec<Place>,
    by_region: BTreeMap<String, usize>,
    located: FxHashMap<(TextId, TextId), Located>,
    /// `service_regions` with keys and values in lower case.
    service_regions: BTreeMap<String, String>,
}

impl Places {
    pub fn new(options: &GreenOptions) -> Places {
        let lower = |(key, value): (&String, &String)| (key.to_lowercase(), value.to_ascii_lowercase());
        Places {
            grid: Grid::embedded(),
            places: Vec::new(),
            by_region: BTreeMap::new(),
            located: FxHashMap::default(),
            service_regions: options.service_regions.iter().map(lower).collect(),
        }
    }

    pub fn all(&self) -> &[Place] {
        &self.places
    }

    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Returns the place of a span: its own region, else its service's, else the default.
    pub fn locate(&mut self, span: &Span, texts: &Texts, options: &GreenOptions) -> Located {
        let key = (span.service, span.region);
        if let Some(located) = self.located.get(&key) {
            return *located;
        }
        let stated = texts.get(span.region);
        let bad_region = !stated.is_empty() && !stated.eq_ignore_ascii_case(UNKNOWN) && !is_region_id(stated);
        let stated = Some(stated).filter(|region| is_region_id(region));
        let region = stated
            .or_else(|| self.region_of(texts.get(span.service)))
            .or(options.default_region.as_deref())
            .map(str::to_ascii_lowercase);
        let located = Located { place: self.place(region, options), bad_region };
        self.located.insert(key, located);
        located
    }

    /// Returns the region that the settings give to a service or a host.
    pub fn region_of(&self, service: &str) -> Option<&str> {
        self.service_regions.get(&service.to_lowercase()).map(String::as_str)
    }

    fn place(&mut self, region: Option<String>, options: &GreenOptions) -> usize {
        let name = region.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        if let Some(place) = self.by_region.get(&name) {
            return *place;
        }
        let grid = match region {
            None => PlaceGrid::Unresolved,
            Some(region) => match self.grid.lookup(&region) {
                Some(point) => PlaceGrid::Known(with_pue(point, options)),
                None => PlaceGrid::OutOfTable,
            },
        };
        self.by_region.insert(name.clone(), self.places.len());
        self.places.push(Place { region: name, grid });
        self.places.len() - 1
    }
}

/// Returns whether a text can name a region: 1 to 64 letters, digits, `-` and `_`. `unknown` is what
/// some SDKs write when they do not know.
pub fn is_region_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !text.eq_ignore_ascii_case(UNKNOWN)
}

fn with_pue(point: GridPoint, options: &GreenOptions) -> GridPoint {
    let Some(pue) = options.pue else { return point };
    let grid = point.provenance.split("; PUE").next().unwrap_or_default();
    GridPoint { intensity: point.intensity, pue, provenance: format!("{grid}; PUE configured") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Pue;

    /// Places a span of `service` with `region` and returns region, status and whether its own was passed over.
    fn locate(service: &str, region: &str, options: &GreenOptions) -> (String, &'static str, bool) {
        let mut texts = Texts::default();
        let span = Span { service: texts.intern(service), region: texts.intern(region), ..Span::default() };
        let mut places = Places::new(options);
        let located = places.locate(&span, &texts, options);
        let place = &places.all()[located.place];
        (place.region.clone(), place.status(), located.bad_region)
    }

    fn options() -> GreenOptions {
        GreenOptions {
            default_region: Some("eu-central-1".into()),
            service_regions: BTreeMap::from([("Orders".into(), "EU-west-3".into())]),
            ..GreenOptions::default()
        }
    }

    #[test]
    fn the_nearest_statement_wins() {
        let check = |service: &str, region: &str, expect: &str| {
            assert_eq!(locate(service, region, &options()), (expect.into(), "known", false));
        };
        check("orders", "us-west-2", "us-west-2"); // the span's own
        check("orders", "US-West-2", "us-west-2");
        check("ORDERS", "", "eu-west-3"); // the service's
        check("billing", "", "eu-central-1"); // the default
    }

    #[test]
    fn nothing_known_is_said() {
        let none = GreenOptions::default();
        assert_eq!(locate("billing", "", &none), ("unknown".into(), "unresolved", false));
        assert_eq!(locate("billing", "mars-1", &none), ("mars-1".into(), "out_of_table", false));
    }

    #[test]
    fn an_impossible_region_is_passed_over() {
        let long = "a".repeat(65);
        for region in ["eu west 3", "x\u{1b}[31m", long.as_str()] {
            assert_eq!(locate("billing", region, &options()), ("eu-central-1".into(), "known", true));
        }
    }

    #[test]
    fn saying_unknown_is_saying_nothing() {
        assert_eq!(locate("billing", "Unknown", &options()), ("eu-central-1".into(), "known", false));
    }

    #[test]
    fn the_configured_pue_replaces_the_tables() {
        let options = GreenOptions { pue: Some(Pue::new(1.5)), ..options() };
        let mut texts = Texts::default();
        let span = Span { region: texts.intern("eu-west-3"), ..Span::default() };
        let mut places = Places::new(&options);
        let located = places.locate(&span, &texts, &options);
        let point = places.all()[located.place].point().unwrap();
        assert_eq!(point.pue, Pue::new(1.5));
        assert!(point.provenance.ends_with("factors; PUE configured"), "{}", point.provenance);
    }
}
