"""How good a model is on a folder of labelled pictures, one pass at 640.

evaluate.py FOLDER MODEL.onnx [MODEL.onnx …] [--every N] [--threshold T] [--turn 90|180|270]
FOLDER/ground-truth.jsonl: `image` (in FOLDER/images), `boxes` [[x, y, width, height]], and for `easy`, `medium`, `hard`
the indices of the boxes that count (the others are ignored). Or FOLDER/labels.jsonl as cache.py takes it (without
shards): then the three are the same, all faces without `ignore`. Prints average precision, the threshold at which
precision reaches .95, precision and recall there, recall by face size, and the time of a pass on one thread.
The protocol: letterbox to 640 (top left), threshold .02, NMS .4, match at IoU .5, greedy by score.
Any model with SCRFD's nine outputs will do, with one or two anchors per cell.
"""
import argparse
import json
import os
import time

import cv2
import numpy as np
import onnxruntime as ort

STRIDES, SIZE, LOW, NMS = (8, 16, 32), 640, 0.02, 0.4
BANDS = ((8, 16), (16, 32), (32, 64), (64, 128), (128, 1e9))


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    wh = np.clip(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None)
    both, area = wh[..., 0] * wh[..., 1], lambda v: (v[:, 2] - v[:, 0]) * (v[:, 3] - v[:, 1])
    return both / (area(a)[:, None] + area(b)[None] - both + 1e-9)


