"""The usual Django way of doing the same: competent defaults of the libraries, on the same tables, data and skin.

Where a model of the project does more on `save()` than a plain one would, the stock way leaves that out: it is never made slower
than it would be elsewhere.
"""
