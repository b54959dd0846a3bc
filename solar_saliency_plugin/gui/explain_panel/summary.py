"""An answer in words: the panel's headline, labels and tool tips of bars, and what is copied."""

import html
import math
from typing import Any, List, Mapping, Optional, Sequence

from qgis.PyQt.QtCore import QCoreApplication

from ....processing_algorithms.wording import choice_in_sentence, choice_text, share_text
from ...bridge import answers
from ...bridge.translation import word
from ...contract.band_words import band_text
from ...contract.cautions import HIDDEN_BY_BASELINE
from ...contract.options import to_json
from ...contract.provenance import SIMULATED_WARNING
from ...contract.region_shap import Player, RegionAnswer
from .answer import PanelAnswer

translate = QCoreApplication.translate

#: What share of all |φ| “most of it” is, and how many superpixels a sentence names.
MOST, NAMED = 0.5, 5

#: Contrast below which a superpixel looks like the baseline.
FAINT = 0.1


def number(value: float, with_sign: bool = False) -> str:
    """A number with three digits; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return answers.signed(value) if with_sign else answers.number_text(value)


def probability(value: float) -> str:
    """A probability, with three digits where two would say 0 or 1."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if value >= 0.995 or value < 0.005 else f"{value:.2f}"


def label(player: Player) -> str:
    """What a player's bar is called: as short as can be."""
    if player.number:
        return f"{player.number} {player.bands}".strip()
    return _outside() if player.name == "rest" else band_text(player.bands or player.name, word)


def labels(names: Sequence[str]) -> str:
    """Players by their names, as short as can be."""
    return answers.listed([_outside() if name == "rest" else name for name in names])


def _outside() -> str:
    return translate("ExplainPanel", "outside")


def title(player: Player) -> str:
    """What a player is called in a sentence."""
    return answers.player_text(to_json(player))


def tip(player: Player) -> str:
    """What a tool tip tells of a player, as rich text."""
    told = title(player)
    lines = [f"<b>{html.escape(told[:1].upper() + told[1:])}</b>"]
    if not math.isnan(player.phi):
        did = (
            translate("ExplainPanel", "raised the answer: {value} ({share})")
            if player.phi >= 0
            else translate("ExplainPanel", "lowered the answer: {value} ({share})")
        )
        lines.append(did.format(value=answers.value_text(to_json(player)), share=share_text(player.share)))
        if answers.is_exact(to_json(player)):
            lines.append(translate("ExplainPanel", "Exact up to rounding."))
        elif not player.certain and not math.isnan(player.standard_error):
            lines.append(translate("ExplainPanel", "Its sign is not sure: the 95 % interval holds zero."))
    if player.number and player.area_ha > 0:
        size = translate("ExplainPanel", "{area} ha, {pixels} pixels", None, player.pixels)
        if player.pixels == 1:
            size = translate("ExplainPanel", "{area} ha, 1 pixel")
        lines.append(size.format(area=f"{player.area_ha:.2f}", pixels=player.pixels))
    if player.contrast < FAINT:
        lines.append(translate("ExplainPanel", "It looks like the baseline, which can hide that it matters."))
    return "<br>".join(lines)


def headline(name: str, shown: PanelAnswer, drawn: bool = False) -> str:
    """Whose answer it is, and how sure the model is, in two lines. ``drawn``: what is detected in a region counts."""
    sure, count = translate("ExplainPanel", "Probability {probability}"), shown.answer.target_pixels
    if shown.simulated:
        sure = translate("ExplainPanel", "Probability {probability} (simulated)")
    of = "{sure}"
    if count != 1 and drawn:
        of = translate("ExplainPanel", "{sure}, mean of {count} detected pixels", None, count)
    elif count != 1:
        of = translate("ExplainPanel", "{sure}, mean of {count} pixels", None, count)
    elif drawn:
        of = translate("ExplainPanel", "{sure}, of 1 detected pixel")
    told = of.format(sure=sure.format(probability=probability(shown.answer.probability)), count=count)
    return f"{name[:1].upper()}{name[1:]}\n{told}"


def numbers(answer: RegionAnswer, baseline: str) -> str:
    """The two answers whose difference is shared out."""
    if math.isnan(answer.f_baseline):
        told = translate(
            "ExplainPanel", "Score {f_x} (mean logit; 0 is undecided); compared with {baseline}: {f_baseline}"
        )
    else:
        told = translate(
            "ExplainPanel",
            "Score {f_x} (mean logit; 0 is undecided); compared with {baseline}: {f_baseline}, a probability of about "
            "{probability}.",
        )
    return told.format(
        f_x=number(answer.f_x),
        baseline=answer.baseline_text or choice_in_sentence("baseline", baseline),
        f_baseline=number(answer.f_baseline),
        probability=probability(_sigmoid(answer.f_baseline)),
    )


