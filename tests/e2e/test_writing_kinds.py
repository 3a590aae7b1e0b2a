"""Writing by the toolbar, prompt and answer both, revising with the changes in view, and reviewing there and back."""

from playwright.sync_api import expect

from annotate.models import Demonstration, Review
from tests.e2e.test_look import examine_everywhere
from tests.reviewing import EDITED, ORIGINAL, brief_campaign, do_next, review_campaign, revision_campaign

CHECKLIST = [{"name": "aloud", "label": "I read it aloud"}, {"name": "facts", "label": "I looked up the facts"}]


def submitted(site, n: int) -> None:
    expect(site.page.locator(".done")).to_have_text(f"{n} done today")


def test_it_formats_by_keys_and_by_the_toolbar_and_undoes(site):
    site.log_in(site.world.alice)
    site.begin("Write answers")
    text, keys = site.page.locator("#text"), site.page.keyboard
    keys.type("Blow gently")
    keys.press("Control+Shift+ArrowLeft")
    keys.press("Control+b")
    expect(text).to_have_value("Blow **gently**")
    keys.press("Control+b")  # takes the marks off again
    expect(text).to_have_value("Blow gently")
    keys.press("Control+z")
    expect(text).to_have_value("Blow **gently**")
    keys.press("Control+i")
    expect(text).to_have_value("Blow ***gently***")
    keys.press("Control+a")
    keys.press("Control+k")
    keys.type("https://a.example")
    expect(text).to_have_value("[Blow ***gently***](https://a.example)")
    keys.press("Control+a")
    keys.type("one\ntwo")
    keys.press("Control+a")
    keys.press("Shift+Tab")  # the toolbar is one stop, arrows move in it
    expect(site.page.get_by_role("button", name="Bold")).to_be_focused()
    for _ in range(5):
        keys.press("ArrowRight")
    expect(site.page.get_by_role("button", name="Numbered list")).to_be_focused()
    keys.press("Enter")
    expect(text).to_have_value("1. one\n2. two")
    expect(text).to_be_focused()
    expect(site.page.locator(".preview ol li")).to_have_count(2)
    site.page.get_by_role("button", name="Quote").click()
    expect(text).to_have_value("> 1. one\n> 2. two")


def test_it_says_how_many_words_are_missing_and_what_is_not_ticked(site):
    site.world.writing.form = {"writing": {"min_words": 3, "max_words": 5, "citations": True, "checklist": CHECKLIST}}
    site.world.writing.save()
    site.log_in(site.world.alice)
    site.begin("Write answers")
    words, keys = site.page.locator("[data-words]"), site.page.keyboard
    expect(words).to_have_text("0 words (3 to 5) · 3 words too few")
    keys.type("Blow gently")
    expect(words).to_have_text("2 words (3 to 5) · 1 word too few")
    keys.press("Control+Enter")
    expect(site.page.locator("#judgement-error")).to_have_text("The answer has 1 word too few.")
    keys.type(" and wait")
    expect(words).to_have_text("4 words (3 to 5)")
    expect(site.page.locator("[data-live]")).to_have_text("4 words (3 to 5)")
    keys.press("Control+Enter")
    expect(site.page.locator("#judgement-error")).to_contain_text("Not ticked yet: “I read it aloud”")
    keys.press("Space")
    keys.press("Tab")
    keys.press("Space")
    site.page.get_by_label("Source 1").fill("a songbook")
    site.page.get_by_role("button", name="Add a source").click()
    keys.type("https://a.example")
    keys.press("Tab")
    keys.press("Space")
    site.page.get_by_role("button", name="Submit").click()
    submitted(site, 1)
    written = Demonstration.objects.get()
    assert written.checklist == ["aloud", "facts"]
    assert written.citations == [
        {"source": "a songbook", "checked": False},
        {"source": "https://a.example", "checked": True},
    ]


def test_it_writes_a_conversation_and_its_answer(site):
    brief_campaign(site.world)
    site.log_in(site.world.alice)
    site.begin("Invent conversations")
    keys, turns = site.page.keyboard, site.page.locator("[data-turn]:visible textarea")
    keys.type("Hum something.")  # the first turn has the focus
    expect(turns).to_have_count(1)
    site.page.get_by_role("button", name="Add a turn of each").click()
    keys.type("Hmmm.")
    keys.press("Tab")
    keys.type("Louder!")
    site.page.get_by_role("button", name="Take the last two turns out").click()
    expect(turns).to_have_count(1)
    site.page.get_by_role("button", name="Add a turn of each").click()
    expect(turns.nth(2)).to_have_value("Louder!")  # what was taken out comes back
    site.page.get_by_label("The assistant’s answer").fill("HMMM.")
    expect(site.page.locator("[data-saved]")).to_contain_text("Saved")
    site.page.reload()
    site.wait_for_keys()
    expect(turns).to_have_count(3)
    site.page.get_by_label("The assistant’s answer").focus()
    keys.press("Control+Enter")
    site.page.wait_for_url("**/waiting/")
    prompt = Demonstration.objects.get().completion.prompt
    assert [message["content"] for message in prompt.messages] == ["Hum something.", "Hmmm.", "Louder!"]


