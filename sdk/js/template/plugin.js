// Finds requests that make very many calls. It is there to be changed into what you are looking for.
import { defineDetector } from './tracewatt/sdk/js/tracewatt.js';

export const { manifest, lifecycle, detect } = defineDetector({
  name: 'plugin_name',
  summary: 'requests that make very many calls',
  interest: { kinds: [], minSpans: 2 },
  rules: [{ name: 'plugin_name', title: 'Too many calls', advice: 'ask for less, or for more at once' }],
  settings: {
    maxCalls: { default: 50, least: 1, most: 100_000, doc: 'Most calls that one request may make; more are reported.' },
  },
  *detect(batch, { maxCalls }) {
    for (const trace of batch.traces()) {
      const calls = trace.io();
      if (calls.length > maxCalls) {
        yield {
          rule: 'plugin_name',
          spans: calls,
          subject: 'calls of the request',
          message: `${calls.length} calls in one request`,
          evidence: { calls: calls.length, threshold: maxCalls },
        };
      }
    }
  },
});
