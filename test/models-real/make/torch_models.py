"""Models of PyTorch by its default exporter: dense, convolutional, recurrent, attention; one as fp16, one in two files."""
import io
import logging
import warnings

import numpy as np
import onnx
import torch
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from collection import add

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
BY = f"torch {torch.__version__.split('+')[0]}, torch.onnx.export"
BATCH = torch.export.Dim("batch")
FREE = torch.export.Dim.DYNAMIC


def exported(make, example, names, outputs, shapes):
    def build(seed):
        torch.manual_seed(seed)
        module = make(seed).eval()
        for part in module.modules():
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
        program = torch.onnx.export(module, example, input_names=names, output_names=outputs, dynamo=True,
                                    dynamic_shapes=shapes, verbose=False, opset_version=20)
        file = io.BytesIO()
        onnx.save_model(program.model_proto, file)
        return file.getvalue()
    return build


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def rows(name, *shape, count=8):
    """Rows of usual size, one of zeros and two of unusual size."""
    some = [numbers(60 + at, 1, *shape) for at in range(count)]
    return [{name: row} for row in [*some, some[0] * 0, some[1] * 100, some[2] * 1e-6]]


class Recurrent(nn.Module):
    def __init__(self, kind, batch_first, hidden=8):
        super().__init__()
        self.body = kind(6, hidden, batch_first=batch_first)
        self.head = nn.Linear(hidden, 2)
        self.batch_first = batch_first

    def forward(self, x):
        steps, _ = self.body(x)
        return self.head(steps[:, -1] if self.batch_first else steps)


class Attention(nn.Module):
    """A small encoder of token ids with a mask of what is padding."""

    def __init__(self, seed):
        super().__init__()
        self.vectors = nn.Embedding(40, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=seed == 2)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, ids, mask):
        hidden = self.body(self.vectors(ids), src_key_padding_mask=mask == 0)
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * weight).sum(1) / weight.sum(1).clamp(min=1))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.vectors = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, ids):
        return self.head(self.vectors(ids).mean(1)).softmax(-1)


class Two(nn.Module):
    """An image and a few numbers in, a class and a box out."""

    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.numbers = nn.Linear(3, 4)
        self.label = nn.Linear(8, 5)
        self.box = nn.Linear(8, 4)

    def forward(self, image, numbers):
        hidden = torch.cat([self.image(image), self.numbers(numbers).relu()], 1)
        return self.label(hidden).softmax(1), self.box(hidden).sigmoid()


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU())
        self.second = nn.Linear(16, 16)
        self.last = nn.Linear(16, 2)

    def forward(self, x):
        hidden = self.first(x)
        return self.last(hidden + nn.functional.silu(self.second(hidden)))


