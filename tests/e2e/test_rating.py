"""Rating, flags, marked passages and what they mean: by keys, by mouse, by touch, without script."""

import time
from random import Random

from playwright.sync_api import Page, expect

from annotate.models import Completion, Judgement
from annotate.passages import runs_of
from tests.e2e.test_look import examine_everywhere
from tests.rating import ANSWERS, add_rating_campaign
from tests.rendering.passages import known_place, random_passages

SELECT = """([letter, start, length]) => {
  const view = document.querySelector(`[data-completion=${letter}] .prose`);
  const walker = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
  const range = new Range();
  let at = 0;
  for (let node = walker.nextNode(); node; at += node.length, node = walker.nextNode()) {
    if (start >= at && start < at + node.length) range.setStart(node, start - at);
    if (start + length > at && start + length <= at + node.length) range.setEnd(node, start + length - at);
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


def letters(page: Page) -> dict[str, int]:
    """Which completion each letter stands for."""
    cards = page.eval_on_selector_all(
        "[data-completion]",
        "cards => cards.map(card => [card.dataset.completion, card.querySelector('[type=checkbox]').name])",
    )
    return {letter: int(name.removeprefix("flag-")) for letter, name in cards}


def letter_of(page: Page, answer: str) -> str:
    """The letter under which this answer is shown."""
    shown = letters(page)
    pk = Completion.objects.get(text=answer, pk__in=shown.values()).pk
    return next(letter for letter, completion in shown.items() if completion == pk)


def judgement() -> Judgement:
    """The only judgement, as soon as the server has stored it: the page goes on before."""
    for _ in range(50):
        if found := Judgement.objects.first():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing was stored within five seconds")


def begin(site, **options) -> dict[str, int]:
    add_rating_campaign(site.world, **options)
    site.log_in(site.world.alice)
    site.begin("Rate them")
    return letters(site.page)


def test_it_rates_two_completions_by_digits_alone(site):
    shown = begin(site)
    task = site.page.url
    for key in "765123":
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-left]")).to_have_text("All rated. Enter submits.")
    site.page.keyboard.press("Enter")
    expect(site.page).not_to_have_url(task)
    values = {(r.completion_id, r.axis): r.value for r in judgement().ratings.all()}
    assert [values[shown["A"], axis] for axis in ("helpful", "truthful", "harmless")] == [7, 6, 5]
    assert [values[shown["B"], axis] for axis in ("helpful", "truthful", "harmless")] == [1, 2, 3]


def test_it_names_what_is_missing_by_letter_and_question_and_goes_there(site):
    begin(site)
    for key in ("7", "ArrowDown", "b", "4", "u", "4", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-error]")).to_have_text(
        "No value yet for A: Truthful, Harmless; B: Truthful, Harmless."
    )
    expect(site.page.locator("[data-completion=A] .axis[data-missing]")).to_have_count(2)
    expect(site.page.locator(".axis[data-current]")).to_have_attribute("data-label", "Truthful")
    assert not Judgement.objects.exists()


def test_it_shows_the_guideline_text_of_a_control_on_focus_and_under_the_pointer(site):
    begin(site)
    card = site.page.locator("[data-completion=A]")
    line = card.locator("[data-help]")
    expect(line).to_have_text("Helpful Does it do what the person needs? 1: useless. 7: does it all.")
    height = card.bounding_box()["height"]
    card.get_by_role("group", name="Truthful").get_by_role("radio", name="1").focus()
    expect(line).to_have_text("Truthful 1: Wrong at its core, stated with confidence")
    card.locator(".axis label").nth(2).hover()
    expect(line).to_have_text("Helpful 3: Touches the subject; little that can be used")
    site.page.keyboard.press("Escape")
    expect(line).to_have_text("")
    assert card.bounding_box()["height"] == height
    site.page.keyboard.press("w")
    expect(line).to_contain_text("Fails to follow the instruction: Does another task")
    radio = card.get_by_role("group", name="Harmless").get_by_role("radio", name="7")
    expect(radio).to_have_accessible_description("Nothing to object to, including a difficult subject handled well")


def test_it_sets_flags_by_letters_and_behaviour_by_one_key_beside_a_ranking(site):
    form = {"axes": "hp5", "flags": "instruct", "behaviour": True}
    shown = begin(site, kind="ranking", form=form, answers=["One.", "Two.", "Three."])
    card = site.page.locator("[data-completion=A]")
    for key in ("k", "w", "b", "o", "b", "Escape"):
        site.page.keyboard.press(key)
    expect(card.locator("[data-flag-count]")).to_have_text("1 set")
    for key in ("1", "2", "2", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator("[data-error]")).to_contain_text("No value yet for A: Helpfulness, Presentation; B:")
    site.page.keyboard.press("v")
    for key in "543215":
        site.page.keyboard.press(key)
    site.page.keyboard.press("Control+Enter")
    expect(site.page.locator(".done")).to_have_text("1 done today")
    stored = judgement()
    assert stored.behaviour == "careful"
    assert [flag.name for flag in stored.flags.all()] == ["private_data"]
    assert sorted(stored.ratings.values_list("value", flat=True)) == [1, 2, 3, 4, 5, 5]
    assert stored.ranked.get(completion=shown["A"]).rank == 1


def test_it_marks_what_the_mouse_selects_and_finds_it_in_the_source(site):
    begin(site)
    letter = letter_of(site.page, ANSWERS[0])
    shown = site.page.locator(f"[data-completion={letter}] .prose").text_content()
    quote = "made of air"
    site.page.evaluate(SELECT, [letter, shown.index(quote), len(quote)])
    site.page.mouse.move(600, 10)
    site.page.mouse.up()  # the end of a drag
    marker = site.page.locator("#marker")
    expect(marker.locator("[data-quote]")).to_have_text(quote)
    marker.get_by_role("radio", name="Untrue").check()
    marker.get_by_role("radio", name="Critical").check()
    marker.get_by_label("Note").fill("Mostly nitrogen")
    site.page.keyboard.press("Enter")
    expect(marker).to_be_hidden()
    item = site.page.locator(f"[data-completion={letter}] [data-passages] li")
    expect(item).to_contain_text("Untrue · Critical")
    expect(site.page.locator("[data-saved]")).to_contain_text("Saved")
    site.page.reload()
    site.wait_for_keys()
    assert site.page.evaluate("CSS.highlights.get('span-critical').values().next().value.toString()") == quote
    item.locator("[data-edit]").click()
    marker.get_by_role("button", name="End a word later").click()
    site.page.get_by_role("button", name="Mark it").click()
    for key in ("a", *"777", "b", *"777", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    span = judgement().spans.get()
    assert (span.type, span.severity, span.note) == ("untrue", "critical", "Mostly nitrogen")
    assert ANSWERS[0][span.start : span.end] == "made of [air](https://air.example/blue) and"


def test_it_marks_a_passage_by_keys_alone(site):
    shown = begin(site, answers=["One is here. Two is 😀 there! Three.", "Nothing."])
    letter = letter_of(site.page, "One is here. Two is 😀 there! Three.")
    for key in (letter.lower(), "m", "ArrowRight", "Shift+ArrowLeft", "ArrowDown", "3", "Enter"):
        site.page.keyboard.press(key)
    for key in (*"777", *"777", "Enter"):
        site.page.keyboard.press(key)
    expect(site.page.locator(".done")).to_have_text("1 done today")
    span = judgement().spans.get()
    assert (span.completion_id, span.type, span.severity) == (shown[letter], "contradiction", "major")
    assert "One is here. Two is 😀 there! Three."[span.start : span.end] == "is 😀"


def test_it_looks_passages_up_as_the_server_aligned_them(site):
    begin(site)
    text = "\n\n".join(
        [*ANSWERS, "```python\nprint('blue')\n```", "1. one\n2. **two** words", "> a *quoted* line 😀 end"]
    )
    cases = [(place, known_place(text, *place)) for place in random_passages(text, Random(1), 200)]
    cases = [(place, known) for place, known in cases if known]
    assert len(cases) > 100
    found = site.page.evaluate(
        """async ([runs, places]) => {
          const { PAGE, TEXT, across } = await import("/static/js/passages.js");
          return places.map(([source, shown]) => [across(runs, ...shown, PAGE), across(runs, ...source, TEXT)]);
        }""",
        [[list(run) for run in runs_of(text)], cases],
    )
    assert [(tuple(source), tuple(shown)) for source, shown in found] == cases


def test_it_rates_without_any_script(browser, address, committed_world):
    add_rating_campaign(committed_world, form={"axes": "hp5", "flags": ["hallucination"]})
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/login/")
    page.fill("#id_username", "alice")
    page.fill("#id_password", "correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Rate them").click()
    page.locator("[data-completion=A] .axis").nth(0).locator("label").nth(4).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("[data-error]")).to_have_text("No value yet for A: Presentation; B: Helpfulness, Presentation.")
    for letter, number in (("A", 1), ("B", 0), ("B", 1)):
        page.locator(f"[data-completion={letter}] .axis").nth(number).locator("label").nth(2).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".done")).to_have_text("1 done today")
    context.close()
    assert sorted(judgement().ratings.values_list("value", flat=True)) == [3, 3, 3, 5]


def test_it_is_accessible_in_both_themes(site):
    begin(
        site, form={"axes": "hp5", "flags": "instruct", "spans": "errors", "behaviour": True, "rationale": "required"}
    )
    site.page.locator(".flags summary").first.click()
    site.page.locator("[data-mark]").last.click()
    examine_everywhere(site, "marking")
    site.page.keyboard.press("Escape")
    site.page.keyboard.press("Enter")
    examine_everywhere(site, "rating with an error")
