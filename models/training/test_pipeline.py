"""The whole way on drawn people, in about four minutes: cache, training from nothing, mining, fine-tuning, export, detection.

test_pipeline.py (from anywhere; needs the service's node_modules, for the drawn portraits and onnxruntime-node)
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from data import flip, turn
from evaluate import detect, overlap, read_truth, session
from teacher import flipped, grid, turned
from train import Schedule

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
OUTPUTS = {"score": 1, "bbox": 4, "kps": 10}


def run(*command) -> str:
    result = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def python(script: str, *args) -> str:
    return run(sys.executable, HERE / script, *args)


def draw(folder: pathlib.Path, count: int, seed: int) -> None:
    run("npx", "--no-install", "node", "test/fixtures/write-portraits.ts", folder, count, "--seed", seed)


def losses(save: pathlib.Path) -> list[float]:
    """Score and box loss together, each fifty steps."""
    return [float(a) + float(b) for a, b in re.findall(r"score (\S+) box (\S+)", (save / "log.txt").read_text())]


def recall(model: pathlib.Path, folder: pathlib.Path, threshold: float) -> float:
    """Of the drawn faces that are at least 16 pixels large at 640, how many are found."""
    net, found = session(str(model)), []
    for t in read_truth(str(folder)):
        img = cv2.imread(t["path"])
        gt = np.array([t["boxes"][i] for i in t["hard"]], np.float32).reshape(-1, 4)
        gt = gt[np.sqrt(gt[:, 2] * gt[:, 3]) * 640 / max(img.shape[:2]) >= 16]
        gt[:, 2:] += gt[:, :2]
        boxes, scores = detect(net, img)
        boxes = boxes[scores >= threshold]
        found += (overlap(gt, boxes).max(1, initial=0) >= 0.5).tolist()
    return float(np.mean(found))


def loads_in_node(model: pathlib.Path) -> None:
    """The service's runtime runs the model and gets nine outputs of the right shapes."""
    script = """
      const { InferenceSession, Tensor } = require('onnxruntime-node');
      InferenceSession.create(process.argv[1]).then(async (s) => {
        const out = await s.run({ input: new Tensor('float32', new Float32Array(3 * 96 * 64), [1, 3, 96, 64]) });
        console.log(JSON.stringify(s.outputNames.map((name) => [name, out[name].dims])));
      });"""
    shapes = json.loads(run("node", "-e", script, model))
    assert shapes == [[f"{name}_{s}", [96 // s * (64 // s), width]] for name, width in OUTPUTS.items() for s in (8, 16, 32)], shapes


def faces_of(cells: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """What targets say, as rows of data.py."""
    points, strides = grid(size)
    point, stride = points[cells], strides[cells, None]
    centre, half = point + values[:, 1:3] * stride, np.exp(values[:, 3:5]) * stride / 2
    rows = np.zeros((len(cells), 16))
    rows[:, :14] = np.concatenate([centre - half, centre + half, values[:, 5:15] * stride + np.tile(point, 5)], 1)
    return rows


def targets_move_with_the_picture() -> None:
    """Mirrored and turned targets say what mirrored and turned faces are, in the cells that see the same pixels."""
    random, size = np.random.default_rng(1), 320
    points, strides = grid(size)
    cells, values = random.permutation(len(points))[:300], random.normal(0, 1, (300, 16))
    img = random.integers(0, 256, (size, size, 3), np.uint8)
    for quarters in range(-1, 4):  # -1: mirrored
        moved, rows = flip(img, faces_of(cells, values, size)) if quarters < 0 else turn(img, faces_of(cells, values, size), quarters)
        to, said = flipped(cells, values, size) if quarters < 0 else turned(cells, values, size, quarters)
        assert np.allclose(faces_of(to, said, size), rows, atol=1e-3), quarters
        for a, b in zip(cells, to):
            (x, y), (u, v), s = points[a].astype(int), points[b].astype(int), int(strides[a])
            assert strides[b] == s and img[y:y + s, x:x + s].sum() == moved[v:v + s, u:u + s].sum(), (quarters, a, b)


def schedule_ends_when_told() -> None:
    """By crops the rate falls to zero at the last one; told to end, it falls from where it is, a pause not counted."""
    args = argparse.Namespace(crops=10000, minutes=1)
    whole = Schedule(args)
    shares = [whole(minutes=k * 0.01, seen=k * 16, end=False) for k in range(700)]
    assert shares == sorted(shares, reverse=True) and shares[0] == 1 and shares[624] > 0 and shares[625] == 0
    told = Schedule(args)  # 100 steps of 16 crops a minute, and an hour of pause; eight minutes' worth are 12,800 crops
    args.crops = 1000000
    for k in range(100):
        high = told(k * 0.01 + (60 if k > 50 else 0), k * 16, False)
    shares = [told(61 + k * 0.01, 1600 + k * 16, True) for k in range(900)]
    assert shares == sorted(shares, reverse=True) and shares[0] <= high, shares[:3]
    assert shares[790] > 0 and shares[810] == 0, (shares[790], shares[810])
    assert all(type(share) in (int, float) for share in shares)  # a checkpoint with numpy's numbers is not loaded again


def main() -> None:
    targets_move_with_the_picture()
    schedule_ends_when_told()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        draw(folder / "drawn", 200, 1)
        draw(folder / "unseen", 40, 2)
        print(python("cache.py", folder / "drawn", folder / "cache").strip())

        common = ("--caches", folder / "cache", "--batch", 8, "--pool", 2000)
        python("train.py", *common, "--save", folder / "new", "--minutes", 2)
        fell = losses(folder / "new")
        print(f"from nothing: losses {fell[0]:.2f} -> {fell[-1]:.2f}")
        assert fell[-1] < 0.9 * fell[0], fell

        print(python("mine.py", folder / "cache", HERE.parent / "embedded.onnx", "own").strip())
        python("train.py", *common, "--save", folder / "tuned", "--minutes", 1, "--init", HERE / "embedded.pt", "--lr", 3e-4,
               "--turns", 0.2)
        print(python("export.py", folder / "tuned/last.pt", folder / "tuned.onnx").strip())
        loads_in_node(folder / "tuned.onnx")
        found = recall(folder / "tuned.onnx", folder / "unseen", 0.5)
        print(f"fine-tuned: {found:.1%} of the unseen drawn faces from 16 px found")
        assert found > 0.9, found


if __name__ == "__main__":
    main()
