// Makes a component of plugin.js: node build.mjs SOURCE WIT OUTPUT. Run by `tracewatt plugin build`.
import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [sourcePath, witPath, output] = process.argv.slice(2);
// Without any of these the component imports nothing but the interfaces of tracewatt.
const disableFeatures = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName: 'detector', disableFeatures });
await writeFile(output, component);
