"""What the panel shows of one region: the engine's answer, or as much of it as has been told so far."""

import math
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Type, TypeVar, get_args, get_type_hints

from ...contract import cautions
from ...contract.options import to_json
from ...contract.region_looks import is_certain
from ...contract.region_shap import Compared, Player, RegionAnswer

Built = TypeVar("Built")

#: What is said of the baseline that was asked with, and of no other one.
OF_BASELINE = (
    cautions.HIDDEN_BY_BASELINE,
    cautions.LIKE_BASELINE,
    cautions.MAY_HIDE,
    cautions.EQUALS_BASELINE,
    cautions.SAME_ANSWER,
    cautions.BASELINE_IS_FARM,
    cautions.NO_SUM,
)

#: Half the width of a 95 % interval, in standard errors.
WIDTH = 1.96


@dataclass(frozen=True)
class PanelAnswer:
    """An answer, and what the map needs to show it.

    outlines: of the players, well-known text in ``crs``; empty where one has none. whole: whether the run has ended.
    budget: evaluations that the run may use; 0: not known. estimated: whether the players have values yet.
    simulated: whether the scene is. made: by which model, from which scene, with which seed.
    """

    answer: RegionAnswer
    outlines: Tuple[str, ...]
    crs: str
    whole: bool
    estimated: bool = True
    budget: int = 0
    warnings: Tuple[str, ...] = ()
    simulated: bool = False
    made: Dict[str, Any] = field(default_factory=dict)

    @property
    def players(self) -> Tuple[Player, ...]:
        """The players, in the engine's order: their indices are what signals and *what if* call them by."""
        return self.answer.players

    def to_json(self) -> Dict[str, Any]:
        """As plain values, for the project file."""
        return to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PanelAnswer":
        """What :meth:`to_json` told; raises ValueError where it is something else, or does not fit together."""
        shown = built(cls, values)
        count = len(shown.players)
        compared = [one for one in shown.answer.compared if not one.error]
        lists = [shown.outlines, *(one.phi for one in compared), *(one.standard_error for one in compared)]
        if any(len(each) != count for each in lists):
            raise ValueError(f"not all is told of {count} players")
        return shown


def built(cls: Type[Built], values: Any) -> Built:
    """A dataclass from JSON's plain values, null being NaN; raises ValueError where they do not fit."""
    if not isinstance(values, Mapping):
        raise ValueError(f"no values of {cls.__name__}")
    types = get_type_hints(cls)
    known = {f.name for f in fields(cls) if f.name in values}
    try:
        return cls(**{name: _of_type(types[name], values[name]) for name in known})
    except (TypeError, AttributeError) as error:
        raise ValueError(f"no {cls.__name__}: {error}") from error


def _of_type(kind: Any, value: Any) -> Any:
    if kind is float:
        return math.nan if value is None else float(value)
    if kind in (int, str, bool):
        if not isinstance(value, kind):
            raise ValueError(f"{value!r} is no {kind.__name__}")
        return value
    if is_dataclass(kind):
        return built(kind, value)
    members = get_args(kind)
    if kind is Any or not members:
        return value
    if len(members) == 2 and members[1] is Ellipsis:
        return tuple(_of_type(members[0], member) for member in value)
    if isinstance(value, Mapping):
        return {key: _of_type(members[1], member) for key, member in value.items()}
    if len(members) != len(value):
        raise ValueError(f"{len(members)} values are meant, not {len(value)}")
    return tuple(_of_type(member, part) for member, part in zip(members, value))


def finished(partial: Optional[PanelAnswer], request: Mapping[str, Any], result: Mapping[str, Any]) -> PanelAnswer:
    """The end of a run: the first answer of its result (JSON), with the outlines that its parts told before."""
    answer = built(RegionAnswer, result["regions"][0])
    outlines: Tuple[str, ...] = ("",) * len(answer.players)
    crs = str(result.get("crs") or "")
    if partial is not None and len(partial.outlines) == len(answer.players):
        outlines, crs = partial.outlines, partial.crs
    made = {name: result.get(name) for name in ("model", "model_sha256", "seed")}
    made["scene"] = request.get("scene")
    warnings = tuple(str(warning) for warning in result.get("warnings") or ())
    return PanelAnswer(answer, outlines, crs, True, warnings=warnings, simulated=result["simulated"], made=made)


