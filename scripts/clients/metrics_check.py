"""Reads a running lastgood's GET /metrics with the official Prometheus client. Usage: metrics_check.py HOST:PORT."""
import sys
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

with urlopen(f"http://{sys.argv[1]}/metrics") as response:
    families = {family.name: family for family in text_string_to_metric_families(response.read().decode())}

for name in ("lastgood_requests", "lastgood_request_duration_seconds", "lastgood_build_info", "nv_inference_count"):
    assert families[name].samples, f"{name} has no samples"
answered = sum(sample.value for sample in families["lastgood_requests"].samples if sample.labels["code"] == "200")
timed = sum(sample.value for sample in families["lastgood_request_duration_seconds"].samples
            if sample.name.endswith("_count"))
assert 0 < answered <= timed, (answered, timed)
print(f"prometheus-client: {len(families)} families read, {answered:.0f} requests answered with 200")
