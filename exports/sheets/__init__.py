"""Writing workbooks: ``writer`` (bulk .xlsx and .csv), ``templates`` (to fill in), ``errors`` (wrong rows to correct)."""
