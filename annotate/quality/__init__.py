"""Quality of judgements: agreement, expertise, bias, scores, consensus, with intervals. Importable without Django.

Each module stands alone; import what you need from it, so that nobody loads a compiler for a mean.
"""
