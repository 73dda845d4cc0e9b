"""The highest rate that holds an objective: `objective` judges a run, `search` says what to
measure next, `course` measures, `document` is what was found.
"""
