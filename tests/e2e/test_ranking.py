"""Ranking four completions with a tie: by keyboard alone, and by mouse alone."""

import re
import time

from playwright.sync_api import expect

from annotate.models import Assignment, Judgement
from annotate.services.campaigns import create_campaign
from tests.world import add_ranking_task


def judgement() -> Judgement:
    """The only judgement, as soon as it has arrived: the page goes on before."""
    for _ in range(100):
        if Judgement.objects.exists():
            break
        time.sleep(0.05)
    return Judgement.objects.get()


def stored(letters: dict[str, int]) -> dict[str, int]:
    """The ranks of the only judgement, by the letters of the page it was made on."""
    ranks = dict(judgement().ranked.values_list("completion_id", "rank"))
    return {letter: ranks[pk] for letter, pk in letters.items()}


def pressed_keys(site):
    """Starts counting key presses; call the result for how many there were, the page's change notwithstanding."""
    seen: list[str] = []
    site.page.expose_function("countKey", lambda key: seen.append(key))
    site.page.evaluate("document.addEventListener('keydown', (event) => countKey(event.key), true)")
    return lambda: len(seen)


def test_it_ranks_four_with_a_tie_in_five_presses(site):
    site.log_in(site.world.alice)
    expect(site.page.get_by_role("button", name="Start working")).to_be_focused()
    site.page.keyboard.press("Enter")
    site.wait_for_keys()
    letters, presses = site.letters(), pressed_keys(site)
    task = site.page.url
    for key in "2133":
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-order]")).to_have_text("B > A > C = D")
    expect(site.page.locator("[data-live]")).to_have_text("D is 3rd, tied with C. All ranked. Enter submits.")
    site.page.keyboard.press("Enter")
    expect(site.page).not_to_have_url(task)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    assert stored(letters) == {"A": 2, "B": 1, "C": 3, "D": 3}
    assert presses() == 5
    assert judgement().seconds < 60


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
    flag = judgement().flags.get()
    assert (flag.completion_id, flag.name) == (letters["D"], "hallucination")


def test_it_does_not_take_typing_for_shortcuts(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.get_by_text("Add a rationale").click()
    site.page.get_by_label("Rationale").press_sequentially("a1 b2 s t u ?")
    expect(site.page.locator("[data-order]")).to_be_hidden()
    expect(site.page.get_by_label("Rationale")).to_have_value("a1 b2 s t u ?")


def test_it_lets_each_key_be_changed_and_all_be_switched_off(site, complaints):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    note = site.page.locator("[data-shortcuts-note]")
    site.page.keyboard.press("?")
    undo = site.page.get_by_role("button", name="Change the key for: Undo.")
    undo.click()
    site.page.keyboard.press("t")
    expect(note).to_contain_text("“T” is already the key for “Show or hide the guideline text”.")
    complaints.clear()  # the browser names each refusal
    undo.click()
    site.page.keyboard.press("q")
    expect(note).to_have_text("Saved.")
    site.page.reload()
    site.wait_for_keys()
    expect(site.page.get_by_role("button", name="Undo")).to_contain_text("Q")
    for key in ("2", "1", "u", "q"):
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-order]")).to_have_text("A")
    site.page.keyboard.press("?")
    site.page.get_by_label("Use single-key shortcuts").uncheck()
    expect(note).to_have_text("Saved.")
    site.page.keyboard.press("Escape")
    site.page.keyboard.press("1")
    expect(site.page.locator("[data-order]")).to_have_text("A")


