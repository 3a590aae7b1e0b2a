"""Completions that real models wrote."""

import gzip
import json
import time

from annotate.rendering import render_markdown
from tests.rendering.audit import Audit


def test_it_renders_real_completions_safely_and_quickly(shared_data):
    with gzip.open(shared_data / "alpacaeval-completions.jsonl.gz", "rt") as lines:
        texts = [completion["text"] for line in lines for completion in json.loads(line)["completions"]]
    assert len(texts) > 2_000
    before = time.process_time()
    rendered = [render_markdown(text) for text in texts]
    # Measured: 0.3 ms each.
    assert (time.process_time() - before) / len(texts) < 0.02
    for html in rendered:
        assert Audit(html).faults == []
        assert "Shown as plain text" not in html
