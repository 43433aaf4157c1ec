"""Exports: who may take what (`order`), how it is laid out (`plan`), read (`rows`) and written (`engine`), now or in the background."""
