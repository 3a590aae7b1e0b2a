"""Every address of the API that this app serves, under /api/v1/."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from rest_framework.routers import SimpleRouter

from annotate.api import (
    across,
    adjudication,
    audit,
    bias,
    campaigns,
    consensus,
    conversation,
    docs,
    gold,
    mine,
    overlap,
    producers,
    records,
    safety,
    tokens,
    waiting,
    work,
)

app_name = "api"
router = SimpleRouter()
router.register("prompts", records.Prompts, "prompts")
router.register("completions", records.Completions, "completions")
router.register("judgements", records.Judgements, "judgements")
router.register("questions", conversation.Questions, "questions")
router.register("annotators", records.Annotators, "annotators")

urlpatterns = [
    path("auth/login/", tokens.Login.as_view(), name="login"),
    path("auth/logout/", tokens.Logout.as_view(), name="logout"),
    path("me/", mine.Me.as_view(), name="me"),
    path("campaigns/", campaigns.Campaigns.as_view(), name="campaigns"),
    path("campaigns/<slug:slug>/", campaigns.CampaignDetail.as_view(), name="campaign"),
    path("campaigns/<slug:slug>/queues/", campaigns.CampaignQueues.as_view(), name="campaign_queues"),
    path("campaigns/<slug:slug>/step-agreement/", campaigns.StepAgreement.as_view(), name="step_agreement"),
    path("campaigns/<slug:slug>/bias/", bias.Bias.as_view(), name="bias"),
    path("campaigns/<slug:slug>/overlap/", overlap.Overlap.as_view(), name="overlap"),
    path("campaigns/<slug:slug>/producers/", producers.Producers.as_view(), name="producers"),
    path("campaigns/<slug:slug>/target/", overlap.CampaignTarget.as_view(), name="campaign_target"),
    path("campaigns/<slug:slug>/uncertainty/", overlap.Uncertainty.as_view(), name="uncertainty"),
    path("tasks/<int:pk>/target/", overlap.TaskTarget.as_view(), name="task_target"),
    path("campaigns/<slug:slug>/gold/", gold.KnownTasks.as_view(), name="campaign_gold"),
    path("campaigns/<slug:slug>/gold/proposals/", gold.Proposals.as_view(), name="gold_proposals"),
    path("campaigns/<slug:slug>/gold/leaks/", gold.Leaks.as_view(), name="gold_leaks"),
    path("tasks/<int:pk>/mix-in/", gold.MixIn.as_view(), name="mix_in"),
    path("tasks/<int:pk>/retire/", gold.Retire.as_view(), name="retire"),
    path("campaigns/<slug:slug>/disagreements/", adjudication.Disagreements.as_view(), name="disagreements"),
    path("campaigns/<slug:slug>/disagreements/<int:pk>/", adjudication.Disagreement.as_view(), name="disagreement"),
    path("campaigns/<slug:slug>/disagreements/take/", adjudication.Take.as_view(), name="take_disagreement"),
    path("campaigns/<slug:slug>/adjudications/", adjudication.Adjudications.as_view(), name="adjudications"),
    path("campaigns/<slug:slug>/adjudicators/", adjudication.Adjudicators.as_view(), name="adjudicators"),
    path("campaigns/<slug:slug>/adjudicators/disallow/", adjudication.Disallow.as_view(), name="disallow"),
    path("adjudications/<int:pk>/take-back/", adjudication.TakeBack.as_view(), name="take_back"),
    path("tasks/<int:pk>/let-go/", adjudication.LetGo.as_view(), name="let_go"),
    path("campaigns/<slug:slug>/consensus/", consensus.TaskConsensuses.as_view(), name="consensus"),
    path("campaigns/<slug:slug>/consensus/weights/", consensus.Voters.as_view(), name="consensus_weights"),
    path("campaigns/<slug:slug>/waiting/", waiting.Waiting.as_view(), name="waiting"),
    path("tasks/next/", work.NextTask.as_view(), name="next"),
    path("assignments/<uuid:pk>/", work.AssignmentDetail.as_view(), name="assignment"),
    path("assignments/<uuid:pk>/submit/", work.Submit.as_view(), name="submit"),
    path("assignments/<uuid:pk>/correct/", work.Correct.as_view(), name="correct"),
    path("assignments/<uuid:pk>/skip/", work.Skip.as_view(), name="skip"),
    path("assignments/<uuid:pk>/release/", work.Release.as_view(), name="release"),
    path("assignments/<uuid:pk>/heartbeat/", work.Heartbeat.as_view(), name="heartbeat"),
    path("assignments/<uuid:pk>/ask/", conversation.Ask.as_view(), name="ask"),
    path("assignments/<uuid:pk>/reveal/", safety.Reveal.as_view(), name="reveal"),
    path("exposure/", safety.Exposure.as_view(), name="exposure"),
    path("safety/", safety.Safety.as_view(), name="safety"),
    path("assignments/<uuid:pk>/draft/", work.Draft.as_view(), name="draft"),
    path("annotators/<int:pk>/expertise/", records.AnnotatorExpertise.as_view(), name="annotator_expertise"),
    path("annotators/<int:pk>/audit/", audit.AnnotatorAudit.as_view(), name="annotator_audit"),
    path("expertise/", records.ExpertiseOfAll.as_view(), name="expertise"),
    path("agreement/", audit.Agreement.as_view(), name="agreement"),
    path("agreement/domains/", across.Domains.as_view(), name="domains"),
    path("agreement/domains/<slug:slug>/", across.DomainDetail.as_view(), name="domain"),
    path("agreement/guidelines/<slug:slug>/<int:version>/", across.VersionDetail.as_view(), name="version"),
    path("agreement/weeks/", across.Weeks.as_view(), name="weeks"),
    path("agreement/weeks/<slug:key>/", across.WeekDetail.as_view(), name="week"),
    path("agreement/producers/", across.AllProducers.as_view(), name="all_producers"),
    path("agreement/producers/<int:pk>/", across.ProducerDetail.as_view(), name="producer"),
    path("campaigns/<slug:slug>/ratings/", audit.ValueAgreement.as_view(), name="ratings"),
    path("campaigns/<slug:slug>/ratings/change/", audit.ValueChange.as_view(), name="ratings_change"),
    path("campaigns/<slug:slug>/ratings/pairs/", audit.ValuePairs.as_view(), name="ratings_pairs"),
    path("campaigns/<slug:slug>/guideline-change/", audit.GuidelineChange.as_view(), name="guideline_change"),
    path("campaigns/<slug:slug>/time/", audit.TimeAndPay.as_view(), name="time"),
    path("campaigns/<slug:slug>/composition/", audit.PoolComposition.as_view(), name="composition"),
    path("campaigns/<slug:slug>/pairs/", audit.AnnotatorPairs.as_view(), name="pairs"),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", login_required(docs.Docs.as_view()), name="docs"),
    *router.urls,
]
