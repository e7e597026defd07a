"""A small application: three requests against PostgreSQL, traced by OpenTelemetry as it comes from PyPI.

Arguments: connection string, exporter (grpc or http), endpoint, service name.
"""

import sys

import psycopg
from opentelemetry import trace
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

database, exporter, endpoint, service = sys.argv[1:]
if exporter == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=Compression.Gzip)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=endpoint, compression=Compression.Gzip)

provider = TracerProvider(resource=Resource.create({"service.name": service}))
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
PsycopgInstrumentor().instrument(capture_parameters=True, skip_dep_check=True)
tracer = trace.get_tracer("app")


def serve(route, work):
    attributes = {"http.request.method": "GET", "http.route": route}
    with tracer.start_as_current_span(f"GET {route}", kind=SpanKind.SERVER, attributes=attributes):
        work()


with psycopg.connect(database, autocommit=True) as connection:
    cursor = connection.cursor()

    def each():
        for book in range(1, 13):
            cursor.execute("SELECT title FROM book WHERE id = %s", (book,)).fetchall()

    def again():
        for _ in range(6):
            cursor.execute("SELECT title FROM book WHERE id = %s", (7,)).fetchall()

    def once():
        cursor.execute("SELECT title FROM book WHERE id = ANY(%s)", (list(range(1, 13)),)).fetchall()

    serve("/each", each)
    serve("/again", again)
    serve("/once", once)

flushed = provider.force_flush()
provider.shutdown()
sys.exit(0 if flushed else 1)
