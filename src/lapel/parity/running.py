"""Run the golden cases of a folder: dispatch on each case's runner, compare, and sum up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lapel.errors import LapelError
from lapel.parity import asenpp, composed, composed_data, rpf, rpf_step, runners, schedules, style
from lapel.parity.cases import Arrays, Case, NotBuilt, case_names, read_case, read_facts
from lapel.parity.comparing import Difference, difference

Status = Literal["pass", "fail", "not built"]

BUILT: dict[str, Callable[[Case], Arrays]] = {
    "asen_embed": runners.embed,
    "asen_loss": runners.loss,
    "asen_train": runners.train,
    "csn": runners.csn,
    "csn_masks": runners.masks,
    "margin": runners.margin,
    "ranking": runners.ranking,
    "schedules": schedules.schedules,
    "pp_branches": asenpp.branches,
    "pp_crops": asenpp.crops,
    "pp_losses": asenpp.losses,
    "pp_pipeline": asenpp.pipeline,
    "pp_train": asenpp.train,
    "arc_head": style.arc_head,
    "style_arc": style.arc,
    "style_metrics": style.metrics,
    "style_train": style.train,
    "style_v1": style.v1,
    **rpf.RUNNERS,
    "rpf.trainstep": rpf_step.train_step,
    "fern.amc": composed.amc,
    "fern.artemis": composed.artemis,
    "fern.attnpool": composed.attention_pooling,
    "fern.cala": composed.cala,
    "fern.captions": composed_data.captions,
    "fern.clip": composed_data.clip,
    "fern.combiner": composed.combiner,
    "fern.compodiff": composed.compodiff,
    "fern.dqu": composed.dqu,
    "fern.f200k": composed_data.fashion200k,
    "fern.loss": composed.loss,
    "fern.preprocess": composed_data.preprocess,
    "fern.query": composed.query,
    "fern.recall": composed_data.recall,
    "fern.target": composed.target,
    "fern.train": composed.train,
    "fern.vtf": composed.combiner,
}

NOT_BUILT: frozenset[str] = frozenset()
"""Runners of systems that this version does not have yet; a runner in neither list is unknown and fails."""


@dataclass(frozen=True)
class Result:
    """One case. absolute, relative: the greatest difference over its arrays; None when it did not run."""

    case: str
    system: str
    status: Status
    absolute: float | None = None
    relative: float | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; an infinite difference (another shape) is None."""
        facts = asdict(self)
        for key in ("absolute", "relative"):
            if facts[key] is not None and not np.isfinite(facts[key]):
                facts[key] = None
        return facts


def run_cases(folder: str | Path) -> Iterator[Result]:
    """Run every case of a folder, in the order of names; a damaged case fails, it stops nothing.

    Raises:
        InputError: no such folder, or no case in it.
    """
    folder = Path(folder)
    for name in case_names(folder):
        yield run_case(folder, name)


def run_case(folder: Path, name: str) -> Result:
    """Run one case."""
    system = "?"
    try:
        facts = read_facts(folder, name)
        system = str(facts.get("system", "?"))
        runner = facts.get("runner")
        if runner in NOT_BUILT:
            return Result(name, system, "not built", reason=f"runner '{runner}' of a system not built yet")
        if runner not in BUILT:
            return Result(name, system, "fail", reason=f"unknown runner '{runner}'")
        case = read_case(folder, name)
        return _compared(case, system, BUILT[runner](case))
    except NotBuilt as error:
        return Result(name, system, "not built", reason=str(error))
    except LapelError as error:
        return Result(name, system, "fail", reason=" ".join(str(error).split()))
    except Exception as error:  # a tampered case may break anything; it must not break the other cases
        return Result(name, system, "fail", reason=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def exit_status(results: list[Result]) -> int:
    """1 when any case failed, else 3 when any is of a system not built yet, else 0."""
    states = {result.status for result in results}
    return 1 if "fail" in states else 3 if "not built" in states else 0


def _compared(case: Case, system: str, found: Arrays) -> Result:
    if forgotten := case.forgotten(found):
        return Result(case.name, system, "fail", reason=f"the case holds no expected numbers of '{forgotten[0]}'")
    measured: list[Difference] = []
    given = case.given
    for key, expected in case.expected.items():
        if key in given:
            continue
        if key not in found:
            return Result(case.name, system, "fail", reason=f"nothing computes the expected array '{key}'")
        measured.append(difference(str(case["runner"]), key, found[key], expected))
    absolute, relative = max(d.absolute for d in measured), max(d.relative for d in measured)
    problems = [d.problem for d in measured if d.problem]
    return Result(
        case.name, system, "fail" if problems else "pass", absolute, relative, problems[0] if problems else ""
    )
