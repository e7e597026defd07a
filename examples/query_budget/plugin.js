// Finds requests that send more statements than their route may.
import { Kind, defineDetector, grouped } from './tracewatt/sdk/js/tracewatt.js';

/** Reads `GET /orders/{id}=20`; what stands behind the last `=` is the number. */
function parse(entry) {
  const at = entry.lastIndexOf('=');
  const [route, most] = [entry.slice(0, at).trim(), Number(entry.slice(at + 1))];
  return at > 0 && route && Number.isInteger(most) && most >= 0 ? [route, most] : undefined;
}

export const { manifest, lifecycle, detect } = defineDetector({
  name: 'query_budget',
  summary: 'requests that send more statements than their route may',
  interest: { kinds: [Kind.SQL], minSpans: 1 },
  rules: [
    {
      name: 'query_budget',
      title: 'Query budget exceeded',
      advice: 'send fewer statements, or raise the budget of the route where somebody can see it',
    },
  ],
  settings: {
    budgets: { default: [], doc: 'Most statements of one request, by route: `GET /orders/{id}=20`.' },
    defaultBudget: { default: 50, least: 0, most: 100_000, doc: 'Most statements of a request of any other route.' },
  },
  check({ budgets }) {
    const wrong = budgets.find((entry) => !parse(entry));
    return wrong && `budgets: \`${wrong}\` is no budget; write a route, =, and a number: GET /orders/{id}=20`;
  },
  *detect(batch, { budgets, defaultBudget }) {
    const byRoute = new Map(budgets.map(parse));
    for (const trace of batch.traces()) {
      const statements = trace.io().filter((span) => span.kind === Kind.SQL);
      for (const request of grouped(statements, (span) => span.entry?.row)) {
        const budget = byRoute.get(request[0].endpoint) ?? defaultBudget;
        if (request.length > budget) {
          yield {
            rule: 'query_budget',
            spans: request,
            subject: 'statements of the request',
            message: `${request.length} statements, ${budget} are allowed`,
            severity: request.length > 2 * budget ? 'critical' : 'warning',
            evidence: { statements: request.length, budget, distinctTemplates: new Set(request.map((span) => span.templateId)).size },
          };
        }
      }
    }
  },
});
