"""The ledger: the columns of all judgements, kept up to date, so that the audit of a million judgements is a page.

The database is the truth. The ledger holds what the audit reads of it as memory-mapped arrays that all web processes
share (`store.py`), reads what is newer at every look (`source.py`), and hands out one campaign's judgements that count,
sorted as the measures want them (`live.py`, `boards.py`). It may be deleted at any time: the next look makes it anew.

What changes, and how it is noticed:
- A new judgement, or a correction: rows after the last stored key are read at every look. On PostgreSQL a lower key can
  become visible after a higher one, so a row is stored only once it is old, and keys that were skipped are looked for
  again for a day.
- A task that becomes gold, or stops being it: the few tasks that are not ordinary work are read at every look.
- The names of people, domains and guidelines: read at every look, from small tables.
- The domain of a prompt, and judgements that are gone: nothing in the product changes either. `manage.py ledger`
  compares the ledger with the database, every night by the clock, and makes it anew where they differ.
"""
