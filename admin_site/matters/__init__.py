"""Overview, list, review and batch of every reviewed matter; the list serves students too. Made from declarations alone.

A page of these is a module with `urls(admin) -> list[path]`, named in `admin_site.matters.admin.PAGES`.
"""
