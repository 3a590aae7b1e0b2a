"""What the product makes from its own files when it starts."""

import os

import pytest

from annotate.derived import slim_copies, slim_script, slim_style

SCRIPT = """\
// What it is for.
export function place(card) {
  // Why.
  const text = `//  ${card}  `; // kept: it shares its line

  return text;
}
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "js" / "work.js").write_text(SCRIPT)
    (tmp_path / "static" / "mark.svg").write_text("<svg>  </svg>")
    return tmp_path / "static"


def test_it_takes_comments_and_indentation_out_of_a_script():
    assert slim_script(SCRIPT) == (
        "export function place(card) {\nconst text = `//  ${card}  `; // kept: it shares its line\nreturn text;\n}\n"
    )


def test_it_takes_comments_and_spaces_out_of_a_style():
    style = """
    /* A page. */
    .page > h1, .page :is(h2, h3) { margin: 0 auto; color: light-dark(#fff, #000); }
    @media (min-width: 40rem) and (hover: hover) {
      .page::before { content: "a:  b, c"; }
    }
    """
    assert slim_style(style) == (
        ".page > h1,.page :is(h2,h3){margin:0 auto;color:light-dark(#fff,#000)}"
        '@media (min-width:40rem) and (hover:hover){.page::before{content:"a:  b, c"}}'
    )


def test_it_keeps_a_copy_of_every_file_and_of_no_other(source, tmp_path):
    target = slim_copies(source, tmp_path / "slim")
    assert (target / "mark.svg").read_text() == "<svg>  </svg>"
    (source / "js" / "work.js").rename(source / "js" / "working.js")
    slim_copies(source, tmp_path / "slim")
    assert sorted(path.name for path in target.rglob("*.*")) == ["mark.svg", "working.js"]


def test_it_renews_what_changed_even_to_something_older(source, tmp_path):
    slim_copies(source, tmp_path / "slim")
    (source / "mark.svg").write_text("<svg/>")
    os.utime(source / "mark.svg", (1, 1))
    assert (slim_copies(source, tmp_path / "slim") / "mark.svg").read_text() == "<svg/>"
