"""Models written node by node: every data type, every form of output, and graphs that mix the rows of a run."""
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from collection import add, rows_of

BY = f"onnx {onnx.__version__} (helper)"
N = "N"


def model(nodes, inputs, outputs, constants=(), opset=21, ml=False, overridable=False):
    """inputs and outputs: name, type, shape; constants: name, array."""
    stored = [numpy_helper.from_array(value, name) for name, value in constants]
    given = [helper.make_tensor_value_info(*one) for one in inputs]
    if overridable:
        given += [helper.make_tensor_value_info(one.name, one.data_type, list(one.dims)) for one in stored]
    graph = helper.make_graph(nodes, "graph", given, [helper.make_tensor_value_info(*one) for one in outputs], stored)
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("ai.onnx.ml", 3)] if ml else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def node(kind, inputs, outputs, **attributes):
    domain = "ai.onnx.ml" if kind in ("LabelEncoder", "Scaler", "Normalizer") else None
    return helper.make_node(kind, inputs.split(), outputs.split(), domain=domain, **attributes)


def floats(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def int64(*values):
    return np.array(values, np.int64)


NUMBERS = np.concatenate([floats(11, 9, 4) * 3, np.zeros((1, 4), np.float32), floats(12, 1, 4) * 1e4,
                          np.array([[1e-20, -1e-20, 1, -1]], np.float32)]).astype(np.float32)
TEXTS = ["a", "", "\u96ea", "\U0001f680 up", "two words", "\"quoted\"", "tab\tline\n", "0", "\u0301", "z" * 50, "\\u0000", "/"]


def samples(kind, array):
    random = np.random.default_rng(int(kind))
    if kind == T.STRING:
        return random.choice(np.array(TEXTS, object), (10, 3))
    if kind == T.BOOL:
        return random.integers(0, 2, (8, 3)).astype(bool)
    if array.kind == "f":
        with np.errstate(over="ignore"):
            special = np.array([[0, -0.0, 1], [np.finfo(array).max, np.finfo(array).min, np.finfo(array).tiny]])
            some = np.concatenate([random.normal(size=(6, 3)) * 10, special]).astype(array)
        return np.concatenate([some, np.array([[np.nan, np.inf, -np.inf]], array)])
    limits = np.iinfo(array)
    edges = np.array([[limits.min, limits.max, 0], [limits.max, limits.max - 1, 1]], array)
    return np.concatenate([random.integers(limits.min, limits.max, (7, 3), array, True), edges])


def data_types():
    for kind in (T.BOOL, T.UINT8, T.UINT16, T.UINT32, T.UINT64, T.INT8, T.INT16, T.INT32, T.INT64, T.FLOAT16, T.FLOAT,
                 T.DOUBLE, T.STRING):
        def build(seed, kind=kind):
            if seed == 1:
                return model([node("Identity", "x", "y")], [("x", kind, [N, 3])], [("y", kind, [N, 3])])
            return model([node("Gather", "x turned", "y", axis=1)], [("x", kind, [N, 3])], [("y", kind, [N, 3])],
                         [("turned", int64(2, 1, 0))])
        name = T.DataType.Name(kind).lower()
        array = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
        table = samples(kind, array)
        add(f"type_{name}", f"{name} in and out", BY, build, rows_of(table, "x", len(table)), group="types",
            rtol=0, atol=0)


def casts():
    kinds = [T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.UINT32, T.INT64, T.UINT64, T.DOUBLE, T.FLOAT16, T.BOOL]
    table = np.array([[0, 1], [2.5, 100], [17, 3.999], [99, 0.5], [1, 64], [30.25, 7]], np.float32)

    def build(seed):
        shift = [("shift", np.array([seed - 1], np.float32))]
        return model([node("Add", "x shift", "z"), *(node("Cast", "z", f"as_{T.DataType.Name(kind).lower()}", to=kind)
                                                     for kind in kinds)],
                     [("x", T.FLOAT, [N, 2])],
                     [(f"as_{T.DataType.Name(kind).lower()}", kind, [N, 2]) for kind in kinds], shift)
    add("casts", "one input, an output of each of eleven types", BY, build, rows_of(table, "x"), group="types",
        rtol=0, atol=0, wilds=[{"x": np.full((1, 2), value, np.float32)} for value in (-1e30, 1e30, -5, 0, np.nan, 1)])
    both = [{"number": floats(at, 1, 2), "count": np.array([[at * 2**40]], np.int64),
             "flag": np.array([[at % 2 == 0]]), "text": np.array([[TEXTS[at]]], object)} for at in range(8)]

    def mixed(seed):
        return model([node("Cast", "count", "large", to=T.DOUBLE), node("Cast", "number", "wide", to=T.DOUBLE),
                      node("Mul", "wide factor", "more"), node("Add", "more large", "sum"), node("Not", "flag", "other"),
                      node("Identity", "text", "same")],
                     [("number", T.FLOAT, [N, 2]), ("count", T.INT64, [N, 1]), ("flag", T.BOOL, [N, 1]),
                      ("text", T.STRING, [N, 1])],
                     [("sum", T.DOUBLE, [N, 2]), ("other", T.BOOL, [N, 1]), ("same", T.STRING, [N, 1])],
                     [("factor", np.array([seed], np.float64))])
    add("mixed_types", "four inputs of four types, three outputs", BY, mixed, both, group="types", rtol=0, atol=0)


def dense(seed, width=4, out=3):
    return [("w", floats(seed, width, out)), ("b", floats(seed + 9, out))]


LINEAR = [node("MatMul", "x w", "h"), node("Add", "h b", "z")]
X = [("x", T.FLOAT, [N, 4])]


def outputs():
    rows = rows_of(NUMBERS, "x")
    table = [
        ("argmax", "linear, the best class as int64 without a second axis",
         [*LINEAR, node("ArgMax", "z", "label", axis=1, keepdims=0)], [("label", T.INT64, [N])], dense, {}),
        ("argmax_scores", "linear, softmax, label and scores",
         [*LINEAR, node("Softmax", "z", "scores", axis=1), node("ArgMax", "scores", "label", axis=1, keepdims=0)],
         [("label", T.INT64, [N]), ("scores", T.FLOAT, [N, 3])], dense, {}),
        ("text_label", "the best class as text",
         [*LINEAR, node("ArgMax", "z", "at", axis=1, keepdims=0),
          node("LabelEncoder", "at", "label", keys_int64s=[0, 1, 2], values_strings=["low", "mid", "h\u00f6ch"])],
         [("label", T.STRING, [N])], dense, {"ml": True}),
        ("threshold", "a truth value for each class",
         [*LINEAR, node("Greater", "z zero", "over")], [("over", T.BOOL, [N, 3])],
         lambda seed: [*dense(seed), ("zero", np.zeros(1, np.float32))], {}),
        ("top_two", "the two best classes: scores and places",
         [*LINEAR, node("TopK", "z two", "best place", axis=1)],
         [("best", T.FLOAT, [N, 2]), ("place", T.INT64, [N, 2])],
         lambda seed: [*dense(seed), ("two", int64(2))], {}),
        ("three_heads", "one trunk, three outputs",
         [*LINEAR, node("Relu", "z", "first"), node("Tanh", "z", "second"),
          node("ReduceSum", "z axis", "third", keepdims=0)],
         [("first", T.FLOAT, [N, 3]), ("second", T.FLOAT, [N, 3]), ("third", T.FLOAT, [N])],
         lambda seed: [*dense(seed), ("axis", int64(1))], {}),
        ("missing_to_mean", "NaN becomes a number in the graph, then linear",
         [node("IsNaN", "x", "hole"), node("Where", "hole mean x", "known"), node("MatMul", "known w", "h"),
          node("Add", "h b", "z")], [("z", T.FLOAT, [N, 3])],
         lambda seed: [*dense(seed), ("mean", np.float32(seed).reshape(1))], {}),
        ("reshaped", "Shape, Gather, Concat and Reshape around a product, as PyTorch writes view()",
         [node("Shape", "x", "shape"), node("Gather", "shape zero", "count", axis=0),
          node("Concat", "count two two_more", "square", axis=0), node("Reshape", "x square", "matrix"),
          node("MatMul", "matrix w", "product"), node("Concat", "count minus", "flat", axis=0),
          node("Reshape", "product flat", "z")], [("z", T.FLOAT, [N, 6])],
         lambda seed: [("zero", int64(0)), ("two", int64(2)), ("two_more", int64(2)), ("minus", int64(-1)),
                       ("w", floats(seed, 2, 3))], {}),
        ("layer_norm", "layer normalisation over the columns",
         [node("LayerNormalization", "x scale bias", "z", axis=-1)], [("z", T.FLOAT, [N, 4])],
         lambda seed: [("scale", floats(seed, 4)), ("bias", floats(seed + 1, 4))], {}),
        ("einsum", "a product as Einsum", [node("Einsum", "x w", "z", equation="ni,io->no")],
         [("z", T.FLOAT, [N, 3])], lambda seed: dense(seed)[:1], {}),
    ]
    holes = [{"x": np.array([[np.nan, 1, 2, 3]], np.float32)}, {"x": np.full((1, 4), np.nan, np.float32)}]
    for name, about, nodes, outs, constants, options in table:
        add(name, about, BY, lambda seed, n=nodes, o=outs, c=constants, k=options: model(n, X, o, c(seed), **k),
            rows + (holes if name == "missing_to_mean" else []), group="graphs", rtol=2e-6, atol=2e-6)


def mixing():
    """What depends on the other rows of a run."""
    rows = rows_of(NUMBERS[:8], "x")
    table = [
        ("running_sum", "running sum over the first axis", "the first axis is time",
         [node("CumSum", "x zero", "y")], lambda s: [("zero", int64(0))]),
        ("softmax_rows", "linear, softmax over the rows", "each answer is a share of all rows",
         [*LINEAR, node("Softmax", "z", "y", axis=0)], dense),
        ("less_mean", "less the mean of the rows", "the mean of all rows is taken off",
         [node("ReduceMean", "x axis", "mean", keepdims=1), node("Sub", "x mean", "y")],
         lambda s: [("axis", int64(0))]),
        ("by_largest", "in shares of the largest number of the run", "the largest of all rows is the unit",
         [node("Abs", "x", "size"), node("ReduceMax", "size", "largest", keepdims=0),
          node("Add", "largest little", "unit"), node("Div", "x unit", "y")], lambda s: [("little", np.float32(1))]),
        ("sorted_rows", "the largest two of each column", "rows are put in order",
         [node("TopK", "x one", "y at", axis=0)], lambda s: [("one", int64(1))]),
    ]
    for name, about, why, nodes, constants in table:
        def build(seed, nodes=nodes, constants=constants, name=name):
            wide = 3 if name == "softmax_rows" else 4
            tail = [node("Mul", "y factor", "out")]
            lead = 1 if name == "sorted_rows" else N
            return model([*nodes, *tail], X, [("out", T.FLOAT, [lead, wide])],
                         [*constants(seed), ("factor", np.array([seed], np.float32))])
        add(name, about, BY, build, rows, stacking="none", why=why, group="mixing", rtol=2e-6, atol=2e-6)
    add("mean_of_all", "one number for the whole run, without an axis", BY, lambda s: model(
        [node("ReduceMean", "x", "mean", keepdims=0), node("Mul", "mean factor", "out")], X, [("out", T.FLOAT, [])],
        [("factor", np.float32(s))]), rows, stacking="none", why="its output is one number for all rows",
        group="mixing", rtol=2e-6, atol=2e-6)
    add("places", "the places of all positive numbers: length by the data", BY, lambda s: model(
        [node("Greater", "x limit", "over"), node("NonZero", "over", "places")], X, [("places", T.INT64, [2, "found"])],
        [("limit", np.float32(s - 1))]), rows, stacking="none", why="the length of its answer follows the data",
        group="mixing", rtol=0, atol=0)

    def detector(seed):
        return model([node("NonMaxSuppression", "boxes scores most overlap least", "chosen")],
                     [("boxes", T.FLOAT, [1, 6, 4]), ("scores", T.FLOAT, [1, 1, 6])], [("chosen", T.INT64, ["found", 3])],
                     [("most", int64(5)), ("overlap", np.array([0.3], np.float32)),
                      ("least", np.array([0.2 * seed], np.float32))])
    random = np.random.default_rng(8)
    boxes = [np.sort(random.random((1, 6, 4)), axis=2).astype(np.float32) for _ in range(8)]
    images = [{"boxes": box, "scores": random.random((1, 1, 6)).astype(np.float32)} for box in boxes]
    add("detector", "boxes and scores in, the chosen ones out", BY, detector, images, stacking="none", layout="whole",
        why="the length of its answer follows the data", group="mixing", rtol=0, atol=0)


def fixed():
    rows = rows_of(NUMBERS, "x")
    four = [("x", T.FLOAT, [4, 4])]
    add("fixed_batch", "a batch of exactly four, linear and softmax by row", BY, lambda s: model(
        [*LINEAR, node("Softmax", "z", "y", axis=1)], four, [("y", T.FLOAT, [4, 3])], dense(s)), rows, fixed=4,
        group="graphs", rtol=2e-6, atol=1e-7)
    whole = [{"x": NUMBERS[at:at + 4]} for at in range(0, 9)]
    add("fixed_batch_mixing", "a batch of exactly four, softmax over the rows", BY, lambda s: model(
        [*LINEAR, node("Softmax", "z", "y", axis=0)], four, [("y", T.FLOAT, [4, 3])], dense(s)), whole,
        stacking="none", layout="tensors", why="each answer is a share of the four", group="mixing", rtol=2e-6, atol=1e-7)


def open_shapes():
    random = np.random.default_rng(21)
    words = [{"ids": random.integers(0, 20, (1, size))} for size in (1, 3, 4, 4, 7, 9, 4, 12)]
    wilds = [{"ids": random.integers(low, high, (1, size))}
             for low, high, size in [(0, 20, 4), (0, 20, 9), (19, 20, 4), (1000, 2000, 4), (-900, -800, 4), (0, 1, 40)]]
    add("word_vectors", "ids of any number, vectors by Gather, their mean, linear", BY, lambda s: model(
        [node("Gather", "table ids", "vectors", axis=0), node("ReduceMean", "vectors axis", "mean", keepdims=0),
         node("MatMul", "mean w", "h"), node("Add", "h b", "z")], [("ids", T.INT64, [N, "length"])],
        [("z", T.FLOAT, [N, 3])], [("table", floats(s, 20, 4)), ("axis", int64(1)), *dense(s)]), words,
        group="graphs", rtol=5e-6, atol=5e-6, wilds=wilds, whole=[{"ids": random.integers(0, 20, (3, 5))}])
    images = [{"image": floats(at, 1, 1, *size)} for at, size in
              enumerate([(5, 5), (5, 5), (8, 6), (3, 9), (5, 5), (12, 12), (4, 4), (5, 7)])]
    add("any_size_image", "an image of any size: convolution, ReLU, pooled over everything", BY, lambda s: model(
        [node("Conv", "image kernel", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "r"),
         node("GlobalAveragePool", "r", "p"), node("Flatten", "p", "z", axis=1)],
        [("image", T.FLOAT, [N, 1, "height", "width"])], [("z", T.FLOAT, [N, 4])], [("kernel", floats(s, 4, 1, 3, 3))]),
        images, group="graphs", rtol=5e-6, atol=2e-6, whole=[{"image": floats(40, 2, 1, 6, 5)}])


def loop(seed):
    body = helper.make_graph(
        [node("Mul", "state half", "next"), node("Identity", "going", "still")], "body",
        [helper.make_tensor_value_info("turn", T.INT64, []), helper.make_tensor_value_info("going", T.BOOL, []),
         helper.make_tensor_value_info("state", T.FLOAT, None)],
        [helper.make_tensor_value_info("still", T.BOOL, []), helper.make_tensor_value_info("next", T.FLOAT, None)],
        [numpy_helper.from_array(np.array([0.5], np.float32), "half")])
    return model([node("Loop", "turns yes x", "y", body=body)], X, [("y", T.FLOAT, [N, 4])],
                 [("turns", np.int64(2 + seed)), ("yes", np.bool_(True))])


def others():
    rows = rows_of(NUMBERS, "x")
    add("loop", "halves each number a few times by Loop", BY, loop, rows, group="graphs", rtol=0, atol=0)
    add("default_inputs", "initialisers that may be overridden: scale and shift", BY, lambda s: model(
        [node("Mul", "x scale", "m"), node("Add", "m shift", "y")], X, [("y", T.FLOAT, [N, 4])],
        [("scale", floats(s, 4)), ("shift", np.array([s], np.float32))], overridable=True), rows,
        chosen=[({"x": NUMBERS[at:at + count]}, optional) for at, (count, optional) in enumerate([
            (1, {"scale": floats(21, 4), "shift": np.array([-3], np.float32)}), (1, {"scale": floats(22, 4)}),
            (1, {"shift": np.array([1e4], np.float32)}), (3, {"scale": floats(23, 4)}),
            (4, {"scale": np.zeros(4, np.float32), "shift": np.array([0.5], np.float32)}),
        ])], group="graphs", rtol=0, atol=0)

    def sequence(seed):
        ends = [helper.make_tensor_sequence_value_info("scores", T.FLOAT, None)]
        graph = helper.make_graph(
            [*LINEAR, node("Softmax", "z", "first", axis=1), node("Sigmoid", "z", "second"),
             node("SequenceConstruct", "first second", "scores")], "graph",
            [helper.make_tensor_value_info(*X[0])], ends,
            [numpy_helper.from_array(value, name) for name, value in dense(seed)])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    add("sequence_output", "two tensors as one sequence", BY, sequence, rows, group="graphs", rtol=2e-6, atol=1e-7)


def make():
    for kind in (data_types, casts, outputs, mixing, fixed, open_shapes, others):
        kind()


if __name__ == "__main__":
    make()
