"""What the product makes from its own files when it starts."""

import gzip
import os

import pytest

from annotate.derived import compressed_copies

SCRIPT = "export const answer = 42; // the answer\n"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "js" / "work.js").write_text(SCRIPT)
    (tmp_path / "static" / "photo.png").write_bytes(b"pixels")
    return tmp_path / "static"


def names(folder):
    return sorted(path.name for path in folder.rglob("*.*"))


def test_it_keeps_a_copy_of_every_file_and_the_gzip_of_texts(source, tmp_path):
    target = compressed_copies(source, tmp_path / "compressed")
    assert names(target) == ["photo.png", "work.js", "work.js.gz"]
    assert (target / "js" / "work.js").read_text() == SCRIPT
    assert gzip.decompress((target / "js" / "work.js.gz").read_bytes()).decode() == SCRIPT


def test_it_keeps_nothing_of_a_file_that_is_gone(source, tmp_path):
    compressed_copies(source, tmp_path / "compressed")
    (source / "js" / "work.js").rename(source / "js" / "working.js")
    assert names(compressed_copies(source, tmp_path / "compressed")) == ["photo.png", "working.js", "working.js.gz"]


def test_it_renews_what_changed_even_to_something_older(source, tmp_path):
    compressed_copies(source, tmp_path / "compressed")
    (source / "js" / "work.js").write_text("export {};")
    os.utime(source / "js" / "work.js", (1, 1))
    target = compressed_copies(source, tmp_path / "compressed")
    assert gzip.decompress((target / "js" / "work.js.gz").read_bytes()) == b"export {};"


def test_browsers_get_scripts_and_styles_compressed(client):
    response = client.get("/static/css/base.css", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["Vary"]
