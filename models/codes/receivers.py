"""Keeps the cached lookup right: a single save or delete invalidates it; a migrated or flushed database empties it."""

from django.db.models.signals import post_delete, post_migrate, post_save
from django.dispatch import receiver

from models.codes import cache
from models.codes.models import Code, CodeTable
from models.codes.signals import tables_changed


@receiver([post_save, post_delete], sender=Code, dispatch_uid="codes.invalidate_code")
@receiver([post_save, post_delete], sender=CodeTable, dispatch_uid="codes.invalidate_table")
def invalidate(sender, instance=None, raw=False, **kwargs):
    cache.invalidate()
    if sender is Code and not raw:
        tables_changed.send(sender=Code, tables={instance.table_id})


@receiver(post_migrate, dispatch_uid="codes.forget")
def forget(sender, **kwargs):
    if sender.label == "codes":
        cache.forget()
