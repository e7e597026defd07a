//! How much carbon a kilowatt hour carries where the work ran, and how much the data centre adds.
//!
//! Two tables are compiled in, see `data/README.md` for origin and licence: annual averages per
//! country (Ember, CC BY 4.0) and cloud regions with country and PUE (Green Software Foundation, MIT).

use crate::units::{GramsPerKwh, Pue};
use serde::Deserialize;
use std::collections::BTreeMap;

const COUNTRIES: &str = include_str!("../../data/grid_countries.csv");
const CLOUD_REGIONS: &str = include_str!("../../data/cloud_regions.csv");

/// PUE where no provider is known: on premises, or a country code in place of a region.
const GENERIC_PUE: Pue = Pue::new(1.2);

/// Fleet averages of the providers' own reports: AWS 2024, Google trailing twelve months 2024,
/// Microsoft fiscal year 2025.
const PROVIDER_PUE: [(&str, Pue); 3] =
    [("aws", Pue::new(1.15)), ("gcp", Pue::new(1.09)), ("azure", Pue::new(1.17))];

/// The embedded tables.
#[derive(Clone, Debug)]
pub struct Grid {
    countries: BTreeMap<String, Country>,
    regions: BTreeMap<String, CloudRegion>,
}

/// What the tables say about one region.
#[derive(Clone, Debug, PartialEq)]
pub struct GridPoint {
    /// Annual average intensity.
    pub intensity: GramsPerKwh,
    /// PUE of the region, else of its provider, else 1.2.
    pub pue: Pue,
    /// Source, year and basis of the intensity, and where the PUE comes from.
    pub provenance: String,
}

/// One row of `data/grid_countries.csv`.
#[derive(Clone, Debug, Deserialize)]
struct Country {
    country: String,
    gco2_per_kwh: GramsPerKwh,
    year: u16,
    basis: String,
    factors: String,
    source: String,
}

/// One row of `data/cloud_regions.csv`.
#[derive(Clone, Debug, Deserialize)]
struct CloudRegion {
    region: String,
    provider: String,
    country: String,
    pue: Option<Pue>,
    pue_year: Option<u16>,
}

impl Grid {
    /// Parses the embedded tables: a few hundred rows, done once per analysis.
    pub fn embedded() -> Grid {
        Grid {
            countries: rows(COUNTRIES).map(|row: Country| (row.country.to_ascii_lowercase(), row)).collect(),
            regions: rows(CLOUD_REGIONS).map(|row: CloudRegion| (row.region.clone(), row)).collect(),
        }
    }

    /// Returns what is known about a cloud region (`eu-west-3`, `europe-west1`, `westeurope`), a
    /// country (`fr`) or a part of one (`fr-idf`, which gets the national average), in any case;
    /// `None` when the tables do not have it.
    pub fn lookup(&self, region: &str) -> Option<GridPoint> {
        let region = region.to_ascii_lowercase();
        if let Some(cloud) = self.regions.get(&region) {
            return self.at_cloud_region(cloud);
        }
        let country = self.countries.get(country_code(&region)?)?;
        Some(GridPoint {
            intensity: country.gco2_per_kwh,
            pue: GENERIC_PUE,
            provenance: format!("{}; PUE generic", country.provenance()),
        })
    }

    /// Returns the span of years of the country table: `2022-2024`.
    pub fn years(&self) -> String {
        let years = || self.countries.values().map(|country| country.year);
        format!("{}-{}", years().min().unwrap_or_default(), years().max().unwrap_or_default())
    }

    fn at_cloud_region(&self, cloud: &CloudRegion) -> Option<GridPoint> {
        let country = self.countries.get(&cloud.country.to_ascii_lowercase())?;
        let (pue, origin) = cloud.pue();
        Some(GridPoint {
            intensity: country.gco2_per_kwh,
            pue,
            provenance: format!("{}; PUE {origin}", country.provenance()),
        })
    }
}

impl Country {
    fn provenance(&self) -> String {
        let Country { country, year, basis, factors, source, .. } = self;
        format!("{source}, {country} {year}, {basis} basis, {factors} factors")
    }
}

impl CloudRegion {
    /// Returns the PUE and a few words on where it comes from.
    fn pue(&self) -> (Pue, String) {
        if let (Some(pue), Some(year)) = (self.pue, self.pue_year) {
            return (pue, format!("of the region, {year}"));
        }
        match PROVIDER_PUE.iter().find(|(provider, _)| *provider == self.provider) {
            Some((provider, pue)) => (*pue, format!("{provider} average")),
            None => (GENERIC_PUE, "generic".to_owned()),
        }
    }
}