def with_baseline(shown: PanelAnswer, number: int, own: str) -> PanelAnswer:
    """The same players with the values that another baseline gave them: 1 is the first one compared; 0: its own.

    ``own``: the name of the run's baseline, which the other one is then compared with. How alike the orders of two
    others are was not asked.
    """
    if not number:
        return shown
    asked = shown.answer
    other = asked.compared[number - 1]
    rest = [replace(one, rank_correlation=math.nan) for one in asked.compared if one is not other]
    total = math.fsum(other.phi)
    answer = replace(
        asked,
        players=valued(shown.players, other.phi, other.standard_error),
        f_baseline=other.f_baseline,
        baseline_text=other.baseline_text,
        phi_sum=total,
        difference=total - (asked.f_x - other.f_baseline),
        evaluations=other.evaluations,
        asked=other.evaluations,
        r2=math.nan,
        hidden=other.hidden,
        compared=(_as_compared(asked, own, other.rank_correlation), *rest),
        interactions=(),
        cautions=tuple(caution for caution in asked.cautions if caution.kind not in OF_BASELINE),
    )
    of_own = {caution.text for caution in asked.cautions if caution.kind in OF_BASELINE}
    return replace(shown, answer=answer, warnings=tuple(text for text in shown.warnings if text not in of_own))


def _as_compared(answer: RegionAnswer, baseline: str, correlation: float) -> Compared:
    """A run's own values, as another baseline's answer has them beside its own."""
    return Compared(
        baseline,
        answer.baseline_text,
        answer.f_baseline,
        tuple(player.phi for player in answer.players),
        tuple(player.standard_error for player in answer.players),
        correlation,
        answer.hidden,
        answer.evaluations,
    )


def begun(partial: Mapping[str, Any]) -> PanelAnswer:
    """The first thing that a run tells of a region: its players, without values."""
    players = tuple(_without_value(told) for told in partial["players"])
    answer = built(
        RegionAnswer,
        {
            **{f.name: _NOTHING[f.name] for f in fields(RegionAnswer)},
            "name": str(partial.get("name") or ""),
            "target_pixels": partial.get("target_pixels") or 0,
            "probability": partial.get("probability"),
            "f_x": partial.get("f_x"),
            "f_baseline": partial.get("f_baseline"),
        },
    )
    outlines = tuple(str(told.get("wkt") or "") for told in partial["players"])
    return PanelAnswer(
        replace(answer, players=players), outlines, str(partial.get("crs") or ""), False, estimated=False
    )


def refined(shown: PanelAnswer, partial: Mapping[str, Any]) -> PanelAnswer:
    """The same with a newer estimate (phi, standard_error, evaluations, of, estimator)."""
    phi = [_number(value) for value in partial["phi"]]
    if len(phi) != len(shown.players):
        return shown
    errors = [_number(value) for value in partial.get("standard_error") or [None] * len(phi)]
    answer = replace(
        shown.answer,
        players=valued(shown.players, phi, errors),
        phi_sum=math.fsum(phi),
        estimator=str(partial.get("estimator") or ""),
        evaluations=int(partial.get("evaluations") or 0),
    )
    return replace(shown, answer=answer, estimated=True, budget=int(partial.get("of") or 0))


def valued(players: Sequence[Player], phi: Sequence[float], errors: Sequence[float]) -> Tuple[Player, ...]:
    """The players with other values, and what follows of them: intervals, ranks, shares."""
    total = math.fsum(abs(value) for value in phi if not math.isnan(value))
    order = sorted(range(len(phi)), key=lambda index: -abs(phi[index]))
    ranks = {index: rank for rank, index in enumerate(order, 1)}
    found = []
    for index, (player, value, error) in enumerate(zip(players, phi, errors)):
        low, high = value - WIDTH * error, value + WIDTH * error
        found.append(
            replace(
                player,
                phi=value,
                standard_error=error,
                lower=low,
                upper=high,
                rank=ranks[index],
                share=abs(value) / total if total else 0.0,
                certain=is_certain(error, low, high),
            )
        )
    return tuple(found)


#: What an answer says that has none yet, by member.
_NOTHING: Dict[str, Any] = {
    **{name: "" for name in ("name", "region_wkt", "target_wkt", "estimator", "precision", "baseline_text")},
    **{name: None for name in ("probability", "f_x", "f_baseline", "phi_sum", "difference", "r2")},
    **{name: 0 for name in ("target_pixels", "evaluations", "asked")},
    **{name: () for name in ("players", "hidden", "compared", "interactions", "cautions")},
    "facts": {},
    "stopped": False,
    "seconds": 0.0,
}


def _without_value(told: Mapping[str, Any]) -> Player:
    nan = math.nan
    return Player(
        name=str(told["name"]),
        number=int(told.get("number") or 0),
        bands=str(told.get("bands") or ""),
        phi=nan,
        standard_error=nan,
        lower=nan,
        upper=nan,
        rank=0,
        share=0.0,
        certain=False,
        contrast=_number(told.get("contrast")),
        area_ha=_number(told.get("area_ha")),
        pixels=int(told.get("pixels") or 0),
        spectrum={},
    )


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
