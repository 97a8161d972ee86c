"""Where the heavy work of a run is done: in this process, in others, or on a Ray cluster.

Multiplying points and hashing to the group need nothing but bytes, and each row of an array is its
own problem. So an array is cut into shares, workers compute them (`computing.py`), and the results
are put together in order: the same bytes, wherever they were computed. The secret scalar of a run
and the hashes of people's identifiers go to the workers, so these belong to the party as the node.
"""
