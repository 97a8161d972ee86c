"""What runs between the parties: pure computations from bytes and records to bytes and records.

Nothing here opens a socket, a file or a database, asks a clock or draws randomness of its own:
time, randomness and stored chunks are arguments. Start reading at `session.py`.
"""
