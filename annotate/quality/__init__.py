"""Quality of judgements: agreement between annotators, with intervals. Pure numpy, importable without Django."""

from annotate.quality.agreement import RankingAgreement, ranking_agreement
from annotate.quality.crossing import share_over_judgements
from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion, credible_share, undefined, wilson
from annotate.quality.medians import median
from annotate.quality.sampling import HandOuts, mean_over_tasks
from annotate.quality.slices import (
    Disagreement,
    OwnAgreement,
    PairAgreement,
    agreement_by_annotator_pair,
    agreement_by_group,
    agreement_with_others,
    disagreements,
)
from annotate.quality.steps import StepAgreement, step_agreement
from annotate.quality.table import RankingTable, TableError

__all__ = [
    "Disagreement",
    "Estimate",
    "HandOuts",
    "OwnAgreement",
    "PairAgreement",
    "RankingAgreement",
    "RankingTable",
    "StepAgreement",
    "TableError",
    "agreement_by_annotator_pair",
    "agreement_by_group",
    "agreement_with_others",
    "clustered_mean",
    "clustered_proportion",
    "credible_share",
    "disagreements",
    "mean_over_tasks",
    "median",
    "ranking_agreement",
    "share_over_judgements",
    "step_agreement",
    "undefined",
    "wilson",
]
