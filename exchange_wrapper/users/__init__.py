"""Who may do what: users, service tokens, sessions and the record of every change.

``roles`` is the rule, ``service`` the use cases; both servers ask them through ``http_guard`` and
``rpc_guard``. Times are arguments everywhere. Only ``local_token`` is for clients too, and it needs
nothing but the standard library.
"""
