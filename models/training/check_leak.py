"""Is a picture kept for measuring, or a near copy of one, in the training data?

check_leak.py CACHE PICTURES: each picture of the folder PICTURES against each of the cache, upright and mirrored, by a
difference hash of 256 bits (is a pixel of the picture at 17 x 16 brighter than its left neighbour). Unrelated pictures
differ in about 128 bits, a re-encoded or rescaled copy in fewer than LIMIT. Exit status 1 if there is a copy.
"""
import os
import pickle
import sys

import cv2
import numpy as np

LIMIT = 32


def fingerprint(img: np.ndarray) -> np.ndarray:
    """BGR picture -> 256 bits as 32 bytes."""
    small = cv2.resize(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), (17, 16), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1])


def main(cache: str, folder: str) -> int:
    pixels = np.memmap(os.path.join(cache, "pixels.u8"), np.uint8, "r")
    with open(os.path.join(cache, "index.pkl"), "rb") as file:
        index = pickle.load(file)
    train = []
    for record in index:
        offset, h, w = record["levels"][1]
        train.append(fingerprint(pixels[offset:offset + h * w * 3].reshape(h, w, 3)))
    train, copies, nearest = np.stack(train), 0, 256
    names = sorted(os.listdir(folder))
    for name in names:
        img = cv2.imread(os.path.join(folder, name))
        if img is None:
            continue
        for view in (img, cv2.flip(img, 1)):
            bits = np.bitwise_count(train ^ fingerprint(view)).sum(1, dtype=np.int32)
            nearest = min(nearest, int(bits.min()))
            for i in np.flatnonzero(bits < LIMIT):
                copies += 1
                print(f"{name} is like picture {i} of the cache ({index[i]['source']}): {bits[i]} bits differ")
    print(f"{len(names)} pictures against {len(train)}: {copies} copies, the nearest differ in {nearest} of 256 bits")
    return 1 if copies else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
