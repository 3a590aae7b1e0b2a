"""The way in, by keyboard. Every other test in the browser is in already."""

from playwright.sync_api import expect

from tests.world import PASSWORD


def test_it_logs_in_by_keyboard_and_leads_to_the_work(site):
    site.page.goto(f"{site.url}/login/")
    expect(site.page.get_by_label("Username")).to_be_focused()
    site.page.keyboard.type("alice")
    site.page.keyboard.press("Tab")
    site.page.keyboard.type(PASSWORD)
    site.page.keyboard.press("Enter")
    site.page.wait_for_url(f"{site.url}/")
    expect(site.page.get_by_role("button", name="Rank answers")).to_be_visible()
