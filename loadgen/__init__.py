"""What the promises cost: cold starts, warm latency and the price of a call, driven by Locust.

The orchestrator (`bench`, `command`) starts runtimes through the harness and stays free of Locust, whose import
monkey-patches a process. The load itself runs in a process of its own (`drive`, `users`), told what to do and asked
what it saw in the words of `messages`.
"""