def _sigmoid(logit: float) -> float:
    """The probability of a logit; it overflows for none."""
    return 0.5 * (1.0 + math.tanh(0.5 * logit))


def most_of_it(players: Sequence[Player]) -> str:
    """How few superpixels make up most of the answer, where few do."""
    order = sorted((player for player in players if player.share > 0), key=lambda player: player.rank)
    share, few = 0.0, []
    for player in order:
        few.append(player.name)
        share += player.share
        if share >= MOST:
            break
    if len(order) < 3 or len(few) > NAMED:
        return ""
    told = translate("ExplainPanel", "{names} make up {share} of the effect.", None, len(few))
    if len(few) == 1:
        told = translate("ExplainPanel", "{names} makes up {share} of the effect.")
    names = answers.names_text(few)
    return told.format(share=share_text(share), names=names[:1].upper() + names[1:])


def doubts(shown: PanelAnswer) -> List[str]:
    """What one should know before one believes an answer; each a sentence. What comparing showed, its page tells."""
    found = [text for text in _warnings(shown) if text != SIMULATED_WARNING]  # the headline says it
    count = shown.answer.evaluations
    if shown.answer.stopped:
        stopped = translate("ExplainPanel", "Stopped after {count} evaluations: the intervals are wide.", None, count)
        found.append(stopped.format(count=count))
    return list(dict.fromkeys(found))


def _warnings(shown: PanelAnswer) -> List[str]:
    """What the engine warns of, but for what other baselines showed."""
    of_others = {caution.text for caution in shown.answer.cautions if caution.kind == HIDDEN_BY_BASELINE}
    return [text for text in shown.warnings if text not in of_others]


def hides(answer: RegionAnswer, baseline: str) -> List[str]:
    """A plain sentence for each set of superpixels that baselines hide, and who shows it. ``baseline``: the run's."""
    others = [other for other in answer.compared if not other.error]
    if not others:
        return []
    asked = [(choice_text("baseline", baseline), answer.hidden, [player.phi for player in answer.players])]
    asked += [(choice_text("baseline", other.baseline), other.hidden, list(other.phi)) for other in others]
    told = translate(
        "ExplainPanel",
        "Compared with {baselines}, one does not see that the answer rests on {names}: choose “{best}” to see it.",
    )
    found = []
    for names in dict.fromkeys(hidden for _, hidden, _ in asked if hidden):
        places = [place for place, player in enumerate(answer.players) if player.name in names]
        showing = [one for one in asked if not set(one[1]) & set(names)] or asked
        sizes = {text: sum(abs(phi[place]) for place in places) for text, _, phi in showing}
        found.append(
            told.format(
                baselines=_quoted([text for text, hidden, _ in asked if hidden == names]),
                names=answers.names_text(names),
                best=max(sizes, key=lambda text: sizes[text]),
            )
        )
    return found


def _quoted(texts: List[str]) -> str:
    return answers.listed([f"“{text}”" for text in texts])


def as_text(
    name: str,
    superpixels: Optional[PanelAnswer],
    bands: Optional[PanelAnswer],
    made: Mapping[str, Any],
    drawn: bool = False,
) -> str:
    """All that is known, for a mail or a report."""
    lines = [translate("ExplainPanel", "Why {name}?").format(name=name)]
    first = superpixels or bands
    if first is not None:
        lines += headline(name, first, drawn).splitlines()[1:]
    titles = (translate("ExplainPanel", "Superpixels"), translate("ExplainPanel", "Bands"))
    for heading, shown in zip(titles, (superpixels, bands)):
        if shown is not None and shown.whole:
            most = most_of_it(shown.players)
            told = [*([most] if most else []), *answers.told(to_json(shown.answer)), *_warnings(shown)]
            lines += ["", heading, *told]
    if made.get("model"):
        of = translate("ExplainPanel", "Model {model} ({hash}), scene {scene}, seed {seed}.")
        hash_ = str(made.get("model_sha256") or "")[:12]
        lines += ["", of.format(model=made["model"], hash=hash_, scene=made.get("scene"), seed=made.get("seed"))]
    return "\n".join(lines)
