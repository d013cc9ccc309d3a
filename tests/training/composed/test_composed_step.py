"""What a step learns from: batches as functions of their number, and gradients that no option changes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from lapel.datasets.composed.text import augmented, joined
from lapel.errors import InputError
from lapel.losses.query_target import query_target
from lapel.models.composed.fashionern import FashionERN
from lapel.models.composed.loading import load_clip
from lapel.models.composed.tme import EnhancedText
from lapel.schema import ComposedQuery, ComposedSet
from lapel.training.composed.feed import ComposedFeed, asked_in_training
from lapel.training.composed.objective import EnhancementObjective, gathered
from lapel.training.composed.recipe import ComposedLoss, ComposedSampling
from lapel.training.experiment import Optimiser
from lapel.training.schedule import rate_factor


class Names:
    """Features that are numbers of names, so that a test can read them."""

    def pictures(self, names):
        return torch.tensor([[[float(name)]] for name in names])

    def texts(self, asked):
        self.said = [text for text, _ in asked]
        return torch.tensor([[[float(name)]] for _, name in asked])


def queries(count: int, captions=("is red", "is longer"), targets=1) -> ComposedSet:
    names = [str(n) for n in range(count + targets)]
    made = tuple(ComposedQuery(str(n), captions, tuple(str(n + 1 + t) for t in range(targets))) for n in range(count))
    return ComposedSet("toy", "train", {name: Path(name) for name in names}, {"": tuple(names)}, made)


def feed(data, share=1, accumulate=1, **asked) -> ComposedFeed:
    return ComposedFeed(data, Names(), ComposedSampling(**{"batch": 4, **asked}), share, accumulate, seed=3)


def test_the_global_batch_is_shared_and_an_epoch_drops_its_rest():
    one, two = feed(queries(18)), feed(queries(18), share=2)
    assert (one.steps, one.size, one.photos) == (4, 4, 4) and (two.steps, two.size, two.photos) == (4, 2, 4)
    one.begin(1), two.begin(1)
    whole, parts = one.batch(1), (two.batch(2), two.batch(3))
    assert torch.equal(whole[0], torch.cat([part[0] for part in parts]))
    assert torch.equal(whole[2], whole[0] + 1), "each reference comes with its own target"
    drawn = torch.cat([one.batch(n)[0] for n in range(4)]).flatten().tolist()
    assert len(set(drawn)) == 16, "no query twice in an epoch"
    with pytest.raises(InputError, match="4, over all processes; 3 cannot share"):
        feed(queries(18), share=3)
    with pytest.raises(InputError, match=r"batch is 64, but toy train has 18 queries.*sampling.batch=9"):
        feed(queries(18), batch=64)


def test_order_and_texts_follow_from_the_epoch_alone():
    data = queries(40)
    one, other = feed(data), feed(data)
    one.begin(2), other.begin(1), other.begin(2)
    assert all(torch.equal(a, b) for a, b in zip(one.batch(5), other.batch(5), strict=True))
    other.begin(3)
    assert (one.drawn != other.drawn).any()
    same = feed(data, same_order=True)
    same.begin(1)
    before = same.drawn.copy()
    same.begin(2)
    assert (same.drawn == before).all()


def test_captions_are_augmented_as_published_and_all_of_them_are_cached():
    data = queries(200)
    made, said = feed(data), Counter()
    made.begin(1)
    for number in range(made.batches):
        made.batch(number)
        said.update(made.features.said)
    known = {text for text, _ in asked_in_training(data, "augmented")}
    assert set(said) == known and len(known) == 4 and min(said.values()) > 25
    assert made.text(data.queries[0], 0.3) == augmented(("is red", "is longer"), 0.3) == "Is longer and is red"
    plain = feed(data, captions="joined")
    plain.begin(1), plain.batch(0)
    assert set(plain.features.said) == {joined(("is red", "is longer"))}


def test_of_several_right_targets_each_has_its_turn():
    made = feed(queries(40, ("in red",), targets=3))
    seen = set()
    for epoch in range(1, 6):
        made.begin(epoch)
        for number in range(made.batches):
            reference, _, target = made.batch(number)
            seen |= set((target - reference).flatten().tolist())
    assert seen == {1.0, 2.0, 3.0}


@pytest.mark.parametrize("at_once", [2, 3, 7])
def test_gradient_caching_gives_the_gradients_of_the_whole_batch(at_once):
    torch.manual_seed(0)
    plain, cached = (FashionERN(16, dropout=0.0, heads=2, inner=32, at_once=size) for size in (0, at_once))
    cached.load_state_dict(plain.state_dict())
    inputs = [torch.randn(7, *shape) for shape in ((16,), (13, 16), (16,), (20, 16))]
    image, patches = torch.randn(7, 16), torch.randn(7, 13, 16)
    for network in (plain, cached):
        network.train()
        query_target(network.query(*inputs), network.target(image, patches)).backward()
    for (name, one), other in zip(plain.named_parameters(), cached.parameters(), strict=True):
        assert one.grad is not None, name
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-4, atol=2e-5, msg=name)
    norms = zip(plain.buffers(), cached.buffers(), strict=True)
    assert all(torch.allclose(a, b) for a, b in norms), "batch norm saw the whole batch, once"


def test_gradient_caching_of_the_text_tower():
    clip, found = load_clip("tiny", "random"), []
    tokens = torch.randint(1, 400, (5, 77))
    pictures, wanted = torch.randn(5, 14, 64), torch.randn(5, 14, 64)
    for at_once in (0, 2):
        torch.manual_seed(0)
        network = torch.nn.Module()
        network.text = EnhancedText(clip.towers)
        torch.nn.init.constant_(network.text.inject_gates, 0.3)
        made = EnhancementObjective(network, ComposedLoss(), ComposedSampling(at_once=at_once))
        made(pictures, tokens, wanted).loss.backward()
        found.append({name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None})
    assert found[0].keys() == found[1].keys() and any("injections" in name for name in found[0])
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_the_cosine_falls_rises_and_falls_as_torch_has_it():
    asked = Optimiser(epochs=30, lr=4e-5, schedule="cosine", cosine_epochs=10)
    steps = 3
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight], lr=asked.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10 * steps)
    found, wanted = [], []
    for epoch in range(1, 31):
        for step in range(steps):
            found.append(rate_factor(asked, epoch, step, steps) * asked.lr)
            wanted.append(optimizer.param_groups[0]["lr"])
            optimizer.step(), schedule.step()
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-12)
    assert found[0] == found[60] == asked.lr and found[30] == pytest.approx(0, abs=1e-12)


GATHER = """
import os, sys, torch, torch.distributed as spread
from lapel.losses.query_target import query_target
from lapel.training.composed.objective import gathered
spread.init_process_group("gloo")
rank = spread.get_rank()
torch.manual_seed(0)
layer = torch.nn.Linear(5, 5, bias=False)
queries, targets = torch.randn(8, 5), torch.randn(8, 5)
mine = slice(4 * rank, 4 * rank + 4)
query = torch.nn.functional.normalize(layer(queries[mine]), dim=-1)
target = torch.nn.functional.normalize(layer(targets[mine]), dim=-1)
others, first = gathered(target)
query_target(query, others, 20.0, first).backward()
spread.all_reduce(layer.weight.grad)
if rank == 0:
    torch.save(layer.weight.grad / 2, sys.argv[1])
"""


@pytest.mark.slow
def test_gathered_negatives_give_the_gradients_of_one_process(tmp_path):
    (tmp_path / "script.py").write_text(GATHER)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += [str(tmp_path / "script.py"), str(tmp_path / "gradient.pt")]
    done = subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 5, bias=False)
    queries, targets = torch.randn(8, 5), torch.randn(8, 5)
    query, target = (torch.nn.functional.normalize(layer(x), dim=-1) for x in (queries, targets))
    assert gathered(target) == (target, 0)
    query_target(query, target, 20.0).backward()
    torch.testing.assert_close(torch.load(tmp_path / "gradient.pt"), layer.weight.grad)