/// Returns the country part of `fr`, or of an ISO 3166-2 code like `fr-idf`. Longer names are left
/// alone: the `sa` of an unknown `sa-east-9` is not Saudi Arabia.
fn country_code(region: &str) -> Option<&str> {
    let (country, part) = region.split_once('-').unwrap_or((region, "x"));
    let is_code = country.len() == 2
        && country.bytes().all(|b| b.is_ascii_lowercase())
        && (1..=3).contains(&part.len())
        && part.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(if country == "uk" { "gb" } else { country })
}

/// Rows of an embedded table. A test proves that none is left out for being unreadable.
fn rows<T: for<'de> Deserialize<'de>>(table: &'static str) -> impl Iterator<Item = T> {
    csv::Reader::from_reader(table.as_bytes()).into_deserialize().filter_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_possible() {
        let grid = Grid::embedded();
        assert_eq!(grid.countries.len(), COUNTRIES.lines().count() - 1);
        assert_eq!(grid.regions.len(), CLOUD_REGIONS.lines().count() - 1);
        for country in grid.countries.values() {
            assert!(country.gco2_per_kwh.is_valid(), "{country:?}");
            assert!((2020..2100).contains(&country.year), "{country:?}");
            assert!(!country.source.is_empty() && !country.basis.is_empty() && !country.factors.is_empty());
        }
        for cloud in grid.regions.values() {
            assert!(grid.lookup(&cloud.region).is_some_and(|point| point.pue.is_valid()), "{cloud:?}");
            assert_eq!(cloud.pue.is_some(), cloud.pue_year.is_some(), "{cloud:?}");
            assert!(crate::energy::is_region_id(&cloud.region), "{cloud:?}");
        }
    }

    #[test]
    fn nothing_under_the_odbl_is_embedded() {
        for table in [COUNTRIES, CLOUD_REGIONS] {
            assert!(!table.contains("ODbL") && !table.contains("Electricity Maps"));
        }
        assert!(COUNTRIES.lines().skip(1).all(|row| row.ends_with("(CC-BY-4.0)")));
    }

    #[test]
    fn regions_and_countries_are_found() {
        let grid = Grid::embedded();
        // region, intensity (Ember 2024), PUE
        let check = |region: &str, intensity: f64, pue: f64| {
            let point = grid.lookup(region).unwrap_or_else(|| panic!("{region}"));
            assert_eq!((point.intensity.get(), point.pue.get()), (intensity, pue), "{region}");
        };
        check("eu-west-3", 44.18, 1.15); // AWS Paris: no PUE of its own
        check("eu-central-1", 342.06, 1.35); // AWS Frankfurt
        check("EU-Central-1", 342.06, 1.35);
        check("europe-west9", 44.18, 1.09); // GCP Paris: fleet average
        check("us-central1", 383.55, 1.1);
        check("francecentral", 44.18, 1.17); // Azure Paris: fleet average
        check("fr", 44.18, 1.2);
        check("FR", 44.18, 1.2);
        check("fr-idf", 44.18, 1.2);
        check("US-CA", 383.55, 1.2);
        assert_eq!(grid.lookup("uk"), grid.lookup("GB"));
    }

    #[test]
    fn rows_that_name_a_wrong_place_are_corrected() {
        let grid = Grid::embedded();
        let intensity = |region: &str| grid.lookup(region).map(|point| point.intensity);
        assert_eq!(intensity("northeurope"), intensity("ie"));
        assert_eq!(intensity("me-central1"), intensity("qa"));
        assert_eq!(intensity("asiapacific"), None);
    }

    #[test]
    fn what_the_tables_lack_is_not_guessed() {
        let grid = Grid::embedded();
        for region in
            ["", "mars", "eu-west-9", "sa-east-9", "me-south-7", "eu", "zz", "f", "fr-", "eu-west-4"]
        {
            assert_eq!(grid.lookup(region), None, "{region}");
        }
    }

    #[test]
    fn provenance_has_source_year_and_basis() {
        let point = Grid::embedded().lookup("eu-central-1").unwrap();
        assert_eq!(
            point.provenance,
            "Ember yearly electricity data (CC-BY-4.0), DE 2024, generation basis, lifecycle factors; \
             PUE of the region, 2024"
        );
    }
}
