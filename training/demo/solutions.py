"""Problems with solutions, some of them wrong, for the demo's campaign of step labels: written for Concord."""

SOLUTIONS: list[tuple[str, list[str]]] = [
    (
        "A baker makes 12 trays of rolls with 15 rolls on each. 27 rolls burn. She packs the rest into bags of 9."
        " How many bags are full?",
        [
            "Let us find out first how many rolls there are.",
            "The baker makes $12 \\times 15 = 180$ rolls.",
            "Of these, 27 burn, so $180 - 27 = 153$ rolls are left.",
            "A bag holds 9 rolls, and $153 / 9 = 16$.",
            "So 16 bags are full.",
        ],
    ),
    (
        "Write a Python function that returns the median of a list of numbers.",
        [
            "An empty list has no median, so the function refuses it.",
            "Sort a copy, so that the caller's list stays as it is:\n\n```python\ndef median(values):\n"
            '    if not values:\n        raise ValueError("no values")\n    ordered = sorted(values)\n```',
            "The index of the middle is\n\n```python\n    middle = len(ordered) // 2\n```",
            "For an odd length return the value in the middle, else the mean of the two in the middle:\n\n```python\n"
            "    if len(ordered) % 2:\n        return ordered[middle]\n"
            "    return (ordered[middle - 1] + ordered[middle]) / 2\n```",
            "So `median([1, 2, 3, 4])` is 2.5.",
        ],
    ),
    (
        "Anna has twice as many books as Ben. Together they have 36. How many has Ben?",
        [
            "Let $b$ be the number of Ben's books.",
            "Then Anna has $b + 2$ books.",
            "Together that is $2b + 2 = 36$.",
            "So $b = 17$: Ben has 17 books.",
        ],
    ),
    (
        "A train leaves at 9:40 and takes 95 minutes. When does it arrive?",
        [
            "95 minutes are 1 hour and 35 minutes.",
            "9:40 plus 1 hour is 10:40.",
            "10:40 plus 20 minutes is 11:00, and 15 of the 35 minutes are left.",
            "So the train arrives at 11:15.",
        ],
    ),
    (
        "What is the derivative of $f(x) = x^2 e^x$ at $x = 1$?",
        [
            "This is a product, so $f' = u'v + uv'$ with $u = x^2$ and $v = e^x$.",
            "The two derivatives are $u' = 2x$ and $v' = e^x$.",
            "Therefore\n\n$$f'(x) = 2x e^x + x^2 e^x = (2x + x^2) e^x$$",
            "At $x = 1$ that is $(2 + 1) e = 3e$, about 8.15.",
        ],
    ),
]
