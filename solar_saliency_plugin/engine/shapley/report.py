"""The page of a run over regions: what each part raised or lowered the answer by, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ...contract.region_looks import full_colour
from ...contract.region_shap import (
    BandShapRequest,
    BandShapResult,
    Player,
    RegionAnswer,
    RegionShapRequest,
    RegionShapResult,
)
from ...contract.shapley_words import ESTIMATOR_WORDS, own_name, sight_text
from ..attribution.explained import Explained
from ..attribution.telling import answer as answer_told
from ..attribution.telling import baseline_name, facts_told, repeat, title_of, warnings
from ..reporting.page import count, document, facts, image, number, paragraph, percent, signed, table
from .drawing import Drawing
from .picture import region_picture
from .styles import decimals
from .telling import agreement, headline, hiding, moved, surroundings, title_of_player
from .waterfall import waterfall

#: Regions that are told in full; of the others a table tells the outlines.
IN_FULL = 30

#: Players in a table, pairs of players, and regions in a table, at most.
_PLAYERS, _PAIRS, _REGIONS = 25, 10, 500

#: What tells readers nothing, as estimators' own working does, or is told in a sentence.
_INTERNAL = ("interaction", "noise", "parts", "sight", "unseen")

_TELLS = (
    "<p>A value is the mean, over all orders in which the parts could be shown to the model, of how much showing this "
    "part changes the answer, the others being the baseline's until their turn comes. The values add up to the "
    "difference between the answers for the image and for the baseline.</p>"
    "<p><b>It can tell</b> which parts of this place this answer of this model rests on, alone and together with "
    "others.</p>"
    "<p><b>It cannot tell</b> whether that is a good reason, nor what would happen elsewhere. What does not differ "
    "from the baseline gets nothing, however much the model relies on it: compare several baselines. Where parts are "
    "replaced, the model sees images that do not exist, and it may see something in their edges.</p>"
)

_DIFFERS = (
    '<p class="small">How far a part differs from the baseline is told in multiples of how much the pixels of the '
    "region differ among themselves. Under 0.1, the baseline hides the part.</p>"
)

_TERMS = (
    "<p>The parts are the players of a cooperative game, and the values its Shapley values φ. v(S) is the answer with "
    "the players of the coalition S present and all others replaced by the baseline.</p>"
)


def report(
    explained: Explained,
    request: RegionShapRequest | BandShapRequest,
    result: RegionShapResult | BandShapResult,
    drawings: Sequence[Drawing],
) -> str:
    """The page (HTML)."""
    answers = result.regions
    method = "regionshap" if isinstance(request, RegionShapRequest) else "bandshap"
    one = len(answers) == 1 and not result.refused
    title = f"Why: {title_of(answers[0].name) if one else count(len(answers), 'region')}"
    limit, places = full_colour(answers), decimals(answers)
    parts = [f"<h1>{escape(title)}</h1>", warnings(result.warnings)]
    if not one:
        parts += [_overview(answers), _refused(result.refused)]
    for answer, drawing in list(zip(answers, drawings, strict=True))[:IN_FULL]:
        parts.append("" if one else f"<h2>{escape(answer.name)}</h2>")
        parts += _region(explained, answer, drawing, limit, places)
    parts += ["<h2>What it can and cannot tell</h2>", _TELLS, "<h2>For specialists</h2>", _TERMS]
    for answer in answers[:IN_FULL]:
        parts += ["" if one else f"<h3>{escape(answer.name)}</h3>", _numbers(answer, result.seed)]
    parts.append(repeat(method, request, explained))
    return document(title, parts, explains=True)


def _region(explained: Explained, answer: RegionAnswer, drawing: Drawing, limit: float, places: int) -> list[str]:
    return [
        answer_told(explained, answer.target_pixels, answer.f_x, answer.probability),
        f"<p>Compared with {escape(answer.baseline_text)}, for which the answer is "
        f"<b>{number(answer.f_baseline, 3)}</b>: {escape(headline(answer))}</p>",
        _picture(answer, drawing, limit, explained.scene.grid.pixel_size),
        "<h3>From the baseline to the image</h3>",
        waterfall(answer, "What each part added to the baseline's answer, or took from it", places),
        _whiskers(answer),
        paragraph(surroundings(answer)),
        paragraph(sight_text(answer.facts)),
        _players(answer, places),
        _compared(answer, places),
        _pairs(answer, places),
    ]


def _picture(answer: RegionAnswer, drawing: Drawing, limit: float, pixel_size: tuple[float, float]) -> str:
    if drawing.ground is None:
        return ""
    drawn = image(region_picture(answer, drawing, limit, pixel_size), "The scene, and the region's parts", colours=256)
    if drawing.players.places.max() < 0:
        return f'{drawn}<p class="small">The line is the outline of the pixels that are explained.</p>'
    return (
        f'{drawn}<p class="small">Red raised the answer, blue lowered it, up to full colour at ±{limit:.3g}; what is '
        "hatched has a sign that is not clear. Numbers are those of the superpixels in the table and on the map. The "
        "line is the outline of the pixels that are explained.</p>"
    )


def _whiskers(answer: RegionAnswer) -> str:
    if all(math.isnan(player.standard_error) for player in answer.players):
        return '<p class="small">This estimator cannot say how far off its values are.</p>'
    if not any(player.standard_error for player in answer.players):
        return '<p class="small">The values are exact: all that can be asked was asked.</p>'
    return (
        '<p class="small">Whiskers are 95 % intervals of each part by itself. Hatched bars have an interval that '
        "holds zero: whether that part raised or lowered the answer, nobody can say.</p>"
    )


def _players(answer: RegionAnswer, decimals: int) -> str:
    by_rank = sorted(answer.players, key=lambda player: player.rank)
    placed = any(player.number for player in by_rank)
    heads = ["Part", "Value", "95 % interval", "Share", "Differs from the baseline by"]
    rows = []
    for player in by_rank[:_PLAYERS]:
        value, interval = moved(player.phi, decimals), _interval(player, decimals)
        title = title_of_player(player)
        if own_name(player.name, player.number, player.bands):  # the picture has numbers only
            title += f" ({player.number})"
        cells = [escape(title), value, interval, percent(player.share), f"{player.contrast:.2g} ×"]
        rows.append([*cells, f"{player.area_ha:.2f}", f"{player.pixels:,}"] if placed else cells)
    more = len(by_rank) - len(rows)
    also = f'<p class="small">And {count(more, "part")} more, in the layer.</p>' if more else ""
    shown = table([*heads, "Area (ha)", "Pixels"] if placed else heads, rows)
    return f"<h3>The parts</h3>{shown}{also}{_DIFFERS}"


def _interval(player: Player, decimals: int) -> str:
    if math.isnan(player.standard_error):
        return "–"
    if not player.standard_error:
        return "exact"
    return f"{moved(player.lower, decimals)} to {moved(player.upper, decimals)}"


def _compared(answer: RegionAnswer, decimals: int) -> str:
    """Players × baselines."""
    if not answer.compared:
        return ""
    told = "".join(f"<li>{escape(agreement(answer, other))}</li>" for other in answer.compared)
    hidden = "".join(paragraph(sentence) for sentence in hiding(answer))
    shown = [other for other in answer.compared if not other.error]
    heads = ("Part", "this run", *(escape(baseline_name(other.baseline)) for other in shown))
    order = sorted(range(len(answer.players)), key=lambda place: answer.players[place].rank)[:_PLAYERS]
    rows = []
    for place in order:
        player = answer.players[place]
        cells = [_hideable(moved(player.phi, decimals), player.name in answer.hidden)]
        cells += [_hideable(moved(other.phi[place], decimals), player.name in other.hidden) for other in shown]
        rows.append((escape(title_of_player(player)), *cells))
    return (
        f"<h3>Other baselines</h3><ul>{told}</ul>{hidden}{table(heads, rows) if shown else ''}"
        '<p class="small">Values in brackets: the baseline hides that part. A rank correlation of 1 means that both '
        "put the parts into the same order.</p>"
    )


def _hideable(text: str, hidden: bool) -> str:
    return f"({text})" if hidden else text


def _pairs(answer: RegionAnswer, decimals: int) -> str:
    if not answer.interactions:
        return ""
    titles = {player.name: title_of_player(player) for player in answer.players}
    rows = [
        (f"{escape(titles.get(one, one))} and {escape(titles.get(two, two))}", moved(value, decimals))
        for one, two, value in answer.interactions[:_PAIRS]
    ]
    return (
        "<h3>Pairs that count together</h3><p>What two parts add together, beyond what each adds by itself; "
        f"negative: one does what the other does, too.</p>{table(('Pair', 'Together'), rows)}"
    )


def _numbers(answer: RegionAnswer, seed: int) -> str:
    rows = [
        ("v(N), all players present", number(answer.f_x, 4)),
        ("v(∅), none present", f"{number(answer.f_baseline, 4)} ({escape(answer.baseline_text)})"),
        (
            "Sum of the values",
            f"{number(answer.phi_sum, 4)}; v(N) − v(∅) is {number(answer.f_x - answer.f_baseline, 4)}",
        ),
        ("Difference of the two", f"{answer.difference:.2g}".replace("-", "−")),
        ("Coalitions asked", f"{answer.evaluations:,}{' (stopped before all were asked)' if answer.stopped else ''}"),
        ("Estimator", escape(ESTIMATOR_WORDS.get(answer.estimator, answer.estimator))),
        ("R² of the regression", "" if math.isnan(answer.r2) else number(answer.r2, 3)),
        ("Seed of random numbers", str(seed)),
        ("Arithmetic", escape(answer.precision)),
        *facts_told({name: value for name, value in answer.facts.items() if name not in _INTERNAL}),
    ]
    return facts(rows)


def _overview(answers: Sequence[RegionAnswer]) -> str:
    """All regions in a table."""
    heads = ("Region", "Image", "Baseline", "Probability", "Strongest", "Its value", "Its share")
    rows = []
    for answer in answers[:_REGIONS]:
        strongest = min(answer.players, key=lambda player: player.rank)
        rows.append(
            (
                escape(answer.name),
                number(answer.f_x, 3),
                number(answer.f_baseline, 3),
                number(answer.probability, 3),
                escape(title_of_player(strongest)),
                signed(strongest.phi),
                percent(strongest.share),
            )
        )
    told = []
    if len(answers) > _REGIONS:
        told.append(f"{len(answers) - _REGIONS} more are in the layer.")
    if len(answers) > IN_FULL:
        told.append(f"The first {IN_FULL} are told in full below.")
    return table(heads, rows) + paragraph(" ".join(told))


def _refused(refused: Sequence[dict[str, str]]) -> str:
    if not refused:
        return ""
    rows = "".join(f"<li>{escape(one['name'])}: {escape(one['reason'])}</li>" for one in refused[:_REGIONS])
    more = len(refused) - _REGIONS
    also = f"<li>{count(more, 'more')}</li>" if more > 0 else ""
    return f"<h2>Not explained</h2><ul>{rows}{also}</ul>"
