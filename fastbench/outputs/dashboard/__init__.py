"""The live dashboard (`--dashboard`): a page on this machine that follows one run.

1. Nothing listens without the flag, and with it nothing but 127.0.0.1. The path holds a random
   token; a request for another host, from a page of another origin, or that is no GET is refused.
2. The run never waits for a browser: what it tells, once a second, is handed to a thread of its
   own. A page that is slow misses steps and then gets the whole; one that is closed is forgotten.
3. What is shown are the rows of the report's series, on the report's charts. Text is data: it
   leaves as JSON, and the page puts it in as text.
4. The page is sent how the run ended before the run is over; that takes at most
   `dashboard_server.LAST_S`.
"""
