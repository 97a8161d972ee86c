"""The routes, one file per part of the wire: read the request, call the rules, ring the bell."""
