"""The two losses: against dense targets (teacher.py), and against labelled faces."""
import torch
import torch.nn.functional as F

from data import IGNORE, KPS_OK
from model import STRIDES, distances
from teacher import grid

# sizes (pixels) of the faces that a level may take from labels, and the cells around a face's centre that may
RANGE = {8: (0, 80), 16: (28, 200), 32: (72, 1e9)}
NEAR = torch.stack(torch.meshgrid(torch.arange(-1, 2), torch.arange(-1, 2), indexing="xy"), -1).reshape(-1, 2)


def iou(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU [n] of paired boxes [n,4], and DIoU's penalty (Zheng et al. 2020): centre distance over the hull's diagonal, squared."""
    wh = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    both, area = wh[:, 0] * wh[:, 1], lambda v: (v[:, 2] - v[:, 0]).clamp(min=0) * (v[:, 3] - v[:, 1]).clamp(min=0)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) ** 2).sum(1) / 4
    return both / (area(a) + area(b) - both + 1e-6), apart / ((hull ** 2).sum(1) + 1e-6)


def corners(d: torch.Tensor) -> torch.Tensor:
    return torch.cat([-d[:, :2], d[:, 2:]], 1)


def quality_focal(logit: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Quality focal loss (Li et al. 2020) with soft targets, beta 2."""
    return (logit.sigmoid() - target).abs() ** 2 * F.binary_cross_entropy_with_logits(logit, target, reduction="none")


def dense_losses(raw: torch.Tensor, cells: torch.Tensor, values: torch.Tensor, ignored: torch.Tensor):
    """raw [B,A,15]; cells [k] (image * A + cell) with values [k,16]; ignored cells [j] -> score, box and landmark loss."""
    flat = raw.reshape(-1, 15)
    q = torch.zeros(len(flat))
    q[cells] = values[:, 0]
    weight = torch.ones(len(flat))
    weight[ignored] = 0
    sure = values[:, 0] > 0.15
    cells, t = cells[sure], values[sure]
    w = t[:, 0]
    n = w.sum().clamp(min=4)
    p = flat[cells]
    score = (quality_focal(flat[:, 0], q) * weight).sum() / n
    u, apart = iou(corners(distances(p[:, 1:5])), corners(distances(t[:, 1:5])))
    box = ((1 - u + apart + F.smooth_l1_loss(p[:, 1:5], t[:, 1:5], beta=0.05, reduction="none").sum(-1)) * w).sum() / n
    kps = (F.smooth_l1_loss(p[:, 5:], t[:, 5:15], beta=0.1, reduction="none").mean(-1) * w * t[:, 15]).sum() / n
    return score, box, kps


@torch.no_grad()
def assign(logit: torch.Tensor, box: torch.Tensor, gt: torch.Tensor, size: int):
    """SimOTA (Ge et al. 2021) over the cells near each face. gt rows: image, box … -> cells (image * A + cell), gt rows, IoU."""
    A = logit.shape[1]
    centre, side = (gt[:, 1:3] + gt[:, 3:5]) / 2, ((gt[:, 3] - gt[:, 1]) * (gt[:, 4] - gt[:, 2])).sqrt()
    cells, allowed, start = [], [], 0
    for s in STRIDES:
        n = size // s
        g = (centre / s).floor()[:, None].long() + NEAR  # [M,9,2]
        away = ((g.float() + 0.5) * s - centre[:, None]).abs().amax(-1)
        low, high = RANGE[s]
        allowed.append(((g >= 0) & (g < n)).all(-1) & (away <= 1.5 * s) & ((side >= low) & (side < high))[:, None])
        g = g.clamp(0, n - 1)
        cells.append(start + g[..., 1] * n + g[..., 0])
        start += n * n
    cells, allowed = torch.cat(cells, 1), torch.cat(allowed, 1)
    flat = gt[:, 0].long()[:, None] * A + cells
    M, K = flat.shape
    u, _ = iou(box.reshape(-1, 4)[flat.reshape(-1)], gt[:, 1:5].repeat_interleave(K, 0))
    u = u.reshape(M, K) * allowed
    cost = F.softplus(-logit.reshape(-1)[flat]) - 3 * torch.log(u + 1e-4) + (~allowed) * 1e4
    take = u.topk(9, 1)[0].sum(1).round().clamp(1, 9)  # as many cells as the best predictions add up to
    order = cost.argsort(1)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(K).expand(M, K))
    m, j = ((rank < take[:, None]) & allowed).nonzero(as_tuple=True)
    f, c = flat[m, j], cost[m, j]
    # a cell wanted by several faces goes to the cheapest
    cheapest = torch.full((logit.numel(),), 1e9).scatter_reduce(0, f, c, "amin")
    won = c <= cheapest[f]
    m, j, f = m[won], j[won], f[won]
    return f, m, u[m, j]


def label_losses(raw: torch.Tensor, rows: torch.Tensor, size: int):
    """raw [B,A,15]; rows [n,17]: the image's number, then a face as in data.py -> score, box and landmark loss."""
    points, strides = map(torch.from_numpy, grid(size))
    d = distances(raw[..., 1:5]) * strides[:, None]
    box = torch.cat([points - d[..., :2], points + d[..., 2:]], -1)
    B, A = raw.shape[:2]
    doubtful = rows[:, 1 + IGNORE] > 0
    gt, ign = rows[~doubtful], rows[doubtful]
    weight = torch.ones(B * A)
    if len(ign):  # cells within doubtful faces (a little enlarged) are not negatives
        grow = 0.15 * (ign[:, 3:5] - ign[:, 1:3]) + 3
        within = ((points >= (ign[:, 1:3] - grow)[:, None]) & (points <= (ign[:, 3:5] + grow)[:, None])).all(-1)
        i, a = within.nonzero(as_tuple=True)
        weight[ign[i, 0].long() * A + a] = 0
    target = torch.zeros(B * A)
    box_loss = kps_loss = raw.sum() * 0
    n = 1.0
    if len(gt):
        f, m, u = assign(raw[..., 0].detach(), box.detach(), gt, size)
        target[f], weight[f] = u.clamp(min=0.05), 1.0
        n = max(float(len(f)), 1.0)
        now, apart = iou(box.reshape(-1, 4)[f], gt[m, 1:5])
        box_loss = (1 - now + apart).sum() / n
        has = gt[m, 1 + KPS_OK] > 0
        side = ((gt[:, 3] - gt[:, 1]) * (gt[:, 4] - gt[:, 2])).sqrt()[m[has]]
        a = f[has] % A
        kps = raw.reshape(-1, 15)[f[has], 5:] * strides[a][:, None] + points[a].repeat(1, 5)
        off = (kps - gt[m[has], 5:15]) / side[:, None]
        kps_loss = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.05, reduction="sum") / 10 / n
    score = (quality_focal(raw[..., 0].reshape(-1), target) * weight).sum() / n
    return score, box_loss, kps_loss
