"""Quality of judgements: agreement between annotators, with intervals. Pure numpy, importable without Django."""

from annotate.quality.agreement import RankingAgreement, ranking_agreement
from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion, wilson
from annotate.quality.slices import (
    Disagreement,
    PairAgreement,
    agreement_by_annotator_pair,
    agreement_by_group,
    disagreements,
)
from annotate.quality.table import RankingTable, TableError

__all__ = [
    "Disagreement",
    "Estimate",
    "PairAgreement",
    "RankingAgreement",
    "RankingTable",
    "TableError",
    "agreement_by_annotator_pair",
    "agreement_by_group",
    "clustered_mean",
    "clustered_proportion",
    "disagreements",
    "ranking_agreement",
    "wilson",
]