def test_it_asks_once_whether_the_order_as_shown_is_meant(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    for key in ("1", "2", "3", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-error]")).to_contain_text("exactly the order in which they were shown")
    assert not Judgement.objects.exists()
    site.page.keyboard.press("Enter")
    expect(site.page.locator(".done")).to_have_text("1 done today")


def test_it_takes_a_verdict_with_its_reason_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    site.page.keyboard.press("x")
    expect(site.page.get_by_label("Why?").and_(site.page.locator("#reason"))).to_be_focused()
    site.page.keyboard.press("Enter")
    expect(site.page.locator("[data-error]")).to_have_text("Say in a few words why; the admins read it.")
    site.page.keyboard.type("The prompt asks for nothing.")
    site.page.keyboard.press("Escape")
    expect(site.page.locator("[data-verdict]")).to_have_text("Cannot rank: The prompt asks for nothing.")
    site.page.keyboard.press("Enter")
    expect(site.page.locator(".done")).to_have_text("1 done today")
    made = judgement()
    assert (made.verdict, made.reason) == ("cannot_rank", "The prompt asks for nothing.")
    assert not made.ranked.exists()


def test_it_scrolls_columns_together_and_shows_the_source_text(site):
    world = site.world
    campaign = create_campaign(slug="long", name="Long ones", kind="ranking", guideline_slug="ranking", by=world.carol)
    answers = [f"Answer {letter}, **at length**.\n\n" + "word " * (600 + 900 * n) for n, letter in enumerate("abcd")]
    add_ranking_task(campaign, question="What is long?", answers=answers, by=world.carol)
    site.log_in(world.alice)
    site.begin("Long ones")
    assert site.page.evaluate("document.documentElement.scrollHeight") == 900
    site.page.keyboard.press("y")
    site.page.keyboard.press("PageDown")
    shares = "texts => texts.map(text => text.scrollTop / (text.scrollHeight - text.clientHeight))"
    site.page.wait_for_function(f"() => ({shares})([...document.querySelectorAll('.text')])[3] > 0.01")
    found = site.page.eval_on_selector_all(".text", shares)
    assert max(found) - min(found) < 0.005
    site.page.keyboard.press("r")
    expect(site.page.locator("[data-completion=A] .prose")).to_be_hidden()
    expect(site.page.locator("[data-completion=A] .raw")).to_contain_text("**at length**")


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
    with site.page.expect_response(f"{task}skip/"):
        site.page.keyboard.press("Enter")
    expect(site.page).not_to_have_url(task)
    skipped = Assignment.objects.get(state="skipped")
    assert skipped.skip_reason == "I do not know enough about this to judge it: No idea"


def test_it_says_why_there_is_nothing_more_and_leads_on(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    for done in range(1, 3):
        before = site.page.url
        for key in ("2", "1", "3", "4", "Enter"):
            site.page.keyboard.press(key)
        site.page.wait_for_url(lambda url, before=before: url != before)
        expect(site.page.locator(".done")).to_have_text(f"{done} done today")
    site.wait_for_keys()
    sent = []
    site.page.route("**/work/*/", lambda route: sent.append(route))
    for key in ("2", "1", "3", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.get_by_text("Waiting for the server…")).to_be_visible()
    site.page.keyboard.press("Enter")  # again, while it is on its way
    sent[0].continue_()
    expect(site.page.get_by_text("You have done all there is for you")).to_be_visible()
    assert len(sent) == 1
    assert Judgement.objects.count() == 3


def test_it_ranks_without_any_script(browser, address, committed_world):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/login/")
    page.fill("#id_username", "alice")
    page.fill("#id_password", "correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Rank answers").click()
    for letter, rank in {"A": 1, "B": 2, "C": 2, "D": 4}.items():
        page.locator(f"[data-completion={letter}] .ranks label").nth(rank - 1).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".done")).to_have_text("1 done today")
    context.close()
    assert sorted(judgement().ranked.values_list("rank", flat=True)) == [1, 2, 2, 3]


def test_it_corrects_the_last_one_by_keyboard(site):
    site.log_in(site.world.alice)
    site.begin("Rank answers")
    first = site.page.url
    for key in ["2", "1", "3", "4", "Enter"]:
        site.page.keyboard.press(key)
    site.page.wait_for_url(lambda url: url != first)
    site.page.get_by_role("link", name="Undo").click()
    site.page.wait_for_url("**/correct/")
    site.wait_for_keys()
    letters = site.letters()
    for key in ["a", "4", "d", "1", "Enter"]:
        site.page.keyboard.press(key)
    expect(site.page.get_by_text("Corrected.")).to_be_visible()
    ranks = dict(Judgement.objects.current().get().ranked.values_list("completion_id", "rank"))
    assert (ranks[letters["A"]], ranks[letters["D"]]) == (3, 1)
