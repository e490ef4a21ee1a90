"""Find what a model takes for a face where there is none, so that training looks there.

mine.py CACHE MODEL.onnx [SOURCE,SOURCE …]
Writes `alarms` [n,4] into CACHE/index.pkl: boxes found at .3 or more, one pass at 640, which no label touches, not even
one to ignore. data.py then cuts crops around them as it does around faces. SOURCE: those whose pictures have all of their faces
labelled; elsewhere an alarm may be a face.
"""
import os
import pickle
import sys

import numpy as np

from evaluate import detect, session

LEAST = 0.3
COMPLETE = "wider,imagenet1000,voc_bernie,coco128,neg_joakim,drawn"


def untouched(boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which boxes [n,4] share no pixel with any label [m,4]."""
    wh = np.minimum(boxes[:, None, 2:], labels[None, :, 2:]) - np.maximum(boxes[:, None, :2], labels[None, :, :2])
    return ~(wh > 0).all(-1).any(1)


def main(cache: str, model: str, sources: str = COMPLETE) -> None:
    net, alarms, pictures = session(model), 0, 0
    pixels = np.memmap(os.path.join(cache, "pixels.u8"), np.uint8, "r")
    path = os.path.join(cache, "index.pkl")
    with open(path, "rb") as file:
        index = pickle.load(file)
    for d in index:
        d.pop("alarms", None)
        if d["source"] not in sources.split(","):
            continue
        offset, h, w = d["levels"][0]
        boxes, scores = detect(net, pixels[offset:offset + h * w * 3].reshape(h, w, 3))
        boxes = boxes[scores >= LEAST]
        boxes = boxes[untouched(boxes, d["boxes"])]
        if len(boxes):
            d["alarms"] = boxes.astype(np.float32)
            alarms, pictures = alarms + len(boxes), pictures + 1
    with open(path + ".tmp", "wb") as file:
        pickle.dump(index, file)
    os.replace(path + ".tmp", path)
    print(f"{alarms} alarms in {pictures} pictures")


if __name__ == "__main__":
    main(*sys.argv[1:4])
