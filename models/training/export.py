"""Write the detector as ONNX and check it against torch.

export.py CHECKPOINT OUT.onnx [--threshold T] [--weights WEIGHTS.pt]
Input [1,3,height,width] (multiples of 32), outputs in SCRFD's order. T: the score at which evaluate.py finds a precision
of .95; it is built in, so that this score comes out as .5, the service's default threshold. WEIGHTS.pt gets the averaged
weights alone: what a fine-tuning starts from.
"""
import argparse
import hashlib
import math
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch

from model import OUTPUTS, Exported, load

VERSION = "1.0.0"


def recipe() -> str:
    """SHA-256 over the pipeline's files: which code made the model."""
    digest = hashlib.sha256()
    for name in ("cache.py", "data.py", "losses.py", "mine.py", "model.py", "teacher.py", "train.py"):
        digest.update((pathlib.Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def export(checkpoint: str, path: str, threshold: float) -> float:
    """The largest difference between ONNX Runtime and torch over four sizes, in outputs' units."""
    net = Exported(load(checkpoint)).eval()
    with torch.no_grad():
        for last in net.net.predict:
            last.bias[0] -= math.log(threshold / (1 - threshold))
    axes = {"input": {2: "height", 3: "width"}, **{name: {0: f"n_{name}"} for name in OUTPUTS}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its retirement; it needs no further package
        torch.onnx.export(net, torch.zeros(1, 3, 640, 640), path, opset_version=17, dynamo=False,
                          input_names=["input"], output_names=OUTPUTS, dynamic_axes=axes)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {
        "name": "face-api embedded detector", "version": VERSION, "licence": "MIT", "recipe": recipe(),
        "threshold": f"{threshold} before calibration"})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    session, worst = ort.InferenceSession(path, providers=["CPUExecutionProvider"]), 0.0
    for height, width in ((640, 640), (320, 480), (64, 96), (1280, 736)):
        x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height)) * 2 - 1
        with torch.no_grad():
            wanted = net(x)
        for got, want in zip(session.run(None, {"input": x.numpy()}), wanted):
            assert got.shape == tuple(want.shape), (got.shape, want.shape)
            worst = max(worst, float(np.abs(got - want.numpy()).max()))
    assert worst < 1e-2, worst
    return worst


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("out")
    ap.add_argument("--threshold", type=float, default=0.5)
    ap.add_argument("--weights")
    args = ap.parse_args()
    worst = export(args.checkpoint, args.out, args.threshold)
    print(f"{args.out}: {worst:.1e} at most between ONNX Runtime and torch, {pathlib.Path(args.out).stat().st_size} bytes")
    if args.weights:
        saved = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
        torch.save(dict(model=saved["model"], ema=saved["ema"]), args.weights)
