"""Writing a demonstration."""

from playwright.sync_api import expect

from annotate.models import Assignment, Demonstration
from tests.product import wait_until


def test_it_writes_with_a_preview_and_submits_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Write answers")
    site.page.keyboard.type("Purse your lips **gently** and blow.")  # the field has the focus
    expect(site.page.locator(".preview strong")).to_have_text("gently")
    expect(site.page.locator("[data-words]")).to_have_text("6 words")
    site.page.keyboard.press("Control+Enter")
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert Demonstration.objects.get().completion.text == "Purse your lips **gently** and blow."


def test_it_restores_an_unfinished_text(site):
    site.log_in(site.world.alice)
    site.begin("Write answers")
    site.page.keyboard.type("Half a sen")
    expect(site.page.locator("[data-saved]")).to_contain_text("Saved")
    site.page.reload()
    expect(site.page.locator("#text")).to_have_value("Half a sen")
    expect(site.page.locator(".preview")).to_have_text("Half a sen")


def test_it_saves_what_was_typed_right_before_leaving(site):
    site.log_in(site.world.alice)
    site.begin("Write answers")
    site.page.keyboard.type("Last words")
    site.page.goto(f"{site.url}/")
    draft = Assignment.objects.filter(draft__text="Last words")
    wait_until(draft.exists, within=60, what="the draft")
