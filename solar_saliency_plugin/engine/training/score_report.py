"""The report of an evaluation: one page that needs no other file, and the same figures as a table.

The page says in plain sentences what each figure means and under which conditions it was found. Nothing in it changes
from run to run: the same scenes, outlines and model give the same page.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ...contract.version import PLUGIN_VERSION
from ..detection.components import CORE_PIXELS
from ..job import Job
from ..reporting.page import BLUE, GREY, ORANGE, count, csv_cell, document, image, note, percent
from ..reporting.page import figure as new_figure
from ..reporting.page import table as html_table
from ..versions import package_versions
from .findings import FROM_1_HA, UNSURE, Findings, month_group, size_group
from .labels import NEIGHBOURHOOD
from .measurement import CELL, FAR, FarmRecord
from .objects import MINIMUM_HA, OVERLAP, SIZE_NAMES, SIZES
from .scores import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Rows of the lists of farms, false detections and images that the page shows; the table has all.
ROWS = 25

#: Fewer places than this make an interval a rough guess.
FEW_PLACES = 10

#: Less ground than this, in hectares, is little to measure false area on: 100 km².
LITTLE_GROUND = 10_000

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Conditions:
    """Under which conditions figures were found. ``outlines`` is None where there were none, ``edge`` in metres.

    threshold_for_averages: the threshold that means over dates are scored at.
    """

    model: str
    model_name: str
    sha256: str
    threshold: float
    threshold_for_averages: float
    own_threshold: bool
    images: int
    first_day: str
    last_day: str
    levels: tuple[str, ...]
    mask: str
    outlines: int | None
    edge: float
    warnings: tuple[str, ...]


def table(findings: Sequence[Findings]) -> str:
    """All figures as CSV, one a row, with what each rests on; then every farm and the largest false detections."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ("series", "group", "measure", "value", "low_95", "high_95", "count", "of", "longitude", "latitude")
    )
    for found in findings:
        for s in found.scores:
            interval = (s.interval.value, s.interval.low, s.interval.high)
            writer.writerow(map(csv_cell, (s.series, s.group, s.measure, *interval, s.count, s.of, "", "")))
        for farm in _worst_first(found.series.farms.values()):
            place = (f"{farm.longitude:.5f}", f"{farm.latitude:.5f}")
            share = farm.found / farm.judged if farm.judged else math.nan
            group = f"farm of {farm.hectares:.2f} ha"
            writer.writerow(map(csv_cell, (found.name, group, "found", share, "", "", farm.judged, "images", *place)))
        for false in found.series.false_detections():
            place = (f"{false.longitude:.5f}", f"{false.latitude:.5f}")
            group = f"image {false.image}"
            writer.writerow(
                map(
                    csv_cell, (found.name, group, "false_detection_ha", false.hectares, "", "", 1, "detections", *place)
                )
            )
    return text.getvalue()


def page(findings: Sequence[Findings], conditions: Conditions, job: Job) -> str:
    """The report as HTML, with its pictures inside."""
    single = findings[0]
    sections: list[Callable[[], str]] = [
        lambda: _head(single, conditions),
        lambda: _overview(findings, conditions),
        lambda: _objects(single),
        lambda: _calibration(single),
        lambda: _thresholds(single, conditions),
        lambda: _months(single),
        lambda: _false_area(single),
        lambda: _where(single),
        lambda: _image_list(single),
        lambda: _method(conditions),
    ]
    parts = []
    for number, section in enumerate(sections):
        job.progress(number / len(sections), "Drawing the report")
        parts.append(section())
    return document(f"How good is {conditions.model}?", parts)


def _head(single: Findings, conditions: Conditions) -> str:
    days = _days(conditions)
    if conditions.outlines is None:
        what = "No outlines were given: the scenes count as free of solar farms"
    else:
        what = f"Outlines: {conditions.outlines:,}; solar farms in the images: {len(single.series.farms):,}"
    mask = {
        "none": "clouds were not left out",
        "clouds": "clouds and their shadows were left out",
        "clouds_and_snow": "clouds, their shadows and snow were left out",
    }[conditions.mask]
    chosen = "the model's own" if conditions.own_threshold else "chosen for this evaluation"
    lines = [
        f"<h1>How good is {escape(conditions.model)}?</h1>",
        f"<p>{count(conditions.images, 'image')}{days}, level {escape(' and '.join(conditions.levels))}; {mask}. "
        f"{what}. A pixel counts as solar farm from a probability of {conditions.threshold:g} on ({chosen}).</p>",
        "<p>These figures hold for places and dates like these. They do not tell how the model does in another "
        "country or season, and where an outline is missing or displaced they blame the model.</p>",
    ]
    lines += [note(escape(warning)) for warning in conditions.warnings]
    return "\n".join(lines)


