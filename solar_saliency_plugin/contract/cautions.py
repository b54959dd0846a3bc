"""What one should know before one believes Shapley values of a region: kinds that programs tell apart, and texts."""

from dataclasses import dataclass

#: Kinds of what one should know before one believes an answer. Players count under another of the baselines asked, and
#: this one hides them; or look nearly like the only one that was asked; or hardly count with it, and do when they are
#: shown as something else.
HIDDEN_BY_BASELINE, LIKE_BASELINE, MAY_HIDE = "hidden_by_baseline", "like_baseline", "may_hide"

#: The baseline equals the image; the model's answer is the same for both; it takes the baseline itself for a farm.
EQUALS_BASELINE, SAME_ANSWER, BASELINE_IS_FARM = "equals_baseline", "same_answer", "baseline_is_farm"

#: The model sees the region alone, all else being the baseline's; a part of the region that was drawn holds no data.
REGION_ALONE, REGION_CUT_OFF = "region_alone", "region_cut_off"

#: The region has fewer parts than asked for; pairs of them would take too long to find.
FEWER_PARTS, NO_PAIRS = "fewer_parts", "no_pairs"

#: The values do not add up, since their estimator's need not.
NO_SUM = "no_sum"

#: All of them.
CAUTIONS = (
    HIDDEN_BY_BASELINE,
    LIKE_BASELINE,
    MAY_HIDE,
    EQUALS_BASELINE,
    SAME_ANSWER,
    BASELINE_IS_FARM,
    REGION_ALONE,
    REGION_CUT_OFF,
    FEWER_PARTS,
    NO_PAIRS,
    NO_SUM,
)


@dataclass(frozen=True)
class Caution:
    """What one should know before one believes an answer. kind: of :data:`CAUTIONS`. text: plain sentences."""

    kind: str
    text: str
