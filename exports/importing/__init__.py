"""Import engine. The database-free part, in the order in which a file passes through it:

``preflight`` (may this file come in?) → ``reading`` (sheets and rows with true row numbers) → ``headers`` (which
sheet, which row is the header, which rows are data) → ``matching`` (sheet columns → template columns) →
``normalise`` (one cell → one clean value, or a ``CellError`` with a Chinese sentence).
"""
