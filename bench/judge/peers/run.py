"""Runs five libraries at their defaults on the streams that bench/judge/export.ts writes.

    python3 -m venv VENV && VENV/bin/pip install -r bench/judge/peers/requirements.txt
    node dist/bench/judge/export.js STREAMS.json
    VENV/bin/python bench/judge/peers/run.py STREAMS.json bench/results/judge-peers.json

Each is asked as its documentation shows it: a detector of single values gets every answer, one that compares samples
gets the validation rows and every 250 answers. An alarm is whatever it calls drift; a detector of single values that
says so begins anew. What a library wants to be told has the value of its own first example, and stands in the result.
"""
import importlib.metadata
import json
import os
import sys
import warnings

# Two of them tell their makers of every use unless they are told not to.
os.environ.update(NML_DISABLE_USAGE_LOGGING="1", DO_NOT_TRACK="1")
warnings.filterwarnings("ignore")
import numpy
import pandas

BATCH = 250
LEVEL = 0.05


def batches(live):
    for begin in range(0, len(live) - BATCH + 1, BATCH):
        yield live[begin:begin + BATCH]


def river_detector(name):
    from river import drift

    def alarms(reference, live):
        detector = getattr(drift, name)()
        for value in reference:
            detector.update(value)
        count = 0
        for value in live:
            detector.update(value)
            count += int(detector.drift_detected)
        return count
    return alarms


def evidently_preset(reference, live):
    from evidently import Report
    from evidently.presets import DataDriftPreset
    before = pandas.DataFrame({"score": reference})
    count = 0
    for batch in batches(live):
        result = Report([DataDriftPreset()]).run(pandas.DataFrame({"score": batch}), before).dict()
        drifted = [one["value"] for one in result["metrics"] if "DriftedColumnsCount" in str(one["metric_name"])]
        count += int(drifted[0]["count"] > 0)
    return count


def nannyml_univariate(reference, live):
    import nannyml
    calculator = nannyml.UnivariateDriftCalculator(column_names=["score"], chunk_size=BATCH)
    calculator.fit(pandas.DataFrame({"score": reference}))
    whole = live[:len(live) // BATCH * BATCH]
    result = calculator.calculate(pandas.DataFrame({"score": whole})).filter(period="analysis").to_df()
    return int(result[("score", "jensen_shannon", "alert")].sum())


def frouros_incremental(reference, live):
    from frouros.detectors.data_drift import IncrementalKSTest
    detector = IncrementalKSTest(window_size=10)
    detector.fit(X=numpy.array(reference))
    count = 0
    for value in live:
        result, _ = detector.update(value=value)
        count += int(result is not None and result.p_value < LEVEL)
    return count


def alibi_ks(reference, live):
    from alibi_detect.cd import KSDrift
    detector = KSDrift(numpy.array(reference, dtype=numpy.float32).reshape(-1, 1))
    return sum(int(detector.predict(numpy.array(batch, dtype=numpy.float32).reshape(-1, 1))["data"]["is_drift"])
               for batch in batches(live))


PEERS = [
    ("nannyml", "UnivariateDriftCalculator, Jensen-Shannon", nannyml_univariate, "every 250 answers"),
    ("river", "ADWIN", river_detector("ADWIN"), "every answer"),
    ("river", "PageHinkley", river_detector("PageHinkley"), "every answer"),
    ("river", "KSWIN", river_detector("KSWIN"), "every answer"),
    ("frouros", "IncrementalKSTest(window_size=10)", frouros_incremental, "every answer, p < 0.05"),
    ("alibi-detect", "KSDrift", alibi_ks, "every 250 answers, p < 0.05"),
    ("evidently", "DataDriftPreset", evidently_preset, "every 250 answers"),
]


def write(path, result):
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(result, indent=1) + "\n")


def main(streams_path, out_path):
    with open(streams_path, encoding="utf-8") as file:
        streams = json.load(file)
    healthy = [one for one in streams if one["isHealthy"]]
    damaged = [one for one in streams if not one["isHealthy"]]
    days = sum(one["hours"] for one in healthy) / 24
    results = []
    for library, detector, alarms, asked in PEERS:
        row = {"library": library, "version": importlib.metadata.version(library), "detector": detector, "asked": asked}
        try:
            false = [alarms(one["reference"], one["live"]) for one in healthy]
            found = [one["name"] for one in damaged if alarms(one["reference"], one["live"]) > 0]
            row.update(falseAlarms=sum(false), falsePerDay=sum(false) / days,
                       quiet=[one["name"] for one, count in zip(healthy, false) if count == 0], found=found)
        except Exception as error:  # A library that cannot be run says so in the result.
            row.update(failed=f"{type(error).__name__}: {error}"[:300])
        results.append(row)
        write(out_path, {"healthyStreams": len(healthy), "healthyDays": days, "damagedStreams": len(damaged),
                         "batch": BATCH, "results": results})
        print(library, detector, row.get("falsePerDay"), len(row.get("found", [])), row.get("failed", ""), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
