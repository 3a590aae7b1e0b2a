"""The kernel stays pure: the web process imports it on every start."""

import subprocess
import sys


def test_it_imports_neither_django_nor_anything_slow():
    code = (
        "import sys, annotate.quality, annotate.rankings, annotate.quality.gold_accuracy;"
        "print([name for name in ('django', 'numba', 'scipy.stats', 'pandas', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
