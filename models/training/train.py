"""Train the detector on the CPU: one single-thread process per core, gradients averaged after each step.

train.py --caches CACHE[,CACHE] --save RUN --minutes N --teacher yunet.onnx                      dense targets
train.py --caches CACHE[,CACHE] --save RUN --minutes N --teacher yunet.onnx --labels .5 --init …  both
train.py --caches CACHE[,CACHE] --save RUN --minutes N --init CHECKPOINT                         labels: fine-tuning
train.py --resume RUN/last.pt                                                   go on where a run was cut off

The schedule runs on the clock (--minutes), so that the run ends on time with a low rate however busy the machine is; or on
crops (--crops), so that a run which is stopped now and then loses nothing. A run whose --finish file appears takes its rate
to zero over about eight minutes' worth of crops and ends.
"""
import argparse
import collections
import copy
import datetime
import json
import math
import os
import random
import time

# one thread a process; freed memory stays mapped: giving it back and faulting it in again halves the speed
os.environ.update(OMP_NUM_THREADS="1", MALLOC_MMAP_THRESHOLD_="8589934592", MALLOC_TRIM_THRESHOLD_="17179869184")
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing

from data import Crops, flip, occlude, photometric, turn
from losses import dense_losses, label_losses
from model import Detector, load
from teacher import Teacher, flipped, turned

WEIGHTS = torch.tensor([1.5, 1.5, 1.0])  # of the score, box and landmark loss
ENDING = 8  # minutes' worth of crops from the finish file to the end


