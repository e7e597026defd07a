// The same application in JavaScript, traced by OpenTelemetry as it comes from npm.
//
// Arguments: connection string, exporter (grpc, http or proto), endpoint, service name.
'use strict';

const [database, kind, endpoint, service] = process.argv.slice(2);
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');
const { BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
const { SpanKind, context, trace } = require('@opentelemetry/api');

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': service }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint }))],
});
provider.register();
registerInstrumentations({ instrumentations: [new PgInstrumentation({ enhancedDatabaseReporting: true })] });
const { Client } = require('pg');
const tracer = trace.getTracer('app');

async function serve(route, work) {
  const attributes = { 'http.request.method': 'GET', 'http.route': route };
  const span = tracer.startSpan(`GET ${route}`, { kind: SpanKind.SERVER, attributes });
  await context.with(trace.setSpan(context.active(), span), work);
  span.end();
}

async function main() {
  const client = new Client({ connectionString: database });
  await client.connect();
  const text = 'SELECT title FROM book WHERE id = $1';
  await serve('/each', async () => {
    for (let book = 1; book <= 12; book += 1) await client.query({ text, values: [book] });
  });
  await serve('/again', async () => {
    for (let time = 0; time < 6; time += 1) await client.query({ text, values: [7] });
  });
  await serve('/once', async () => {
    const ids = Array.from({ length: 12 }, (_, at) => at + 1);
    await client.query({ text: 'SELECT title FROM book WHERE id = ANY($1)', values: [ids] });
  });
  await client.end();
  await provider.forceFlush();
  await provider.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
