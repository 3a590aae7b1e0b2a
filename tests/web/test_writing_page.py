"""Writing demonstrations, without any script."""

from annotate.models import Demonstration


def page_of(assignment) -> str:
    return f"/work/{assignment.pk}/"


def test_it_stores_a_demonstration_with_its_reasoning(alice, writing):
    alice.post(page_of(writing), {"text": "Purse your lips.\r\nBlow.", "reasoning": "From practice.", "seconds": "9"})
    demonstration = Demonstration.objects.get()
    assert demonstration.completion.text == "Purse your lips.\nBlow."
    assert demonstration.reasoning == "From practice."


def test_it_keeps_the_reasoning_when_the_text_is_empty(alice, writing):
    response = alice.post(page_of(writing), {"text": "  ", "reasoning": "Long thought.", "seconds": "9"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "The demonstration is empty" in page
    assert "Long thought." in page


def test_it_keeps_a_text_that_is_too_long(alice, writing):
    response = alice.post(page_of(writing), {"text": "word " * 4001, "seconds": "9"})
    assert response.status_code == 422
    assert response.content.decode().count("word word") > 1000


def test_it_restores_a_draft(alice, writing):
    alice.post(f"{page_of(writing)}draft/", {"text": "Half a", "reasoning": "", "seconds": "3"})
    assert "Half a</textarea>" in alice.get(page_of(writing)).content.decode()


def test_it_previews_markdown_safely(alice):
    shown = alice.post("/preview/", {"text": "**bold** <script>alert(1)</script>"}).content.decode()
    assert "<strong>bold</strong>" in shown
    assert "<script" not in shown
