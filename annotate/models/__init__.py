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
from annotate.models.people import Domain, Profile, User
from annotate.models.work import Assignment, Campaign, Gold, Task, TaskCompletion

__all__ = [
    "AppendOnlyError",
    "Assignment",
    "Campaign",
    "Completion",
    "ContentWarning",
    "Demonstration",
    "Domain",
    "Flag",
    "Gold",
    "Guideline",
    "Judgement",
    "Producer",
    "Profile",
    "Prompt",
    "RankedCompletion",
    "Rating",
    "Review",
    "Revision",
    "Span",
    "StepLabel",
    "Task",
    "TaskCompletion",
    "User",
]