def _days(conditions: Conditions) -> str:
    if not conditions.first_day:
        return ""
    if conditions.first_day == conditions.last_day:
        return f" of {escape(conditions.first_day)}"
    return f" from {escape(conditions.first_day)} to {escape(conditions.last_day)}"


#: measure, what it is called, what it means
_OVERVIEW = (
    ("iou", "Intersection over union (IoU)", "of the area that is solar farm or marked as one, the share that is both"),
    ("f1", "F1 of pixels", "one figure for precision and recall; always higher than IoU for the same map"),
    ("precision", "Precision of pixels", "of the area marked, the share that is solar farm"),
    ("recall", "Recall of pixels", "of the solar farms' area, the share that is marked"),
    (
        "average_precision",
        "Average precision (AP)",
        "precision averaged over all thresholds: how well farm and ground are told apart",
    ),
    ("object_recall", "Farms found", f"of the farms of {MINIMUM_HA:g} ha or more, the share that is found"),
    ("object_precision", "True detections", f"of the detections of {MINIMUM_HA:g} ha or more, the share that is true"),
    (
        "calibration_error",
        "Calibration error (ECE)",
        f"how far a probability is off, on average over all pixels of {UNSURE:g} or more",
    ),
    (
        "calibration_error_of_all_pixels",
        "the same of all pixels",
        "flattered by ground that the model is sure of, which is nearly all of most scenes",
    ),
    (
        "false_ha_per_100_km2",
        "False hectares per 100 km²",
        f"of detections of {MINIMUM_HA:g} ha or more, what lies on ground further than {FAR:g} m from all farms",
    ),
)


def _overview(findings: Sequence[Findings], conditions: Conditions) -> str:
    rows = []
    for measure, name, meaning in _OVERVIEW:
        intervals = [found.interval("all", measure) for found in findings]
        if all(math.isnan(interval.value) for interval in intervals):
            continue
        show = _hectares if measure == "false_ha_per_100_km2" else percent
        values = "".join(f'<td class="n">{_with_range(interval, show)}</td>' for interval in intervals)
        rows.append(f'<tr><td><b>{name}</b><br><span class="small">{meaning}</span></td>{values}</tr>')
    heads = "".join(f'<th class="n">{escape(found.name.capitalize())}</th>' for found in findings)
    single = findings[0]
    text = [f"<h2>In short</h2><table><tr><th></th>{heads}</tr>{''.join(rows)}</table>"]
    if single.places == 1:
        text.append("<p>All images show one place, so nothing can be said of how much another place would differ.</p>")
    else:
        kind = f"{CELL / 1000:g} km of ground"
        if single.sites:
            kind = (
                f"solar farms within {NEIGHBOURHOOD / 1000:g} km of each other, with their surroundings, or {kind}; "
                f"{single.sites} of them hold farms"
            )
        text.append(
            f"<p>In brackets: the range that 95 of 100 other choices of {single.places} such places would fall in (a "
            f"place is {kind}). It is about chance in which places were taken, and no promise for other regions.</p>"
        )
    if 1 < single.sites < FEW_PLACES:
        text.append(note(f"Only {single.sites} places hold solar farms: the ranges are rough guesses."))
    if len(findings) > 1:
        text += _about_averages(findings[1], single.series.core, conditions)
    if conditions.outlines is None:
        text.append("<p>Without outlines, nothing can be said of farms: only of what is marked on ground.</p>")
    return "\n".join(text)


def _about_averages(averaged: Findings, core: float, conditions: Conditions) -> list[str]:
    """What averages are and how they are marked; ``core`` is what single dates are asked for, 0 if nothing."""
    without_core = (
        f" Detections in averages are not asked for a core ({core:g} on {CORE_PIXELS} pixels), since that was chosen "
        "for single dates."
        if core
        else ""
    )
    text = [
        "<p>“Dates averaged”: the probability of every pixel is averaged over a place's dates before the threshold "
        f"is applied{_threshold_for_averages(conditions)}.{without_core}</p>"
    ]
    best, there = (averaged.interval("all", f"{m}_here").value for m in ("best_threshold", "iou_at_best_threshold"))
    if not math.isnan(best):
        text.append(
            f"<p>For averages, {best:.2f} would do best here (IoU {percent(there)}; that flatters, since it was "
            "picked after seeing the answer).</p>"
        )
    return text


