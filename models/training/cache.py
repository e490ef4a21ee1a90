"""Decode pictures once into a memory-mapped cache, so that training never waits for a codec.

cache.py DATA CACHE [SOURCE]
DATA/labels.jsonl has one picture a line: `file`, `width`, `height`, `source` (optional, else SOURCE), `shard` (optional: the
picture lies in DATA/shard-<shard>.tar), `faces` [{`box` [left, top, right, bottom], `landmarks` [x1, y1 … x5, y5] or
null, `ignore` (optional)}]. CACHE/pixels.u8 holds every picture (BGR) at full, half and quarter size one after the
other; CACHE/index.pkl a list of dicts: source, levels [(offset, height, width)] and the faces as arrays.
"""
import json
import os
import pickle
import sys
import tarfile

import cv2
import numpy as np

# Sets draw boxes differently. What turns these into WIDER's (forehead to chin): the median difference to the teacher's
# boxes on 60 pictures each, added to left, top, right, bottom, in sides (root of the area)
CONVENTION = {
    "fddb": (0.040, 0.204, -0.040, -0.039),
    "facemask853": (0.011, -0.192, -0.022, -0.084),
    "facemask_ilc": (-0.017, -0.115, 0.0, -0.017),
    "p1_keypoints": (0.013, -0.066, -0.016, -0.009),
}
LONGEST = 832  # larger pictures are shrunk: the detector sees 640, crops zoom in at most a little beyond


def pictures(data: str, records: list[dict]):
    """(record, encoded bytes) of every labelled picture."""
    by_name = {r["file"]: r for r in records}
    for shard in sorted({r["shard"] for r in records if "shard" in r}):
        with tarfile.open(os.path.join(data, f"shard-{shard}.tar")) as tar:
            for member in tar:
                if member.name in by_name:
                    yield by_name[member.name], tar.extractfile(member).read()
    for r in records:
        if "shard" not in r:
            with open(os.path.join(data, r["file"]), "rb") as file:
                yield r, file.read()


def faces(record: dict, source: str, zoom: float) -> dict[str, np.ndarray]:
    f = record["faces"]
    boxes = np.array([v["box"] for v in f], np.float32).reshape(-1, 4)
    side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1, keepdims=True))
    boxes += side * np.array(CONVENTION.get(source, (0, 0, 0, 0)), np.float32)
    return dict(
        boxes=boxes * zoom,
        kps=np.array([v.get("landmarks") or [0] * 10 for v in f], np.float32).reshape(-1, 5, 2) * zoom,
        kps_ok=np.array([bool(v.get("landmarks")) for v in f], bool),
        ignore=np.array([v.get("ignore", False) for v in f], bool))


def main(data: str, cache: str, source: str = "own") -> None:
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(data, "labels.jsonl")) as lines:
        records = [json.loads(line) for line in lines]
    index, offset = [], 0
    with open(os.path.join(cache, "pixels.u8"), "wb") as pixels:
        for record, encoded in pictures(data, records):
            img = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
            zoom = min(1.0, LONGEST / max(img.shape[:2]))
            if zoom < 1:
                img = cv2.resize(img, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
            levels = []
            for _ in range(3):
                levels.append((offset, *img.shape[:2]))
                pixels.write(img.tobytes())
                offset += img.size
                img = cv2.resize(img, (max(1, img.shape[1] // 2), max(1, img.shape[0] // 2)), interpolation=cv2.INTER_AREA)
            origin = record.get("source", source)
            index.append(dict(source=origin, levels=levels, **faces(record, origin, zoom)))
    with open(os.path.join(cache, "index.pkl"), "wb") as file:
        pickle.dump(index, file)
    print(f"{len(index)} pictures, {sum((~d['ignore']).sum() for d in index)} faces, {offset >> 20} MiB")


if __name__ == "__main__":
    main(*sys.argv[1:4])
