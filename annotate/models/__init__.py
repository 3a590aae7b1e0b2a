from annotate.models.corpus import Completion, Producer, Prompt
from annotate.models.guidelines import Guideline
from annotate.models.judgements import AppendOnlyError, Demonstration, Flag, Judgement, RankedCompletion
from annotate.models.people import Domain, User
from annotate.models.work import Assignment, Campaign, Task, TaskCompletion

__all__ = [
    "AppendOnlyError",
    "Assignment",
    "Campaign",
    "Completion",
    "Demonstration",
    "Domain",
    "Flag",
    "Guideline",
    "Judgement",
    "Producer",
    "Prompt",
    "RankedCompletion",
    "Task",
    "TaskCompletion",
    "User",
]
