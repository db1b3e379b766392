"""What the bindings of the reference runtime keep: KV namespaces, D1 databases, the storage of Durable Objects.

    files.py     one SQLite file and the one thread that works on it
    kv.py        `KvStore`, one namespace
    d1.py        `D1Database`, one database; its SQL is the guest's
    objects.py   `ObjectStorage`, all objects of one Durable Object namespace

Every store is the only owner of its file: whoever binds two Workers to one namespace gives both the same store. Public
methods are coroutines of one event loop; what they refuse, they refuse with `StorageRefused`.
"""

from harness.adapters.reference.control.storage.files import StorageRefused, database_file

__all__ = ["StorageRefused", "database_file"]
