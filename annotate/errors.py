"""The errors that services raise. The message is a sentence for the person: what is wrong, where, what to do."""


class DomainError(Exception):
    """The request breaks a rule of the domain; nothing was written."""


class LeaseLost(DomainError):
    """The assignment is no longer held by this annotator. What was sent is kept as the assignment's draft."""


class DraftOutdated(DomainError):
    """A draft that this one does not follow was saved meanwhile. It stays, and this one was not saved."""


class NotAllowed(DomainError):
    """The person may not do this."""


class NotFound(DomainError):
    """What was asked for does not exist, or is somebody else's."""


class InvitationClosed(DomainError):
    """The invitation was used, revoked, or its time is over."""


class StepMissing(DomainError):
    """A step is to be done before the person may work in the campaign; `step` names it (onboarding_rules.STEPS)."""

    def __init__(self, message: str, *, step: str, campaign: str):
        super().__init__(message)
        self.step = step
        self.campaign = campaign


class NotOpen(DomainError):
    """The campaign is paused or closed: it hands nothing out."""
