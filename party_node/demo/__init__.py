"""The demonstration: two organisations, three processes, real data, and the plain answer to
compare with.
"""
