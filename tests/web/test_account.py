"""Logging in and out."""

from django.test import Client

from tests.world import PASSWORD


def test_it_sends_a_stranger_to_the_login(world):
    response = Client().get("/")
    assert response.status_code == 302
    assert response.url == "/login/?next=/"


def test_it_logs_in_and_opens_the_work(world):
    response = Client().post("/login/", {"username": "alice", "password": PASSWORD}, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Hello, Alice" in response.content.decode()


def test_it_says_that_the_password_is_wrong_and_keeps_the_name(world):
    response = Client().post("/login/", {"username": "alice", "password": "wrong"})
    page = response.content.decode()
    assert "Please enter a correct username and password" in page
    assert 'value="alice"' in page


def test_it_closes_the_login_after_ten_wrong_passwords_with_a_sentence(world):
    client = Client()
    for _ in range(9):
        assert client.post("/login/", {"username": "bob", "password": "wrong"}).status_code == 200
    response = client.post("/login/", {"username": "bob", "password": "wrong"})
    assert response.status_code == 429
    assert "There were 10 wrong passwords" in response.content.decode()


def test_it_loads_the_login_as_a_page_when_htmx_finds_the_session_gone(world):
    response = Client().get("/login/?next=/", headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == "/login/?next=/"


def test_it_logs_out_by_post_only(alice):
    assert alice.get("/logout/").status_code == 405
    assert alice.post("/logout/").url == "/login/"
    assert alice.get("/").status_code == 302
