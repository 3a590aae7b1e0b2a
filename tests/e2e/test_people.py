"""Distressing content and questions, as an annotator meets them."""

import re

from playwright.sync_api import expect

from annotate.models import Question
from annotate.services.corpus import add_prompt

SECRET = "Why is the sky blue? (0)"


def test_it_warns_shows_by_one_key_and_blurs_again(site):
    add_prompt(messages=site.world.ranking_tasks[0].prompt.messages, by=None, warnings=["violence"])
    site.log_in(site.world.alice)
    site.page.get_by_role("button", name="Rank answers").click()
    expect(site.page.get_by_role("heading", name="Content warning")).to_be_visible()
    assert SECRET not in site.page.content()
    expect(site.page.get_by_role("button", name="Show it")).to_be_focused()
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_text(SECRET).first).to_be_visible()
    site.page.get_by_role("button", name="Blur again").click()
    content = site.page.locator(".work-main")
    expect(content).to_have_attribute("inert", "")
    expect(content).to_have_css("filter", re.compile("blur"))
    site.page.get_by_role("button", name="Show it again").click()
    expect(content).not_to_have_attribute("inert", "")
    site.page.locator(".warned").get_by_role("button", name="Keep the task").click()
    site.page.get_by_role("link", name="Back to the task").click()
    expect(site.page.get_by_text(SECRET).first).to_be_visible()


def test_it_reports_a_problem_without_leaving_the_task(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.keyboard.press("1")
    site.page.get_by_role("button", name="Ask", exact=True).click()
    site.page.get_by_label("Something is wrong with this task").check()
    site.page.get_by_label("What is wrong?").select_option(label="I had this task before")
    site.page.get_by_label("In your words", exact=True).fill("Yesterday, I think.")
    site.page.get_by_role("button", name="Send").click()
    expect(site.page.locator("[data-ask-note]")).to_have_text("Sent. The answer will come to your page.")
    site.page.keyboard.press("Escape")
    expect(site.page.locator(".ranks input:checked")).to_have_count(1)
    report = Question.objects.get()
    assert (report.kind, report.reason, report.text) == ("report", "duplicate", "Yesterday, I think.")
