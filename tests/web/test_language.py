"""The language of the pages: chosen by the browser or by a button, and the strings for scripts."""

from django.test import Client

from tests.web.conftest import client_of
from tests.world import PASSWORD

ENGLISH, ARABIC = '<html lang="en" dir="ltr">', '<html lang="ar" dir="rtl">'


def test_it_is_english_unless_the_browser_asks_for_another_that_exists():
    client = Client()
    assert ENGLISH in client.get("/login/").content.decode()
    assert ENGLISH in client.get("/login/", headers={"accept-language": "tlh, de;q=0.9"}).content.decode()
    assert ARABIC in client.get("/login/", headers={"accept-language": "ar-EG, en;q=0.5"}).content.decode()


def test_it_keeps_the_chosen_language_and_shows_the_page_again():
    client = Client()
    response = client.post("/language/", {"language": "ar"}, headers={"referer": "http://testserver/login/?next=/"})
    assert response["Location"] == "http://testserver/login/?next=/"
    assert ARABIC in client.get("/login/").content.decode()
    client.post("/language/", {"language": "en"})
    assert ENGLISH in client.get("/login/", headers={"accept-language": "ar"}).content.decode()


def test_it_leads_to_no_other_host():
    response = Client().post("/language/", {"language": "ar"}, headers={"referer": "http://elsewhere.example/"})
    assert response["Location"] == "/"


def test_a_language_that_does_not_exist_changes_nothing():
    client = Client()
    client.post("/language/", {"language": "de"})
    client.post("/language/", {"language": "../ar"})
    assert ENGLISH in client.get("/login/").content.decode()


def test_it_offers_the_other_languages_on_every_page_by_their_own_names(world):
    for client, address in (
        (Client(), "/login/"),
        (client_of(world.alice), "/"),
        (client_of(world.alice), "/nowhere/"),
    ):
        page = client.get(address).content.decode()
        assert 'name="language" value="ar" lang="ar" dir="auto">العربيّة</button>' in page
        assert 'value="en"' not in page
    client.post("/language/", {"language": "ar"})
    assert 'lang="en" dir="auto">English</button>' in client.get("/").content.decode()


def test_it_gives_scripts_a_language_that_may_be_kept():
    response = Client().get("/strings/ar.js")
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert response["Cache-Control"] == "public, max-age=60"
    assert "n==2 ? 2" in response.content.decode()
    assert Client().get("/strings/ar.js", headers={"if-none-match": response["ETag"]}).status_code == 304


def test_it_says_when_there_is_no_such_language():
    response = Client().get("/strings/tlh.js")
    assert response.status_code == 404


def test_a_person_finds_their_language_on_another_device(world):
    client_of(world.alice).post("/language/", {"language": "ar"})
    elsewhere = Client()
    elsewhere.post("/login/", {"username": "alice", "password": PASSWORD})
    assert ARABIC in elsewhere.get("/").content.decode()


def test_it_says_when_a_person_chooses_a_language_that_there_is_not(world):
    client = client_of(world.alice)
    client.post("/language/", {"language": "tlh"})
    assert "There is no language &#x27;tlh&#x27; here" in client.get("/").content.decode()
