"""The embedded face detector: anchor-free, one prediction per cell at strides 8, 16 and 32.

Cell (x, y) of a level stands for the point (x * stride, y * stride) of the picture. It predicts 15 raw
numbers: a logit, a box as dx, dy, log w, log h (centre relative to the point, all in strides) and five
landmark offsets (eyes, nose, mouth corners; in strides). This is YuNet's parametrisation, so that YuNet's
outputs can serve as targets cell by cell; `Exported` turns it into SCRFD's distances.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

STRIDES = (8, 16, 32)
OUTPUTS = [f"{name}_{stride}" for name in ("score", "bbox", "kps") for stride in STRIDES]


def conv(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and normalisation, no activation."""
    return nn.Sequential(nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside))


def active(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def separable(width: int) -> nn.Sequential:
    """Pointwise then depthwise 3x3, one normalisation for the pair: a ninth of a dense convolution's work."""
    return active(nn.Conv2d(width, width, 1, bias=False), nn.Conv2d(width, width, 3, 1, 1, groups=width, bias=False), nn.BatchNorm2d(width))


class Residual(nn.Module):
    """Two dense 3x3 through half the width. Dense beats depthwise here: training is bound by memory traffic."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(active(conv(width, width // 2)), conv(width // 2, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.body(x))


class Detector(nn.Module):
    """widths: channels at strides 2, 4, 8, 16, 32; blocks: residual blocks at strides 8, 16, 32; neck: channels of the pyramid."""

    def __init__(self, widths=(16, 32, 48, 64, 96), blocks=(2, 2, 1), neck=64):
        super().__init__()
        self.stem = nn.Sequential(active(conv(3, widths[0], 3, 2)), active(conv(widths[0], widths[1], 3, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(active(conv(i, o, 3, 2)), *[Residual(o) for _ in range(n)])
            for i, o, n in zip(widths[1:], widths[2:], blocks))
        self.lateral = nn.ModuleList(active(conv(w, neck, 1)) for w in widths[2:])
        self.merge = nn.ModuleList(separable(neck) for _ in range(2))
        # a head for each level: were one shared, its normalisation would average over levels that differ
        self.heads = nn.ModuleList(separable(neck) for _ in STRIDES)
        self.predict = nn.ModuleList(nn.Conv2d(neck, 15, 3, 1, 1) for _ in STRIDES)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out" if m.groups == 1 else "fan_in", nonlinearity="relu")
        for last in self.predict:
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
            with torch.no_grad():
                last.bias[0] = -4.6  # a face is rare: every cell starts at one per cent
                last.bias[3:5] = 1.0

    def levels(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Picture [B,3,H,W], (RGB - 127.5) / 128 -> raw predictions [B,15,H/s,W/s] of each stride s."""
        x = self.stem(x)
        pyramid = []
        for stage, lateral in zip(self.stages, self.lateral):
            x = stage(x)
            pyramid.append(lateral(x))
        p3, p4, p5 = pyramid
        p4 = self.merge[0](p4 + F.interpolate(p5, scale_factor=2.0, mode="nearest"))
        p3 = self.merge[1](p3 + F.interpolate(p4, scale_factor=2.0, mode="nearest"))
        out = []
        for p, head, predict in zip((p3, p4, p5), self.heads, self.predict):
            p = head(p)
            with torch.autocast("cpu", enabled=False):  # eight bits of mantissa are too few for a box
                out.append(predict(p.float()))
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,A,15]: the cells of all levels one after the other, row by row."""
        return torch.cat([p.permute(0, 2, 3, 1).flatten(1, 2) for p in self.levels(x)], 1)


def distances(raw: torch.Tensor) -> torch.Tensor:
    """dx, dy, log w, log h [...,4] -> distances from the point to left, top, right, bottom, in strides."""
    half = torch.exp(raw[..., 2:4].clamp(max=6.0)) * 0.5
    return torch.cat([half - raw[..., :2], half + raw[..., :2]], -1)


class Exported(nn.Module):
    """SCRFD's nine outputs for one picture: score [N,1] after the sigmoid, bbox [N,4] and kps [N,10] in strides."""

    def __init__(self, net: Detector):
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flat = [p.permute(0, 2, 3, 1).flatten(0, 2) for p in self.net.levels(x)]
        return (*[f[:, :1].sigmoid() for f in flat], *[distances(f[:, 1:5]) for f in flat], *[f[:, 5:15] for f in flat])


def load(path: str) -> Detector:
    """The detector from a checkpoint or a weights file (both keep the widths beside the weights)."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    net = Detector(**saved["model"])
    net.load_state_dict(saved["ema"])
    return net