def _threshold_for_averages(conditions: Conditions) -> str:
    """Which threshold that is, and whether it was chosen for averages."""
    threshold = conditions.threshold_for_averages
    if threshold != conditions.threshold:
        return f": {threshold:g}, which the model has for averages, since these are seldom as close to 0 or 1"
    if conditions.own_threshold:
        return f": {threshold:g}, which was chosen for single dates, while averages are seldom as close to 0 or 1"
    return f": {threshold:g}, as for single dates"


def _objects(found: Findings) -> str:
    if not found.objects.farms:
        return ""
    parts = [(name, size_group(size), found.objects.of_size(size)) for size, name in enumerate(SIZE_NAMES)]
    parts.append(("1 ha and more", FROM_1_HA, found.objects.from_size(1.0)))
    rows = []
    for name, group, part in parts:
        recall, precision, f1 = (found.interval(group, f"object_{m}") for m in ("recall", "precision", "f1"))
        rows.append(
            (
                escape(name),
                f"{part.farms:,}",
                _with_range(recall, percent),
                f"{part.detections:,}",
                _with_range(precision, percent),
                _with_range(f1, percent),
            )
        )
    heads = ("Size", "Farms", "found", "Detections", "true", "F1")
    all_found = ""
    if found.objects.recall() == 1:
        # Rule of three: Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031
        limit = min(1.0, 3 / found.sites)
        all_found = (
            f"<p>All were found. From {count(found.sites, 'place')} that tells no more than that hardly more than "
            f"{_whole(limit)} of such places have farms that are missed.</p>"
        )
    return (
        "<h2>Solar farms found and missed</h2>"
        f"<p>A farm is found where {_whole(OVERLAP)} of its area or more is detected. A detection is true where "
        f"{_whole(OVERLAP)} of it or more touches a farm. Farms are sorted by their own size, detections by theirs; a "
        "farm counts once for every image that shows it. What is smaller than "
        f"{MINIMUM_HA:g} ha is left out on both sides, as it is when detections are made into polygons"
        f"{_core(found.series.core)}.</p>"
        + html_table(heads, rows)
        + all_found
        + image(_draw_sizes(found), "Share of farms found, and of detections that are true, by size")
    )


def _core(core: float) -> str:
    if not core:
        return ""
    return f"; and so are detections that do not reach {core:g}, which the model asks for, on {CORE_PIXELS} pixels"


def _calibration(found: Findings) -> str:
    if not found.tally.farm_pixels:
        return ""
    bins = found.tally.reliability()
    rows = [
        (f"{b.low:.2f}–{b.high:.2f}", percent(b.mean_probability), percent(b.farm_share), f"{b.pixels:,}") for b in bins
    ]
    error, of_all = (found.interval("all", m).value for m in ("calibration_error", "calibration_error_of_all_pixels"))
    return (
        "<h2>Does 80 % on the map mean 80 %?</h2>"
        "<p>Pixels are sorted by what the map says; for each step the share that really is solar farm is drawn. On the "
        "diagonal the map means what it says. Below it the map promises too much, above it too little. On average it "
        f"is off by {_points(error)} where it says {_whole(UNSURE)} or more, and by {_points(of_all)} over all pixels. "
        "Pixels that are farm for less than half count as ground.</p>"
        + image(_draw_reliability(found), "Reliability diagram: share of farm against probability")
        + "<details><summary>The diagram's numbers</summary>"
        + html_table(("Probability", "mean", "really farm", "Pixels"), rows)
        + "</details>"
    )


def _thresholds(found: Findings, conditions: Conditions) -> str:
    if not found.tally.farm_pixels:
        return ""
    best, there = (found.interval("all", m).value for m in ("best_threshold_here", "iou_at_best_threshold_here"))
    return (
        "<h2>Other thresholds</h2>"
        "<p>A lower threshold finds more of the farms and marks more of what is none. "
        f"At {conditions.threshold:g}, IoU is {percent(found.interval('all', 'iou').value)}. "
        f"On these very images {best:.2f} would do best (IoU {percent(there)}); that figure flatters, since it was "
        "picked after seeing the answer.</p>"
        + image(_draw_precision_and_recall(found, conditions), "Precision against recall over all thresholds")
    )


def _months(found: Findings) -> str:
    months = sorted(found.series.month_pixels)
    if not months or not found.tally.farm_pixels:
        return ""
    rows = []
    for month in months:
        group = month_group(month)
        iou, f1, precision, recall = (
            found.interval(group, m) for m in ("iou", "f1", "average_precision", "object_recall")
        )
        rows.append(
            (
                _MONTHS[month - 1],
                f"{found.series.month_images[month]:,}",
                _with_range(iou, percent),
                _with_range(f1, percent),
                percent(precision.value),
                percent(recall.value),
            )
        )
    heads = ("Month", "Images", "IoU", "F1 of pixels", "AP", "Farms found")
    figure = image(_draw_months(found, months), "IoU by month") if len(months) > 1 else ""
    return (
        "<h2>By month</h2><p>Snow, low sun and bare fields change what a farm looks like. Months may show different "
        "places: compare them with care.</p>" + html_table(heads, rows) + figure
    )