def test_it_shows_what_a_revision_changes_while_it_is_written(site):
    revision_campaign(site.world)
    site.log_in(site.world.alice)
    site.begin("Improve answers")
    expect(site.page.locator("#text")).to_have_value(ORIGINAL)
    site.page.locator("#text").fill(EDITED)
    expect(site.page.locator(".diff del").first).to_have_text("and than")
    expect(site.page.locator(".diff ins").first).to_have_text("then")
    site.page.get_by_label("Preview", exact=True).check(force=True)
    expect(site.page.locator(".preview strong")).to_have_text("gently")
    site.page.keyboard.press("ArrowRight")  # on to the original
    expect(site.page.get_by_role("region", name="The original")).to_contain_text(ORIGINAL)
    site.page.locator("#text").focus()
    site.page.keyboard.press("Control+Enter")
    submitted(site, 1)
    assert Demonstration.objects.get().revision.original.text == ORIGINAL


def test_it_returns_a_demonstration_and_takes_it_back_corrected(site):
    reviewing = review_campaign(site.world, site.world.writing)
    do_next(site.world.alice, site.world.writing, text="Hum.")
    site.log_in(site.world.bob)
    site.begin("Review answers")
    keys = site.page.keyboard
    keys.press("Enter")
    expect(site.page.locator("#judgement-error")).to_have_text("Decide first: accept, edit or return.")
    keys.press("3")
    expect(site.page.get_by_label("Why? Its author reads this")).to_be_focused()
    keys.type("That is humming.")
    keys.press("Control+Enter")
    site.page.wait_for_url("**/waiting/")
    site.page.get_by_role("button", name="Log out").click()

    site.log_in(site.world.alice)
    expect(site.page.get_by_role("heading", name="1 demonstration came back to you")).to_be_visible()
    site.page.get_by_role("link", name="Correct it").click()
    expect(site.page.get_by_text("That is humming.")).to_be_visible()
    site.page.locator("#text").fill("Blow.")
    keys.press("Control+Enter")
    expect(site.page.get_by_text("Corrected.")).to_be_visible()
    site.page.get_by_role("link", name="Concord").first.click()
    expect(site.page.get_by_text("came back to you")).to_have_count(0)
    site.page.get_by_role("button", name="Log out").click()

    site.log_in(site.world.bob)
    site.begin("Review answers")
    expect(site.page.get_by_role("region", name="What was written")).to_contain_text("Blow.")
    keys.press("1")
    keys.press("Enter")
    site.page.wait_for_url("**/waiting/")
    assert list(Review.objects.order_by("pk").values_list("decision", flat=True)) == ["return", "accept"]
    assert not reviewing.tasks.filter(submitted=0, withdrawn=False).exists()


def test_it_edits_what_it_reviews(site):
    review_campaign(site.world, site.world.writing)
    do_next(site.world.alice, site.world.writing, text="Blow hard.")
    site.log_in(site.world.bob)
    site.begin("Review answers")
    keys = site.page.keyboard
    keys.press("2")
    expect(site.page.locator("#text")).to_be_focused()
    keys.press("Control+a")
    keys.type("Blow gently.")
    expect(site.page.locator(".diff ins")).to_have_text("gently")
    site.page.get_by_label("Why? Its author reads this").fill("Too loud.")
    keys.press("Control+Enter")
    site.page.wait_for_url("**/waiting/")
    assert Demonstration.objects.last().revision.original.text == "Blow hard."


def test_it_has_accessible_pages_for_writing(site):
    world = site.world
    brief_campaign(world, citations=True, checklist=CHECKLIST, min_words=20)
    revision_campaign(world)
    review_campaign(world, world.writing)
    answer = {"text": "Blow **gently**.", "reasoning": "From practice."}
    do_next(world.bob, world.writing, **answer)
    site.log_in(world.alice)
    for campaign in ("Invent conversations", "Improve answers", "Review answers"):
        site.page.goto(f"{site.url}/")
        site.begin(campaign)
        examine_everywhere(site, campaign)
    site.page.keyboard.press("2")
    site.page.locator("#text").fill("Blow softly.")
    expect(site.page.locator(".diff ins")).to_have_text("softly.")
    examine_everywhere(site, "a review that edits")
    site.page.get_by_label("Changes", exact=True).check(force=True)
    examine_everywhere(site, "its changes")
