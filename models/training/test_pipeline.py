"""The whole way on drawn people, in about four minutes: cache, training from nothing, fine-tuning, export, detection.

test_pipeline.py (from anywhere; needs the service's node_modules, for the drawn portraits and onnxruntime-node)
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from evaluate import detect, overlap, read_truth, session

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


def main() -> None:
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

        python("train.py", *common, "--save", folder / "tuned", "--minutes", 1, "--init", HERE / "embedded.pt", "--lr", 3e-4)
        print(python("export.py", folder / "tuned/last.pt", folder / "tuned.onnx").strip())
        loads_in_node(folder / "tuned.onnx")
        found = recall(folder / "tuned.onnx", folder / "unseen", 0.5)
        print(f"fine-tuned: {found:.1%} of the unseen drawn faces from 16 px found")
        assert found > 0.9, found


if __name__ == "__main__":
    main()
