"""Ranking four completions with a tie: by keyboard alone, and by mouse alone."""

import re

from playwright.sync_api import expect

from annotate.models import Assignment, Judgement


def stored(letters: dict[str, int]) -> dict[str, int]:
    """The ranks of the only judgement, by the letters of the page it was made on."""
    ranks = dict(Judgement.objects.get().ranked.values_list("completion_id", "rank"))
    return {letter: ranks[pk] for letter, pk in letters.items()}


def test_it_ranks_by_digits_in_five_presses(site):
    site.log_in(site.world.alice)
    expect(site.page.get_by_role("button", name="Rank answers")).to_be_focused()
    site.page.keyboard.press("Enter")
    site.wait_for_keys()
    letters = site.letters()
    task = site.page.url
    for key in "2133":
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-order]")).to_have_text("B > A > C = D")
    expect(site.page.locator("[data-live]")).to_have_text("D is 3rd, tied with C. All ranked. Enter submits.")
    site.page.keyboard.press("Enter")
    expect(site.page).not_to_have_url(task)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert stored(letters) == {"A": 2, "B": 1, "C": 3, "D": 3}
    assert Judgement.objects.get().seconds < 60


def test_it_ranks_by_letters_best_first(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    letters = site.letters()
    for key in ("c", "a", "Shift+D", "b", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert stored(letters) == {"C": 1, "A": 2, "D": 2, "B": 3}


def test_it_changes_and_undoes_ranks_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    order = site.page.locator("[data-order]")
    for key in "abcd":
        site.page.keyboard.press(key)
    expect(order).to_have_text("A > B > C > D")
    site.page.keyboard.press("a")
    site.page.keyboard.press("4")
    expect(order).to_have_text("B > C > A = D")
    site.page.keyboard.press("u")
    expect(order).to_have_text("A > B > C > D")
    for _ in range(4):
        site.page.keyboard.press("u")
    expect(order).to_be_hidden()
    site.page.keyboard.press("=")
    site.page.keyboard.press("ArrowRight")
    expect(site.page.locator("[data-current]")).to_have_attribute("data-completion", "B")


def test_it_says_what_is_missing_and_sends_nothing(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    for key in ("1", "2", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-error]")).to_have_text(
        "No rank yet for C, D. Rank every completion; equal ranks are ties."
    )
    assert not Judgement.objects.exists()


def test_it_ranks_by_mouse_alone(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    letters = site.letters()
    for letter, rank in {"A": 1, "B": 1, "C": 2, "D": 3}.items():
        card = site.page.locator(f"[data-completion={letter}]")
        card.locator(".ranks label").nth(rank - 1).click()
    site.page.locator("[data-completion=D] .flags summary").click()
    site.page.locator("[data-completion=D]").get_by_label("Hallucination").check()
    site.page.get_by_role("button", name="Submit").click()
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert stored(letters) == {"A": 1, "B": 1, "C": 2, "D": 3}
    flag = Judgement.objects.get().flags.get()
    assert (flag.completion_id, flag.name) == (letters["D"], "hallucination")


def test_it_does_not_take_typing_for_shortcuts(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.get_by_text("Add a rationale").click()
    site.page.get_by_label("Rationale").press_sequentially("a1 b2 s t u ?")
    expect(site.page.locator("[data-order]")).to_be_hidden()
    expect(site.page.get_by_label("Rationale")).to_have_value("a1 b2 s t u ?")


def test_it_lets_shortcuts_be_switched_off(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.keyboard.press("?")
    site.page.get_by_label("Use single-key shortcuts").uncheck()
    site.page.keyboard.press("Escape")
    site.page.keyboard.press("1")
    expect(site.page.locator("[data-order]")).to_be_hidden()


def test_it_restores_a_draft_after_a_reload(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    for key in "31":
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-saved]")).to_have_text(re.compile(r"Saved \d"))
    site.page.reload()
    expect(site.page.locator("[data-order]")).to_have_text("B > A")
    expect(site.page.locator("[data-saved]")).to_have_text("Draft restored")


def test_it_skips_with_a_reason_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    task = site.page.url
    site.page.keyboard.press("s")
    expect(site.page.locator("#skip-reason")).to_be_focused()
    site.page.keyboard.press("Tab")
    site.page.keyboard.type("No idea")
    site.page.keyboard.press("Enter")
    expect(site.page).not_to_have_url(task)
    skipped = Assignment.objects.get(state="skipped")
    assert skipped.skip_reason == "I do not know enough about this to judge it: No idea"


def test_it_goes_back_to_the_campaigns_when_all_is_done(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    for done in range(1, 4):
        for key in ("2", "1", "3", "4", "Enter"):
            site.page.keyboard.press(key)
        if done < 3:
            expect(site.page.locator(".done")).to_have_text(f"{done} done today")
    expect(site.page.get_by_text("You have done all there is for you")).to_be_visible()
    assert Judgement.objects.count() == 3


def test_it_ranks_without_any_script(browser, live_server, committed_world):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/login/")
    page.fill("#id_username", "alice")
    page.fill("#id_password", "correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Rank answers").click()
    for letter, rank in {"A": 1, "B": 2, "C": 2, "D": 4}.items():
        page.locator(f"[data-completion={letter}] .ranks label").nth(rank - 1).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".done")).to_have_text("1 done today")
    context.close()
    assert sorted(Judgement.objects.get().ranked.values_list("rank", flat=True)) == [1, 2, 2, 3]


def test_it_corrects_the_last_one_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    first = site.page.url
    for key in ["2", "1", "3", "4", "Enter"]:
        site.page.keyboard.press(key)
    site.page.wait_for_url(lambda url: url != first)
    site.page.get_by_role("link", name="Undo Z").click()
    site.wait_for_keys()
    letters = site.letters()
    for key in ["a", "4", "d", "1", "Enter"]:
        site.page.keyboard.press(key)
    expect(site.page.get_by_text("Corrected.")).to_be_visible()
    ranks = dict(Judgement.objects.current().get().ranked.values_list("completion_id", "rank"))
    assert (ranks[letters["A"]], ranks[letters["D"]]) == (3, 1)
