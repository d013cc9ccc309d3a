"""Composed runs from end to end: same loop, same folder, resumable, evaluated and compared by the commands."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

import composed_releases
from lapel.errors import CheckpointError, InputError, ProtocolError, TableError, UnknownName
from lapel.evaluation.composed import ComposedEvaluation
from lapel.evaluation.composed.tables import systems_markdown, systems_rows
from lapel.interfaces.cli.main import command
from lapel.models import checkpoint
from lapel.models.composed.network import load_composed
from lapel.training import journal, load_recipe
from lapel.training.composed.evaluating import evaluate_run, protocol_named
from lapel.training.composed.recipe import ComposedRecipe
from lapel.training.loop import train
from training_runs import stopped_at

ERN = "model={system: fashionern, clip: tiny, weights: random, options: {inner: 32, layers: 1}}"


@pytest.fixture(autouse=True)
def _no_pictures_of_curves(monkeypatch):
    monkeypatch.setattr(journal, "draw_curves", lambda rows, steps, path: None)


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("system", ["combiner", "tirg", "fashionern"])
def test_a_stopped_run_resumed_ends_with_the_same_weights(small, tmp_path, system):
    recipe = small(ERN) if system == "fashionern" else small(f"model.system={system}")
    whole = train(recipe, tmp_path / "whole")
    with stopped_at(2, 2):
        train(recipe, tmp_path / "run")
    resumed = train(recipe, tmp_path / "run", resume=True)
    one, other = (checkpoint.read(folder / "last.safetensors").state for folder in (resumed, whole))
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert [row["loss"] for row in lines(resumed) if row["kind"] == "train"] == [
        row["loss"] for row in lines(whole) if row["kind"] == "train"
    ]
    assert not any("clip" in name for name in one), "CLIP is not stored"
    network, clip, card = load_composed(whole / "best.safetensors")
    assert not network.training and card.values_fitted and card.backbone == clip.label
    scored = [row for row in lines(whole) if row["kind"] == "valid"]
    assert max(row["recall"] for row in scored) == pytest.approx(card.scores["headline"], abs=1e-3)


def test_both_stages_of_the_enhanced_tower_train_and_resume(small, tmp_path):
    recipe = small(
        "stages.1.model.options={inner: 32, layers: 1}", "model.tme.layers=[1]", "sampling.at_once=0", "optimiser.epochs=1",
        "stages.0.optimiser.epochs=1", "stages.0.sampling={at_once: 2}", name="fashioniq/fashionern_tme",
    )  # fmt: skip
    with stopped_at(1, 2):
        train(recipe, tmp_path / "run")
    with stopped_at(1, 2):  # the first stage ends, the second is stopped
        train(recipe, tmp_path / "run", resume=True)
    run = train(recipe, tmp_path / "run", resume=True)
    first, last = (checkpoint.read(at / "best.safetensors") for at in (run / "stage-1", run))
    moved = [name for name, value in first.state.items() if "gates" in name and value.abs().max() > 0]
    assert moved, "the gates have opened"
    assert all(torch.equal(value, last.state[name]) for name, value in first.state.items()), "the tower stays"
    assert "continues" in last.card.pretrained and "our choice" in last.card.notes
    made = evaluate_run(str(run), recipe.data.root)
    assert made.found is not None and made.found.queries == 12
    with pytest.raises(InputError, match="an earlier run trains.*model.start=PATH"):
        train(recipe.stage(2).model_copy(update={"model": recipe.stage(2).model.model_copy(update={"start": ""})}),
              tmp_path / "alone")  # fmt: skip


def test_evaluate_writes_figures_a_report_and_refuses_to_compare_mixed_protocols(small, fashioniq, tmp_path):
    run = train(small(), tmp_path / "run")
    cli = CliRunner()
    asked = ["evaluate", str(run), str(fashioniq)]
    page, kept = tmp_path / "report.html", tmp_path / "kept.json"
    shown = cli.invoke(command, [*asked, "--html", str(page), "--json", str(kept)])
    assert shown.exit_code == 0, shown.output + repr(shown.exception)
    assert "fashioniq: gallery split, captions joined, reference kept" in " ".join(shown.stdout.split())
    text = page.read_text()
    assert text.count("<section>") == 12 and "data:image/jpeg" in text and "landed on" in text
    assert ComposedEvaluation.load(run / "evaluation.json") == ComposedEvaluation.load(kept)
    removed = tmp_path / "removed.json"
    options = ["--protocol", "fashioniq,reference=removed", "--json", str(removed)]
    assert cli.invoke(command, [*asked, *options]).exit_code == 0
    mixed = cli.invoke(command, ["compare", str(kept), str(removed)])
    assert isinstance(mixed.exception, ProtocolError) and "reference kept" in str(mixed.exception)
    summed = tmp_path / "sum.json"
    plain = cli.invoke(command, ["evaluate", "clip:tiny:random:sum", str(fashioniq), "--json", str(summed)])
    assert plain.exit_code == 0, repr(plain.exception)
    same = cli.invoke(command, ["compare", str(summed), str(kept), "--json"])
    found = json.loads(same.stdout)
    both = [ComposedEvaluation.load(path) for path in (summed, kept)]
    for name, row in found["figures"].items():
        assert row["difference"] == pytest.approx(row["b"] - row["a"]), name
    rows = systems_rows({"sum": both[0], "combiner": both[1]})
    assert rows[0] == ("system", "R@1", "R@10", "R@50") and rows[2][1] == f"{both[1].mean['R@1']:.2f}"
    assert systems_markdown({"sum": both[0]}).startswith("| system | R@1 |")
    with pytest.raises(ProtocolError, match="do not belong in one table: their protocol differ"):
        systems_rows({"a": both[0], "b": ComposedEvaluation.load(removed)})
    attributes = cli.invoke(command, ["compare", str(run), str(tmp_path)])
    assert isinstance(attributes.exception, ProtocolError) and "composed retrieval" in str(attributes.exception)


def test_cirr_is_evaluated_and_submitted(tmp_path):
    root = composed_releases.cirr(tmp_path / "cirr_dataset")
    made = evaluate_run("clip:tiny:random:sum", root)
    assert made.found is not None and set(made.found.mean) >= {"R@5", "R_subset@1"}
    asked = ["evaluate", "clip:tiny:random:sum", str(root), "--submission", str(tmp_path / "sent")]
    sent = CliRunner().invoke(command, asked)
    assert sent.exit_code == 0, repr(sent.exception)
    whole = json.loads((tmp_path / "sent/recall.json").read_text())
    small = json.loads((tmp_path / "sent/recall_subset.json").read_text())
    assert whole["version"] == "rc2" and len(whole["3"]) == 50 and len(small["3"]) == 3
    assert not set(whole["3"]) & {"test1-3-img0"}, "the reference is not among its own answers"
    with pytest.raises(ProtocolError, match="hides its targets.*--submission FOLDER"):
        evaluate_run("clip:tiny:random:sum", root, split="test1")


def test_a_table_gives_queries_of_its_own(tmp_path):
    root = composed_releases.table(tmp_path / "shop")
    made = evaluate_run("clip:tiny:random:image", root, attributes=("color", "pattern"))
    assert made.found is not None and made.found.protocol.startswith("one-change")


def test_wrong_inputs_each_have_a_sentence(small, fashioniq, tmp_path):
    with pytest.raises(ProtocolError, match="'shoes' is not one of fashioniq's; those are fashioniq, fashioniq-val"):
        evaluate_run("clip:tiny:random:sum", fashioniq, protocol="shoes")
    with pytest.raises(UnknownName, match="Unknown protocol 'fashionic'. Did you mean 'fashioniq'"):
        protocol_named("fashionic")
    with pytest.raises(ProtocolError, match="reference is 'gone'; expected 'kept' or 'removed'"):
        protocol_named("fashioniq,reference=gone")
    with pytest.raises(InputError, match="give clip:NAME:WEIGHTS:SYSTEM"):
        evaluate_run("clip:tiny", fashioniq)
    with pytest.raises(CheckpointError, match="'tirg' must be trained first"):
        evaluate_run("clip:tiny:random:tirg", fashioniq)
    with pytest.raises(
        InputError, match="has nothing to learn; score it as it is: lapel evaluate clip:tiny:random:sum"
    ):
        small("model.system=sum")
    with pytest.raises(UnknownName, match="Unknown recipe key 'bach'. Did you mean 'batch'"):
        small("sampling.bach=3")
    with pytest.raises(InputError, match="goes with text: tme, system: sum"):
        small("model.learns=text")
    with pytest.raises(TableError, match="nowhere.. Name a release"):
        evaluate_run("clip:tiny:random:sum", tmp_path / "nowhere")
    with pytest.raises(TableError, match="Say where the release is: --set data=PATH"):
        train(load_recipe("fashioniq/combiner"), tmp_path / "run")
    captions = fashioniq / "captions/cap.dress.val.json"
    rows = json.loads(captions.read_text())
    captions.write_text(json.dumps([rows[0] | {"candidate": "B00STRANGER"}, *rows[1:]]))
    with pytest.raises(TableError, match="B00STRANGER"):
        evaluate_run("clip:tiny:random:sum", fashioniq)


def test_a_long_caption_is_cut_and_said(fashioniq):
    captions = fashioniq / "captions/cap.dress.val.json"
    rows = json.loads(captions.read_text())
    captions.write_text(json.dumps([rows[0] | {"captions": ["much " * 80, "is red"]}, *rows[1:]]))
    made = evaluate_run("clip:tiny:random:sum", fashioniq)
    assert made.found is not None and "longer than CLIP's 77 tokens and were cut" in " ".join(made.found.notes)


def test_another_clip_than_the_one_trained_with_is_refused(small, fashioniq, tmp_path):
    run = train(small("optimiser.epochs=1"), tmp_path / "run")
    other = load_recipe("fashioniq/combiner")
    assert isinstance(other, ComposedRecipe)
    from lapel.models.composed.loading import load_clip

    torch.save(load_clip("tiny", "random", seed=9).towers.clip.state_dict(), tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="was trained over other weights of CLIP 'tiny'"):
        evaluate_run(str(run), fashioniq, weights=str(tmp_path / "other.pt"))
