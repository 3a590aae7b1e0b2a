"""Django's SQLite, where writers wait in line: see base.py."""
