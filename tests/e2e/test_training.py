"""The training pages in a browser: alive while something runs."""

from playwright.sync_api import expect

from tests.e2e.walk import night
from training.models import Run

__all__ = ["night"]


def test_it_draws_the_metrics_in_the_chosen_theme(site, night):
    site.page.emulate_media(color_scheme="dark")
    site.log_in(site.world.carol)
    site.page.goto(f"{site.url}/training/runs/{night.dpo.pk}/")
    shown = site.page.locator("img.chart:visible")
    expect(shown).to_have_count(1)
    assert "loss-dark.svg" in shown.get_attribute("src")
    shown.scroll_into_view_if_needed()
    site.page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=shown.element_handle())


def test_it_shows_progress_without_a_reload(site, night):
    run = Run.objects.filter(pk=night.dpo.pk)
    run.update(state="running", ended_at=None, progress=0.25, message="step 5 of 20")
    site.log_in(site.world.carol)
    site.page.goto(f"{site.url}/training/runs/{night.dpo.pk}/")
    expect(site.page.get_by_text("step 5 of 20")).to_be_visible()
    run.update(progress=0.5, message="step 10 of 20")
    expect(site.page.get_by_text("step 10 of 20")).to_be_visible()
    run.update(state="done", progress=1, message="")
    expect(site.page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_it_cancels_by_keyboard(site, night):
    Run.objects.filter(pk=night.dpo.pk).update(state="running", ended_at=None)
    site.log_in(site.world.carol)
    site.page.goto(f"{site.url}/training/runs/{night.dpo.pk}/")
    site.page.get_by_role("button", name="Cancel").focus()
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_role("button", name="Cancelling")).to_be_disabled()
    assert Run.objects.get(pk=night.dpo.pk).cancel_requested_at is not None
