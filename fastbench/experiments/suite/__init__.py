"""Several runs in order, from one TOML file: each a fresh process of fastbench, all in one folder.

1. The file is read and every entry turned into the words of a command line before anything runs;
   relative paths in it are relative to it.
2. A run writes its own files, by its own rules. What it leaves is read back; what it does not leave
   is a row that says so. Files of an earlier suite under the same names are removed first.
3. A signal ends the run that is under way, in good order, and no other is started.
"""
