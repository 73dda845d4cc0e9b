"""From words to what is asked: flags, their values, and the words of other tools."""
