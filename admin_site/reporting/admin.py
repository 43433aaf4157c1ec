"""Screens of 上报设置, 就业方案, 上报批次, 报送日志 and 数据比对; each registers itself."""

from admin_site.reporting import batches, compare, plans, settings

__all__ = ["batches", "compare", "plans", "settings"]
