"""Live outputs (`-o`): what a run measures, once a second, in the forms that other tools read.

1. Samples are not kept one by one: a point is the sum of one second, per scenario and per name of a
   request. Names of metrics are k6's. What a point says is exact: seconds add up to the whole run.
2. The load never waits. The parent of a run reads the shared memory, with at most 2 % of a core;
   each output has a thread and a bounded queue of its own. What does not fit is dropped, counted.
3. A file that cannot be written is a failed run (exit code 121); a server that cannot be reached is
   a warning with the number of lost points. Ending takes at most `queue.LAST_S` longer.
4. Files are written as the run goes, for those who follow them; a full disk leaves whole lines.
"""