def session(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def detect(net: ort.InferenceSession, img: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """BGR picture -> boxes [n,4] in its pixels and scores [n], best first."""
    h, w = img.shape[:2]
    z = SIZE / max(h, w)
    nh, nw = round(h * z), round(w * z)
    canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
    canvas[:nh, :nw] = cv2.resize(img, (nw, nh))
    x = cv2.dnn.blobFromImage(canvas, 1 / 128, (SIZE, SIZE), (127.5,) * 3, swapRB=True)
    out = net.run(None, {net.get_inputs()[0].name: x})
    boxes, scores = [], []
    for i, s in enumerate(STRIDES):
        n = SIZE // s
        score, d = out[i].reshape(-1), out[i + 3].reshape(-1, 4) * s
        points = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) * s
        points = np.repeat(points, len(score) // (n * n), 0)
        m = score >= LOW
        boxes.append(np.concatenate([points[m] - d[m, :2], points[m] + d[m, 2:]], 1) / z)
        scores.append(score[m])
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    order, keep = scores.argsort()[::-1], []
    while len(order):
        keep.append(order[0])
        order = order[1:][overlap(boxes[order[:1]], boxes[order[1:]])[0] <= NMS]
    return boxes[keep], scores[keep]


def turn(img: np.ndarray, boxes: list, quarters: int) -> tuple[np.ndarray, list]:
    """A picture turned counterclockwise by quarters, and its boxes [x, y, width, height]."""
    for _ in range(quarters):
        width = img.shape[1]
        img, boxes = np.rot90(img), [[y, width - x - w, h, w] for x, y, w, h in boxes]
    return np.ascontiguousarray(img), boxes


def judge(found: list, truth: list[dict], level: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores [n] best first, whether each is right [n], and how many faces count."""
    scored, faces = [], 0
    for (boxes, scores), t in zip(found, truth):
        gt = np.array(t["boxes"], np.float32).reshape(-1, 4)
        gt[:, 2:] += gt[:, :2]
        counts, used = set(t[level]), set()
        faces += len(counts)
        match = overlap(boxes, gt) if len(gt) and len(boxes) else np.zeros((len(boxes), 0))
        for k, score in enumerate(scores):
            j = int(match[k].argmax()) if match.shape[1] else -1
            hit = j >= 0 and match[k, j] >= 0.5
            if hit and j not in counts:
                continue
            scored.append((score, hit and j not in used))
            if hit:
                used.add(j)
    scored.sort(key=lambda s: -s[0])
    return np.array([s[0] for s in scored]), np.array([s[1] for s in scored], bool), faces


def average_precision(right: np.ndarray, faces: int) -> float:
    tp = np.cumsum(right)
    recall, precision = tp / faces, np.maximum.accumulate((tp / np.arange(1, len(tp) + 1))[::-1])[::-1]
    return float((np.diff(np.concatenate([[0], recall])) * precision).sum())


def recall_by_size(found: list, truth: list[dict], threshold: float) -> dict[str, tuple[float, int]]:
    """By the face's side (root of its area) at 640, over the boxes that count as hard: recall and how many."""
    hits = {band: [] for band in BANDS}
    for (boxes, scores), t in zip(found, truth):
        gt = np.array([t["boxes"][j] for j in t["hard"]], np.float32).reshape(-1, 4)
        side = np.sqrt(gt[:, 2] * gt[:, 3]) * t["zoom"]
        gt[:, 2:] += gt[:, :2]
        boxes = boxes[scores >= threshold]
        best = overlap(gt, boxes).max(1) if len(boxes) and len(gt) else np.zeros(len(gt))
        for s, b in zip(side, best):
            for band in BANDS:
                if band[0] <= s < band[1]:
                    hits[band].append(b >= 0.5)
    return {f"{a}-{b}" if b < 1e9 else f">{a}": (round(float(np.mean(h)), 3) if h else None, len(h)) for (a, b), h in hits.items()}


def milliseconds(net: ort.InferenceSession) -> float:
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    times = []
    for _ in range(30):
        t = time.perf_counter()
        net.run(None, {net.get_inputs()[0].name: x})
        times.append(time.perf_counter() - t)
    return min(times) * 1e3  # the least: other work on the machine only adds


def read_truth(folder: str) -> list[dict]:
    """One dict a picture: path, boxes and the indices that count, as in ground-truth.jsonl."""
    path = os.path.join(folder, "ground-truth.jsonl")
    if os.path.exists(path):
        with open(path) as lines:
            truth = [json.loads(line) for line in lines]
        return [t | dict(path=os.path.join(folder, "images", t["image"])) for t in truth]
    truth = []
    with open(os.path.join(folder, "labels.jsonl")) as lines:
        for r in map(json.loads, lines):
            counts = [i for i, f in enumerate(r["faces"]) if not f.get("ignore")]
            boxes = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in (f["box"] for f in r["faces"])]
            truth.append(dict(path=os.path.join(folder, r["file"]), boxes=boxes, easy=counts, medium=counts, hard=counts))
    return truth


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    ap.add_argument("models", nargs="+")
    ap.add_argument("--every", type=int, default=1, help="only each N-th picture: a quick look")
    ap.add_argument("--threshold", type=float, help="instead of the one for precision .95")
    ap.add_argument("--turn", type=int, choices=(0, 90, 180, 270), default=0, help="turn each picture by so much (counterclockwise) first")
    args = ap.parse_args()
    truth = read_truth(args.folder)[::args.every]
    nets = [session(path) for path in args.models]
    found = [[] for _ in nets]
    for t in truth:
        img, t["boxes"] = turn(cv2.imread(t["path"]), t["boxes"], args.turn // 90)
        t["zoom"] = SIZE / max(img.shape[:2])
        for net, f in zip(nets, found):
            f.append(detect(net, img))
    for path, net, f in zip(args.models, nets, found):
        result = {level: round(average_precision(*judge(f, truth, level)[1:]), 4) for level in ("easy", "medium", "hard")}
        scores, right, faces = judge(f, truth, "hard")
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        good = np.flatnonzero(precision >= 0.95)
        at = good[-1] if len(good) else 0
        if args.threshold:
            at = int((scores >= args.threshold).sum()) - 1
        result |= dict(threshold=round(float(scores[at]), 4), precision=round(float(precision[at]), 4),
                       recall=round(float(right[:at + 1].sum() / faces), 4),
                       by_size=recall_by_size(f, truth, scores[at]), ms=round(milliseconds(net), 1))
        print(os.path.basename(path), json.dumps(result), flush=True)
