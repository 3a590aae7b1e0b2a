from annotate.models.adjudication import Adjudication, AdjudicationDraft, AdjudicationHold, Adjudicator, Dispute
from annotate.models.changes import CampaignChange
from annotate.models.conversation import Note, Question
from annotate.models.corpus import Completion, ContentWarning, Producer, Prompt
from annotate.models.guidelines import Guideline
from annotate.models.judgements import (
    AppendOnlyError,
    Demonstration,
    Flag,
    Judgement,
    RankedCompletion,
    Rating,
    Review,
    Revision,
    Span,
    StepLabel,
)
from annotate.models.onboarding import (
    Acknowledgement,
    Consent,
    Demographics,
    Expertise,
    Invitation,
    Membership,
    QualificationAnswer,
    QualificationAttempt,
)
from annotate.models.people import Domain, Profile, User
from annotate.models.tallies import Progress, Reconsideration, Skill, Spending
from annotate.models.work import Assignment, Campaign, Gold, Queue, Task, TaskCompletion

__all__ = [
    "Acknowledgement",
    "Adjudication",
    "AdjudicationDraft",
    "AdjudicationHold",
    "Adjudicator",
    "AppendOnlyError",
    "Assignment",
    "Campaign",
    "CampaignChange",
    "Completion",
    "Consent",
    "ContentWarning",
    "Demographics",
    "Demonstration",
    "Dispute",
    "Domain",
    "Expertise",
    "Flag",
    "Gold",
    "Guideline",
    "Invitation",
    "Judgement",
    "Membership",
    "Note",
    "Producer",
    "Profile",
    "Progress",
    "Prompt",
    "QualificationAnswer",
    "QualificationAttempt",
    "Question",
    "Queue",
    "RankedCompletion",
    "Rating",
    "Reconsideration",
    "Review",
    "Revision",
    "Skill",
    "Span",
    "Spending",
    "StepLabel",
    "Task",
    "TaskCompletion",
    "User",
]
