"""Random training crops from the caches that cache.py wrote.

A crop's geometry (which pictures, which cut, which scale) follows from its number alone; flip, quarter turns, occlusion
and photometric changes are drawn anew each time. So a teacher has to look at each crop only once (see teacher.py).

A crop's faces are rows of 16 numbers: left, top, right, bottom, five landmarks x, y (pixels of the crop), landmarks
usable, ignore (neither a face nor background).
"""
import os
import pickle
import random

import cv2
import numpy as np

KPS_OK, IGNORE = 14, 15
SWAP = [1, 0, 2, 4, 3]  # the landmarks' order after a horizontal flip
cv2.setNumThreads(0)


class Crops:
    """weights: relative draw frequency per source (of each picture, not of the source)."""

    def __init__(self, caches: list[str], weights: dict[str, float], seed: int = 0):
        self.seed = seed
        self.items = []
        for folder in caches:
            pixels = np.memmap(os.path.join(folder, "pixels.u8"), np.uint8, "r")
            with open(os.path.join(folder, "index.pkl"), "rb") as file:
                self.items += [(pixels, d) for d in pickle.load(file)]
        # pictures with many faces teach more
        w = np.array([weights.get(d["source"], 1.0) * (1.0 + 0.5 * np.log1p((~d["ignore"]).sum())) for _, d in self.items])
        self.cumulative = np.cumsum(w / w.sum())

    def pick(self, rng: random.Random):
        return self.items[min(int(np.searchsorted(self.cumulative, rng.random())), len(self.items) - 1)]

    def view(self, rng: random.Random, w: int, h: int, largest: float, tile: bool) -> tuple[np.ndarray, np.ndarray]:
        """One w x h view of a random picture and its faces; `largest`: the largest face side wanted in it."""
        pixels, d = self.pick(rng)
        _, H, W = d["levels"][0]
        boxes, kps, ok, ignore = d["boxes"], d["kps"], d["kps_ok"], d["ignore"]
        real = np.flatnonzero(~ignore)
        alarms = d.get("alarms", boxes[:0])  # what mine.py found
        wanted = alarms if len(alarms) and (not len(real) or rng.random() < 0.25) else boxes[real]
        fit = max(w / W, h / H) * 0.75 if tile else min(w / W, h / H) * 0.85
        if len(wanted) and rng.random() < 0.75:  # zoom so that one of them gets a chosen size, tiny ones more often
            x0, y0, x1, y1 = wanted[rng.randrange(len(wanted))]
            side = max(2.0, float((x1 - x0) * (y1 - y0)) ** 0.5)
            goal = 6.0 * (largest / 6.0) ** (rng.random() ** 1.3)
            z = min(max(goal / side, fit), max(fit, 2.2))
            cx = (x0 + x1) / 2 + (rng.random() - 0.5) * 0.8 * w / z
            cy = (y0 + y1) / 2 + (rng.random() - 0.5) * 0.8 * h / z
        else:
            z = fit * 2 ** rng.uniform(0, 1.5)
            cx = W / 2 + (rng.random() - 0.5) * max(0, W - w / z)
            cy = H / 2 + (rng.random() - 0.5) * max(0, H - h / z)
        cx, cy = inside(rng, cx, W, w / z), inside(rng, cy, H, h / z)

        level = 0 if rng.random() < 0.2 else (2 if z < 0.3 else 1 if z < 0.6 else 0)  # against aliasing, most of the time
        offset, lh, lw = d["levels"][level]
        img = pixels[offset:offset + lh * lw * 3].reshape(lh, lw, 3)
        u = rng.random()
        angle = np.deg2rad(rng.uniform(-20, 20) if u < 0.2 else rng.uniform(-60, 60) if u < 0.3 else 0)
        zx, zy = z * 2 ** rng.uniform(-0.12, 0.12), z
        M = np.array([[zx * np.cos(angle), -zy * np.sin(angle), 0], [zx * np.sin(angle), zy * np.cos(angle), 0]])
        M[:, 2] = (w / 2, h / 2) - M[:, :2] @ (cx, cy)
        fill = 0 if rng.random() < 0.6 else rng.randrange(256)
        to_level = M.copy()
        to_level[:, 0] *= W / lw
        to_level[:, 1] *= H / lh
        out = cv2.warpAffine(img, to_level, (w, h), flags=cv2.INTER_LINEAR, borderValue=(fill,) * 3)
        if not len(boxes):
            return out, np.zeros((0, 16), np.float32)

        # a box stands for an upright ellipse: its extent after the map, not that of the turned corners
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ M[:, :2].T + M[:, 2]
        radius = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (M[:, :2].T ** 2))
        full = np.concatenate([centre - radius, centre + radius], 1)
        box = full.copy()
        box[:, 0::2] = box[:, 0::2].clip(0, w)
        box[:, 1::2] = box[:, 1::2].clip(0, h)
        kps = kps @ M[:, :2].T + M[:, 2]
        seen = np.prod(box[:, 2:] - box[:, :2], 1) / np.maximum(np.prod(2 * radius, 1), 1e-6)
        within = (centre > 0).all(1) & (centre < (w, h)).all(1)
        side = np.sqrt(np.prod(2 * radius, 1))
        ignore = ignore | ~within | (side < 5) | (seen < 0.35)
        ok = ok & ((kps > -2) & (kps < (w + 2, h + 2))).all((1, 2)) & (side >= 8)
        rows = np.concatenate([box, kps.reshape(-1, 10), ok[:, None], ignore[:, None]], 1)
        return out, rows[seen > 0.05].astype(np.float32)

    def geometry(self, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Crop `number`: one view, or a mosaic of 4, 9 or 16. BGR [size,size,3] and rows [n,16]."""
        rng = random.Random(f"{self.seed}-{size}-{number}")
        u = rng.random()
        if u < 0.55:
            return self.view(rng, size, size, 0.95 * size, False)
        if u < 0.85:
            xs, ys = ([0, int(size * rng.uniform(0.35, 0.65)), size] for _ in range(2))
        else:
            n = 3 if u < 0.94 else 4
            xs = ys = [size * j // n for j in range(n + 1)]
        img, parts = np.empty((size, size, 3), np.uint8), []
        for y0, y1 in zip(ys, ys[1:]):
            for x0, x1 in zip(xs, xs[1:]):
                img[y0:y1, x0:x1], rows = self.view(rng, x1 - x0, y1 - y0, 0.9 * min(x1 - x0, y1 - y0), True)
                rows[:, :14] += np.tile([x0, y0], 7)
                parts.append(rows)
        return img, np.concatenate(parts)


def inside(rng: random.Random, centre: float, length: float, view: float) -> float:
    """Keep the view on the picture where the picture is larger; else anywhere that shows all of it."""
    if view < length:
        return min(max(centre, view / 2), length - view / 2)
    return length / 2 + (rng.random() - 0.5) * (view - length)


def flip(img: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, out = img.shape[1], rows.copy()
    out[:, 0], out[:, 2] = w - rows[:, 2], w - rows[:, 0]
    kps = rows[:, 4:14].reshape(-1, 5, 2)[:, SWAP]
    kps[..., 0] = w - kps[..., 0]
    out[:, 4:14] = kps.reshape(-1, 10)
    return cv2.flip(img, 1), out


def turn(img: np.ndarray, rows: np.ndarray, quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """A square crop and its faces, turned counterclockwise by quarters. The landmarks keep their order: they say where up is."""
    size, rows = img.shape[1], rows.copy()
    for _ in range(quarters):
        x0, y0, x1, y1 = rows[:, :4].T.copy()
        rows[:, :4] = np.stack([y0, size - x1, y1, size - x0], 1)
        kps = rows[:, 4:14].reshape(-1, 5, 2)
        rows[:, 4:14] = np.stack([kps[..., 1], size - kps[..., 0]], -1).reshape(-1, 10)
    return np.ascontiguousarray(np.rot90(img, quarters)), rows


# What a patch may hide, in shares of the box (left, top, right, bottom), the range of each: a mask or scarf; a hat; dark
# glasses; a half behind a post or another head
HIDDEN = (
    ((0.0, 0.1), (0.45, 0.65), (0.9, 1.0), (0.85, 1.1)),
    ((-0.1, 0.1), (-0.2, 0.0), (0.9, 1.1), (0.2, 0.4)),
    ((0.0, 0.15), (0.25, 0.35), (0.85, 1.0), (0.45, 0.6)),
    ((-0.2, 0.0), (-0.1, 0.1), (0.3, 0.5), (0.9, 1.1)),
    ((0.5, 0.7), (-0.1, 0.1), (1.0, 1.2), (0.9, 1.1)),
)


def occlude(rng: random.Random, img: np.ndarray, rows: np.ndarray) -> None:
    """Now and then a patch over a face: one colour, or a piece of the same picture without faces."""
    for x0, y0, x1, y1 in rows[rows[:, IGNORE] == 0, :4]:
        w, h = x1 - x0, y1 - y0
        if w < 12 or rng.random() > 0.18:
            continue
        if rng.random() < 0.6:
            share = [rng.uniform(*range_) for range_ in rng.choice(HIDDEN)]
        else:
            u, v = rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.5)
            px, py = rng.uniform(0, 1 - u), rng.uniform(0, 1 - v)
            share = [px, py, px + u, py + v]
        left, top, right, bottom = (int(a + b * c) for a, b, c in zip((x0, y0) * 2, share, (w, h) * 2))
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, img.shape[1]), min(bottom, img.shape[0])
        if right > left and bottom > top:
            img[top:bottom, left:right] = patch(rng, img, rows, right - left, bottom - top)


def patch(rng: random.Random, img: np.ndarray, rows: np.ndarray, w: int, h: int) -> np.ndarray:
    """w x h of the picture where no face is, or one colour where a few tries find none."""
    for _ in range(4 if rng.random() < 0.6 else 0):
        x, y = rng.randint(0, img.shape[1] - w), rng.randint(0, img.shape[0] - h)
        if not ((rows[:, 0] < x + w) & (rows[:, 2] > x) & (rows[:, 1] < y + h) & (rows[:, 3] > y)).any():
            return img[y:y + h, x:x + w].copy()
    return np.array([rng.randrange(256) for _ in range(3)], np.uint8)


RAMP = np.arange(256, dtype=np.float32) / 255
NOISE = np.random.default_rng(0).normal(0, 1, (1024, 1024, 3)).astype(np.float32)


def photometric(rng: random.Random, img: np.ndarray) -> np.ndarray:
    """Light, colour, blur, noise and JPEG."""
    if rng.random() < 0.6:
        gain, offset, gamma = rng.uniform(0.7, 1.35), rng.uniform(-25, 25), 2 ** rng.uniform(-0.5, 0.5)
        tint = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], np.float32)
        curve = (RAMP[:, None] ** gamma * 255 - 127) * gain * tint + 127 + offset
        img = cv2.LUT(img, np.clip(curve, 0, 255).astype(np.uint8)[None])
    u = rng.random()
    if u < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        colour = 0.0 if u < 0.1 else rng.uniform(0.4, 1.5)
        img = cv2.addWeighted(img, colour, grey, 1 - colour, 0)
    u = rng.random()
    if u < 0.08:
        img = cv2.GaussianBlur(img, (0, 0), rng.uniform(0.4, 1.4))
    elif u < 0.14:
        n = rng.choice((3, 5))
        img = cv2.blur(img, (n, 1) if rng.random() < 0.5 else (1, n))
    if rng.random() < 0.06:
        h, w = img.shape[:2]
        y, x = rng.randrange(1025 - h), rng.randrange(1025 - w)
        img = cv2.add(img, NOISE[y:y + h, x:x + w] * rng.uniform(3, 14), dtype=cv2.CV_8U)
    if rng.random() < 0.12:
        img = cv2.imdecode(cv2.imencode(".jpg", img, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(20, 85)])[1], cv2.IMREAD_COLOR)
    return img
