"""Pages of the API, bounded."""

from rest_framework.pagination import PageNumberPagination


class BoundedPagination(PageNumberPagination):
    """20 rows by default, at most 100, whatever is asked for."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