def _false_area(found: Findings) -> str:
    if not found.ground.seen:
        return "<h2>False area</h2><p>No ground lies far enough from all farms to measure false area on.</p>"
    false = found.interval("all", "false_ha_per_100_km2")
    little = ""
    if found.ground.seen < LITTLE_GROUND:
        little = "<p>That is little ground to measure it on: add scenes that hold few farms or none.</p>"
    return (
        f"<h2>False area</h2><p>On {found.ground.seen / 100:,.1f} km² of ground further than {FAR:g} m from all farms "
        f"(each image counted), {found.ground.false:,.2f} ha lie in detections: "
        f"<b>{_with_range(false, _hectares)} ha per 100 km²</b>, "
        f"{100 * found.ground.false / found.ground.seen:.3f} % of it. Detections of less than {MINIMUM_HA:g} ha "
        f"are left out, as they are when detections are made into polygons{_core(found.series.core)}.</p>" + little
    )


def _where(found: Findings) -> str:
    missed = [farm for farm in _worst_first(found.series.farms.values()) if farm.found < farm.judged]
    text = ""
    if missed:
        rows = [
            (f"{f.hectares:,.2f}", f"{f.found:,} of {f.judged:,}", f"{f.latitude:.5f}, {f.longitude:.5f}")
            for f in missed[:ROWS]
        ]
        text += (
            f"<h2>Where to look: farms missed</h2><p>{count(len(missed), 'farm')} of "
            f"{len(found.series.farms):,} {'was' if len(missed) == 1 else 'were'} missed in some image"
            f"{_first(len(missed))}.</p>" + html_table(("Hectares", "Found in images", "Latitude, longitude"), rows)
        )
    false = found.series.false_detections()
    if false:
        rows = [(f"{d.hectares:,.2f}", f"{d.latitude:.5f}, {d.longitude:.5f}", escape(d.image)) for d in false[:ROWS]]
        text += (
            f"<h2>Where to look: false detections</h2><p>The largest of them{_first(len(false))}. See what is there, "
            "on an aerial image: it may be a farm without an outline.</p>"
            + html_table(("Hectares", "Latitude, longitude", "Image"), rows)
        )
    return text


def _image_list(found: Findings) -> str:
    images = found.series.images
    if len(images) < 2:
        return ""
    rows = [
        (
            escape(image.name),
            percent(image.pixels.iou()),
            f"{image.objects.counts[1].sum():,} of {image.objects.farms:,}",
            f"{image.ground.seen / 100:,.1f}",
            f"{image.ground.false:,.2f}",
        )
        for image in sorted(images, key=lambda image: (-image.pixels.false - image.pixels.missed, image.name))
    ]
    return (
        f"<h2>Image by image</h2><p>Images with most area wrong come first{_first(len(rows))}. A single image "
        "says little where its farms are few.</p>"
        + html_table(("Image", "IoU", "Farms found", "Ground, km²", "False on it, ha"), rows[:ROWS])
    )


def _method(conditions: Conditions) -> str:
    software = ", ".join(f"{name} {version}" for name, version in sorted(package_versions().items()))
    return (
        "<h2>How it was counted</h2><ul>"
        "<li>What was scored is the map that Detect Solar Farms writes, every valid pixel of it.</li>"
        f"<li>A pixel is farm where half of it or more lies inside an outline. Pixels within {conditions.edge:g} m of "
        "an outline's edge are not scored, nor is ground where a farm stands that is newer than the image.</li>"
        "<li>Outlines less than a pixel apart are one farm. A farm of which less than half was seen is not judged.</li>"
        f"<li>Ranges: places (farms that are neighbours, with their surroundings; cells of {CELL / 1000:g} km) "
        "were drawn again 1,000 "
        "times, with replacement; pixels never are, since neighbours say the same.</li>"
        f"<li>Model {escape(conditions.model_name)}, SHA-256 <code>{escape(conditions.sha256)}</code>.</li>"
        f"<li>Solar Saliency {escape(PLUGIN_VERSION)}; {escape(software)}.</li></ul>"
    )


