"""What the audit's pages, downloads and API show, each figure computed in one place from the ledger's columns."""