class Batches:
    """Batches from a pool of crops: each crop comes once per round in a new order, each time flipped and lit anew."""

    def __init__(self, args: argparse.Namespace, rank: int):
        self.crops = Crops(args.caches.split(","), json.loads(args.weights), seed=args.seed * 64 + rank)
        self.teacher = Teacher(args.teacher) if args.teacher else None
        self.pool, self.batch, self.every, self.turns = args.pool, args.batch, args.every, args.turns
        self.rank, self.seed = rank, args.seed

    def number(self, at: int, pool: int) -> int:
        """The at-th crop drawn is this one of the pool: an affine shuffle, another for each round."""
        turn, i = divmod(at, pool)
        step = 2 * random.Random(f"{self.seed}-{turn}").randrange(pool // 2) + 1
        while math.gcd(step, pool) > 1:
            step += 2
        return (i * step + turn) % pool

    def __call__(self, step: int):
        """Pictures [B,3,size,size] normalised RGB, rows [n,17] and, with a teacher, the dense targets."""
        big = self.every and step % self.every == self.every - 1  # twice the size, a quarter of the pictures
        n, size, pool = (self.batch // 4, 640, self.pool // 8) if big else (self.batch, 320, self.pool)
        imgs, rows, cells, values, ignored = [], [], [], [], []
        per_picture = sum((size // s) ** 2 for s in (8, 16, 32))
        for k in range(n):
            at = step * n + k
            number = self.number(at, pool)
            img, r = self.crops.geometry(number, size)
            rng = random.Random(f"{self.seed}-{self.rank}-{size}-{at}")
            mirror = rng.random() < 0.5
            quarters = rng.randrange(1, 4) if rng.random() < self.turns else 0
            if self.teacher:
                c, v, g = self.teacher.targets((size, number), img, r)
                if mirror:
                    c, v = flipped(c, v, size)
                    g = flipped(g, np.zeros((len(g), 16)), size)[0]
                c, v = turned(c, v, size, quarters)
                g = turned(g, np.zeros((len(g), 16)), size, quarters)[0]
                cells.append(c + k * per_picture), values.append(v), ignored.append(g + k * per_picture)
            if mirror:
                img, r = flip(img, r)
            img, r = turn(img, r, quarters)
            occlude(rng, img, r)
            imgs.append(photometric(rng, img))
            rows.append(np.concatenate([np.full((len(r), 1), k, np.float32), r], 1))
        x = (torch.from_numpy(np.stack(imgs)).flip(-1).permute(0, 3, 1, 2).float() - 127.5) / 128  # channels last in memory
        dense = None
        if self.teacher:
            dense = [torch.from_numpy(np.concatenate(v)) for v in (cells, values, ignored)]
            dense = [dense[0].long(), dense[1].float(), dense[2].long()]
        return x, torch.from_numpy(np.concatenate(rows)), dense


class Schedule:
    """The rate's share of its peak: a cosine over the whole run, or once told to end, a straight line from there to zero."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.ending = args, None
        self.recent = collections.deque(maxlen=200)  # minutes and crops at the last steps

    def pace(self) -> float:
        """Crops a minute at the median step, so that a pause does not count."""
        if len(self.recent) < 2:
            return 1.0
        minutes, crops = np.diff(self.recent, axis=0).T
        return float(crops.mean() / max(np.median(minutes), 1e-6))  # a number of numpy would not load from a checkpoint

    def __call__(self, minutes: float, seen: int, end: bool) -> float:
        """A share from 0 to 1; 0 when all is done."""
        self.recent.append((minutes, seen))
        done = seen / self.args.crops if self.args.crops else minutes / self.args.minutes
        share = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)) if done < 1 else 0
        if end and not self.ending:
            self.ending = share, seen, ENDING * self.pace()
        if self.ending:
            high, since, crops = self.ending
            share = min(share, high * max(0.0, 1 - (seen - since) / crops))
        return share


def work(rank: int, args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    dist.init_process_group("gloo", init_method="file://" + os.path.abspath(args.save + "/meet"), rank=rank,
                            world_size=args.ranks, timeout=datetime.timedelta(days=1))
    net = load(args.init) if args.init else Detector()
    net.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(net).eval()
    params = list(net.parameters())
    # no decay on normalisation and biases
    opt = torch.optim.AdamW([dict(params=[p for p in params if p.ndim > 1], weight_decay=0.02),
                             dict(params=[p for p in params if p.ndim <= 1], weight_decay=0.0)], lr=args.lr, fused=True)
    step = seen = 0
    before = 0.0  # minutes of earlier parts of this run
    if args.resume:
        saved = torch.load(args.resume, map_location="cpu", weights_only=True)
        net.load_state_dict(saved["net"]), ema.load_state_dict(saved["ema"]), opt.load_state_dict(saved["opt"])
        step, seen, before = saved["step"], saved["seen"], saved["minutes"]
    batches, schedule = Batches(args, rank), Schedule(args)
    log = open(args.save + "/log.txt", "a", buffering=1) if rank == 0 else open(os.devnull, "w")
    log.write(json.dumps(vars(args)) + "\n")

    def save(name: str) -> None:
        if rank == 0:
            state = dict(model={}, net=net.state_dict(), ema=ema.state_dict(), opt=opt.state_dict(), args=vars(args),
                         step=step, seen=seen, minutes=minutes)
            torch.save(state, f"{args.save}/{name}.tmp")
            os.replace(f"{args.save}/{name}.tmp", f"{args.save}/{name}.pt")

    parent = os.getppid()
    start, kept, last, first_seen, recent, loading = time.time(), before, before, seen, [], 0.0
    while os.getppid() == parent:  # ended with whoever started it
        t = time.time()
        x, rows, dense = batches(step)
        loading += time.time() - t
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            raw = net(x)
        parts = torch.zeros(3)
        if args.labels < 1:
            parts = parts + (1 - args.labels) * torch.stack(dense_losses(raw, *dense))
        if args.labels > 0:
            parts = parts + args.labels * torch.stack(label_losses(raw, rows, x.shape[-1]))
        opt.zero_grad(set_to_none=False)
        (parts * WEIGHTS).sum().backward()
        # one vector of all gradients, the clock and the wish to end, so that every process takes the same step
        told = float(bool(args.finish) and os.path.exists(args.finish))
        flat = torch.cat([p.grad.reshape(-1) for p in params] + [torch.tensor([before + (time.time() - start) / 60, told])])
        dist.all_reduce(flat)
        flat /= args.ranks
        minutes, at = flat[-2].item(), 0
        for p in params:
            p.grad.copy_(flat[at:at + p.numel()].view_as(p))
            at += p.numel()
        share = schedule(minutes, seen, flat[-1].item() > 0)
        if share == 0:
            break
        rate = args.lr * min(1, (step + 1) / args.warm) * share
        for group in opt.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(params, 10.0)
        opt.step()
        step += 1
        with torch.no_grad():
            pull = 1 - min(args.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(ema.parameters()), params, pull)
            for a, b in zip(ema.buffers(), net.buffers()):
                a.copy_(b) if a.dtype == torch.long else a.lerp_(b, pull)
        seen += len(x) * (x.shape[-1] // 320) ** 2 * args.ranks
        recent.append(parts.tolist())
        if step % 50 == 0:
            took, (s, b, k) = time.time() - start, np.mean(recent, 0)
            left = f"{args.crops - seen} crops" if args.crops else f"{args.minutes - minutes:.1f}"
            log.write(f"step {step} min {minutes:.1f} left {left} seen {seen} lr {rate:.1e} score {s:.3f} box {b:.3f} kps {k:.4f} "
                      f"crops/s {(seen - first_seen) / took:.1f} now {schedule.pace() / 60:.1f} loading {loading / took:.2f}\n")
            recent.clear()
        if minutes > last + 2:
            last = minutes
            save("last")
        if minutes > kept + args.keep:
            kept = minutes
            save(f"{round(minutes):03d}")
    save("last")
    log.write(f"done step {step} seen {seen} minutes {minutes:.1f}\n")
    dist.destroy_process_group()


def flags() -> argparse.Namespace:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--caches", default="cache")
    ap.add_argument("--weights", default="{}", help="json: draw frequency of a picture per source")
    ap.add_argument("--teacher", default="", help="yunet.onnx, for dense targets")
    ap.add_argument("--labels", type=float, default=-1, help="the label loss's share, 0 to 1; not given: 0 with a teacher, else 1")
    ap.add_argument("--minutes", type=float, default=45)
    ap.add_argument("--crops", type=int, default=0, help="crops (of 320 x 320) instead of minutes")
    ap.add_argument("--finish", default="", help="a file: end soon once it is there")
    ap.add_argument("--batch", type=int, default=8, help="pictures per process and step")
    ap.add_argument("--every", type=int, default=6, help="each n-th batch at 640 with a quarter of the pictures; 0: never")
    ap.add_argument("--turns", type=float, default=0, help="share of crops that are turned by 90, 180 or 270 degrees")
    ap.add_argument("--pool", type=int, default=40000, help="distinct crops per process")
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--warm", type=int, default=200, help="steps until the full rate")
    ap.add_argument("--ema", type=float, default=0.999)
    ap.add_argument("--init", default="", help="checkpoint or weights to start from")
    ap.add_argument("--resume", default="", help="checkpoint of a run to go on with; all other flags as in that run unless given")
    ap.add_argument("--save", default="run")
    ap.add_argument("--keep", type=float, default=10, help="minutes between kept checkpoints")
    ap.add_argument("--ranks", type=int, default=os.cpu_count())
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--no-bf16", dest="bf16", action="store_false", help="for processors without AVX512-BF16 or AMX")
    args = ap.parse_args()
    if args.resume:
        ap.set_defaults(**{k: v for k, v in torch.load(args.resume, weights_only=True)["args"].items() if k != "resume"})
        args = ap.parse_args()
    if args.labels < 0:
        args.labels = 0.0 if args.teacher else 1.0
    return args


if __name__ == "__main__":
    args = flags()
    os.makedirs(args.save, exist_ok=True)
    if os.path.exists(args.save + "/meet"):
        os.remove(args.save + "/meet")
    torch.multiprocessing.spawn(work, (args,), args.ranks)
