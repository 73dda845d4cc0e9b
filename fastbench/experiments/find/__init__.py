"""The highest rate that holds an objective: `objective` judges a run, `search` says what to
measure next, `search_loop` measures, `find_document` is what was found.
"""