def _worst_first(farms: Iterable[FarmRecord]) -> list[FarmRecord]:
    """Farms by the share of images that they were missed in, then by size; those never judged come last."""

    def rank(farm: FarmRecord) -> tuple[float, float, float, float]:
        share = farm.found / farm.judged if farm.judged else math.inf
        return share, -farm.hectares, farm.longitude, farm.latitude

    return sorted(farms, key=rank)


def _first(rows: int) -> str:
    return f"; the first {ROWS} of {rows:,} are listed, the table (CSV) has more" if rows > ROWS else ""


def _whole(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} percentage points"


def _hectares(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.2f}"


def _with_range(interval: Interval, show: Callable[[float], str]) -> str:
    if math.isnan(interval.value) or math.isnan(interval.low) or interval.low == interval.high:
        return show(interval.value)
    low, high = show(interval.low).removesuffix(" %"), show(interval.high)
    return f'{show(interval.value)} <span class="small">({low}–{high})</span>'


def _draw_reliability(found: Findings) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 6.4), dpi=144, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    bins = found.tally.reliability()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="the map means what it says")
    said, true = [b.mean_probability for b in bins], [b.farm_share for b in bins]
    axes.plot(said, true, color=BLUE, marker="o", clip_on=False, label="this map")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="What is solar farm (share)")
    axes.set_aspect("equal")
    axes.legend(loc="upper left", frameon=False)
    below.bar([b.low for b in bins], [b.pixels for b in bins], [b.high - b.low for b in bins], align="edge", color=BLUE)
    below.set(yscale="log", ylabel="Pixels", xlabel="What the map says (probability)")
    for part in (axes, below):
        part.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_precision_and_recall(found: Findings, conditions: Conditions) -> "Figure":
    figure, axes = new_figure(5.6, 4.4)
    precision, recall = found.tally.precision_and_recall()
    axes.plot(recall, precision, color=BLUE, label=f"all thresholds (AP {percent(found.tally.average_precision())})")
    here = found.tally.at(conditions.threshold)
    if here.found:
        axes.plot(
            here.recall(), here.precision(), "s", color=ORANGE, markersize=8, label=f"at {conditions.threshold:g}"
        )
    axes.set(
        xlim=(0, 1.01),
        ylim=(0, 1.01),
        xlabel="Recall: farm area that is marked",
        ylabel="Precision: marked area that is farm",
    )
    axes.legend(loc="lower left", frameon=False)
    return figure


def _draw_sizes(found: Findings) -> "Figure":
    figure, axes = new_figure(6.6, 3.6)
    place = np.arange(len(SIZES))
    kinds = (
        ("object_recall", "farms found", BLUE, "", -0.2),
        ("object_precision", "true detections", ORANGE, "//", 0.2),
    )
    for measure, label, colour, hatch, shift in kinds:
        intervals = [found.interval(size_group(size), measure) for size in range(len(SIZES))]
        values = np.nan_to_num([i.value for i in intervals])
        axes.bar(place + shift, values, 0.38, label=label, color=colour, hatch=hatch, edgecolor="white")
        _whiskers(axes, place + shift, intervals)
    for size in range(len(SIZES)):
        part = found.objects.of_size(size)
        for shift, judged in ((-0.2, part.farms), (0.2, part.detections)):
            axes.text(size + shift, 0.02, f"{judged:,}" if judged else "none", ha="center", fontsize=7, bbox=_PLATE)
    axes.set(ylim=(0, 1.05), ylabel="Share", xticks=place, xticklabels=SIZE_NAMES)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


_PLATE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}


def _draw_months(found: Findings, months: Sequence[int]) -> "Figure":
    figure, axes = new_figure(6.6, 3.4)
    intervals = [found.interval(month_group(month), "iou") for month in months]
    axes.plot(months, [i.value for i in intervals], color=BLUE, marker="o", linestyle="none", label="IoU")
    _whiskers(axes, np.array(months, float), intervals)
    whole = found.interval("all", "iou").value
    axes.axhline(whole, color=GREY, linewidth=1, linestyle="--", label="all months")
    axes.set(xlim=(0.5, 12.5), ylim=(0, 1.02), ylabel="IoU", xticks=range(1, 13), xticklabels=_MONTHS)
    axes.legend(loc="lower right", frameon=False)
    return figure


def _whiskers(axes: "Axes", places: np.ndarray, intervals: Sequence[Interval]) -> None:
    """Lines over the intervals that are known."""
    known = [(x, i) for x, i in zip(places, intervals, strict=True) if not math.isnan(i.low)]
    if known:
        axes.vlines([x for x, _ in known], [i.low for _, i in known], [i.high for _, i in known], color="black")
