//! The stock plug-ins, embedded by the build script: components like anyone else's, with their compiled form.

use tracewatt_core::plugin::{Engine, Plugin, PluginError};

/// A plug-in embedded in the binary.
pub struct Stock {
    /// Folder under `detectors/` or `energy-backends/`, and id in the configuration.
    pub id: &'static str,
    /// The component.
    pub component: &'static [u8],
    /// Its compiled form for the machine that built this binary.
    pub compiled: &'static [u8],
}

impl Stock {
    /// Loads the plug-in; from its compiled form when that fits this machine.
    pub fn load(&self, engine: &Engine) -> Result<Plugin, PluginError> {
        Plugin::load(engine, self.component, Some(self.compiled))
    }
}

/// All detectors, by id.
pub const STOCK: &[Stock] = include!(concat!(env!("OUT_DIR"), "/stock.rs"));
/// All energy backends, by id.
pub const BACKENDS: &[Stock] = include!(concat!(env!("OUT_DIR"), "/backends.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use tracewatt_core::plugin::World;

    #[test]
    fn every_stock_plugin_loads_and_imports_nothing_but_ours() {
        let engine = tracewatt_core::plugin::engine().unwrap();
        for stock in STOCK.iter().chain(BACKENDS) {
            let plugin = stock.load(&engine).unwrap();
            assert_eq!(plugin.manifest.name, stock.id);
            let backend = BACKENDS.iter().any(|backend| backend.id == stock.id);
            assert_eq!(plugin.world == World::EnergyBackend, backend, "{}", stock.id);
            for import in tracewatt_core::plugin::imports(stock.component).unwrap() {
                assert!(import.starts_with("tracewatt:plugin/"), "{}: {import}", stock.id);
            }
        }
    }
}
