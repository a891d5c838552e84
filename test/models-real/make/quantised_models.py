"""Quantised models and files of another format, made by onnxruntime's own tools from small float models.

Weights use seven bits (reduce_range): with eight, processors without VNNI saturate and answer differently.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from collection import add, rows_of
from graph_models import floats, model, node

BY = f"onnxruntime {onnxruntime.__version__}, "
TABLE = np.concatenate([floats(31, 9, 8), np.zeros((1, 8), np.float32), floats(32, 1, 8) * 40])
IMAGES = floats(33, 9, 2, 8, 8)


def dense(seed):
    return model([node("MatMul", "x w", "h"), node("Add", "h b", "k"), node("Relu", "k", "r"), node("MatMul", "r v", "o"),
                  node("Add", "o c", "z"), node("Softmax", "z", "y", axis=1)],
                 [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 3])],
                 [("w", floats(seed, 8, 16)), ("b", floats(seed + 1, 16)), ("v", floats(seed + 2, 16, 3)),
                  ("c", floats(seed + 3, 3))])


def convolutions(seed):
    return model([node("Conv", "x k b", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "r"),
                  node("GlobalAveragePool", "r", "p"), node("Flatten", "p", "f", axis=1), node("MatMul", "f w", "y")],
                 [("x", T.FLOAT, ["N", 2, 8, 8])], [("y", T.FLOAT, ["N", 3])],
                 [("k", floats(seed, 4, 2, 3, 3)), ("b", floats(seed + 1, 4)), ("w", floats(seed + 2, 4, 3))])


class Calibration(CalibrationDataReader):
    def __init__(self, table):
        self.rows = iter([{"x": table[at:at + 1]} for at in range(len(table))])

    def get_next(self):
        return next(self.rows, None)


def through_files(convert):
    def build(seed):
        with tempfile.TemporaryDirectory() as folder:
            given, made = pathlib.Path(folder, "a.onnx"), pathlib.Path(folder, "b.onnx")
            convert(seed, given, made)
            return made.read_bytes()
    return build


def dynamic(source):
    def convert(seed, given, made):
        onnx.save_model(source(seed), given)
        quantize_dynamic(given, made, weight_type=QuantType.QInt8, reduce_range=True)
    return through_files(convert)


def static(source, table, form, per_channel=False):
    def convert(seed, given, made):
        onnx.save_model(source(seed), given)
        quantize_static(given, made, Calibration(table), quant_format=form, weight_type=QuantType.QInt8,
                        activation_type=QuantType.QUInt8, per_channel=per_channel, reduce_range=True)
    return through_files(convert)


def as_ort(data, path):
    """The format of onnxruntime's mobile builds; without optimisations that fit one processor only."""
    with tempfile.TemporaryDirectory() as folder:
        onnx.save_model(data, pathlib.Path(folder, "a.onnx"))
        subprocess.run([sys.executable, "-m", "onnxruntime.tools.convert_onnx_models_to_ort", folder,
                        "--optimization_style", "Fixed", "--output_dir", folder], check=True, capture_output=True)
        path.write_bytes(next(pathlib.Path(folder).glob("a*.ort")).read_bytes())
    return [path.name]


def make():
    rows, images = rows_of(TABLE, "x"), rows_of(IMAGES, "x")
    scale = "one scale for all numbers of a run"
    add("int8_dynamic", "perceptron, quantised dynamically", BY + "quantize_dynamic", dynamic(dense), rows,
        stacking="none", why=scale, group="quantised", rtol=1e-5, atol=1e-6)
    add("int8_dynamic_cnn", "convolutions, quantised dynamically", BY + "quantize_dynamic", dynamic(convolutions), images,
        stacking="none", why=scale, group="quantised", rtol=1e-5, atol=1e-5)
    add("int8_qdq", "perceptron, quantised statically (QDQ)", BY + "quantize_static",
        static(dense, TABLE, QuantFormat.QDQ), rows, group="quantised", rtol=1e-5, atol=5e-3)
    add("int8_qdq_cnn", "convolutions, quantised statically by channel (QDQ)", BY + "quantize_static",
        static(convolutions, IMAGES, QuantFormat.QDQ, True), images, group="quantised", rtol=1e-5, atol=2e-2)
    add("int8_qoperator", "perceptron, quantised statically (QLinearMatMul)", BY + "quantize_static",
        static(dense, TABLE, QuantFormat.QOperator), rows, group="quantised", rtol=1e-5, atol=5e-3)
    add("dense_ort", "perceptron in the .ort format", BY + "convert_onnx_models_to_ort", dense, rows, stacking="none",
        why="a file of this format has no graph to read", finish=as_ort, suffix="ort", group="quantised", rtol=2e-6)


if __name__ == "__main__":
    make()