class RowShares(nn.Module):
    """Softmax over the rows: an attention over whoever asks."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(x).softmax(0)


def separable(channels=8):
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU6(),
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.BatchNorm2d(channels), nn.ReLU6(),
        nn.Conv2d(channels, 2 * channels, 1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(2 * channels, 6), nn.Softmax(1))


def vision_and_dense():
    small = [
        ("torch_mlp", "perceptron with dropout and sigmoid", (6,), lambda s: nn.Sequential(
            nn.Linear(6, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 1), nn.Sigmoid())),
        ("torch_batch_norm", "perceptron with batch normalisation", (6,), lambda s: nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ELU(), nn.Linear(16, 3), nn.Softmax(1))),
        ("torch_residual", "residual perceptron with layer normalisation", (6,), lambda s: Residual()),
        ("torch_autoencoder", "autoencoder of twelve numbers", (12,), lambda s: nn.Sequential(
            nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 12))),
        ("torch_cnn", "convolutions and pooling, digits", (1, 8, 8), lambda s: nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 10), nn.Softmax(1))),
        ("torch_separable", "depthwise and pointwise convolutions", (3, 12, 12), lambda s: separable()),
        ("torch_segmentation", "image in, mask out by a transposed convolution", (1, 8, 8), lambda s: nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, stride=2), nn.Sigmoid())),
        ("torch_audio", "one-dimensional convolutions over a window of samples", (1, 64), lambda s: nn.Sequential(
            nn.Conv1d(1, 4, 9, stride=4), nn.LeakyReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(28, 2))),
        ("torch_group_norm", "group normalisation and upsampling", (4, 6, 6), lambda s: nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU(), nn.Upsample(scale_factor=2),
            nn.Conv2d(4, 1, 1))),
    ]
    for name, about, shape, make in small:
        add(name, about, BY, exported(make, (torch.zeros(2, *shape),), ["x"], ["y"], ({0: BATCH},)), rows("x", *shape),
            group="torch", rtol=2e-5, atol=2e-6)


def sequences():
    for name, about, kind, first in [
        ("torch_lstm", "LSTM, batch first", nn.LSTM, True), ("torch_gru", "GRU, batch first", nn.GRU, True),
        ("torch_lstm_sequence_first", "LSTM, sequence first", nn.LSTM, False),
        ("torch_rnn", "plain recurrent network, batch first", nn.RNN, True),
    ]:
        shape = (5, 6) if first else (1, 6)
        whole = () if first else [{"x": numbers(80 + at, 5, 1, 6)} for at in range(3)]
        add(name, about, BY, exported(lambda s, k=kind, f=first: Recurrent(k, f), (torch.zeros(3, *shape),), ["x"],
                                      ["y"], ({0: BATCH},)), rows("x", *shape), group="torch-2",
            rtol=1e-5, atol=1e-5, whole=whole,
            **({} if first else dict(stacking="none", why="the first axis is time")))

    def asked(seed, length, padded=0):
        random = np.random.default_rng(seed)
        mask = np.ones((1, length), np.int64)
        if padded:
            mask[0, -padded:] = 0
        return {"ids": random.integers(0, 40, (1, length)), "mask": mask}
    wilds = [asked(90 + at, 6, 6 if at % 3 == 0 else 2) for at in range(8)] + [
        {"ids": np.full((1, 6), value), "mask": np.full((1, 6), 1)} for value in (39, 0, 40, -41)]
    add("torch_transformer", "encoder of ids with a mask", BY, exported(
        Attention, (torch.zeros(2, 6, dtype=torch.int64), torch.ones(2, 6, dtype=torch.int64)), ["ids", "mask"], ["y"],
        ({0: BATCH}, {0: BATCH})), [asked(at, 6, at % 4) for at in range(9)], group="torch-2", rtol=2e-5, atol=1e-5,
        wilds=wilds)
    words = [{"ids": np.random.default_rng(at).integers(0, 50, (1, 5))} for at in range(8)]
    add("torch_embedding", "mean of word vectors, linear, softmax", BY, exported(
        lambda s: Bag(), (torch.zeros(2, 5, dtype=torch.int64),), ["ids"], ["y"], ({0: BATCH},)), words,
        group="torch-2", rtol=5e-6, atol=1e-6,
        wilds=[{"ids": np.full((1, 5), value)} for value in (0, 49, 50, -51, 2**40, 3)])
    open_words = [{"ids": np.random.default_rng(at).integers(0, 50, (1, size))}
                  for at, size in enumerate([2, 3, 5, 5, 5, 8, 11, 2])]
    length = torch.export.Dim("length", min=2)
    add("torch_embedding_open", "the same, any number of words", BY, exported(
        lambda s: Bag(), (torch.zeros(2, 5, dtype=torch.int64),), ["ids"], ["y"], ({0: BATCH, 1: length},)), open_words,
        group="torch-2", rtol=5e-6, atol=1e-6, whole=[{"ids": np.random.default_rng(9).integers(0, 50, (3, 4))}],
        wilds=[{"ids": np.full((1, 5), value)} for value in (0, 49, 50, -51, 3)])


def special():
    both = [{"image": numbers(at, 1, 1, 8, 8), "numbers": numbers(at + 50, 1, 3)} for at in range(8)]
    add("torch_two_in_two_out", "an image and three numbers in, classes and a box out", BY, exported(
        lambda s: Two(), (torch.zeros(2, 1, 8, 8), torch.zeros(2, 3)), ["image", "numbers"], ["classes", "box"],
        ({0: BATCH}, {0: BATCH})), both, group="torch-2", rtol=1e-5, atol=2e-6)
    add("torch_row_shares", "softmax over the rows", BY, exported(
        lambda s: RowShares(), (torch.zeros(2, 4),), ["x"], ["y"], ({0: BATCH},)), rows("x", 4), stacking="none",
        why="each answer is a share of all rows", group="torch-2", rtol=5e-6, atol=1e-6)

    def half(seed):
        full = exported(lambda s: nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3), nn.Softmax(1)),
                        (torch.zeros(2, 6),), ["x"], ["y"], ({0: BATCH},))(seed)
        return convert_float_to_float16(onnx.load_model_from_string(full), keep_io_types=False)
    halves = [{"x": row["x"].astype(np.float16)} for row in rows("x", 6)]
    add("torch_half", "fp16 in, out and within", f"{BY}, onnxruntime's float16 converter", half, halves,
        group="torch-2", rtol=2e-3, atol=2e-3)

    def half_inside(seed):
        full = exported(lambda s: nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3)), (torch.zeros(2, 6),),
                        ["x"], ["y"], ({0: BATCH},))(seed)
        return convert_float_to_float16(onnx.load_model_from_string(full), keep_io_types=True)
    add("torch_half_inside", "fp16 within, fp32 in and out", f"{BY}, onnxruntime's float16 converter", half_inside,
        rows("x", 6), group="torch-2", rtol=4e-3, atol=4e-3)

    def two_files(data, path):
        model = onnx.load_model_from_string(data)
        beside = f"{path.name}.data"
        (path.parent / beside).unlink(missing_ok=True)
        from collection import stripped
        onnx.save_model(stripped(model), str(path), save_as_external_data=True, location=beside, size_threshold=64)
        return [path.name, beside]
    add("torch_external", "convolutions, weights in a file beside it (the exporter's default)", BY, exported(
        lambda s: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
        (torch.zeros(2, 3, 8, 8),), ["x"], ["y"], ({0: BATCH},)), rows("x", 3, 8, 8), finish=two_files,
        group="torch-2", rtol=1e-5, atol=2e-6)


def make():
    for kind in (vision_and_dense, sequences, special):
        kind()


if __name__ == "__main__":
    make()
