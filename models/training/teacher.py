"""Dense targets: what each cell of a crop should say, from YuNet (MIT licence) and the labels together.

YuNet has the detector's grid and parametrisation, so each of its cells is a target for ours. Labels win where they
speak: a labelled face that the teacher misses or doubts is raised, a teacher's face that no label knows is dropped.
Only cells with something to say are kept (a few kilobytes a crop), so that a crop is shown to the teacher once.
"""
import numpy as np
import onnxruntime as ort

from data import IGNORE, KPS_OK, SWAP
from model import STRIDES

FLOOR = 0.7  # the least score target of a labelled face's best cell
LARGEST = (44, 110)  # faces up to this side (pixels) belong to stride 8, to stride 16; larger ones to stride 32


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [A,2] in pixels and strides [A] of a size x size crop's cells."""
    points, strides = [], []
    for s in STRIDES:
        n = size // s
        points.append(np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) * s)
        strides.append(np.full(n * n, s))
    return np.concatenate(points).astype(np.float32), np.concatenate(strides).astype(np.float32)


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of boxes [n,4] and [m,4] -> [n,m]."""
    wh = np.clip(np.minimum(a[:, None, 2:4], b[None, :, 2:4]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None)
    both, area = wh[..., 0] * wh[..., 1], lambda v: (v[:, 2] - v[:, 0]) * (v[:, 3] - v[:, 1])
    return both / (area(a)[:, None] + area(b)[None] - both + 1e-6)


class Teacher:
    """Targets of crops, remembered by the crop's number."""

    def __init__(self, path: str):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [f"{name}_{s}" for name in ("cls", "obj", "bbox", "kps") for s in STRIDES]
        self.known: dict[tuple[int, int], tuple] = {}
        self.grids = {}

    def targets(self, key: tuple[int, int], img: np.ndarray, rows: np.ndarray):
        """Cells [k], values [k,16] (score, dx, dy, log w, log h, landmarks, landmarks usable), ignored cells [j]."""
        if key not in self.known:
            self.known[key] = self.look(img, rows)
        return self.known[key]

    def look(self, img: np.ndarray, rows: np.ndarray):
        size = img.shape[0]
        points, strides = self.grids.setdefault(size, grid(size))
        # YuNet takes BGR, 0 to 255
        out = self.session.run(self.names, {"input": np.ascontiguousarray(img.transpose(2, 0, 1)[None], np.float32)})
        flat = [np.concatenate([o[0] for o in out[i:i + 3]]) for i in (0, 3, 6, 9)]
        score = np.sqrt(np.clip(flat[0], 0, 1) * np.clip(flat[1], 0, 1))[:, 0]
        dense = np.concatenate([score[:, None], flat[2], flat[3], np.ones((len(score), 1), np.float32)], 1)

        ignored = np.zeros(len(points), bool)
        doubtful = rows[:, IGNORE] > 0
        for x0, y0, x1, y1 in rows[doubtful, :4]:
            dx, dy = 0.15 * (x1 - x0) + 3, 0.15 * (y1 - y0) + 3
            ignored |= (points[:, 0] >= x0 - dx) & (points[:, 0] <= x1 + dx) & (points[:, 1] >= y0 - dy) & (points[:, 1] <= y1 + dy)

        cells = np.flatnonzero(score > 0.02)
        centre = points[cells] + dense[cells, 1:3] * strides[cells, None]
        half = np.exp(np.clip(dense[cells, 3:5], -6, 6)) * strides[cells, None] / 2
        match = overlap(np.concatenate([centre - half, centre + half], 1), rows) if len(rows) else np.zeros((len(cells), 1))
        best, who = match.max(1), match.argmax(1)
        dense[cells[best < 0.3], 0] = 0  # no label knows it: a false alarm
        for i in np.flatnonzero(~doubtful):
            mine = cells[(who == i) & (best >= 0.4)]
            top = dense[mine, 0].max(initial=0)
            if top >= 0.2:
                dense[mine, 0] = np.minimum(1, dense[mine, 0] * max(1, FLOOR / top))
            else:
                self.invent(dense, points, strides, rows[i])
        keep = dense[:, 0] > 0.02
        return np.flatnonzero(keep).astype(np.int32), dense[keep].astype(np.float16), np.flatnonzero(ignored & (dense[:, 0] < 0.2)).astype(np.int32)

    @staticmethod
    def invent(dense: np.ndarray, points: np.ndarray, strides: np.ndarray, row: np.ndarray) -> None:
        """The cells nearest to a face's centre, at the level of its size, take the face."""
        centre, wh = (row[:2] + row[2:4]) / 2, np.maximum(row[2:4] - row[:2], 1)
        side = float(wh[0] * wh[1]) ** 0.5
        stride = STRIDES[sum(side > limit for limit in LARGEST)]
        cells = np.flatnonzero((strides == stride) & (np.abs(points + stride / 2 - centre) <= 0.75 * stride).all(1))
        cells = cells[dense[cells, 0] < 0.2]
        dense[cells, 0] = FLOOR if side >= 8 else 0.5
        dense[cells, 1:3] = (centre - points[cells]) / stride
        dense[cells, 3:5] = np.log(wh / stride)
        dense[cells, 5:15] = (row[4:14] - np.tile(points[cells], 5)) / stride
        dense[cells, 15] = row[KPS_OK]


def flipped(cells: np.ndarray, values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells and values after a horizontal flip.

    A cell looks at the square right of and below its point, and so does the teacher's: cell x becomes n - 1 - x, whose
    point lies one stride left of the mirrored one.
    """
    out, values, start = cells.copy(), values.copy(), 0
    for s in STRIDES:
        n = size // s
        mine = (cells >= start) & (cells < start + n * n)
        x, y = (cells[mine] - start) % n, (cells[mine] - start) // n
        out[mine] = start + y * n + n - 1 - x
        start += n * n
    values[:, 1] = 1 - values[:, 1]
    kps = values[:, 5:15].reshape(-1, 5, 2)[:, SWAP]
    kps[..., 0] = 1 - kps[..., 0]
    values[:, 5:15] = kps.reshape(-1, 10)
    return out, values


def turned(cells: np.ndarray, values: np.ndarray, size: int, quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells and values after quarter turns counterclockwise, as data.turn does them. So a head lying on its side gets the
    targets that the teacher has for the upright one."""
    cells, values = cells.copy(), values.copy()
    for _ in range(quarters):
        out, start = cells.copy(), 0
        for s in STRIDES:
            n = size // s
            mine = (cells >= start) & (cells < start + n * n)
            x, y = (cells[mine] - start) % n, (cells[mine] - start) // n
            out[mine] = start + (n - 1 - x) * n + y
            start += n * n
        cells = out
        values[:, 1:5] = np.stack([values[:, 2], 1 - values[:, 1], values[:, 4], values[:, 3]], 1)
        kps = values[:, 5:15].reshape(-1, 5, 2)
        values[:, 5:15] = np.stack([kps[..., 1], 1 - kps[..., 0]], -1).reshape(-1, 10)
    return cells, values
