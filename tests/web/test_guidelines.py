"""The guideline pages."""

from tests.world import add_guideline


def test_it_lists_the_newest_versions(alice, world):
    add_guideline("ranking", version=2)
    page = alice.get("/guidelines/").content.decode()
    assert "How to do ranking" in page
    assert page.count("Version 2") == 1


def test_it_shows_the_newest_version_and_any_other(alice, world):
    add_guideline("ranking", version=2)
    assert "Version 2 (this one)" in alice.get("/guidelines/ranking/").content.decode()
    old = alice.get("/guidelines/ranking/1/").content.decode()
    assert "the newest is version 2" in old
    assert "States as fact what is not so." in old


def test_it_says_when_there_is_no_such_guideline(alice):
    for address in ("/guidelines/nothing/", "/guidelines/ranking/7/"):
        response = alice.get(address)
        assert response.status_code == 404
        assert "There is no such guideline" in response.content.decode()
