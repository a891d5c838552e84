"""Reads what a running lastgood says of itself: GET /metrics with the official Prometheus client, GET /openapi.json
with the OpenAPI validator. Usage: documents_check.py HOST:PORT.
"""
import json
import sys
from urllib.request import urlopen

from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families


def get(path):
    with urlopen(f"http://{sys.argv[1]}{path}") as response:
        return response.read().decode()


families = {family.name: family for family in text_string_to_metric_families(get("/metrics"))}
for name in ("lastgood_requests", "lastgood_request_duration_seconds", "lastgood_build_info", "nv_inference_count"):
    assert families[name].samples, f"{name} has no samples"
answered = sum(sample.value for sample in families["lastgood_requests"].samples if sample.labels["code"] == "200")
timed = sum(sample.value for sample in families["lastgood_request_duration_seconds"].samples
            if sample.name.endswith("_count"))
assert 0 < answered <= timed, (answered, timed)
print(f"prometheus-client: {len(families)} families read, {answered:.0f} requests answered with 200")

document = json.loads(get("/openapi.json"))
OpenAPIV31SpecValidator(document).validate()
print(f"openapi-spec-validator: {len(document['paths'])} paths, valid")
