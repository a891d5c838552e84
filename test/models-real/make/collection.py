"""Writes one model of the collection: its files of two versions, and what Python onnxruntime answers to its rows.

NAME.onnx and NAME.2.onnx are the versions; NAME.json has inputs, answers, odd rows for company, and what is expected of
the model. Numbers are written as short as they can be read back exactly; NaN and the infinities are texts, and so are
integers beyond 2^53. One row is asked at a time, as a client alone would ask it.
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "models"
VERSIONS = (1, 2)
SAFE_INTEGER = 2**53

DATATYPES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "float32": "FP32", "float64": "FP64", "object": "BYTES", "str": "BYTES",
}


def datatype(array):
    return "BYTES" if array.dtype.kind in "OUS" else DATATYPES[str(array.dtype)]


def scalar(value, kind):
    """One element as JSON can say it without loss."""
    if kind == "BYTES":
        return str(value)
    if kind == "BOOL":
        return bool(value)
    if kind in ("FP16", "FP32", "FP64"):
        if np.isnan(value):
            return "NaN"
        if np.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return float(str(value))
    return int(value) if abs(int(value)) <= SAFE_INTEGER else str(int(value))


def tensor(array):
    array = np.asarray(array)
    kind = datatype(array)
    return {"shape": list(array.shape), "data": [scalar(value, kind) for value in array.reshape(-1)]}


def opened(value):
    """A sequence of maps as its columns; anything else as it is."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = list(value[0])
        columns = np.array([[row[key] for key in keys] for row in value], dtype=np.float32)
        return [columns], keys
    if isinstance(value, list):
        return [np.asarray(one) for one in value], None
    return [np.asarray(value)], None


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answers(runner, inputs):
    """All outputs, in order, with the keys of maps."""
    tensors, labels = [], {}
    for output, value in zip(runner.get_outputs(), runner.run(None, inputs)):
        parts, keys = opened(value)
        if keys is not None:
            labels[len(tensors)] = keys
        for at, part in enumerate(parts):
            name = output.name if len(parts) == 1 else f"{output.name}.{at}"
            tensors.append((name, part))
    return tensors, labels


def stripped(model):
    """Without what names the place and the moment of its making."""
    model.doc_string = ""
    graph = model.graph
    graph.doc_string = ""
    del model.metadata_props[:]
    for holder in [graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer,
                   *model.functions]:
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
    return model


def load(model):
    if isinstance(model, (bytes, bytearray)):
        return onnx.load_model_from_string(bytes(model))
    return model


WILD_FLOATS = [1e30, -1e30, 3e4, -7e3, 250.0, -0.001, 1e-30, 0.0, -0.0, 1.0, float("nan")]
WILD_TEXTS = ["", " ", "\u00fcn\u00efc\u00f6de \u96ea", "\U0001f680", "a" * 300, "line\nbreak\t\"quoted\"", "0", "NaN"]


def wild(like, seed, nan=True, span=None):
    """A row of the same shape that no honest client would send."""
    random = np.random.default_rng(seed)
    kind = datatype(like)
    if kind == "BYTES":
        return random.choice(np.array(WILD_TEXTS, dtype=object), like.shape)
    if kind == "BOOL":
        return random.integers(0, 2, like.shape).astype(bool)
    if kind.startswith("FP"):
        values = [value for value in WILD_FLOATS if nan or not np.isnan(value)]
        if seed % 4 == 0:
            return np.full(like.shape, values[seed // 4 % len(values)], dtype=np.float64).astype(like.dtype)
        with np.errstate(over="ignore"):
            return random.choice(values, like.shape).astype(like.dtype)
    limits = np.iinfo(like.dtype) if span is None else None
    low, high = (limits.min, limits.max) if limits else span
    edges = np.array([low, high], dtype=like.dtype)
    return np.where(random.random(like.shape) < 0.5, random.choice(edges, like.shape),
                    random.integers(low, high, like.shape, dtype=like.dtype, endpoint=True))


def add(name, about, made_by, build, rows, *, stacking="rows", why=None, rtol=1e-6, atol=1e-6, span=None, nan=True,
        whole=(), chosen=(), wilds=None, fixed=None, layout="rows", finish=None, suffix="onnx", group):
    """Makes and writes one model.

    build(seed) gives an onnx model (or its bytes); rows are dicts of arrays, each with one row; whole are dicts that go
    as whole tensors only; layout "whole": no row axis, every case is whole tensors; chosen are pairs of such inputs and
    of those that might be left out. finish(path) turns the written file into what is given to the engine and returns all
    file names.
    """
    FOLDER.mkdir(exist_ok=True)
    files, runners, signature, proto = {}, {}, None, None
    for version in VERSIONS:
        tail = f".{suffix}" if version == 1 else f".{version}.{suffix}"
        path = FOLDER / f"{name}{tail}"
        if finish is None:
            proto = stripped(load(build(version)))
            path.write_bytes(proto.SerializeToString())
            files[version] = [path.name]
        else:
            files[version] = finish(build(version), path)
        runners[version] = session(path)
    first = runners[1]

    def ask(inputs):
        return {str(version): [tensor(array) for _, array in answers(runner, inputs)[0]]
                for version, runner in runners.items()}

    def case(inputs):
        return {"inputs": [tensor(value) for value in inputs.values()], "outputs": ask(inputs)}

    def given(inputs, optional):
        return {"inputs": [tensor(value) for value in inputs.values()],
                "optional": {key: tensor(value) for key, value in optional.items()}, "outputs": ask(inputs | optional)}

    def padded(inputs):
        """A row of a model with a fixed batch: repeated to it, and the first of the answers."""
        full = {key: np.repeat(value, fixed, axis=0) for key, value in inputs.items()}
        outputs = {str(version): [tensor(array[:1]) for _, array in answers(runner, full)[0]]
                   for version, runner in runners.items()}
        return {"inputs": [tensor(value) for value in inputs.values()], "outputs": outputs}

    several = list(whole)
    if not whole and layout == "rows":
        count = fixed or min(5, len(rows))
        some = rows[:count]
        if all(len({row[key].shape[1:] for row in some}) == 1 for key in some[0]):
            several = [{key: np.concatenate([row[key] for row in some]) for key in some[0]}]
    tensors, labels = answers(first, several[0] if fixed else rows[0])
    odd = wilds if wilds is not None else [
        {key: wild(value, 100 + at * 7 + place, nan, span) for place, (key, value) in enumerate(rows[0].items())}
        for at in range(12)]
    signature = [{"name": key, "datatype": datatype(value)} for key, value in rows[0].items()]
    document = {
        "name": name, "group": group, "about": about, "madeBy": made_by, "files": {str(v): f for v, f in files.items()},
        "stacking": stacking, **({"why": why} if why else {}),
        "tolerance": {"rtol": rtol, "atol": atol}, "layout": "fixed" if fixed else layout,
        "inputs": signature,
        **({"optional": [{"name": key, "datatype": datatype(value)} for key, value in
                         {key: value for _, optional in chosen for key, value in optional.items()}.items()]}
           if chosen else {}),
        "outputs": [{"name": key, "datatype": datatype(value), **({"labels": [str(k) for k in labels[at]]}
                     if at in labels else {})} for at, (key, value) in enumerate(tensors)],
        "rows": [(padded if fixed else case)(row) for row in rows],
        "whole": [case(inputs) for inputs in several] + [given(*pair) for pair in chosen],
        "wild": [[tensor(value) for value in inputs.values()] for inputs in odd],
    }
    write(FOLDER / f"{name}.json", document)
    size = sum((FOLDER / file).stat().st_size for file in files[1])
    print(f"{name:32} {size:7} bytes  {len(rows)} rows")


def write(path, document):
    """One member a line, and one case a line: it can be read and compared."""
    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    parts = []
    for key, value in document.items():
        if key in ("rows", "whole", "wild") and value:
            parts.append(f'"{key}": [\n' + ",\n".join(line(one) for one in value) + "\n]")
        else:
            parts.append(f'"{key}": {line(value)}')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def rows_of(table, name="X", count=12, odd=()):
    """The first rows of a table, and some odd ones, each as a request of its own."""
    return [{name: np.asarray(row, dtype=table.dtype).reshape(1, *table.shape[1:])}
            for row in [*table[:count - len(odd)], *odd]]
